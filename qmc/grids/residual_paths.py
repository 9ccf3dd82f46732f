"""Fresh paths of payoff less cell value, and what their sums tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from qmc import memory
from qmc.errors import Unsupported
from qmc.grids.cell_table import CellTable
from qmc.grids.pilot import binary_unit, framed, integrand, sobol
from qmc.problem import Array, Problem

# float64 numbers of a block of paths that live at once
BLOCK = 2**21
# values from which on a mean's interval may be relied upon, a squared skewness or kurtosis
_PATHS_A_MOMENT = 50.0
# differences that are rounding of the outcomes themselves
_ROUNDING = 1e-13


def power_of_two(points: float) -> int:
    """The largest power of two up to `points`, 2 at least."""
    return int(2 ** max(1, math.floor(math.log2(max(points, 1.0)))))


@dataclass(frozen=True, slots=True)
class Sums:
    """Power sums and range of values: count, first to fourth power, least, largest, size.

    All in multiples of `unit`, a power of two, so that fourth powers of tiny or huge money do not
    leave the range of floats.
    """

    count: int = 0
    first: float = 0.0
    second: float = 0.0
    third: float = 0.0
    fourth: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    size: float = 0.0
    unit: float = 1.0

    def __add__(self, other: Sums) -> Sums:
        """The sums of both."""
        return Sums(
            self.count + other.count,
            self.first + other.first,
            self.second + other.second,
            self.third + other.third,
            self.fourth + other.fourth,
            min(self.low, other.low),
            max(self.high, other.high),
            max(self.size, other.size),
            self.unit if self.count else other.unit,
        )

    @property
    def mean(self) -> float:
        """Of the values, in their own unit."""
        return self.unit * (self.first / self.count)

    @property
    def flat(self) -> bool:
        """Whether all values are the same but for rounding: they tell no spread."""
        return self.high - self.low <= _ROUNDING * self.size

    @property
    def asked(self) -> float:
        """Values from which on their mean's interval may be relied upon.

        50 times the squared skewness or the excess kurtosis, the two that Hall's expansion of
        Student's t has to first order (1988, doi:10.1214/aos/1176350933): 50 hits of what few
        paths reach. The kurtosis catches rare values on both sides, whose skewness may vanish.
        """
        if self.flat:
            return math.inf
        mean, second, third, fourth = (
            power / self.count for power in (self.first, self.second, self.third, self.fourth)
        )
        variance = second - mean**2
        # rounding may leave no digit of a small spread about a large mean
        if not variance**3 > 0.0:
            return math.inf
        cubes = third - 3.0 * mean * second + 2.0 * mean**3
        fourths = fourth - 4.0 * mean * third + 6.0 * mean**2 * second - 3.0 * mean**4
        return _PATHS_A_MOMENT * max(1.0, cubes**2 / variance**3, fourths / variance**2 - 3.0)


def pooled(parts: Iterable[Sums]) -> Sums:
    """The sums of all parts."""
    return sum(parts, start=Sums())


class ResidualPaths:
    """One scrambled Sobol sequence and the running sums of payoff less cell value."""

    def __init__(
        self,
        problem: Problem,
        table: CellTable,
        rng: np.random.Generator,
        of: Callable[[Array], Array] | None = None,
    ) -> None:
        """Begin the sequence, the cut directions in its first coordinates.

        `of` is taken of payoff and cell value before they are compared, such as an excess.
        """
        self.of = of
        if table.locator is None:
            msg = "this table locates no normals: a residual needs FactorGrid"
            raise Unsupported(msg)
        self.problem, self.table, self.locator = problem, table, table.locator
        self.frame = self.locator.frame
        self.dimensions = problem.num_factors + self.frame.shape[1]
        self.sobol = sobol(self.dimensions, rng)
        self.unit = binary_unit(table.values)
        self.sums = Sums(unit=self.unit)
        self._after: dict[int, Sums] = {}

    def after(self, points: int) -> Sums:
        """The sums of the first `points` of the sequence, a power of two.

        Every power of two on the way is kept, so that fewer points may be asked for later.
        """
        while self.sums.count < points:
            most = max(1, power_of_two(BLOCK / self.dimensions))
            rows = min(points - self.sums.count, most)
            memory.require(
                6.0 * 8.0 * rows * self.dimensions,
                f"{rows} paths with {self.dimensions} normals each",
                "take fewer dates or assets",
            )
            self._take(*self._values(rows))
        return self._after[points]

    def _take(self, payoff: Array, cells: Array) -> None:
        """Add the next values (n,) of the sequence, stopping at each power of two."""
        done = 0
        while done < payoff.size:
            power = 2 ** self.sums.count.bit_length()
            end = min(payoff.size, done + power - self.sums.count)
            self.sums += _sums(payoff[done:end], cells[done:end], self.unit)
            done = end
            if self.sums.count == power:
                self._after[power] = self.sums

    def _values(self, rows: int) -> tuple[Array, Array]:
        """Payoff and cell value of the next points, both (rows,)."""
        points = framed(self.sobol, rows, self.frame)
        payoff = integrand(self.problem, self.problem.outcomes(points))
        cells = self.table.values[self.locator.locate(points)]
        return (payoff, cells) if self.of is None else (self.of(payoff), self.of(cells))


def _sums(payoff: Array, cells: Array, unit: float) -> Sums:
    values = (payoff - cells) / unit
    return Sums(
        values.size,
        float(values.sum()),
        float((values**2).sum()),
        float((values**3).sum()),
        float((values**4).sum()),
        float(values.min()),
        float(values.max()),
        float(np.abs(payoff).max() + np.abs(cells).max()) / unit,
        unit,
    )
