"""Pictures of factor grids: where the qubits went, and what the cells are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.grids.cell_table import CellTable
from qmc.grids.factor_cells import FactorCells
from qmc.grids.factor_report import FactorReport
from qmc.plots.axes import COLOURS, new_axes, require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAKE = "FactorGrid(qubits=6).discretise(problem) makes one"
_FIRST = {
    "payoff": "the payoff's own",
    "curvature": "the payoff's curvature",
    "principal components": "the paths' first",
}
# area of a cell's mark, in points squared, that has the largest probability
_LARGEST = 70.0
_SMALLEST = 8.0


def plot_allocation(table: CellTable, *, ax: Axes | None = None) -> Axes:
    """Qubits of each direction, and the share of the payoff's variance that these removed.

    Raises:
        InvalidProblem: for anything but a table from `FactorGrid`.
    """
    _, report = _made(table)
    axes = new_axes(ax)
    chosen = report.chosen
    places = np.arange(len(chosen.bits))
    bars = axes.bar(places, chosen.bits, width=0.7, color=COLOURS[0])
    shares = [f"-{100.0 * share:.3g} %" if share else "" for share in chosen.removed]
    axes.bar_label(bars, shares, padding=2, color=COLOURS[1])
    names = [str(place + 1) for place in places]
    names[0] = f"1: {_FIRST[report.rule]}"
    axes.set_xticks(places, names)
    axes.set_xlabel("direction of the normals")
    axes.set_ylabel("qubits")
    axes.set_yticks(range(max(chosen.bits) + 1))
    axes.set_ylim(0.0, 1.15 * max(chosen.bits))
    before = chosen.residual_share + sum(chosen.removed)
    axes.set_title(
        f"{table.num_qubits} qubits, cells worth '{chosen.worth}': variance left "
        f"{100.0 * before:.3g} % before, {100.0 * chosen.residual_share:.3g} % after",
        fontsize="medium",
    )
    return axes


def plot_factor_cells(table: CellTable, *, ax: Axes | None = None) -> Axes:
    """What each cell is worth against its mean place on the first direction that was cut.

    A mark's area goes with the cell's probability, its colour with the place on the second.

    Raises:
        InvalidProblem: for anything but a table from `FactorGrid`.
    """
    cells, report = _made(table)
    axes = new_axes(ax)
    nodes, weights = cells.nodes(), table.probabilities / table.probabilities.max()
    sizes = _SMALLEST + (_LARGEST - _SMALLEST) * weights
    first, *others = (f"direction {place + 1}" for place in cells.places)
    if others:
        marks = axes.scatter(
            nodes[:, 0], table.values, sizes, c=nodes[:, 1], cmap="cividis", linewidths=0.0
        )
        axes.figure.colorbar(marks, ax=axes, label=f"E[{others[0]} | cell], standard deviations")
    else:
        axes.scatter(nodes[:, 0], table.values, sizes, color=COLOURS[0], linewidths=0.0)
    axes.set_xlabel(f"E[{first} | cell], standard deviations")
    axes.set_ylabel("outcome in the cell (money)")
    axes.set_title(
        f"{table.values.size} cells worth '{report.chosen.worth}', "
        f"mean {table.mean():.6g}, bias {table.bias}"
    )
    return axes


def _made(table: object) -> tuple[FactorCells, FactorReport]:
    """The cells and the report of a factor grid's table."""
    require("table", table, CellTable, _MAKE)
    assert isinstance(table, CellTable)
    if table.report is None or not isinstance(table.locator, FactorCells):
        given = f"a table of {table.num_qubits} qubits without a report"
        raise checks.refuse("table", given, "a table that FactorGrid made", _MAKE)
    return table.locator, table.report
