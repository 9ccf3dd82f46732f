"""Picture of a `Diversification`: what each position brings, alone and among the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qmc.plots.axes import COLOURS, new_axes, require
from qmc.risk_text import measure_name, money

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from qmc.diversification import Diversification


def plot_contributions(found: Diversification, *, ax: Axes | None = None) -> Axes:
    """A row a position, the largest contribution first: Euler contribution, stand-alone, increment.

    Raises:
        InvalidProblem: for anything but a `Diversification`.
    """
    from qmc.diversification import Diversification

    require("found", found, Diversification, "Diversification.of(problem) makes one")
    parts, alone = np.array(found.contributions), np.array(found.stand_alone)
    order = np.argsort(parts, kind="stable")
    rows = np.arange(parts.size)
    axes = new_axes(ax, height=1.7 + 0.3 * parts.size)
    axes.barh(rows, alone[order], height=0.8, color="#c9d8e8", label="stand-alone")
    axes.barh(rows, parts[order], height=0.45, color=COLOURS[0], label="contribution")
    increments = np.array(found.incremental)[order]
    axes.plot(increments, rows, "|", ms=9, mew=2, color=COLOURS[1], label="incremental")
    axes.axvline(0.0, color="black", lw=0.8)
    axes.set_yticks(rows, [found.names[place] for place in order])
    axes.set_ylim(-0.7, parts.size - 0.3)
    axes.set_xlabel("loss (positive is bad), in the portfolio's money")
    axes.set_title(
        f"{measure_name(found.measure)}: {money(found.joint)} together, "
        f"{money(float(alone.sum()))} one by one, ratio {found.ratio:.3f}",
        fontsize="medium",
    )
    axes.legend(loc="lower right")
    return axes
