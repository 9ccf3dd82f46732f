"""European options on one asset by Black and Scholes (1973, doi:10.1086/260062), for many prices.

With a dividend yield q after Merton (1973, doi:10.2307/3003143): the value at price S with t years
left is S exp(-q t) Phi(d1) - K exp(-r t) Phi(d2) for a call, d1 = (log(S / K) + (r - q) t) /
(vol sqrt(t)) + vol sqrt(t) / 2, d2 = d1 - vol sqrt(t).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special

from qmc.contracts import fields
from qmc.problem import Array

_ROOT_2PI = math.sqrt(2.0 * math.pi)


class Greeks(NamedTuple):
    """Derivatives of an option's value: by price, twice by price, by time that passes (a year)."""

    delta: float
    gamma: float
    theta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EuropeanOption:
    """A call or put as it stands `years` before its expiry; a checked caller makes it.

    Attributes:
        kind: "call" or "put".
        strike: > 0.
        vol: standard deviation of log returns per annum, > 0.
        rate, dividend_yield: continuous, per annum.
        years: to expiry, 0 or above.

    >>> call = EuropeanOption(
    ...     kind="call", strike=105.0, vol=0.25, rate=0.03, dividend_yield=0.0, years=0.5
    ... )
    >>> call.value(np.array([100.0])).round(6).tolist()
    [5.575977]
    """

    kind: str
    strike: float
    vol: float
    rate: float
    dividend_yield: float
    years: float

    def value(self, prices: Array) -> Array:
        """Values (n,) at `prices` (n,); a price of 0 or below counts as 0."""
        prices = np.maximum(prices, 0.0)
        if self.years == 0.0:
            return fields.exercised(self.kind, prices, self.strike)
        sign = fields.sign(self.kind)
        d1, d2 = self._d(prices)
        gets = prices * (sign * self._carry) * special.ndtr(sign * d1)
        return np.asarray(gets - sign * self._paid * special.ndtr(sign * d2))

    def greeks(self, price: float) -> Greeks:
        """Delta, gamma and theta at a price > 0, more than 0 years before expiry."""
        sign = fields.sign(self.kind)
        d1, d2 = (float(d[0]) for d in self._d(np.array([price])))
        density = math.exp(-0.5 * d1 * d1) / _ROOT_2PI
        root = self.vol * math.sqrt(self.years)
        delta = sign * self._carry * float(special.ndtr(sign * d1))
        decay = 0.5 * self._carry * price * density * root / self.years
        interest = sign * self.rate * self._paid * float(special.ndtr(sign * d2))
        theta = self.dividend_yield * price * delta - interest - decay
        return Greeks(delta, self._carry * density / (price * root), theta)

    @property
    def _carry(self) -> float:
        return math.exp(-self.dividend_yield * self.years)

    @property
    def _paid(self) -> float:
        """The strike's present value."""
        return self.strike * math.exp(-self.rate * self.years)

    def _d(self, prices: Array) -> tuple[Array, Array]:
        root = self.vol * math.sqrt(self.years)
        with np.errstate(divide="ignore"):
            ratio = np.log(prices / self.strike)
        d1 = (ratio + (self.rate - self.dividend_yield) * self.years) / root + 0.5 * root
        return d1, d1 - root
