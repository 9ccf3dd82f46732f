"""`MaximumLikelihood`: maximum-likelihood amplitude estimation (MLAE) on a schedule of powers."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from qmc import checks
from qmc.estimators import schedules
from qmc.estimators.priors import checked_power, checked_shots
from qmc.estimators.schedules import Schedule, ScheduleState
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval
from qmc.rounds import Round

_FIRST_TOLERANCE = 0.05  # a relative tolerance begins with the rounds for this half-width
_BLIND = 16.0  # queries over those of the last power, where a relative tolerance has no end


@dataclass(frozen=True, slots=True, kw_only=True)
class MaximumLikelihood:
    """Maximum-likelihood amplitude estimation (MLAE), no phase estimation and no ancilla.

    Algorithm: Suzuki, Uno, Raymond, Tanaka, Onodera and Yamamoto (2020), arXiv:1904.10246,
    sections 2.2 and 2.3: run a schedule of powers, `shots` each, and take the theta that makes
    all hits together most likely, amplitude = sin^2 theta. "exponential" has the powers 0, 1, 2,
    4, 8, ...; "linear" 0, 1, 2, 3, ... As long as the tolerance needs at its steepest amplitude
    (more shots where the schedule ends before), all in one job; with a budget alone as long as
    it allows. An interval that came out too wide asks for the rest. A relative tolerance grows
    the schedule step by step. A known decay enters the likelihood and ends the schedule at
    power 1 / decay.

    Guarantee: asymptotic in the shots. "likelihood_ratio" is the hull of every theta whose
    likelihood is not rejected against chi-square with one degree of freedom (Wilks 1938,
    doi:10.1214/aoms/1177732360), all fringes included. "fisher" is the most likely theta +-
    z / sqrt(information) of one fringe alone: it under-covers with few shots (measured .57 to
    .90 with 10 elsewhere). Reading again after too wide an interval is not paid for.

    Cost: "exponential" between z sqrt(3 shots) / 2 / tolerance queries and 1.5 times that, by
    where the tolerance falls between two lengths (a schedule one shorter with more shots is
    taken where it is cheaper); "linear" grows as tolerance^(-4/3).

    Attributes:
        schedule: "exponential", "linear", or the powers themselves, increasing.
        shots: of each circuit.
        interval: "likelihood_ratio" or "fisher".
        max_power: largest power of a named schedule.
    """

    schedule: Literal["exponential", "linear"] | tuple[int, ...] = "exponential"
    shots: int = 100
    interval: Literal["likelihood_ratio", "fisher"] = "likelihood_ratio"
    max_power: int = 2**20

    def __post_init__(self) -> None:
        """Refuse an unknown schedule or interval, powers out of order, and no shots."""
        checks.choice("interval", self.interval, ("likelihood_ratio", "fisher"))
        object.__setattr__(self, "shots", checked_shots(self.shots))
        object.__setattr__(self, "max_power", checked_power(self.max_power))
        if isinstance(self.schedule, str):
            checks.choice("schedule", self.schedule, ("exponential", "linear"))
            return
        allowed = "'exponential', 'linear', or powers >= 0, each once and increasing"
        if not isinstance(self.schedule, tuple | list) or not self.schedule:
            raise checks.refuse("schedule", self.schedule, allowed)
        powers = tuple(checks.whole("schedule", one, 0) for one in self.schedule)
        if powers != tuple(sorted(set(powers))):
            raise checks.refuse("schedule", self.schedule, allowed)
        object.__setattr__(self, "schedule", powers)

    @property
    def guarantee(self) -> Guarantee:
        """In the shots."""
        return "asymptotic"

    @property
    def anytime_valid(self) -> bool:
        """False: the interval is asymptotic, and one reading is paid for."""
        return False

    def powers(self, length: int) -> tuple[int, ...]:
        """The first powers of the schedule, without a cap.

        >>> MaximumLikelihood().powers(6), MaximumLikelihood(schedule="linear").powers(4)
        ((0, 1, 2, 4, 8, 16), (0, 1, 2, 3))
        """
        if self.schedule == "exponential":
            return (0, *(2**step for step in range(length - 1)))[:length]
        if self.schedule == "linear":
            return tuple(range(length))
        return tuple(self.schedule)[:length]

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> ScheduleState:
        """The first state, its rounds planned. A prior that leaves no share is not used."""
        state = schedules.begin(goal, prior, decay, self)
        needed = None
        if goal.tolerance is not None or goal.relative_tolerance is not None:
            tolerance = goal.tolerance
            if tolerance is None:
                tolerance = _FIRST_TOLERANCE
            needed = schedules.needed_information(state, tolerance)
        return schedules.planned(state, self._schedule(state.decay), needed)

    def ask(self, state: ScheduleState, rng: np.random.Generator) -> tuple[Round, ...]:
        """All rounds that are planned; () when finished. Draws nothing from `rng`."""
        del rng
        return schedules.ask(state)

    def tell(
        self, state: ScheduleState, rounds: Sequence[Round], hits: Sequence[int]
    ) -> ScheduleState:
        """Pool the hits, read the likelihood once, and plan the rest if the goal needs it.

        Raises:
            InvalidProblem: for what does not answer `ask`, see `telling`.
        """
        require_told(self, state, ScheduleState, rounds, hits)
        schedule = self._schedule(state.decay)
        return schedules.tell(state, rounds, hits, schedule, fisher=self.interval == "fisher")

    def estimate(self, state: ScheduleState) -> Estimate:
        """Most likely amplitude, and the interval so far."""
        return schedules.estimate(state)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries of the rounds that `start` plans; at this amplitude for a relative tolerance."""
        limit = float(goal.queries) if goal.queries is not None else math.inf
        allowed = goal.allowed_half_width(amplitude)
        if allowed is None:
            return limit
        if allowed == 0.0:
            return min(limit, _BLIND * self.shots * (2.0 * self._last() + 1.0))
        plain = self.start(Goal(tolerance=allowed, confidence=goal.confidence))
        return min(limit, float(schedules.cost(plain.pending)))

    def _last(self, decay: float = 0.0) -> int:
        """The largest power that the schedule may reach."""
        if isinstance(self.schedule, tuple):
            return self.schedule[-1]
        return self.max_power if decay == 0.0 else int(min(self.max_power, 1.0 / decay))

    def _schedule(self, decay: float) -> Schedule:
        last = self._last(decay)
        longest = last + 1
        if isinstance(self.schedule, tuple):
            longest = len(self.schedule)
        elif self.schedule == "exponential":
            longest = 1 + last.bit_length()
        return Schedule(rounds=functools.partial(_rounds, self), longest=longest)


def _rounds(estimator: MaximumLikelihood, length: int) -> tuple[Round, ...]:
    return tuple(Round(power, estimator.shots) for power in estimator.powers(length))
