"""Models of returns by a law: jointly normal, Student t.

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
from qmc.laws import EmpiricalLaw, Law, NormalLaw, StudentTLaw
from qmc.models.covariance import (
    SAMPLE,
    CovarianceEstimator,
    checked_covariance,
    estimated_covariance,
)
from qmc.models.degrees_of_freedom import fitted_degrees_of_freedom
from qmc.models.one_period import DAY, as_rows, checked_history, periods_to, require_portfolio
from qmc.problem import Array, Contract


@dataclass(frozen=True, kw_only=True)
class NormalReturns:
    """Jointly normal simple returns.

    Over h periods the mean is h times and the covariance h times those of one: the sum of h
    independent periods. That leaves compounding out, which makes the largest losses over long
    horizons too large, even above the whole position.

    Attributes:
        mean: (assets,) per period.
        covariance: (assets, assets) per period, symmetric and positive semidefinite.
        period: years; a trading day unless given.

    Raises:
        InvalidProblem: for NaN, mis-shaped or asymmetric input; when used, for a horizon that is no
            whole number of periods.
        InvalidCovariance: for a negative eigenvalue; offers the nearest covariance.
    """

    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    period: float = DAY
    _root: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, and take the covariance's root once."""
        _check_moments(self)

    @classmethod
    def from_returns(
        cls,
        returns: ArrayLike,
        *,
        covariance: CovarianceEstimator | str = SAMPLE,
        period: float = DAY,
    ) -> Self:
        """Fit to (days, assets) simple returns: sample mean, and a covariance by any estimator.

        Args:
            returns: (days, assets).
            covariance: "sample"; "denoised", "exponential", "gerber", "ledoit-wolf", "oas",
                "shrunk", estimators of skfolio with their own defaults; or any object with
                `fit(X)` and `covariance_`, such as `skfolio.moments.GerberCovariance(...)`.
            period: years from one row to the next.
        """
        history = checked_history(returns)
        return cls(
            mean=tuple(history.mean(axis=0).tolist()),
            covariance=as_rows(estimated_covariance(history, covariance)),
            period=period,
        )

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal an asset."""
        periods_to(self, times)
        return len(self.mean)

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, assets) to gross returns (n, 1, assets)."""
        periods = periods_to(self, times)
        moves = np.sqrt(periods) * (normals @ self._root.T)
        return np.asarray(1.0 + periods * np.asarray(self.mean) + moves)[:, None, :]

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: a horizon is not discounted."""
        return np.ones(len(times))

    def value_law(self, contract: Contract) -> Law:
        """Law of a portfolio's profit: normal."""
        location, deviation = _profit_moments(self, contract)
        if deviation == 0.0:
            return EmpiricalLaw(samples=(location,))
        return NormalLaw(location=location, scale=deviation)


@dataclass(frozen=True, kw_only=True)
class StudentTReturns:
    """Multivariate Student t simple returns with the given covariance.

    Over h periods the mean is h times and the covariance h times those of one, and **the law stays
    a t of the same degrees of freedom**. That is exact when one chi-square stretches all periods to
    the horizon, a storm that lasts; a sum of independent t's has the same covariance and lighter
    tails, so the approximation errs to the safe side far out. Compounding is left out, as in
    `NormalReturns`.

    Attributes:
        mean: (assets,) per period.
        covariance: (assets, assets), the returns' own; the t's scale matrix is covariance *
            (degrees_of_freedom - 2) / degrees_of_freedom.
        degrees_of_freedom: above 2.
        period: years; a trading day unless given.

    Raises:
        InvalidProblem: for NaN, mis-shaped or asymmetric input, and degrees_of_freedom <= 2; when
            used, for a horizon that is no whole number of periods.
        InvalidCovariance: for a negative eigenvalue; offers the nearest covariance.
    """

    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    degrees_of_freedom: float
    period: float = DAY
    _root: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, and take the covariance's root once."""
        _check_moments(self)
        nu = checks.positive("degrees_of_freedom", self.degrees_of_freedom)
        if nu <= 2.0:
            hint = "below that there is no covariance"
            raise checks.refuse("degrees_of_freedom", nu, "above 2", hint)
        object.__setattr__(self, "degrees_of_freedom", nu)

    @classmethod
    def from_returns(
        cls,
        returns: ArrayLike,
        *,
        degrees_of_freedom: float | None = 4.0,
        covariance: CovarianceEstimator | str = SAMPLE,
        period: float = DAY,
    ) -> Self:
        """Match mean and covariance of (days, assets) simple returns at given or fitted tails.

        Args:
            returns: (days, assets).
            degrees_of_freedom: above 2; None for those of largest likelihood, mean and covariance
                being as estimated (`qmc.models.degrees_of_freedom`).
            covariance: its estimator, as for `NormalReturns.from_returns`.
            period: years from one row to the next.
        """
        fitted = NormalReturns.from_returns(returns, covariance=covariance, period=period)
        if degrees_of_freedom is None:
            history, mean = checked_history(returns), np.asarray(fitted.mean)
            matrix = np.asarray(fitted.covariance)
            degrees_of_freedom = fitted_degrees_of_freedom(history, mean, matrix)
        return cls(
            mean=fitted.mean,
            covariance=fitted.covariance,
            degrees_of_freedom=degrees_of_freedom,
            period=period,
        )

    def _shrink(self) -> float:
        return float(np.sqrt((self.degrees_of_freedom - 2.0) / self.degrees_of_freedom))

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal an asset and one for the common chi-square."""
        periods_to(self, times)
        return len(self.mean) + 1

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, assets + 1) to gross returns (n, 1, assets)."""
        periods, nu = periods_to(self, times), self.degrees_of_freedom
        chi_square = special.chdtri(nu, special.ndtr(-normals[:, -1]))
        stretch = self._shrink() * np.sqrt(periods * nu / chi_square)
        moves = stretch[:, None] * (normals[:, :-1] @ self._root.T)
        return np.asarray(1.0 + periods * np.asarray(self.mean) + moves)[:, None, :]

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: a horizon is not discounted."""
        return np.ones(len(times))

    def value_law(self, contract: Contract) -> Law:
        """Law of a portfolio's profit: Student t."""
        location, deviation = _profit_moments(self, contract)
        if deviation == 0.0:
            return EmpiricalLaw(samples=(location,))
        return StudentTLaw(
            location=location,
            scale=deviation * self._shrink(),
            degrees_of_freedom=self.degrees_of_freedom,
        )


def _check_moments(model: NormalReturns | StudentTReturns) -> None:
    """Check mean, covariance and period of a model that is being made, and keep the root."""
    object.__setattr__(model, "mean", checks.vector("mean", model.mean))
    covariance, root = checked_covariance(model.covariance, len(model.mean))
    object.__setattr__(model, "covariance", as_rows(covariance))
    object.__setattr__(model, "_root", root)
    object.__setattr__(model, "period", checks.positive("period", model.period))


def _profit_moments(
    model: NormalReturns | StudentTReturns, contract: Contract
) -> tuple[float, float]:
    """Mean and standard deviation of a portfolio's profit."""
    portfolio = require_portfolio(model, contract)
    periods = periods_to(model, portfolio.times)
    weights = portfolio.matched_weights(len(model.mean))
    variance = periods * float(weights @ np.asarray(model.covariance) @ weights)
    return (
        portfolio.value * periods * float(weights @ np.asarray(model.mean)),
        portfolio.value * float(np.sqrt(max(variance, 0.0))),
    )
