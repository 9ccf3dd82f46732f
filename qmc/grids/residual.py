"""`Residual`: what a grid's cells leave out, from fresh randomised Sobol points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from qmc import checks, memory
from qmc.errors import Unsupported
from qmc.grids.cell_table import CellTable
from qmc.grids.pilot import framed, integrand, sobol
from qmc.problem import Array, Problem

# float64 numbers of a block of paths that live at once
_BLOCK = 2**21
_PILOT_POINTS = 128
_PILOT_SEED = 20_260_104
# measured: the error bar of these residuals falls about so fast in the number of points
_RATE = 0.75
# every look spends this share of the error probability that is left
_LOOK_SHARE = 0.7
_GROWTH = 2
# a spread is believed once as many paths as these carry it, and a residual of nothing once none of
# so many is anything: with fewer, what is rare looks as if it were not there. Measured at 95 %
# (suite `residuals`): a digital's residual covers .65, .77, .89 and .93 where 1, 2, 3 and 11 paths
# carry it
_LEAST_CARRIED = 16.0
_UNSEEN_PATHS = 2**16


@dataclass(frozen=True, slots=True)
class Correction:
    """The mean of payoff less cell value: an estimate, its half-width, and what it cost."""

    mean: float
    half_width: float
    paths: int
    looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """Price = E[cell value] + E[payoff - cell value]; the second term on fresh Sobol points.

    `replicates` independently scrambled Sobol sequences (Owen 1998, doi:10.1006/jcom.1998.0487)
    give as many independent means; the half-width is Student's of their spread. The points double
    until it is small enough; look j spends its own share of the error probability, so that
    stopping does not bias the interval. Student's law of the replicates' means is asymptotic: it is
    not read while fewer than 16 paths carry the spread, (sum r^2)^2 / sum r^4 of residuals r, nor,
    where all are 0, before there are 2^16.

    Attributes:
        replicates: 8 or more.
        max_paths: the most paths of all replicates together.
    """

    replicates: int = 16
    max_paths: int = 2**20

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        checks.whole("replicates", self.replicates, 8)
        checks.whole("max_paths", self.max_paths, 2 * self.replicates)

    def correct(
        self,
        problem: Problem,
        table: CellTable,
        enough: Callable[[float, float], bool],
        *,
        error: float,
        first_paths: int,
        rng: np.random.Generator,
        streams: Sequence[Stream] = (),
    ) -> Correction:
        """Sample until `enough` says so of mean and half-width, or `max_paths` is reached.

        Args:
            problem: whose integrand is averaged.
            table: made by a grid that locates normals.
            enough: of (mean, half-width).
            error: probability with which the interval may miss.
            first_paths: of the first look, rounded to a power of two a replicate.
            rng: fresh, never the grid's pilot.
            streams: what `streams` made of the same rng, when it is to be read more than once.

        Raises:
            Unsupported: for a table that locates no normals.
            TooLarge: for more normals than Sobol sequences have dimensions.
        """
        streams = streams or self.streams(problem, table, rng)
        most = max(1, self.max_paths // self.replicates)
        points = min(_power_of_two(first_paths / self.replicates), _power_of_two(most))
        left, looks = error, 0
        while True:
            looks += 1
            means = np.array([one.mean(points) for one in streams])
            mean, spread = float(means.mean()), _error_bar(means)
            half_width = spread * student(self.replicates, _LOOK_SHARE * left)
            left *= 1.0 - _LOOK_SHARE
            believed = self._believed(streams, points)
            if (believed and enough(mean, half_width)) or _GROWTH * points > most:
                return Correction(mean, half_width, points * self.replicates, looks)
            points *= _GROWTH

    def _believed(self, streams: Sequence[Stream], points: int) -> bool:
        """Whether the spread of the first `points` a replicate says anything."""
        squares, fourths = np.sum([one.moments(points) for one in streams], axis=0)
        if squares == 0.0:
            return points * self.replicates >= _UNSEEN_PATHS
        return bool(squares * squares >= _LEAST_CARRIED * fourths)

    def streams(
        self, problem: Problem, table: CellTable, rng: np.random.Generator
    ) -> tuple[Stream, ...]:
        """The replicates that `correct` reads, before anything is drawn."""
        return tuple(Stream(problem, table, one) for one in rng.spawn(self.replicates))

    def expected_paths(self, error_bar: float, half_width: float, error: float) -> float:
        """Paths of all replicates for a half-width, from the error bar of `pilot`."""
        least = 2.0 * self.replicates
        wanted = half_width / student(self.replicates, _LOOK_SHARE * error)
        if wanted <= 0.0 or error_bar <= 0.0:
            return float(self.max_paths) if error_bar > 0.0 else least
        points = _PILOT_POINTS * (error_bar / wanted) ** (1.0 / _RATE)
        return float(min(max(points * self.replicates, least), self.max_paths))

    def pilot(self, problem: Problem, table: CellTable) -> tuple[float, int]:
        """Error bar of the residual's mean at a small fixed sample, and the paths it took."""
        rng = np.random.default_rng(_PILOT_SEED)
        means = [one.mean(_PILOT_POINTS) for one in self.streams(problem, table, rng)]
        return _error_bar(np.array(means)), _PILOT_POINTS * self.replicates


def student(replicates: int, error: float) -> float:
    """Two-sided quantile of Student's t with replicates - 1 degrees of freedom."""
    return float(-special.stdtrit(replicates - 1, 0.5 * error))


def _error_bar(means: Array) -> float:
    return float(means.std(ddof=1)) / math.sqrt(means.size)


def _power_of_two(points: float) -> int:
    return int(2 ** max(1, math.floor(math.log2(max(points, 1.0)))))


def _sums(values: Array) -> Array:
    """Sums (3,) of values (n,), their squares and their fourth powers."""
    squares = np.square(values)
    return np.array([values.sum(), squares.sum(), np.square(squares).sum()])


class Stream:
    """One scrambled Sobol sequence and running sums of payoff less cell value."""

    def __init__(self, problem: Problem, table: CellTable, rng: np.random.Generator) -> None:
        """Scramble; nothing is drawn yet."""
        if table.locator is None:
            msg = "this table locates no normals: a residual needs FactorGrid"
            raise Unsupported(msg)
        self.problem, self.table, self.locator = problem, table, table.locator
        self.frame = self.locator.frame
        self.dimensions = problem.num_factors + self.frame.shape[1]
        self.sobol = sobol(self.dimensions, rng)
        self.count, self.sums = 0, np.zeros(3)
        self.kept: dict[int, Array] = {}

    def mean(self, points: int) -> float:
        """The mean over the first `points` of the sequence, a power of two.

        Every power of two on the way is kept, so that a shorter mean may be asked for later.
        """
        while self.count < points:
            rows = min(points - self.count, max(1, _power_of_two(_BLOCK / self.dimensions)))
            memory.require(
                6.0 * 8.0 * rows * self.dimensions,
                f"{rows} paths with {self.dimensions} normals each",
                "take fewer dates or assets",
            )
            self._take(self._values(rows))
        return float(self.kept[points][0]) / points

    def moments(self, points: int) -> Array:
        """Sums of squares and of fourth powers, (2,), of `points` whose mean was asked for."""
        return self.kept[points][1:]

    def _take(self, values: Array) -> None:
        """Add the next values (n,) of the sequence."""
        end, power = self.count + values.size, 2 ** self.count.bit_length()
        while power <= end:
            self.kept[power] = self.sums + _sums(values[: power - self.count])
            power *= 2
        self.sums = self.sums + _sums(values)
        self.count = end

    def _values(self, rows: int) -> Array:
        points = framed(self.sobol, rows, self.frame)
        payoff = integrand(self.problem, self.problem.outcomes(points))
        return np.asarray(payoff - self.table.values[self.locator.locate(points)])
