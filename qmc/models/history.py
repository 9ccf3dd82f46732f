"""`HistoricalReturns`: historical simulation, and what its like share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qmc import checks
from qmc.laws import EmpiricalLaw
from qmc.losses import without_rounding
from qmc.models.one_period import DAY, as_rows, checked_history, periods_to
from qmc.problem import Array, Contract


@dataclass(frozen=True, kw_only=True, repr=False)
class HistoricalReturns:
    """Historical simulation: what comes is what was, each as likely.

    Over a day, a past day. Over h days, the compounded returns of h successive past days, from any
    start: n - h + 1 windows for n days. These overlap, so they hold about n / h independent
    observations (`effective_observations`), and errors of the data are wider than for as many
    days. `FilteredReturns` makes longer paths of single days instead.

    Attributes:
        returns: (days, assets) simple returns, each above -1 to 10; at least 2 days.
        period: years from one row to the next; a trading day unless given.

    Raises:
        InvalidProblem: for empty, NaN, infinite or mis-shaped data and returns <= -1 or > 10; when
            used, for a horizon that is no whole number of periods or leaves fewer than 2 windows.
    """

    returns: ArrayLike
    period: float = DAY
    _days: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check and keep the scenarios as an array."""
        object.__setattr__(self, "_days", checked_history(self.returns))
        object.__setattr__(self, "returns", as_rows(self._days))
        object.__setattr__(self, "period", checks.positive("period", self.period))

    def scenarios(self, periods: int = 1) -> Array:
        """The equally likely return vectors over that many periods, (days - periods + 1, assets).

        Raises:
            InvalidProblem: when fewer than 2 are left.
        """
        days, least = len(self._days), checks.whole("periods", periods, 1) + 1
        if days < least:
            allowed = f"at least {least:,} for a horizon of {periods}"
            hint = "take a longer history or a shorter horizon"
            raise checks.refuse("observations", days, allowed, hint)
        return compounded(self._days, periods)

    def observations(self, times: Sequence[float]) -> int:
        """Windows of the contract's horizon, overlapping."""
        return len(self._days) - periods_to(self, times) + 1

    def effective_observations(self, times: Sequence[float]) -> float:
        """Windows of the horizon that do not overlap: days / horizon."""
        return len(self._days) / periods_to(self, times)

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal picks the day on which the window starts."""
        periods_to(self, times)
        return 1

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, 1) to gross returns (n, 1, assets) of the windows they pick."""
        scenarios = self.scenarios(periods_to(self, times))
        picked = days_of(special.ndtr(normals[:, 0]), len(scenarios))
        return np.asarray(1.0 + scenarios[picked])[:, None, :]

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: a horizon is not discounted."""
        return np.ones(len(times))

    def value_law(self, contract: Contract) -> EmpiricalLaw:
        """Law of the present value of any contract with one time."""
        return law_of(self.scenarios(periods_to(self, contract.times)), contract)

    def __repr__(self) -> str:
        """Short: the size of the history."""
        days, assets = self._days.shape
        return f"HistoricalReturns({days} days x {assets} assets)"


def compounded(history: Array, periods: int) -> Array:
    """Returns over `periods` successive rows of (days, assets), from every start."""
    if periods == 1:
        return history
    windows = np.lib.stride_tricks.sliding_window_view(1.0 + history, periods, axis=0)
    return np.asarray(windows.prod(axis=-1) - 1.0)


def days_of(uniforms: Array, days: int) -> NDArray[np.intp]:
    """The days, each as likely, that numbers in [0, 1] pick."""
    return np.minimum((uniforms * days).astype(np.intp), days - 1)


def profits_of(scenarios: Array, contract: Contract) -> Array:
    """Present values (n,) of a contract with one time in scenarios (n, assets) of returns."""
    return contract.present_value(1.0 + scenarios[:, None, :], np.ones(1))


def law_of(scenarios: Array, contract: Contract) -> EmpiricalLaw:
    """Law of a contract's present value: its value in each scenario (n, assets) of returns."""
    values = without_rounding(profits_of(scenarios, contract))
    return EmpiricalLaw(samples=tuple(values.tolist()))
