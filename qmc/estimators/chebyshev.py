"""`Chebyshev`: Chebyshev amplitude estimation (ChebAE), in its form for a probability."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.estimators import quadrants
from qmc.estimators.intervals import clopper_pearson
from qmc.estimators.priors import checked_power, checked_shots
from qmc.estimators.quadrants import Ladder
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval
from qmc.rounds import Round

_COST = 8.8  # queries x tolerance, see `expected_queries`


@dataclass(frozen=True, slots=True, kw_only=True)
class Chebyshev:
    """Chebyshev amplitude estimation (ChebAE), for a probability (ChebPE).

    Algorithm: Rall and Fuller (2022), arXiv:2207.08628, for an amplitude sqrt(p); the form for a
    probability p is the authors' notebook chebpe.ipynb of github.com/qiskit-community/ChebAE. A
    hit at power k has probability T_n(sqrt(p))^2, with T_n Chebyshev's polynomial of degree n =
    2k+1. The largest degree without an extremum on the interval of p is taken once k can grow by
    the factor `growth`; the polynomial is inverted there, which is what `Iterative` does in
    theta. The novelty is when to look. Early, a round has `shots` shots. Late, when `shots` shots
    leave an error in p of at most `caution` x tolerance, a round is one shot (a 64th of what is
    pooled, when that is more), so that almost none is spent after the goal is met.

    Guarantee: none. Each power gets an equal part of the error, but its interval is read again
    after every shot without paying for it. Measured at 95 %: .97 to .98 at uniform random
    amplitudes, .95 at 1/2: Clopper-Pearson and the union bound over powers leave some room.
    A known decay is used, and bounds the power by 1 / decay; unaware of one of 5e-3, coverage is
    .77 at a tolerance of 1e-3. A prior is used. A goal without a tolerance is never late.

    Cost: about 9 / tolerance queries at uniform random amplitudes, see `expected_queries`.

    Attributes:
        shots: shots of an early round.
        growth: least factor from power to power, above 1.
        caution: nu of the paper; larger goes over to single shots sooner.
        max_power: largest power.
    """

    shots: int = 100
    growth: float = 2.0
    caution: float = 8.0
    max_power: int = 2**20

    def __post_init__(self) -> None:
        """Refuse no shots, a growth of at most 1, no caution and a negative power."""
        object.__setattr__(self, "shots", checked_shots(self.shots))
        object.__setattr__(self, "growth", checks.finite("growth", self.growth))
        if self.growth <= 1.0:
            raise checks.refuse("growth", self.growth, "above 1")
        object.__setattr__(self, "caution", checks.positive("caution", self.caution))
        object.__setattr__(self, "max_power", checked_power(self.max_power))

    @property
    def guarantee(self) -> Guarantee:
        """None, see the class."""
        return "unproved"

    @property
    def anytime_valid(self) -> bool:
        """False: a power is read again and again at one confidence."""
        return False

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> Ladder:
        """The first state. A prior that leaves no share of the error is not used."""
        ladder = quadrants.begin(goal, prior, decay, self)
        if ladder.finished:
            return ladder
        return quadrants.enter(ladder, self._next_factor(ladder, 1) or 1)

    def ask(self, state: Ladder, rng: np.random.Generator) -> tuple[Round, ...]:
        """One round at the current power; () when finished. Draws nothing from `rng`."""
        del rng
        early = max(self.shots, state.shots // 8)
        return quadrants.one_round(state, max(1, state.shots // 64) if self._late(state) else early)

    def tell(self, state: Ladder, rounds: Sequence[Round], hits: Sequence[int]) -> Ladder:
        """Pool the hits with those of this power, read the interval, choose what is next.

        Raises:
            InvalidProblem: for what does not answer `ask`, see `telling`.
        """
        require_told(self, state, Ladder, rounds, hits)
        state = quadrants.told(state, rounds, hits)
        ends = clopper_pearson(state.hits, state.shots, self._share(state))
        return self._decide(quadrants.narrowed(state, ends))

    def estimate(self, state: Ladder) -> Estimate:
        """Most likely amplitude of the last power, kept inside the interval so far."""
        return quadrants.estimate(state)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries c sin(2 theta) / tolerance, c measured at uniform random amplitudes."""
        return quadrants.planned_queries(goal, amplitude, _COST, self.max_power)

    def _most(self, state: Ladder) -> int:
        return quadrants.largest_factor(state.goal, state.decay, self.max_power)

    def _share(self, state: Ladder) -> float:
        """Error of each reading at one power: an equal part for every power there can be."""
        return state.error / (1 + math.ceil(math.log(self._most(state)) / math.log(self.growth)))

    def _next_factor(self, state: Ladder, least: int) -> int:
        return quadrants.next_factor(state, least, self._most(state), shots=min(self.shots, 32))

    def _late(self, state: Ladder) -> bool:
        """Whether an early round's worst reading would be within `caution` x tolerance of p."""
        found = quadrants.estimate(state)
        allowed = state.goal.allowed_half_width(found.value)
        if allowed is None:
            return False
        low, high = clopper_pearson(self.shots // 2, self.shots, self._share(state))
        visible = math.exp(-state.decay * state.power)
        ends = (math.sin(state.factor * theta) ** 2 for theta in (state.low, state.high))
        gap = abs(next(ends) - next(ends)) * visible
        return 0.5 * (high - low) * found.interval.width <= self.caution * allowed * gap

    def _decide(self, state: Ladder) -> Ladder:
        """Finish, raise the power, or stay for another round."""
        state = quadrants.settled(state)
        if state.finished:
            return state
        least = math.floor(2.0 * self.growth * state.power) + 2
        larger = self._next_factor(state, least)
        if larger:
            return quadrants.enter(state, larger)
        return quadrants.tired(state, least, self._most(state))
