"""Piecewise affine payoffs of one price: their pieces, their range, and where they exceed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AffinePiece:
    """payoff = intercept + slope * price for prices in (low, high]."""

    low: float
    high: float
    intercept: float
    slope: float

    @property
    def range(self) -> tuple[float, float]:
        """The least and the most that it pays; infinite where there is no bound."""
        if self.slope == 0.0:
            return self.intercept, self.intercept
        ends = sorted(self.intercept + self.slope * price for price in (self.low, self.high))
        return ends[0], ends[1]


def value_range(pieces: Sequence[AffinePiece]) -> tuple[float, float]:
    """The least and the most that a payoff may be, 0 where no piece applies.

    >>> value_range([AffinePiece(0.0, 90.0, 90.0, -1.0)])
    (0.0, 90.0)
    """
    ranges = [piece.range for piece in _whole_line(pieces)]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def exceeding(pieces: Sequence[AffinePiece], threshold: float) -> Iterator[tuple[float, float]]:
    """Where payoff > threshold: the prices in (low, high], interval by interval.

    Strictly above: where a falling piece meets the threshold the price itself is left out, which
    tells where a law has an atom.

    >>> list(exceeding([AffinePiece(0.0, 90.0, 90.0, -1.0)], -1.0))  # a put is never below 0
    [(-inf, 0.0), (0.0, 90.0), (90.0, inf)]
    """
    for piece in _whole_line(pieces):
        low, high = piece.low, piece.high
        if piece.slope == 0.0:
            if piece.intercept <= threshold:
                continue
        elif piece.slope > 0.0:
            low = max(low, (threshold - piece.intercept) / piece.slope)
        else:
            crossing = (threshold - piece.intercept) / piece.slope
            high = min(high, math.nextafter(crossing, -math.inf))
        if low < high:
            yield low, high


def _whole_line(pieces: Sequence[AffinePiece]) -> Iterator[AffinePiece]:
    """The pieces, and between them those where the contract pays 0."""
    end = -math.inf
    for piece in pieces:
        if piece.low > end:
            yield AffinePiece(end, piece.low, 0.0, 0.0)
        yield piece
        end = piece.high
    if end < math.inf:
        yield AffinePiece(end, math.inf, 0.0, 0.0)
