"""P(loss > threshold) at several thresholds, with intervals that hold at all of them together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.measures import TailMeasure, VaR
from qmc.problem import Goal, Problem
from qmc.result import Cost, Covers, Interval, Kind, Status
from qmc.rng import RNGLike


@dataclass(frozen=True, slots=True, kw_only=True)
class TailPoints:
    """What an engine found of a loss's tail.

    Attributes:
        thresholds: losses, increasing, (m,).
        values: estimates of P(loss > threshold), (m,).
        lows, highs: of their intervals, (m,), all of which hold together at the confidence.
        confidence: of all intervals together.
        kind: what stands behind them, as of a line of the budget.
        covers: "continuous" or "discretised".
        status: how the solve ended.
        note: how the intervals were found.
        cost: of all thresholds together.
    """

    thresholds: tuple[float, ...]
    values: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    confidence: float
    kind: Kind
    covers: Covers
    status: Status
    note: str
    cost: Cost

    def __post_init__(self) -> None:
        """Refuse points that are not as many, out of order, or outside their intervals."""
        sizes = {name: len(getattr(self, name)) for name in _COLUMNS}
        if len(set(sizes.values())) != 1 or not self.thresholds:
            raise checks.refuse("TailPoints", sizes, "as many of each, one a threshold")
        require_increasing(self.thresholds)
        if not all(
            0.0 <= low <= value <= high <= 1.0
            for low, value, high in zip(self.lows, self.values, self.highs, strict=True)
        ):
            msg = "TailPoints: each value must lie in its interval, and that in [0, 1]"
            raise InvalidProblem(msg)

    def interval(self, place: int) -> Interval:
        """Of one threshold; its confidence is that of all together."""
        return Interval(self.lows[place], self.highs[place], self.confidence)


# by which a grid places its edges where nothing else is asked
_LEVEL = 0.99
_COLUMNS = ("thresholds", "values", "lows", "highs")


def require_increasing(thresholds: Sequence[float]) -> tuple[float, ...]:
    """Finite losses, each above the one before.

    Raises:
        InvalidProblem: for anything else.
    """
    given = checks.vector("thresholds", thresholds)
    if any(second <= first for first, second in itertools.pairwise(given)):
        raise checks.refuse("thresholds", given, "increasing losses", "sort them, each once")
    return given


def falling(
    values: Sequence[float], intervals: Sequence[Interval]
) -> tuple[tuple[float, ...], tuple[Interval, ...]]:
    """Made to fall with the threshold, as tails do; intervals that hold together still do.

    P(loss > x) is at least every lower end further out and at most every upper end before.
    Intervals that contradict each other, so that some miss, are left as they are.
    """
    lows = np.maximum.accumulate([one.low for one in intervals][::-1])[::-1]
    highs = np.minimum.accumulate([one.high for one in intervals])
    if bool(np.any(lows > highs)):
        return tuple(values), tuple(intervals)
    inside = np.minimum.accumulate(np.clip(values, lows, highs))
    narrowed = (
        replace(one, low=float(low), high=float(high))
        for one, low, high in zip(intervals, lows, highs, strict=True)
    )
    return tuple(inside.tolist()), tuple(narrowed)


def of_loss(problem: Problem) -> Problem:
    """The problem with a measure of the loss's tail, its own or else a VaR's."""
    if isinstance(problem.measure, TailMeasure):
        return problem
    return replace(problem, measure=VaR(level=_LEVEL))


@runtime_checkable
class SupportsExceedance(Protocol):
    """An engine that finds the tail at several thresholds at once."""

    def tail_points(
        self,
        problem: Problem,
        goal: Goal,
        thresholds: Sequence[float] | None = None,
        *,
        rng: RNGLike = None,
    ) -> TailPoints:
        """P(loss > threshold) to a goal in units of probability."""
        ...
