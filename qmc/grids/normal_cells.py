"""Cells of one standard normal: where to cut it, and what each cell holds on average."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qmc.problem import Array

# of the fixed point, and cells times iterations: it begins near the optimum of many cells
_MAX_ITERATIONS = 2000
_MAX_STEPS = 2**22
_STILL = 1e-12
_SQRT_2PI = float(np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, eq=False, slots=True)
class NormalCells:
    """2**bits cells (low, high] of a standard normal.

    Attributes:
        edges: (cells + 1,) increasing, from -inf to inf.
        masses: (cells,) P(cell).
        means: (cells,) E[z | cell].
    """

    edges: Array
    masses: Array
    means: Array

    def index(self, z: Array) -> NDArray[np.intp]:
        """The cell of each z, of the same shape."""
        return np.searchsorted(self.edges[1:-1], z, side="left")

    def tilted(self, tilts: Array) -> Array:
        """E[exp(c z) | cell], (cells, tilts), for every c of `tilts` (tilts,).

        exp(c^2 / 2) P(cell shifted by -c) / P(cell): complete the square.
        """
        shifted = _masses(self.edges[:, None] - tilts[None, :])
        return np.asarray(np.exp(0.5 * tilts**2) * shifted / self.masses[:, None])


def _masses(edges: Array) -> Array:
    """P of the cells between consecutive edges along axis 0, accurate in both tails."""
    low, high = edges[:-1], edges[1:]
    upper = low > 0.0
    return np.where(
        upper,
        special.ndtr(-low) - special.ndtr(-high),
        special.ndtr(high) - special.ndtr(low),
    )


def cells_between(edges: Array) -> NormalCells:
    """The cells between given edges, the first -inf and the last inf."""
    masses = _masses(edges)
    with np.errstate(over="ignore"):
        density = np.exp(-0.5 * edges**2) / _SQRT_2PI
    means = (density[:-1] - density[1:]) / masses
    for array in (edges, masses, means):
        array.setflags(write=False)
    return NormalCells(edges, masses, means)


@functools.lru_cache(maxsize=16)
def lloyd_max(bits: int) -> NormalCells:
    """The 2**bits cells with the least E[var(z | cell)], by fixed point.

    Each edge lies midway between the means of its cells: Lloyd (1982,
    doi:10.1109/TIT.1982.1056489, method I). It starts from the point density
    proportional to pdf^(1/3), the optimum for many cells (Panter and Dite 1951).
    """
    count = 2**bits
    ranks = (np.arange(count) + 0.5) / count
    means = np.sqrt(3.0) * np.asarray(special.ndtri(ranks))
    for _ in range(max(1, min(_MAX_ITERATIONS, _MAX_STEPS // count))):
        middle = 0.5 * (means[1:] + means[:-1])
        found = cells_between(np.concatenate([[-np.inf], middle, [np.inf]]))
        if np.max(np.abs(found.means - means)) < _STILL:
            break
        means = found.means
    return found
