"""The grid on which the working model is kept, and what batches say at each of its points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmc.problem import Array
from qmc.quantile.evidence import Batch, hit_chance

# a flag may be off its law by so much: keeps one odd batch from ruling out the truth
_DOUBT = 0.01
_STEEPEST, _LARGEST_ODDS = 50.0, 600.0  # of the logarithm of a slope; against overflow


@dataclass(frozen=True, slots=True)
class Seen:
    """A batch for the model; of the losses read beside its hits, `near` lie below edge `cut`."""

    batch: Batch
    cut: int = 0
    near: int = 0
    read: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """A grid of g centres and h log slopes; an edge's angles are worked out once.

    Attributes:
        places: (edges,) increasing; the unbounded ends repeat their neighbours.
        tau: tail probability looked for.
        decay: visibility lost per power.
        centres, log_slopes: (g,), (h,).
    """

    places: Array
    tau: float
    decay: float
    centres: Array
    log_slopes: Array
    _tangents: dict[int, Array] = field(default_factory=dict, init=False, repr=False)
    _angles: dict[int, Array] = field(default_factory=dict, init=False, repr=False)

    @property
    def log_odds(self) -> float:
        """Of the tail at the quantile."""
        return math.log(self.tau / (1.0 - self.tau))

    def tangents(self, edge: int) -> Array:
        """(g, h) the root of the odds of the tail at an edge."""
        known = self._tangents.get(edge)
        if known is None:
            away = (self.places[edge] - self.centres)[:, None]
            slopes = np.exp(np.minimum(self.log_slopes, _STEEPEST))
            known = self._tangents[edge] = root_odds(self.log_odds - slopes * away)
        return known

    def angles(self, edge: int) -> Array:
        """(g, h) the angle theta at an edge, its tail being sin^2 theta."""
        known = self._angles.get(edge)
        if known is None:
            known = self._angles[edge] = np.arctan(self.tangents(edge))
        return known

    def log_likelihood(self, seen: Sequence[Seen]) -> Array:
        """(g, h) of batches and of the losses read beside them."""
        total = np.zeros((self.centres.size, self.log_slopes.size))
        for one in seen:
            batch = one.batch
            chance = hit_chance(self.angles(batch.edge), batch.factor, self.decay)
            doubted = _DOUBT / 2 + (1.0 - _DOUBT) * chance
            _add(total, doubted, batch.hits, batch.shots - batch.hits)
            if one.read:
                _add(total, self._beyond(batch.edge, one.cut), one.read - one.near, one.near)
        return total

    def _beyond(self, edge: int, cut: int) -> Array:
        """(g, h) the share of the losses beyond an edge that lie beyond the cut as well."""
        outer, inner = self.tangents(cut) ** 2, self.tangents(edge) ** 2
        share = outer / (1.0 + outer) * ((1.0 + inner) / inner)
        return np.asarray(np.minimum(np.maximum(share, 1e-6), 1.0 - 1e-6))


def _add(total: Array, chance: Array, hits: int, misses: int) -> None:
    """To a log likelihood, that of counts at these chances."""
    if hits:
        total += hits * np.log(chance)
    if misses:
        total += misses * np.log1p(-chance)


def root_odds(log_odds: Array) -> Array:
    """The root of odds, the tangent of the angle theta whose sin^2 has them."""
    bounded = np.minimum(np.maximum(log_odds, -_LARGEST_ODDS), _LARGEST_ODDS)
    return np.asarray(np.exp(0.5 * bounded))
