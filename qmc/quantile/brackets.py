"""Search for a quantile among the edges of a grid by early-stopped threshold tests.

A test at edge j asks whether T_j = P(loss > edge_j) lies above tau = 1 - level, and stops as soon
as the estimator's interval excludes tau. Bisection keeps T[low] > tau >= T[high], so the value at
risk, the smallest x with P(loss <= x) >= level, lies in (edge_low, edge_high]. An edge that
cannot be told from tau (a tie) is passed over, which leaves the bracket one edge wider.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from qmc.errors import Unsupported
from qmc.problem import Array, Goal
from qmc.result import Estimate, Interval, Status, status_for

# an edge whose tail probability is this close to 1 - level counts as a tie, as a share of it or
# of the level, whichever is smaller
_TIE_SHARE = 0.02
# where a goal asks for more: an edge whose tail is off by so much for each unit by which the edge
# itself is off, as shares; tails fall at least that fast, four times as fast for most
_TIE_SLOPE = 0.4
# a test may end undecided (ties), so a few tests more than bisection needs
EXTRA_TESTS = 4


@dataclass(frozen=True, slots=True)
class ThresholdTest:
    """What was learnt of T at one edge."""

    edge: int
    tail: Estimate


@dataclass(frozen=True, slots=True)
class Bracket:
    """T[low] > tau >= T[high] by the tests done; `ended` says why the search stopped."""

    low: int
    high: int
    tests: tuple[ThresholdTest, ...]
    ended: Literal["resolved", "tolerance", "budget_exhausted", "interrupted"]

    def tail_interval(self, edge: int, last: int) -> Interval:
        """The interval of T at an edge: 1 at the first, 0 at the last, [0, 1] where untested."""
        if edge == 0:
            return Interval(1.0, 1.0)
        if edge == last:
            return Interval(0.0, 0.0)
        found = [t.tail.interval for t in self.tests if t.edge == edge]
        return found[-1] if found else Interval(0.0, 1.0)


def tie_resolution(tail_probability: float, relative_width: float = math.inf) -> float:
    """Half-width at which a test gives up telling an edge's tail from 1 - level.

    `relative_width` is what the goal allows the quantile, as a share of it.
    """
    share = min(_TIE_SHARE, _TIE_SLOPE * relative_width)
    return share * min(tail_probability, 1.0 - tail_probability)


def resolution(
    tail_probability: float, bias_bound: float, relative_width: float = math.inf
) -> float:
    """Half-width at which a test of an edge gives up.

    A tie's, or half the encoding's bias: the interval is widened by the bias, so that sampling
    far below it cannot tell more edges from 1 - level.
    """
    return max(tie_resolution(tail_probability, relative_width), 0.5 * bias_bound)


def wanted_width(edges: Array, edge: int, goal: Goal) -> float:
    """What a goal allows a quantile at an edge, as a share of it; infinite without tolerances.

    No less than the cell beside it: the grid's own resolution is all that a search can reach.
    """
    at = float(edges[edge])
    allowed = goal.allowed_half_width(at)
    if allowed is None or at == 0.0 or not math.isfinite(at):
        return math.inf
    gaps = [float(edges[edge + 1]) - at, at - float(edges[edge - 1])]
    return max(allowed, min(gaps)) / abs(at)


def require_visible_tail(tail_probability: float, bias_bound: float) -> None:
    """Refuse an encoding whose bias hides the tail that a search looks for.

    Raises:
        Unsupported: naming the bias, the tail and the way out.
    """
    least = min(tail_probability, 1.0 - tail_probability)
    if bias_bound >= least:
        msg = (
            f"the encoding states its probabilities to within {bias_bound:.3g}, and the tail of "
            f"this level has {least:.3g}: no queries could find its threshold; take "
            "MultiplexedRotation() with its exact loader, or a level nearer to 1/2"
        )
        raise Unsupported(msg)


def max_tests(edges: Array) -> int:
    """The most tests a search makes; each spends its equal part of the error probability."""
    return max(1, math.ceil(math.log2(edges.size - 1))) + EXTRA_TESTS


def find_bracket(
    edges: Array,
    tail_probability: float,
    test: Callable[[int], Estimate],
    enough: Callable[[int, int], bool],
) -> Bracket:
    """Bisect for the adjacent edges that enclose the quantile.

    Args:
        edges: (m + 1,) increasing; the first is -inf (T = 1), the last +inf (T = 0).
        tail_probability: tau = 1 - level.
        test: estimates T at an edge's index, stopping early.
        enough: says of (low, high) whether the bracket is already narrow enough.
    """
    low, high = 0, edges.size - 1
    tests: list[ThresholdTest] = []
    while True:
        if enough(low, high):
            return Bracket(low, high, tuple(tests), "tolerance")
        edge = next_edge(edges, low, high, [t.edge for t in tests])
        if edge is None:
            return Bracket(low, high, tuple(tests), "resolved")
        tail = test(edge)
        tests.append(ThresholdTest(edge, tail))
        low, high = moved(low, high, tests[-1], tail_probability)
        if edge in (low, high):
            continue
        if tail.status == "budget_exhausted" or tail.status == "interrupted":  # noqa: PLR1714
            return Bracket(low, high, tuple(tests), tail.status)


def next_edge(edges: Array, low: int, high: int, tested: Sequence[int]) -> int | None:
    """The untested edge nearest to the middle; None when none is left, or after `max_tests`."""
    untested = [edge for edge in range(low + 1, high) if edge not in set(tested)]
    if not untested or len(tested) == max_tests(edges):
        return None
    middle = 0.5 * (low + high)
    return min(untested, key=lambda candidate: abs(candidate - middle))


def moved(low: int, high: int, test: ThresholdTest, tail_probability: float) -> tuple[int, int]:
    """The bracket after a test, as it was when the test's interval holds tau."""
    if test.tail.interval.low > tail_probability:
        return test.edge, high
    if test.tail.interval.high < tail_probability:
        return low, test.edge
    return low, high


def narrow_enough(edges: Array, goal: Goal) -> Callable[[int, int], bool]:
    """Whether a bracket (low, high) of edges meets the goal wherever its value may come to lie."""

    def enough(low: int, high: int) -> bool:
        bracket = Interval(float(edges[low]), float(edges[high]))
        # a relative tolerance is tightest at the point nearest to the origin
        nearest = min(max(goal.origin, bracket.low), bracket.high)
        return math.isfinite(bracket.half_width) and goal.met(nearest, bracket.half_width)

    return enough


def bracket_status(
    goal: Goal, value: float, interval: Interval, cells: int, *, spent: bool
) -> Status:
    """Status of a finished search: a bracket is judged by its width, whatever ended the run.

    Args:
        goal: of the quantile.
        value: a point inside.
        interval: the bracket's losses.
        cells: between its edges; a budget without tolerances asks for one.
        spent: whether the budget ended the run.
    """
    if not math.isfinite(interval.half_width):
        return "budget_exhausted" if spent else "unresolved"
    if goal.allowed_half_width(value) is None and cells > 1:
        return "budget_exhausted" if spent else "unresolved"
    return status_for(goal, value, interval.half_width, spent=spent)


def interpolate(edges: Array, bracket: Bracket, tail_probability: float) -> float:
    """A point inside the bracket: log T is taken as linear between its ends' estimates."""
    last = edges.size - 1
    low, high = float(edges[bracket.low]), float(edges[bracket.high])
    if not (math.isfinite(low) and math.isfinite(high)):
        return Interval(low, high).midpoint
    tails = {t.edge: t.tail.value for t in bracket.tests}
    above, below = tails.get(bracket.low, 1.0), tails.get(bracket.high, 0.0)
    if bracket.high == last or below <= 0.0 or not above > tail_probability > below:
        return 0.5 * (low + high)
    share = math.log(above / tail_probability) / math.log(above / below)
    return low + share * (high - low)
