"""Economic capital: a quantile less the mean."""

from __future__ import annotations

import math
from dataclasses import replace

from qmc.average import average
from qmc.problem import Goal
from qmc.result import BudgetLine, Interval, Status
from qmc.run import Answer, Run
from qmc.tail_risk.common import SEARCH_QUERIES, at_least_one, locate, status_of
from qmc.tail_risk.located import Located
from qmc.tail_risk.sampled import grid_lines

# shares of the tolerance and of 1 - confidence that capital leaves to the quantile
_QUANTILE_WIDTH, _QUANTILE_ERROR = 0.7, 0.5
# of what a relative tolerance allows at the VaR, what is sure to be allowed at VaR less mean
_LESS_MEAN = 0.8


def economic_capital(run: Run, level: float) -> Answer:
    """VaR less mean: the interval of the one less that of the other, the confidence split."""
    goal, share = run.goal, 1.0 - run.goal.confidence
    reserve = 0 if goal.queries is None else int((1.0 - SEARCH_QUERIES) * goal.queries)
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
        queries=at_least_one(run.queries_left()),
        confidence=1.0 - (1.0 - _QUANTILE_ERROR) * share,
    )
    mean = _mean(run, one)
    interval = Interval(
        found.interval.low - mean.interval.high,
        found.interval.high - mean.interval.low,
        goal.confidence,
    )
    value = min(max(found.value - mean.value, interval.low), interval.high)
    status = status_of(goal, value, interval, found, mean.status)
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
