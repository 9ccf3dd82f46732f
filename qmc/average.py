"""Means by amplitude estimation: the cells' expectation, and what the grid leaves out.

A grid whose bias is exact or bounded needs the circuit alone. Any other is corrected by the mean
of payoff less cell value over fresh paths (`qmc.grids.Residual`), so that the interval covers the
true number of the continuous problem; tolerance and error probability are split between the two
for the least expected cost, a path counting as a query.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qmc.circuits import AmplitudeProblem
from qmc.grids import CellTable, Correction, Residual
from qmc.grids.residual_paths import ResidualPaths
from qmc.measures import Mean, Probability
from qmc.problem import Goal
from qmc.result import BudgetLine, Estimate, Interval, Kind, Status
from qmc.run import Answer, Run, grid_line, number, whole_status
from qmc.split import Split, circuit_goal, needs_residual, planned_split

_ENDLESS = "it may be 0, where a relative tolerance has no end: give tolerance= or queries="
# a pilot's mean may be so far above the price
_PILOT_SLACK = 1.05
# paths that a small budget of queries does not forbid, as many as a grid's own pilot
_FREE_PATHS = 4096


@dataclass(frozen=True, slots=True)
class Kept:
    """What several runs of one problem on one table share, so that it is sampled once.

    Attributes:
        error_bar: what `Residual.pilot` gave of problem and table.
        streams: what `Residual.streams` gives of them for the generator of a run.
        split: of the solve, where it is known already.
    """

    error_bar: float
    streams: Callable[[np.random.Generator], Sequence[ResidualPaths]]
    split: Split | None = None


def average(run: Run, residual: Residual | None, kept: Kept | None = None) -> Answer:
    """The mean of the measure's integrand: circuit, grid, and the correction between them.

    Args:
        run: a solve in progress.
        residual: the sampler of the correction; None leaves it out.
        kept: of earlier runs; it saves time and changes no bit.
    """
    if residual is None or not needs_residual(run.table):
        return _uncorrected(run)
    problem, table, goal, spent = run.problem, run.table, run.goal, run.meter.queries
    encoded = run.encoding.encode(table, Mean())
    error_bar = kept.error_bar if kept else None
    split = kept.split if kept else None
    if split is None:
        split = planned_split(problem, goal, table, encoded, run.estimator, residual, error_bar)
    circuit_rng, residual_rng = run.rng.spawn(2)
    run.rng = circuit_rng
    estimate = _amplified(run, encoded, encoded.amplitude_goal(circuit_goal(goal, split), 0.0))
    found = number(encoded, estimate)

    def enough(mean: float, half_width: float) -> bool:
        return goal.met(found.value + mean, found.interval.half_width + half_width)

    # after Ctrl-C, or without a tolerance, the first look is the last
    keeps_on = estimate.status != "interrupted" and goal.allowed_half_width(1.0) is not None
    if goal.queries is not None:
        most = max(goal.queries - (run.meter.queries - spent), _FREE_PATHS, 2 * residual.replicates)
        residual = replace(residual, max_paths=min(residual.max_paths, most))
    correction = residual.correct(
        problem,
        table,
        enough if keeps_on else _one_look,
        error=(1.0 - split.error) * (1.0 - goal.confidence),
        first_paths=int(split.paths),
        rng=residual_rng,
        streams=kept.streams(residual_rng) if kept else (),
    )
    run.residual_paths = residual.pilot_paths + correction.paths
    return _corrected(run, encoded, estimate, correction, split)


def _amplified(run: Run, encoded: AmplitudeProblem, one: Goal) -> Estimate:
    """The amplitude to a goal of its own; without a circuit where the flag is never raised."""
    if not _is_constant(encoded):
        return run.amplify(encoded, one)
    run.encoded = encoded
    return Estimate(0.0, Interval(0.0, 0.0, one.confidence), "converged")


def _is_constant(encoded: AmplitudeProblem) -> bool:
    """Whether all cells are worth the same: the number is the encoding's offset."""
    return encoded.flags is not None and not encoded.flags.any()


def _one_look(mean: float, half_width: float) -> bool:  # noqa: ARG001
    return True


def _corrected(
    run: Run, encoded: AmplitudeProblem, estimate: Estimate, correction: Correction, split: Split
) -> Answer:
    goal, found = run.goal, number(encoded, estimate)
    width = correction.half_width
    interval = Interval(
        found.interval.low + correction.mean - width,
        found.interval.high + correction.mean + width,
        goal.confidence,
    )
    share = 1.0 - goal.confidence
    note = (
        f"mean {correction.mean:.6g} of payoff less cell value, {correction.paths:,} Sobol paths, "
        f"looks {correction.looks}{_trust(correction)}{_kinds(run.table)}"
    )
    line = BudgetLine("grid residual", "asymptotic", width, (1.0 - split.error) * share, note)
    lines = (*_circuit_lines(run, encoded, estimate, split.error * share), line)
    status: Status = estimate.status if correction.reliable else "unresolved"
    if correction.interrupted:
        status = "interrupted"
    return _answer(run, found.value + correction.mean, interval, status, lines)


def _trust(correction: Correction) -> str:
    """Why an interval is not relied upon."""
    if correction.reliable:
        return ""
    if not math.isfinite(correction.asked):
        return "; no spread was seen"
    return f"; not relied upon: rare large values ask for {correction.asked:,.0f} paths"


def _kinds(table: CellTable) -> str:
    return "" if table.report is None else f"; {table.report.short}"


def _uncorrected(run: Run) -> Answer:
    goal, bias = run.goal, run.table.known_bias
    encoded = run.encoding.encode(run.table, Mean())
    one = encoded.amplitude_goal(_less_bias(goal, run.table), bias)
    estimate = _amplified(run, encoded, one)
    found = number(encoded, estimate)
    interval = Interval(found.interval.low - bias, found.interval.high + bias, goal.confidence)
    lines = _circuit_lines(run, encoded, estimate, 1.0 - goal.confidence)
    return _answer(run, found.value, interval, estimate.status, (*lines, _grid_line(run)))


def _less_bias(goal: Goal, table: CellTable) -> Goal:
    """A relative tolerance less what the grid's bound takes of it, at the pilot's mean."""
    guess = abs((table.pilot_mean or 0.0) - goal.origin)
    if goal.relative_tolerance is None or table.known_bias == 0.0 or guess == 0.0:
        return goal
    left = goal.relative_tolerance - _PILOT_SLACK * table.known_bias / guess
    # a bound beyond the tolerance cannot be sampled away; the status says so
    return replace(goal, relative_tolerance=left) if left > 0.0 else goal


def _grid_line(run: Run) -> BudgetLine:
    """The grid's line, with a hint where its bound alone is more than the goal allows."""
    line, allowed = grid_line(run.table), run.goal.allowed_half_width(run.table.mean())
    if line.kind != "bound" or allowed is None or line.amount < allowed:
        return line
    hint = "beyond the tolerance: no queries reach it, take bias='measured' or more qubits"
    return replace(line, note=hint)


def _answer(
    run: Run, value: float, interval: Interval, status: Status, lines: tuple[BudgetLine, ...]
) -> Answer:
    """The value inside the interval, and the status that the whole width deserves."""
    if isinstance(run.problem.measure, Probability):
        interval = interval.clipped(0.0, 1.0)
    value = min(max(value, interval.low), interval.high)
    status = whole_status(status, run.goal, value, interval.half_width, run.meter)
    if status == "unresolved" and _is_endless(run.goal, interval):
        first, *others = lines
        lines = (replace(first, note=f"{first.note}; {_ENDLESS}"), *others)
    return Answer(value, interval, status, lines)


def _is_endless(goal: Goal, interval: Interval) -> bool:
    """Whether a number cannot be told from 0, of which no share is small enough."""
    known = math.isfinite(interval.half_width)
    return goal.relative_tolerance is not None and known and interval.contains(goal.origin)


def _circuit_lines(
    run: Run, encoded: AmplitudeProblem, estimate: Estimate, share: float
) -> tuple[BudgetLine, ...]:
    """What estimator and encoding add to the width."""
    if _is_constant(encoded):
        note = "all cells are worth the same: no circuit is needed"
        return (
            BudgetLine("amplitude estimation", "exact", 0.0, 0.0, note),
            *_encoding_lines(run, encoded),
        )
    note = f"{type(run.estimator).__name__}, scale {encoded.scale:.6g} a unit of amplitude"
    kind: Kind = "sampling" if run.estimator.guarantee == "proved" else run.estimator.guarantee
    sampled = estimate.interval.mapped(encoded.offset, encoded.scale).half_width
    line = BudgetLine("amplitude estimation", kind, sampled, share, note)
    return (line, *_encoding_lines(run, encoded))


def _encoding_lines(run: Run, encoded: AmplitudeProblem) -> tuple[BudgetLine, ...]:
    if encoded.bias_bound == 0.0:
        return ()
    return (BudgetLine("encoding", "bound", encoded.bias_bound, 0.0, _reach(run.goal, encoded)),)


def _reach(goal: Goal, encoded: AmplitudeProblem) -> str:
    """A hint where the encoding's own bias is more than the goal allows."""
    if goal.tolerance is None or encoded.bias_bound < goal.tolerance:
        return "stated by the encoding"
    return "beyond the tolerance: no queries reach it, take MultiplexedRotation() or more qubits"
