"""Volatility filters: what turns a history into standardised days, and forecasts tomorrow's.

A filter is a recursion variance[d + 1] = constant + reaction * return[d]^2 + decay * variance[d],
asset by asset. `EWMA` gives its numbers, `qmc.models.GARCH` fits them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from qmc import checks
from qmc.problem import Array

# of daily returns (RiskMetrics 1996)
DECAY = 0.94
_SEED_DAYS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Recursion:
    """variance[d + 1] = constant + reaction * return[d]^2 + decay * variance[d].

    Attributes:
        constant, reaction, decay: (assets,), none below 0.
        start: (assets,) variances known before the first day.
    """

    constant: Array
    reaction: Array
    decay: Array
    start: Array

    def step(self, variance: Array, returns: Array) -> Array:
        """The variances (..., assets) after returns (..., assets)."""
        return self.constant + self.reaction * np.square(returns) + self.decay * variance

    def volatilities(self, returns: Array) -> Array:
        """Volatilities (days + 1, assets): row d is known before day d, the last is tomorrow's."""
        from scipy import signal  # loads scipy.stats, so only when it is used

        news = self.constant + self.reaction * np.square(returns)
        columns = [
            signal.lfilter([1.0], [1.0, -decay], news[:, asset], zi=[decay * self.start[asset]])[0]
            for asset, decay in enumerate(self.decay.tolist())
        ]
        later = np.stack(columns, axis=1)
        return np.asarray(np.sqrt(np.concatenate([self.start[None, :], later])))


@runtime_checkable
class VolatilityFilter(Protocol):
    """How volatilities follow from returns; a frozen value."""

    def fitted(self, returns: Array) -> VolatilityFilter:
        """This filter with whatever it estimates of returns (days, assets) as fields."""
        ...

    def recursion(self, returns: Array) -> Recursion:
        """The recursion of a fitted filter over returns (days, assets)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EWMA:
    """Exponentially weighted volatilities (RiskMetrics 1996): nothing is fitted.

    variance[d + 1] = decay * variance[d] + (1 - decay) * return[d]^2, started from the mean square
    of the first 50 days. It has no level to which it returns: today's volatility is its forecast
    for every day to come. Meant for days and weeks: over months simulated paths run away, the more
    the smaller the decay.

    Attributes:
        decay: in (0, 1).
    """

    decay: float = DECAY

    def __post_init__(self) -> None:
        """Refuse a decay outside (0, 1)."""
        object.__setattr__(self, "decay", checks.fraction("decay", self.decay))

    def fitted(self, returns: Array) -> EWMA:  # noqa: ARG002
        """Itself."""
        return self

    def recursion(self, returns: Array) -> Recursion:
        """The same numbers for every asset."""
        start = first_mean_square(returns)
        return Recursion(
            constant=np.zeros_like(start),
            reaction=np.full_like(start, 1.0 - self.decay),
            decay=np.full_like(start, self.decay),
            start=start,
        )


def ewma_volatility(returns: Array, decay: float) -> Array:
    """EWMA volatilities (days + 1, assets): row d is known before day d, the last is tomorrow's.

    variance[d + 1] = decay * variance[d] + (1 - decay) * return[d]^2 (RiskMetrics 1996), started
    from the mean square of the first 50 days.
    """
    return EWMA(decay=decay).recursion(returns).volatilities(returns)


def first_mean_square(returns: Array) -> Array:
    """Mean squares (assets,) of the first 50 days, from which recursions start."""
    return np.asarray(np.square(returns[:_SEED_DAYS]).mean(axis=0))
