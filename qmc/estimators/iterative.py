"""`Iterative`: iterative quantum amplitude estimation (IQAE) whose interval is always valid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.estimators.intervals import INTERVALS, deviate
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Interval, Status
from qmc.rounds import Round

_QUADRANT = 0.5 * math.pi
_LAST_BATCH = 2**20  # most shots of one round at the last power
_LOOKS = 64  # readings of one power before the run gives up as unresolved
_LAST_LOOKS = 4  # the same at the last power, for a goal without a tolerance of its own
_FIT = {"clopper_pearson": 16.0, "chernoff": 29.0}  # NA x eps, see `expected_queries`


@dataclass(frozen=True, slots=True, kw_only=True)
class IterativeState:
    """Everything a run knows; plain numbers, so it can be stored and gone on with.

    Attributes:
        goal: what to reach.
        error: probability of a miss that this run may spend (a prior's share taken off).
        decay: visibility lost per power.
        low, high: ends of the interval of theta, amplitude = sin^2 theta, in [0, pi/2].
        likely: the theta that makes the hits of the last power read most likely; None before.
        power: the current power.
        batch: shots of each round at this power, fixed when the power was chosen.
        entry_low, entry_high: ends when this power was chosen; they fix its quadrant.
        shots, hits, looks: pooled at this power, and how often its interval was read.
        spent, rounds: queries and rounds so far.
        finished, status: whether it ends here, and how; "interrupted" while it runs.
    """

    goal: Goal
    error: float
    decay: float
    low: float
    high: float
    likely: float | None = None
    power: int = 0
    batch: int = 1
    entry_low: float = 0.0
    entry_high: float = _QUADRANT
    shots: int = 0
    hits: int = 0
    looks: int = 0
    spent: int = 0
    rounds: int = 0
    finished: bool = False
    status: Status = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Iterative:
    """Iterative quantum amplitude estimation (IQAE), no phase estimation and no ancilla.

    Algorithm: Grinko, Gacon, Zoufal and Woerner (2021), arXiv:1912.05559, algorithm 1: read
    sin^2(K theta), K = 2k+1, at a power where the interval of theta lies in one quadrant; raise
    K at least twofold, as far as the interval allows; stop at the tolerance. With the rule of
    no overshooting: a round never takes more shots than the remaining width is expected to need.

    Guarantee: the interval covers the amplitude at every round at once, with the goal's
    confidence. K at least doubles and stays below a bound known at the start, so at most T
    powers are read, T = 1 + floor(log2(bound)). Each gets (1 - confidence) / T; its j-th
    reading spends 1 / (j (j + 1)) of that, which sums to less than one. The shots of a round
    are fixed when a power is entered, so every reading has a sample size that its own hits did
    not choose. When all readings hold, so does their intersection; union bound. Readings that
    contradict each other prove a miss or a wrong prior: "unresolved", with their hull. A goal
    with a relative tolerance alone ends at `max_power` after four readings, so also at 0.

    Cost: about 16 / tolerance queries (29 with "chernoff"), see `expected_queries`.

    Attributes:
        interval: "clopper_pearson" or "chernoff".
        shots: most shots of a round while the power still rises.
        max_power: largest power; a goal out of reach ends there as "unresolved".
    """

    interval: Literal["clopper_pearson", "chernoff"] = "clopper_pearson"
    shots: int = 120
    max_power: int = 2**20

    def __post_init__(self) -> None:
        """Refuse an unknown interval, no shots and a negative power."""
        checks.choice("interval", self.interval, INTERVALS)
        object.__setattr__(self, "shots", checks.whole("shots", self.shots, 1))
        object.__setattr__(self, "max_power", checks.whole("max_power", self.max_power, 0))

    @property
    def anytime_valid(self) -> bool:
        """True: every reading spends its own share of the error."""
        return True

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> IterativeState:
        """The first state. A prior that leaves no share of the error is not used."""
        decay = checks.finite("decay", decay)
        if decay < 0.0:
            raise checks.refuse("decay", decay, "0 or above")
        error = prior.confidence - goal.confidence
        if error <= 0.0:
            prior, error = UNIT, 1.0 - goal.confidence
        low, high = (_theta(min(max(end, 0.0), 1.0)) for end in (prior.low, prior.high))
        state = IterativeState(goal=goal, error=error, decay=decay, low=low, high=high)
        if prior != UNIT and _met(state):
            return replace(state, finished=True, status="converged")
        return self._enter(state, self._next_factor(state, 1) or 1)

    def ask(self, state: IterativeState, rng: np.random.Generator) -> tuple[Round, ...]:
        """One round at the current power; () when finished. Draws nothing from `rng`."""
        del rng
        if state.finished:
            return ()
        shots = state.batch
        if state.goal.queries is not None:
            shots = min(shots, (state.goal.queries - state.spent) // (2 * state.power + 1))
        return (Round(state.power, shots),)

    def tell(
        self, state: IterativeState, rounds: Sequence[Round], hits: Sequence[int]
    ) -> IterativeState:
        """Pool the hits with those of this power, read the interval once, choose what is next.

        Raises:
            InvalidProblem: for another power, a steered round, or hits outside [0, shots].
        """
        for each, count in zip(rounds, hits, strict=True):
            checks.whole("hits", count, 0, each.shots)
            if each.power != state.power or each.steer != 0.0:
                msg = f"{each}: must have power={state.power} and no steer, as asked"
                raise InvalidProblem(msg)
        state = replace(
            state,
            shots=state.shots + sum(each.shots for each in rounds),
            hits=state.hits + int(sum(hits)),
            looks=state.looks + 1,
            spent=state.spent + sum(each.queries for each in rounds),
            rounds=state.rounds + len(rounds),
        )
        return self._decide(self._read(state))

    def estimate(self, state: IterativeState) -> Estimate:
        """Most likely amplitude and interval so far; the interval is valid after any round.

        The value is the maximum-likelihood estimate of the last power, or the midpoint where the
        interval excludes it: next to 0 and 1, where an interval leans, midpoints are biased.
        """
        low, high = math.sin(state.low) ** 2, math.sin(state.high) ** 2
        interval = Interval(low, high, state.goal.confidence)
        return Estimate(_value(state), interval, state.status)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries c sin(2 theta) / tolerance, at least one power's shots.

        c is fitted to this package's own runs at uniform random amplitudes, where the mean of
        sin(2 theta) is pi / 4; `tests/estimators/test_iterative.py` measures it.
        """
        limit = float(goal.queries) if goal.queries is not None else math.inf
        allowed = goal.allowed_half_width(amplitude)
        if allowed is None:
            return limit
        last = 2 * self.max_power + 1
        if goal.tolerance is None:
            limit = min(limit, float((_LAST_LOOKS + 2) * self.shots * last))
        if allowed == 0.0:
            return limit
        slope = max(2.0 * math.sqrt(max(amplitude * (1.0 - amplitude), 0.0)), math.sqrt(allowed))
        cost = _FIT[self.interval] * 4.0 / math.pi * slope / allowed
        return min(limit, max(cost, 1.0))

    def _largest(self, state: IterativeState) -> int:
        """Largest K = 2k+1 of the run: by max_power, tolerance, budget and visibility."""
        power = self.max_power
        if state.decay > 0.0:
            power = int(min(power, 1.0 / state.decay))
        bound = 2.0 * power + 1.0
        if state.goal.tolerance is not None:
            bound = min(bound, 0.25 * math.pi / state.goal.tolerance)
        if state.goal.queries is not None:
            bound = min(bound, state.goal.queries)
        return max(1, int(bound))

    def _share(self, state: IterativeState) -> float:
        """Error that the next reading may spend."""
        powers = 1 + int(math.log2(self._largest(state)))
        look = max(1, state.looks)
        return state.error / (powers * look * (look + 1))

    def _read(self, state: IterativeState) -> IterativeState:
        """Intersect with the interval of the pooled hits at this power."""
        factor = 2 * state.power + 1
        ends = INTERVALS[self.interval](state.hits, state.shots, 1.0 - self._share(state))
        visible = math.exp(-state.decay * state.power)
        quadrant = _quadrant(factor, state.entry_low, state.entry_high)

        def unfolded(chance: float) -> float:
            inner = _theta(min(max(0.5 + (chance - 0.5) / visible, 0.0), 1.0))
            inside = _QUADRANT - inner if quadrant % 2 else inner
            return (quadrant * _QUADRANT + inside) / factor

        low, high = sorted(map(unfolded, ends))
        state = replace(state, likely=unfolded(state.hits / state.shots))
        if low > state.high or high < state.low:
            low, high = min(low, state.low), min(max(high, state.high), _QUADRANT)
            return replace(state, low=low, high=high, finished=True, status="unresolved")
        return replace(state, low=max(low, state.low), high=min(high, state.high))

    def _decide(self, state: IterativeState) -> IterativeState:
        """Finish, raise the power, or stay for another round."""
        if state.finished:
            return state
        if _met(state):
            return replace(state, finished=True, status="converged")
        factor = 2 * state.power + 1
        left = None if state.goal.queries is None else state.goal.queries - state.spent
        if left is not None and left < factor:
            return replace(state, finished=True, status="budget_exhausted")
        larger = self._next_factor(state, 2 * factor)
        if larger:
            return self._enter(state, larger)
        limit = _LOOKS + 4096 // self.shots
        if state.goal.tolerance is None and left is None and 2 * factor > self._largest(state):
            limit = _LAST_LOOKS
        if state.looks >= limit:
            return replace(state, finished=True, status="unresolved")
        return state

    def _next_factor(self, state: IterativeState, least: int) -> int:
        """Largest odd K >= least with K x interval inside one quadrant; 0 when there is none."""
        width = state.high - state.low
        most = self._largest(state)
        if state.goal.queries is not None:
            most = min(most, (state.goal.queries - state.spent) // min(self.shots, 32))
        if width * most > _QUADRANT:
            most = int(_QUADRANT / width)
        for factor in range(most - (most + 1) % 2, least - 1, -2):
            if _quadrant(factor, state.low, state.high) >= 0:
                return factor
        return 0

    def _enter(self, state: IterativeState, factor: int) -> IterativeState:
        """Go to a power and fix the shots of its rounds: no more than the width left needs."""
        state = replace(
            state,
            power=factor // 2,
            entry_low=state.low,
            entry_high=state.high,
            shots=0,
            hits=0,
            looks=0,
        )
        needed = self._needed(state, factor)
        batch = min(needed, self.shots)
        if state.goal.tolerance is not None and 2 * factor > self._largest(state):
            batch = min(needed, _LAST_BATCH)
        if state.goal.queries is not None:
            left = state.goal.queries - state.spent
            if left < 3 * factor * self.shots:
                batch = min(needed, max(1, left // factor))
        return replace(state, batch=batch)

    def _needed(self, state: IterativeState, factor: int) -> int:
        """Shots at K that are expected to end the run."""
        middle = 0.5 * (state.low + state.high)
        allowed = state.goal.allowed_half_width(math.sin(middle) ** 2)
        if allowed is None or allowed == 0.0:
            return _LAST_BATCH
        slope = max(math.sin(2.0 * middle), 1e-12)
        width = math.asin(min(1.0, 2.0 * allowed / slope))
        visible = math.exp(-state.decay * state.power)
        needed = (deviate(self.interval, self._share(state)) / (factor * width * visible)) ** 2
        return math.ceil(min(1.1 * needed + 1.0, float(_LAST_BATCH)))


def _theta(amplitude: float) -> float:
    return math.asin(math.sqrt(amplitude))


def _quadrant(factor: int, low: float, high: float) -> int:
    """The quadrant that holds factor x [low, high], or -1 when two do."""
    quadrant = math.floor(0.5 * factor * (low + high) / _QUADRANT)
    inside = (
        factor * low >= quadrant * _QUADRANT - 1e-12
        and factor * high <= (quadrant + 1) * _QUADRANT + 1e-12
    )
    return quadrant if inside else -1


def _value(state: IterativeState) -> float:
    low, high = math.sin(state.low) ** 2, math.sin(state.high) ** 2
    if state.likely is None:
        return 0.5 * (low + high)
    likely = math.sin(state.likely) ** 2
    # other powers' readings may exclude it: the middle of what is left then says more than an end
    return likely if low <= likely <= high else 0.5 * (low + high)


def _met(state: IterativeState) -> bool:
    half_width = 0.5 * (math.sin(state.high) ** 2 - math.sin(state.low) ** 2)
    return state.goal.met(_value(state), half_width)
