"""`BondRates`: interest rates driven by a few normal factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmc import checks
from qmc.problem import Array


@dataclass(frozen=True, kw_only=True)
class BondRates:
    """Rates r = mean + loadings z of independent standard normal factors z.

    The two-factor model of Woerner and Egger (2019, doi:10.1038/s41534-019-0130-6): shift and twist
    of the curve are two factors, each rate a combination of them. Columns are rates, the same at
    all times; nothing is discounted, as `Bond` does that.

    Attributes:
        mean: (rates,) per annum, compounded once a year; 0.05 is 5 %.
        loadings: (rates, factors) standard deviations per annum.

    Raises:
        InvalidProblem: for NaN, empty or mis-shaped input.

    >>> model = BondRates(mean=(0.02, 0.03), loadings=((0.01, 0.0), (0.01, 0.005)))
    >>> model.paths((1.0,), np.array([[1.0, -2.0]])).round(6).tolist()
    [[[0.03, 0.03]]]
    """

    mean: tuple[float, ...]
    loadings: tuple[tuple[float, ...], ...]
    _matrix: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "mean", checks.vector("mean", self.mean))
        matrix = checks.table("loadings", self.loadings, 2, "one row a rate")
        if len(matrix) != len(self.mean):
            rows = f"{len(matrix)} rows"
            raise checks.refuse("loadings", rows, f"{len(self.mean)} rows, one a rate of mean")
        object.__setattr__(self, "loadings", tuple(map(tuple, matrix.tolist())))
        object.__setattr__(self, "_matrix", matrix)

    def num_factors(self, times: Sequence[float]) -> int:
        """The columns of loadings, at whatever times."""
        del times
        return int(self._matrix.shape[1])

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, factors) to rates (n, times, rates), the same at all times."""
        # no matrix product: it rounds a path differently in another batch
        moves = (normals[:, None, :] * self._matrix).sum(axis=2)
        rates = np.asarray(self.mean) + moves
        return np.repeat(rates[:, None, :], len(times), axis=1)

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: the contract discounts by the rates."""
        return np.ones(len(times))
