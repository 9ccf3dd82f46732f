"""Proofs that an edge's tail lies on one side of tau: universal inference against every angle.

An edge's circuit has P(flag) = sin^2 theta. A claim bets on the data of one edge: before each
batch it fixes the mixture of laws by which it expects the hits. The likelihood ratio of that
mixture to any single angle theta is, if theta is the truth, a nonnegative martingale from 1 on, so
it ever reaches 1 / error with probability at most `error` (Ville 1939; as a test of composite
nulls: Wasserman, Ramdas and Balakrishnan 2020, arXiv:1912.11436). An angle whose ratio has reached
1 / error once is refuted for good, and when no angle of the null is left the claim is proved. No
property of the mixture is used: an absurd one only never proves anything.

The null is cut into cells. A cell's ratio takes, batch by batch, the largest likelihood that any
angle of the cell has, so no angle between grid points is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, xlog1py, xlogy

from qmc.problem import Array
from qmc.result import Interval

QUADRANT = 0.5 * math.pi
# a cell is split until (2k+1) times its width is below this; a wider cell loses evidence
_PHASE_WIDTH = 0.2
_MOST_CELLS = 6000
# share of every mixture that is uniform over hit probabilities, so that no surprise is fatal
_UNIFORM_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Batch:
    """Shots of one circuit at one edge: `factor` = 2k+1 queries a shot."""

    edge: int
    factor: int
    shots: int
    hits: int


def hit_chance(theta: Array, factor: Array | NDArray[np.int64] | float, decay: float) -> Array:
    """P(flag) after k Grover operators, factor = 2k+1; see `qmc.rounds.hit_probability`.

    sin^2 is taken by way of the tangent, which NumPy has vectorised (AVX-512) and sines it has not.
    """
    square = np.tan(factor * theta) ** 2
    chance = square / (1.0 + square)
    if decay == 0.0:
        return np.asarray(chance)
    visible = np.exp(-0.5 * decay * (np.asarray(factor) - 1.0))
    return np.asarray(0.5 + (chance - 0.5) * visible)


def chance_range(low: Array, high: Array, factor: int, decay: float) -> tuple[Array, Array]:
    """The least and largest P(flag) over each cell [low, high] of angles."""
    first, last = hit_chance(low, factor, decay), hit_chance(high, factor, decay)
    least, most = np.minimum(first, last), np.maximum(first, last)
    # a dark point of the fringe lies at every multiple of pi, a bright one half way between
    turn = factor / math.pi
    visible = math.exp(-0.5 * decay * (factor - 1.0))
    rounding = 1e-9 + 1e-15 * turn
    start, end = low * turn - rounding, high * turn + rounding
    dark = np.floor(end) >= np.ceil(start)
    bright = np.floor(end + 0.5) >= np.ceil(start + 0.5)
    least = np.where(dark, 0.5 - 0.5 * visible, least)
    return least, np.where(bright, 0.5 + 0.5 * visible, most)


def log_mixture(chances: Array, weights: Array, shots: int) -> Array:
    """Log probability of a sequence with 0, 1, ..., shots hits under a mixture, (shots + 1,).

    Args:
        chances: (m,) hit probabilities.
        weights: (m,) summing to 1; a uniform chance gets a share beside them.
        shots: of the batch.
    """
    p = np.minimum(np.maximum(chances, 1e-12), 1.0 - 1e-12)
    if shots == 1:
        mean = float(p @ weights)
        each = np.array([1.0 - mean, mean])
    else:
        hits = np.arange(shots + 1.0)[:, None]
        each = np.exp(hits * np.log(p) + (shots - hits) * np.log1p(-p)) @ weights
    return np.log((1.0 - _UNIFORM_SHARE) * each + _UNIFORM_SHARE * _flat(shots))


@lru_cache(maxsize=256)
def _flat(shots: int) -> Array:
    """Probability of a sequence with 0, 1, ..., shots hits, all chances being as likely."""
    hits = np.arange(shots + 1.0)
    return np.asarray(np.exp(betaln(hits + 1.0, shots - hits + 1.0)))


@dataclass(frozen=True, eq=False)
class Claim:
    """That the tail at an edge is above tau (`above`), or not, with what speaks for it.

    Attributes:
        edge: index of the edge.
        above: the claim's direction.
        error: the probability with which it may be claimed although it is false.
        low, high, log_ratio: (m,) the cells of the null that are not refuted yet, in theta, and
            the evidence against each, in nats.
    """

    edge: int
    above: bool
    error: float
    low: Array
    high: Array
    log_ratio: Array

    @property
    def proved(self) -> bool:
        """True when every angle of the null is refuted."""
        return self.low.size == 0

    @property
    def missing(self) -> Array:
        """Evidence in nats that each cell still lacks, (m,)."""
        return math.log(1.0 / self.error) - self.log_ratio

    def told(self, batch: Batch, expected: Array, decay: float) -> Claim:
        """With one more batch.

        Args:
            batch: what was counted.
            expected: (shots + 1,) log probability of a sequence with so many hits, fixed before.
            decay: visibility lost per power.
        """
        low, high, ratio = _split(self.low, self.high, self.log_ratio, batch.factor)
        needed = math.log(1.0 / self.error)
        gains = _least_gains(low, high, batch, expected, decay)
        ratio = ratio + _staked(gains[batch.hits], np.maximum.reduce(gains), needed - ratio)
        left = ratio < needed
        cells = low[left], high[left], ratio[left]
        return Claim(self.edge, self.above, self.error, *cells)


def open_claim(edge: int, *, above: bool, boundary: float, error: float) -> Claim:
    """A claim without evidence; its null is theta <= boundary if `above`, else theta >= it."""
    ends = np.linspace(*((0.0, boundary) if above else (boundary, QUADRANT)), 65)
    return Claim(edge, above, error, ends[:-1], ends[1:], np.zeros(64))


def angles(tau: float, bias: float) -> tuple[float, float]:
    """Boundaries (for a claim below tau, for one above) when tails are known to within `bias`."""
    low, high = max(tau - bias, 0.0), min(tau + bias, 1.0)
    return math.asin(math.sqrt(low)), math.asin(math.sqrt(high))


def surviving(batches: Sequence[tuple[Batch, Array]], error: float, decay: float) -> Interval:
    """The probabilities P(flag) at one edge that its batches have not refuted at this error.

    Args:
        batches: of one edge, each with the log probabilities that were expected of it.
        error: probability with which the interval may miss.
        decay: visibility lost per power.
    """
    whole = Claim(0, True, error, *_quadrant())
    for batch, expected in batches:
        whole = whole.told(batch, expected, decay)
    if whole.proved:  # the truth itself was refuted, which has probability `error` at most
        return Interval(0.0, 1.0, 1.0 - error)
    low, high = math.sin(whole.low.min()) ** 2, math.sin(whole.high.max()) ** 2
    return Interval(low, max(low, high), 1.0 - error)


def _quadrant() -> tuple[Array, Array, Array]:
    ends = np.linspace(0.0, QUADRANT, 257)
    return ends[:-1], ends[1:], np.zeros(256)


def _split(low: Array, high: Array, ratio: Array, factor: int) -> tuple[Array, Array, Array]:
    """Cells narrow enough for this factor; parts inherit their cell's evidence."""
    phases = (high - low) * factor / _PHASE_WIDTH
    if not phases.size or phases.max() <= 1.0:
        return low, high, ratio
    parts = np.maximum(np.ceil(phases).astype(np.int64), 1)
    if parts.sum() > _MOST_CELLS:
        parts = np.maximum(parts * _MOST_CELLS // parts.sum(), 1)
    if parts.max() == 1:
        return low, high, ratio
    width = np.repeat((high - low) / parts, parts)
    place = np.arange(width.size) - np.repeat(np.cumsum(parts) - parts, parts)
    first = np.repeat(low, parts) + place * width
    return first, first + width, np.repeat(ratio, parts)


def _least_gains(
    low: Array, high: Array, batch: Batch, expected: Array, decay: float
) -> list[Array]:
    """For each number of hits, the log ratio to each cell's likeliest angle, shots + 1 of (m,)."""
    least, most = chance_range(low, high, batch.factor, decay)
    if batch.shots == 1:
        with np.errstate(divide="ignore"):  # a chance of 0 is refuted at once
            return [expected[0] - np.log1p(-least), expected[1] - np.log(most)]
    gains = []
    for hits in range(batch.shots + 1):
        best = np.minimum(np.maximum(least, hits / batch.shots), most)
        likely = xlogy(float(hits), best) + xlog1py(float(batch.shots - hits), -best)
        gains.append(expected[hits] - likely)
    return gains


def _staked(gain: Array, most: Array, missing: Array) -> Array:
    """Log of what a cell's ratio is multiplied by, (m,): no more is staked than needed.

    A share of the ratio is bet, so that the luckiest outcome refutes the cell and no more: the
    rest is not lost to an unlucky one. With a share s the factor is 1 - s + s exp(gain), whose
    mean is at most 1 as exp(gain)'s is.

    Args:
        gain: (m,) of the outcome.
        most: (m,) the largest gain of any outcome.
        missing: (m,) evidence that the cell still lacks.
    """
    useful = most > 1e-12
    won = np.expm1(np.minimum(np.maximum(most, 1e-12), 600.0))
    wanted = np.expm1(np.minimum(missing * (1.0 + 1e-9) + 1e-12, 600.0))
    share = np.minimum(wanted / won, 1.0) * useful
    return np.asarray(np.log1p(share * np.expm1(np.minimum(gain, 600.0))))
