"""Models of one period's returns: history, EWMA-filtered history, normal, Student t.

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
from qmc.contracts.portfolio import Portfolio
from qmc.errors import InvalidProblem, Unsupported
from qmc.laws import EmpiricalLaw, Law, NormalLaw, StudentTLaw
from qmc.problem import Array, Contract

_SEED_DAYS = 50
_SYMMETRY = 1e-10
_PSD = -1e-10


@dataclass(frozen=True, kw_only=True, repr=False)
class HistoricalReturns:
    """Historical simulation: tomorrow is a past day, each as likely.

    Attributes:
        returns: (days, assets) simple returns, each above -1; at least 2 days.

    Raises:
        InvalidProblem: for empty, NaN, infinite or mis-shaped data and returns <= -1.
    """

    returns: ArrayLike
    _days: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check and keep the scenarios as an array."""
        object.__setattr__(self, "_days", _checked_history(self.returns))
        object.__setattr__(self, "returns", _rows(self._days))

    def scenarios(self) -> Array:
        """The equally likely return vectors, (days, assets)."""
        return self._days

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal picks the day."""
        _one_period(self, times)
        return 1

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, 1) to gross returns (n, 1, assets) of the days they pick."""
        _one_period(self, times)
        return _pick(self.scenarios(), normals)

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: a day is not discounted."""
        return np.ones(len(times))

    def value_law(self, contract: Contract) -> EmpiricalLaw:
        """Law of a portfolio's profit."""
        return _empirical_law(self, self.scenarios(), contract)

    def __repr__(self) -> str:
        """Short: the size of the history."""
        days, assets = self._days.shape
        return f"HistoricalReturns({days} days x {assets} assets)"


@dataclass(frozen=True, kw_only=True, repr=False)
class FilteredReturns:
    """Filtered historical simulation with EWMA volatilities.

    Each day's return is divided by the volatility that was known the day before and multiplied by
    the forecast for tomorrow, asset by asset, so that days stay whole (Hull and White 1998,
    doi:10.21314/JOR.1998.001; Barone-Adesi, Giannopoulos and Vosper 1999).

    Attributes:
        returns: (days, assets) simple returns, each above -1; at least 2 days.
        decay: lambda in (0, 1) of variance = decay * variance + (1 - decay) * return^2.

    Raises:
        InvalidProblem: as `HistoricalReturns`, and where an asset never moves.
    """

    returns: ArrayLike
    decay: float = 0.94
    _days: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, and filter once."""
        object.__setattr__(self, "decay", checks.fraction("decay", self.decay))
        history = _checked_history(self.returns)
        object.__setattr__(self, "returns", _rows(history))
        vols = ewma_volatility(history, self.decay)
        if np.any(vols <= 0.0):
            column = int(np.argwhere(vols <= 0.0)[0][1])
            msg = (
                f"returns[:, {column}] do not move: a filter needs a volatility above 0; drop the "
                "asset or use HistoricalReturns"
            )
            raise InvalidProblem(msg)
        # a rescaled loss may not exceed the whole position
        scaled = np.maximum(history / vols[:-1] * vols[-1], -1.0)
        object.__setattr__(self, "_days", scaled)

    def scenarios(self) -> Array:
        """The equally likely return vectors for tomorrow, (days, assets)."""
        return self._days

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal picks the day."""
        _one_period(self, times)
        return 1

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, 1) to gross returns (n, 1, assets) of the rescaled days they pick."""
        _one_period(self, times)
        return _pick(self.scenarios(), normals)

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: a day is not discounted."""
        return np.ones(len(times))

    def value_law(self, contract: Contract) -> EmpiricalLaw:
        """Law of a portfolio's profit."""
        return _empirical_law(self, self.scenarios(), contract)

    def __repr__(self) -> str:
        """Short: the size of the history and the decay."""
        days, assets = self._days.shape
        return f"FilteredReturns({days} days x {assets} assets, decay={self.decay})"


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
        object.__setattr__(self, "covariance", _rows(covariance))
        object.__setattr__(self, "_root", root)

    @classmethod
    def from_returns(cls, returns: ArrayLike) -> Self:
        """Fit to (days, assets) simple returns: sample mean and covariance."""
        history = _checked_history(returns)
        covariance = np.atleast_2d(np.cov(history.T))
        return cls(mean=tuple(history.mean(axis=0).tolist()), covariance=_rows(covariance))

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal an asset."""
        _one_period(self, times)
        return len(self.mean)

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, assets) to gross returns (n, 1, assets)."""
        _one_period(self, times)
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
        object.__setattr__(self, "covariance", _rows(covariance))
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
        _one_period(self, times)
        return len(self.mean) + 1

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, assets + 1) to gross returns (n, 1, assets)."""
        _one_period(self, times)
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


def ewma_volatility(returns: Array, decay: float) -> Array:
    """EWMA volatilities (days + 1, assets): row d is known before day d, the last is tomorrow's.

    variance[d + 1] = decay * variance[d] + (1 - decay) * return[d]^2 (RiskMetrics 1996), started
    from the mean square of the first 50 days.
    """
    from scipy import signal  # loads scipy.stats, so only when it is used

    squares = np.square(returns)
    start = squares[:_SEED_DAYS].mean(axis=0)
    later, _ = signal.lfilter(
        [1.0 - decay], [1.0, -decay], squares, axis=0, zi=(decay * start)[None, :]
    )
    return np.asarray(np.sqrt(np.concatenate([start[None, :], later])))


def _checked_history(returns: ArrayLike) -> Array:
    history = checks.table("returns", returns, 2, "give (days, assets) simple returns")
    if history.shape[0] < 2:
        raise checks.refuse("returns", f"{history.shape[0]} day", "at least 2 days")
    bad = np.argwhere(history <= -1.0)
    if len(bad):
        day, asset = bad[0].tolist()
        hint = "give simple returns, 0.01 for 1 %"
        raise checks.refuse(f"returns[{day}, {asset}]", history[day, asset], "above -1", hint)
    history.setflags(write=False)
    return history


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


def _rows(array: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, array.tolist()))


def _one_period(model: object, times: Sequence[float]) -> None:
    if len(times) != 1:
        msg = (
            f"{type(model).__name__} models one period, the contract has {len(times)} times: use a "
            "contract with one time, such as Portfolio"
        )
        raise Unsupported(msg)


def _pick(scenarios: Array, normals: Array) -> Array:
    days = scenarios.shape[0]
    index = np.minimum((special.ndtr(normals[:, 0]) * days).astype(np.intp), days - 1)
    return np.asarray(1.0 + scenarios[index])[:, None, :]


def _portfolio(model: object, contract: Contract) -> Portfolio:
    if not isinstance(contract, Portfolio):
        msg = (
            f"{type(model).__name__} knows the law of a Portfolio only, not of "
            f"{type(contract).__name__}; classical_baseline.MonteCarlo takes any contract"
        )
        raise Unsupported(msg)
    return contract


def _empirical_law(model: object, scenarios: Array, contract: Contract) -> EmpiricalLaw:
    portfolio = _portfolio(model, contract)
    profits = portfolio.present_value(1.0 + scenarios[:, None, :], np.ones(1))
    return EmpiricalLaw(samples=tuple(profits.tolist()))


def _profit_moments(
    model: object,
    mean: Sequence[float],
    covariance: Sequence[Sequence[float]],
    contract: Contract,
) -> tuple[float, float]:
    """Mean and standard deviation of a portfolio's profit."""
    portfolio = _portfolio(model, contract)
    weights = portfolio.matched_weights(len(mean))
    variance = float(weights @ np.asarray(covariance) @ weights)
    return (
        portfolio.value * float(weights @ np.asarray(mean)),
        portfolio.value * float(np.sqrt(max(variance, 0.0))),
    )
