"""Prices of the published barrier spread and autocallable, by quadrature with closed inner means.

Nothing here is shared with the engines: each price is integrated by Gauss and Legendre's rule over
the normals up to the last and in closed form over that, split where the payoff bends or jumps.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

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
        ends = (np.array([(end - mean) / sigma]) for end in (begin, end))
        z, weights = (one[0] for one in _rules(*ends))
        first = np.exp(mean + sigma * z)
        inner = _call_below(low - first, barrier, mean, sigma)
        inner -= _call_below(high - first, barrier, mean, sigma)
        total += float(weights @ inner)
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class AutocallableTerms:
    """A note on one asset with equal periods, a share of the notional, which is not redeemed.

    Attributes:
        coupons, discounts: (dates,) paid when called, and the discount factors.
        calls: (dates,) performances that end the note; infinite where none does. The last is 1
            or more.
        knock_in: performance, at most 1, below which the put of strike 1 begins, on any date.
        mean, vol: of a period's log return.
    """

    coupons: tuple[float, ...]
    discounts: tuple[float, ...]
    calls: tuple[float, ...]
    knock_in: float
    mean: float
    vol: float


def autocallable(terms: AutocallableTerms) -> float:
    """The price a unit of notional: a rule for every date but the last, nested."""
    return float(_worth(terms, 0, np.zeros(1), known=False)[0])


def _worth(terms: AutocallableTerms, date: int, logs: Array, *, known: bool) -> Array:
    """What a note is worth that reached a date's eve uncalled at these log performances (n,).

    `known` says whether its put has begun.
    """
    means, vol, discount = logs + terms.mean, terms.vol, terms.discounts[date]
    called = math.log(terms.calls[date]) if math.isfinite(terms.calls[date]) else math.inf
    value = terms.coupons[date] * discount * special.ndtr((means - called) / vol)
    if date == len(terms.calls) - 1:
        put = _put_below(1.0 if known else terms.knock_in, means, vol)
        return np.asarray(value - discount * put)
    level = min(math.log(terms.knock_in), called)
    for late, low, high in ((True, -math.inf, level), (False, level, called)):
        z, weights = _rules((low - means) / vol, (high - means) / vol)
        later = (means[:, None] + vol * z).ravel()
        after = _worth(terms, date + 1, later, known=known or late)
        value = value + (weights * after.reshape(z.shape)).sum(axis=1)
    return np.asarray(value)


def _rules(low: Array, high: Array) -> tuple[Array, Array]:
    """Nodes between standard normal numbers (n,), and weights times the density, (n, nodes)."""
    low, high = np.clip(low, -_FAR, _FAR), np.clip(high, -_FAR, _FAR)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = 0.5 * (high - low)[:, None]
    z = half * nodes + 0.5 * (high + low)[:, None]
    return z, half * weights * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


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
