"""The working model of a tail near its quantile: it says where to look, and proves nothing.

Near the quantile the odds of a tail are taken to fall exponentially,
log(T / (1 - T)) = log(tau / (1 - tau)) - slope (place - centre): for small tails an exponential
law, for tails near 1 its mirror image. `place` is the loss in units that the pilot chose, with
jumps where it saw atoms. The posterior of (centre, log slope) is kept on a grid of windows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from qmc.problem import Array
from qmc.quantile.window import Seen, Window, root_odds

_CENTRES, _SLOPES = 161, 15
_BINS = 160
_QUANTILES = np.array([0.16, 0.84])


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
        low, high = theta.min(), theta.max()
        width = (high - low) / (_BINS - 1) + 1e-15
        place = ((theta - low) / width + 0.5).astype(np.int64)
        binned = np.bincount(place, weights, _BINS)
        kept = binned > 0.0
        return Belief(low + width * np.arange(_BINS)[kept], binned[kept] / binned.sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A posterior on a grid of centres and log slopes.

    Attributes:
        window: the grid, (g, h).
        prior: means and standard deviations of centre and log slope.
        log_weights: (g, h).
        weights: (g, h) summing to 1.
        seen: what it was told.
        centre, deviation, log_slope, slope_deviation: moments of the posterior.
        spread: half the width that holds the middle 68 % of the centre.
        lumpy: whether draws showed atoms.
    """

    window: Window
    prior: tuple[float, float, float, float]
    log_weights: Array
    weights: Array
    seen: tuple[Seen, ...]
    centre: float
    deviation: float
    spread: float
    log_slope: float
    slope_deviation: float
    lumpy: bool
    _beliefs: dict[int, Belief] = field(default_factory=dict, init=False, repr=False)

    @property
    def places(self) -> Array:
        """(edges,) increasing; the unbounded ends repeat their neighbours."""
        return self.window.places

    @property
    def slope(self) -> float:
        """Typical slope."""
        return math.exp(self.log_slope)

    def told(self, seen: Seen) -> Model:
        """With one more batch; the window follows the posterior."""
        log_weights = self.log_weights + self.window.log_likelihood((seen,))
        model = _weighed(self.window, self.prior, log_weights, (*self.seen, seen), self.lumpy)
        for _ in range(4):
            span = float(model.window.centres[-1] - model.window.centres[0])
            spilled = float(model.weights[0].sum() + model.weights[-1].sum()) > 1e-4
            if span <= 45.0 * model.deviation and not spilled:
                break
            half = 7.0 * model.deviation + (0.6 * span if spilled else 0.0)
            model = model.windowed(half)
        return model

    def windowed(self, half: float) -> Model:
        """On a window of this half-width about the mean, from all that was told."""
        reach = max(4.0 * self.slope_deviation, 0.05)
        window = _about(self.window, self.centre, half, self.log_slope, reach)
        log_weights = _log_prior(window, self.prior) + window.log_likelihood(self.seen)
        return _weighed(window, self.prior, log_weights, self.seen, self.lumpy)

    def moved(self, places: Array) -> Model:
        """On other places: the prior is laid about the same loss, and all is told again."""
        centre = float(np.interp(self.centre, *_rising(self.places, places)))
        prior = (centre, 1.0, *self.prior[2:])
        model = begin(places, self.window.tau, self.window.decay, prior, lumpy=True)
        for one in self.seen:
            model = model.told(one)
        return model

    def belief(self, edge: int) -> Belief:
        """What it holds of the angle at an edge."""
        known = self._beliefs.get(edge)
        if known is None:
            theta = self.window.angles(edge)
            known = self._beliefs[edge] = Belief(theta.ravel(), self.weights.ravel()).packed()
        return known

    def mean_theta(self, edges: NDArray[np.int64]) -> Array:
        """Angle at each of some edges (indices), at the posterior's mean."""
        away = self.places[edges] - self.centre
        return np.asarray(np.arctan(root_odds(self.window.log_odds - self.slope * away)))

    def nearest(self, place: float) -> int:
        """The inner edge nearest to a place."""
        places, last = self.places, self.places.size - 2
        right = min(max(int(places[1 : last + 1].searchsorted(place)) + 1, 1), last)
        left = max(right - 1, 1)
        return left if place - places[left] < places[right] - place else right


def _about(window: Window, centre: float, half: float, log_slope: float, reach: float) -> Window:
    """Another grid in place of a window's."""
    centres = np.linspace(centre - half, centre + half, _CENTRES)
    slopes = np.linspace(log_slope - reach, log_slope + reach, _SLOPES)
    return replace(window, centres=centres, log_slopes=slopes)


def _log_prior(window: Window, prior: tuple[float, float, float, float]) -> Array:
    """(g, h) of independent normal laws."""
    at, wide, level, vague = prior
    by_centre, by_slope = (window.centres - at) / wide, (window.log_slopes - level) / vague
    return np.asarray(-0.5 * by_centre[:, None] ** 2 - 0.5 * by_slope**2)


def _weighed(
    window: Window,
    prior: tuple[float, float, float, float],
    log_weights: Array,
    seen: tuple[Seen, ...],
    lumpy: bool,
) -> Model:
    """The model of these log weights, with its moments."""
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    by_centre, by_slope = weights @ np.ones(weights.shape[1]), weights.sum(axis=0)
    centre, level = float(by_centre @ window.centres), float(by_slope @ window.log_slopes)
    low, high = np.interp(_QUANTILES, by_centre.cumsum(), window.centres).tolist()
    return Model(
        window=window,
        prior=prior,
        log_weights=log_weights,
        weights=weights,
        seen=seen,
        centre=centre,
        deviation=math.sqrt(max(float(by_centre @ (window.centres - centre) ** 2), 1e-18)),
        spread=max(0.5 * (high - low), 1e-9),
        log_slope=level,
        slope_deviation=math.sqrt(max(float(by_slope @ (window.log_slopes - level) ** 2), 1e-4)),
        lumpy=lumpy,
    )


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
    none = np.zeros(0)
    start = Window(places=places, tau=tau, decay=decay, centres=none, log_slopes=none)
    window = _about(start, at, 4.0 * wide, level, max(3.0 * vague, 0.05))
    return _weighed(window, prior, _log_prior(window, prior), (), lumpy)
