"""`Sampling`: no amplification at all, the classical rate on the same circuit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qmc.estimators.intervals import clopper_pearson, deviate
from qmc.estimators.priors import checked_decay, checked_shots, share_of_error
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval, Status
from qmc.rounds import Round

_MOST_SHOTS = 2**40  # a relative tolerance of an amplitude of 0 ends here as unresolved
_FIRST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingState:
    """Pooled counts and the interval so far; plain numbers.

    Attributes:
        goal: what to reach.
        error: probability of a miss that this run may spend.
        low, high: ends of the amplitude's interval.
        planned: shots at which the run ends (fixed in advance), 0 when it looks as it goes.
        shots, hits, looks: pooled counts and readings.
        finished, status: whether it ends here, and how.
    """

    goal: Goal
    error: float
    low: float
    high: float
    planned: int = 0
    shots: int = 0
    hits: int = 0
    looks: int = 0
    finished: bool = False
    status: Status = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Measure the flag without amplification; Clopper-Pearson interval.

    Algorithm: with `shots_per_round=None` and a tolerance or a budget, one round of a number of
    shots fixed in advance (the tolerance holds for the worst amplitude that the prior allows).
    Else round after round; the j-th reading spends 1 / (j (j + 1)) of the error. Rounds have
    `shots_per_round` shots, or double from 1,024 (at 2^40 shots the goal is given up).

    Guarantee: Clopper and Pearson (1934, doi:10.1093/biomet/26.4.404) for the one reading, or a
    union bound over all readings; then it is anytime valid.

    Cost: one query a shot, z^2 a (1 - a) / tolerance^2.

    Attributes:
        shots_per_round: shots between two readings, or None for one round planned in advance.
    """

    shots_per_round: int | None = None

    def __post_init__(self) -> None:
        """Refuse a round without shots."""
        if self.shots_per_round is not None:
            shots = checked_shots(self.shots_per_round, "shots_per_round")
            object.__setattr__(self, "shots_per_round", shots)

    @property
    def guarantee(self) -> Guarantee:
        """By Clopper-Pearson intervals."""
        return "proved"

    @property
    def anytime_valid(self) -> bool:
        """True when rounds are asked for one by one, each reading paid for."""
        return self.shots_per_round is not None

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> SamplingState:
        """The first state. Power 0 has full visibility, so `decay` plays no part."""
        checked_decay(decay)
        prior, error = share_of_error(goal, prior)
        low, high = prior.low, prior.high
        state = SamplingState(goal=goal, error=error, low=low, high=high)
        if prior != UNIT and goal.met(0.5 * (low + high), 0.5 * (high - low)):
            return replace(state, finished=True, status="converged")
        if self.shots_per_round is not None or goal.relative_tolerance is not None:
            return state
        planned = _MOST_SHOTS
        if goal.tolerance is not None:
            worst = min(max(0.5, low), high)
            planned = _planned(worst, goal.tolerance, error)
        return replace(state, planned=min(planned, goal.queries or planned))

    def ask(self, state: SamplingState, rng: np.random.Generator) -> tuple[Round, ...]:
        """The next round at power 0; () when finished."""
        del rng
        if state.finished:
            return ()
        shots = self.shots_per_round or max(_FIRST, state.shots)
        if state.planned:
            shots = state.planned - state.shots
        if state.goal.queries is not None:
            shots = min(shots, state.goal.queries - state.shots)
        return (Round(0, shots),)

    def tell(
        self, state: SamplingState, rounds: Sequence[Round], hits: Sequence[int]
    ) -> SamplingState:
        """Pool the hits, read the interval once, and see whether that is enough.

        Raises:
            InvalidProblem: for what does not answer `ask`, see `telling`.
        """
        require_told(self, state, SamplingState, rounds, hits)
        shots = state.shots + sum(each.shots for each in rounds)
        pooled, looks = state.hits + int(sum(hits)), state.looks + 1
        if shots < state.planned:  # the number fixed in advance is the proof: wait for all
            return replace(state, shots=shots, hits=pooled)
        state = replace(state, shots=shots, hits=pooled, looks=looks)
        share = state.error if state.planned else state.error / (looks * (looks + 1))
        low, high = clopper_pearson(pooled, shots, share)
        if low > state.high or high < state.low:
            low, high = min(low, state.low), max(high, state.high)
            return replace(state, low=low, high=high, finished=True, status="unresolved")
        return self._decide(replace(state, low=max(low, state.low), high=min(high, state.high)))

    def estimate(self, state: SamplingState) -> Estimate:
        """Share of hits (moved into the interval) and the interval."""
        interval = Interval(state.low, state.high, state.goal.confidence)
        value = interval.midpoint
        if state.shots:
            value = min(max(state.hits / state.shots, state.low), state.high)
        return Estimate(value, interval, state.status)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Shots z^2 a (1 - a) / tolerance^2 (a = 1/2 when planned in advance), or the budget."""
        limit = float(goal.queries) if goal.queries is not None else math.inf
        allowed = goal.allowed_half_width(amplitude)
        if allowed is None:
            return limit
        if allowed == 0.0:
            return min(limit, float(_MOST_SHOTS))
        planned = self.shots_per_round is None and goal.relative_tolerance is None
        variance = 0.25 if planned else amplitude * (1.0 - amplitude)
        score = deviate("clopper_pearson", 1.0 - goal.confidence)
        return min(limit, max(1.0, score**2 * variance / allowed**2 + 1.0 / allowed))

    def _decide(self, state: SamplingState) -> SamplingState:
        estimate = self.estimate(state)
        if state.goal.met(estimate.value, estimate.interval.half_width):
            return replace(state, finished=True, status="converged")
        if state.goal.queries is not None and state.shots >= state.goal.queries:
            return replace(state, finished=True, status="budget_exhausted")
        if state.planned or state.shots >= _MOST_SHOTS or state.looks >= _FIRST * _FIRST:
            return replace(state, finished=True, status="unresolved")
        return state


def _planned(worst: float, tolerance: float, error: float) -> int:
    """Least shots whose Clopper-Pearson half-width at the worst amplitude is the tolerance."""
    low, high = 0, 1
    while _half_width(worst, high, error) > tolerance and high < _MOST_SHOTS:
        low, high = high, 2 * high
    while high - low > max(1, high // 10_000):
        middle = (low + high) // 2
        low, high = (
            (middle, high) if _half_width(worst, middle, error) > tolerance else (low, middle)
        )
    return high


def _half_width(worst: float, shots: int, error: float) -> float:
    """The widest interval near the worst amplitude: there and one hit further on."""
    hits = min(shots, round(worst * shots))
    low, high = clopper_pearson(hits, shots, error)
    return 0.5 * (high - low)
