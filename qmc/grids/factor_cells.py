"""Cells of a few directions of the normals, and three ways to say what a cell is worth."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from qmc.grids.mean_prices import LogPrices, MeanPrices, log_prices_along
from qmc.grids.normal_cells import NormalCells, lloyd_max
from qmc.grids.pilot import Pilot, integrand, integrand_of_paths
from qmc.measures import Sensitivity
from qmc.problem import Array, Problem
from qmc.sensitivity import stencil, weighted

Worth: TypeAlias = Literal["prices", "nodes", "learned"]

# float64 numbers of a block of cells times paths' entries
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class FactorCells:
    """Products of cells, one register a direction.

    Attributes:
        frame: (factors, registers or more) orthonormal directions, the registers' first.
        bits: qubits of each register.
        places: of the registers' directions among those that competed, for `Ground`.
    """

    frame: Array
    bits: tuple[int, ...]
    places: tuple[int, ...]

    @property
    def columns(self) -> Array:
        """The directions that are cut, (factors, registers)."""
        return self.frame[:, : len(self.bits)]

    @property
    def cells(self) -> tuple[NormalCells, ...]:
        """The cells of each direction."""
        return tuple(lloyd_max(one) for one in self.bits)

    @property
    def size(self) -> int:
        """Number of cells, 2**qubits."""
        return int(2 ** sum(self.bits))

    @property
    def marginals(self) -> tuple[Array, ...]:
        """The probabilities of each register's cells, summing to 1."""
        return tuple(one.masses / one.masses.sum() for one in self.cells)

    @functools.cached_property
    def parts(self) -> Array:
        """The cell of each direction for every cell, (2**qubits, registers), little-endian."""
        index = np.arange(self.size)
        shifts = np.concatenate([[0], np.cumsum(self.bits)[:-1]]).astype(int)
        masks = 2 ** np.asarray(self.bits, dtype=int) - 1
        return np.asarray((index[:, None] >> shifts) & masks)

    def index(self, coordinates: Array) -> Array:
        """The cell of points (n, registers) along the directions."""
        shifts = np.concatenate([[0], np.cumsum(self.bits)[:-1]]).astype(int)
        parts = (
            one.index(coordinates[:, place]) << shifts[place]
            for place, one in enumerate(self.cells)
        )
        return np.asarray(sum(parts, start=np.zeros(len(coordinates), dtype=int)))

    def locate(self, normals: Array) -> Array:
        """The cell of normals (n, factors)."""
        return self.index(normals @ self.columns)

    def nodes(self) -> Array:
        """E[coordinates | cell], (2**qubits, registers)."""
        nodes = np.empty(self.parts.shape)
        for place, one in enumerate(self.cells):
            nodes[:, place] = one.means[self.parts[:, place]]
        return nodes


class Ground:
    """What all trials of cells share: the problem, the pilot, and both along the directions."""

    def __init__(self, problem: Problem, pilot: Pilot, directions: Array) -> None:
        """Take the pilot's coordinates along directions (factors, k) once."""
        self.problem, self.pilot, self.directions = problem, pilot, directions
        self.along = pilot.normals @ directions
        self._beside: dict[Problem, Ground] = {}

    def beside(self, problem: Problem) -> Ground:
        """The same pilot and directions under a bumped problem."""
        if problem not in self._beside:
            self._beside[problem] = Ground(problem, self.pilot, self.directions)
        return self._beside[problem]

    @functools.cached_property
    def logs(self) -> LogPrices:
        """The log prices along the directions; `Unsupported` where they are not Gaussian."""
        return log_prices_along(self.problem, self.directions)

    def cells(self, bits: tuple[int, ...]) -> FactorCells:
        """The cells of the directions that have bits; the others complete their frame."""
        used = [place for place, one in enumerate(bits) if one > 0]
        rest = [place for place in range(self.directions.shape[1]) if place not in used]
        frame = self.directions[:, used + rest]
        return FactorCells(frame, tuple(bits[place] for place in used), tuple(used))

    def locate(self, cells: FactorCells) -> Array:
        """The cell of each path of the pilot, (n,)."""
        return cells.index(self.along[:, list(cells.places)])

    def mean_prices(self, cells: FactorCells) -> MeanPrices:
        """Conditional mean prices given the cells."""
        return MeanPrices(self.logs, cells.places, cells.cells, cells.parts)


def cell_values(ground: Ground, cells: FactorCells, worth: Worth) -> Array:
    """What the measure's integrand is taken to be in each cell, (2**qubits,).

    "prices": on the conditional mean price of every date and asset, so that whatever is linear in
    prices is exact. "nodes": on the path of the conditional mean normals. "learned": the pilot's
    mean inside the cell, with the node's value as one point more. A sensitivity's cells hold the
    difference quotient of these: cells are cells of normals, which bumped models share.

    Raises:
        Unsupported: for "prices" without Gaussian log prices.
    """
    if worth == "prices":
        if isinstance(ground.problem.measure, Sensitivity):
            points = stencil(ground.problem)
            return weighted(points, lambda one: _mean_price_values(ground.beside(one), cells))
        return _mean_price_values(ground, cells)
    if worth == "nodes":
        return node_values(ground.problem, cells)
    where, pilot = ground.locate(cells), ground.pilot
    prior = fitted(node_values(ground.problem, cells), where, pilot)
    return learned_values(where, pilot.values, prior)


def _mean_price_values(ground: Ground, cells: FactorCells) -> Array:
    problem, prices = ground.problem, ground.mean_prices(cells)
    return _blocks(problem, cells, lambda part: integrand_of_paths(problem, prices.paths(part)))


def node_values(problem: Problem, cells: FactorCells) -> Array:
    """The integrand on the path of each cell's conditional mean normals, (2**qubits,)."""
    nodes = cells.nodes()

    def values(part: slice) -> Array:
        return integrand(problem, problem.outcomes(nodes[part] @ cells.columns.T))

    return _blocks(problem, cells, values)


def fitted(nodes: Array, where: Array, pilot: Pilot) -> Array:
    """The node values (cells,) turned affinely to fit the pilot best by least squares.

    A payoff of extremes is worth less on a mean path than on average; the fit takes that out.
    """
    seen = nodes[where]
    spread = float(seen.var())
    slope = 0.0
    if spread > 0.0:
        slope = float(((seen - seen.mean()) * pilot.values).mean()) / spread
    return np.asarray(pilot.values.mean() + slope * (nodes - seen.mean()))


def learned_values(where: Array, values: Array, prior: Array) -> Array:
    """Mean of `values` (n,) in the cells `where` (n,), `prior` (cells,) counting as one point."""
    count = np.bincount(where, minlength=prior.size)
    total = np.bincount(where, weights=values, minlength=prior.size)
    return np.asarray((total + prior) / (count + 1.0))


def _blocks(problem: Problem, cells: FactorCells, values: Callable[[slice], Array]) -> Array:
    """`values` of all cells, block by block."""
    entries = problem.num_factors + problem.paths(np.zeros((1, problem.num_factors))).size
    step = max(1, _BLOCK // entries)
    parts = [values(slice(low, min(low + step, cells.size))) for low in range(0, cells.size, step)]
    return np.concatenate(parts)
