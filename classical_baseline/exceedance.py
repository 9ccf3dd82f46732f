"""The tail of a sample of losses at many thresholds at once."""

from __future__ import annotations

import math

import numpy as np

from classical_baseline.sampling import Sampler
from qmc import memory
from qmc.errors import InvalidProblem
from qmc.problem import Array
from qmc.result import Cost, status_for
from qmc.tail_points import TailPoints, require_increasing

_THRESHOLDS = 31


def dkw_half_width(count: int, confidence: float) -> float:
    """Half-width of the band about an empirical distribution that holds at every x together.

    P(sup |F_n - F| > w) <= 2 exp(-2 n w^2) for every law: Massart (1990,
    doi:10.1214/aop/1176990746, corollary 1).

    >>> round(dkw_half_width(10_000, 0.95), 5)
    0.01358
    """
    return math.sqrt(math.log(2.0 / (1.0 - confidence)) / (2.0 * count))


def sampled_tail(sampler: Sampler, thresholds: tuple[float, ...] | None) -> TailPoints:
    """Shares of the losses beyond thresholds, by default of equal width on the sample's range.

    Raises:
        InvalidProblem: for a relative tolerance, which no sample meets at every threshold.
    """
    goal = sampler.goal
    count, capped = _paths(sampler)
    memory.require(32.0 * count, f"a sample of {count:,} losses", "lower queries=")
    nothing: list[Array] = []
    losses, drawn = sampler.collect(count, lambda part: part, _appended, nothing)
    ordered = np.sort(np.concatenate(losses))
    if thresholds is None:
        thresholds = _equal_widths(ordered)
    beyond = 1.0 - np.searchsorted(ordered, thresholds, side="right") / drawn
    half_width = dkw_half_width(drawn, goal.confidence)
    status = status_for(goal, 1.0, half_width, spent=capped)
    return TailPoints(
        thresholds=thresholds,
        values=tuple(beyond.tolist()),
        lows=tuple(np.maximum(beyond - half_width, 0.0).tolist()),
        highs=tuple(np.minimum(beyond + half_width, 1.0).tolist()),
        confidence=goal.confidence,
        kind="sampling",
        covers="continuous",
        status="interrupted" if sampler.interrupted else status,
        note=f"band of Dvoretzky, Kiefer, Wolfowitz and Massart, {drawn:,} paths",
        cost=Cost(),
    )


def _paths(sampler: Sampler) -> tuple[int, bool]:
    """How many, and whether the goal asks for more."""
    goal = sampler.goal
    if goal.relative_tolerance is not None:
        msg = (
            f"relative_tolerance={goal.relative_tolerance:g}: a sample's band has one half-width "
            "at every threshold; give tolerance= in units of probability, or queries="
        )
        raise InvalidProblem(msg)
    if goal.tolerance is None:
        return sampler.left(), False
    needed = math.log(2.0 / (1.0 - goal.confidence)) / (2.0 * goal.tolerance**2)
    return min(math.ceil(needed), sampler.left()), needed > sampler.left()


def _appended(done: list[Array], part: Array) -> list[Array]:
    return [*done, part]


def _equal_widths(ordered: Array) -> tuple[float, ...]:
    low, high = float(ordered[0]), float(ordered[-1])
    if low == high:
        return (low,)
    return require_increasing(np.linspace(low, high, _THRESHOLDS + 2)[1:-1].tolist())
