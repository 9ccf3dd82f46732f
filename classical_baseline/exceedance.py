"""The tail of a sample of losses at many thresholds at once."""

from __future__ import annotations

import math

import numpy as np

from classical_baseline.sampling import Sampler
from qmc import memory
from qmc.errors import InvalidProblem
from qmc.problem import Array
from qmc.result import Cost, status_for
from qmc.tail_points import TailPoints

_THRESHOLDS = 31
# of these, how many lie below the median, and how many where the band reaches down to 0
_BELOW_MEDIAN, _UNTOLD = 5, 6


def dkw_half_width(count: int, confidence: float) -> float:
    """Half-width of the band about an empirical distribution that holds at every x together.

    P(sup |F_n - F| > w) <= 2 exp(-2 n w^2) for every law: Massart (1990,
    doi:10.1214/aop/1176990746, corollary 1).

    >>> round(dkw_half_width(10_000, 0.95), 5)
    0.01358
    """
    return math.sqrt(math.log(2.0 / (1.0 - confidence)) / (2.0 * count))


def sampled_tail(sampler: Sampler, thresholds: tuple[float, ...] | None) -> TailPoints:
    """Shares of the losses beyond thresholds, by default `tail_thresholds` of the sample itself.

    The band holds at every x together, so it holds at thresholds that the sample chose.

    Raises:
        InvalidProblem: for a relative tolerance, which no sample meets at every threshold.
    """
    goal = sampler.goal
    count, capped = _paths(sampler)
    memory.require(32.0 * count, f"a sample of {count:,} losses", "lower queries=")
    nothing: list[Array] = []
    losses, drawn = sampler.collect(count, lambda part: part, _appended, nothing)
    ordered = np.sort(np.concatenate(losses))
    half_width = dkw_half_width(drawn, goal.confidence)
    if thresholds is None:
        thresholds = tail_thresholds(ordered, half_width)
    beyond = 1.0 - np.searchsorted(ordered, thresholds, side="right") / drawn
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


def tail_thresholds(ordered: Array, half_width: float) -> tuple[float, ...]:
    """Losses of a sample, increasing and distinct, most of them where a band tells the tail from 0.

    All losses where no more than 31 differ. Else those beyond which lie given numbers of the n
    losses: 5 evenly spaced between all and half, 20 geometrically from half down to n half_width,
    6 from there to the number of those that equal the largest. Half is what lies beyond the
    median, an atom's own losses left out. Where half the losses and more equal the largest, all 31
    are spaced geometrically above their number. Numbers that fall on one atom give one threshold.

    Args:
        ordered: losses (n,), increasing.
        half_width: of the band, a probability.

    >>> len(tail_thresholds(np.arange(1000.0), 0.05)), tail_thresholds(np.zeros(50), 0.05)
    (31, (0.0,))
    """
    count = ordered.size
    first = np.concatenate([[True], ordered[1:] > ordered[:-1]])
    if np.count_nonzero(first) <= _THRESHOLDS:
        return tuple(ordered[first].tolist())
    half = _beyond(ordered, ordered[(count - 1) // 2])
    last = count - int(np.searchsorted(ordered, ordered[-1], side="left"))
    if half <= last:
        numbers = np.geomspace(count - 1, last, _THRESHOLDS)
    else:
        told = min(max(half_width * count, last), half)
        middle = np.geomspace(half, told, _THRESHOLDS - _BELOW_MEDIAN - _UNTOLD)
        below = np.linspace(count, half, _BELOW_MEDIAN + 2)[1:-1]
        numbers = np.concatenate([below, middle, np.geomspace(told, last, _UNTOLD + 1)[1:]])
    places = count - 1 - np.rint(numbers).astype(np.intp)
    return tuple(np.unique(ordered[places]).tolist())


def _beyond(ordered: Array, threshold: float) -> int:
    """How many losses lie above."""
    return ordered.size - int(np.searchsorted(ordered, threshold, side="right"))
