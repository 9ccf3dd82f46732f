"""`BlackScholes`: one log-normal asset; rate, dividend yield and volatility flat or in time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.capabilities import Side
from qmc.laws import EmpiricalLaw, LogNormalLaw
from qmc.models import curves
from qmc.models.bridge import bridge_extremes, require_flat_steps
from qmc.models.curves import Curve, Term
from qmc.problem import Array

_MAX_EXPONENT = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlackScholes:
    """Geometric Brownian motion under the pricing measure (Black and Scholes 1973).

    Rate, dividend yield and volatility are numbers or `Curve`s of forward values; with curves the
    steps stay exact, as the integrals are (Merton 1973, doi:10.2307/3003143).

    Attributes:
        spot: price today, > 0.
        vol: standard deviation of log returns per annum, from 0 to 10 (0.2 is 20 %). At 0 the price
            is its forward, and its law an atom.
        rate: continuous, per annum.
        dividend_yield: continuous, per annum.

    Raises:
        InvalidProblem: for NaN, infinite or out-of-range numbers.

    >>> round(float(BlackScholes(spot=100.0, vol=0.2, rate=0.05).discount([1.0])[0]), 6)
    0.951229
    >>> later = Curve(times=(0.5,), values=(0.3, 0.1))
    >>> round(BlackScholes(spot=100.0, vol=later, rate=0.05).terminal_law(1.0).log_sd, 6)
    0.223607
    """

    spot: float
    vol: Term
    rate: Term
    dividend_yield: Term = 0.0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "spot", checks.positive("spot", self.spot))
        vol = curves.checked_term("vol", self.vol, 0.0, curves.VOL_HINT)
        object.__setattr__(self, "vol", vol)
        for name in ("rate", "dividend_yield"):
            object.__setattr__(self, name, curves.checked_term(name, getattr(self, name)))

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal a time step."""
        return len(times)

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Exact log-normal steps: normals (n, times) to prices (n, times, 1)."""
        drift, deviation = self._steps(times)
        logs = np.cumsum(drift + deviation * normals, axis=1)
        return np.asarray(self.spot * np.exp(logs))[:, :, None]

    def extremes(self, times: Sequence[float], paths: Array, normals: Array, side: Side) -> Array:
        """Lowest or highest price of each step (n, times, 1), by Brownian bridge in log price.

        Raises:
            InvalidProblem: where a curve changes inside a step.
        """
        require_flat_steps(times, self.vol, self.rate, self.dividend_yield)
        variances = np.square(self._steps(times)[1])
        return bridge_extremes(np.array([self.spot]), paths, variances[:, None], normals, side)

    def discount(self, times: Sequence[float]) -> Array:
        """exp(-integral of the rate), shape (times,)."""
        return curves.discount(self.rate, times)

    def log_prices(self, times: Sequence[float]) -> tuple[Array, Array]:
        """Means (times, 1) and loadings (times, 1, times) of log prices."""
        drift, deviation = self._steps(times)
        means = math.log(self.spot) + np.cumsum(drift)
        loadings = np.tril(np.broadcast_to(deviation, (deviation.size, deviation.size)))
        return means[:, None], loadings[:, None, :]

    def terminal_law(self, time: float) -> LogNormalLaw | EmpiricalLaw:
        """Law of the price at `time` years; an atom at the forward where the volatility is 0."""
        checks.positive("time", time)
        growth = float(curves.growth(self.rate, self.dividend_yield, time))
        if abs(growth) > _MAX_EXPONENT:
            raise checks.refuse("time", time, f"small enough that |drift * time| < {_MAX_EXPONENT}")
        forward = self.spot * math.exp(growth)
        if isinstance(self.vol, Curve):
            log_sd = math.sqrt(float(curves.variance(self.vol, time)))
        else:
            log_sd = self.vol * math.sqrt(time)
        if log_sd == 0.0:
            return EmpiricalLaw(samples=(forward,))
        return LogNormalLaw(mean=forward, log_sd=log_sd)

    def _steps(self, times: Sequence[float]) -> tuple[Array, Array]:
        """Drift and standard deviation of each step's log return, both (times,)."""
        ends = np.asarray(times, dtype=np.float64)
        rate, yields, vol = self.rate, self.dividend_yield, self.vol
        if isinstance(rate, Curve) or isinstance(yields, Curve) or isinstance(vol, Curve):
            # rounding may not make a step's variance negative
            variances = np.maximum(np.diff(curves.variance(vol, ends), prepend=0.0), 0.0)
            drift = np.diff(curves.growth(rate, yields, ends), prepend=0.0) - 0.5 * variances
            return drift, np.sqrt(variances)
        steps = np.diff(ends, prepend=0.0)
        return (rate - yields - 0.5 * vol**2) * steps, vol * np.sqrt(steps)
