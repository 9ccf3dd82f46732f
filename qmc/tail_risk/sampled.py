"""Numbers beyond a threshold that was fixed before: an excess, a tail, each sampled afresh."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from qmc.grids import Residual
from qmc.grids.residual_paths import ResidualPaths
from qmc.measures import Excess, Functional, Tail
from qmc.problem import Array, Goal
from qmc.result import BudgetLine, Interval, Kind, Status
from qmc.run import Run, grid_line, number
from qmc.split import needs_residual

# shares of tolerance and of error probability that the circuit gets beside a residual
_CIRCUIT = 0.5
FIRST_PATHS, FREE_PATHS = 2**14, 4096
PATHS_OF_A_BUDGET = 0.25


@dataclass(frozen=True, slots=True)
class Sampled:
    """E[(L - x)+] or P(L > x): estimate, interval at its confidence, status, lines of the budget.

    The lines' amounts are in the number's own unit.
    """

    value: float
    interval: Interval
    status: Status
    lines: tuple[BudgetLine, ...]

    def scaled(self, factor: float) -> tuple[BudgetLine, ...]:
        """The lines with their amounts in the unit of the measure."""
        return tuple(replace(one, amount=factor * one.amount) for one in self.lines)


def corrected(run: Run) -> bool:
    """Whether a grid's numbers are corrected by fresh paths."""
    return run.residual is not None and needs_residual(run.table)


def paths_of(residual: Residual, queries: int | None) -> Residual:
    """The residual with no more paths than a budget of queries leaves it."""
    if queries is None:
        return residual
    most = max(int(PATHS_OF_A_BUDGET * queries), FREE_PATHS, 2 * residual.replicates)
    return replace(residual, max_paths=min(residual.max_paths, most))


def sample(run: Run, functional: Excess | Tail, goal: Goal, what: str) -> Sampled:
    """The functional of the loss to a goal in its own unit, at the goal's confidence.

    Args:
        run: in progress.
        functional: whose threshold was fixed before anything here is drawn.
        goal: of the number, its queries those that may be spent on it.
        what: its name in the budget.
    """
    if not corrected(run):
        return _circuit(run, functional, goal, what)
    error = 1.0 - goal.confidence
    tolerance, queries = goal.tolerance, goal.queries
    mine = replace(
        goal,
        tolerance=None if tolerance is None else _CIRCUIT * tolerance,
        queries=None if queries is None else max(1, int((1.0 - PATHS_OF_A_BUDGET) * queries)),
        confidence=1.0 - _CIRCUIT * error,
    )
    found = _circuit(run, functional, mine, what)
    return _with_residual(run, functional, goal, found, what)


def _circuit(run: Run, functional: Functional, goal: Goal, what: str) -> Sampled:
    """By amplitude estimation alone."""
    encoded, estimate = run.estimate(functional, goal)
    told = number(encoded, estimate)
    interval = Interval(max(told.interval.low, 0.0), max(told.interval.high, 0.0), goal.confidence)
    guarantee, bias = run.estimator.guarantee, encoded.bias_bound
    kind: Kind = "sampling" if guarantee == "proved" else guarantee
    sampled = max(interval.half_width - bias, 0.0)
    threshold = getattr(functional, "threshold", math.nan)
    note = f"{type(run.estimator).__name__}, threshold {threshold:.6g}"
    lines = [BudgetLine(what, kind, sampled, 1.0 - goal.confidence, note)]
    if bias > 0.0:
        lines.append(BudgetLine("encoding", "bound", interval.half_width - sampled))
    return Sampled(max(told.value, 0.0), interval, estimate.status, tuple(lines))


def _with_residual(
    run: Run, functional: Excess | Tail, goal: Goal, found: Sampled, what: str
) -> Sampled:
    """With the mean of what the cells leave out of the functional, on fresh paths."""
    residual = run.residual
    assert residual is not None
    tolerance, share = goal.tolerance, (1.0 - _CIRCUIT) * (1.0 - goal.confidence)
    left = None if tolerance is None else tolerance - found.interval.half_width

    def enough(_: float, half_width: float) -> bool:
        return left is None or half_width <= left or found.status == "interrupted"

    residual = paths_of(residual, goal.queries)
    (stream,) = run.rng.spawn(1)
    correction = residual.correct(
        run.problem,
        run.table,
        enough,
        error=share,
        first_paths=min(FIRST_PATHS, residual.max_paths),
        rng=stream,
        streams=_streams(run, residual, functional, stream),
    )
    run.residual_paths += correction.paths
    width = correction.half_width
    interval = Interval(
        max(found.interval.low + correction.mean - width, 0.0),
        max(found.interval.high + correction.mean + width, 0.0),
        goal.confidence,
    )
    status: Status = found.status if correction.reliable else "unresolved"
    if correction.interrupted:
        status = "interrupted"
    note = f"mean {correction.mean:.6g} beyond the cells' own, {correction.paths:,} Sobol paths"
    line = BudgetLine(f"grid residual of the {what}", "asymptotic", width, share, note)
    return Sampled(found.value + correction.mean, interval, status, (*found.lines, line))


def _streams(
    run: Run, residual: Residual, functional: Excess | Tail, rng: np.random.Generator
) -> tuple[ResidualPaths, ...]:
    of = _integrand(functional)
    return tuple(
        ResidualPaths(run.problem, run.table, one, of) for one in rng.spawn(residual.replicates)
    )


def _integrand(functional: Excess | Tail) -> Callable[[Array], Array]:
    x = functional.threshold
    if isinstance(functional, Excess):
        return lambda losses: np.maximum(losses - x, 0.0)
    return lambda losses: (losses > x).astype(np.float64)


def grid_lines(run: Run) -> tuple[BudgetLine, ...]:
    """The grid's own line, where no residual stands for it."""
    return () if corrected(run) else (grid_line(run.table),)
