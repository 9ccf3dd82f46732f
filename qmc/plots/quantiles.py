"""Picture of what a quantile costs by several methods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmc import checks
from qmc.plots.axes import COLOURS, items, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FIELDS = ("case", "level", "tolerance", "runs", "median", "p5", "p95")
_ROW = "mappings with the fields " + ", ".join(_FIELDS)


def plot_quantile_queries(rows: Iterable[Mapping[str, Any]], *, ax: Axes | None = None) -> Axes:
    """Queries against relative tolerance, log-log; median line and 5 to 95 % band of each method.

    Args:
        rows: one a method and tolerance: `case` ("law: method"), level, tolerance, runs, median,
            p5 and p95 of the queries.
        ax: None for new axes.

    Raises:
        InvalidProblem: without rows, or for a row that lacks a field.
    """
    found = items("rows", rows, _ROW)
    for place, row in enumerate(found):
        lacking = [name for name in _FIELDS if not isinstance(row, Mapping) or name not in row]
        if lacking:
            raise checks.refuse(f"rows[{place}]", row, _ROW, f"it lacks {', '.join(lacking)}")
    axes = new_axes(ax)
    names = list(dict.fromkeys(row["case"] for row in found))
    for name, colour in zip(names, COLOURS * len(names), strict=False):
        mine = sorted(
            (r["tolerance"], r["median"], r["p5"], r["p95"]) for r in found if r["case"] == name
        )
        tolerance, median, low, high = np.array(mine).T
        axes.plot(
            tolerance, median, "o-", ms=4, color=colour, label=name.partition(": ")[2] or name
        )
        axes.fill_between(tolerance, low, high, color=colour, alpha=0.18, lw=0)
    axes.set(xscale="log", yscale="log")
    axes.invert_xaxis()
    ticks = sorted({float(row["tolerance"]) for row in found})
    axes.set_xticks(ticks, labels=[f"{100.0 * one:g} %" for one in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("half-width wanted, as a share of the value at risk")
    axes.set_ylabel("queries (classical: samples)")
    law, level = names[0].partition(": ")[0], 100.0 * found[0]["level"]
    axes.set_title(
        f"VaR {level:g} % of {law}, 95 % confidence, {found[0]['runs']} seeds, 5 to 95 %"
    )
    axes.legend(fontsize=8, loc="upper left")
    return axes
