"""Pictures of results: each function draws into `ax` (a new one when None) and returns it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qmc.grids.cell_table import CellTable
from qmc.plots.axes import COLOURS, new_axes
from qmc.problem import Array
from qmc.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from qmc.convergence import ConvergenceTable


def plot_cells(table: CellTable, *, ax: Axes | None = None) -> Axes:
    """Value and probability of each cell, cells in order."""
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
    """One horizontal interval a result, the true number as a line."""
    axes = new_axes(ax, height=1.4 + 0.5 * len(results))
    for row, result in enumerate(results):
        ends = np.array([[result.interval.low], [result.interval.high]])
        reach = np.clip(np.abs(ends - result.value), 0.0, 1e300)
        axes.errorbar(
            result.value, row, xerr=reach, fmt="o", capsize=5, color=COLOURS[row % len(COLOURS)]
        )
    if truth is not None:
        axes.axvline(truth, color="black", lw=1, ls="--", label=f"true {truth:.6g}")
        axes.legend()
    axes.set_yticks(range(len(results)), labels)
    axes.set_ylim(-0.7, len(results) - 0.3)
    axes.set_xlabel(f"{results[0].provenance.problem.measure!r}, in the contract's money")
    return axes


def plot_budget(result: Result, *, ax: Axes | None = None) -> Axes:
    """The error budget as horizontal bars."""
    axes = new_axes(ax)
    lines = result.budget.lines
    amounts = [line.amount if math.isfinite(line.amount) else 0.0 for line in lines]
    axes.barh([f"{line.source} ({line.kind})" for line in lines], amounts, color=COLOURS[0])
    axes.invert_yaxis()
    axes.set_xlabel("half-width it adds, in the measure's unit")
    axes.set_title("Where the width of the interval comes from")
    return axes


def plot_losses(
    losses: Array, marks: Sequence[tuple[str, float]], *, ax: Axes | None = None
) -> Axes:
    """Histogram of losses (n,) with named vertical marks such as VaR and ES."""
    axes = new_axes(ax)
    axes.hist(losses, bins=60, color="#9fb8d1", label="losses")
    for (name, value), colour in zip(marks, COLOURS[1:] * len(marks), strict=False):
        axes.axvline(value, color=colour, lw=1.5, label=f"{name} {value:,.6g}")
    axes.set_xlabel("loss (positive is bad)")
    axes.set_ylabel("scenarios")
    axes.legend()
    return axes


def plot_convergence(
    table: ConvergenceTable, problem: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """95th-percentile error against queries, log-log, guide lines -1/2 and -1, fitted slopes."""
    axes = new_axes(ax)
    problem = table.problems[0] if problem is None else problem
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
