"""Which stage `Certified` takes next, by expected cost. Nothing here bears on its validity."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from qmc.estimators.certified_bets import (
    DEAD,
    Array,
    Told,
    expected_weight,
    hit_chance,
    outcomes,
    sizes,
)
from qmc.estimators.posterior import steered_angle
from qmc.estimators.priors import QUADRANT

_CELLS = 64  # groups of cells, to compare stages
_SWINGS = np.linspace(0.9, 2.3, 8)  # phases that the hull may span, radians
_MOST_STEER = 0.8
MOST_SHOTS = 2**26  # of a long stage at the largest power
_MOST_SHARE = 0.98
_WHOLE = 1.0 - 1e-6
_HUGE = 1e30
_LONG = 6.0  # hull over target, from where a long last stage may end the run
_NUMBERS = 6  # shot numbers compared
_LEAST_GAIN = 0.3  # expected log of the shrinkage, below which a stage is not worth its round
_ROUND = 0.4  # what a round is worth, in the unit of _TO_GO

# expected queries to go x 2 x tolerance of the angle, by hull width / (2 x tolerance) at an
# error of .05: a dynamic programme over idealised stages; a smaller error e costs (.05 / e)^.25
_RATIO = np.log([1, 1 + 1e-9, 1.12, 1.26, 1.42, 1.6, 1.8, 2, 2.3, 2.9, 4.1, 6.5, 10.4, 21, 60])
_TO_GO = np.array([0, 1.1, 1.1, 1.4, 2.1, 2.7, 3.2, 4.1, 4.9, 5.8, 7.1, 8.4, 9.4, 10.2, 10.8])
_THRIFT = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What the choice of a stage may depend on: the past only.

    Attributes:
        edges, balance: (cells + 1,) and (cells,) of the hull.
        target: half-width wanted of the amplitude.
        decay: visibility lost per power.
        cap: largest power.
        left: queries left, infinite without a budget.
        shots: numbers that a stage may have.
        history: stages so far.
    """

    edges: Array
    balance: Array
    target: float
    decay: float
    cap: int
    left: float
    shots: tuple[int, ...]
    history: tuple[Told, ...]

    @property
    def ratio(self) -> float:
        """Width of the hull over the width wanted, in the amplitude."""
        low, high = np.sin(self.edges[[0, -1]]) ** 2
        return float(high - low) / (2.0 * self.target)


@dataclass(frozen=True, slots=True)
class Stage:
    """One round, with the share of the balances it spends and the exponent of its bets."""

    power: int = 0
    steer: float = 0.0
    shots: int = 1
    share: float = 0.0
    bet: float = 0.0


def choose(look: Outlook) -> Stage:
    """The stage with the least expected queries, its own and those to go."""
    scout, best, stage = _scout(look), math.inf, Stage()
    for shots in _numbers(look):
        law, mixture = scout.expect(shots)
        tail = sizes(mixture[:, None, :] / np.maximum(law, 1e-300), (law,))
        for share in _shares(look):
            cost = scout.costs(shots, share, tail, mixture)
            i = int(np.argmin(cost))
            if cost[i] < best:
                best = float(cost[i])
                stage = Stage(*scout.circuit(i), shots, share, _bet(look.ratio))
    return stage


def last_stage(look: Outlook) -> Stage:
    """All queries left and the whole balance, where the hull is expected to shrink most."""
    scout, best = _scout(look), math.inf
    stage = Stage(shots=min(int(look.left), MOST_SHOTS), share=_WHOLE)
    for factor in np.unique(scout.factor[scout.factor <= look.left]):
        shots = min(int(look.left) // int(factor), MOST_SHOTS)
        one = scout.only(scout.factor == factor)
        law, mixture = one.expect(shots)
        tail = sizes(mixture[:, None, :] / np.maximum(law, 1e-300), (law,))
        width = (mixture * one.widths(_WHOLE, tail)[0]).sum(axis=1)
        i = int(np.argmin(width))
        if width[i] < best:
            best, stage = float(width[i]), Stage(*one.circuit(i), shots, _WHOLE)
    return stage


def within_budget(look: Outlook) -> float:
    """The half-width that the queries left are expected to reach."""
    low, high = np.sin(look.edges[[0, -1]]) ** 2
    slope = np.array((high - low) / (look.edges[-1] - look.edges[0]))
    balance = float(np.median(look.balance))
    for ratio in np.geomspace(1e8, 1.0, 200):
        there = replace(look, target=float(high - low) / (2.0 * ratio))
        if to_go(there, np.array(high - low), slope, balance) <= look.left:
            return there.target
    return 0.5 * float(high - low)


def to_go(look: Outlook, width: Array, slope: Array, balance: float) -> Array:
    """Expected queries from a hull of this width of the amplitude, `slope` per unit of angle."""
    log = np.log(np.maximum(width / (2.0 * look.target), 1.0))
    unit = np.interp(log, _RATIO, _TO_GO) + _ROUND * log
    free = unit * slope / (2.0 * look.target) * (0.05 / max(balance, 1e-12)) ** _THRIFT
    factor, shots = _needed(look, balance)
    return np.asarray(np.where(log > 0.0, np.maximum(free, factor * shots), 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class _Scout:
    """Groups of cells of the hull, and circuits (factor 2k+1 and steer) to compare on them."""

    look: Outlook
    low: Array
    high: Array
    weight: Array
    balance: Array
    factor: NDArray[np.int64]
    steer: Array
    chance: Array

    def circuit(self, i: int) -> tuple[int, float]:
        """Power and steer of circuit i."""
        return int(self.factor[i]) // 2, float(self.steer[i])

    def only(self, chosen: NDArray[np.bool_]) -> _Scout:
        """The same with some of the circuits."""
        part = {name: getattr(self, name)[chosen] for name in ("factor", "steer", "chance")}
        return replace(self, **part)

    def expect(self, shots: int) -> tuple[Array, Array]:
        """Laws of the outcomes (circuits, cells, outcomes) and their posterior mixture."""
        low, high = float(self.chance.min()), float(self.chance.max())
        law = outcomes(shots, low, high).law(self.chance)
        return law, np.einsum("g,cgx->cx", self.weight, law)

    def widths(self, share: float, tail: Array) -> tuple[Array, Array]:
        """Width in the amplitude and mean slope of the hull that each outcome leaves."""
        alive = tail > (share * self.balance)[:, None]
        some = alive.any(axis=1)
        first = self.low[np.where(some, alive.argmax(axis=1), 0)]
        last = self.high[np.where(some, -1 - alive[:, ::-1].argmax(axis=1), -1)]
        width = np.sin(last) ** 2 - np.sin(first) ** 2
        return width, width / (last - first)

    def costs(self, shots: int, share: float, tail: Array, mixture: Array) -> Array:
        """Expected queries by circuit; huge where the hull hardly shrinks, infinite too dear."""
        width, slope = self.widths(share, tail)
        typical = math.exp(float(self.weight @ np.log(self.balance)))
        after = (mixture * to_go(self.look, width, slope, (1.0 - share) * typical)).sum(axis=1)
        low, high = np.sin(self.look.edges[[0, -1]]) ** 2
        price = 0.5 * _ROUND * (high - low) / (self.high[-1] - self.low[0]) / self.look.target
        gain = -(mixture * np.log(width / (high - low))).sum(axis=1)
        cost = shots * self.factor + after + price
        cost = np.where(gain >= _LEAST_GAIN, cost, _HUGE * np.exp(-gain))
        return np.where(shots * self.factor <= self.look.left, cost, math.inf)


def _scout(look: Outlook) -> _Scout:
    """Join the cells alive into groups; each is known by its middle cell, its ends and its mass."""
    centre = 0.5 * (look.edges[1:] + look.edges[:-1])
    alive = np.nonzero(look.balance < DEAD)[0]
    starts = np.unique(np.linspace(0, alive.size, _CELLS, endpoint=False).astype(np.int64))
    ends = np.append(starts[1:], alive.size) - 1
    middle = alive[(starts + ends) // 2]
    mass = expected_weight(centre[alive], look.history, look.decay)
    factor, steer = _circuits(look)
    phase = factor[:, None] * steered_angle(centre[middle], steer[:, None])
    return _Scout(
        look=look,
        low=look.edges[alive[starts]],
        high=look.edges[alive[ends] + 1],
        weight=np.add.reduceat(mass, starts),
        balance=np.maximum(look.balance[middle], 1e-12),
        factor=factor,
        steer=steer,
        chance=hit_chance(phase, np.exp(-look.decay * (factor[:, None] // 2))),
    )


def _circuits(look: Outlook) -> tuple[NDArray[np.int64], Array]:
    """Factors 2k+1, each unsteered and with its hull's middle moved to a steep point of the fringe.

    Steering an amplitude down to sin^2 t, or up to it, is s = 1 - sin^2 t / a, or
    s = (1 - sin^2 t) / (1 - a) - 1.
    """
    low, high = float(look.edges[0]), float(look.edges[-1])
    middle, quarter = 0.5 * (low + high), QUADRANT
    odd = 2 * np.rint(0.5 * (_SWINGS / (high - low) - 1.0)).astype(np.int64) + 1
    odd = np.unique(np.clip(odd, 1, 2 * look.cap + 1))
    slot = odd * middle / quarter - 0.5
    down = np.maximum((np.floor(slot) + 0.5) * quarter / odd, 0.0)
    up = np.minimum((np.ceil(slot) + 0.5) * quarter / odd, quarter)
    lower = 1.0 - (np.sin(down) / math.sin(middle)) ** 2
    upper = (np.cos(up) / math.cos(middle)) ** 2 - 1.0
    steer = np.concatenate((np.zeros(odd.size), lower, upper))
    allowed = np.abs(steer) <= _MOST_STEER
    return np.tile(odd, 3)[allowed], steer[allowed]


def _numbers(look: Outlook) -> tuple[int, ...]:
    """Shot numbers to compare: more for a wide hull, where they are cheap and save rounds."""
    if capped(look) or reach(look) < look.ratio < _LONG:
        needed = _needed(look, float(np.median(look.balance)))[1]
        ladder = needed * np.array([1.0 / 16.0, 0.25, 0.6, 1.0, 1.4])
        return tuple(int(each) for each in np.clip(ladder, 1.0, MOST_SHOTS))
    strict = _score(float(np.median(look.balance))) * math.exp(look.decay * _usual_power(look))
    least = 0.25 * strict**2 * math.sqrt(look.ratio)
    first = sum(each < least for each in look.shots)
    first = max(0, min(first, len(look.shots) - _NUMBERS))
    return look.shots[first : first + _NUMBERS]


def reach(look: Outlook) -> float:
    """The phase that the hull spans at the largest power."""
    return (2 * look.cap + 1) * float(look.edges[-1] - look.edges[0])


def capped(look: Outlook) -> bool:
    """Whether even the largest power spans less of the fringe than is useful."""
    return reach(look) < float(_SWINGS[0])


def _needed(look: Outlook, balance: float) -> tuple[int, float]:
    """The largest factor, and the shots that end the run there."""
    low, high = np.sin(look.edges[[0, -1]]) ** 2
    factor, slope = 2 * look.cap + 1, (high - low) / (look.edges[-1] - look.edges[0])
    visible = math.exp(-look.decay * look.cap)
    return factor, (_score(balance) * slope / (2.0 * factor * visible * look.target)) ** 2


def _score(balance: float) -> float:
    """Standard deviations at which a two-sided test of this size rejects."""
    return -float(ndtri(0.45 * min(max(balance, 1e-12), 1.0)))


def _usual_power(look: Outlook) -> float:
    """The power at which the hull spans half a fringe."""
    return min(float(look.cap), 0.25 * math.pi / float(look.edges[-1] - look.edges[0]))


def _shares(look: Outlook) -> tuple[float, ...]:
    """Shares of the balance to compare: what is spent early is missed where queries are dear."""
    ratio = look.ratio
    usual = min(_MOST_SHARE, 4.0 * max(ratio, 1.0) ** -1.5)
    if ratio > 10.0:
        usual = max(1e-4, 0.126 * (10.0 / ratio) ** 0.8)
    if reach(look) < ratio:  # a long stage at the largest power will end the run: save for it
        return (min(0.05, 0.25 * usual), _MOST_SHARE if ratio < _LONG else min(0.1, usual))
    return (usual, min(_MOST_SHARE, 3.0 * usual))


def _bet(ratio: float) -> float:
    """Exponent of the bets, less while the hull is wide: an early bet is of no use at the end."""
    return 0.5 * min(1.0, math.sqrt(5.0 / max(ratio, 1.0)))
