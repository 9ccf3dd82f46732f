"""Bisection for both ends of the edges whose corrected band contains a level."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from qmc.grids.tail_band import TailBand
from qmc.measures import Tail
from qmc.problem import Array, Goal
from qmc.quantile import tie_resolution
from qmc.result import UNIT, Interval, Status
from qmc.run import Run, number
from qmc.tail_risk.searching import edges_of

# a test of an edge ends at this share of the band's half-width there
TEST_SHARE = 0.5
# a boundary is near enough at this share of the whole interval
_NEAR = 0.1


@dataclass(slots=True)
class BandSearch:
    """Bisection for both ends of the edges whose band contains the level.

    Attributes:
        run: in progress.
        band: of the paths.
        tau: 1 - level.
        error: probability that all tests of circuits share.
        goal: of the interval.
        reserve: queries to leave untouched.
        status: how the tests ended.
        tests: circuits that were run.
    """

    run: Run
    band: TailBand
    tau: float
    error: float
    goal: Goal
    reserve: int
    status: Status = "converged"
    tests: int = 0
    _known: dict[int, tuple[float, Interval]] = field(default_factory=dict)
    _beyond: Array = field(init=False)

    def __post_init__(self) -> None:
        """Count the cells beyond each edge once."""
        bins = self.run.table.bins
        assert bins is not None
        counts = np.bincount(bins, minlength=self.edges.size)
        self._beyond = np.cumsum(counts[::-1])[::-1].astype(np.float64)

    @property
    def edges(self) -> Array:
        """(m + 1,)."""
        return edges_of(self.run.table)

    @property
    def most_tests(self) -> int:
        """Of both ends; each spends its equal part of the error probability."""
        cells = min(self.edges.size - 1, self.run.table.values.size)
        return 2 * max(1, math.ceil(math.log2(cells))) + 4

    def ends(self) -> tuple[int, int]:
        """The last edge surely below the quantile, and the first surely not."""
        low, high = 0, self.edges.size - 1
        # edges between which no test could tell
        first, last = high, low
        while high - low > 1 and first > last:
            middle = (low + high) // 2
            side = self._side(middle)
            if side > 0:
                low = middle
            elif side < 0:
                high = middle
            else:
                first = last = middle
        if first > last:  # every test told, and the ends are next to each other
            return low, high
        while first - low > 1 and not self._near(low, first, high):
            middle = (low + first) // 2
            low, first = (middle, first) if self._side(middle) > 0 else (low, middle)
        while high - last > 1 and not self._near(last, high, high, low):
            middle = (last + high) // 2
            last, high = (last, middle) if self._side(middle) < 0 else (middle, high)
        return low, high

    def _near(self, low: int, first: int, high: int, begin: int | None = None) -> bool:
        """Whether to move an end within (low, first) hardly narrows the interval, or needlessly."""
        edges, start = self.edges, low if begin is None else begin
        whole = float(edges[high] - edges[start])
        if not math.isfinite(whole):
            return False
        nearest = min(max(self.goal.origin, float(edges[start])), float(edges[high]))
        return float(edges[first] - edges[low]) <= _NEAR * whole or self.goal.met(
            nearest, 0.5 * whole
        )

    def _side(self, edge: int) -> int:
        """1 where P(loss > edge) > tau for sure, -1 where it is not, 0 where it cannot be told."""
        low, high = self._limits(edge)
        seen = self.seen(edge)
        if not (seen.low > high or seen.high <= low) and self.status == "converged":
            self._test(edge, low, high)
            seen = self.seen(edge)
        if seen.low > high:
            return 1
        return -1 if seen.high <= low else 0

    def _limits(self, edge: int) -> tuple[float, float]:
        """P(cell > edge) up to the first is not above tau for the loss, beyond the second it is."""
        middle, width = self.tau - self.band.means[edge], self.band.half_widths[edge]
        return float(middle - width), float(middle + width)

    def _test(self, edge: int, low: float, high: float) -> None:
        """Run the circuit of an edge until it is decided, or as well known as the band."""
        run, left = self.run, self.run.queries_left()
        budget = None if left is None else left - self.reserve
        count = self._cells_beyond(edge)
        if budget is not None and budget < 1:
            self.status = "budget_exhausted"
            return
        tolerance = max(TEST_SHARE * 0.5 * (high - low), tie_resolution(self.tau))
        _, known = self._known.get(count, (0.0, UNIT))
        if known.half_width <= tolerance or self.tests == self.most_tests:
            return
        self.tests += 1
        encoded = run.encoding.encode(run.table, Tail(float(self.edges[edge])))
        one = Goal(
            tolerance=max(tolerance, 0.5 * encoded.bias_bound) / abs(encoded.scale),
            queries=budget,
            confidence=1.0 - self.error / self.most_tests,
        )
        found = number(
            encoded,
            run.amplify(encoded, one, lambda seen: seen.low > high or seen.high <= low),
        )
        # tests of edges between the same cells are of one circuit: all hold together
        ends = max(found.interval.low, known.low), min(found.interval.high, known.high)
        self._known[count] = (found.value, Interval(min(ends), ends[1]))
        undecided = ends[0] <= high and ends[1] > low
        # a test that was stopped as decided has no end of its own
        if undecided and found.status in {"interrupted", "budget_exhausted"}:
            self.status = found.status

    def _cells_beyond(self, edge: int) -> int:
        """How many cells lie beyond an edge: as many, the same circuit."""
        return int(self._beyond[edge])

    def seen(self, edge: int) -> Interval:
        """P(cell > edge) by all tests: more cells beyond an edge have no less probability."""
        count, size = self._cells_beyond(edge), self.run.table.values.size
        ends = [
            (0, Interval(0.0, 0.0)),
            (size, Interval(1.0, 1.0)),
            *((at, one) for at, (_, one) in self._known.items()),
        ]
        low = max(one.low for at, one in ends if at <= count)
        high = min(one.high for at, one in ends if at >= count)
        return Interval(min(low, high), high)

    def tails(self) -> dict[int, Interval]:
        """P(loss > edge) at every finite edge, all at once."""
        found = {}
        for edge in range(1, self.edges.size - 1):
            seen, mean = self.seen(edge), float(self.band.means[edge])
            width = float(self.band.half_widths[edge])
            found[edge] = Interval(seen.low + mean - width, seen.high + mean + width).clipped(0, 1)
        return found

    def nearest(self) -> int:
        """The tested edge whose limits lie about the level: where the half-widths are told."""
        guess = self.band.seen - self.tau
        return int(np.argmin(np.abs(guess[1:-1]))) + 1

    def value(self, low: int, high: int) -> float:
        """The quantile of the circuits' and the paths' own estimates, inside the interval."""
        edges = self.edges
        interval = Interval(float(edges[low]), float(edges[high]))
        if not math.isfinite(interval.half_width):
            return interval.midpoint
        tails = [
            (edge, self._known[count][0] + float(self.band.means[edge]))
            for edge in range(max(low, 1), min(high, edges.size - 2) + 1)
            if (count := self._cells_beyond(edge)) in self._known
        ]
        above = max((edge for edge, tail in tails if tail > self.tau), default=low)
        below = min((edge for edge, tail in tails if tail <= self.tau), default=high)
        known = dict(tails)
        if above >= below or above not in known or below not in known:
            return interval.midpoint
        share = (known[above] - self.tau) / (known[above] - known[below])
        return float(edges[above] + share * (edges[below] - edges[above]))
