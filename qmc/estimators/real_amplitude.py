"""`RealAmplitude`: real quantum amplitude estimation (RQAE), a shift before every amplification."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qmc import checks
from qmc.estimators import quadrants
from qmc.estimators.intervals import clopper_pearson, deviate
from qmc.estimators.priors import QUADRANT, angle, checked_decay, checked_power, share_of_error
from qmc.estimators.shifts import aligned, shifted_amplitude, shifted_angle
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval, Status
from qmc.rounds import Round

_FEWEST = 8  # shots that a budget must pay at a power
_COST, _COST_SIGNED = 10.7, 24.5  # queries x tolerance, see `expected_queries`


@dataclass(frozen=True, slots=True, kw_only=True)
class RealAmplitudeState:
    """Everything a run knows; plain numbers.

    Attributes:
        goal: what to reach.
        error: probability of a miss that this run may spend.
        decay: visibility lost per power.
        low, high: ends of the interval of the amplitude.
        likely: the amplitude that makes the last reading's hits most likely; None before.
        power, steer, needed: the round that is asked, its shots fixed when it was chosen.
        shots, hits: told of it so far.
        readings: rounds read.
        stalls: readings in a row that did not let the power rise.
        spent: queries so far.
        finished, status: whether it ends here, and how.
    """

    goal: Goal
    error: float
    decay: float
    low: float
    high: float
    likely: float | None = None
    power: int = 0
    steer: float = 0.0
    needed: int = 0
    shots: int = 0
    hits: int = 0
    readings: int = 0
    stalls: int = 0
    spent: int = 0
    finished: bool = False
    status: Status = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RealAmplitude:
    """Real quantum amplitude estimation (RQAE), signed, and its relative for a probability.

    Algorithm: Manzano, Musso and Leitao (2023), arXiv:2204.13641. The amplitude is shifted so
    that its interval starts where a fringe starts; then the largest K = 2k+1 whose fringe holds
    the interval is read once, with fresh shots, enough to narrow it by `ratio`.

    With `signed=True` the amplitude is a real x in [-1, 1], not a probability. The oracle must
    shift (`SupportsShift`): run with `Shifted(oracle)`. The shift b = -low / 2 makes x / 2 + b
    at least 0 for every x that is still possible, so the angle phi = asin(x / 2 + b) has no
    hidden sign and x = 2 (sin phi - b). Value, interval, tolerance and prior are those of x;
    the prior UNIT means none. The probability would be x^2.

    With `signed=False` (default) it estimates a probability a in [0, 1], as other estimators do.
    No steering subtracts from a, so the interval is not moved to 0 but to the next border of a
    quadrant: below 1/2 its upper end by a -> (1 - s) a, above 1/2 its lower end likewise for
    1 - a. That is always possible and takes the search for K out of `Iterative`.

    Guarantee: proved; the interval covers at every round at once, with the goal's confidence. A
    reading has fresh shots, their number fixed before; T = 2 + log(K_max) / log(ratio) of them
    get error / (T + 1) each, and the j-th after those 1 / (j (j + 1)) of one such share; union
    bound. Its intervals are Clopper-Pearson's; Hoeffding's, as in the paper, take some hundred
    times the shots for the same narrowing. Contradictions end "unresolved". A known decay is
    used, and bounds the power by 1 / decay, but the borders of quadrants are where a decay hides
    most: it costs more here than in `Iterative`. A prior is used.

    Cost: about 11 / tolerance queries at uniform random amplitudes, in 5 to 11 rounds; signed 25
    / tolerance, see `expected_queries`.

    Attributes:
        signed: a real amplitude by an oracle with shifts, or a probability.
        ratio: factor by which a reading narrows the interval, q of the paper, above 1.
        max_power: largest power.
    """

    signed: bool = False
    ratio: float = 3.0
    max_power: int = 2**20

    def __post_init__(self) -> None:
        """Refuse a `signed` that is no bool, a ratio of at most 1 and a negative power."""
        if not isinstance(self.signed, bool):
            raise checks.refuse("signed", self.signed, "True or False")
        object.__setattr__(self, "ratio", checks.finite("ratio", self.ratio))
        if self.ratio <= 1.0:
            raise checks.refuse("ratio", self.ratio, "above 1")
        object.__setattr__(self, "max_power", checked_power(self.max_power))

    @property
    def guarantee(self) -> Guarantee:
        """By a union bound."""
        return "proved"

    @property
    def anytime_valid(self) -> bool:
        """True: every reading spends its own share of the error."""
        return True

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> RealAmplitudeState:
        """The first state. A prior that leaves no share of the error is not used."""
        decay = checked_decay(decay)
        whole = Interval(-1.0, 1.0) if self.signed else UNIT
        prior, error = share_of_error(goal, prior, whole)
        low, high = prior.low, prior.high
        state = RealAmplitudeState(goal=goal, error=error, decay=decay, low=low, high=high)
        if prior != whole and self._met(state):
            return replace(state, finished=True, status="converged")
        return self._planned(state)

    def ask(self, state: RealAmplitudeState, rng: np.random.Generator) -> tuple[Round, ...]:
        """What the chosen round still lacks; () when finished. Draws nothing from `rng`."""
        del rng
        if state.finished:
            return ()
        return (Round(state.power, state.needed - state.shots, state.steer),)

    def tell(
        self, state: RealAmplitudeState, rounds: Sequence[Round], hits: Sequence[int]
    ) -> RealAmplitudeState:
        """Pool the hits; read the interval once the round has all its shots.

        Raises:
            InvalidProblem: for what does not answer `ask`, see `telling`.
        """
        require_told(self, state, RealAmplitudeState, rounds, hits)
        state = replace(
            state,
            shots=state.shots + sum(each.shots for each in rounds),
            hits=state.hits + int(sum(hits)),
            spent=state.spent + sum(each.queries for each in rounds),
        )
        return state if state.shots < state.needed else self._decide(self._read(state))

    def estimate(self, state: RealAmplitudeState) -> Estimate:
        """Most likely amplitude of the last reading, kept inside the interval so far."""
        value = 0.5 * (state.low + state.high) if state.likely is None else state.likely
        interval = Interval(state.low, state.high, state.goal.confidence)
        return Estimate(min(max(value, state.low), state.high), interval, state.status)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries c sin(2 theta) / tolerance; signed c' / tolerance, whatever the amplitude."""
        if self.signed:  # the shift puts every x on the steep start of a fringe
            return quadrants.planned_queries(goal, 0.5, _COST_SIGNED, self.max_power)
        return quadrants.planned_queries(goal, amplitude, _COST, self.max_power)

    def _most(self, state: RealAmplitudeState) -> int:
        """Largest K; x / 2 + b changes half as fast as a probability may, so K may be twice it."""
        most = quadrants.largest_factor(state.goal, state.decay, self.max_power)
        return min(2 * most, 2 * self.max_power + 1) if self.signed and not state.decay else most

    def _share(self, state: RealAmplitudeState) -> float:
        """Error that the next reading may spend."""
        planned = 2 + math.floor(math.log(self._most(state)) / math.log(self.ratio))
        share = state.error / (planned + 1)
        later = state.readings + 1 - planned
        return share if later <= 0 else share / (later * (later + 1))

    def _met(self, state: RealAmplitudeState) -> bool:
        found = self.estimate(state)
        return state.goal.met(found.value, found.interval.half_width)

    def _angles(self, low: float, high: float, steer: float) -> tuple[float, float]:
        """Angles of two amplitudes under a steer or shift."""
        return (
            shifted_angle(low, steer, signed=self.signed),
            shifted_angle(high, steer, signed=self.signed),
        )

    def _planned(self, state: RealAmplitudeState) -> RealAmplitudeState:
        """Choose the next round: largest K that one fringe holds, its steer, its shots."""
        steer = -0.5 * state.low if self.signed else 0.0
        low, high = self._angles(state.low, state.high, steer)
        most = self._most(state)
        if state.goal.queries is not None:
            left = state.goal.queries - state.spent
            if left < 1:
                return replace(state, finished=True, status="budget_exhausted")
            most = max(min(most, left // _FEWEST), 1)
        width = high if self.signed else high - low
        factor = most if width * most <= QUADRANT else int(QUADRANT / width)
        factor = max(factor - (factor + 1) % 2, 1)
        if not self.signed and quadrants.quadrant(factor, low, high) < 0:
            steer = aligned(factor, low, high)
        stalls = state.stalls + 1 if state.readings and factor <= 2 * state.power + 1 else 0
        state = replace(state, power=factor // 2, steer=steer, stalls=stalls, shots=0, hits=0)
        return self._with_shots(state)

    def _with_shots(self, state: RealAmplitudeState) -> RealAmplitudeState:
        """Fix the shots: enough to gain `ratio`, or to meet the goal when that is less."""
        factor = 2 * state.power + 1
        width = QUADRANT / self.ratio * (0.25 if self._last(state) else 0.7) ** state.stalls
        middle = 0.5 * (state.low + state.high)
        allowed = state.goal.allowed_half_width(middle)
        if allowed is not None:
            least = -1.0 if self.signed else 0.0
            ends = (max(middle - allowed, least), min(middle + allowed, 1.0))
            low, high = self._angles(*ends, state.steer)
            width = max(width, factor * (high - low))
        visible = math.exp(-state.decay * state.power)
        score = deviate("clopper_pearson", self._share(state))
        needed = math.ceil(1.1 * (score / (min(width, QUADRANT) * visible)) ** 2 + 1.0)
        if state.goal.queries is not None:
            left = state.goal.queries - state.spent
            needed = left // factor if left < 2 * needed * factor else needed
        return replace(state, needed=needed)

    def _read(self, state: RealAmplitudeState) -> RealAmplitudeState:
        """Intersect with the Clopper-Pearson interval of this round, unfolded in its fringe."""
        factor = 2 * state.power + 1
        visible = math.exp(-state.decay * state.power)
        share = self._share(state)
        ends = clopper_pearson(state.hits, state.shots, share)
        state = replace(state, readings=state.readings + 1)
        if ends[0] > 0.5 + 0.5 * visible or ends[1] < 0.5 - 0.5 * visible:
            return replace(state, finished=True, status="unresolved")
        where = math.floor(
            0.5 * factor * sum(self._angles(state.low, state.high, state.steer)) / QUADRANT
        )

        def unfolded(chance: float) -> float:
            inner = angle(0.5 + (chance - 0.5) / visible)
            inside = QUADRANT - inner if where % 2 else inner
            turned = (where * QUADRANT + inside) / factor
            return shifted_amplitude(turned, state.steer, signed=self.signed)

        low, high = sorted(map(unfolded, ends))
        state = replace(state, likely=unfolded(state.hits / state.shots))
        if low > state.high or high < state.low:
            hull = min(low, state.low), max(high, state.high)
            return replace(state, low=hull[0], high=hull[1], finished=True, status="unresolved")
        return replace(state, low=max(low, state.low), high=min(high, state.high))

    def _decide(self, state: RealAmplitudeState) -> RealAmplitudeState:
        """Finish, or plan the next round."""
        if state.finished:
            return state
        if self._met(state):
            return replace(state, finished=True, status="converged")
        state = self._planned(state)
        factor = 2 * state.power + 1
        if state.needed > quadrants.most_shots(state.goal, factor, last=self._last(state)):
            return replace(state, finished=True, status="unresolved")
        return state

    def _last(self, state: RealAmplitudeState) -> bool:
        """Whether no larger power is allowed."""
        return 2 * state.power + 3 > self._most(state)
