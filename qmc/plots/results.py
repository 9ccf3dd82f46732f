"""Pictures of results: each function draws into `ax` (a new one when None) and returns it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.grids.cell_table import CellTable
from qmc.measures import Measure, Probability, Sensitivity
from qmc.plots.axes import COLOURS, items, new_axes, require
from qmc.problem import Array
from qmc.result import Result
from qmc.risk_text import measure_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from qmc.convergence import ConvergenceTable

_RESULT = "engine.solve(problem, goal) returns one"
_MARKS = "pairs of a name and a finite number, such as [('VaR', 12.5)]"


def plot_cells(table: CellTable, *, ax: Axes | None = None) -> Axes:
    """Value and probability of each cell, cells in order.

    Raises:
        InvalidProblem: for anything but a `CellTable`.
    """
    require("table", table, CellTable, "engine.discrete_problem(problem) makes one")
    axes = new_axes(ax)
    index = np.arange(table.values.size)
    axes.bar(index, table.values, width=0.85, color=COLOURS[0], label="E[outcome | cell]")
    axes.set_xlabel("cell")
    axes.set_ylabel("outcome in the cell (money)")
    twin = axes.twinx()
    twin.plot(index, table.probabilities, "o-", ms=3, lw=1, color=COLOURS[1])
    twin.set_ylabel("probability of the cell", color=COLOURS[1])
    twin.set_ylim(bottom=0.0)
    axes.set_title(f"{table.values.size} cells on {table.num_qubits} qubits, bias {table.bias}")
    return axes


def plot_intervals(
    results: Sequence[Result],
    labels: Sequence[str],
    *,
    truth: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """One horizontal interval a result, the true number as a line.

    Raises:
        InvalidProblem: without results, for something else among them, or for another number of
            labels.
    """
    shown = items("results", results, "a non-empty sequence of results")
    for place, one in enumerate(shown):
        require(f"results[{place}]", one, Result, _RESULT)
    names = items("labels", labels, "a sequence of one text a result")
    if len(names) != len(shown):
        raise checks.refuse("labels", names, f"one for each of {len(shown)} results")
    truth = None if truth is None else checks.finite("truth", truth)
    axes = new_axes(ax, height=1.4 + 0.5 * len(shown))
    for row, result in enumerate(shown):
        ends = np.array([[result.interval.low], [result.interval.high]])
        reach = np.clip(np.abs(ends - result.value), 0.0, 1e300)
        axes.errorbar(
            result.value, row, xerr=reach, fmt="o", capsize=5, color=COLOURS[row % len(COLOURS)]
        )
    if truth is not None:
        axes.axvline(truth, color="black", lw=1, ls="--", label=f"true {truth:.6g}")
        axes.legend()
    axes.set_yticks(range(len(shown)), [str(name) for name in names])
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.set_xlabel(f"{_unit(shown[0].provenance.problem.measure)}")
    return axes


def _unit(measure: Measure) -> str:
    """A measure's name and, where it is money, of what."""
    if isinstance(measure, Probability):
        return f"P(present value > {measure.threshold:,.6g})"
    if isinstance(measure, Sensitivity):
        squared = " squared" if measure.order == 2 else ""
        return f"{measure.greek}, in the contract's money per unit of {measure.to}{squared}"
    return f"{measure_name(measure)}, in the contract's money"


def plot_budget(result: Result, *, ax: Axes | None = None) -> Axes:
    """The error budget as horizontal bars.

    Raises:
        InvalidProblem: for anything but a `Result`.
    """
    require("result", result, Result, _RESULT)
    axes = new_axes(ax)
    lines = result.budget.lines
    amounts = [line.amount if math.isfinite(line.amount) else 0.0 for line in lines]
    axes.barh([f"{line.source} ({line.kind})" for line in lines], amounts, color=COLOURS[0])
    axes.invert_yaxis()
    axes.set_xlabel("half-width it adds, in the measure's unit")
    axes.set_title("Where the width of the interval comes from")
    return axes


def plot_losses(
    losses: Array, marks: Iterable[tuple[str, float]], *, ax: Axes | None = None
) -> Axes:
    """Histogram of losses (n,) with named vertical marks such as VaR and ES.

    Raises:
        InvalidProblem: for losses that are not finite numbers, or marks that are no pairs.
    """
    seen = checks.table("losses", losses, 1)
    named = _checked_marks(marks)
    axes = new_axes(ax)
    axes.hist(seen, bins=60, color="#9fb8d1", label="losses")
    for (name, value), colour in zip(named, COLOURS[1:] * len(named), strict=False):
        axes.axvline(value, color=colour, lw=1.5, label=f"{name} {value:,.6g}")
    axes.set_xlabel("loss (positive is bad)")
    axes.set_ylabel("scenarios")
    axes.legend()
    return axes


def _checked_marks(marks: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Names and numbers; none draws the losses alone."""
    if isinstance(marks, str) or not isinstance(marks, Iterable):
        raise checks.refuse("marks", marks, _MARKS)
    named: list[tuple[str, float]] = []
    for place, mark in enumerate(marks):
        if isinstance(mark, str) or not isinstance(mark, Sequence) or len(mark) != 2:
            raise checks.refuse(f"marks[{place}]", mark, _MARKS)
        named.append((str(mark[0]), checks.finite(f"marks[{place}][1]", mark[1])))
    return named


def plot_convergence(
    table: ConvergenceTable, problem: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """95th-percentile error against queries, log-log, guide lines -1/2 and -1, fitted slopes.

    Raises:
        InvalidProblem: for anything but a `ConvergenceTable`, or a problem that it does not have.
    """
    from qmc.convergence import ConvergenceTable

    require("table", table, ConvergenceTable, "qmc.convergence(...) returns one")
    if not table.rows:
        raise checks.refuse("table", "no rows", "a table with a row or more", "run it to an end")
    problem = table.problems[0] if problem is None else problem
    checks.choice("problem", problem, table.problems)
    axes = new_axes(ax)
    corner: tuple[float, float] | None = None
    span = (math.inf, 0.0)
    for engine, colour in zip(table.engines(problem), COLOURS * 9, strict=False):
        queries, errors = table.curve(problem, engine)
        x, high = queries.mean(axis=1), np.percentile(errors, 95.0, axis=1)
        slope = table.slope(problem, engine)
        fitted = (
            ""
            if math.isnan(slope.value)
            else (
                f", slope {slope.value:.2f} [{slope.interval.low:.2f}, {slope.interval.high:.2f}]"
            )
        )
        axes.plot(x, high, "o-", color=colour, label=f"{engine}{fitted}")
        vague = ~table.informative(problem, engine)
        if np.any(vague):
            # a search cut short: its interval says no more than the number's size
            label = f"{engine}: interval wider than the number, not fitted"
            axes.plot(x[vague], high[vague], "o", mfc="white", color=colour, ms=7, label=label)
        axes.plot(x, np.median(errors, axis=1), ":", color=colour, lw=1)
        corner = corner or (float(x[0]), float(high[0]))
        span = (min(span[0], float(x.min())), max(span[1], float(x.max())))
    if corner is not None and corner[1] > 0.0:
        reach = np.array([max(span[0], 1.0), span[1]])
        for power, style in ((-0.5, "--"), (-1.0, "-.")):
            guide = corner[1] * (reach / corner[0]) ** power
            axes.plot(reach, guide, style, color="grey", lw=0.8, label=f"slope {power:g}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("queries (uses of A or its inverse; classical: paths)")
    axes.set_ylabel("error: 95th percentile (line), median (dotted)")
    axes.set_title(problem)
    axes.legend(fontsize=8)
    return axes
