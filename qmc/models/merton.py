"""`Merton`: a log-normal asset that also jumps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from qmc import checks
from qmc.mixture import LogNormalMixture
from qmc.models import curves
from qmc.models.curves import Term
from qmc.problem import Array

# -log of the Poisson probability that is left out on either side: below 1e-17
_LEFT_OUT = 39.2
_MOST_JUMPS = 1e4
_MAX_EXPONENT = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Merton:
    """Jump diffusion under the pricing measure (Merton 1976, doi:10.1016/0304-405X(76)90022-2).

    Between jumps the price is a geometric Brownian motion; jumps come as a Poisson process and add
    independent normals to the log price. The drift is compensated, so that the forward is
    spot exp((rate - dividend_yield) t).

    Attributes:
        spot: price today, > 0.
        vol: standard deviation of log returns per annum between jumps, above 0 and at most 10: the
            law would have an atom at 0.
        rate: continuous, per annum; a number or a `Curve`.
        intensity: mean number of jumps per annum, >= 0.
        jump_mean: mean of a jump of the log price, from -10 to 10.
        jump_vol: standard deviation of a jump of the log price, from 0 to 10.
        dividend_yield: continuous, per annum; a number or a `Curve`.

    Raises:
        InvalidProblem: for NaN, infinite or out-of-range numbers.

    >>> crashes = Merton(
    ...     spot=100.0, vol=0.15, rate=0.05, intensity=0.5, jump_mean=-0.2, jump_vol=0.1
    ... )
    >>> round(crashes.terminal_law(1.0).mean, 6)
    105.12711
    """

    spot: float
    vol: float
    rate: Term
    intensity: float
    jump_mean: float
    jump_vol: float
    dividend_yield: Term = 0.0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "spot", checks.positive("spot", self.spot))
        object.__setattr__(self, "vol", checks.positive("vol", self.vol, curves.VOL_HINT))
        for name, low, hint in (
            ("vol", 0.0, curves.VOL_HINT),
            ("jump_mean", -10.0, "a jump of -10 % is about -0.1"),
            ("jump_vol", 0.0, "in units of the log price, such as 0.15"),
        ):
            number = curves.between(name, getattr(self, name), low, 10.0, hint)
            object.__setattr__(self, name, number)
        intensity = curves.between("intensity", self.intensity, 0.0, _MOST_JUMPS, "jumps a year")
        object.__setattr__(self, "intensity", intensity)
        for name in ("rate", "dividend_yield"):
            object.__setattr__(self, name, curves.checked_term(name, getattr(self, name)))

    def num_factors(self, times: Sequence[float]) -> int:
        """Three normals a time step: diffusion, number of jumps, their sum."""
        return 3 * len(times)

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Exact steps: normals (n, times x 3) to prices (n, times, 1)."""
        ends = np.asarray(times, dtype=np.float64)
        steps = np.diff(ends, prepend=0.0)
        carry = self._carry(ends)
        drift = np.diff(carry, prepend=0.0) - 0.5 * self.vol**2 * steps
        logs = drift + self.vol * np.sqrt(steps) * normals[:, 0::3]
        for place, step in enumerate(steps):
            jumps = _poisson(self.intensity * step, normals[:, 3 * place + 1])
            spread = self.jump_vol * np.sqrt(jumps) * normals[:, 3 * place + 2]
            logs[:, place] += self.jump_mean * jumps + spread
        return np.asarray(self.spot * np.exp(np.cumsum(logs, axis=1)))[:, :, None]

    def discount(self, times: Sequence[float]) -> Array:
        """exp(-integral of the rate), shape (times,)."""
        return curves.discount(self.rate, times)

    def terminal_law(self, time: float) -> LogNormalMixture:
        """Law of the price at `time` years: given the number of jumps it is log-normal.

        Merton 1976, eq. 16-19. Numbers of jumps are left out where they add less than 1e-16 in all
        to a probability, and to the mean as a share of the forward.
        """
        checks.positive("time", time)
        expected = self.intensity * time
        # under the share measure, whose means partial means are, jumps are this much more frequent
        tilted = expected * math.exp(self._log_gain())
        if max(expected, tilted) > _MOST_JUMPS:
            allowed = f"small enough that at most {_MOST_JUMPS:g} jumps are expected"
            raise checks.refuse("time", time, allowed)
        jumps = _likely_jumps(min(expected, tilted), max(expected, tilted))
        log_means = float(self._carry(time)) + jumps * self._log_gain()
        if np.abs(log_means).max() > _MAX_EXPONENT:
            allowed = f"small enough that |drift and jumps| < {_MAX_EXPONENT}"
            raise checks.refuse("time", time, allowed)
        weights = np.exp(special.xlogy(jumps, expected) - expected - special.gammaln(jumps + 1.0))
        return LogNormalMixture(
            weights=tuple(weights.tolist()),
            means=tuple((self.spot * np.exp(log_means)).tolist()),
            log_sds=tuple(np.sqrt(self.vol**2 * time + jumps * self.jump_vol**2).tolist()),
        )

    def _log_gain(self) -> float:
        """Log of the mean factor of one jump."""
        return self.jump_mean + 0.5 * self.jump_vol**2

    def _carry(self, times: float | Array) -> Array:
        """Integral from 0 of rate - dividend_yield - the jumps' compensator."""
        growth = curves.growth(self.rate, self.dividend_yield, times)
        return np.asarray(growth - self.intensity * math.expm1(self._log_gain()) * times)


def _likely_jumps(low: float, high: float) -> Array:
    """Whole numbers but for the tails of Poisson laws with means from `low` to `high`.

    P(N >= m + x) <= exp(-x^2 / (2 (m + x / 3))) and P(N <= m - x) <= exp(-x^2 / (2 m)) (Boucheron,
    Lugosi and Massart 2013, section 2.7).
    """
    third = _LEFT_OUT / 3.0
    first = max(0, math.floor(low - math.sqrt(2.0 * _LEFT_OUT * low)))
    last = math.ceil(high + third + math.sqrt(third**2 + 2.0 * _LEFT_OUT * high))
    return np.arange(first, last + 1, dtype=np.float64)


def _poisson(mean: float, normals: Array) -> Array:
    """Poisson numbers by inversion of Phi(normals), as floats, (n,)."""
    if mean == 0.0:
        return np.zeros(normals.shape)
    numbers = _likely_jumps(0.0, mean)
    # upper tails, since they keep the digits where jumps are many
    tails = special.pdtrc(numbers, mean)
    return np.searchsorted(-tails, -special.ndtr(-normals), side="left").astype(np.float64)
