"""Models of one period's returns by history: as it was, and filtered by EWMA volatilities.

Each maps one normal to the gross returns (n, 1, assets) of the day that it picks, without
discounting, and knows the law of any one-period contract's value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.laws import EmpiricalLaw
from qmc.models.one_period import as_rows, checked_history, require_one_period
from qmc.problem import Array, Contract

_SEED_DAYS = 50


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
        object.__setattr__(self, "_days", checked_history(self.returns))
        object.__setattr__(self, "returns", as_rows(self._days))

    def scenarios(self) -> Array:
        """The equally likely return vectors, (days, assets)."""
        return self._days

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal picks the day."""
        require_one_period(self, times)
        return 1

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, 1) to gross returns (n, 1, assets) of the days they pick."""
        require_one_period(self, times)
        return _pick(self.scenarios(), normals)

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: a day is not discounted."""
        return np.ones(len(times))

    def value_law(self, contract: Contract) -> EmpiricalLaw:
        """Law of the present value of any contract with one time."""
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
        history = checked_history(self.returns)
        object.__setattr__(self, "returns", as_rows(history))
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
        require_one_period(self, times)
        return 1

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, 1) to gross returns (n, 1, assets) of the rescaled days they pick."""
        require_one_period(self, times)
        return _pick(self.scenarios(), normals)

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: a day is not discounted."""
        return np.ones(len(times))

    def value_law(self, contract: Contract) -> EmpiricalLaw:
        """Law of the present value of any contract with one time."""
        return _empirical_law(self, self.scenarios(), contract)

    def __repr__(self) -> str:
        """Short: the size of the history and the decay."""
        days, assets = self._days.shape
        return f"FilteredReturns({days} days x {assets} assets, decay={self.decay})"


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


def _pick(scenarios: Array, normals: Array) -> Array:
    days = scenarios.shape[0]
    index = np.minimum((special.ndtr(normals[:, 0]) * days).astype(np.intp), days - 1)
    return np.asarray(1.0 + scenarios[index])[:, None, :]


def _empirical_law(model: object, scenarios: Array, contract: Contract) -> EmpiricalLaw:
    """Law of a contract's present value: its value in each scenario."""
    require_one_period(model, contract.times)
    profits = contract.present_value(1.0 + scenarios[:, None, :], np.ones(1))
    return EmpiricalLaw(samples=tuple(profits.tolist()))
