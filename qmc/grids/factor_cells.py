"""Cells of a few directions of the normals, and three ways to say what a cell is worth."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from qmc.errors import Unsupported
from qmc.grids.normal_cells import NormalCells, lloyd_max
from qmc.grids.pilot import Pilot, integrand, integrand_of_paths
from qmc.measures import Sensitivity
from qmc.problem import Array, GaussianLogPrices, Problem
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
    """

    frame: Array
    bits: tuple[int, ...]

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


def has_mean_prices(problem: Problem) -> bool:
    """Whether the conditional mean of every path entry is known: all are log-normal prices."""
    return isinstance(problem.model, GaussianLogPrices) and (
        problem.num_factors == problem.model.num_factors(problem.contract.times)
    )


def cell_values(problem: Problem, cells: FactorCells, worth: Worth, pilot: Pilot) -> Array:
    """What the measure's integrand is taken to be in each cell, (2**qubits,).

    "prices": on the conditional mean price of every date and asset, so that whatever is linear in
    prices is exact. "nodes": on the path of the conditional mean normals. "learned": the pilot's
    mean inside the cell, with the node's value as one point more. A sensitivity's cells hold the
    difference quotient of these: cells are cells of normals, which bumped models share.

    Raises:
        Unsupported: for "prices" without Gaussian log prices.
    """
    if worth == "prices":
        if isinstance(problem.measure, Sensitivity):
            return weighted(stencil(problem), lambda one: _mean_price_values(one, cells))
        return _mean_price_values(problem, cells)
    if worth == "nodes":
        return node_values(problem, cells)
    where = cells.locate(pilot.normals)
    return learned_values(where, pilot.values, fitted(node_values(problem, cells), where, pilot))


def _mean_price_values(problem: Problem, cells: FactorCells) -> Array:
    prices = MeanPrices(problem, cells)
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


class MeanPrices:
    """Conditional mean prices given a cell, where log prices are Gaussian.

    log S = m + L z and u = V' z: E[S | cell] = exp(m + (|L|^2 - sum_k c_k^2) / 2) times
    prod_k E[exp(c_k u_k) | cell_k], c = L V; what the directions leave is independent of them.
    """

    def __init__(self, problem: Problem, cells: FactorCells) -> None:
        """Tilt each direction's cells by each price's loading."""
        if not (has_mean_prices(problem) and isinstance(problem.model, GaussianLogPrices)):
            msg = (
                f"conditional mean prices need Gaussian log prices: {type(problem.model).__name__} "
                "has no log_prices, or the contract watches extremes; take cells='nodes', "
                "'learned' or 'auto'"
            )
            raise Unsupported(msg)
        means, loadings = problem.model.log_prices(problem.contract.times)
        self.shape = means.shape
        flat = loadings.reshape(means.size, -1)
        self.tilts = flat @ cells.columns
        left = (flat**2).sum(axis=1) - (self.tilts**2).sum(axis=1)
        self.base = means.ravel() + 0.5 * np.maximum(left, 0.0)
        self.factors = [one.tilted(self.tilts[:, k]) for k, one in enumerate(cells.cells)]
        self.cells = cells

    def paths(self, part: slice) -> Array:
        """E[price | cell], (cells of the part, times, columns)."""
        prices = np.exp(self.base)[None, :]
        for k, factor in enumerate(self.factors):
            prices = prices * factor[self.cells.parts[part, k]]
        return np.asarray(prices).reshape(-1, *self.shape)


def _blocks(problem: Problem, cells: FactorCells, values: Callable[[slice], Array]) -> Array:
    """`values` of all cells, block by block."""
    entries = problem.num_factors + problem.paths(np.zeros((1, problem.num_factors))).size
    step = max(1, _BLOCK // entries)
    parts = [values(slice(low, min(low + step, cells.size))) for low in range(0, cells.size, step)]
    return np.concatenate(parts)
