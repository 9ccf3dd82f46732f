"""Axes and colours that all pictures share."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from qmc import checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0b5394", "#b45f06", "#38761d", "#741b47", "#444444")
_SIZE = (7.0, 4.3)


def new_axes(ax: Axes | None = None, *, height: float = _SIZE[1]) -> Axes:
    """The given axes, or new ones of a height in inches.

    A new figure is shown by itself in a notebook and owned by nobody elsewhere.

    Raises:
        InvalidProblem: when `ax` is no matplotlib Axes.
    """
    if ax is not None:
        from matplotlib.axes import Axes

        require("ax", ax, Axes, "such as pyplot.subplots()[1], or None for new axes")
        return ax
    size = (_SIZE[0], checks.positive("height", height))
    if _in_notebook():
        from matplotlib import pyplot as plt

        return plt.subplots(figsize=size, layout="constrained")[1]
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained").add_subplot()


def _in_notebook() -> bool:
    """True inside IPython, whose pyplot shows a cell's figures and closes them."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def require(name: str, given: object, kind: type, hint: str) -> None:
    """Refuse what is no instance of a kind; the hint says how one is made."""
    if not isinstance(given, kind):
        raise checks.refuse(name, given, f"of type {kind.__name__}", hint)


def items(name: str, given: Iterable[Any], allowed: str) -> list[Any]:
    """A non-empty sequence as a list.

    Raises:
        InvalidProblem: for a text, a single thing, or nothing.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise checks.refuse(name, given, allowed)
    found = list(given)
    if not found:
        raise checks.refuse(name, found, allowed)
    return found
