"""VaR and ES of a sample of losses, by order statistics."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmc import checks
from qmc.measures import ES, VaR
from qmc.problem import Array

# of a long row, whose quantile bounds the row's tail, and how many deviations it is set low
_FEW, _SPREADS = 8_192, 6.0
# of the largest loss: losses that are nearer to each other are one
_SAME = 1e-13


def tail_risk(losses: ArrayLike, level: float) -> tuple[Array, Array]:
    """Value at risk and expected shortfall of equally likely losses, along the last axis.

    VaR is the smallest loss x with P(loss <= x) >= level, the order statistic of rank
    ceil(n level). ES is Acerbi and Tasche's (2002, doi:10.1016/S0378-4266(02)00283-2, eq. 4): the
    mean of the worst n (1 - level) losses, the VaR counting with the part of it that is left.
    Neither depends on the order of the losses, to the last bit.

    Args:
        losses: (..., n), bad is positive; float32 is taken as it is.
        level: in (0, 1), with n (1 - level) >= 1.

    Returns:
        VaR and ES, each (...,).

    Raises:
        InvalidProblem: for NaN, infinite or no losses, a level outside (0, 1) and too few losses
            for the level.
    """
    sample = np.asarray(losses)
    if sample.dtype != np.float32:
        sample = np.asarray(losses, dtype=np.float64)
    if sample.ndim == 0 or sample.size == 0 or not np.all(np.isfinite(sample)):
        given = f"an array of shape {sample.shape}"
        raise checks.refuse("losses", given, "finite, of shape (..., n), n >= 1")
    checks.fraction("level", level)
    size = sample.shape[-1]
    require_observations(size, level)
    rank = rank_of(size, level)
    tails = _largest(sample, size - rank + 1).astype(np.float64, copy=False)
    value_at_risk = tails[..., 0]
    rest = size * (1.0 - level) - (size - rank)
    beyond = tails[..., 1:].sum(axis=-1) + rest * value_at_risk
    return value_at_risk, np.asarray(beyond / (size * (1.0 - level)))


def without_rounding(losses: ArrayLike) -> Array:
    """Losses (n,) in their order; those that differ by no more than rounding made equal.

    A sum of weights times returns comes out a few units in the last place apart when other rows add
    up to the same loss; what lies strictly above a loss must not count them.
    """
    sample = np.asarray(losses, dtype=np.float64)
    order = np.argsort(sample, kind="stable")
    ranked = sample[order]
    apart = np.diff(ranked, prepend=-np.inf) > _SAME * np.abs(sample).max(initial=0.0)
    merged = np.empty_like(sample)
    merged[order] = ranked[np.maximum.accumulate(np.where(apart, np.arange(ranked.size), 0))]
    return merged


def risk_of_losses(losses: ArrayLike, measure: VaR | ES) -> Array:
    """The one of `tail_risk` that is asked for, (...,) of losses (..., n)."""
    return tail_risk(losses, measure.level)[isinstance(measure, ES)]


def _largest(sample: NDArray[np.floating], count: int) -> NDArray[np.floating]:
    """The `count` largest along the last axis, increasing: (..., n) to (..., count)."""
    size = sample.shape[-1]
    if size < 4 * _FEW:
        return np.sort(np.partition(sample, size - count, axis=-1)[..., size - count :], axis=-1)
    rows = [_largest_of_many(row, count) for row in sample.reshape(-1, size)]
    return np.reshape(rows, (*sample.shape[:-1], count))


def _largest_of_many(row: NDArray[np.floating], count: int) -> NDArray[np.floating]:
    """The `count` largest of a long row, increasing.

    A quantile of every few-th number, set low, mostly leaves a little more than `count` of the row,
    so that only these are sorted. Where it leaves fewer the whole row is partitioned.
    """
    few = row[:: row.size // _FEW]
    expected = few.size * count / row.size
    place = few.size - math.ceil(expected + _SPREADS * math.sqrt(expected) + 1.0)
    if place > 0:
        above = row[row >= np.partition(few, place)[place]]
        row = above if above.size >= count else row
    return np.sort(np.partition(row, row.size - count)[row.size - count :])


def rank_of(size: int, level: float) -> int:
    """ceil(size * level), safe from the rounding of their product: rank 990 of 1,000 at .99."""
    product = size * level
    nearest = round(product)
    return nearest if math.isclose(product, nearest, rel_tol=1e-12) else math.ceil(product)


def require_observations(size: int, level: float) -> None:
    """Refuse a sample that has no loss beyond the level.

    Raises:
        InvalidProblem: when size * (1 - level) < 1, naming how many are needed.
    """
    enough = 1.0 - 1e-9
    if size * (1.0 - level) < enough:
        needed = math.ceil(enough / (1.0 - level))
        hint = "take a longer history or a lower level"
        raise checks.refuse(
            "observations", size, f"at least {needed:,} for the level {level:g}", hint
        )
