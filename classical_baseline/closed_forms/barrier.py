"""Closed forms of barriers that are monitored continuously: Reiner and Rubinstein."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from classical_baseline.closed_forms.european import black
from qmc.errors import InvalidProblem

# which of A, B, C, D add up to a knock-in (Haug 2007, section 4.17.1), by side, kind and whether
# the strike is at or above the barrier
_KNOCK_IN = {
    ("down", "call", True): (0, 0, 1, 0),
    ("down", "call", False): (1, -1, 0, 1),
    ("up", "call", True): (1, 0, 0, 0),
    ("up", "call", False): (0, 1, -1, 1),
    ("down", "put", True): (0, 1, -1, 1),
    ("down", "put", False): (1, 0, 0, 0),
    ("up", "put", True): (1, -1, 0, 1),
    ("up", "put", False): (0, 0, 1, 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diffusion:
    """Geometric Brownian motion with constant coefficients.

    Attributes:
        spot: > 0.
        vol: per annum, > 0.
        rate: continuous, per annum.
        dividend_yield: continuous, per annum.
    """

    spot: float
    vol: float
    rate: float
    dividend_yield: float = 0.0

    @property
    def carry(self) -> float:
        """Rate - dividend_yield."""
        return self.rate - self.dividend_yield

    @property
    def drift(self) -> float:
        """Of the log price."""
        return self.carry - 0.5 * self.vol**2

    def vanilla(self, strike: float, expiry: float, kind: str) -> float:
        """Black and Scholes (1973, doi:10.1086/260062), eq. 13: present value."""
        forward = self.spot * math.exp(self.carry * expiry)
        undiscounted = black(forward, strike, self.vol * math.sqrt(expiry), kind)
        return math.exp(-self.rate * expiry) * undiscounted


def hit_probability(market: Diffusion, barrier: float, expiry: float, *, upward: bool) -> float:
    """P(the price reaches the barrier by expiry).

    Harrison (1985, Brownian Motion and Stochastic Flow Systems, section 1.8, eq. 11).

    >>> market = Diffusion(spot=100.0, vol=0.2, rate=0.02)
    >>> round(hit_probability(market, 120.0, 1.0, upward=True), 6)  # no drift: 2 N(-log 1.2 / 0.2)
    0.361975
    """
    sign = 1.0 if upward else -1.0
    distance = sign * math.log(barrier / market.spot)
    if distance <= 0.0:
        return 1.0
    drift, deviation = sign * market.drift, market.vol * math.sqrt(expiry)
    direct = special.ndtr((drift * expiry - distance) / deviation)
    mirrored = _tilted(
        2.0 * drift * distance / market.vol**2, -(drift * expiry + distance) / deviation
    )
    return min(float(direct) + mirrored, 1.0)


def knock_in(
    market: Diffusion, strike: float, barrier: float, expiry: float, *, upward: bool, kind: str
) -> float:
    """Present value of an option that begins at the barrier, without a rebate.

    Reiner and Rubinstein (1991, Breaking down the barriers, Risk 4(8)), in the letters of Haug
    (2007, The Complete Guide to Option Pricing Formulas, section 4.17.1).

    >>> market = Diffusion(spot=100.0, vol=0.25, rate=0.08, dividend_yield=0.04)
    >>> value = knock_in(market, 90.0, 95.0, 0.5, upward=False, kind="call")
    >>> rebate = 3.0 * (1.0 - hit_probability(market, 95.0, 0.5, upward=False))
    >>> round(value + rebate * math.exp(-0.04), 4)
    7.7627
    """
    if (barrier - market.spot) * (1.0 if upward else -1.0) <= 0.0:
        return market.vanilla(strike, expiry, kind)
    signs = _KNOCK_IN["up" if upward else "down", kind, strike >= barrier]
    terms = _terms(market, strike, barrier, expiry, upward, kind)
    value = math.fsum(sign * term for sign, term in zip(signs, terms, strict=True))
    return min(max(value, 0.0), market.vanilla(strike, expiry, kind))


def _terms(
    market: Diffusion, strike: float, barrier: float, expiry: float, upward: bool, kind: str
) -> tuple[float, float, float, float]:
    """A, B, C, D of Haug."""
    phi, eta = (1.0 if kind == "call" else -1.0), (-1.0 if upward else 1.0)
    spot, deviation = market.spot, market.vol * math.sqrt(expiry)
    mu = market.drift / market.vol**2
    asset = spot * math.exp(-market.dividend_yield * expiry)
    cash = strike * math.exp(-market.rate * expiry)
    log_ratio = math.log(barrier / spot)

    def term(sign: float, ratio: float, power: float) -> float:
        x = math.log(ratio) / deviation + (1.0 + mu) * deviation
        first = asset * _tilted(2.0 * (mu + 1.0) * power, sign * x)
        second = cash * _tilted(2.0 * mu * power, sign * (x - deviation))
        return phi * (first - second)

    return (
        term(phi, spot / strike, 0.0),
        term(phi, spot / barrier, 0.0),
        term(eta, barrier**2 / (spot * strike), log_ratio),
        term(eta, barrier / spot, log_ratio),
    )


def rebate_at_hit(market: Diffusion, barrier: float, expiry: float, *, upward: bool) -> float:
    """Present value of 1 paid at the moment the barrier is reached, if that is before expiry.

    Reiner and Rubinstein (1991), term F of Haug (2007, section 4.17.1).

    Raises:
        InvalidProblem: for a rate so negative that the formula has no real value.

    >>> market = Diffusion(spot=100.0, vol=0.25, rate=0.08, dividend_yield=0.04)
    >>> rebate_at_hit(market, 100.0, 0.5, upward=True)
    1.0
    """
    distance = math.log(barrier / market.spot)
    if distance * (1.0 if upward else -1.0) <= 0.0:
        return 1.0
    eta = -1.0 if upward else 1.0
    mu, deviation = market.drift / market.vol**2, market.vol * math.sqrt(expiry)
    square = mu**2 + 2.0 * market.rate / market.vol**2
    if square < 0.0:
        msg = f"rate={market.rate} is too negative for a rebate at the hit; pay it at expiry"
        raise InvalidProblem(msg)
    root = math.sqrt(square)
    z = distance / deviation + root * deviation
    return _tilted((mu + root) * distance, eta * z) + _tilted(
        (mu - root) * distance, eta * (z - 2.0 * root * deviation)
    )


def _tilted(exponent: float, x: float) -> float:
    """exp(exponent) N(x), without overflow where one is huge and the other nothing."""
    return math.exp(exponent + float(special.log_ndtr(x)))
