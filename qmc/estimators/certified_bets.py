"""Exact bets against the cells of an angle, on the number of hits: the proof's core of `Certified`.

A cell owns a balance. A stage turns it into a score for every outcome whose mean, at every angle
of the cell, is at most that balance; a cell whose balance reaches one is dead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln

from qmc.estimators.posterior import steered_angle

Array = NDArray[np.float64]
Told = tuple[int, float, int, int]  # power, steer, shots and hits of one stage

DEAD = 1.0
_SINGLES = 256  # up to so many shots every number of hits is an outcome of its own
_MOST_BINS = 600
_PER_DEVIATION = 6.0  # bins in a standard deviation, unless that makes too many
_ROUNDING = 1e-12  # more than float64 may take from a mean score, relative; absolute with bins


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Bins of the number of hits, fixed before the shots: bin j holds firsts[j] .. firsts[j+1]-1.

    Attributes:
        shots: of the stage.
        firsts: least number of hits of each bin, from 0 up, and shots + 1 at the end.
    """

    shots: int
    firsts: NDArray[np.int64]

    @property
    def rounding(self) -> float:
        """What rounding may add to a sum of the law, beyond a relative 1e-12."""
        return 0.0 if self.firsts.size == self.shots + 2 else _ROUNDING

    def bin(self, hits: int) -> int:
        """The bin of this number of hits."""
        return int(np.searchsorted(self.firsts, hits, side="right")) - 1

    def law(self, chance: Array) -> Array:
        """P(bin) at hit probabilities of any shape; shape (*chance, bins)."""
        p, n = chance[..., None], self.shots
        if self.firsts.size == n + 2:
            x = self.firsts[:-1]
            ways = np.exp(gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1))
            return np.asarray(ways * p**x * (1.0 - p) ** (n - x))
        x = self.firsts[1:-1]
        one = np.ones((*p.shape[:-1], 1))
        above = np.concatenate((one, betainc(x, n - x + 1.0, p), 0.0 * one), axis=-1)
        return np.asarray(-np.diff(above, axis=-1))


def outcomes(shots: int, low: float, high: float) -> Outcomes:
    """Every number of hits, or bins where hit probabilities from `low` to `high` may put it.

    Beyond six standard deviations of that range the hits share the two end bins.
    """
    if shots <= _SINGLES:
        return Outcomes(shots, np.arange(shots + 2))
    middle = min(max(0.5, low), high)
    deviation = math.sqrt(shots * max(middle * (1.0 - middle), 1.0 / shots))
    first = max(1.0, shots * low - 6.0 * deviation)
    last = min(float(shots), shots * high + 6.0 * deviation)
    step = max(1.0, deviation / _PER_DEVIATION, (last - first) / _MOST_BINS)
    inner = np.arange(first, last + 1.0, step).astype(np.int64)
    return Outcomes(shots, np.unique(np.concatenate(([0], inner, [shots + 1]))))


def hit_chance(phase: Array, visible: Array | float) -> Array:
    """P(hit) at phase (2k+1) theta', with this visibility about 1/2."""
    return np.asarray(0.5 - 0.5 * visible * np.cos(2.0 * phase))


def chance_range(edges: Array, power: int, steer: float, decay: float) -> tuple[Array, Array]:
    """Least and largest hit probability of each cell between neighbouring edges.

    The fringe rises and falls once a phase of pi: its extremes over a cell are at the cell's
    ends, or 0 and 1 (less the visibility) where the cell holds a dark or a bright point.
    """
    visible = math.exp(-decay * power)
    phase = (2 * power + 1) * steered_angle(edges, steer)
    ends, blur = hit_chance(phase, visible), 4e-16 * (1.0 + phase[1:])
    low = np.minimum(ends[:-1], ends[1:]) - blur
    high = np.maximum(ends[:-1], ends[1:]) + blur
    turn = phase / math.pi
    dark = np.floor(turn[1:]) >= np.ceil(turn[:-1])
    bright = np.floor(turn[1:] - 0.5) >= np.ceil(turn[:-1] - 0.5)
    low = np.where(dark, 0.5 - 0.5 * visible, low)
    high = np.where(bright, 0.5 + 0.5 * visible, high)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def valley(odds: Array, bottom: NDArray[np.int64]) -> Array:
    """The least array above `odds` that falls up to `bottom`, then rises; along the last axis."""
    at, bottom = np.arange(odds.shape[-1]), bottom[..., None]
    right = np.maximum.accumulate(np.where(at >= bottom, odds, 0.0), axis=-1)
    left = np.maximum.accumulate(np.where(at <= bottom, odds, 0.0)[..., ::-1], axis=-1)
    return np.where(at >= bottom, right, left[..., ::-1])


def sizes(odds: Array, laws: tuple[Array, ...]) -> Array:
    """For each outcome, the chance of odds at least as long; the largest under the given laws."""
    order = np.argsort(-odds, axis=-1, kind="stable")
    tails = (np.cumsum(np.take_along_axis(law, order, axis=-1), axis=-1) for law in laws)
    values = np.empty_like(odds)
    np.put_along_axis(values, order, np.maximum.reduce(list(tails)), axis=-1)
    return values


def scores(
    balance: Array,
    share: float,
    bet: float,
    mixture: Array,
    laws: tuple[Array, Array],
    rounding: float = 0.0,
) -> Array:
    """The balance that each outcome leaves to each cell; DEAD where it rejects the cell.

    Args:
        balance: (cells,) before the stage.
        share: of each balance, to be spent on rejecting outright.
        bet: exponent by which what is left is moved to outcomes that speak against the cell.
        mixture: (outcomes,) what is expected, from the past alone.
        laws: (cells, outcomes) at the least and the largest hit probability of each cell.
        rounding: absolute error of their sums.

    A score falls and then rises with the hits. Its mean under Binomial(n, p) then has no interior
    maximum in p (see `Certified`), so the two laws bound it on the whole cell.
    """
    law = 0.5 * (laws[0] + laws[1])
    odds = valley(mixture / np.maximum(law, 1e-300), law.argmax(axis=1))
    spare = balance * (1.0 - _ROUNDING) - rounding
    level = np.where(share * balance > 10.0 * rounding, share * balance, -1.0)
    inside = sizes(odds, laws) > level[:, None]
    accepted = np.maximum.accumulate(inside, axis=1)
    accepted &= np.maximum.accumulate(inside[:, ::-1], axis=1)[:, ::-1]
    moved = np.clip(odds, 1e-12, 1e12) ** bet
    left = [spare - np.where(accepted, 0.0, law).sum(axis=1) for law in laws]
    mean = [np.where(accepted, law * moved, 0.0).sum(axis=1) for law in laws]
    pay = np.minimum(*(a / np.maximum(b, 1e-300) for a, b in zip(left, mean, strict=True)))
    found = np.where(accepted, np.clip(pay[:, None] * moved, 0.0, DEAD), DEAD)
    # where rounding leaves nothing to bet with, the balance stays as it is
    return np.where((np.minimum(*left) < 0.0)[:, None], balance[:, None], found)


def inherited(edges: Array, balance: Array, low: float, high: float) -> Array:
    """Balances of as many equal cells of [low, high]: the least of the old cells each meets."""
    new = np.linspace(low, high, balance.size + 1)
    slack = 1e-9 * (new[1] - new[0])
    first = np.searchsorted(edges, new[:-1] - slack, side="right") - 1
    last = np.searchsorted(edges, new[1:] + slack, side="left") - 1
    first, last = (np.clip(each, 0, balance.size - 1) for each in (first, last))
    least = balance[first]
    for step in range(1, int((last - first).max()) + 1):
        least = np.minimum(least, balance[np.minimum(first + step, last)])
    return np.asarray(least)


def posterior(theta: Array, history: tuple[Told, ...], decay: float) -> Array:
    """Likelihood of all stages at each angle, scaled to sum to one."""
    log = np.zeros_like(theta)
    for power, steer, shots, hits in history:
        phase = (2 * power + 1) * steered_angle(theta, steer)
        p = np.clip(hit_chance(phase, math.exp(-decay * power)), 1e-12, 1.0 - 1e-12)
        log += hits * np.log(p) + (shots - hits) * np.log1p(-p)
    weight = np.exp(log - log.max())
    return np.asarray(weight / weight.sum())


def expected_weight(theta: Array, history: tuple[Told, ...], decay: float) -> Array:
    """The posterior with a hundredth of it spread evenly, so that no outcome is unexpected."""
    return 0.99 * posterior(theta, history, decay) + 0.01 / theta.size
