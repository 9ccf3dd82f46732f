"""Posterior of many angles at once on cells that follow them down.

All arrays have a leading axis of independent runs, (runs, ...), so that one run and a thousand are
the same code and give the same bits. Sums go over the last, contiguous axis for that reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmc.estimators.priors import QUADRANT
from qmc.problem import Array

# cells are not cut below this width; a run that gets there cannot be told further by doubles
SMALLEST_CELL = 1e-13
_NORMAL_ENTROPY = math.sqrt(2.0 * math.pi * math.e)
# a cell's likelihood stays finite for outcomes that its centre excludes
_SURELY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Shots:
    """What was measured so far, one column a round: (runs, rounds) each.

    Attributes:
        factor: 2k+1.
        steer: of the round.
        contrast: visibility, 1 without noise.
        ones, zeros: outcomes of the flag.
    """

    factor: Array
    steer: Array
    contrast: Array
    ones: Array
    zeros: Array

    def followed_by(self, other: Shots) -> Shots:
        """These rounds, then the others."""
        return Shots(
            factor=np.concatenate([self.factor, other.factor], axis=1),
            steer=np.concatenate([self.steer, other.steer], axis=1),
            contrast=np.concatenate([self.contrast, other.contrast], axis=1),
            ones=np.concatenate([self.ones, other.ones], axis=1),
            zeros=np.concatenate([self.zeros, other.zeros], axis=1),
        )

    def of(self, rows: NDArray[np.intp]) -> Shots:
        """The rounds of some runs."""
        return Shots(
            factor=self.factor[rows],
            steer=self.steer[rows],
            contrast=self.contrast[rows],
            ones=self.ones[rows],
            zeros=self.zeros[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Equal cells of theta that still carry weight.

    Attributes:
        theta: (runs, cells) centres, increasing; unused slots repeat the last centre.
        log_likelihood: (runs, cells); -inf in unused slots.
        width: (runs,) of a cell.
    """

    theta: Array
    log_likelihood: Array
    width: Array

    @property
    def weights(self) -> Array:
        """Posterior mass of each cell, (runs, cells): a flat prior in theta."""
        best = self.log_likelihood.max(axis=1, keepdims=True)
        raw = np.exp(self.log_likelihood - best)
        return np.asarray(raw / raw.sum(axis=1, keepdims=True))

    def weights_of(self, run: int) -> Array:
        """Posterior mass of each cell of one run, (cells,)."""
        raw = np.exp(self.log_likelihood[run] - self.log_likelihood[run].max())
        return np.asarray(raw / raw.sum())


def steered_angle(theta: Array, steer: Array | float) -> Array:
    """The angle of the steered amplitude (1 - |s|) sin^2 theta + max(-s, 0); exact at both ends."""
    keep = 1.0 - np.abs(steer)
    up = keep * np.square(np.sin(theta)) + np.maximum(-steer, 0.0)
    down = keep * np.square(np.cos(theta)) + np.maximum(steer, 0.0)
    return np.asarray(np.arctan2(np.sqrt(up), np.sqrt(down)))


def first_cells(low: Array, high: Array, count: int) -> Cells:
    """`count` cells of [low, high] (runs,) each, nothing known yet."""
    width = (high - low) / count
    theta = low[:, None] + (np.arange(count) + 0.5) * width[:, None]
    return Cells(theta=theta, log_likelihood=np.zeros_like(theta), width=width)


def log_likelihood(theta: Array, shots: Shots) -> Array:
    """Sum over the rounds of log P(outcomes | theta), (runs, cells)."""
    angle = steered_angle(theta[:, None, :], shots.steer[:, :, None])
    fringe = np.cos(2.0 * shots.factor[:, :, None] * angle)
    one = 0.5 - 0.5 * shots.contrast[:, :, None] * fringe
    one = np.minimum(np.maximum(one, _SURELY), 1.0 - _SURELY)
    terms = shots.ones[:, :, None] * np.log(one) + shots.zeros[:, :, None] * np.log1p(-one)
    return np.asarray(terms.sum(axis=1))


def update(
    cells: Cells, new: Shots, all_of: Callable[[NDArray[np.intp]], Shots], floor: float
) -> Cells:
    """Weigh the cells by new rounds; halve those of runs that have lost half of their cells.

    `all_of` gives all rounds of some runs, the new ones included; it is asked when cells are cut.
    """
    used = np.isfinite(cells.log_likelihood)
    gained = np.where(used, cells.log_likelihood + log_likelihood(cells.theta, new), -np.inf)
    cells = replace(cells, log_likelihood=gained)
    while True:
        best = cells.log_likelihood.max(axis=1, keepdims=True)
        live = cells.log_likelihood >= best + math.log(floor)
        count = live.sum(axis=1)
        rows = np.flatnonzero((2 * count <= cells.theta.shape[1]) & (cells.width >= SMALLEST_CELL))
        if not rows.size:
            return cells
        cells = _halved(cells, all_of(rows), rows, live[rows], count[rows])


def _halved(
    cells: Cells,
    shots: Shots,
    rows: NDArray[np.intp],
    live: NDArray[np.bool_],
    count: NDArray[np.intp],
) -> Cells:
    """Each live cell of the given runs becomes two; their likelihood is taken afresh, exactly."""
    slots = cells.theta.shape[1]
    order = np.argsort(~live, axis=1, kind="stable")[:, : slots // 2]
    kept = np.take_along_axis(cells.theta[rows], order, axis=1)
    quarter = 0.25 * cells.width[rows][:, None]
    theta = np.stack([kept - quarter, kept + quarter], axis=2).reshape(rows.size, -1)
    theta = np.pad(theta, ((0, 0), (0, slots - theta.shape[1])), mode="edge")
    used = np.arange(slots) < 2 * count[:, None]
    last = np.take_along_axis(theta, 2 * count[:, None] - 1, axis=1)
    theta = np.where(used, theta, last)
    whole = cells.theta.copy(), cells.log_likelihood.copy(), cells.width.copy()
    whole[0][rows] = theta
    whole[1][rows] = np.where(used, log_likelihood(theta, shots), -np.inf)
    whole[2][rows] *= 0.5
    return Cells(theta=whole[0], log_likelihood=whole[1], width=whole[2])


def spread(cells: Cells, weights: Array) -> Array:
    """(runs,) standard deviation of the normal law with the posterior's entropy."""
    safe = np.where(weights > 0.0, weights, 1.0)
    entropy = -(weights * np.log(safe)).sum(axis=1)
    return np.asarray(np.exp(entropy) * cells.width / _NORMAL_ENTROPY)


def distribution(theta: Array, weights: Array, width: float) -> tuple[Array, Array]:
    """Edges of one run's cells in amplitude and the posterior's cdf there, linear in between.

    Args:
        theta: (cells,) centres.
        weights: (cells,), 0 in unused slots.
        width: of a cell.
    """
    used = weights > 0.0
    low = np.square(np.sin(np.maximum(theta[used] - 0.5 * width, 0.0)))
    high = np.square(np.sin(np.minimum(theta[used] + 0.5 * width, QUADRANT)))
    top = np.cumsum(weights[used])
    edges = np.stack([low, high], axis=1).ravel()
    cdf = np.stack([top - weights[used], top], axis=1).ravel()
    return edges, cdf


def may_fit(theta: Array, weights: Array, width: float, error: float, gap: float) -> bool:
    """Whether an interval of this width in amplitude can hold 1 - error of the mass; cheap.

    Such an interval contains the posterior's quantiles at error and 1 - error.
    """
    cdf = np.cumsum(weights)
    first, last = np.searchsorted(cdf, np.array([error, 1.0 - error]) * cdf[-1])
    low, high = theta[first] + 0.5 * width, theta[last] - 0.5 * width
    return bool(high <= low or math.sin(high) ** 2 - math.sin(low) ** 2 <= gap)


def heaviest_window(edges: Array, cdf: Array, half_width: float) -> tuple[float, float]:
    """(mass, centre) of the interval of this half-width with the most posterior mass."""
    starts = np.concatenate([edges, edges - 2.0 * half_width])
    mass = np.interp(starts + 2.0 * half_width, edges, cdf) - np.interp(starts, edges, cdf)
    best = int(np.argmax(mass))
    return float(mass[best]), float(starts[best]) + half_width


def shortest_interval(edges: Array, cdf: Array, mass: float) -> tuple[float, float]:
    """The shortest interval that begins or ends at an edge and holds this posterior mass."""
    total = float(cdf[-1])
    starts = np.concatenate([edges, np.interp(cdf - mass, cdf, edges)])
    at = np.interp(starts, edges, cdf)
    ends = np.interp(np.minimum(at + mass, total), cdf, edges)
    length = np.where(at + mass <= total * (1.0 + 1e-12), ends - starts, np.inf)
    best = int(np.argmin(length))
    if not math.isfinite(length[best]):
        return float(edges[0]), float(edges[-1])
    return float(starts[best]), float(ends[best])
