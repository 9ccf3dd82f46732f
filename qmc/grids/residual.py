"""`Residual`: what a grid's cells leave out, from fresh randomised Sobol points."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from scipy import special

from qmc import checks
from qmc.affine import value_range
from qmc.capabilities import TerminalPayoff
from qmc.grids.cell_table import CellTable
from qmc.grids.residual_paths import ResidualPaths, Sums, pooled, power_of_two
from qmc.measures import ExpectedLoss, Price, Probability
from qmc.problem import Array, Problem

_PILOT_POINTS = 128
_PILOT_SEED = 20_260_104
# measured: the error bar of these residuals falls about so fast in the number of points
_RATE = 0.75
# every look spends this share of the error probability that is left
LOOK_SHARE = 0.7
_GROWTH = 2
# paths to begin with where the pilot saw no spread
_FLAT_PATHS = 2.0**12
# the last pilot of each table, with what it was of: choosing, planning and solving all ask for it
_PILOTS: WeakKeyDictionary[CellTable, tuple[Problem, int, float]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Correction:
    """The mean of payoff less cell value: an estimate, its half-width, and what it cost.

    Attributes:
        mean: in the outcome's unit.
        half_width: infinite when all paths gave the same and no bound is known.
        paths: that were drawn.
        looks: at the interval.
        asked: paths from which on the interval may be relied upon.
        interrupted: by Ctrl-C, before it was small enough.
    """

    mean: float
    half_width: float
    paths: int
    looks: int
    asked: float = 0.0
    interrupted: bool = False

    @property
    def reliable(self) -> bool:
        """Whether there were paths enough for the skewness and kurtosis they showed."""
        return self.paths >= self.asked


# before the first look
_UNREAD = Correction(0.0, math.inf, 0, 0, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """Price = E[cell value] + E[payoff - cell value]; the second term on fresh Sobol points.

    `replicates` independently scrambled Sobol sequences (Owen 1998, doi:10.1006/jcom.1998.0487)
    give as many independent means; the half-width is Student's of their spread. The points double
    until it is small enough; look j spends its own share of the error probability, so that
    stopping does not bias the interval. Student's law of the replicates' means is asymptotic: no
    look ends it before there are 50 paths a squared skewness or kurtosis of theirs. Where all give
    the same there is no spread to tell: what no path met then has the rule of three, if the payoff
    is a probability or its `pieces` are bounded, as a put's; any other has no interval.

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
        streams: Sequence[ResidualPaths] = (),
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
        within = _Range.of(problem, table)
        read = _UNREAD
        try:
            for read in self._looks(streams, first_paths, error, within):
                if read.reliable and enough(read.mean, read.half_width):
                    break
        except KeyboardInterrupt:
            # the last look stays valid: hand it back, marked as unfinished
            return replace(read, interrupted=True)
        return read

    def _looks(
        self, streams: Sequence[ResidualPaths], first_paths: int, error: float, within: _Range
    ) -> Iterator[Correction]:
        """What is read after twice as many points each time, up to `max_paths`."""
        most = self.max_paths // self.replicates
        points = min(power_of_two(first_paths / self.replicates), power_of_two(most))
        left, looks = error, 0
        while points <= most:
            looks += 1
            found = [one.after(points) for one in streams]
            means, sums = np.array([one.mean for one in found]), pooled(found)
            half_width, asked = _half_width(means, sums, LOOK_SHARE * left, within)
            yield Correction(float(means.mean()), half_width, sums.count, looks, asked)
            left *= 1.0 - LOOK_SHARE
            points *= _GROWTH

    def streams(
        self, problem: Problem, table: CellTable, rng: np.random.Generator
    ) -> tuple[ResidualPaths, ...]:
        """The replicates that `correct` reads, before anything is drawn."""
        return tuple(ResidualPaths(problem, table, one) for one in rng.spawn(self.replicates))

    def expected_paths(self, error_bar: float, half_width: float, error: float) -> float:
        """Paths of all replicates for a half-width, from the error bar of `pilot`."""
        least = 2.0 * self.replicates
        if error_bar <= 0.0:
            return min(_FLAT_PATHS, float(self.max_paths))
        wanted = half_width / student(self.replicates, LOOK_SHARE * error)
        if wanted <= 0.0:
            return float(self.max_paths)
        points = _PILOT_POINTS * (error_bar / wanted) ** (1.0 / _RATE)
        return float(min(max(points * self.replicates, least), self.max_paths))

    @property
    def pilot_paths(self) -> int:
        """Paths of `pilot`."""
        return _PILOT_POINTS * self.replicates

    def pilot(self, problem: Problem, table: CellTable) -> float:
        """Error bar of the residual's mean at a small fixed sample of `pilot_paths`.

        Drawn once for a problem and its table, however often it is asked for.
        """
        known = _PILOTS.get(table)
        if known is not None and known[0] is problem and known[1] == self.replicates:
            return known[2]
        rng = np.random.default_rng(_PILOT_SEED)
        means = [one.after(_PILOT_POINTS).mean for one in self.streams(problem, table, rng)]
        found = _error_bar(np.array(means))
        _PILOTS[table] = (problem, self.replicates, found)
        return found


def student(replicates: int, error: float) -> float:
    """Two-sided quantile of Student's t with replicates - 1 degrees of freedom."""
    return float(-special.stdtrit(replicates - 1, 0.5 * error))


def _error_bar(means: Array) -> float:
    return float(means.std(ddof=1)) / math.sqrt(means.size)


@dataclass(frozen=True, slots=True)
class _Range:
    """The least and the most that payoff less cell value may be; infinite where nobody knows."""

    least: float = -math.inf
    most: float = math.inf

    @classmethod
    def of(cls, problem: Problem, table: CellTable) -> _Range:
        """From the range of the payoff and that of the cells."""
        contract, measure = problem.contract, problem.measure
        if isinstance(measure, Probability):
            low, high = 0.0, 1.0
        elif isinstance(measure, Price | ExpectedLoss) and isinstance(contract, TerminalPayoff):
            discount = float(problem.model.discount((contract.expiry,))[0])
            low, high = (discount * end for end in value_range(contract.pieces()))
            low, high = (-high, -low) if measure.on_loss else (low, high)
        else:
            return cls()
        return cls(low - float(table.values.max()), high - float(table.values.min()))

    def distance(self, value: float) -> float:
        """The largest distance from a value."""
        return max(self.most - value, value - self.least)


def _half_width(means: Array, sums: Sums, error: float, within: _Range) -> tuple[float, float]:
    """Half-width of the mean, and the paths from which on it may be relied upon."""
    if not sums.flat:
        return _error_bar(means) * student(means.size, error), sums.asked
    apart = within.distance(sums.mean)
    if math.isinf(apart):
        return math.inf, math.inf
    # rule of three: what no path met has a probability below -log(error) / paths
    return -math.log(error) / sums.count * apart, 0.0
