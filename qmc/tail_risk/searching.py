"""A quantile among the grid's edges, by the grid's own tails."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from qmc.errors import InvalidProblem, Unsupported
from qmc.estimators import Estimator
from qmc.grids import CellTable
from qmc.measures import Tail
from qmc.problem import Array, Goal
from qmc.quantile import (
    find_bracket,
    interpolate,
    max_tests,
    narrow_enough,
    require_visible_tail,
    resolution,
    wanted_width,
)
from qmc.result import BudgetLine, Estimate, Interval
from qmc.run import Run, grid_line, number
from qmc.tail_risk.located import Located
from qmc.tail_risk.thresholds import tail_bias

# two cells are both unbounded: such a table shows a search and answers nothing
_LEAST_EDGES = 4


def edges_of(table: CellTable) -> Array:
    """The edges of a table that has some.

    Raises:
        Unsupported: when the grid made none.
    """
    if table.edges is None:
        msg = (
            "the grid made no edges for a quantile: take LawGrid or FactorGrid, or "
            "classical_baseline.MonteCarlo, which needs none"
        )
        raise Unsupported(msg)
    return np.asarray(table.edges)


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


def require_held(table: CellTable, level: float) -> None:
    """Refuse a level whose quantile lies in an unbounded end cell, where no interval has two ends.

    The cells' own numbers say so before anything is paid; no estimate uses them.

    Raises:
        InvalidProblem: naming the end cell's share of the losses, and how to widen the grid.
    """
    edges, tau = edges_of(table), 1.0 - level
    if table.holds(level) or edges.size < _LEAST_EDGES:
        return
    below, above = table.end_masses
    high = above > tau
    side, share = ("last", above) if high else ("first", below)
    limit = f"above {edges[-2]:.6g}" if high else f"up to {edges[1]:.6g}"
    wanted = math.ceil(10.0 / min(tau, level))
    msg = (
        f"level={level:g}: the grid's unbounded {side} cell, {limit}, holds {share:.3g} of the "
        f"losses, so the quantile is in it and has no bound; widen the grid with pilot_paths= of "
        f"{max(wanted, 2 * table.pilot_paths):,} or more, take more qubits, or another level"
    )
    raise InvalidProblem(msg)


def searched(run: Run, level: float, goal: Goal, reserve: int = 0) -> Located:
    """The bracket of edges that the search leaves at `goal.confidence`.

    Args:
        run: in progress.
        level: of the quantile.
        goal: of the bracket; its tolerances are the loss's.
        reserve: queries of the run's budget to leave untouched.
    """
    require_early_reading(run.estimator)
    edges, tau = edges_of(run.table), 1.0 - level
    require_held(run.table, level)
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
        amplified = run.amplify(encoded, one, lambda interval: not interval.contains(tau))
        found = number(encoded, amplified)
        return replace(found, interval=replace(found.interval.clipped(0.0, 1.0)))

    bracket = find_bracket(edges, tau, test, narrow_enough(edges, goal))
    low, high = bracket.low, bracket.high
    half_width = Interval(float(edges[low]), float(edges[high])).half_width
    note = f"edges {low} to {high} of {edges.size - 1}, tests {len(bracket.tests)}"
    lines = [
        BudgetLine("threshold search", "sampling", half_width, 1.0 - goal.confidence, note),
        *_bias_lines(run, [one.edge for one in bracket.tests]),
        grid_line(run.table),
    ]
    ended = bracket.ended
    return Located(
        edges=edges,
        low=low,
        high=high,
        value=interpolate(edges, bracket, tau),
        status="converged" if ended in {"resolved", "tolerance"} else ended,  # type: ignore[arg-type]
        confidence=goal.confidence,
        tails={one.edge: one.tail.interval for one in bracket.tests},
        lines=tuple(lines),
    )


def _bias_lines(run: Run, edges: list[int]) -> tuple[BudgetLine, ...]:
    """What the encoding adds to each tail probability; the search's width already holds it."""
    bias = max((tail_bias(run.encoding, run.table, edge) for edge in edges), default=0.0)
    if bias == 0.0:
        return ()
    note = f"each tail probability to within {bias:.3g}: counted in the threshold search"
    return (BudgetLine("encoding", "bound", 0.0, 0.0, note),)
