"""`Iterative`: iterative quantum amplitude estimation (IQAE) whose interval is always valid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from qmc import checks
from qmc.estimators import quadrants
from qmc.estimators.intervals import INTERVALS, confidence_cost, deviate
from qmc.estimators.priors import checked_power, checked_shots
from qmc.estimators.quadrants import Ladder
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval
from qmc.rounds import Round

_RATIO = 2  # K grows at least so much from power to power
_LAST_BATCH = 2**20  # most shots of one round at the last power
_LOOKS = 64  # readings of one power before the run gives up as unresolved
_LAST_LOOKS = 4  # the same at the last power, for a goal without a tolerance of its own
_COST = {"clopper_pearson": 16.0, "chernoff": 29.0}  # queries x tolerance, see `expected_queries`
_CONFIDENCE_SLOPE = 0.16


@dataclass(frozen=True, slots=True, kw_only=True)
class IterativeState:
    """A ladder and the shots of each round at its power, fixed when the power was chosen."""

    ladder: Ladder
    batch: int = 1


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
        object.__setattr__(self, "shots", checked_shots(self.shots))
        object.__setattr__(self, "max_power", checked_power(self.max_power))

    @property
    def guarantee(self) -> Guarantee:
        """By a union bound."""
        return "proved"

    @property
    def anytime_valid(self) -> bool:
        """True: every reading spends its own share of the error."""
        return True

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> IterativeState:
        """The first state. A prior that leaves no share of the error is not used."""
        ladder = quadrants.begin(goal, prior, decay, self)
        if ladder.finished:
            return IterativeState(ladder=ladder)
        return self._entered(ladder, self._next_factor(ladder, 1) or 1)

    def ask(self, state: IterativeState, rng: np.random.Generator) -> tuple[Round, ...]:
        """One round at the current power; () when finished. Draws nothing from `rng`."""
        del rng
        return quadrants.one_round(state.ladder, state.batch)

    def tell(
        self, state: IterativeState, rounds: Sequence[Round], hits: Sequence[int]
    ) -> IterativeState:
        """Pool the hits with those of this power, read the interval once, choose what is next.

        Raises:
            InvalidProblem: for what does not answer `ask`, see `telling`.
        """
        require_told(self, state, IterativeState, rounds, hits)
        ladder = quadrants.told(state.ladder, rounds, hits)
        ends = INTERVALS[self.interval](ladder.hits, ladder.shots, self._share(ladder))
        return self._decide(replace(state, ladder=quadrants.narrowed(ladder, ends)))

    def estimate(self, state: IterativeState) -> Estimate:
        """Most likely amplitude and interval so far; the interval is valid after any round."""
        return quadrants.estimate(state.ladder)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries c sin(2 theta) / tolerance, c measured at uniform random amplitudes."""
        cost = _COST[self.interval] * confidence_cost(goal.confidence, _CONFIDENCE_SLOPE)
        queries = quadrants.planned_queries(goal, amplitude, cost, self.max_power)
        if goal.tolerance is None and goal.queries is None:
            return min(queries, float((_LAST_LOOKS + 2) * self.shots * (2 * self.max_power + 1)))
        return queries

    def _most(self, ladder: Ladder) -> int:
        """Largest K that the run may reach."""
        return quadrants.largest_factor(ladder.goal, ladder.decay, self.max_power)

    def _share(self, ladder: Ladder) -> float:
        """Error that the next reading may spend."""
        powers = 1 + int(math.log2(self._most(ladder)))
        look = max(1, ladder.looks)
        return ladder.error / (powers * look * (look + 1))

    def _next_factor(self, ladder: Ladder, least: int) -> int:
        return quadrants.next_factor(ladder, least, self._most(ladder), shots=min(self.shots, 32))

    def _decide(self, state: IterativeState) -> IterativeState:
        """Finish, raise the power, or stay for another round."""
        ladder = quadrants.settled(state.ladder)
        if ladder.finished:
            return replace(state, ladder=ladder)
        least = _RATIO * ladder.factor
        larger = self._next_factor(ladder, least)
        if larger:
            return self._entered(ladder, larger)
        limit = _LOOKS + 4096 // self.shots
        if ladder.goal.tolerance is None and ladder.left is None and least > self._most(ladder):
            limit = _LAST_LOOKS
        if ladder.looks >= limit:
            ladder = replace(ladder, finished=True, status="unresolved")
        return replace(state, ladder=ladder)

    def _entered(self, ladder: Ladder, factor: int) -> IterativeState:
        """Go to a power and fix the shots of its rounds: no more than the width left needs."""
        ladder = quadrants.enter(ladder, factor)
        needed = self._needed(ladder)
        batch = min(needed, self.shots)
        if ladder.goal.tolerance is not None and _RATIO * factor > self._most(ladder):
            batch = min(needed, _LAST_BATCH)
        if ladder.left is not None and ladder.left < 3 * factor * self.shots:
            batch = min(needed, max(1, ladder.left // factor))
        return IterativeState(ladder=ladder, batch=batch)

    def _needed(self, ladder: Ladder) -> int:
        """Shots at the current power that are expected to end the run."""
        middle = 0.5 * (ladder.low + ladder.high)
        allowed = ladder.goal.allowed_half_width(math.sin(middle) ** 2)
        if allowed is None or allowed == 0.0:
            return _LAST_BATCH
        slope = max(math.sin(2.0 * middle), 1e-12)
        width = math.asin(min(1.0, 2.0 * allowed / slope))
        visible = math.exp(-ladder.decay * ladder.power)
        read = ladder.factor * width * visible
        needed = (deviate(self.interval, self._share(ladder)) / read) ** 2
        return math.ceil(min(1.1 * needed + 1.0, float(_LAST_BATCH)))
