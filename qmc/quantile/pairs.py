"""Which two edges to prove: no wider apart than wanted, and each as far from tau as possible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

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

_Number = TypeVar("_Number", float, Array)


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
        cell = min(max(int(inner.searchsorted(self.value)), 1), max(inner.size - 1, 1))
        half_cell = 0.5 * float(inner[cell] - inner[cell - 1]) if inner.size > 1 else 1.0
        allowed = self.goal.allowed_half_width(self.value)
        return max(allowed or 0.0, half_cell) * (1.0 + 1e-9)


def sure_cost(gap: _Number, nats: float, decay: float) -> _Number:
    """Queries that a test takes whose angle is known to lie at this distance from its boundary.

    A flag of factor F tells (gap F)^2 exp(-decay F) nats or fewer, most a query at F = 1 / decay:
    where that factor is less than 1 / gap, the cost grows with 1 / gap^2.
    """
    return _COST_A_NAT * nats / gap * (1.0 + math.e * decay / gap)


def blur(model: Model, theta: Array) -> Array:
    """How far the quantile's uncertainty moves an edge's angle."""
    return model.spread * model.slope * _steepness(theta)


def blurred(ratio: _Number) -> _Number:
    """How many times as much a test takes whose angle is blurred by so much of its distance."""
    return 1.0 + ratio**2


def rest_cost(model: Model, claim: Claim, boundaries: tuple[float, float]) -> float:
    """Queries that a claim still takes, as foreseen."""
    theta = model.mean_theta(np.array([claim.edge]))
    gap = float(theta[0]) - boundaries[1] if claim.above else boundaries[0] - float(theta[0])
    gap = max(gap, 1e-9)
    nats = float(claim.missing.max())
    return sure_cost(gap, nats, model.window.decay) * blurred(float(blur(model, theta)[0]) / gap)


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
        if best is not None and best.cost <= look.queries and _fair(look, best, near, wide):
            return best
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


def _fair(look: Outlook, best: Pair, near: NDArray[np.int64], wide: float) -> bool:
    """Whether no pair of these edges can be so cheap that the best looks dear beside it."""
    known = look.known
    if near[0] <= known[0] or near[-1] >= known[1]:  # an end that is proved costs nothing
        return False
    outer = look.model.mean_theta(near[[0, -1]])
    gaps = float(outer[0]) - look.boundaries[1], look.boundaries[0] - float(outer[1])
    if min(gaps) <= 0.0:
        return False
    least = sum(sure_cost(gap, look.nats, look.model.window.decay) for gap in gaps)
    return least * wide * _DEAR >= best.plain * best.wide


def _near(look: Outlook, wide: float) -> NDArray[np.int64]:
    """Inner edges within reach of the quantile, not too many, the adjacent ones among them."""
    edges, last, reach = look.edges, look.edges.size - 1, 3.0 * wide * look.half_width
    centre = look.model.nearest(look.model.centre)
    low = min(int(edges.searchsorted(look.value - reach)) - 1, centre - 3)
    high = max(int(edges.searchsorted(look.value + reach)) + 1, centre + 3)
    return _thinned(max(low, 1), min(high, last - 1), centre)


@lru_cache(maxsize=256)
def _thinned(low: int, high: int, centre: int) -> NDArray[np.int64]:
    """At most some tens of edges from `low` to `high`, and the ones next to the centre."""
    spread = np.linspace(low, high, min(high - low + 1, _MOST_EDGES)).round().astype(np.int64)
    close = np.arange(max(centre - 3, low), min(centre + 3, high) + 1)
    return np.unique(np.concatenate([spread, close]))


@dataclass(frozen=True, slots=True)
class _View:
    """Angles at some edges, how far each is blurred, and below what gap from tau it is tied."""

    near: NDArray[np.int64]
    theta: Array
    noise: Array
    tied: Array


@dataclass(frozen=True, slots=True)
class _Ends:
    """Edges that one end of a pair may be, (n,): their costs, those if sure, and their blur."""

    at: NDArray[np.int64]
    cost: Array
    sure: Array
    ratio: Array


def _view(look: Outlook, near: NDArray[np.int64]) -> _View:
    """What the model holds of these edges."""
    theta = look.model.mean_theta(near)
    tied = _tie(look, near) * _steepness(theta)
    return _View(near, theta, blur(look.model, theta), tied)


def _gap(look: Outlook, theta: Array, *, above: bool) -> Array:
    """How far angles stand clear of the null of a claim above tau, or below it."""
    return theta - look.boundaries[1] if above else look.boundaries[0] - theta


def _ends(look: Outlook, view: _View, *, above: bool) -> _Ends:
    """The edges that can be told from tau, and those proved already, which cost nothing."""
    gap, low, high = _gap(look, view.theta, above=above), *look.known
    done = view.near <= low if above else view.near >= high
    seen = (gap > view.tied) & ~done
    at = (seen | done).nonzero()[0]
    new = seen[at]
    gap = np.where(new, gap[at], 1.0)
    noise = np.where(new, view.noise[at], 0.0)
    sure, ratio = (
        np.where(new, sure_cost(gap, look.nats, look.model.window.decay), 0.0),
        noise / gap,
    )
    return _Ends(view.near[at], sure * blurred(ratio), sure, ratio)


def _cheapest(look: Outlook, near: NDArray[np.int64], wide: float) -> Pair | None:
    """The pair of least cost among these edges, None when none of that width can be proved."""
    view = _view(look, near)
    low, high = _ends(look, view, above=True), _ends(look, view, above=False)
    if not (low.at.size and high.at.size):
        return None
    left, right = low.at[:, None], high.at
    fits = look.edges[right] - look.edges[left] <= 2.0 * wide * look.half_width
    # edges proved before cost nothing, but one of the two has to be new
    fits &= (right > left) & ((left > look.known[0]) | (right < look.known[1]))
    total = np.where(fits, low.cost[:, None] + high.cost, np.inf)
    i, j = divmod(int(total.argmin()), right.size)
    cost = float(total[i, j])
    if not math.isfinite(cost):
        return None
    worst, plain = max(low.ratio[i], high.ratio[j]), low.sure[i] + high.sure[j]
    return Pair(int(low.at[i]), int(right[j]), cost, float(plain), float(worst), wide)


def _tie(look: Outlook, near: NDArray[np.int64]) -> float:
    """Distance in log odds below which an edge counts as tied."""
    change = look.half_width * look.model.slope * _median_rate(look, near)
    relative = look.half_width / max(abs(look.value - look.goal.origin), 1e-300)
    return max(_TIE * change, min(_TIE_FLOOR, _TIE_SLOPE * relative), look.clear)


def _median_rate(look: Outlook, near: NDArray[np.int64]) -> float:
    """Of places a unit of loss, between neighbours among these edges."""
    if near.size < 2:
        return 1.0
    places, losses = look.model.places[near], look.edges[near]
    rates = (places[1:] - places[:-1]) / (losses[1:] - losses[:-1])
    rates.sort()
    half = rates.size // 2
    return float(rates[half] if rates.size % 2 else 0.5 * (rates[half - 1] + rates[half]))


def _steepness(theta: Array) -> Array:
    """D theta / d log odds = sin(theta) cos(theta) / 2."""
    return np.asarray(0.5 * np.sin(theta) * np.cos(theta))


def outer_pair(look: Outlook) -> Pair | None:
    """One inner edge and an unbounded end, for a quantile beyond which no inner edge can be proved.

    The end itself needs no proof. None when no inner edge can be told from tau.
    """
    last = look.edges.size - 1
    view, found = _view(look, np.arange(1, last, dtype=np.int64)), []
    inner, noise = view.near, view.noise
    for above in (True, False):
        gap = _gap(look, view.theta, above=above)
        told = np.nonzero(gap > np.maximum(view.tied, noise))[0]
        if told.size:
            # the edge nearest to the quantile that stands clear of it
            at = int(told[-1] if above else told[0])
            ratio = float(noise[at] / gap[at])
            cost = sure_cost(float(gap[at]), look.nats, look.model.window.decay) * blurred(ratio)
            ends = (int(inner[at]), last) if above else (0, int(inner[at]))
            found.append(Pair(*ends, cost, cost, ratio, math.inf))
    beyond = look.model.centre > look.model.places[-2]
    wanted = [pair for pair in found if (pair.high == last) == beyond]
    return next(iter(wanted or found), None)
