"""Euler contributions: which part of a value at risk or expected shortfall each position brings.

For a risk measure that grows in proportion to the position's size, R(w) = sum_i w_i dR/dw_i, and
w_i dR/dw_i is position i's contribution (Tasche 1999, "Risk contributions and performance
measurement"; 2008, arXiv:0708.2542). For VaR the derivative is E[loss_i | loss = VaR], for ES it is
E[loss_i | loss beyond VaR] (Tasche 2000, arXiv:math/0104190; Gourieroux, Laurent and Scaillet 2000,
doi:10.1016/S0927-5398(00)00011-6).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmc.losses import rank_of, require_observations
from qmc.measures import ES, VaR
from qmc.problem import Array

# how far the mean of the neighbours' losses may lie from VaR before fewer of them are taken
_FARTHEST = 2.0


def scenario_weights(losses: Array, measure: VaR | ES, neighbours: int | None = None) -> Array:
    """Weights (n,) of the scenarios whose weighted mean loss of a position is its contribution.

    ES: equal weights beyond VaR, and at VaR what is left of n (1 - level). VaR: a triangle over the
    ranks around the VaR's own, `neighbours` to each side, then scaled so that the weighted mean of
    `losses` is the VaR; the weights then sum to the ratio of the two. Scenarios with equal losses
    share their weight, so their order does not matter.

    Args:
        losses: (n,) of the whole portfolio.
        measure: VaR or ES.
        neighbours: ranks to each side of the VaR; as many as there are losses beyond it when None.
            Fewer are taken, down to the VaR's own scenario, while their mean loss is not within a
            factor of 2 of the VaR.

    Returns:
        Weights (n,), none negative for ES, with weights @ losses = the risk.

    Raises:
        InvalidProblem: for fewer losses than the level needs.
    """
    size = losses.size
    require_observations(size, measure.level)
    order = np.argsort(losses, kind="stable")
    ordered = losses[order]
    rank = rank_of(size, measure.level)
    if isinstance(measure, ES):
        by_rank = _shared(ordered, _tail(size, rank, measure.level))
    else:
        by_rank = _around(ordered, rank, size - rank if neighbours is None else neighbours)
    weights = np.empty(size)
    weights[order] = by_rank
    return weights


def _tail(size: int, rank: int, level: float) -> Array:
    """Weights by rank of the mean of the worst size * (1 - level) losses."""
    weights = np.zeros(size)
    weights[rank:] = 1.0
    weights[rank - 1] = size * (1.0 - level) - (size - rank)
    return weights / (size * (1.0 - level))


def _around(ordered: Array, rank: int, neighbours: int) -> Array:
    """Weights by rank of the losses near the VaR, whose weighted mean is the VaR itself."""
    target, near = float(ordered[rank - 1]), neighbours
    while near > 0:
        weights = _shared(ordered, _triangle(ordered.size, rank, near))
        smooth = float(weights @ ordered)
        if smooth * target > 0.0 and 1.0 / _FARTHEST <= smooth / target <= _FARTHEST:
            return weights * (target / smooth)
        near //= 2
    return _shared(ordered, _triangle(ordered.size, rank, 0))


def _triangle(size: int, rank: int, reach: int) -> Array:
    """Weights falling to both sides of a rank, summing to 1; cut off where the sample ends."""
    away = np.abs(np.arange(1, size + 1) - rank)
    weights = np.maximum(1.0 - away / (reach + 1.0), 0.0)
    return np.asarray(weights / weights.sum())


def _shared(ordered: Array, weights: Array) -> Array:
    """The same weights, those of equal losses replaced by their mean."""
    starts: NDArray[np.bool_] = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    if starts.all():
        return weights
    group = np.cumsum(starts) - 1
    sums, counts = np.bincount(group, weights), np.bincount(group)
    return np.asarray((sums / counts)[group])
