"""Where a quantile lies: two edges, and what is known of the tails beyond edges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from qmc.problem import Array, Goal
from qmc.result import BudgetLine, Interval, Status, status_for

_CERTAIN, _IMPOSSIBLE = Interval(1.0, 1.0), Interval(0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """edges[low] < VaR <= edges[high], by a search that spent an error probability of its own.

    Attributes:
        edges: (m + 1,) losses, from -inf to +inf.
        low, high: of the interval.
        value: a point inside it.
        status: how the search ended.
        tails: P(loss > edge) of edges that were looked at, valid together with the interval.
        lines: of the budget, their amounts in the loss's unit.
        confidence: of interval and tails together.
        reliable: False where asymptotic parts had too few paths; no goal is then met.
    """

    edges: Array
    low: int
    high: int
    value: float
    status: Status
    confidence: float
    tails: Mapping[int, Interval] = field(default_factory=dict)
    lines: tuple[BudgetLine, ...] = ()
    reliable: bool = True

    @property
    def interval(self) -> Interval:
        """The losses of the two edges."""
        return Interval(float(self.edges[self.low]), float(self.edges[self.high]), self.confidence)

    def loss(self, edge: int) -> float:
        """The edge itself, in the loss's unit."""
        return float(self.edges[edge])

    def finite(self, edge: int) -> bool:
        """Whether an edge is neither the first nor the last."""
        return 0 < edge < self.edges.size - 1

    def tail(self, edge: int) -> Interval:
        """P(loss > edge): tails do not increase, so edges on either side bound it too."""
        if edge == 0:
            return _CERTAIN
        if edge == self.edges.size - 1:
            return _IMPOSSIBLE
        low = max((one.low for at, one in self.tails.items() if at >= edge), default=0.0)
        high = min((one.high for at, one in self.tails.items() if at <= edge), default=1.0)
        return Interval(min(low, high), high)


def reached(goal: Goal, value: float, interval: Interval, *steps: Status) -> Status:
    """The status of a number with this interval, found by steps that ended so."""
    if "interrupted" in steps:
        return "interrupted"
    spent = "budget_exhausted" in steps
    if not math.isfinite(interval.half_width):
        return "budget_exhausted" if spent else "unresolved"
    if goal.allowed_half_width(value) is None and (spent or "unresolved" in steps):
        return "budget_exhausted" if spent else "unresolved"
    return status_for(goal, value, interval.half_width, spent=spent)
