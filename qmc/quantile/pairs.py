"""Which two edges to prove: no wider apart than wanted, and each as far from tau as possible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qmc.problem import Array, Goal
from qmc.quantile.evidence import Claim
from qmc.quantile.model import Model

# queries x distance of a test, for each nat; measured at known angles
_COST_A_NAT = 1.4
# an edge counts as tied when the odds of its tail are nearer to tau's than this share of what they
# change over the wanted half-width, nor than the absolute floor of `qmc.quantile.tie_resolution`
_TIE = 0.2
_TIE_FLOOR, _TIE_SLOPE = 0.012, 0.4
_MOST_EDGES = 40
_WIDEN = 1.4
# a pair is left for one so many times as wide when that costs less than its share by _DEAR
_LOOK, _DEAR = 2.0, 5.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Edges to prove.

    Attributes:
        low, high: P(loss > edges[low]) > tau >= P(loss > edges[high]) is to be proved.
        cost: queries foreseen.
        plain: the same if the model were sure.
        blur: largest ratio of the model's uncertainty to an edge's distance from tau.
        wide: by how much the pair may be wider than wanted.
    """

    low: int
    high: int
    cost: float
    plain: float
    blur: float
    wide: float


@dataclass(frozen=True, eq=False)
class Outlook:
    """What the choice of a pair rests on.

    Attributes:
        model: where it takes the quantile to be.
        edges: (m + 1,) losses.
        goal: of the quantile.
        boundaries: angles below and above which a claim's null ends.
        known: edges already proved, (low, high).
        nats: evidence that a new test needs.
        queries: what the pair may cost.
        clear: log odds by which an edge's tail must differ from tau to be taken, at least.
    """

    model: Model
    edges: Array
    goal: Goal
    boundaries: tuple[float, float]
    known: tuple[int, int]
    nats: float
    queries: float = math.inf
    clear: float = 0.0

    @cached_property
    def value(self) -> float:
        """The model's quantile."""
        places = self.model.places[1:-1]
        return float(np.interp(self.model.centre, places, self.edges[1:-1]))

    @cached_property
    def half_width(self) -> float:
        """What the goal allows there, never less than half of the cell that holds it."""
        inner = self.edges[1:-1]
        cell = int(np.clip(np.searchsorted(inner, self.value), 1, max(inner.size - 1, 1)))
        half_cell = 0.5 * float(inner[cell] - inner[cell - 1]) if inner.size > 1 else 1.0
        allowed = self.goal.allowed_half_width(self.value)
        return max(allowed or 0.0, half_cell) * (1.0 + 1e-9)


def test_cost(gap: Array | float, blur: Array | float, nats: float) -> Array:
    """Queries that a test at this distance of its angle from its boundary is foreseen to take."""
    gap = np.asarray(gap)
    return np.asarray(_COST_A_NAT * nats * (1.0 + (np.asarray(blur) / gap) ** 2) / gap)


def blur(model: Model, theta: Array | float) -> Array:
    """How far the quantile's uncertainty moves an edge's angle."""
    return np.asarray(model.spread * model.slope * _steepness(theta))


def rest_cost(model: Model, claim: Claim, boundaries: tuple[float, float]) -> float:
    """Queries that a claim still takes, as foreseen."""
    theta = float(model.mean_theta(np.array([claim.edge]))[0])
    gap = theta - boundaries[1] if claim.above else boundaries[0] - theta
    nats = float(claim.missing.max())
    return float(test_cost(max(gap, 1e-9), blur(model, theta), nats))


def best_pair(look: Outlook) -> Pair | None:
    """The cheapest pair about the quantile that is wide enough to be proved.

    Edges that the model cannot tell from tau are passed over, which widens the pair; so does a
    budget. So does a price out of proportion: over a smooth law a pair's cost falls no faster than
    its width rises, and where it falls far faster the narrow one is all but a tie. None when no
    pair of inner edges will do.
    """
    wide, best = 1.0, None
    while True:
        near = _near(look, wide)
        found = _cheapest(look, near, wide)
        if found is not None:
            fair = best is not None and found.plain * wide * _DEAR >= best.plain * best.wide
            if best is not None and fair and best.cost <= look.queries:
                return best
            if best is None or not fair or best.cost > look.queries:
                best = found
        if look.edges[-2] - look.edges[1] <= 2.0 * wide * look.half_width:
            return best
        wide *= _WIDEN if best is None else _LOOK


def _near(look: Outlook, wide: float) -> NDArray[np.int64]:
    """Inner edges within reach of the quantile, not too many, the adjacent ones among them."""
    edges, last, reach = look.edges, look.edges.size - 1, 3.0 * wide * look.half_width
    centre = look.model.nearest(look.model.centre)
    low = min(int(np.searchsorted(edges, look.value - reach)) - 1, centre - 3)
    high = max(int(np.searchsorted(edges, look.value + reach)) + 1, centre + 3)
    low, high = max(low, 1), min(high, last - 1)
    if high - low < _MOST_EDGES:
        return np.arange(low, high + 1)
    spread = np.linspace(low, high, _MOST_EDGES).round().astype(np.int64)
    close = np.arange(max(centre - 3, 1), min(centre + 3, last - 1) + 1)
    return np.unique(np.concatenate([spread, close]))


def _cheapest(look: Outlook, near: NDArray[np.int64], wide: float) -> Pair | None:
    """The pair of least cost among these edges, None when none of that width can be proved."""
    model, x = look.model, look.edges[near]
    theta = model.mean_theta(near)
    noise, tied = blur(model, theta), _tie(look, near) * _steepness(theta)
    costs, sure, ratios = [], [], []
    for gap, done in (
        (theta - look.boundaries[1], near <= look.known[0]),
        (look.boundaries[0] - theta, near >= look.known[1]),
    ):
        seen = (gap > tied) & ~done
        safe = np.where(seen, gap, 1.0)
        cost = np.where(seen, test_cost(safe, noise, look.nats), np.inf)
        costs.append(np.where(done, 0.0, cost))
        sure.append(np.where(done, 0.0, np.where(seen, test_cost(safe, 0.0, look.nats), np.inf)))
        ratios.append(np.where(seen, noise / safe, 0.0))
    lows, highs = (np.nonzero(np.isfinite(cost))[0] for cost in costs)
    if not lows.size or not highs.size:
        return None
    left, right = lows[:, None], highs[None, :]
    fits = (x[right] - x[left] <= 2.0 * wide * look.half_width) & (right > left)
    # edges proved before cost nothing, but one of the two has to be new
    fits &= (near[left] > look.known[0]) | (near[right] < look.known[1])
    total = np.where(fits, costs[0][left] + costs[1][right], np.inf)
    best = int(np.argmin(total))
    if not math.isfinite(float(total.flat[best])):
        return None
    low, high = int(lows[best // highs.size]), int(highs[best % highs.size])
    worst = max(float(ratios[0][low]), float(ratios[1][high]))
    ends, plain = (int(near[low]), int(near[high])), float(sure[0][low] + sure[1][high])
    return Pair(*ends, float(total.flat[best]), plain, worst, wide)


def _tie(look: Outlook, near: NDArray[np.int64]) -> float:
    """Distance in log odds below which an edge counts as tied."""
    model, x = look.model, look.edges[near]
    rates = np.diff(model.places[near]) / np.diff(x) if near.size > 1 else np.ones(1)
    change = look.half_width * model.slope * _median(rates)
    relative = look.half_width / max(abs(look.value - look.goal.origin), 1e-300)
    return max(_TIE * change, min(_TIE_FLOOR, _TIE_SLOPE * relative), look.clear)


def _median(numbers: Array) -> float:
    """Of a few numbers; `np.median` takes longer than all else here."""
    ranked, half = np.sort(numbers), numbers.size // 2
    return 0.5 * float(ranked[half] + ranked[(numbers.size - 1) // 2])


def _steepness(theta: Array | float) -> Array:
    """D theta / d log odds = sin(theta) cos(theta) / 2."""
    return np.asarray(0.5 * np.sin(theta) * np.cos(theta))


def outer_pair(look: Outlook) -> Pair | None:
    """One inner edge and an unbounded end, for a quantile beyond which no inner edge can be proved.

    The end itself needs no proof. None when no inner edge can be told from tau.
    """
    last = look.edges.size - 1
    inner = np.arange(1, last, dtype=np.int64)
    theta = look.model.mean_theta(inner)
    noise, tied = blur(look.model, theta), _tie(look, inner) * _steepness(theta)
    found = []
    for gap, above in ((theta - look.boundaries[1], True), (look.boundaries[0] - theta, False)):
        told = np.nonzero(gap > np.maximum(tied, noise))[0]
        if told.size:
            # the edge nearest to the quantile that stands clear of it
            at = int(told[-1] if above else told[0])
            cost = float(test_cost(float(gap[at]), float(noise[at]), look.nats))
            ends = (int(inner[at]), last) if above else (0, int(inner[at]))
            found.append(Pair(*ends, cost, cost, float(noise[at] / gap[at]), math.inf))
    beyond = look.model.centre > look.model.places[-2]
    wanted = [pair for pair in found if (pair.high == last) == beyond]
    return next(iter(wanted or found), None)
