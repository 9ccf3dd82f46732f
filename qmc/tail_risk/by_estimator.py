"""Bisection of thresholds by an estimator that the user chose, each test stopped early."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qmc.measures import Tail
from qmc.problem import Goal
from qmc.quantile import (
    find_bracket,
    interpolate,
    max_tests,
    narrow_enough,
    resolution,
    wanted_width,
)
from qmc.result import BudgetLine, Estimate, Interval, Kind
from qmc.run import Run, grid_line, number
from qmc.tail_risk.located import Located
from qmc.tail_risk.thresholds import bias_lines, require_early_reading, tail_bias


def bisected(run: Run, level: float, goal: Goal, reserve: int = 0) -> Located:
    """The bracket of edges that bisection leaves, each threshold tested by the run's estimator.

    Args:
        run: in progress.
        level: of the quantile.
        goal: of the bracket; its tolerances are the loss's.
        reserve: queries of the run's budget to leave untouched.
    """
    require_early_reading(run.estimator)
    edges, tau = np.asarray(run.table.edges), 1.0 - level
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
    guarantee = run.estimator.guarantee
    kind: Kind = "sampling" if guarantee == "proved" else guarantee
    note = f"edges {low} to {high} of {edges.size - 1}, tests {len(bracket.tests)}, flag alone"
    tested = [one.edge for one in bracket.tests]
    bias = max((tail_bias(run.encoding, run.table, edge) for edge in tested), default=0.0)
    lines = [
        BudgetLine("threshold search", kind, half_width, 1.0 - goal.confidence, note),
        *bias_lines(bias),
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
