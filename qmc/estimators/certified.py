"""`Certified`: an interval proved valid for every amplitude, in few rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.estimators.certified_plan import Outlook, Stage, choose, last_stage, within_budget
from qmc.estimators.certified_tests import (
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
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Interval, Status
from qmc.rounds import Round

_QUADRANT = 0.5 * math.pi
_MOST_STAGES = 300
_FIT = 5.3  # NA x eps at uniform random amplitudes, see `expected_queries`


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedState:
    """Everything a run knows; plain numbers, so it can be stored and gone on with.

    Attributes:
        goal: what to reach.
        decay: visibility lost per power.
        low, high: ends of the hull of theta, amplitude = sin^2 theta, in [0, pi/2].
        balance: one number for each of the equal cells of the hull, 1 when it is dead.
        history: power, steer, shots and hits of the stages so far.
        stage: the next stage.
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
    """Amplitude estimation whose interval is proved valid, for every amplitude and every rule.

    Algorithm: the hull of angles theta, amplitude = sin^2 theta, is cut into cells. A stage is one
    circuit (power, steer) and one number of shots, both fixed before its shots. It turns the
    balance of each cell into a score for every number of hits; cells whose score reaches one are
    dead, and the hull of the others is cut anew. The next stage is the one with the least expected
    queries to the end; the last one is taken only when every outcome ends within the tolerance.

    Guarantee, proved: P(the hull ever loses the amplitude) <= 1 - confidence, whatever the rule
    that chooses stages and whenever one stops.
    1. A cell begins with the balance e = 1 - confidence. A stage's score S, a function of the
       hits, has at every angle of the cell a mean of at most the balance: it is paid to rejecting
       outcomes (S = 1) and, in proportion to odds against the cell, to the others, and scaled until
       the mean is the balance at the cell's least and largest hit probability. S falls and then
       rises with the hits, so its mean under Binomial(n, p) has no maximum between these two
       (variation diminishing: Karlin 1968, Total Positivity, chapter 5), and they bound the cell.
       A cell that holds a dark or bright point of its fringe takes that extreme as an end.
    2. The balance that the true angle sees is therefore a nonnegative supermartingale that starts
       at e, designs being chosen from the past; a new cell inherits the least balance of the old
       ones it meets, which only lowers it. Ville's inequality (1939): it ever reaches one with
       probability at most e. The true cell is dead only then.
    3. Known noise changes the two hit probabilities and nothing else. A prior interval spends its
       own share of the error before the first stage.
    Betting against each null at once, with a mixture over the rest as the alternative, is that of
    safe testing (Grunwald, de Heide and Koolen, arXiv:1906.07801).

    Cost: about 5 / tolerance queries at uniform random amplitudes, in 6 to 13 stages from 1e-2 to
    1e-5; `python -m benchmarks run estimators`.

    Attributes:
        max_power: largest power.
        shots: numbers of shots that a stage may have, increasing.
        cells: of the hull.
    """

    max_power: int = 2**20
    shots: tuple[int, ...] = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64)
    cells: int = 384

    def __post_init__(self) -> None:
        """Refuse a negative power, unsorted shot numbers and a grid too coarse to shrink."""
        object.__setattr__(self, "max_power", checks.whole("max_power", self.max_power, 0))
        object.__setattr__(self, "cells", checks.whole("cells", self.cells, 64, 4096))
        if not isinstance(self.shots, tuple) or not self.shots:
            raise checks.refuse("shots", self.shots, "a tuple of whole numbers >= 1, increasing")
        shots = tuple(checks.whole("shots", each, 1) for each in self.shots)
        if list(shots) != sorted(set(shots)):
            raise checks.refuse("shots", self.shots, "a tuple of whole numbers >= 1, increasing")
        object.__setattr__(self, "shots", shots)

    @property
    def anytime_valid(self) -> bool:
        """True: the balances bound the chance that the amplitude is ever lost."""
        return True

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> CertifiedState:
        """The first state. A prior that leaves no share of the error is not used."""
        decay = checks.finite("decay", decay)
        if decay < 0.0:
            raise checks.refuse("decay", decay, "0 or above")
        error = prior.confidence - goal.confidence
        if error <= 0.0:
            prior, error = UNIT, 1.0 - goal.confidence
        ends = (math.asin(math.sqrt(min(max(end, 0.0), 1.0))) for end in (prior.low, prior.high))
        low, high = ends
        balance = (error,) * self.cells
        state = CertifiedState(goal=goal, decay=decay, low=low, high=high, balance=balance)
        middle = state.interval.midpoint
        if prior != UNIT and goal.met(middle, state.interval.half_width):
            return replace(state, value=middle, finished=True, status="converged")
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
            InvalidProblem: for another circuit or another number of shots than asked, and for
                hits outside [0, shots].
        """
        stage = state.stage
        for each, count in zip(rounds, hits, strict=True):
            checks.whole("hits", count, 0, each.shots)
            if (each.power, each.steer) != (stage.power, stage.steer):
                msg = f"{each}: must have power={stage.power}, steer={stage.steer}, as asked"
                raise InvalidProblem(msg)
        shots, count = sum(each.shots for each in rounds), int(sum(hits))
        if shots != stage.shots:
            msg = f"{shots} shots: must be {stage.shots}, as asked; an exact test fixes them before"
            raise InvalidProblem(msg)
        return self._decide(self._settle(state, count))

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
        least = 1.0 / (2.0 * self.max_power + 1.0) ** 2
        allowed = max(allowed, 0.25 * least)
        slope = max(2.0 * math.sqrt(max(amplitude * (1.0 - amplitude), 0.0)), math.sqrt(allowed))
        cost = _FIT * 4.0 / math.pi * slope / allowed
        counting = (slope / allowed) ** 2 * math.sqrt(least)
        return min(limit, max(cost, counting, 1.0))

    def _settle(self, state: CertifiedState, hits: int) -> CertifiedState:
        """Balances after these hits, the hull of the cells alive, and the value."""
        stage, edges, balance = state.stage, state.edges, np.array(state.balance)
        centre = 0.5 * (edges[1:] + edges[:-1])
        low, high = chance_range(edges, stage.power, stage.steer, state.decay)
        bins = outcomes(stage.shots, float(low.min()), float(high.max()))
        laws = bins.law(low), bins.law(high)
        weight = expected_weight(centre, state.history, state.decay)
        mixture = weight @ (0.5 * (laws[0] + laws[1]))
        left = scores(balance, stage.share, stage.bet, mixture, laws)[:, bins.bin(hits)]
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
        if len(state.history) >= _MOST_STAGES:
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
        if goal.queries is not None:
            look = replace(look, target=max(look.target, within_budget(look)))
            if look.ratio < 2.0 and look.target > _target(state):
                return replace(state, stage=last_stage(look), last=True)
        return replace(state, stage=choose(look))


def _target(state: CertifiedState) -> float:
    """Half-width to aim at: the tightest on the hull, but no less than 1/64 of its width."""
    interval, origin = state.interval, state.goal.origin
    tightest = min(max(origin, interval.low), interval.high)
    allowed = state.goal.allowed_half_width(tightest)
    if state.goal.relative_tolerance is None and allowed is not None:
        return allowed
    if allowed is None:
        return 0.0
    return max(allowed, interval.width / 64.0)


def _valued(state: CertifiedState) -> CertifiedState:
    """The state with the mean amplitude of its posterior, kept inside the hull."""
    edges = state.edges
    centre = 0.5 * (edges[1:] + edges[:-1])
    mean = float(posterior(centre, state.history, state.decay) @ np.sin(centre) ** 2)
    return replace(state, value=min(max(mean, state.interval.low), state.interval.high))
