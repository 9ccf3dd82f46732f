"""`Certified`: an interval proved valid for every amplitude, in few rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.estimators.certified_bets import (
    DEAD,
    Array,
    Told,
    chance_range,
    expected_weight,
    inherited,
    outcomes,
    posterior,
    scores,
)
from qmc.estimators.certified_plan import (
    MOST_SHOTS,
    Outlook,
    Stage,
    capped,
    choose,
    last_stage,
    within_budget,
)
from qmc.estimators.intervals import confidence_cost
from qmc.estimators.priors import QUADRANT, checked_decay, checked_power, prior_angles
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval, Status
from qmc.rounds import Round

_MOST_STAGES = 300
_GIVE_UP = 35.0  # queries over 2k+1 at max_power, for an amplitude at its goal's origin
_CONFIDENCE_SLOPE = 0.3
_FIT = 5.0  # NA x eps at uniform random amplitudes, see `expected_queries`


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedState:
    """Everything a run knows; plain numbers, so it can be stored and gone on with.

    Attributes:
        goal: what to reach.
        decay: visibility lost per power.
        low, high: ends of the hull of theta, amplitude = sin^2 theta, in [0, pi/2].
        balance: one number for each of the equal cells of the hull, 1 when it is dead.
        history: power, steer, shots and hits of the stages so far.
        stage: the next stage, chosen from the past alone.
        last: whether the run ends with it.
        value: the mean amplitude of the posterior on the hull.
        spent: queries so far.
        finished, status: whether it ends here, and how; "interrupted" while it runs.
    """

    goal: Goal
    decay: float
    low: float
    high: float
    balance: tuple[float, ...]
    history: tuple[Told, ...] = ()
    stage: Stage = field(default_factory=Stage)
    last: bool = False
    value: float = 0.5
    spent: int = 0
    finished: bool = False
    status: Status = "interrupted"

    @property
    def edges(self) -> Array:
        """Ends of the cells, in theta."""
        return np.linspace(self.low, self.high, len(self.balance) + 1)

    @property
    def interval(self) -> Interval:
        """The hull in the amplitude."""
        low, high = (math.sin(end) ** 2 for end in (self.low, self.high))
        return Interval(low, max(low, high), self.goal.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """Amplitude estimation in stages, by exact bets against every angle: proved, in few rounds.

    Algorithm: this project's; the steering ancilla as in `Round`. The hull of the angle theta,
    amplitude = sin^2 theta, is cut into equal cells; each owns a balance, at first the error
    1 - confidence. A stage is one circuit (power, steer) and one number of shots. It turns a
    cell's balance into a score for every number of hits: 1 (the cell is dead) where the hits
    speak most against the cell, compared with what all cells lead to expect, and less than 1
    elsewhere, the more the stranger. The score of what was counted is the cell's next balance;
    the next hull spans the cells alive. Stages are chosen by expected queries.

    Guarantee: proved, for every amplitude, tolerance and rule of choosing stages and of stopping,
    at all rounds at once: the hull contains the amplitude with the goal's confidence.

    1. One stage, one cell. The hits are binomial with a chance p that is known for each theta,
       p = 1/2 - v cos(2 (2k+1) theta') / 2, theta' the steered angle (increasing in theta), v the
       visibility at the known decay. Over a cell p fills a known interval: its ends belong to the
       cell's ends, or are (1 -+ v) / 2 where the cell holds a dark or bright point of the fringe.
    2. Its mean score. A score f falls and then rises with the hits. With r = p / (1 - p),
       d/dp E f(X) = n (1 - p)^(n-1) sum_y C(n-1, y) r^y (f(y+1) - f(y)). Let y0 be the first rise.
       After division by r^y0 no term of the sum decreases in r: those before y0 are at most 0
       and shrink, the others at least 0 and grow. So E f first falls, then rises in p, and is
       largest at an end of the interval. At both ends it is made at most the balance (less a
       margin for rounding), hence it is at most the balance for every theta of the cell.
    3. All stages. Follow the balance M of the cell that holds the true theta. A stage, the cells
       and the scores are fixed by the past before the shots, so by 2 E[M next | past] <= M. A new
       cell takes the least balance of the old cells it meets (dead ones count 1): M can only
       fall, also for the part that holds theta. So M >= 0 is a supermartingale from the error
       on, and P(M ever reaches 1) <= error (Ville 1939). Until then the hull contains theta.

    A prior that misses and a decay other than the one told are outside this proof; a prior's
    error is taken off first. When no cell is left, the hull before stays: "unresolved". So ends
    a tolerance out of reach of `max_power`, or a relative one at an amplitude at its origin.

    Cost: about 5 / tolerance queries at uniform random amplitudes, 6.5 / tolerance at 1/2, see
    `expected_queries`; 6 to 17 rounds from 1e-2 to 1e-6. More shots a stage make fewer rounds.

    Attributes:
        max_power: largest power; there stages take as many shots as they need.
        shots: numbers of shots that a stage may have before, increasing.
        cells: of the hull, 64 to 4,096; more cost time and save some per cent of the queries.
    """

    max_power: int = 2**20
    shots: tuple[int, ...] = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64)
    cells: int = 384

    def __post_init__(self) -> None:
        """Refuse a negative power, unsorted shot numbers and a grid too coarse to shrink."""
        object.__setattr__(self, "max_power", checked_power(self.max_power))
        object.__setattr__(self, "cells", checks.whole("cells", self.cells, 64, 4096))
        if not isinstance(self.shots, tuple) or not self.shots:
            raise checks.refuse("shots", self.shots, "a tuple of whole numbers >= 1, increasing")
        shots = tuple(checks.whole("shots", each, 1, MOST_SHOTS) for each in self.shots)
        if list(shots) != sorted(set(shots)):
            raise checks.refuse("shots", self.shots, "a tuple of whole numbers >= 1, increasing")
        object.__setattr__(self, "shots", shots)

    @property
    def guarantee(self) -> Guarantee:
        """By bets on every cell."""
        return "proved"

    @property
    def anytime_valid(self) -> bool:
        """True: the balances bound the chance that the amplitude is ever lost."""
        return True

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> CertifiedState:
        """The first state. A prior that leaves no share of the error is not used."""
        decay = checked_decay(decay)
        low, high, error = prior_angles(goal, prior)
        balance = (error,) * self.cells
        state = CertifiedState(goal=goal, decay=decay, low=low, high=high, balance=balance)
        state = replace(state, value=state.interval.midpoint)
        informed = (low, high) != (0.0, QUADRANT)
        if informed and goal.met(state.value, state.interval.half_width):
            return replace(state, finished=True, status="converged")
        if low == high:  # there is nothing to cut into cells
            return replace(state, finished=True, status="unresolved")
        return self._plan(state)

    def ask(self, state: CertifiedState, rng: np.random.Generator) -> tuple[Round, ...]:
        """The stage as one round; () when finished. Draws nothing from `rng`."""
        del rng
        if state.finished:
            return ()
        return (Round(state.stage.power, state.stage.shots, state.stage.steer),)

    def tell(
        self, state: CertifiedState, rounds: Sequence[Round], hits: Sequence[int]
    ) -> CertifiedState:
        """Settle the bets of one stage, in one round or in parts, and choose the next.

        Raises:
            InvalidProblem: for what does not answer `ask`, see `telling`, and for fewer shots.
        """
        require_told(self, state, CertifiedState, rounds, hits)
        shots, asked = sum(each.shots for each in rounds), state.stage.shots
        if shots != asked:
            msg = f"{shots} shots: must be {asked}, as asked; an exact test fixes them before"
            raise InvalidProblem(msg)
        return self._decide(self._settle(state, int(sum(hits))))

    def estimate(self, state: CertifiedState) -> Estimate:
        """Posterior mean on the hull, and the hull; the interval is valid after any round."""
        return Estimate(state.value, state.interval, state.status)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries c sin(2 theta) / tolerance, or what plain counting at `max_power` needs.

        c is fitted to this package's own runs at uniform random amplitudes, where the mean of
        sin(2 theta) is pi / 4; `tests/estimators/test_certified.py` measures it.
        """
        limit = float(goal.queries) if goal.queries is not None else math.inf
        allowed = goal.allowed_half_width(amplitude)
        if allowed is None:
            return limit
        largest = 2.0 * self.max_power + 1.0
        if allowed == 0.0:
            return min(limit, _GIVE_UP * largest)
        slope = max(2.0 * math.sqrt(max(amplitude * (1.0 - amplitude), 0.0)), math.sqrt(allowed))
        cost = _FIT * 4.0 / math.pi * slope / allowed
        cost *= confidence_cost(goal.confidence, _CONFIDENCE_SLOPE)
        return min(limit, max(cost, (slope / allowed) ** 2 / largest, 1.0))

    def _settle(self, state: CertifiedState, hits: int) -> CertifiedState:
        """Balances after these hits, the hull of the cells alive, and the value."""
        stage, edges, balance = state.stage, state.edges, np.array(state.balance)
        centre = 0.5 * (edges[1:] + edges[:-1])
        low, high = chance_range(edges, stage.power, stage.steer, state.decay)
        bins = outcomes(stage.shots, float(low.min()), float(high.max()))
        laws = bins.law(low), bins.law(high)
        weight = expected_weight(centre, state.history, state.decay)
        mixture = weight @ (0.5 * (laws[0] + laws[1]))
        left = scores(balance, stage.share, stage.bet, mixture, laws, bins.rounding)
        left = left[:, bins.bin(hits)]
        left = np.where(balance < DEAD, left, DEAD)
        told = (stage.power, stage.steer, stage.shots, hits)
        state = replace(
            state,
            history=(*state.history, told),
            spent=state.spent + stage.shots * (2 * stage.power + 1),
        )
        alive = np.nonzero(left < DEAD)[0]
        if not alive.size:
            return replace(state, finished=True, status="unresolved")
        ends = float(edges[alive[0]]), float(edges[alive[-1] + 1])
        kept = inherited(edges, left, *ends)
        return _valued(replace(state, low=ends[0], high=ends[1], balance=tuple(kept.tolist())))

    def _decide(self, state: CertifiedState) -> CertifiedState:
        """Finish, or plan another stage."""
        if state.finished:
            return state
        if state.goal.met(state.value, state.interval.half_width):
            return replace(state, finished=True, status="converged")
        if state.last or (state.goal.queries is not None and state.spent >= state.goal.queries):
            return replace(state, finished=True, status="budget_exhausted")
        hopeless = sum(shots >= MOST_SHOTS for _, _, shots, _ in state.history) >= 2
        if hopeless or len(state.history) >= _MOST_STAGES:
            return replace(state, finished=True, status="unresolved")
        return self._plan(state)

    def _plan(self, state: CertifiedState) -> CertifiedState:
        """Fix the next stage, from the past alone."""
        cap = self.max_power
        if state.decay > 0.0:
            cap = int(min(cap, 0.3 / state.decay))
        goal = state.goal
        left = math.inf if goal.queries is None else float(goal.queries - state.spent)
        look = Outlook(
            edges=state.edges,
            balance=np.array(state.balance),
            target=_target(state),
            decay=state.decay,
            cap=cap,
            left=left,
            shots=self.shots,
            history=state.history,
        )
        if goal.queries is None and capped(look) and _allowed(state) == 0.0:
            return replace(state, finished=True, status="unresolved")
        if goal.queries is not None:
            look = replace(look, target=max(look.target, within_budget(look)))
            if look.ratio < 2.0 and look.target > _target(state):
                return replace(state, stage=last_stage(look), last=True)
        return replace(state, stage=choose(look))


def _allowed(state: CertifiedState) -> float:
    """The half-width that the tolerances allow at the tightest amplitude of the hull."""
    interval = state.interval
    tightest = min(max(state.goal.origin, interval.low), interval.high)
    return state.goal.allowed_half_width(tightest) or 0.0


def _target(state: CertifiedState) -> float:
    """Half-width to aim at; a relative tolerance is unknown yet, so not below 1/64 of the hull."""
    allowed = _allowed(state)
    if state.goal.relative_tolerance is None:
        return allowed
    return max(allowed, state.interval.width / 64.0)


def _valued(state: CertifiedState) -> CertifiedState:
    """The state with the mean amplitude of its posterior, kept inside the hull."""
    edges = state.edges
    centre = 0.5 * (edges[1:] + edges[:-1])
    mean = float(posterior(centre, state.history, state.decay) @ np.sin(centre) ** 2)
    return replace(state, value=min(max(mean, state.interval.low), state.interval.high))
