"""`Faster`: faster amplitude estimation (FAE), doubling powers with a proved cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qmc.estimators.priors import checked_decay, checked_power, share_of_error
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval, Status
from qmc.rounds import Round

_SCALE = 16.0  # the amplitude is divided by it, so that theta <= asin(1 / 4) = 0.2527
_STEER = 1.0 - 1.0 / _SCALE
_FIRST, _SECOND = 1944.0, 972.0  # shots a circuit, in units of ln(2 / error of a reading)
_CHERNOFF = 12.0  # radius^2 of a cosine x shots, in the same unit
_HALF_WIDTH = math.pi / 3.0  # of the angle 2 K theta in the second stage
_COST = 105_000.0  # queries x tolerance, see `expected_queries`
_MEAN_SLOPE = 0.163  # of sin(theta) cos(theta) at uniform random amplitudes
_BLIND = 5.0  # decay beyond which the shots of power 1 would grow by e^10


@dataclass(frozen=True, slots=True, kw_only=True)
class FasterState:
    """Everything a run knows; plain numbers.

    Attributes:
        goal: what to reach.
        error: probability of a miss that this run may spend.
        decay: visibility lost per power.
        levels: doublings planned at the start; they share the error.
        level: the current one, j of the paper, from 1.
        low, high: ends of the interval of theta, amplitude = 16 sin^2 theta.
        first: last level of the first stage, j_0 of the paper; 0 in the first stage.
        reference: nu of the paper, the angle that turns two cosines into a sine.
        shots, hits: pooled at each power of this level.
        spent: queries so far.
        finished, status: whether it ends here, and how.
    """

    goal: Goal
    error: float
    decay: float
    levels: int
    level: int = 1
    low: float
    high: float
    first: int = 0
    reference: float = 0.0
    shots: tuple[int, ...] = (0,)
    hits: tuple[int, ...] = (0,)
    spent: int = 0
    finished: bool = False
    status: Status = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faster:
    """Faster amplitude estimation (FAE).

    Algorithm: Nakaji (2020), arXiv:2003.02417, algorithm 1. The amplitude is divided by 16 (here
    by `Round.steer` = 15/16). Level j reads cos((2^(j+1) + 2) theta) at the power 2^(j-1). First
    stage: while that angle stays below pi, its arc cosine is theta. Second stage: a second
    circuit, ahead by the angle nu = 2^(j_0+1) theta, known from the first stage, gives the sine
    too; the arc tangent is the angle up to 2 pi, and the level before says which turn.

    Guarantee: proved there; the interval covers the amplitude after every level at once. With L
    levels planned at the start, each of at most 2 L cosines gets error / (2 L) and 1944 (972) ln
    (2 / that) shots, which bounds it to 1/9 sqrt(1/2) (1/9) by the paper's Chernoff bound (by
    Hoeffding's to .032 (.045)), and the angle of the second stage to pi / 3. The bounds are
    honest and very wide: published numbers of shots and pi / 3 are kept. A known decay is used:
    shots grow as exp(2 decay x power), powers stay below 1 / decay. A prior bounds theta.

    Cost: 94,000 to 116,000 / tolerance queries at uniform random amplitudes, see
    `expected_queries`: ten thousand times what other estimators need. A budget below the first
    level (about 30,000) is not spent at all, since less would prove nothing: the run ends
    "budget_exhausted" with the prior as interval.

    Attributes:
        max_power: largest power, at least 2.
    """

    max_power: int = 2**20

    def __post_init__(self) -> None:
        """Refuse a largest power below 2."""
        object.__setattr__(self, "max_power", checked_power(self.max_power, least=2))

    @property
    def guarantee(self) -> Guarantee:
        """By the shots of each level."""
        return "proved"

    @property
    def anytime_valid(self) -> bool:
        """True: every cosine has its own share of the error."""
        return True

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> FasterState:
        """The first state. A prior that leaves no share of the error is not used."""
        decay = checked_decay(decay)
        prior, error = share_of_error(goal, prior)
        low, high = (math.asin(math.sqrt(end / _SCALE)) for end in (prior.low, prior.high))
        levels = self._levels(goal, error, decay, high)
        state = FasterState(goal=goal, error=error, decay=decay, levels=levels, low=low, high=high)
        if decay > _BLIND:  # the first level's power would see nothing
            return replace(state, finished=True, status="unresolved")
        return _settled(state)

    def ask(self, state: FasterState, rng: np.random.Generator) -> tuple[Round, ...]:
        """What this level still lacks, one round a power; () when finished."""
        del rng
        if state.finished:
            return ()
        plan = zip(_plan(state), state.shots, strict=True)
        return tuple(
            Round(power, needed - had, _STEER) for (power, needed), had in plan if needed > had
        )

    def tell(self, state: FasterState, rounds: Sequence[Round], hits: Sequence[int]) -> FasterState:
        """Pool the hits at this level's powers; read and go on when it has all its shots.

        Raises:
            InvalidProblem: for what does not answer `ask`, see `telling`.
        """
        require_told(self, state, FasterState, rounds, hits)
        plan = _plan(state)
        powers = [power for power, _ in plan]
        shots, found, spent = list(state.shots), list(state.hits), state.spent
        for each, count in zip(rounds, hits, strict=True):
            where = powers.index(each.power)
            shots[where] += each.shots
            found[where] += int(count)
            spent += each.queries
        state = replace(state, shots=tuple(shots), hits=tuple(found), spent=spent)
        if any(had < needed for had, (_, needed) in zip(shots, plan, strict=True)):
            return state
        return _settled(_second_stage(state) if state.first else _first_stage(state))

    def estimate(self, state: FasterState) -> Estimate:
        """Amplitude at the middle of the interval of theta, and the interval so far."""
        low, middle, high = (
            min(_SCALE * math.sin(theta) ** 2, 1.0)
            for theta in (state.low, 0.5 * (state.low + state.high), state.high)
        )
        return Estimate(middle, Interval(low, high, state.goal.confidence), state.status)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries c / tolerance x sin(2 theta) / its mean, c the mean over random amplitudes.

        Or those of the first stage, when it is enough: its intervals are 13 times narrower, which
        suits a small amplitude. Powers double, so the cost is off by a factor up to 2 either way.
        """
        limit = float(goal.queries) if goal.queries is not None else math.inf
        allowed = goal.allowed_half_width(amplitude)
        if allowed is None:
            return limit
        if goal.relative_tolerance is not None:
            last = 4.0 * _FIRST * math.log(4.0 / (1.0 - goal.confidence)) * self.max_power
            limit = min(limit, last)
        root = math.sqrt(min(max(amplitude, 0.0), 1.0) / _SCALE)
        slope = root * math.sqrt(1.0 - root**2)
        factor = 0.75 * math.pi / max(root, math.sqrt(allowed), 1e-12)
        if 2.0 * _SCALE * slope * math.sqrt(_CHERNOFF / _FIRST) <= allowed * factor:
            cost = _FIRST * math.log(40.0 / (1.0 - goal.confidence)) * factor
        else:
            cost = _COST * slope / _MEAN_SLOPE / allowed
        return min(limit, cost)

    def _levels(self, goal: Goal, error: float, decay: float, high: float) -> int:
        """Levels that the worst amplitude needs, as far as power, budget and visibility allow."""
        deepest = float(self.max_power) if decay == 0.0 else min(self.max_power, 1.0 / decay)
        levels = math.floor(math.log2(max(deepest, 2.0)))
        if goal.tolerance is not None and goal.relative_tolerance is None:
            factor = 0.5 * _HALF_WIDTH * _SCALE * math.sin(2.0 * high) / goal.tolerance
            levels = min(levels, math.ceil(math.log2(max(factor, 2.0))))
        if goal.queries is not None:
            paid = goal.queries / (_SECOND * math.log(2.0 / error))
            levels = min(levels, math.ceil(math.log2(max(paid, 2.0))))
        return levels


def _plan(state: FasterState) -> tuple[tuple[int, int], ...]:
    """Powers of this level, and the shots that each needs."""
    power = 2 ** (state.level - 1)
    if not state.first:
        return ((power, _shots(state, _FIRST, power)),)
    ahead = power + 2 ** (state.first - 1)
    return ((power, _shots(state, _SECOND, power)), (ahead, _shots(state, _SECOND, ahead)))


def _shots(state: FasterState, published: float, power: int) -> int:
    scale = published * math.exp(2.0 * state.decay * power)
    return math.ceil(scale * math.log(4.0 * state.levels / state.error))


def _cosines(state: FasterState) -> tuple[float, ...]:
    """The cosine that each circuit of this level measured, at full visibility."""
    return tuple(
        (1.0 - 2.0 * hits / shots) * math.exp(state.decay * power)
        for (power, _), hits, shots in zip(_plan(state), state.hits, state.shots, strict=True)
    )


def _first_stage(state: FasterState) -> FasterState:
    """Theta by the arc cosine; the reference angle once the next angle could pass pi."""
    (cosine,) = _cosines(state)
    radius = math.sqrt(_CHERNOFF / _FIRST)
    if abs(cosine) - radius > 1.0:  # no theta gives this: the decay is not what was said
        return replace(state, finished=True, status="unresolved")
    ends = (math.acos(min(max(cosine + side, -1.0), 1.0)) for side in (radius, -radius))
    state = _narrowed(state, next(ends), next(ends))
    if 2.0 ** (state.level + 1) * state.high < 0.375 * math.pi:
        return state
    reference = 2.0**state.level * (state.low + state.high)
    return replace(state, first=state.level, reference=reference)


def _second_stage(state: FasterState) -> FasterState:
    """Theta by the arc tangent; the turn from the upper end so far."""
    cosine, ahead = _cosines(state)
    sine = (cosine * math.cos(state.reference) - ahead) / math.sin(state.reference)
    angle = math.atan2(sine, cosine)
    turn = (_factor(state) * state.high - angle + _HALF_WIDTH) / (2.0 * math.pi)
    middle = 2.0 * math.pi * math.floor(turn) + angle
    return _narrowed(state, middle - _HALF_WIDTH, middle + _HALF_WIDTH)


def _factor(state: FasterState) -> float:
    """2 K, the angle read at this level over theta."""
    return 2.0 ** (state.level + 1) + 2.0


def _narrowed(state: FasterState, low: float, high: float) -> FasterState:
    """Intersect with this interval of 2 K theta; "unresolved" when nothing is left."""
    low, high = low / _factor(state), high / _factor(state)
    if low > state.high or high < state.low:
        low = max(min(low, state.low), 0.0)
        high = min(max(high, state.high), math.asin(1.0 / math.sqrt(_SCALE)))
        return replace(state, low=low, high=high, finished=True, status="unresolved")
    return replace(state, low=max(low, state.low), high=min(high, state.high))


def _settled(state: FasterState) -> FasterState:
    """After a level: finish, or go to the next when the budget pays all of it."""
    if state.finished:
        return state
    estimate = Faster().estimate(state)
    if state.goal.met(estimate.value, estimate.interval.half_width):
        return replace(state, finished=True, status="converged")
    if any(state.shots):
        if state.level == state.levels:
            return replace(state, finished=True, status="unresolved")
        level = state.level + 1
        empty = (0, 0) if state.first else (0,)
        state = replace(state, level=level, shots=empty, hits=empty)
    price = sum((2 * power + 1) * shots for power, shots in _plan(state))
    if state.goal.queries is not None and state.goal.queries - state.spent < price:
        return replace(state, finished=True, status="budget_exhausted")
    return state
