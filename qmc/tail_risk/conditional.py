"""The mean beyond the VaR, between the means beyond two edges."""

from __future__ import annotations

import math

from qmc.measures import Excess, Tail
from qmc.problem import Goal
from qmc.result import BudgetLine, Interval
from qmc.run import Answer, Run
from qmc.tail_risk.common import (
    SEARCH_SHARE,
    at_least_one,
    bracketed,
    kinds_of_search,
    squeezed,
    status_of,
    tolerance_left,
    unsampled,
)
from qmc.tail_risk.located import Located
from qmc.tail_risk.sampled import Sampled, grid_lines, sample

# of the tolerance: for the bracket, for the excess and each tail
_BRACKET_WIDTH, _SAMPLED_WIDTH = 0.4, 0.4


def tail_conditional_expectation(run: Run, level: float) -> Answer:
    """m(a) <= E[L | L > VaR] <= m(b) for a < VaR <= b, m(x) = x + E[(L - x)+] / P(L > x).

    m(x) = E[L | L > x] does not decrease in x, whatever the law, and m(a) is no more than
    E[L | L >= VaR] either. P at both edges and the excess over one are sampled afresh; that over
    the other differs by the area below the tail between them, from (b - a) P(L > b) to
    (b - a) P(L > a).
    """
    goal, share = run.goal, 1.0 - run.goal.confidence
    found = bracketed(run, level, _BRACKET_WIDTH)
    if found.status == "interrupted" or run.queries_left() == 0 or not found.finite(found.high):
        return unsampled(run, found)
    tau, left = 1.0 - level, run.queries_left()
    each = 1.0 - (1.0 - SEARCH_SHARE) * share / 3.0
    b, width = found.loss(found.high), found.interval.width
    allowed = tolerance_left(goal, b, width if math.isfinite(width) else 0.0)
    if allowed is None and left is None:
        allowed = 0.01 * abs(b)
    one = Goal(
        # half-widths d of the excess and tau d / e of each tail, e = m(b) - b, add 2 d / tau
        tolerance=None if allowed is None else _SAMPLED_WIDTH * allowed * tau,
        queries=at_least_one(None if left is None else left // 2),
        confidence=each,
    )
    excess = sample(run, Excess(b), one, "excess over the upper edge")
    tails = _both_tails(run, found, _tail_tolerance(one, excess, tau), each)
    return _between(run, found, excess, tails)


def _tail_tolerance(goal: Goal, excess: Sampled, tau: float) -> float | None:
    """What a tail may be off so that it adds to the mean as much as the excess does."""
    if goal.tolerance is None:
        return None
    mean = max(excess.value, excess.interval.half_width) / tau
    known = 0.0 < mean < math.inf
    return min(goal.tolerance / mean if known else tau, 0.5 * tau)


def _both_tails(run: Run, found: Located, tolerance: float | None, each: float) -> list[Sampled]:
    """P(loss > edge) of the upper edge, and of the lower one where it is finite."""
    names = {found.high: "tail beyond the upper edge", found.low: "tail beyond the lower edge"}
    edges = [edge for edge in names if found.finite(edge)]
    tails = []
    for place, edge in enumerate(edges):
        left = run.queries_left()
        budget = at_least_one(None if left is None else left // (len(edges) - place))
        one = Goal(tolerance=tolerance, queries=budget, confidence=each)
        tails.append(sample(run, Tail(found.loss(edge)), one, names[edge]))
    return tails


def _between(run: Run, found: Located, excess: Sampled, tails: list[Sampled]) -> Answer:
    """The interval from m(a) to m(b), and what adds to its width."""
    goal = run.goal
    a, b = found.loss(found.low), found.loss(found.high)
    # the search's own intervals of both tails hold with these
    beyond, before = _both(found, found.high, tails[0]), found.tail(found.low)
    if len(tails) > 1:
        before = _both(found, found.low, tails[1])
    high = b + excess.interval.high / beyond.low if beyond.low > 0.0 else math.inf
    low = a
    if math.isfinite(a) and before.high > 0.0:
        least = excess.interval.low + (b - a) * beyond.low
        low = a + max(least / before.high, 0.0)
    interval = Interval(min(low, high), high, goal.confidence)
    value = b + excess.value / tails[0].value if tails[0].value > 0.0 else interval.midpoint
    value = min(max(value, interval.low), interval.high)
    status = status_of(goal, value, interval, found, excess.status, *(one.status for one in tails))
    factor = 1.0 / beyond.low if beyond.low > 0.0 else math.inf
    each = [*excess.scaled(factor)]
    mean_excess = excess.value * factor
    for one in tails:
        scale = mean_excess / one.interval.low if one.interval.low > 0.0 else math.inf
        each += one.scaled(scale)
    lines = squeezed(each, interval.half_width)
    rest = max(interval.half_width - math.fsum(one.amount for one in lines), 0.0)
    note = f"edges {found.low} to {found.high}: the mean beyond either encloses it"
    spent = SEARCH_SHARE * (1.0 - goal.confidence)
    lines += (BudgetLine("threshold is not the VaR", "bound", rest, spent, note),)
    return Answer(value, interval, status, (*lines, *kinds_of_search(found), *grid_lines(run)))


def _both(found: Located, edge: int, sampled: Sampled) -> Interval:
    """What search and sample together say of the tail beyond an edge."""
    known, seen = found.tail(edge), sampled.interval
    high = min(known.high, seen.high)
    return Interval(min(max(known.low, seen.low), high), high)
