"""Conditional mean prices given a cell, where log prices are jointly normal."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmc import memory
from qmc.capabilities import GaussianLogPrices
from qmc.errors import Unsupported
from qmc.grids.normal_cells import NormalCells
from qmc.problem import Array, Problem


def has_mean_prices(problem: Problem) -> bool:
    """Whether the conditional mean of every path entry is known: all are log-normal prices."""
    return isinstance(problem.model, GaussianLogPrices) and (
        problem.num_factors == problem.model.num_factors(problem.contract.times)
    )


def gaussian_logs(problem: Problem) -> tuple[Array, Array]:
    """Means (times, columns) and loadings (times * columns, factors) of the log prices.

    Raises:
        Unsupported: without Gaussian log prices, or when the contract watches extremes.
        TooLarge: when the loadings do not fit the machine.
    """
    if not (has_mean_prices(problem) and isinstance(problem.model, GaussianLogPrices)):
        msg = (
            f"conditional mean prices need Gaussian log prices: {type(problem.model).__name__} "
            "has no log_prices, or the contract watches extremes; take cells='nodes', "
            "'learned' or 'auto'"
        )
        raise Unsupported(msg)
    factors = problem.num_factors
    columns = problem.paths(np.zeros((1, factors))).size
    memory.require(
        4.0 * 8.0 * factors * columns,
        f"the loadings of {columns} prices on {factors} normals",
        "take fewer dates or assets",
    )
    means, loadings = problem.model.log_prices(problem.contract.times)
    return means, loadings.reshape(means.size, -1)


@dataclass(frozen=True, eq=False)
class LogPrices:
    """Log prices along directions u = V' z: means + tilts u, and what is independent of u.

    Attributes:
        means: (times, columns).
        loadings: (times * columns, factors), L.
        tilts: (times * columns, directions), L V.
    """

    means: Array
    loadings: Array
    tilts: Array

    @functools.cached_property
    def variances(self) -> Array:
        """Of every log price, (times * columns,)."""
        return np.asarray((self.loadings**2).sum(axis=1))

    @functools.cached_property
    def covariance(self) -> Array:
        """Of the log prices, (times * columns, times * columns)."""
        return np.asarray(self.loadings @ self.loadings.T)


def log_prices_along(problem: Problem, directions: Array) -> LogPrices:
    """The problem's log prices along orthonormal directions (factors, k)."""
    means, loadings = gaussian_logs(problem)
    return LogPrices(means, loadings, loadings @ directions)


class MeanPrices:
    """Conditional mean prices given a product of cells.

    log S = m + L z and u = V' z: E[S | cell] = exp(m + (|L|^2 - sum_k c_k^2) / 2) times
    prod_k E[exp(c_k u_k) | cell_k], c = L V; what the directions leave is independent of them.
    """

    def __init__(
        self, logs: LogPrices, places: Sequence[int], cells: Sequence[NormalCells], parts: Array
    ) -> None:
        """Tilt each direction's cells by each price's loading.

        Args:
            logs: along all directions.
            places: the directions that are cut.
            cells: of each of them.
            parts: (2**qubits, registers) the cell of each direction for every cell.
        """
        self.logs, self.parts, self.cells = logs, parts, tuple(cells)
        self.tilts = logs.tilts[:, list(places)]
        left = logs.variances - (self.tilts**2).sum(axis=1)
        self.base = logs.means.ravel() + 0.5 * np.maximum(left, 0.0)
        self.factors = [one.tilted(self.tilts[:, k]) for k, one in enumerate(cells)]

    def flat(self, part: slice) -> Array:
        """E[price | cell], (cells of the part, times * columns)."""
        prices = np.exp(self.base)[None, :]
        for k, factor in enumerate(self.factors):
            prices = prices * factor[self.parts[part, k]]
        return np.asarray(np.broadcast_to(prices, (len(self.parts[part]), self.base.size)))

    def paths(self, part: slice) -> Array:
        """E[price | cell], (cells of the part, times, columns)."""
        return self.flat(part).reshape(-1, *self.logs.means.shape)
