"""Where to look next: the power of a round, and the pair of edges to prove."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmc.problem import Array, Goal
from qmc.quantile.evidence import Claim, hit_chance
from qmc.quantile.model import Belief, Model

# an angle whose deviation times the factor exceeds this wraps around the fringe
_LARGEST_PHASE = 1.5
# largest factor of a test in units of 1 / (distance of the angle to its boundary)
_LARGEST_TEST = 1.6
_FACTORS = 36
_NULL_POINTS = 60
_MOST_FLAGS = 60
# chances in a plan stay so far from 0 and 1
_SURE = 3e-3
# queries x distance of a test at 3 nats; only ratios of costs decide
_TEST_COST = 1.4
# an edge nearer to tau than this share of the wanted half-width counts as tied
_TIE = 0.2
_MOST_EDGES = 40


def odd_factors(low: float, high: float, count: int = _FACTORS) -> NDArray[np.int64]:
    """Different odd numbers 2k+1 from about `low` to about `high`, geometrically."""
    high = max(high, 1.0)
    spread = np.geomspace(min(max(low, 1.0), high), high, count)
    return np.unique((spread.astype(np.int64) // 2) * 2 + 1)


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
    p = np.clip(hit_chance(null, factors[:, None], decay), _SURE, 1.0 - _SURE)
    q = np.clip(expected, _SURE, 1.0 - _SURE)[:, None]
    gained = q * np.log(q / p) + (1.0 - q) * np.log((1.0 - q) / (1.0 - p))
    flags = _cover(factors, gained, missing)
    return int(factors[np.argmax(flags * factors)])


def _cover(factors: NDArray[np.int64], gained: Array, missing: Array) -> Array:
    """Flags of each factor (f,) whose gains (f, m) cover what is missing (m,), cheaply."""
    flags, left, kept = np.zeros(factors.size), missing.copy(), np.exp(-gained)
    weights = np.exp(missing - missing.max())
    for _ in range(_MOST_FLAGS):
        if left.max() <= 0.0:
            break
        lowered = -np.log(np.maximum(kept @ weights / weights.sum(), 1e-300))
        best = int(np.argmax(lowered / factors))
        flags[best] += 1.0
        left = left - gained[best]
        weights = weights * kept[best]
    for each in np.nonzero(flags)[0]:
        spare = -left.max()
        while flags[each] > 0.0 and bool(np.all(left + gained[each] <= 0.0)) and spare >= 0.0:
            flags[each] -= 1.0
            left = left + gained[each]
    return flags


def _thinned(claim: Claim) -> tuple[Array, Array]:
    """Angles of the null and what they miss; the ones that miss most are among them."""
    missing, middle = claim.missing, 0.5 * (claim.low + claim.high)
    if middle.size > _NULL_POINTS:
        step = -(-middle.size // _NULL_POINTS)
        ends = np.arange(0, middle.size, step)
        worst = np.array([start + int(np.argmax(missing[start : start + step])) for start in ends])
        return middle[worst], missing[worst]
    return middle, missing


def _clipped(p: Array) -> Array:
    return np.clip(p, 1e-9, 1.0 - 1e-9)


def _entropy(p: Array) -> Array:
    return np.asarray(-p * np.log(p) - (1.0 - p) * np.log1p(-p))


@dataclass(frozen=True, slots=True)
class Pair:
    """Edges to prove, the queries foreseen, and by how much it is wider than wanted."""

    low: int
    high: int
    cost: float
    wide: float = 1.0


def wanted_half_width(edges: Array, goal: Goal, value: float, fallback: float) -> float:
    """What a goal allows at a value, never less than half of the cell that holds it."""
    allowed = goal.allowed_half_width(value)
    cell = int(np.clip(np.searchsorted(edges, value) - 1, 1, edges.size - 3))
    half_cell = 0.5 * float(edges[cell + 1] - edges[cell]) if edges.size > 3 else math.inf
    return max(fallback if allowed is None else allowed, half_cell * (1.0 + 1e-9))


def test_cost(gap: Array | float, blur: Array | float, nats: float) -> Array:
    """Queries that a test at this distance from its boundary is foreseen to take."""
    return np.asarray(_TEST_COST * nats * (1.0 + (np.asarray(blur) / gap) ** 2) / gap)


def blur(model: Model, theta: Array | float) -> Array:
    """Standard deviation of the angle that the quantile's uncertainty leaves."""
    theta = np.asarray(theta)
    return np.asarray(0.5 * model.deviation * model.slope * np.sin(theta) * np.cos(theta))


def best_pair(
    model: Model,
    edges: Array,
    half_width: float,
    value: float,
    boundaries: tuple[float, float],
    nats: float,
) -> Pair | None:
    """The cheapest pair of edges about the quantile, no wider than wanted if that can be proved.

    Edges that the model cannot tell from tau are passed over, which widens the pair. None when the
    model puts the quantile into an unbounded cell's far side, where no pair exists.
    """
    last = edges.size - 1
    wide = 1.0
    while True:
        near = _near(edges, value, half_width * wide, model.nearest(model.centre))
        found = _cheapest(model, edges, near, half_width * wide, boundaries, nats, half_width)
        if found is not None:
            return Pair(*found, wide)
        if near[0] == 1 and near[-1] == last - 1:
            return None
        wide *= 1.4


def _near(edges: Array, value: float, half_width: float, centre: int) -> NDArray[np.int64]:
    """Inner edges within reach of the value, not too many, the adjacent ones among them."""
    last = edges.size - 1
    low = int(np.searchsorted(edges, value - 3.0 * half_width)) - 1
    high = int(np.searchsorted(edges, value + 3.0 * half_width)) + 1
    low, high = min(low, centre - 3), max(high, centre + 3)
    low, high = max(low, 1), min(high, last - 1)
    spread = np.linspace(low, high, min(high - low + 1, _MOST_EDGES)).round().astype(np.int64)
    close = np.arange(max(centre - 3, 1), min(centre + 3, last - 1) + 1)
    return np.unique(np.concatenate([spread, close]))


def _cheapest(
    model: Model,
    edges: Array,
    near: NDArray[np.int64],
    half_width: float,
    boundaries: tuple[float, float],
    nats: float,
    wanted: float,
) -> tuple[int, int, float] | None:
    """(low, high, cost) among pairs of these edges within a half-width."""
    theta = model.mean_theta(near)
    noise = blur(model, theta)
    x = edges[near]
    slope = model.slope * float(np.median(np.diff(model.places[near]) / np.diff(x))) if near.size > 1 else 1.0
    tied = _TIE * wanted * slope * 0.5 * np.sin(theta) * np.cos(theta)
    costs = []
    for gap in (theta - boundaries[1], boundaries[0] - theta):
        safe = np.where(gap > tied, gap, 1.0)
        costs.append(np.where(gap > tied, test_cost(safe, noise, nats), np.inf))
    fits = (x[None, :] - x[:, None] <= 2.0 * half_width) & (near[None, :] > near[:, None])
    total = np.where(fits, costs[0][:, None] + costs[1][None, :], np.inf)
    low, high = np.unravel_index(int(np.argmin(total)), total.shape)
    if not math.isfinite(float(total[low, high])):
        return None
    return int(near[low]), int(near[high]), float(total[low, high])
