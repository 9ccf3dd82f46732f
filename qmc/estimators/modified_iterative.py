"""`ModifiedIterative`: modified IQAE, whose error shares grow with the power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from qmc import checks
from qmc.estimators import quadrants
from qmc.estimators.intervals import INTERVALS
from qmc.estimators.priors import checked_power, checked_shots
from qmc.estimators.quadrants import Ladder
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval
from qmc.rounds import Round

_RATIO = 3  # K grows at least so much from power to power
_COST = {"clopper_pearson": 39.0, "chernoff": 49.0}  # queries x tolerance, see `expected_queries`


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifiedIterative:
    """Modified iterative quantum amplitude estimation (mIQAE).

    Algorithm: Fukuzawa, Ho, Irani and Zion (2022), arXiv:2208.14612, algorithms 1 and 2: iterative
    amplitude estimation (`Iterative`) with two changes. K = 2k+1 grows at least threefold, and
    the reading at K spends the share (2/3) K / K_max of the error, so that cheap early powers are
    read with great confidence and the dear last ones are not overcharged. Asymptotically that
    takes log log(1 / tolerance) off the cost. As published there is no rule against overshooting:
    a round has `shots` shots, and that, not the shares, is most of the cost over `Iterative`.

    Guarantee: proved; the interval covers the amplitude at every round at once, with the goal's
    confidence. K <= K_max, known at the start, and K at least triples, so the shares sum to at
    most (2/3) (1 + 1/3 + 1/9 + ...) = 1. Here, unlike in the paper, the j-th reading of one
    power spends 1 / (j (j + 1)) of its share, since every round is read; the sizes of its rounds
    are fixed in advance (`shots`, then an eighth of what is pooled). Contradictions end
    "unresolved". A known decay is used, and bounds the power by 1 / decay. A prior is used.

    Cost: about 39 / tolerance queries (49 with "chernoff", 19 with 10 shots a round) at uniform
    random amplitudes, see `expected_queries`.

    Attributes:
        interval: "clopper_pearson" or "chernoff".
        shots: shots of a round.
        max_power: largest power.
    """

    interval: Literal["clopper_pearson", "chernoff"] = "clopper_pearson"
    shots: int = 100
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

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> Ladder:
        """The first state. A prior that leaves no share of the error is not used."""
        ladder = quadrants.begin(goal, prior, decay, self)
        if ladder.finished:
            return ladder
        return quadrants.enter(ladder, self._next_factor(ladder, 1) or 1)

    def ask(self, state: Ladder, rng: np.random.Generator) -> tuple[Round, ...]:
        """One round at the current power; () when finished. Draws nothing from `rng`."""
        del rng
        return quadrants.one_round(state, max(self.shots, state.shots // 8))

    def tell(self, state: Ladder, rounds: Sequence[Round], hits: Sequence[int]) -> Ladder:
        """Pool the hits with those of this power, read the interval once, choose what is next.

        Raises:
            InvalidProblem: for what does not answer `ask`, see `telling`.
        """
        require_told(self, state, Ladder, rounds, hits)
        state = quadrants.told(state, rounds, hits)
        ends = INTERVALS[self.interval](state.hits, state.shots, self._share(state))
        return self._decide(quadrants.narrowed(state, ends))

    def estimate(self, state: Ladder) -> Estimate:
        """Most likely amplitude and interval so far; the interval is valid after any round."""
        return quadrants.estimate(state)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries c sin(2 theta) / tolerance, c measured at uniform random amplitudes."""
        return quadrants.planned_queries(goal, amplitude, _COST[self.interval], self.max_power)

    def _most(self, state: Ladder) -> int:
        return quadrants.largest_factor(state.goal, state.decay, self.max_power)

    def _share(self, state: Ladder) -> float:
        """Error that this reading may spend."""
        share = 2.0 / 3.0 * state.factor / self._most(state)
        return state.error * share / (state.looks * (state.looks + 1))

    def _next_factor(self, state: Ladder, least: int) -> int:
        return quadrants.next_factor(state, least, self._most(state), shots=min(self.shots, 32))

    def _decide(self, state: Ladder) -> Ladder:
        """Finish, raise the power, or stay for another round."""
        state = quadrants.settled(state)
        if state.finished:
            return state
        least = _RATIO * state.factor
        larger = self._next_factor(state, least)
        if larger:
            return quadrants.enter(state, larger)
        return quadrants.tired(state, least, self._most(state))
