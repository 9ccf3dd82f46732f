"""Models of one period's returns by a law: jointly normal, Student t.

Each maps normals to gross returns (n, 1, assets) over the contract's single time, without
discounting, and knows the law of a `Portfolio`'s profit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.laws import EmpiricalLaw, Law, NormalLaw, StudentTLaw
from qmc.models.one_period import as_rows, checked_history, require_one_period, require_portfolio
from qmc.problem import Array, Contract

_SYMMETRY = 1e-10
_PSD = -1e-10


@dataclass(frozen=True, kw_only=True)
class NormalReturns:
    """Jointly normal simple returns of one period.

    Attributes:
        mean: (assets,) per period.
        covariance: (assets, assets) per period, symmetric and positive semidefinite.

    Raises:
        InvalidProblem: for NaN, mis-shaped, asymmetric or indefinite input.
    """

    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    _root: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, and take the covariance's root once."""
        object.__setattr__(self, "mean", checks.vector("mean", self.mean))
        covariance, root = _checked_covariance(self.covariance, len(self.mean))
        object.__setattr__(self, "covariance", as_rows(covariance))
        object.__setattr__(self, "_root", root)

    @classmethod
    def from_returns(cls, returns: ArrayLike) -> Self:
        """Fit to (days, assets) simple returns: sample mean and covariance."""
        history = checked_history(returns)
        covariance = np.atleast_2d(np.cov(history.T))
        return cls(mean=tuple(history.mean(axis=0).tolist()), covariance=as_rows(covariance))

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal an asset."""
        require_one_period(self, times)
        return len(self.mean)

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, assets) to gross returns (n, 1, assets)."""
        require_one_period(self, times)
        return np.asarray(1.0 + np.asarray(self.mean) + normals @ self._root.T)[:, None, :]

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: a period is not discounted."""
        return np.ones(len(times))

    def value_law(self, contract: Contract) -> Law:
        """Law of a portfolio's profit: normal."""
        location, deviation = _profit_moments(self, self.mean, self.covariance, contract)
        if deviation == 0.0:
            return EmpiricalLaw(samples=(location,))
        return NormalLaw(location=location, scale=deviation)


@dataclass(frozen=True, kw_only=True)
class StudentTReturns:
    """Multivariate Student t simple returns of one period with the given covariance.

    Attributes:
        mean: (assets,) per period.
        covariance: (assets, assets), the returns' own; the t's scale matrix is covariance *
            (degrees_of_freedom - 2) / degrees_of_freedom.
        degrees_of_freedom: above 2.

    Raises:
        InvalidProblem: for NaN, mis-shaped, asymmetric or indefinite input, and
            degrees_of_freedom <= 2.
    """

    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    degrees_of_freedom: float
    _root: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, and take the covariance's root once."""
        object.__setattr__(self, "mean", checks.vector("mean", self.mean))
        covariance, root = _checked_covariance(self.covariance, len(self.mean))
        object.__setattr__(self, "covariance", as_rows(covariance))
        object.__setattr__(self, "_root", root)
        nu = checks.positive("degrees_of_freedom", self.degrees_of_freedom)
        if nu <= 2.0:
            hint = "below that there is no covariance"
            raise checks.refuse("degrees_of_freedom", nu, "above 2", hint)
        object.__setattr__(self, "degrees_of_freedom", nu)

    @classmethod
    def from_returns(cls, returns: ArrayLike, *, degrees_of_freedom: float = 4.0) -> Self:
        """Match mean and covariance of (days, assets) simple returns at given tails."""
        fitted = NormalReturns.from_returns(returns)
        return cls(
            mean=fitted.mean,
            covariance=fitted.covariance,
            degrees_of_freedom=degrees_of_freedom,
        )

    def _shrink(self) -> float:
        return float(np.sqrt((self.degrees_of_freedom - 2.0) / self.degrees_of_freedom))

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal an asset and one for the common chi-square."""
        require_one_period(self, times)
        return len(self.mean) + 1

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, assets + 1) to gross returns (n, 1, assets)."""
        require_one_period(self, times)
        nu = self.degrees_of_freedom
        chi_square = special.chdtri(nu, special.ndtr(-normals[:, -1]))
        stretch = self._shrink() * np.sqrt(nu / chi_square)
        moves = stretch[:, None] * (normals[:, :-1] @ self._root.T)
        return np.asarray(1.0 + np.asarray(self.mean) + moves)[:, None, :]

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: a period is not discounted."""
        return np.ones(len(times))

    def value_law(self, contract: Contract) -> Law:
        """Law of a portfolio's profit: Student t."""
        location, deviation = _profit_moments(self, self.mean, self.covariance, contract)
        if deviation == 0.0:
            return EmpiricalLaw(samples=(location,))
        return StudentTLaw(
            location=location,
            scale=deviation * self._shrink(),
            degrees_of_freedom=self.degrees_of_freedom,
        )


def _checked_covariance(covariance: ArrayLike, assets: int) -> tuple[Array, Array]:
    """The covariance and a root R with R R^T = covariance."""
    matrix = checks.table("covariance", covariance, 2)
    if matrix.shape != (assets, assets):
        shape = f"matrix of shape {matrix.shape}"
        raise checks.refuse("covariance", shape, f"of shape ({assets}, {assets}), as mean")
    size = float(np.abs(matrix).max())
    if np.any(np.abs(matrix - matrix.T) > _SYMMETRY * size):
        raise checks.refuse("covariance", "an asymmetric matrix", "symmetric", "use (C + C.T) / 2")
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < _PSD * max(size, 1e-300):
        msg = (
            f"covariance has eigenvalue {values[0]:.3g}: must be positive semidefinite; "
            "re-estimate it from whole rows of data or clip the negative eigenvalues"
        )
        raise InvalidProblem(msg)
    return matrix, np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _profit_moments(
    model: object,
    mean: Sequence[float],
    covariance: Sequence[Sequence[float]],
    contract: Contract,
) -> tuple[float, float]:
    """Mean and standard deviation of a portfolio's profit."""
    portfolio = require_portfolio(model, contract)
    weights = portfolio.matched_weights(len(mean))
    variance = float(weights @ np.asarray(covariance) @ weights)
    return (
        portfolio.value * float(weights @ np.asarray(mean)),
        portfolio.value * float(np.sqrt(max(variance, 0.0))),
    )
