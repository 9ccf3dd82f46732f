"""The band of a loss's tails: what cells leave out of P(loss > edge), at every edge at once.

P(L > x) = P(cell > x) + E[1{L > x} - 1{cell > x}], the second term on fresh randomised Sobol points
as for `Residual`. The half-widths hold at all edges together, so an edge may be chosen by looking.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmc import memory
from qmc.errors import Unsupported
from qmc.grids.cell_table import CellTable
from qmc.grids.pilot import framed, sobol
from qmc.grids.residual import LOOK_SHARE, Residual, student
from qmc.grids.residual_paths import BLOCK, power_of_two
from qmc.problem import Array, Problem

# equal widths between the finite edges: finer costs a logarithm of tests, coarser shows
EDGE_CELLS = 2**10
# differences that an edge's mean needs before its Student interval is relied upon
_HITS = 50.0
# losses that are the same but for rounding are set apart from the edges by this share
_MARGIN = 1e-6
_SAME = 1e-13


def loss_edges(losses: Array, cells: int = EDGE_CELLS) -> Array:
    """Edges (cells + 1,) of equal width on the losses' range, unbounded cells on either side.

    The largest loss, often an atom, ends a bounded cell.
    """
    low, high = float(losses.min()), float(losses.max())
    if high - low <= cells * _SAME * max(abs(low), abs(high)):
        margin = max(abs(high), 1.0) * _MARGIN
        low, high = low - margin, high + margin
    inner = low + (high - low) * (np.arange(cells - 1) / (cells - 2))
    inner[-1] = high
    # the smallest loss lies in the first bounded cell too
    inner[0] -= _MARGIN * (high - low)
    edges = np.concatenate([[-np.inf], inner, [np.inf]])
    return edges


def bins_of(edges: Array, losses: Array) -> NDArray[np.intp]:
    """Between which edges losses lie, (edges[bin], edges[bin + 1]]."""
    return np.searchsorted(edges, losses, side="left") - 1


@dataclass(frozen=True, eq=False, slots=True)
class TailBand:
    """P(L > edge) less the cells' own, at every edge, and how far all of it may be off.

    Attributes:
        means: (m + 1,).
        half_widths: (m + 1,), valid at all edges at once.
        seen: (m + 1,) share of the paths beyond each edge, to say where the band leads.
        asked: (m + 1,) paths from which on each edge's half-width may be relied upon.
        paths: that were drawn.
        looks: at the band.
        interrupted: by Ctrl-C, before it was narrow enough.
    """

    means: Array
    half_widths: Array
    seen: Array
    asked: Array
    paths: int
    looks: int
    interrupted: bool = False

    def around(self, tail_probability: float, widen: float = 1.0) -> tuple[int, int]:
        """Edges (low, high) between which the paths alone place the quantile."""
        width = widen * self.half_widths
        above = np.flatnonzero(self.seen - width > tail_probability)
        below = np.flatnonzero(self.seen + width <= tail_probability)
        last = self.seen.size - 1
        return int(above[-1]) if above.size else 0, int(below[0]) if below.size else last

    def reliable(self, tail_probability: float) -> bool:
        """Whether most edges about the quantile that saw differences saw enough of them."""
        low, high = self.around(tail_probability)
        asked = self.asked[low : high + 1]
        asked = asked[asked > 0.0]
        return not asked.size or bool(self.paths >= np.median(asked))


def tail_band(
    problem: Problem,
    table: CellTable,
    residual: Residual,
    enough: Callable[[TailBand], bool],
    *,
    error: float,
    first_paths: int,
    rng: np.random.Generator,
) -> TailBand:
    """Sample until `enough` says so of the band, or the residual's `max_paths` are reached.

    Each look spends its own share of the error probability, shared equally by the edges. Student's
    law of the replicates' means is asymptotic, as it is for `Residual`.

    Args:
        problem: whose losses are compared with their cells.
        table: with edges and bins, made by a grid that locates normals.
        residual: replicates and the most paths.
        enough: of a band.
        error: probability with which the band may miss anywhere.
        first_paths: of the first look, rounded to a power of two a replicate.
        rng: fresh, never the grid's pilot.

    Raises:
        Unsupported: for a table that locates no normals.
    """
    streams = [_TailPaths(problem, table, one) for one in rng.spawn(residual.replicates)]
    band = None
    try:
        for band in _looks(streams, residual, first_paths, error):
            if enough(band):
                break
    except KeyboardInterrupt:
        if band is None:
            raise
        return replace(band, interrupted=True)
    assert band is not None
    return band


def _looks(
    streams: list[_TailPaths], residual: Residual, first_paths: int, error: float
) -> Iterator[TailBand]:
    """The band after twice as many points each time."""
    most = power_of_two(residual.max_paths / residual.replicates)
    points = min(power_of_two(first_paths / residual.replicates), most)
    left, looks = error, 0
    while points <= most:
        looks += 1
        for one in streams:
            one.draw(points)
        yield _band(streams, LOOK_SHARE * left, looks)
        left *= 1.0 - LOOK_SHARE
        points *= 2


def _band(streams: list[_TailPaths], error: float, looks: int) -> TailBand:
    """The band of what was drawn so far."""
    paths = sum(one.points for one in streams)
    beyond = np.array([(one.losses - one.cells) / one.points for one in streams])
    differing = np.sum([one.differing for one in streams], axis=0)
    each = error / max(beyond.shape[1] - 2, 1)
    spread = beyond.std(axis=0, ddof=1) / math.sqrt(len(streams))
    # what no path met may have the probability of the rule of three; a few hits tell no more
    half_widths = np.maximum(spread * student(len(streams), each), -math.log(each) / paths)
    # the first and the last edge are beyond and before all losses, surely
    half_widths[[0, -1]] = 0.0
    asked = np.where(differing == 0, 0.0, _HITS * paths / np.maximum(differing, 1))
    seen = np.sum([one.losses for one in streams], axis=0) / paths
    return TailBand(beyond.mean(axis=0), half_widths, seen, asked, paths, looks)


class _TailPaths:
    """One scrambled Sobol sequence and counts beyond each edge."""

    def __init__(self, problem: Problem, table: CellTable, rng: np.random.Generator) -> None:
        if table.locator is None or table.edges is None or table.bins is None:
            msg = "this table locates no normals or has no edges: a band needs FactorGrid"
            raise Unsupported(msg)
        self.problem, self.table, self.locator = problem, table, table.locator
        self.edges, self.bins = table.edges, table.bins
        self.frame = self.locator.frame
        self.dimensions = problem.num_factors + self.frame.shape[1]
        self.sobol = sobol(self.dimensions, rng)
        self.points = 0
        # (m + 1,) counts: losses beyond an edge, cells beyond it, one beyond and the other not
        self.losses, self.cells, self.differing = np.zeros((3, self.edges.size))

    def draw(self, points: int) -> None:
        """Go on to so many points in all."""
        while self.points < points:
            most = max(1, power_of_two(BLOCK / self.dimensions))
            rows = min(points - self.points, most)
            memory.require(
                6.0 * 8.0 * rows * self.dimensions,
                f"{rows} paths with {self.dimensions} normals each",
                "take fewer dates or assets",
            )
            self._count(framed(self.sobol, rows, self.frame))
            self.points += rows

    def _count(self, normals: Array) -> None:
        losses = bins_of(self.edges, self.problem.outcomes(normals))
        cells = self.bins[self.locator.locate(normals)]
        size = self.edges.size
        self.losses += _beyond(losses, size)
        self.cells += _beyond(cells, size)
        # the one is beyond edge j and the other not for lower bin < j <= higher bin
        self.differing += _beyond(np.maximum(losses, cells), size)
        self.differing -= _beyond(np.minimum(losses, cells), size)


def _beyond(bins: NDArray[np.intp], size: int) -> Array:
    """How many of the bins lie beyond each edge j, bin >= j: (size,)."""
    counts = np.bincount(bins, minlength=size)
    return np.asarray(np.cumsum(counts[::-1])[::-1], dtype=np.float64)
