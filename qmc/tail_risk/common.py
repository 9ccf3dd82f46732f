"""What the measures beyond a quantile share: finding it, budgets, lines, statuses."""

from __future__ import annotations

import math
from dataclasses import replace

from qmc.measures import Excess
from qmc.problem import Goal
from qmc.result import BudgetLine, Interval, Status
from qmc.run import Answer, Run
from qmc.tail_risk.banded import banded
from qmc.tail_risk.located import Located, reached
from qmc.tail_risk.sampled import Sampled, corrected, grid_lines
from qmc.tail_risk.searching import edges_of, searched

# share of 1 - confidence that a number beyond the quantile spends on finding it
SEARCH_SHARE = 0.4
# share of a query budget that it may spend on that
SEARCH_QUERIES = 0.5


def locate(run: Run, level: float, goal: Goal, reserve: int = 0) -> Located:
    """The quantile between two edges, by the grid's own tails or by these and their correction."""
    if corrected(run) and run.residual is not None:
        return banded(run, run.residual, level, goal, reserve)
    return searched(run, level, goal, reserve)


def bracketed(run: Run, level: float, width: float, error: float = SEARCH_SHARE) -> Located:
    """The quantile to a share of the goal's tolerances, where an excess can be encoded at all.

    Args:
        run: in progress.
        level: of the quantile.
        width: share of the tolerances.
        error: share of 1 - confidence.
    """
    goal, edges = run.goal, edges_of(run.table)
    # refuse an encoding that knows no excess before the search is paid for
    run.encoding.encode(run.table, Excess(float(edges[edges.size // 2])))
    confidence = 1.0 - error * (1.0 - goal.confidence)
    reserve = 0 if goal.queries is None else int((1.0 - SEARCH_QUERIES) * goal.queries)

    def share(limit: float | None) -> float | None:
        return None if limit is None else width * limit

    one = replace(
        goal,
        tolerance=share(goal.tolerance),
        relative_tolerance=share(goal.relative_tolerance),
        confidence=confidence,
    )
    return locate(run, level, one, reserve)


def unsampled(run: Run, found: Located) -> Answer:
    """What a search alone knows: a mean beyond the VaR is no less than its lower end."""
    interval = Interval(found.interval.low, math.inf, run.goal.confidence)
    share = 1.0 - run.goal.confidence
    line = BudgetLine("excess over the threshold", "unknown", math.inf, share, "not sampled")
    spent = found.status == "budget_exhausted" or run.queries_left() == 0
    status: Status = "budget_exhausted" if spent else "unresolved"
    if found.status == "interrupted":
        status = "interrupted"
    return Answer(interval.midpoint, interval, status, (line, *grid_lines(run)))


def tolerance_left(goal: Goal, at: float, slack: float) -> float | None:
    """What a bound of this width leaves of the tolerance; never so little that it is hopeless."""
    usable = 0.5 * slack if math.isfinite(slack) else 0.0
    tolerance = goal.allowed_half_width(at)
    if goal.relative_tolerance is not None and at <= goal.origin:
        tolerance = goal.tolerance
    return None if tolerance is None else max(tolerance - usable, 0.25 * tolerance)


def at_least_one(queries: int | None) -> int | None:
    """A budget that a goal takes; the meter stops what has none left."""
    return None if queries is None else max(queries, 1)


def fitted(sampled: Sampled, factor: float, whole: float) -> tuple[BudgetLine, ...]:
    """The lines in the measure's unit, no more in all than the whole half-width."""
    return squeezed(list(sampled.scaled(factor)), whole)


def squeezed(lines: list[BudgetLine], whole: float) -> tuple[BudgetLine, ...]:
    """The lines, their amounts no more in all than the whole half-width."""
    total = math.fsum(one.amount for one in lines)
    if not math.isfinite(total) or total <= whole or total == 0.0:
        return tuple(lines)
    return tuple(replace(one, amount=one.amount * whole / total) for one in lines)


def kinds_of_search(found: Located) -> tuple[BudgetLine, ...]:
    """Lines of the search whose errors are counted elsewhere: their kinds and notes remain."""
    return tuple(
        replace(one, amount=0.0, error_share=0.0)
        for one in found.lines
        if one.kind in {"asymptotic", "unproved"} or one.source == "encoding"
    )


def status_of(
    goal: Goal, value: float, interval: Interval, found: Located, *steps: Status
) -> Status:
    """The status of a number from its search's and its steps'; nothing unreliable meets a goal."""
    doubtful = not found.reliable or "unresolved" in steps
    if doubtful and "interrupted" not in {found.status, *steps}:
        return "unresolved"
    return reached(goal, value, interval, found.status, *steps)
