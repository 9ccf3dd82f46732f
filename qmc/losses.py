"""VaR and ES of a sample of losses, by order statistics."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.problem import Array


def tail_risk(losses: ArrayLike, level: float) -> tuple[Array, Array]:
    """Value at risk and expected shortfall of equally likely losses, along the last axis.

    VaR is the smallest loss x with P(loss <= x) >= level, the order statistic of rank
    ceil(n level). ES is Acerbi and Tasche's (2002, doi:10.1016/S0378-4266(02)00283-2, eq. 4): the
    mean of the worst n (1 - level) losses, the VaR counting with the part of it that is left.

    Args:
        losses: (..., n), bad is positive.
        level: in (0, 1), with n (1 - level) >= 1.

    Returns:
        VaR and ES, each (...,).

    Raises:
        InvalidProblem: for NaN, infinite or no losses, a level outside (0, 1) and too few losses
            for the level.
    """
    sample = np.asarray(losses, dtype=np.float64)
    if sample.ndim == 0 or sample.size == 0 or not np.all(np.isfinite(sample)):
        given = f"an array of shape {sample.shape}"
        raise checks.refuse("losses", given, "finite, of shape (..., n), n >= 1")
    checks.fraction("level", level)
    size = sample.shape[-1]
    require_observations(size, level)
    rank = rank_of(size, level)
    parted = np.partition(sample, rank - 1, axis=-1)
    value_at_risk = parted[..., rank - 1]
    rest = size * (1.0 - level) - (size - rank)
    beyond = parted[..., rank:].sum(axis=-1) + rest * value_at_risk
    return value_at_risk, np.asarray(beyond / (size * (1.0 - level)))


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
