"""The parts that an engine leaves open: which grid, which estimator, for a problem and a goal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qmc.circuits import Encoding
from qmc.estimators import Certified, Estimator, Iterative
from qmc.grids import CellTable, FactorGrid, Grid, LawGrid, Residual
from qmc.measures import (
    EconomicCapital,
    Mean,
    Measure,
    TailConditionalExpectation,
    TailMeasure,
    VaR,
)
from qmc.problem import Goal, Problem
from qmc.result import law_lines
from qmc.split import needs_residual, planned_split

# proved at every amplitude and readable after every round: any measure may take them
_ESTIMATORS: tuple[Estimator, ...] = (Certified(), Iterative())
_FACTOR_QUBITS = (5, 8)
# a grid of so many normals takes seconds to place: one is enough
_MANY_NORMALS = 500
# qubits of a threshold search's grid: the default, and the most
_EDGE_QUBITS = (5, 13)
# paths of a pilot beyond the quantile, so that the end cell lies beyond it too
_PATHS_BEYOND = 10.0
# the half-width of a bracket is a cell, or two where an edge is passed over; what a threshold off
# the VaR may add to an ES
_BRACKET_SHARE, _SLACK_SHARE = 0.9, 0.5
# of the tolerance that capital leaves to its quantile
_CAPITAL_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Choice:
    """A grid, its cells, and an estimator."""

    grid: Grid
    table: CellTable
    estimator: Estimator


def grids_for(problem: Problem) -> tuple[Grid, ...]:
    """`LawGrid` where a one-dimensional law is known, else `FactorGrid` of two sizes.

    A mean under a law that is but a sample of its model goes to `FactorGrid` too, whose residual
    measures what the cells leave out; a quantile has no residual.
    """
    sampled = law_lines(problem.model, problem.contract.times)
    if LawGrid().treats(problem) and (not sampled or isinstance(problem.measure, TailMeasure)):
        return (LawGrid(),)
    sizes = _FACTOR_QUBITS[:1] if problem.num_factors > _MANY_NORMALS else _FACTOR_QUBITS
    return tuple(FactorGrid(qubits=one) for one in sizes)


def choose(
    problem: Problem,
    goal: Goal,
    grid: Grid | None,
    estimator: Estimator | None,
    encoding: Encoding,
    residual: Residual | None,
) -> Choice:
    """What was given, and for what was left open the least expected queries and paths together.

    A grid that was given is kept, so that nobody gets fewer qubits than asked for.
    """
    if grid is None and isinstance(problem.measure, TailMeasure):
        grid = _search_grid(problem, goal)
    grids = grids_for(problem) if grid is None else (grid,)
    estimators = _ESTIMATORS if estimator is None else (estimator,)
    tables = [one.discretise(problem) for one in grids]
    if len(grids) * len(estimators) == 1:
        return Choice(grids[0], tables[0], estimators[0])
    least, best = math.inf, Choice(grids[0], tables[0], estimators[0])
    for one, table in zip(grids, tables, strict=True):
        error_bar = _error_bar(problem, table, residual)
        for each in estimators:
            choice = Choice(one, table, each)
            cost = _cost(problem, goal, choice, encoding, residual, error_bar)
            if cost < least:
                least, best = cost, choice
    return best


def _error_bar(problem: Problem, table: CellTable, residual: Residual | None) -> float | None:
    """Of the residual's pilot, whatever the estimator; None where a table needs no correction."""
    if residual is None or not needs_residual(table):
        return None
    return residual.pilot(problem, table)


def _search_grid(problem: Problem, goal: Goal) -> Grid:
    """The fewest qubits, five or more, whose cells are narrow enough for the goal.

    A plan may look at the cells' own numbers; the edges are the pilot's at any number of qubits.
    """
    if not LawGrid().treats(problem):
        return FactorGrid()
    least, most = _EDGE_QUBITS
    assert isinstance(problem.measure, TailMeasure)
    tau = min(problem.measure.level, 1.0 - problem.measure.level)
    pilot_paths = max(LawGrid().pilot_paths, math.ceil(_PATHS_BEYOND / tau))
    for qubits in range(least, most):
        grid = LawGrid(qubits=qubits, pilot_paths=pilot_paths)
        table = grid.discretise(problem)
        if table.holds(problem.measure.level) and _resolves(table, problem.measure, goal):
            return grid
    return LawGrid(qubits=most, pilot_paths=pilot_paths)


def _resolves(table: CellTable, measure: Measure, goal: Goal) -> bool:
    """Whether the cells beside the quantile are as narrow as the goal needs.

    An expected shortfall errs by |q - VaR| |F(q) - level| / (1 - level) for a threshold q; a test
    that stops early knows F(q) to about its distance from the level.
    """
    assert isinstance(measure, TailMeasure)
    tau, edges = 1.0 - measure.level, np.asarray(table.edges)
    tails = np.cumsum(table.probabilities[::-1])[::-1]
    cell = min(max(int(np.sum(tails > tau)) - 1, 1), edges.size - 3)
    width = float(edges[cell + 1] - edges[cell])
    nearest = min(float(np.abs(edges[one])) for one in (cell, cell + 1))
    allowed = goal.allowed_half_width(nearest - goal.origin)
    if allowed is None:
        return True
    if isinstance(measure, VaR | EconomicCapital):
        share = 1.0 if isinstance(measure, VaR) else _CAPITAL_SHARE
        return width <= share * _BRACKET_SHARE * allowed
    if isinstance(measure, TailConditionalExpectation):
        # the mean beyond an edge moves no more than the edge
        return width <= _SLACK_SHARE * allowed
    mass = float(table.probabilities[cell])
    return 2.0 * width * mass / tau <= _SLACK_SHARE * allowed


def _cost(
    problem: Problem,
    goal: Goal,
    choice: Choice,
    encoding: Encoding,
    residual: Residual | None,
    error_bar: float | None,
) -> float:
    """Expected queries and residual paths; for a search those of a test at its first edge."""
    table, estimator = choice.table, choice.estimator
    if table.edges is not None:
        return estimator.expected_queries(Goal(tolerance=0.01, confidence=goal.confidence), 0.1)
    encoded = encoding.encode(table, Mean())
    if residual is not None and error_bar is not None:
        split = planned_split(problem, goal, table, encoded, estimator, residual, error_bar)
        return split.queries + split.paths
    if goal.allowed_half_width(1.0) is None:
        return math.inf if goal.queries is None else 1.0
    amplitude = min(max((table.mean() - encoded.offset) / encoded.scale, 0.0), 1.0)
    return estimator.expected_queries(encoded.amplitude_goal(goal, table.known_bias), amplitude)
