"""A quantile among the grid's edges, by the grid's own tails."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from qmc.errors import InvalidProblem, Unsupported
from qmc.grids import CellTable
from qmc.problem import Array, Goal
from qmc.quantile import (
    QuantileEstimate,
    QuantileTask,
    ThresholdSearch,
    require_visible_tail,
    run_search,
)
from qmc.result import BudgetLine, Kind
from qmc.run import Run, grid_line
from qmc.tail_risk.by_estimator import bisected
from qmc.tail_risk.located import Located
from qmc.tail_risk.thresholds import (
    ThresholdCircuits,
    bias_lines,
    flags_are_tails,
    largest_bias,
    tail_bias,
)

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
    table, edges = run.table, edges_of(run.table)
    require_held(table, level)
    require_visible_tail(1.0 - level, tail_bias(run.encoding, table, edges.size // 2))
    if run.search is None or not flags_are_tails(run.encoding, table):
        return bisected(run, level, goal, reserve)
    search, bias = run.search, largest_bias(run.encoding, table)
    circuits, left = ThresholdCircuits(run, bias), run.queries_left()
    if left is not None:
        goal = replace(goal, queries=max(left - reserve, 1))
    task = QuantileTask(
        edges,
        level,
        goal,
        decay=circuits.decay,
        readout=circuits.reads,
        tail_bias=bias,
    )
    (stream,) = run.rng.spawn(1)
    # odds far off an edge overflow to infinity, whose angle is right
    with np.errstate(over="ignore"):
        found = run_search(search, circuits, task, rng=stream)
    return Located(
        edges=edges,
        low=found.low,
        high=found.high,
        value=found.value,
        status=found.status,
        confidence=goal.confidence,
        tails=dict(found.tails),
        lines=(_search_line(search, circuits, task, found), *bias_lines(bias), grid_line(table)),
    )


def _search_line(
    search: ThresholdSearch,
    circuits: ThresholdCircuits,
    task: QuantileTask,
    found: QuantileEstimate,
) -> BudgetLine:
    """What the search leaves open, how it was guaranteed, and what was measured."""
    guarantee = search.guarantee
    measured = "cells read beside the flag" if circuits.has_read else "flag alone"
    note = (
        f"edges {found.low} to {found.high} of {task.edges.size - 1}, thresholds {found.tests}, "
        f"{type(search).__name__}, {measured}"
    )
    allowed = task.goal.allowed_half_width(found.value)
    half_cell = 0.5 * float(np.diff(task.edges[found.low : found.high + 1]).min())
    if allowed is not None and allowed < half_cell < math.inf:
        note += f"; half a cell is {half_cell:.3g}, more than the {allowed:.3g} asked: more qubits"
    kind: Kind = "sampling" if guarantee == "proved" else guarantee
    share = 1.0 - task.goal.confidence
    return BudgetLine("threshold search", kind, found.interval.half_width, share, note)
