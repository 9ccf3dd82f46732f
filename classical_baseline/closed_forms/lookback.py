"""Closed forms of lookbacks that are monitored continuously, whole and partial."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from scipy import special

from classical_baseline.closed_forms.barrier import Diffusion
from classical_baseline.closed_forms.european import bivariate_normal

# the formulas divide by the carry: near 0 they are interpolated from beside it
_NEAR = 0.1
_ASIDE = 3e-3


def lookback_fixed(
    market: Diffusion, strike: float, expiry: float, *, kind: str, extreme: float | None = None
) -> float:
    """Present value of (maximum - strike)+, a put (strike - minimum)+, over all prices to expiry.

    Conze and Viswanathan (1991, doi:10.1111/j.1540-6261.1991.tb04648.x), eq. 7 to 10.

    Args:
        market: spot and coefficients.
        strike: > 0.
        expiry: years, > 0.
        kind: "call" or "put".
        extreme: seen so far; None for the spot.

    >>> market = Diffusion(spot=100.0, vol=0.1, rate=0.1)
    >>> round(lookback_fixed(market, 95.0, 0.5, kind="call"), 4)
    13.2687
    """
    sign = 1.0 if kind == "call" else -1.0
    seen = market.spot if extreme is None else extreme
    seen = max(seen, market.spot) if kind == "call" else min(seen, market.spot)
    level = max(strike, seen) if kind == "call" else min(strike, seen)
    certain = math.exp(-market.rate * expiry) * abs(level - strike)
    return certain + _off_zero_carry(market, expiry, lambda m: _fixed(m, level, expiry, sign))


def _fixed(market: Diffusion, level: float, expiry: float, sign: float) -> float:
    """Present value of the extreme's excess over a level that it has not passed."""
    carry, vol, spot = market.carry, market.vol, market.spot
    deviation = vol * math.sqrt(expiry)
    d1 = (math.log(spot / level) + (carry + 0.5 * vol**2) * expiry) / deviation
    shift = 2.0 * carry * math.sqrt(expiry) / vol
    discount, growth = math.exp(-market.rate * expiry), math.exp(carry * expiry)
    mirrored = _power(spot / level, -2.0 * carry / vol**2, sign * (d1 - shift))
    vanilla = spot * growth * _cdf(sign * d1) - level * _cdf(sign * (d1 - deviation))
    bonus = spot * vol**2 / (2.0 * carry) * (growth * _cdf(sign * d1) - mirrored)
    return sign * discount * (vanilla + bonus)


def lookback_floating(
    market: Diffusion, expiry: float, *, kind: str, extreme: float | None = None
) -> float:
    """Present value of price - minimum, a put maximum - price, over all prices to expiry.

    Goldman, Sosin and Gatto (1979, doi:10.1111/j.1540-6261.1979.tb00059.x): it is a fixed strike
    at the extreme seen so far, and a forward: S - m = (S - M0) + (M0 - m).

    Args:
        market: spot and coefficients.
        expiry: years, > 0.
        kind: "call" or "put".
        extreme: seen so far; None for the spot.

    >>> market = Diffusion(spot=100.0, vol=0.3, rate=0.1)
    >>> round(lookback_floating(market, 0.5, kind="put", extreme=120.0), 4)
    21.0645
    """
    sign = 1.0 if kind == "call" else -1.0
    seen = market.spot if extreme is None else extreme
    seen = min(seen, market.spot) if kind == "call" else max(seen, market.spot)
    other = "put" if kind == "call" else "call"
    asset = market.spot * math.exp(-market.dividend_yield * expiry)
    forward = sign * (asset - seen * math.exp(-market.rate * expiry))
    return forward + lookback_fixed(market, seen, expiry, kind=other, extreme=seen)


def partial_lookback_fixed(
    market: Diffusion, strike: float, begin: float, expiry: float, *, kind: str
) -> float:
    """`lookback_fixed` on the prices from `begin` to expiry, 0 < begin < expiry.

    Heynen and Kat (1994, Partial barrier and lookback options, Journal of Financial Engineering 3),
    in the form of Haug (2007, section 4.15.4).

    >>> market = Diffusion(spot=100.0, vol=0.1, rate=0.06)
    >>> round(partial_lookback_fixed(market, 110.0, 0.25, 1.0, kind="call"), 3)
    4.043
    """
    sign = 1.0 if kind == "call" else -1.0
    return _off_zero_carry(market, expiry, lambda m: _partial_fixed(m, strike, begin, expiry, sign))


def _partial_fixed(
    market: Diffusion, strike: float, begin: float, expiry: float, sign: float
) -> float:
    carry, vol, spot = market.carry, market.vol, market.spot
    rest, share = expiry - begin, begin / expiry
    d1, d2 = _distances(market, strike, expiry)
    f1, f2 = _distances(market, strike, begin)
    e1, e2 = _distances(market, spot, rest)
    shifts = [2.0 * carry * math.sqrt(time) / vol for time in (expiry, begin)]
    growth, half = math.exp(carry * expiry), vol**2 / (2.0 * carry)

    def joint(x: float, y: float, rho: float) -> float:
        return bivariate_normal(sign * x, sign * y, rho)

    before, after = -math.sqrt(share), math.sqrt(1.0 - share)
    mirrored = math.pow(spot / strike, -2.0 * carry / vol**2) * joint(
        d1 - shifts[0], -f1 + shifts[1], before
    )
    total = (
        spot * growth * _cdf(sign * d1)
        - strike * _cdf(sign * d2)
        + spot * half * (growth * joint(e1, d1, after) - mirrored)
        - spot * growth * joint(-e1, d1, -after)
        - strike * joint(f2, -d2, before)
        + math.exp(carry * begin) * (1.0 - half) * spot * _cdf(sign * f1) * _cdf(-sign * e2)
    )
    return sign * math.exp(-market.rate * expiry) * total


def partial_lookback_floating(
    market: Diffusion,
    end: float,
    expiry: float,
    *,
    kind: str,
    multiple: float = 1.0,
    extreme: float | None = None,
) -> float:
    """Present value of (price - multiple minimum)+, a put reversed, on the prices up to `end`.

    Heynen and Kat (1994), in the form of Haug (2007, section 4.15.3); 0 < end < expiry, and a
    multiple of 1 or above for a call, of 1 or below for a put.

    >>> market = Diffusion(spot=90.0, vol=0.2, rate=0.06)
    >>> round(partial_lookback_floating(market, 0.25, 1.0, kind="call"), 4)
    13.3402
    """
    sign = 1.0 if kind == "call" else -1.0
    seen = market.spot if extreme is None else extreme
    seen = min(seen, market.spot) if kind == "call" else max(seen, market.spot)
    return _off_zero_carry(
        market, expiry, lambda m: _partial_floating(m, seen, end, expiry, multiple, sign)
    )


def _partial_floating(
    market: Diffusion, seen: float, end: float, expiry: float, multiple: float, sign: float
) -> float:
    carry, vol, spot = market.carry, market.vol, market.spot
    rest, share = expiry - end, end / expiry
    d1, d2 = _distances(market, seen, expiry)
    f1, f2 = _distances(market, seen, end)
    e1, e2 = _distances(market, spot, rest)
    g1, g2 = (math.log(multiple) / (vol * math.sqrt(time)) for time in (expiry, rest))
    shifts = [2.0 * carry * math.sqrt(time) / vol for time in (expiry, end)]
    growth, half, power = math.exp(carry * expiry), vol**2 / (2.0 * carry), 2.0 * carry / vol**2

    def joint(x: float, y: float, rho: float) -> float:
        return bivariate_normal(sign * x, sign * y, rho)

    before, after = math.sqrt(share), -math.sqrt(1.0 - share)
    mirrored = math.pow(spot / seen, -power) * joint(-f1 + shifts[1], -d1 + shifts[0] - g1, before)
    late = growth * math.pow(multiple, power) * joint(-d1 - g1, e1 + g2, after)
    total = (
        spot * growth * _cdf(sign * (d1 - g1))
        - multiple * seen * _cdf(sign * (d2 - g1))
        + multiple * spot * half * (mirrored - late)
        + spot * growth * joint(-d1 + g1, e1 - g2, after)
        + multiple * seen * joint(-f2, d2 - g1, -before)
        - math.exp(carry * end)
        * (1.0 + half)
        * multiple
        * spot
        * _cdf(sign * (e2 - g2))
        * _cdf(-sign * f1)
    )
    return sign * math.exp(-market.rate * expiry) * total


def _distances(market: Diffusion, level: float, time: float) -> tuple[float, float]:
    """d1 and d2 of Black and Scholes."""
    deviation = market.vol * math.sqrt(time)
    d1 = (math.log(market.spot / level) + market.carry * time) / deviation + 0.5 * deviation
    return d1, d1 - deviation


def _off_zero_carry(market: Diffusion, expiry: float, price: Callable[[Diffusion], float]) -> float:
    """The price, from four carries beside a carry near 0, where the formulas divide by it.

    Prices are smooth in carry * sqrt(expiry) / vol; the four-point rule errs by its fourth power.
    """
    step = _ASIDE * market.vol / math.sqrt(expiry)
    if abs(market.carry) >= _NEAR * step:
        return max(price(market), 0.0)

    def beside(steps: float) -> float:
        return price(replace(market, dividend_yield=market.dividend_yield + steps * step))

    near, far = beside(1.0) + beside(-1.0), beside(2.0) + beside(-2.0)
    return max((4.0 * near - far) / 6.0, 0.0)


def _cdf(x: float) -> float:
    return float(special.ndtr(x))


def _power(base: float, exponent: float, x: float) -> float:
    """base^exponent N(x), without overflow where one is huge and the other nothing."""
    return math.exp(exponent * math.log(base) + float(special.log_ndtr(x)))
