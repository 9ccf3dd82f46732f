"""What is kept of a stream of blocks: moments, or the largest values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qmc import memory
from qmc.problem import Array

# a product of sums below this has lost its digits to underflow
_TINY = 1e-290


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean, sums of powers about the mean, smallest and largest value.

    The fourth powers of a merged pair are those about the parts' own means: they only plan.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    cubes: float = 0.0
    fourths: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, values: Array) -> Moments:
        """The moments of values (n,)."""
        mean = float(values.mean())
        gaps = values - mean
        # beyond 1e154 a square is infinite, and so is what is said of the spread
        with np.errstate(over="ignore", invalid="ignore"):
            squares = gaps * gaps
            return cls(
                count=values.size,
                mean=mean,
                squares=float(squares.sum()),
                cubes=float((squares * gaps).sum()),
                fourths=float((squares * squares).sum()),
                low=float(values.min()),
                high=float(values.max()),
            )

    @classmethod
    def zeros(cls, count: int) -> Moments:
        """The moments of `count` zeros."""
        return cls(count=count, low=0.0, high=0.0) if count else cls()

    def merge(self, other: Moments) -> Moments:
        """The moments of both samples together.

        Chan, Golub and LeVeque (1983, doi:10.1080/00031305.1983.10483115, eq. 2.1); the cubes as
        in Pebay, Terriberry, Kolla and Bennett (2016, doi:10.1007/s00180-015-0637-z).
        """
        count = self.count + other.count
        if count == 0:
            return self
        gap = other.mean - self.mean
        here, there = self.count / count, other.count / count
        spread = gap * gap * self.count * other.count / count
        turn = spread * (here - there) + 3.0 * (here * other.squares - there * self.squares)
        return Moments(
            count,
            self.mean + gap * other.count / count,
            self.squares + other.squares + spread,
            self.cubes + other.cubes + gap * turn,
            self.fourths + other.fourths,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    @property
    def variance(self) -> float:
        """Unbiased variance; infinite where all values are the same: they tell no spread."""
        return self.squares / (self.count - 1) if self.low < self.high else math.inf

    @property
    def skewness(self) -> float:
        """Third standardised moment; infinite where the values tell none.

        At most the root of the count, whatever the values: no gap from the mean exceeds the root
        of the sum of squares, so the cubes do not exceed that sum to the power 3/2.
        """
        size = self.squares * math.sqrt(self.squares)
        if not (self.low < self.high and _TINY < size < math.inf and math.isfinite(self.cubes)):
            return math.inf
        return math.sqrt(self.count) * self.cubes / size

    def variance_limit(self, quantile: float) -> float:
        """Upper limit of the variance, `quantile` normal deviations of the squares above it."""
        if not self.low < self.high or not math.isfinite(self.fourths):
            return math.inf
        spread = max(self.fourths / self.count - (self.squares / self.count) ** 2, 0.0)
        return self.variance + quantile * math.sqrt(spread / self.count)


@dataclass(frozen=True, slots=True)
class Top:
    """The largest `keep` of a stream of losses, in memory of a few times `keep`."""

    keep: int
    parts: tuple[Array, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a tail that does not fit the machine."""
        if not self.parts:
            what = f"a tail of {self.keep:,} losses"
            memory.require(32.0 * self.keep, what, "lower queries= or raise level=")

    def largest(self, losses: Array) -> Array:
        """The largest `keep` losses in any order; all when there are fewer."""
        if losses.size <= self.keep:
            return losses
        return np.partition(losses, losses.size - self.keep)[losses.size - self.keep :]

    def merge(self, losses: Array) -> Top:
        """The largest of one block's losses and of those before."""
        parts = (*self.parts, losses)
        if sum(part.size for part in parts) > 2 * self.keep + losses.size:
            parts = (self.largest(np.concatenate(parts)),)
        return Top(self.keep, parts)

    def increasing(self) -> Array:
        """The kept losses, sorted."""
        return np.sort(self.largest(np.concatenate(self.parts)))


@dataclass(frozen=True, slots=True)
class TiedTop:
    """As `Top`, and how many losses that equal the smallest kept one were left out.

    Whatever drops losses keeps the largest, so that its smallest kept one never exceeds the final
    one: of what was dropped, only ties of the largest such floor can belong to the tail.

    Attributes:
        keep: as of `Top`.
        parts: losses so far.
        floor: the largest smallest loss that was kept when others were dropped.
        ties: dropped losses that equal it.
    """

    keep: int
    parts: tuple[Array, ...] = ()
    floor: float = -math.inf
    ties: int = 0

    def __post_init__(self) -> None:
        """Refuse a tail that does not fit the machine, as `Top` does."""
        Top(self.keep, self.parts)

    def of(self, losses: Array) -> TiedTop:
        """Of one block."""
        kept = Top(self.keep, (losses,)).largest(losses)
        if kept.size == losses.size:
            return TiedTop(self.keep, (losses,))
        floor = float(kept.min())
        ties = int(np.count_nonzero(losses == floor) - np.count_nonzero(kept == floor))
        return TiedTop(self.keep, (kept,), floor, ties)

    def merge(self, other: TiedTop) -> TiedTop:
        """Of both samples together."""
        parts, last = (*self.parts, *other.parts), other.parts[-1].size
        merged = TiedTop(self.keep, parts)._with(self)._with(other)
        if sum(part.size for part in parts) > 2 * self.keep + last:
            return self.of(np.concatenate(parts))._with(merged)
        return merged

    def _with(self, other: TiedTop) -> TiedTop:
        """These losses, with the ties that another dropped."""
        floor = max(self.floor, other.floor)
        ties = sum(one.ties for one in (self, other) if one.floor == floor)
        return TiedTop(self.keep, self.parts, floor, ties)

    def tail(self) -> Array:
        """The kept losses sorted, with the ties of the smallest that were left out before it."""
        last = self.of(np.concatenate(self.parts))._with(self)
        kept = np.sort(last.parts[0])
        ties = last.ties if last.floor == float(kept[0]) else 0
        return np.concatenate([np.full(ties, kept[0]), kept])
