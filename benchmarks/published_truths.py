"""Prices of the published barrier spread and autocallable, by quadrature with closed inner means.

Nothing here is shared with the engines: each price is integrated by Gauss and Legendre's rule over
the normals up to the last and in closed form over that, split where the payoff bends or jumps.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import special

from qmc.problem import Array

_NODES = 60
# no density beyond so many deviations
_FAR = 9.0


def barrier_spread(
    low: float, high: float, barrier: float, *, spot: float, growth: float, sigma: float
) -> float:
    """E[clip(S + T, low, high) - low; S, T <= barrier] of independent log-normal S and T.

    Args:
        low: strike of the sum, above the barrier.
        high: strike above it.
        barrier: of each price.
        spot: of each price.
        growth: log of forward over spot.
        sigma: standard deviation of the log price.
    """
    mean = math.log(spot) + growth - 0.5 * sigma**2
    cuts = [math.log(x) for x in (low - barrier, high - barrier, barrier)]
    total = 0.0
    for begin, end in itertools.pairwise(cuts):
        z, weights = _rule((begin - mean) / sigma, (end - mean) / sigma)
        first = np.exp(mean + sigma * z)
        inner = _call_below(low - first, barrier, mean, sigma)
        inner -= _call_below(high - first, barrier, mean, sigma)
        total += float(weights @ inner)
    return total


def autocallable(
    coupons: tuple[float, float],
    call: float,
    knock_in: float,
    *,
    rate: float,
    mean: float,
    vol: float,
) -> float:
    """Three years: a coupon at 1 or 2 above `call`, else at 3 minus (1 - P)+ if ever below a level.

    Args:
        coupons: paid at years 1 and 2, shares of the notional.
        call: performance that ends the note.
        knock_in: performance below which the put begins, at years 1, 2 or 3.
        rate: continuous, per annum.
        mean: of a year's log return.
        vol: standard deviation of a year's log return.

    Returns:
        The price a unit of notional.
    """
    called, level = math.log(call), math.log(knock_in)
    value = coupons[0] * math.exp(-rate) * float(special.ndtr((mean - called) / vol))
    for known, (z, weights) in _pieces(level, called, mean, vol):
        first = mean + vol * z
        again = special.ndtr((first + mean - called) / vol)
        value += coupons[1] * math.exp(-2.0 * rate) * float(weights @ again)
        for x, weight in zip(first.tolist(), weights.tolist(), strict=True):
            for late, (zz, inner) in _pieces(level, called, x + mean, vol):
                second = x + mean + vol * zz
                below = 1.0 if known or late else knock_in
                loss = _put_below(below, second + mean, vol)
                value -= math.exp(-3.0 * rate) * weight * float(inner @ loss)
    return value


def _pieces(
    level: float, called: float, mean: float, vol: float
) -> list[tuple[bool, tuple[Array, Array]]]:
    """Rules below the knock-in level (True) and between it and the call."""
    low, high = (level - mean) / vol, (called - mean) / vol
    return [(True, _rule(-_FAR, low)), (False, _rule(low, high))]


def _rule(low: float, high: float) -> tuple[Array, Array]:
    """Nodes between two standard normal numbers, and weights times the normal's density."""
    low, high = (min(max(end, -_FAR), _FAR) for end in (low, high))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    z = 0.5 * (high - low) * nodes + 0.5 * (high + low)
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return z, 0.5 * (high - low) * weights * density


def _put_below(below: float, means: Array, vol: float) -> Array:
    """E[1 - P; P < below], below <= 1, of P log-normal about `means` (n,)."""
    far = (math.log(below) - means) / vol
    forward = np.exp(means + 0.5 * vol**2)
    return np.asarray(special.ndtr(far) - forward * special.ndtr(far - vol))


def _call_below(strikes: Array, barrier: float, mean: float, sigma: float) -> Array:
    """E[(S - strike)+; S <= barrier] for strikes (n,) > 0; 0 where one is above the barrier."""
    strikes = np.minimum(strikes, barrier)
    near, far = ((np.log(end) - mean) / sigma for end in (strikes, barrier))
    forward = math.exp(mean + 0.5 * sigma**2)
    money = forward * (special.ndtr(far - sigma) - special.ndtr(near - sigma))
    return np.asarray(money - strikes * (special.ndtr(far) - special.ndtr(near)))
