"""What the shots at one edge say of its tail, with no model of how tails fall."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from qmc.problem import Array
from qmc.quantile.evidence import QUADRANT, Batch, hit_chance
from qmc.quantile.model import Belief

_POINTS = 900
_ZOOM = 8.0  # standard deviations on either side
_DOUBT = 0.002


def edge_belief(batches: Sequence[Batch], decay: float) -> Belief:
    """The posterior of the angle from batches at one edge, flat in the angle at first."""
    return _zoomed(tuple(batches), decay)


@lru_cache(maxsize=32)  # a round asks for the same one several times
def _zoomed(batches: tuple[Batch, ...], decay: float) -> Belief:
    """On points where the posterior is."""
    theta = np.linspace(0.0, QUADRANT, _POINTS + 2)[1:-1]
    for _ in range(4):
        belief = _weighed(theta, batches, decay)
        half = _ZOOM * belief.deviation
        if 2.0 * half > 0.3 * (theta[-1] - theta[0]):
            break
        low, high = max(belief.mean - half, 1e-6), min(belief.mean + half, QUADRANT - 1e-6)
        theta = np.linspace(low, high, _POINTS)
    return belief


def _weighed(theta: Array, batches: Sequence[Batch], decay: float) -> Belief:
    if not batches:
        return Belief(theta, np.full(theta.size, 1.0 / theta.size))
    counts: dict[int, tuple[int, int]] = {}
    for one in batches:
        shots, hits = counts.get(one.factor, (0, 0))
        counts[one.factor] = shots + one.shots, hits + one.hits
    table = np.array([(factor, *both) for factor, both in counts.items()], dtype=np.float64)
    factor, shots, hits = (column[:, None] for column in table.T)
    p = _DOUBT / 2.0 + (1.0 - _DOUBT) * hit_chance(theta, factor, decay)
    log_likelihood = (hits * np.log(p) + (shots - hits) * np.log1p(-p)).sum(axis=0)
    weights = np.exp(log_likelihood - log_likelihood.max())
    return Belief(theta, weights / weights.sum())
