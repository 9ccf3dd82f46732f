"""With which power to look next: to locate the quantile, or to finish a claim."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qmc.problem import Array
from qmc.quantile.evidence import Claim, hit_chance
from qmc.quantile.model import Belief

# an angle whose deviation times the factor exceeds this wraps around the fringe
_LARGEST_PHASE = 1.5
# largest factor of a test in units of 1 / (distance of the angle to its boundary)
_LARGEST_TEST = 1.8
_FACTORS = 36
_NULL_POINTS = 60
_MOST_FLAGS = 60
# chances in a plan stay so far from 0 and 1
_SURE = 1e-2
_FIRST = np.array([True])


def odd_factors(low: float, high: float, count: int = _FACTORS) -> NDArray[np.int64]:
    """Different odd numbers 2k+1 from about `low` to about `high`, geometrically."""
    high = max(high, 1.0)
    low = min(max(low, 1.0), high)
    spread = low * (high / low) ** _even_steps(count)
    spread[-1] = high  # a rounding error below a whole number would lose its factor
    odd = spread.astype(np.int64) | 1
    fresh = np.concatenate([_FIRST, odd[1:] != odd[:-1]])
    return np.asarray(odd[fresh], dtype=np.int64)


@lru_cache(maxsize=8)
def _even_steps(count: int) -> Array:
    """(count,) from 0 to 1."""
    return np.linspace(0.0, 1.0, count)


def locating_factor(belief: Belief, largest: float, decay: float) -> int:
    """The factor whose flag tells most about the angle per query: mutual information / factor."""
    top = min(_LARGEST_PHASE / belief.deviation, largest)
    factors = odd_factors(top / 12.0, top)
    p = _clipped(hit_chance(belief.theta, factors[:, None], decay))
    gained = _entropy(p @ belief.weights) - _entropy(p) @ belief.weights
    return int(factors[np.argmax(gained / factors)])


def testing_factor(
    claim: Claim, belief: Belief, boundary: float, largest: float, decay: float
) -> int:
    """The factor on which the cheapest plan to finish a claim spends most.

    A flag adds the divergence KL(expected chance || chance at the null) to each null angle. A plan
    is a number of flags of each factor that covers what every null angle misses: made greedily by
    log sum exp(missing evidence) lowered per query, then stripped of flags that it can spare.
    """
    gap = max(abs(belief.mean - boundary), 1e-9)
    factors = odd_factors(1.0, min(_LARGEST_TEST / gap, largest))
    expected = _clipped(hit_chance(belief.theta, factors[:, None], decay)) @ belief.weights
    null, missing = _thinned(claim)
    p = _clipped(hit_chance(null, factors[:, None], decay), _SURE)
    q = _clipped(expected, _SURE)[:, None]
    gained = q * np.log(q / p) + (1.0 - q) * np.log((1.0 - q) / (1.0 - p))
    flags = _cover(factors, gained, missing)
    return int(factors[np.argmax(flags * factors)])


def _cover(factors: NDArray[np.int64], gained: Array, missing: Array) -> Array:
    """Flags of each factor (f,) whose gains (f, m) cover what is missing (m,), cheaply."""
    flags, left, kept = np.zeros(factors.size), missing.copy(), np.exp(-gained)
    weights, ones = np.exp(missing - missing.max()), np.ones(missing.size)
    for _ in range(_MOST_FLAGS):
        if _largest(left) <= 0.0:
            break
        lowered = np.log(kept @ weights / (ones @ weights))
        best = int((lowered / factors).argmin())
        flags[best] += 1.0
        left -= gained[best]
        weights *= kept[best]
    if _largest(left) > 0.0:  # not covered: nothing to spare
        return flags
    for each in flags.nonzero()[0].tolist():
        while flags[each] > 0.0 and _largest(left + gained[each]) <= 0.0:
            flags[each] -= 1.0
            left += gained[each]
    return flags


def _largest(x: Array) -> float:
    """Of a few numbers; faster than their max()."""
    return float(x[x.argmax()])


def _thinned(claim: Claim) -> tuple[Array, Array]:
    """Angles of the null and what they miss; the ones that miss most are among them."""
    missing, middle = claim.missing, 0.5 * (claim.low + claim.high)
    if middle.size > _NULL_POINTS:
        step = -(-middle.size // _NULL_POINTS)
        rows = -(-middle.size // step)
        padded = np.full(rows * step, -np.inf)
        padded[: missing.size] = missing
        worst = np.arange(rows) * step + padded.reshape(rows, step).argmax(axis=1)
        return middle[worst], missing[worst]
    return middle, missing


def _clipped(p: Array, least: float = 1e-9) -> Array:
    return np.minimum(np.maximum(p, least), 1.0 - least)


def _entropy(p: Array) -> Array:
    return np.asarray(-p * np.log(p) - (1.0 - p) * np.log1p(-p))
