"""The working model of a tail near its quantile: it says where to look, and proves nothing.

Near the quantile the odds of a tail are taken to fall exponentially,
log(T / (1 - T)) = log(tau / (1 - tau)) - slope (place - centre): for small tails an exponential
law, for tails near 1 its mirror image. `place` is the loss in units that the pilot chose, with
jumps where it saw atoms. The posterior of (centre, log slope) is kept on a grid of windows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qmc.problem import Array
from qmc.quantile.evidence import Batch, hit_chance

_CENTRES, _SLOPES = 161, 15
# a flag may be off its law by so much: keeps one odd batch from ruling out the truth
_DOUBT = 0.01
_BINS = 160
_STEEPEST, _LARGEST_ODDS = 50.0, 1000.0  # of the logarithm of a slope; against overflow


@dataclass(frozen=True, slots=True)
class Seen:
    """A batch for the model; of the losses read beside its hits, `near` lie below edge `cut`."""

    batch: Batch
    cut: int = 0
    near: int = 0
    read: int = 0


@dataclass(frozen=True, slots=True)
class Belief:
    """Weights (m,), summing to 1, of angles theta (m,) at one edge."""

    theta: Array
    weights: Array

    @property
    def mean(self) -> float:
        """Mean angle."""
        return float(self.weights @ self.theta)

    @property
    def deviation(self) -> float:
        """Standard deviation of the angle."""
        return math.sqrt(max(float(self.weights @ (self.theta - self.mean) ** 2), 1e-18))

    def side(self, boundary: float, *, above: bool) -> Belief | None:
        """Restricted to the angles beyond a boundary; None when it holds none worth a bet."""
        weights = np.where(
            self.theta > boundary if above else self.theta < boundary, self.weights, 0.0
        )
        total = float(weights.sum())
        return Belief(self.theta, weights / total) if total > 1e-7 else None

    def packed(self) -> Belief:
        """On few equal bins of the angle, for speed."""
        held = self.weights > 1e-7 * self.weights.max()
        theta, weights = self.theta[held], self.weights[held]
        low, width = theta.min(), (theta.max() - theta.min()) / (_BINS - 1) + 1e-15
        place = ((theta - low) / width + 0.5).astype(np.int64)
        binned = np.bincount(place, weights, _BINS)
        kept = binned > 0.0
        return Belief(low + width * np.arange(_BINS)[kept], binned[kept] / binned.sum())


@dataclass(frozen=True, eq=False)
class Window:
    """The grid of a posterior; the angles at a place are computed once.

    Attributes:
        centres, log_slopes: (g,), (h,).
        log_odds: of the tail probability looked for.
    """

    centres: Array
    log_slopes: Array
    log_odds: float
    _known: dict[float, Array] = field(default_factory=dict)

    def theta(self, place: float) -> Array:
        """(g, h) the angle at a place, were the quantile's place and slope the grid's."""
        if place not in self._known:
            slopes = np.exp(np.minimum(self.log_slopes, _STEEPEST))
            odds = self.log_odds - slopes * (place - self.centres)[:, None]
            self._known[place] = np.arctan(np.exp(0.5 * _within_odds(odds)))
        return self._known[place]


@dataclass(frozen=True, eq=False)
class Model:
    """A posterior on a grid of centres and log slopes.

    Attributes:
        places: (edges,) increasing; the unbounded ends repeat their neighbours.
        tau: tail probability looked for.
        decay: visibility lost per power.
        prior: means and standard deviations of centre and log slope.
        window: (g,) centres and (h,) log slopes.
        log_weights: (g, h).
        seen: what it was told.
        centre, deviation, log_slope, slope_deviation: moments of the posterior.
        spread: half the width that holds the middle 68 % of the centre.
        lumpy: whether draws showed atoms.
    """

    places: Array
    tau: float
    decay: float
    prior: tuple[float, float, float, float]
    window: Window
    log_weights: Array
    seen: tuple[Seen, ...] = ()
    centre: float = 0.0
    deviation: float = 1.0
    log_slope: float = 0.0
    slope_deviation: float = 1.0
    spread: float = 1.0
    lumpy: bool = False

    @property
    def slope(self) -> float:
        """Typical slope."""
        return math.exp(self.log_slope)

    def told(self, seen: Seen) -> Model:
        """With one more batch; the window follows the posterior."""
        model = self._summed(
            self.window, self.log_weights + self._log_likelihood((seen,)), (*self.seen, seen)
        )
        for _ in range(4):
            span = float(model.window.centres[-1] - model.window.centres[0])
            weights = model.weights
            spilled = float(weights[0].sum() + weights[-1].sum()) > 1e-4
            if span <= 45.0 * model.deviation and not spilled:
                break
            half = 7.0 * model.deviation + (0.6 * span if spilled else 0.0)
            model = model.windowed(half)
        return model

    def windowed(self, half: float) -> Model:
        """On a window of this half-width about the mean, from all that was told."""
        reach = max(4.0 * self.slope_deviation, 0.05)
        centres = np.linspace(self.centre - half, self.centre + half, _CENTRES)
        slopes = np.linspace(self.log_slope - reach, self.log_slope + reach, _SLOPES)
        moved = replace(self, window=Window(centres, slopes, self._log_odds))
        at, wide, level, vague = self.prior
        prior = -0.5 * ((centres - at) / wide)[:, None] ** 2 - 0.5 * ((slopes - level) / vague) ** 2
        return self._summed(moved.window, prior + moved._log_likelihood(self.seen), self.seen)

    def moved(self, places: Array) -> Model:
        """On other places: the prior is laid about the same loss, and all is told again."""
        centre = float(np.interp(self.centre, *_rising(self.places, places)))
        start = replace(
            self, places=places, prior=(centre, 1.0, *self.prior[2:]), seen=(), lumpy=True
        )
        start = replace(
            start, centre=centre, slope_deviation=0.75 * self.prior[3], log_slope=self.prior[2]
        )
        model = start.windowed(4.0)
        for one in self.seen:
            model = model.told(one)
        return model

    @cached_property
    def weights(self) -> Array:
        """(g, h) summing to 1."""
        return _normalised(self.log_weights)

    def belief(self, edge: int) -> Belief:
        """What it holds of the angle at an edge."""
        if edge not in self._beliefs:
            theta = self.window.theta(float(self.places[edge]))
            self._beliefs[edge] = Belief(theta.ravel(), self.weights.ravel()).packed()
        return self._beliefs[edge]

    @cached_property
    def _beliefs(self) -> dict[int, Belief]:
        """Those asked for so far: a round is chosen and then judged by the same one."""
        return {}

    def mean_theta(self, edges: NDArray[np.int64]) -> Array:
        """Angle at each of some edges (indices), at the posterior's mean."""
        odds = self._log_odds - self.slope * (self.places[edges] - self.centre)
        return np.asarray(np.arctan(np.exp(0.5 * _within_odds(odds))))

    def nearest(self, place: float) -> int:
        """The inner edge nearest to a place."""
        last = self.places.size - 2
        right = int(np.clip(np.searchsorted(self.places[1 : last + 1], place) + 1, 1, last))
        left = max(right - 1, 1)
        return left if place - self.places[left] < self.places[right] - place else right

    @property
    def _log_odds(self) -> float:
        return math.log(self.tau / (1.0 - self.tau))

    def _log_likelihood(self, seen: Sequence[Seen]) -> Array:
        """(g, h) of these batches and of the losses read beside them."""
        total = np.zeros((self.window.centres.size, self.window.log_slopes.size))
        for one in seen:
            batch, theta = one.batch, self.window.theta(float(self.places[one.batch.edge]))
            p = _DOUBT / 2 + (1.0 - _DOUBT) * hit_chance(theta, batch.factor, self.decay)
            if batch.hits:
                total += batch.hits * np.log(p)
            if batch.hits < batch.shots:
                total += (batch.shots - batch.hits) * np.log1p(-p)
            if one.read:
                total += self._reading(one)
        return total

    def _reading(self, one: Seen) -> Array:
        """(g, h): of `read` losses beyond an edge, `near` lie below the cut."""
        start, cut = (float(self.places[edge]) for edge in (one.batch.edge, one.cut))
        first, second = (np.sin(self.window.theta(place)) ** 2 for place in (start, cut))
        beyond = np.minimum(np.maximum(second / np.maximum(first, 1e-300), 1e-6), 1.0 - 1e-6)
        far = one.read - one.near
        return np.asarray(one.near * np.log1p(-beyond) + far * np.log(beyond))

    def _summed(self, window: Window, log_weights: Array, seen: tuple[Seen, ...]) -> Model:
        """On a window with these weights, and their moments."""
        weights = _normalised(log_weights)
        by_centre, by_slope = weights.sum(axis=1), weights.sum(axis=0)
        centre = float(by_centre @ window.centres)
        low, high = np.interp([0.16, 0.84], np.cumsum(by_centre), window.centres)
        level = float(by_slope @ window.log_slopes)
        about, along = (window.centres - centre) ** 2, (window.log_slopes - level) ** 2
        return replace(
            self,
            window=window,
            log_weights=log_weights,
            seen=seen,
            centre=centre,
            deviation=math.sqrt(max(float(by_centre @ about), 1e-18)),
            spread=max(0.5 * float(high - low), 1e-9),
            log_slope=level,
            slope_deviation=math.sqrt(max(float(by_slope @ along), 1e-4)),
        )


def _normalised(log_weights: Array) -> Array:
    """Summing to 1."""
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())


def _within_odds(log_odds: Array) -> Array:
    """Kept from overflow."""
    return np.minimum(np.maximum(log_odds, -_LARGEST_ODDS), _LARGEST_ODDS)


def _rising(old: Array, new: Array) -> tuple[Array, Array]:
    """Old places without repeats, and the new ones of the same edges."""
    kept, first = np.unique(old, return_index=True)
    return kept, new[first]


def begin(
    places: Array,
    tau: float,
    decay: float,
    prior: tuple[float, float, float, float],
    *,
    lumpy: bool = False,
) -> Model:
    """The model before any batch, on four standard deviations about its prior."""
    at, wide, level, vague = prior
    nowhere = Window(np.zeros(1), np.zeros(1), math.log(tau / (1.0 - tau)))
    empty = Model(places, tau, decay, prior, nowhere, np.zeros((1, 1)))
    start = replace(
        empty, lumpy=lumpy, centre=at, deviation=wide, log_slope=level, slope_deviation=0.75 * vague
    )
    return start.windowed(4.0 * wide)
