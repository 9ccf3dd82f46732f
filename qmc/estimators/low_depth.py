"""`LowDepth`: power-law amplitude estimation under a cap on the power."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.estimators import schedules
from qmc.estimators.priors import checked_shots
from qmc.estimators.schedules import Schedule, ScheduleState
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval
from qmc.rounds import Round

_STEEPEST = 2.5  # largest exponent: beyond it fringes go unresolved between two powers
_LONGEST = 2**60
_FIRST_TOLERANCE = 0.05  # a relative tolerance begins with the rounds for this half-width
_BLIND = 16.0  # queries over those of the cap, where a relative tolerance has no end
_DEEPEST = 2**20  # a schedule lists its powers


@dataclass(frozen=True, slots=True, kw_only=True)
class LowDepth:
    """Power-law amplitude estimation: as few queries as a cap on the power allows.

    Algorithm: Giurgica-Tiron, Kerenidis, Labib, Prakash and Zeng (2022), arXiv:2012.03348,
    power law AE: circuit j runs `shots` times at power floor(j^((1 - beta) / (2 beta))), beta in
    (0, 1], and the theta that makes all hits together most likely is taken. Here j begins at 0,
    powers end at `max_power`, and unless given, beta is the one whose schedule for the tolerance
    (or the budget) ends just at the cap; at least 1 / 6, below which the first powers leave
    gaps. A known decay enters the likelihood and lowers the cap to 1 / decay.

    Guarantee: asymptotic (the source's proof asks for the regularity of a Bernstein-von Mises
    theorem). The interval is the hull of every theta whose likelihood is not rejected against
    chi-square with one degree of freedom.

    Cost: queries x (2 max_power + 1) about c (z / 2 / tolerance)^2 at the steepest amplitude,
    c = (2 eta + 1) / (eta + 1) from 1 to 12 / 7, eta = (1 - beta) / (2 beta); queries
    tolerance^-(1 + beta) at powers up to tolerance^-(1 - beta).

    Attributes:
        max_power: the cap, largest power of a circuit.
        shots: of each circuit j.
        beta: from 1 (no speed-up) towards 0 (deep circuits), or None to fill the cap.
    """

    max_power: int = 50
    shots: int = 30
    beta: float | None = None

    def __post_init__(self) -> None:
        """Refuse a negative cap, no shots, and a beta outside (0, 1]."""
        object.__setattr__(
            self, "max_power", checks.whole("max_power", self.max_power, 0, _DEEPEST)
        )
        object.__setattr__(self, "shots", checked_shots(self.shots))
        if self.beta is not None:
            beta = checks.finite("beta", self.beta)
            if not 0.0 < beta <= 1.0:
                raise checks.refuse("beta", self.beta, "above 0 and at most 1")
            object.__setattr__(self, "beta", beta)

    @property
    def guarantee(self) -> Guarantee:
        """In the shots."""
        return "asymptotic"

    @property
    def anytime_valid(self) -> bool:
        """False: the interval is asymptotic, and one reading is paid for."""
        return False

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> ScheduleState:
        """The first state, its rounds planned. A prior that leaves no share is not used."""
        state = schedules.begin(goal, prior, decay, self)
        needed = None
        if goal.tolerance is not None or goal.relative_tolerance is not None:
            needed = schedules.needed_information(state, goal.tolerance or _FIRST_TOLERANCE)
        return schedules.planned(state, self._schedule(state), needed)

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
        return schedules.tell(state, rounds, hits, self._schedule(state))

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
            return min(limit, _BLIND * self.shots * (2.0 * self.max_power + 1.0))
        plain = self.start(Goal(tolerance=allowed, confidence=goal.confidence))
        return min(limit, float(schedules.cost(plain.pending)))

    def exponent(self, state: ScheduleState) -> float:
        """(1 - beta) / (2 beta) of this run."""
        if self.beta is not None:
            return (1.0 - self.beta) / (2.0 * self.beta)
        cap, goal = self._cap(state.decay), state.goal
        tolerance = goal.tolerance or _FIRST_TOLERANCE
        if goal.relative_tolerance is not None:
            tolerance = min(tolerance, 0.25 * goal.relative_tolerance)
        needed = schedules.needed_information(state, tolerance) / (4.0 * self.shots)
        allowed = math.inf if goal.queries is None else goal.queries / self.shots
        if goal.tolerance is None and goal.relative_tolerance is None:
            needed = math.inf
        low, high = 0.0, _STEEPEST
        for _ in range(40):
            middle = 0.5 * (low + high)
            reached = _circuits(middle, needed, allowed) ** middle
            low, high = (middle, high) if reached <= cap else (low, middle)
        return low

    def _cap(self, decay: float) -> int:
        return self.max_power if decay == 0.0 else int(min(self.max_power, 1.0 / decay))

    def _schedule(self, state: ScheduleState) -> Schedule:
        rounds = functools.partial(
            power_law, self.exponent(state), self._cap(state.decay), self.shots
        )
        return Schedule(rounds=rounds, longest=_LONGEST)


def power_law(exponent: float, cap: int, shots: int, length: int) -> tuple[Round, ...]:
    """The circuits j = 0..length-1 at powers min(floor(j^exponent), cap), one round a power.

    >>> [(one.power, one.shots) for one in power_law(0.5, 2, 10, 12)]
    [(0, 10), (1, 30), (2, 80)]
    """
    # circuits that share a power are counted, not listed: there may be billions
    last = cap
    if exponent * math.log(max(length - 1, 1)) < math.log(cap + 1):
        last = min(int((length - 1.0) ** exponent + 1e-9), cap) if length > 1 else 0
    powers = np.arange(last + 1)
    if exponent > 1.0:
        listed = np.arange(min(length, math.ceil((last + 1.0) ** (1.0 / exponent)) + 1.0))
        powers = np.unique(np.minimum(np.floor(listed**exponent + 1e-9), last))
    with np.errstate(divide="ignore"):
        firsts = np.ceil(powers ** np.divide(1.0, exponent) - 1e-9)
    counts = np.diff(np.append(firsts, float(length)))
    return tuple(
        Round(int(power), int(count) * shots)
        for power, count in zip(powers, counts, strict=True)
        if count > 0
    )


def _circuits(exponent: float, needed: float, allowed: float) -> float:
    """Circuits that reach the information (over 4 shots) or spend the queries (over shots)."""
    low, high = 1.0, 2.0**60
    for _ in range(60):
        middle = math.sqrt(low * high)
        linear = 2.0 * middle**exponent / (exponent + 1.0) + 1.0
        square = 4.0 * middle ** (2.0 * exponent) / (2.0 * exponent + 1.0) + 2.0 * linear - 1.0
        enough = middle * square >= needed or middle * linear >= allowed
        low, high = (low, middle) if enough else (middle, high)
    return high
