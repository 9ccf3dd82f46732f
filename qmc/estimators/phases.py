"""How far phase outcomes miss: windows about the median of several, and their likelihood."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from scipy.special import bdtrc

from qmc.problem import Array
from qmc.rounds import phase_kernel

_TABLE_BITS = 8  # registers beyond are as this one, up to `_limit`
_ANGLES = 16  # angles a cell at which misses are evaluated
_RADII = np.arange(1, 4 * 32 + 1) / 4.0
_POINTS = 256  # points a cell of the likelihood
_PLACES = 16  # outcomes, the most frequent ones, near which the likelihood is looked at
_NEAR = 1e-9


def folded(outcome: int, bits: int) -> int:
    """The outcome's place on the axis of theta: min(y, 2^bits - y), theta = pi place / 2^bits."""
    return min(outcome, int(2**bits) - outcome)


@functools.lru_cache(maxsize=4096)
def exact_radius(bits: int, runs: int, error: float, visible: float = 1.0) -> float:
    """Least window, in cells of pi / 2^bits and quarters of them, that the median keeps to.

    The median of an odd number of folded outcomes lies further than the radius below (above)
    theta just when more than half of them do, so the chance of either is a binomial tail of the
    outcome's exact law; the largest sum of both over theta is at most `error`. The law is
    evaluated at 16 angles a cell, with windows open where outcomes enter them. Lost visibility
    counts as a miss on both sides. 2^bits, everything, where no radius is enough.
    """
    low, high = _tails(min(bits, _TABLE_BITS))
    most = int(runs // 2)
    first, last = 0, len(_RADII)
    while first < last:
        middle = (first + last) // 2
        extra = 1.0 - visible + (_limit(_RADII[middle]) if bits > _TABLE_BITS else 0.0)
        below, above = (np.minimum(tail[middle] + extra, 1.0) for tail in (low, high))
        missed = bdtrc(most, runs, below) + bdtrc(most, runs, above)
        first, last = (middle + 1, last) if missed.max() > error else (first, middle)
    return float(_RADII[first]) if first < len(_RADII) else 2.0**bits


def theorem_radius(bits: int, runs: int, error: float, visible: float = 1.0) -> float:
    """The whole k of Brassard et al., arXiv:quant-ph/0005055, theorem 12, for a median.

    One outcome misses k cells with chance at most 1 - 8 / pi^2 for k = 1 and 1 / (2 (k - 1)) for
    more; the median misses when more than half of the runs do.
    """
    for cells in range(1, 2 ** (bits - 1) + 1):
        miss = 1.0 - 8.0 / math.pi**2 if cells == 1 else 0.5 / (cells - 1)
        if bdtrc(runs // 2, runs, min(miss + 1.0 - visible, 1.0)) <= error:
            return float(cells)
    return 2.0**bits


@functools.lru_cache(maxsize=4096)
def likelihood_radius(runs: int, drop: float, visible: float = 1.0) -> float:
    """Half-width, in cells, that the likelihood's interval has when all outcomes agree."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        fallen = -runs * visible * 2.0 * math.log(np.sinc(middle))
        low, high = (middle, high) if fallen < drop else (low, middle)
    return high + 1.0 / _POINTS


def likelihood_interval(
    outcomes: Sequence[int], bits: int, drop: float, visible: float = 1.0
) -> tuple[float, float, float]:
    """Low, most likely and high place (cells of pi / 2^bits) whose likelihood is near the top.

    The law mixes both eigenphases, P(y) = (K(y - x) + K(y + x)) / 2 (theorem 11 of the source);
    the interval is the hull of every x within `drop` of the largest log-likelihood.
    """
    size = 2**bits
    places, counts = np.unique([folded(one, bits) for one in outcomes], return_counts=True)
    # further than this from all outcomes none of them is likely enough
    reach = math.ceil(math.exp(0.5 * drop) / math.pi) + 2
    likeliest = places[np.argsort(-counts, kind="stable")[:_PLACES]]
    cells = np.unique(likeliest[:, None] + np.arange(-reach, reach))
    cells = cells[(cells >= 0) & (cells < size // 2)]
    points = (cells[:, None] + np.arange(_POINTS + 1) / _POINTS).ravel()
    law = phase_kernel(places - points[:, None], size) + phase_kernel(
        places + points[:, None], size
    )
    law = 0.5 * visible * law + (1.0 - visible) / size
    values = np.log(np.maximum(law, 1e-300)) @ counts
    near = points[values >= values.max() - drop]
    likely = float(points[int(np.argmax(values))])
    step = 1.0 / _POINTS
    return max(near.min() - step, 0.0), likely, min(near.max() + step, 0.5 * size)


def _limit(radius: float) -> float:
    """More than a larger register's outcome can miss over the table's."""
    return float(radius) / 4.0**_TABLE_BITS


@functools.cache
def _tails(bits: int) -> tuple[Array, Array]:
    """P(folded outcome at least a radius below, above) theta, each (radii, angles).

    Theta in the first half of its range: the other half is its mirror image.
    """
    size = 2**bits
    places = np.arange(_ANGLES * size // 4 + 1) / _ANGLES
    law = phase_kernel(np.arange(size) - places[:, None], size)
    half = law[:, : size // 2 + 1].copy()
    half[:, 1 : size // 2] += law[:, : size // 2 : -1]
    below = np.concatenate([np.zeros((places.size, 1)), np.cumsum(half, axis=1)], axis=1)
    low = np.floor(places - _RADII[:, None] + _NEAR).astype(np.int64) + 1
    high = np.ceil(places + _RADII[:, None] - _NEAR).astype(np.int64)
    rows = np.arange(places.size)
    under = below[rows, np.clip(low, 0, size // 2 + 1)]
    over = 1.0 - below[rows, np.clip(high, 0, size // 2 + 1)]
    return under, np.maximum(over, 0.0)
