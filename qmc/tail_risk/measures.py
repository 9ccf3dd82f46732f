"""VaR, ES, the mean beyond VaR and economic capital, from a located quantile."""

from __future__ import annotations

import math
from dataclasses import replace

from qmc.average import average
from qmc.measures import (
    ES,
    Excess,
    Tail,
    TailConditionalExpectation,
    TailMeasure,
    VaR,
)
from qmc.problem import Goal
from qmc.result import BudgetLine, Interval, Status
from qmc.run import Answer, Run
from qmc.tail_risk.banded import banded
from qmc.tail_risk.located import Located, reached
from qmc.tail_risk.sampled import Sampled, corrected, grid_lines, sample
from qmc.tail_risk.searching import edges_of, searched

# share of 1 - confidence that a number beyond the quantile spends on finding it
_SEARCH_SHARE = 0.4
# share of a query budget that it may spend on that
_SEARCH_QUERIES = 0.5
# shares of the tolerance and of 1 - confidence that capital leaves to the quantile
_QUANTILE_WIDTH, _QUANTILE_ERROR = 0.7, 0.5
# of what a relative tolerance allows at the VaR, what is sure to be allowed at VaR less mean
_LESS_MEAN = 0.8
# of the tolerance of ES: the bracket's width counts squared
_SHORTFALL_WIDTH = 0.6
# of the tolerance of a mean beyond the quantile: for the bracket, for the excess and each tail
_BRACKET_WIDTH, _SAMPLED_WIDTH = 0.4, 0.4


def locate(run: Run, level: float, goal: Goal, reserve: int = 0) -> Located:
    """The quantile between two edges, by the grid's own tails or by these and their correction."""
    if corrected(run) and run.residual is not None:
        return banded(run, run.residual, level, goal, reserve)
    return searched(run, level, goal, reserve)


def tail_answer(run: Run, measure: TailMeasure) -> Answer:
    """The answer of any measure that looks for a quantile first."""
    if isinstance(measure, VaR):
        return value_at_risk(run, measure.level)
    if isinstance(measure, ES):
        return expected_shortfall(run, measure.level)
    if isinstance(measure, TailConditionalExpectation):
        return tail_conditional_expectation(run, measure.level)
    return economic_capital(run, measure.level)


def value_at_risk(run: Run, level: float) -> Answer:
    """The bracket of edges that the search leaves, at the goal's confidence."""
    found = locate(run, level, run.goal)
    status = _status(run.goal, found.value, found.interval, found)
    return Answer(found.value, found.interval, status, found.lines)


def expected_shortfall(run: Run, level: float) -> Answer:
    """Both sides of h(q) - |q - VaR| |F(q) - level| / (1 - level) <= ES <= h(q).

    h(q) = q + E[(L - q)+] / (1 - level) is convex with its minimum, ES, at q = VaR and slope
    (F(q) - level) / (1 - level) (Rockafellar and Uryasev 2002,
    doi:10.1016/S0378-4266(02)00271-6, theorem 10). The edge q is fixed by the search before
    the excess is sampled afresh.
    """
    goal, tau, share = run.goal, 1.0 - level, 1.0 - run.goal.confidence
    found = _bracketed(run, level, _SHORTFALL_WIDTH)
    if found.status == "interrupted" or run.queries_left() == 0:
        return _unsampled(run, found)
    threshold, slack = _threshold_and_slack(found, tau)
    q = found.loss(threshold)
    tolerance = _left(goal, q, slack)
    if tolerance is None and run.queries_left() is None:
        tolerance = 0.01 * abs(q)
    one = Goal(
        tolerance=None if tolerance is None else tolerance * tau,
        queries=_at_least_one(run.queries_left()),
        confidence=1.0 - (1.0 - _SEARCH_SHARE) * share,
    )
    excess = sample(run, Excess(q), one, "excess over the threshold")
    high = q + excess.interval.high / tau
    low = min(max(q + excess.interval.low / tau - slack, found.interval.low), high)
    interval = Interval(low, high, goal.confidence)
    value = min(max(q + excess.value / tau, low), high)
    sampled = min(excess.interval.half_width / tau, interval.half_width)
    lines = (
        *_fitted(excess, 1.0 / tau, sampled),
        BudgetLine(
            "threshold is not the VaR",
            "bound",
            interval.half_width - sampled,
            _SEARCH_SHARE * share,
            f"|q - VaR| |F(q) - level| / (1 - level), edges {found.low} to {found.high}",
        ),
        *_shares_only(found),
    )
    status = _status(goal, value, interval, found, excess.status)
    return Answer(value, interval, status, (*lines, *grid_lines(run)))


def tail_conditional_expectation(run: Run, level: float) -> Answer:
    """m(a) <= E[L | L > VaR] <= m(b) for a < VaR <= b, m(x) = x + E[(L - x)+] / P(L > x).

    m(x) = E[L | L > x] does not decrease in x, whatever the law, and m(a) is no more than
    E[L | L >= VaR] either. P at both edges and the excess over one are sampled afresh; that over
    the other differs by the area below the tail between them, from (b - a) P(L > b) to
    (b - a) P(L > a).
    """
    goal, share = run.goal, 1.0 - run.goal.confidence
    found = _bracketed(run, level, _BRACKET_WIDTH)
    if found.status == "interrupted" or run.queries_left() == 0 or not found.finite(found.high):
        return _unsampled(run, found)
    tau, left = 1.0 - level, run.queries_left()
    each = 1.0 - (1.0 - _SEARCH_SHARE) * share / 3.0
    b, width = found.loss(found.high), found.interval.width
    allowed = _left(goal, b, width if math.isfinite(width) else 0.0)
    if allowed is None and left is None:
        allowed = 0.01 * abs(b)
    one = Goal(
        # half-widths d of the excess and tau d / e of each tail, e = m(b) - b, add 2 d / tau
        tolerance=None if allowed is None else _SAMPLED_WIDTH * allowed * tau,
        queries=_at_least_one(None if left is None else left // 2),
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
    return min(goal.tolerance / mean if mean > 0.0 else tau, 0.5 * tau)


def _both_tails(run: Run, found: Located, tolerance: float | None, each: float) -> list[Sampled]:
    """P(loss > edge) of the upper edge, and of the lower one where it is finite."""
    names = {found.high: "tail beyond the upper edge", found.low: "tail beyond the lower edge"}
    edges = [edge for edge in names if found.finite(edge)]
    tails = []
    for place, edge in enumerate(edges):
        left = run.queries_left()
        budget = _at_least_one(None if left is None else left // (len(edges) - place))
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
    status = _status(goal, value, interval, found, excess.status, *(one.status for one in tails))
    factor = 1.0 / beyond.low if beyond.low > 0.0 else math.inf
    each = [*excess.scaled(factor)]
    mean_excess = excess.value * factor
    for one in tails:
        scale = mean_excess / one.interval.low if one.interval.low > 0.0 else math.inf
        each += one.scaled(scale)
    lines = _squeezed(each, interval.half_width)
    rest = max(interval.half_width - math.fsum(one.amount for one in lines), 0.0)
    note = f"edges {found.low} to {found.high}: the mean beyond either encloses it"
    spent = _SEARCH_SHARE * (1.0 - goal.confidence)
    lines += (BudgetLine("threshold is not the VaR", "bound", rest, spent, note),)
    return Answer(value, interval, status, (*lines, *_shares_only(found), *grid_lines(run)))


def _both(found: Located, edge: int, sampled: Sampled) -> Interval:
    """What search and sample together say of the tail beyond an edge."""
    known, seen = found.tail(edge), sampled.interval
    high = min(known.high, seen.high)
    return Interval(min(max(known.low, seen.low), high), high)


def economic_capital(run: Run, level: float) -> Answer:
    """VaR less mean: the interval of the one less that of the other, the confidence split."""
    goal, share = run.goal, 1.0 - run.goal.confidence
    reserve = 0 if goal.queries is None else int((1.0 - _SEARCH_QUERIES) * goal.queries)
    tolerance = None if goal.tolerance is None else _QUANTILE_WIDTH * goal.tolerance
    relative = goal.relative_tolerance
    search = Goal(
        tolerance=tolerance,
        relative_tolerance=None if relative is None else _QUANTILE_WIDTH * _LESS_MEAN * relative,
        queries=goal.queries,
        confidence=1.0 - _QUANTILE_ERROR * share,
    )
    found = locate(run, level, search, reserve)
    if found.status == "interrupted" or run.queries_left() == 0:
        return _no_mean(run, found)
    allowed = goal.allowed_half_width(_LESS_MEAN * found.value)
    left = None if allowed is None else max(allowed - found.interval.half_width, 0.25 * allowed)
    one = Goal(
        tolerance=left,
        queries=_at_least_one(run.queries_left()),
        confidence=1.0 - (1.0 - _QUANTILE_ERROR) * share,
    )
    mean = _mean(run, one)
    interval = Interval(
        found.interval.low - mean.interval.high,
        found.interval.high - mean.interval.low,
        goal.confidence,
    )
    value = min(max(found.value - mean.value, interval.low), interval.high)
    status = _status(goal, value, interval, found, mean.status)
    lines = [one for one in found.lines if one.kind not in {"exact", "unknown"}]
    return Answer(value, interval, status, (*lines, *mean.lines))


def _mean(run: Run, goal: Goal) -> Answer:
    """The mean loss on the same table, as `average` finds it."""
    part = replace(run, goal=goal, residual_paths=0)
    mean = average(part, run.residual)
    run.residual_paths += part.residual_paths
    return mean


def _no_mean(run: Run, found: Located) -> Answer:
    """What a search alone knows: nothing of VaR less mean."""
    interval = Interval(-math.inf, math.inf, run.goal.confidence)
    line = BudgetLine("mean loss", "unknown", math.inf, 1.0 - run.goal.confidence, "not sampled")
    status: Status = "interrupted" if found.status == "interrupted" else "budget_exhausted"
    return Answer(found.value, interval, status, (line, *grid_lines(run)))


def _bracketed(run: Run, level: float, width: float) -> Located:
    """The quantile to a share of the goal's tolerances, where an excess can be encoded at all."""
    goal, edges = run.goal, edges_of(run.table)
    # refuse an encoding that knows no excess before the search is paid for
    run.encoding.encode(run.table, Excess(float(edges[edges.size // 2])))
    confidence = 1.0 - _SEARCH_SHARE * (1.0 - goal.confidence)
    reserve = 0 if goal.queries is None else int((1.0 - _SEARCH_QUERIES) * goal.queries)

    def share(limit: float | None) -> float | None:
        return None if limit is None else width * limit

    one = replace(
        goal,
        tolerance=share(goal.tolerance),
        relative_tolerance=share(goal.relative_tolerance),
        confidence=confidence,
    )
    return locate(run, level, one, reserve)


def _unsampled(run: Run, found: Located) -> Answer:
    """What a search alone knows: a mean beyond the VaR is no less than its lower end."""
    interval = Interval(found.interval.low, math.inf, run.goal.confidence)
    share = 1.0 - run.goal.confidence
    line = BudgetLine("excess over the threshold", "unknown", math.inf, share, "not sampled")
    status: Status = "interrupted" if found.status == "interrupted" else "budget_exhausted"
    if found.status == "converged" and run.queries_left() != 0:
        status = "unresolved"
    return Answer(interval.midpoint, interval, status, (line, *grid_lines(run)))


def _threshold_and_slack(found: Located, tau: float) -> tuple[int, float]:
    """The edge of the interval whose bound |q - VaR| |T(q) - tau| / tau is smallest."""
    choices = []
    for edge in _candidates(found):
        tail, q = found.tail(edge), found.loss(edge)
        distance = max(abs(tail.low - tau), abs(tail.high - tau)) / tau
        away = max(q - found.interval.low, found.interval.high - q)
        choices.append((away * distance, edge))
    if not choices:
        return found.edges.size // 2, math.inf
    slack, edge = min(choices)
    return edge, slack


def _candidates(found: Located) -> list[int]:
    """Finite edges from one end of the interval to the other, of those whose tail is known."""
    ends = {found.low, found.high}
    inside = {edge for edge in found.tails if found.low <= edge <= found.high}
    return sorted(edge for edge in ends | inside if found.finite(edge))


def _left(goal: Goal, at: float, slack: float) -> float | None:
    """What a bound of this width leaves of the tolerance; never so little that it is hopeless."""
    usable = 0.5 * slack if math.isfinite(slack) else 0.0
    tolerance = goal.allowed_half_width(at)
    if goal.relative_tolerance is not None and at <= goal.origin:
        tolerance = goal.tolerance
    return None if tolerance is None else max(tolerance - usable, 0.25 * tolerance)


def _at_least_one(queries: int | None) -> int | None:
    return None if queries is None else max(queries, 1)


def _fitted(sampled: Sampled, factor: float, whole: float) -> tuple[BudgetLine, ...]:
    """The lines in the measure's unit, no more in all than the whole half-width."""
    return _squeezed(list(sampled.scaled(factor)), whole)


def _squeezed(lines: list[BudgetLine], whole: float) -> tuple[BudgetLine, ...]:
    total = math.fsum(one.amount for one in lines)
    if not math.isfinite(total) or total <= whole or total == 0.0:
        return tuple(lines)
    return tuple(replace(one, amount=one.amount * whole / total) for one in lines)


def _shares_only(found: Located) -> tuple[BudgetLine, ...]:
    """Lines of the search whose errors are counted elsewhere: their kinds and notes remain."""
    return tuple(
        replace(one, amount=0.0, error_share=0.0)
        for one in found.lines
        if one.kind in {"asymptotic", "unproved"} or one.source == "encoding"
    )


def _status(goal: Goal, value: float, interval: Interval, found: Located, *steps: Status) -> Status:
    """The status of a number from its search's and its steps'; nothing unreliable meets a goal."""
    doubtful = not found.reliable or "unresolved" in steps
    if doubtful and "interrupted" not in {found.status, *steps}:
        return "unresolved"
    return reached(goal, value, interval, found.status, *steps)
