"""`ValueTable`: a smooth function of a standard normal as a table of parabolas."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from classical_baseline.normals import Floats, Precision
from qmc.problem import Array

# a standard normal is farther out with probability 4e-33
REACH = 12.0
_FEWEST, _MOST = 1 << 8, 1 << 14
# at a kink the worst error is up to 2.7 times that at the quarters of its cell
_SAFETY = 3.0
_ORDER = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueTable:
    """(bend[c] t + slope[c]) t + left[c] at position c + t, c whole and 0 <= t < 1.

    Position 0 is z = -12 and position `cells` z = 12; no normal is provided for beyond.

    Attributes:
        left, slope, bend: (cells,) coefficients of each cell's parabola.
        error: the most that the table is off, measured at the quarters of every cell.
    """

    left: Floats
    slope: Floats
    bend: Floats
    error: float

    @property
    def cells(self) -> int:
        """Number of cells, all of one width."""
        return self.left.size

    @property
    def cells_a_unit(self) -> float:
        """Cells to one standard deviation."""
        return self.cells / (2.0 * REACH)


def tabulated(
    function: Callable[[Array], Array], allowed: float, dtype: Precision
) -> ValueTable | None:
    """The smallest table, of a power of two cells, that is off by `allowed` at most.

    Each cell has the parabola through its ends and middle. Three times the largest error at the
    quarters must not exceed `allowed`: for a smooth function the worst is 1.03 times that, at a
    kink 2.7. The error falls with the cube of the number of cells, so a first table says how many
    are needed.

    Args:
        function: of standard normals (n,) to (n,).
        allowed: in the function's unit.
        dtype: in which the table is kept; its rounding is not in the error.

    Returns:
        None where 16,384 cells do not do, as at a kink.
    """
    cells = _FEWEST
    made = _table(function, cells, dtype)
    while _SAFETY * made.error > allowed:
        if cells == _MOST or allowed <= 0.0:
            return None
        more = math.log2(_SAFETY * made.error / allowed) / _ORDER
        cells = min(cells << max(math.ceil(more), 1), _MOST) if more < _ORDER * 8 else _MOST
        made = _table(function, cells, dtype)
    return made


def _table(function: Callable[[Array], Array], cells: int, dtype: Precision) -> ValueTable:
    values = function(np.linspace(-REACH, REACH, 4 * cells + 1))
    left, right, middle = values[:-1:4], values[4::4], values[2::4]
    bend = 2.0 * (left - 2.0 * middle + right)
    slope = right - left - bend
    error = max(
        float(np.abs((bend * t + slope) * t + left - values[place::4]).max())
        for t, place in ((0.25, 1), (0.75, 3))
    )
    return ValueTable(
        left=left.astype(dtype), slope=slope.astype(dtype), bend=bend.astype(dtype), error=error
    )
