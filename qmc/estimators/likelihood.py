"""Likelihood of an angle given pooled counts: its law, its information, and a certain search."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlog1py, xlogy

from qmc.estimators.priors import QUADRANT
from qmc.problem import Array
from qmc.rounds import Round

_FIRST_CELLS = 64
_BEAM = 64
_FINE = 32.0  # cells across the likelihood set's expected half-width
_POINTS = 16  # points a cell at which its ends are read
_MOST_WORK = 2**20  # cells x circuits at one level of the search


@dataclass(frozen=True, slots=True)
class Count:
    """Hits of all rounds of one power and steer together."""

    power: int
    shots: int
    hits: int
    steer: float = 0.0


@dataclass(frozen=True, slots=True)
class LikelihoodSet:
    """The most likely angle, the hull of all nearly as likely, and the largest log-likelihood."""

    likely: float
    low: float
    high: float
    top: float


@dataclass(frozen=True, slots=True)
class _Columns:
    """Counts as arrays, one entry a circuit."""

    factor: Array
    shots: Array
    hits: Array
    steer: Array
    visible: Array


def pooled(
    counts: Sequence[Count], rounds: Sequence[Round], hits: Sequence[int]
) -> tuple[Count, ...]:
    """The counts with these rounds added, one a (power, steer), in order."""
    table = {(one.power, one.steer): one for one in counts}
    for each, more in zip(rounds, hits, strict=True):
        old = table.get((each.power, each.steer), Count(each.power, 0, 0, each.steer))
        new = replace(old, shots=old.shots + each.shots, hits=old.hits + int(more))
        table[each.power, each.steer] = new
    return tuple(table[key] for key in sorted(table))


def log_likelihood(counts: Sequence[Count], angles: Array, decay: float = 0.0) -> Array:
    """Sum of hits ln p + misses ln(1 - p) at each angle, (n,) -> (n,).

    p = sin^2((2k+1) angle) with visibility exp(-decay k): Suzuki, Uno, Raymond, Tanaka, Onodera
    and Yamamoto (2020), arXiv:1904.10246, section 2.2. Angles are theta in [0, pi / 2].
    """
    return _at(_columns(counts, decay), np.asarray(angles, dtype=np.float64))


def information(
    circuits: Sequence[Count] | Sequence[Round], decay: float = 0.0, angle: float | None = None
) -> float:
    """Fisher information of theta in unsteered circuits; averaged over theta when not given.

    4 K^2 a shot, K = 2k+1 (Suzuki et al., arXiv:1904.10246, section 2.3), times
    v^2 sin^2(2 K theta) / (1 - v^2 cos^2(2 K theta)) at visibility v; 1 - sqrt(1 - v^2) on average.
    """
    factor = np.array([2.0 * one.power + 1.0 for one in circuits])
    shots = np.array([float(one.shots) for one in circuits])
    visible = np.exp(-decay * 0.5 * (factor - 1.0))
    share = 1.0 - np.sqrt(1.0 - visible**2)
    if angle is not None and decay > 0.0:
        above = (visible * np.sin(2.0 * factor * angle)) ** 2
        below = 1.0 - (visible * np.cos(2.0 * factor * angle)) ** 2
        share = np.divide(above, below, out=np.ones_like(above), where=below > 0.0)
    return float(np.sum(4.0 * shots * factor**2 * share))


def likelihood_set(
    counts: Sequence[Count],
    drop: float,
    decay: float = 0.0,
    within: tuple[float, float] = (0.0, QUADRANT),
) -> LikelihoodSet:
    """Every angle whose log-likelihood is within `drop` of the largest; no fringe is missed.

    Branch and bound: in a cell of angles each circuit's p has an exact range, so a cell has an
    upper bound; cells whose bound is too low are dropped, the others halved, down to 1/32 of the
    set's expected half-width. A beam of the best cells first finds what to compare with. Where
    too many cells are left (a schedule that cannot tell its fringes apart), the search ends
    early, with the hull of the cells left: wider, never narrower.

    Args:
        counts: at least one.
        drop: half of a chi-square quantile with one degree of freedom.
        decay: visibility lost per power.
        within: angles looked at.
    """
    columns = _columns(counts, decay)
    edges = np.linspace(*within, _FIRST_CELLS + 1)
    cells = np.stack([edges[:-1], edges[1:]])
    finest = math.sqrt(2.0 * drop / max(information(counts, decay), 1.0)) / _FINE
    beam = _narrowed(columns, cells, finest, lambda bounds: np.argsort(-bounds)[:_BEAM])
    likely, top = _refined(columns, beam)
    most = max(_MOST_WORK // len(counts), 1024)

    def near(bounds: Array) -> NDArray[np.intp]:
        return np.flatnonzero(bounds >= top - drop)

    cells = _narrowed(columns, cells, finest, near, most)
    other, higher = _refined(columns, cells)
    if higher > top:
        likely, top = other, higher
    ends = cells[0].min(initial=likely), cells[1].max(initial=likely)
    if cells.size and cells[1, 0] - cells[0, 0] <= finest:
        ends = _ends(columns, cells, top - drop, likely)
    return LikelihoodSet(likely, float(ends[0]), float(ends[1]), top)


def _narrowed(
    columns: _Columns,
    cells: Array,
    finest: float,
    keep: Callable[[Array], NDArray[np.intp]],
    most: int = 2 * _BEAM,
) -> Array:
    """Keep the cells that `keep` picks by their bounds and halve them, until they are fine."""
    while True:
        cells = cells[:, keep(_bounds(columns, cells))]
        fine = cells.size == 0 or cells[1, 0] - cells[0, 0] <= finest
        if fine or 2 * cells.shape[1] > most:
            return cells
        middle = 0.5 * (cells[0] + cells[1])
        if not np.all((cells[0] < middle) & (middle < cells[1])):
            return cells
        cells = np.stack([np.stack([cells[0], middle]), np.stack([middle, cells[1]])])
        cells = cells.transpose(0, 2, 1).reshape(2, -1)


def _bounds(columns: _Columns, cells: Array) -> Array:
    """Upper bound of the log-likelihood in each cell, (2, n) -> (n,)."""
    low, high = (_phases(columns, ends) / QUADRANT for ends in cells)
    first, last = (_chances(columns, ends) for ends in cells)
    top = 0.5 + 0.5 * columns.visible
    least = np.where(2.0 * np.ceil(0.5 * low) <= high, 1.0 - top, np.minimum(first, last))
    most = np.where(2.0 * np.ceil(0.5 * (low - 1.0)) + 1.0 <= high, top, np.maximum(first, last))
    return _summed(columns, np.clip(columns.hits / columns.shots, least, most))


def _refined(columns: _Columns, cells: Array) -> tuple[float, float]:
    """The most likely angle near the best cell, by grids each an eighth as wide."""
    if cells.size == 0:
        return 0.0, -math.inf
    middles = 0.5 * (cells[0] + cells[1])
    angles = np.concatenate([middles, cells[0], cells[1]])
    values = _at(columns, angles)
    best = int(np.argmax(values))
    angle, top, width = float(angles[best]), float(values[best]), float(np.ptp(cells[:, 0]))
    while width > 1e-15:
        grid = np.clip(angle + width * np.linspace(-1.0, 1.0, 33), cells.min(), cells.max())
        values = _at(columns, grid)
        best = int(np.argmax(values))
        if values[best] > top:
            angle, top = float(grid[best]), float(values[best])
        width *= 0.125
    return angle, top


def _ends(columns: _Columns, cells: Array, limit: float, likely: float) -> tuple[float, float]:
    """First and last angle in the cells that reach the limit, one step outwards."""
    steps = np.linspace(0.0, 1.0, _POINTS + 1)
    angles = cells[0][:, None] + (cells[1] - cells[0])[:, None] * steps
    reached = angles.ravel()[_at(columns, angles.ravel()) >= limit]
    step = float(np.ptp(cells[:, 0])) / _POINTS
    low = max(reached.min(initial=likely) - step, cells.min())
    return min(low, likely), max(min(reached.max(initial=likely) + step, cells.max()), likely)


def _columns(counts: Sequence[Count], decay: float) -> _Columns:
    rows = [(2 * one.power + 1, one.shots, one.hits, one.steer) for one in counts]
    factor, shots, hits, steer = np.array(rows, dtype=np.float64).T
    return _Columns(factor, shots, hits, steer, np.exp(-decay * 0.5 * (factor - 1.0)))


def _phases(columns: _Columns, angles: Array) -> Array:
    """(2k+1) times the steered angle, (n,) -> (n, circuits)."""
    turned = angles[:, None]
    if np.any(columns.steer):
        amplitude = (1.0 - np.abs(columns.steer)) * np.sin(turned) ** 2
        turned = np.arcsin(np.sqrt(np.clip(amplitude + np.maximum(-columns.steer, 0.0), 0.0, 1.0)))
    return np.asarray(columns.factor * turned)


def _chances(columns: _Columns, angles: Array) -> Array:
    """P(hit), (n,) -> (n, circuits)."""
    ideal = np.sin(_phases(columns, angles)) ** 2
    return np.asarray(0.5 + (ideal - 0.5) * columns.visible)


def _summed(columns: _Columns, chances: Array) -> Array:
    misses = columns.shots - columns.hits
    return np.asarray((xlogy(columns.hits, chances) + xlog1py(misses, -chances)).sum(axis=1))


def _at(columns: _Columns, angles: Array) -> Array:
    return _summed(columns, _chances(columns, angles))
