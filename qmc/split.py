"""How a goal's tolerance and error probability are shared between a circuit and its residual."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qmc.circuits import AmplitudeProblem
from qmc.estimators import Estimator
from qmc.grids import CellTable, Residual
from qmc.problem import Goal, Problem

# shares of tolerance and of error probability that the circuit may get
_WIDTHS = np.arange(0.05, 0.96, 0.05)
_ERRORS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# the share of a budget of queries that is left to paths when nothing else is asked
_PATHS_OF_A_BUDGET = 0.25
# the circuit's shares where the residual's pilot saw no spread
_NEARLY_ALL = 0.95


@dataclass(frozen=True, slots=True)
class Split:
    """How tolerance, error probability and cost are shared between circuit and residual.

    Attributes:
        width: the circuit's share of the tolerance.
        error: the circuit's share of 1 - confidence.
        queries, paths: expected.
    """

    width: float
    error: float
    queries: float
    paths: float


def circuit_goal(goal: Goal, split: Split | None) -> Goal:
    """What the circuit has to reach of a goal."""
    if split is None:
        return goal

    def share(limit: float | None) -> float | None:
        return None if limit is None else split.width * limit

    return replace(
        goal,
        tolerance=share(goal.tolerance),
        relative_tolerance=share(goal.relative_tolerance),
        queries=None if goal.queries is None else _circuit_queries(goal.queries, split.paths),
        confidence=1.0 - split.error * (1.0 - goal.confidence),
    )


def _circuit_queries(queries: int, paths: float) -> int:
    """What paths leave of a budget; they take no more than their share of it."""
    return max(1, int(queries - min(paths, _PATHS_OF_A_BUDGET * queries)))


def least_cost(
    goal: Goal,
    estimator: Estimator,
    encoded: AmplitudeProblem,
    guess: float,
    residual: Residual,
    error_bar: float,
) -> Split:
    """The split with the least expected queries and paths together.

    Args:
        goal: of the number.
        estimator: whose queries are counted.
        encoded: the circuit.
        guess: of the number, for a relative tolerance and the amplitude.
        residual: the sampler of the correction.
        error_bar: of its pilot.
    """
    allowed = goal.allowed_half_width(guess)
    if error_bar == 0.0:
        flat = Split(_NEARLY_ALL, _NEARLY_ALL, 0.0, residual.expected_paths(0.0, 0.0, 0.5))
        return replace(flat, queries=_queries(circuit_goal(goal, flat), estimator, encoded, guess))
    if allowed is None or allowed == 0.0:
        paths = _PATHS_OF_A_BUDGET * (goal.queries or 0)
        return Split(0.5, 0.8, float(goal.queries or 0) - paths, paths)
    best: Split | None = None
    for width in _WIDTHS:
        for error in _ERRORS:
            one = Split(float(width), error, 0.0, 0.0)
            queries = _queries(circuit_goal(goal, one), estimator, encoded, guess)
            left = (1.0 - width) * allowed, (1.0 - error) * (1.0 - goal.confidence)
            paths = residual.expected_paths(error_bar, *left)
            if best is None or queries + paths < best.queries + best.paths:
                best = replace(one, queries=queries, paths=paths)
    assert best is not None
    return best


def _queries(goal: Goal, estimator: Estimator, encoded: AmplitudeProblem, guess: float) -> float:
    amplitude = min(max((guess - encoded.offset) / encoded.scale, 0.0), 1.0)
    return estimator.expected_queries(encoded.amplitude_goal(goal, 0.0), amplitude)


def needs_residual(table: CellTable) -> bool:
    """Whether a grid's bias is neither exact nor bounded, and can be measured."""
    return table.bias == "unknown" and table.locator is not None


def planned_split(
    problem: Problem,
    goal: Goal,
    table: CellTable,
    encoded: AmplitudeProblem,
    estimator: Estimator,
    residual: Residual,
    error_bar: float | None = None,
) -> Split:
    """The split that a solve makes, from the residual's own small pilot or its known error bar."""
    found = residual.pilot(problem, table) if error_bar is None else error_bar
    return least_cost(goal, estimator, encoded, table.pilot_mean or 0.0, residual, found)
