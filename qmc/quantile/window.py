"""The grid on which the working model is kept, and what batches say at each of its points."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmc.problem import Array
from qmc.quantile.evidence import Batch, hit_chance

# a flag may be off its law by so much: keeps one odd batch from ruling out the truth
_DOUBT = 0.01
_STEEPEST, _LARGEST_ODDS = 50.0, 1000.0  # of the logarithm of a slope; against overflow


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
    _angles: dict[int, Array] = field(default_factory=dict, init=False, repr=False)
    _tails: dict[int, Array] = field(default_factory=dict, init=False, repr=False)

    @property
    def log_odds(self) -> float:
        """Of the tail at the quantile."""
        return math.log(self.tau / (1.0 - self.tau))

    def angles(self, edge: int) -> Array:
        """(g, h) the angle theta at an edge, its tail being sin^2 theta."""
        known = self._angles.get(edge)
        if known is None:
            away = (self.places[edge] - self.centres)[:, None]
            slopes = np.exp(np.minimum(self.log_slopes, _STEEPEST))
            known = self._angles[edge] = angle(self.log_odds - slopes * away)
        return known

    def tails(self, edge: int) -> Array:
        """(g, h) the tail at an edge."""
        known = self._tails.get(edge)
        if known is None:
            known = self._tails[edge] = np.sin(self.angles(edge)) ** 2
        return known

    def log_likelihood(self, seen: Sequence[Seen]) -> Array:
        """(g, h) of batches and of the losses read beside them; alike ones are taken together."""
        total = np.zeros((self.centres.size, self.log_slopes.size))
        hits: Counter[tuple[int, int]] = Counter()
        misses, near, far = hits.copy(), hits.copy(), hits.copy()
        for one in seen:
            batch = one.batch
            hits[batch.edge, batch.factor] += batch.hits
            misses[batch.edge, batch.factor] += batch.shots - batch.hits
            if one.read:
                near[batch.edge, one.cut] += one.near
                far[batch.edge, one.cut] += one.read - one.near
        for edge, factor in hits:
            chance = hit_chance(self.angles(edge), factor, self.decay)
            chance = _DOUBT / 2 + (1.0 - _DOUBT) * chance
            _add(total, chance, hits[edge, factor], misses[edge, factor])
        for edge, cut in far:
            beyond = self.tails(cut) / np.maximum(self.tails(edge), 1e-300)
            beyond = np.minimum(np.maximum(beyond, 1e-6), 1.0 - 1e-6)
            _add(total, beyond, far[edge, cut], near[edge, cut])
        return total


def _add(total: Array, chance: Array, hits: int, misses: int) -> None:
    """To a log likelihood, that of counts at these chances."""
    if hits:
        total += hits * np.log(chance)
    if misses:
        total += misses * np.log1p(-chance)


def angle(log_odds: Array) -> Array:
    """Theta for which sin^2 theta has these log odds."""
    bounded = np.minimum(np.maximum(log_odds, -_LARGEST_ODDS), _LARGEST_ODDS)
    return np.asarray(np.arctan(np.exp(0.5 * bounded)))
