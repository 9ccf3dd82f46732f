"""Axes and colours that all pictures share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0b5394", "#b45f06", "#38761d", "#741b47", "#444444")
_SIZE = (7.0, 4.3)


def new_axes(ax: Axes | None = None, *, height: float = _SIZE[1]) -> Axes:
    """The given axes, or new ones of a height in inches.

    A new figure is shown by itself in a notebook and owned by nobody elsewhere.
    """
    if ax is not None:
        return ax
    size = (_SIZE[0], height)
    if _in_notebook():
        from matplotlib import pyplot as plt

        return plt.subplots(figsize=size, layout="constrained")[1]
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained").add_subplot()


def _in_notebook() -> bool:
    """True inside IPython, whose pyplot shows a cell's figures and closes them."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None
