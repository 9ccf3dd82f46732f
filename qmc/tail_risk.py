"""Value at risk and expected shortfall by amplitude estimation.

Both search for a threshold among the grid's edges, whose probabilities are exact; `qmc.quantile`
holds the search itself.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from qmc.circuits import AmplitudeProblem, Encoding
from qmc.errors import Unsupported
from qmc.estimators import Estimator
from qmc.grids import CellTable
from qmc.measures import Excess, Tail
from qmc.problem import Array, Goal
from qmc.quantile import (
    Bracket,
    find_bracket,
    interpolate,
    max_tests,
    narrow_enough,
    require_visible_tail,
    resolution,
    wanted_width,
)
from qmc.result import BudgetLine, Estimate, Interval, Status, status_for
from qmc.run import Answer, Run, grid_line, number

# share of 1 - confidence that an expected shortfall spends on finding its threshold
_SEARCH_SHARE = 0.4
# share of a query budget that an expected shortfall may spend on finding its threshold
_SEARCH_QUERIES = 0.5


def value_at_risk(run: Run, level: float) -> Answer:
    """The bracket of edges that the search leaves, at the goal's confidence."""
    edges = _edges(run)
    bracket = _search(run, level, run.goal, reserve=0)
    confidence = run.goal.confidence
    interval = Interval(float(edges[bracket.low]), float(edges[bracket.high]), confidence)
    value = interpolate(edges, bracket, 1.0 - level)
    note = f"edges {bracket.low} to {bracket.high} of {edges.size - 1}, tests {len(bracket.tests)}"
    line = BudgetLine("threshold search", "sampling", interval.half_width, 1.0 - confidence, note)
    status = _search_status(bracket, run.goal, value, interval)
    return Answer(
        value, interval, status, (line, *_tail_bias_lines(run, bracket), grid_line(run.table))
    )


def tail_bias(encoding: Encoding, table: CellTable, edge: int) -> float:
    """The encoding's bias bound of the tail probability beyond an edge."""
    return encoding.encode(table, Tail(float(np.asarray(table.edges)[edge]))).bias_bound


def _tail_bias_lines(run: Run, bracket: Bracket) -> tuple[BudgetLine, ...]:
    """What the encoding adds to each tail probability; the search's width already holds it."""
    biases = (tail_bias(run.encoding, run.table, one.edge) for one in bracket.tests)
    bias = max(biases, default=0.0)
    if bias == 0.0:
        return ()
    note = f"each tail probability to within {bias:.3g}: counted in the threshold search"
    return (BudgetLine("encoding", "bound", 0.0, 0.0, note),)


def expected_shortfall(run: Run, level: float) -> Answer:
    """Both sides of h(q) - |q - VaR| |F(q) - level| / (1 - level) <= ES <= h(q).

    h(q) = q + E[(L - q)+] / (1 - level) is convex with its minimum, ES, at q = VaR and slope
    (F(q) - level) / (1 - level) (Rockafellar and Uryasev 2002,
    doi:10.1016/S0378-4266(02)00271-6, theorem 10). The edge q is fixed by the search before
    the excess is sampled afresh.
    """
    goal, tau, share = run.goal, 1.0 - level, 1.0 - run.goal.confidence
    edges = _edges(run)
    # refuse an encoding that knows no excess before the search is paid for
    run.encoding.encode(run.table, Excess(float(edges[edges.size // 2])))
    reserve = 0 if goal.queries is None else int((1.0 - _SEARCH_QUERIES) * goal.queries)
    resolve = Goal(queries=goal.queries or 2**62, confidence=1.0 - _SEARCH_SHARE * share)
    bracket = _search(run, level, resolve, reserve)
    if bracket.ended == "interrupted" or run.queries_left() == 0:
        return _unsampled(run, edges, bracket, share)
    threshold, slack = _threshold_and_slack(edges, bracket, tau)
    q = float(edges[threshold])
    encoded, estimate = _excess(run, q, slack, tau)
    excess = number(encoded, estimate).interval
    high = q + excess.high / tau
    low = min(max(q + excess.low / tau - slack, float(edges[bracket.low])), high)
    interval = Interval(low, high, goal.confidence)
    value = min(max(q + encoded.value(estimate.value) / tau, low), high)
    status = _shortfall_status(estimate, bracket, goal, value, interval)
    sampled = min(excess.half_width / tau, interval.half_width)
    bias = min(encoded.bias_bound / tau, sampled)
    encoding = (BudgetLine("encoding", "bound", bias),) if bias > 0.0 else ()
    lines = (
        BudgetLine(
            "excess over the threshold",
            "sampling",
            sampled - bias,
            (1.0 - _SEARCH_SHARE) * share,
            f"threshold {q:.6g}",
        ),
        BudgetLine(
            "threshold is not the VaR",
            "bound",
            interval.half_width - sampled,
            _SEARCH_SHARE * share,
            f"|q - VaR| |F(q) - level| / (1 - level), edges {bracket.low} to {bracket.high}",
        ),
    )
    return Answer(value, interval, status, (*lines, *encoding, grid_line(run.table)))


def _unsampled(run: Run, edges: Array, bracket: Bracket, share: float) -> Answer:
    """What a search alone knows: ES is no less than the lower end of the VaR."""
    interval = Interval(float(edges[bracket.low]), math.inf, run.goal.confidence)
    line = BudgetLine("excess over the threshold", "unknown", math.inf, share, "not sampled")
    status: Status = "interrupted" if bracket.ended == "interrupted" else "budget_exhausted"
    return Answer(interval.midpoint, interval, status, (line, grid_line(run.table)))


def _edges(run: Run) -> Array:
    if run.table.edges is None:
        msg = (
            "the grid made no edges for a quantile: take LawGrid, or "
            "classical_baseline.MonteCarlo, which needs none"
        )
        raise Unsupported(msg)
    return np.asarray(run.table.edges)


def require_early_reading(estimator: Estimator) -> None:
    """Refuse an estimator that a threshold search cannot use.

    Raises:
        Unsupported: when its interval may only be read at its end.
    """
    if not estimator.anytime_valid:
        msg = (
            f"a threshold search stops its tests early, and the interval of {estimator!r} may only "
            "be read at its end: take one that is anytime_valid, such as Iterative(), Certified(), "
            "ModifiedIterative() or Sampling(shots_per_round=1000)"
        )
        raise Unsupported(msg)


def _search(run: Run, level: float, goal: Goal, reserve: int) -> Bracket:
    """Bracket the quantile at `goal.confidence`, leaving `reserve` queries untouched."""
    require_early_reading(run.estimator)
    edges, tau = _edges(run), 1.0 - level
    require_visible_tail(tau, tail_bias(run.encoding, run.table, edges.size // 2))
    confidence = 1.0 - (1.0 - goal.confidence) / max_tests(edges)

    def test(edge: int) -> Estimate:
        left = run.queries_left()
        budget = None if left is None else left - reserve
        if budget is not None and budget < 1:
            return Estimate(0.5, Interval(0.0, 1.0, confidence), "budget_exhausted")
        encoded = run.encoding.encode(run.table, Tail(float(edges[edge])))
        seen = resolution(tau, encoded.bias_bound, wanted_width(edges, edge, goal))
        tolerance = seen / abs(encoded.scale)
        one = Goal(tolerance=tolerance, queries=budget, confidence=confidence)
        found = number(encoded, run.amplify(encoded, one, excludes=tau))
        low, high = (min(max(end, 0.0), 1.0) for end in (found.interval.low, found.interval.high))
        return replace(found, interval=Interval(low, high, confidence))

    return find_bracket(edges, tau, test, narrow_enough(edges, goal))


def _excess(run: Run, q: float, slack: float, tau: float) -> tuple[AmplitudeProblem, Estimate]:
    """Sample E[(L - q)+] so that the interval of ES meets the goal, if the slack allows."""
    goal, left = run.goal, run.queries_left()
    # h's half-width may be the tolerance less half the slack; never chase a lost cause
    usable = 0.5 * slack if math.isfinite(slack) else 0.0
    tolerance = goal.allowed_half_width(q)
    if goal.relative_tolerance is not None and q <= goal.origin:
        tolerance = goal.tolerance
    if tolerance is not None:
        tolerance = max(tolerance - usable, 0.25 * tolerance) * tau
    if tolerance is None and left is None:
        tolerance = 0.01 * abs(q) * tau
    one = Goal(
        tolerance=tolerance,
        queries=None if left is None else max(left, 1),
        confidence=1.0 - (1.0 - _SEARCH_SHARE) * (1.0 - goal.confidence),
    )
    return run.estimate(Excess(q), one)


def _threshold_and_slack(edges: Array, bracket: Bracket, tau: float) -> tuple[int, float]:
    """The finite end of the bracket whose bound |q - VaR| |T(q) - tau| / tau is smaller."""
    last = edges.size - 1
    width = float(edges[bracket.high] - edges[bracket.low])
    choices = []
    for edge in (bracket.low, bracket.high):
        if math.isfinite(float(edges[edge])):
            tail = bracket.tail_interval(edge, last)
            distance = max(abs(tail.low - tau), abs(tail.high - tau)) / tau
            choices.append((width * distance, edge))
    if not choices:
        return edges.size // 2, math.inf
    slack, edge = min(choices)
    return edge, slack


def _search_status(bracket: Bracket, goal: Goal, value: float, interval: Interval) -> Status:
    if bracket.ended == "interrupted":
        return "interrupted"
    spent = bracket.ended == "budget_exhausted"
    if not math.isfinite(interval.half_width) and not spent:
        return "unresolved"
    if goal.allowed_half_width(value) is None and spent:
        return "budget_exhausted"
    return status_for(goal, value, interval.half_width, spent=spent)


def _shortfall_status(
    estimate: Estimate, bracket: Bracket, goal: Goal, value: float, interval: Interval
) -> Status:
    ends = {estimate.status, bracket.ended}
    if "interrupted" in ends:
        return "interrupted"
    spent = "budget_exhausted" in ends
    if not math.isfinite(interval.half_width):
        return "budget_exhausted" if spent else "unresolved"
    if estimate.status == "unresolved":
        return "unresolved"
    return status_for(goal, value, interval.half_width, spent=spent)
