"""What is kept of a stream of blocks: moments, or the largest values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qmc import memory
from qmc.problem import Array


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean, sums of squares and fourth powers about the mean, smallest and largest value.

    The fourth powers of a merged pair are those about the parts' own means: they only plan.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    fourths: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, values: Array) -> Moments:
        """The moments of values (n,)."""
        mean = float(values.mean())
        # beyond 1e154 a square is infinite, and so is what is said of the spread
        with np.errstate(over="ignore"):
            squares = (values - mean) ** 2
            sums = float(squares.sum()), float((squares * squares).sum())
        return cls(values.size, mean, *sums, float(values.min()), float(values.max()))

    def merge(self, other: Moments) -> Moments:
        """The moments of both samples together.

        Chan, Golub and LeVeque (1983, doi:10.1080/00031305.1983.10483115, eq. 2.1).
        """
        count = self.count + other.count
        if count == 0:
            return self
        gap = other.mean - self.mean
        return Moments(
            count,
            self.mean + gap * other.count / count,
            self.squares + other.squares + gap * gap * self.count * other.count / count,
            self.fourths + other.fourths,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    @property
    def variance(self) -> float:
        """Unbiased variance; infinite where all values are the same: they tell no spread."""
        return self.squares / (self.count - 1) if self.low < self.high else math.inf

    def variance_limit(self, quantile: float) -> float:
        """Upper limit of the variance, `quantile` normal deviations of the squares above it."""
        if not self.low < self.high or not math.isfinite(self.fourths):
            return math.inf
        spread = max(self.fourths / self.count - (self.squares / self.count) ** 2, 0.0)
        return self.variance + quantile * math.sqrt(spread / self.count)


class Top:
    """The largest `keep` of a stream of losses, in memory of a few times `keep`."""

    def __init__(self, keep: int) -> None:
        """Refuse a tail that does not fit the machine."""
        memory.require(32.0 * keep, f"a tail of {keep:,} losses", "lower queries= or raise level=")
        self.keep = keep
        self.parts: list[Array] = []
        self.size = 0

    def largest(self, losses: Array) -> Array:
        """The largest `keep` losses in any order; all when there are fewer."""
        if losses.size <= self.keep:
            return losses
        return np.partition(losses, losses.size - self.keep)[losses.size - self.keep :]

    def add(self, losses: Array) -> None:
        """Merge one block's losses."""
        self.parts.append(losses)
        self.size += losses.size
        if self.size > 2 * self.keep + losses.size:
            self.parts = [self.largest(np.concatenate(self.parts))]
            self.size = self.parts[0].size

    def increasing(self) -> Array:
        """The kept losses, sorted."""
        return np.sort(self.largest(np.concatenate(self.parts)))
