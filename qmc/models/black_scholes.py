"""`BlackScholes`: one log-normal asset with constant rate, dividend yield and volatility."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.laws import LogNormalLaw
from qmc.models.bridge import bridge_extremes
from qmc.problem import Array, Side

_MAX_EXPONENT = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlackScholes:
    """Geometric Brownian motion under the pricing measure (Black and Scholes 1973).

    Attributes:
        spot: price today, > 0.
        vol: standard deviation of log returns per annum, > 0 (0.2 is 20 %).
        rate: continuous, per annum.
        dividend_yield: continuous, per annum.

    Raises:
        InvalidProblem: for NaN, infinite or out-of-range numbers.

    >>> round(float(BlackScholes(spot=100.0, vol=0.2, rate=0.05).discount([1.0])[0]), 6)
    0.951229
    """

    spot: float
    vol: float
    rate: float
    dividend_yield: float = 0.0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "spot", checks.positive("spot", self.spot))
        hint = "a volatility of 20 % is vol=0.2"
        object.__setattr__(self, "vol", checks.positive("vol", self.vol, hint))
        for name in ("rate", "dividend_yield"):
            number = checks.finite(name, getattr(self, name))
            if abs(number) > 10.0:
                raise checks.refuse(name, number, "from -10 to 10", "5 % is 0.05")
            object.__setattr__(self, name, number)
        if self.vol > 10.0:
            raise checks.refuse("vol", self.vol, "above 0 and at most 10", hint)

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal a time step."""
        return len(times)

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Exact log-normal steps: normals (n, times) to prices (n, times, 1)."""
        steps = np.diff(np.asarray(times, dtype=np.float64), prepend=0.0)
        drift = (self.rate - self.dividend_yield - 0.5 * self.vol**2) * steps
        logs = np.cumsum(drift + self.vol * np.sqrt(steps) * normals, axis=1)
        return np.asarray(self.spot * np.exp(logs))[:, :, None]

    def extremes(self, times: Sequence[float], paths: Array, normals: Array, side: Side) -> Array:
        """Lowest or highest price of each step (n, times, 1), by Brownian bridge in log price."""
        variances = self.vol**2 * np.diff(np.asarray(times, dtype=np.float64), prepend=0.0)
        return bridge_extremes(np.array([self.spot]), paths, variances[:, None], normals, side)

    def discount(self, times: Sequence[float]) -> Array:
        """exp(-rate t), shape (times,)."""
        return np.asarray(np.exp(-self.rate * np.asarray(times, dtype=np.float64)))

    def log_prices(self, times: Sequence[float]) -> tuple[Array, Array]:
        """Means (times, 1) and loadings (times, 1, times) of log prices."""
        steps = np.diff(np.asarray(times, dtype=np.float64), prepend=0.0)
        drift = (self.rate - self.dividend_yield - 0.5 * self.vol**2) * steps
        means = math.log(self.spot) + np.cumsum(drift)
        loadings = np.tril(np.broadcast_to(self.vol * np.sqrt(steps), (steps.size, steps.size)))
        return means[:, None], loadings[:, None, :]

    def terminal_law(self, time: float) -> LogNormalLaw:
        """Law of the price at `time` years."""
        checks.positive("time", time)
        growth = (self.rate - self.dividend_yield) * time
        if abs(growth) > _MAX_EXPONENT:
            raise checks.refuse("time", time, f"small enough that |drift * time| < {_MAX_EXPONENT}")
        return LogNormalLaw(mean=self.spot * math.exp(growth), log_sd=self.vol * math.sqrt(time))
