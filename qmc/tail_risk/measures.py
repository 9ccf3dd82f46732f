"""VaR and ES from a located quantile; each measure of the tail by its own steps."""

from __future__ import annotations

from qmc.measures import ES, Excess, TailConditionalExpectation, TailMeasure, VaR
from qmc.problem import Goal
from qmc.result import BudgetLine, Interval
from qmc.run import Answer, Run
from qmc.tail_risk.capital import economic_capital
from qmc.tail_risk.common import (
    SEARCH_SHARE,
    at_least_one,
    bracketed,
    fitted,
    kinds_of_search,
    locate,
    status_of,
    tolerance_left,
    unsampled,
)
from qmc.tail_risk.conditional import tail_conditional_expectation
from qmc.tail_risk.sampled import grid_lines, sample
from qmc.tail_risk.threshold import TAIL_SHARE, chosen_threshold

# of the tolerance of ES: the bracket's width counts squared
_SHORTFALL_WIDTH = 0.6


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
    status = status_of(run.goal, found.value, found.interval, found)
    return Answer(found.value, found.interval, status, found.lines)


def expected_shortfall(run: Run, level: float) -> Answer:
    """Both sides of h(q) - |q - VaR| |F(q) - level| / (1 - level) <= ES <= h(q).

    h(q) = q + E[(L - q)+] / (1 - level) is convex with its minimum, ES, at q = VaR and slope
    (F(q) - level) / (1 - level) (Rockafellar and Uryasev 2002,
    doi:10.1016/S0378-4266(02)00271-6, theorem 10). The edge q is fixed by the search before
    the excess is sampled afresh, and so is F(q) where the search knows too little of it.
    """
    goal, tau, share = run.goal, 1.0 - level, 1.0 - run.goal.confidence
    found = bracketed(run, level, _SHORTFALL_WIDTH, SEARCH_SHARE - TAIL_SHARE)
    if found.status == "interrupted" or run.queries_left() == 0:
        return unsampled(run, found)
    threshold = chosen_threshold(run, found, tau, share)
    q, slack = threshold.loss, threshold.slack
    tolerance = tolerance_left(goal, q, slack)
    if tolerance is None and run.queries_left() is None:
        tolerance = 0.01 * abs(q)
    one = Goal(
        tolerance=None if tolerance is None else tolerance * tau,
        queries=at_least_one(run.queries_left()),
        confidence=1.0 - (1.0 - SEARCH_SHARE) * share,
    )
    excess = sample(run, Excess(q), one, "excess over the threshold")
    high = q + excess.interval.high / tau
    low = min(max(q + excess.interval.low / tau - slack, found.interval.low), high)
    interval = Interval(low, high, goal.confidence)
    value = min(max(q + excess.value / tau, low), high)
    sampled = min(excess.interval.half_width / tau, interval.half_width)
    lines = (
        *fitted(excess, 1.0 / tau, sampled),
        BudgetLine(
            "threshold is not the VaR",
            "bound",
            interval.half_width - sampled,
            SEARCH_SHARE * share,
            f"|q - VaR| |F(q) - level| / (1 - level), edges {found.low} to {found.high}"
            f"{threshold.note}",
        ),
        *kinds_of_search(found),
    )
    status = status_of(goal, value, interval, found, excess.status, threshold.status)
    return Answer(value, interval, status, (*lines, *grid_lines(run)))
