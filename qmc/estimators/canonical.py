"""`Canonical`: amplitude estimation by phase estimation, one run or several together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.estimators.intervals import deviate
from qmc.estimators.phases import (
    exact_radius,
    folded,
    likelihood_interval,
    likelihood_radius,
    theorem_radius,
)
from qmc.estimators.priors import QUADRANT, angle, checked_decay, prior_angles
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval, Status
from qmc.rounds import PhaseRound

_RUNS = (1, 3, 5, 7, 9)  # what `runs=None` chooses from
_LIKELIHOOD_RUNS = (5, 7, 9)  # the same where the guarantee is asymptotic in the runs
_LOOKS = 16
_STRICTER = 1.6  # times the chi-square quantile: where the law has zeros, Wilks alone covers .82
_SPARE = 1.25  # planned over the likelihood's width when all outcomes agree
_FIRST_TOLERANCE = 0.05  # a relative tolerance begins with the bits for this half-width
_GROWTH = 16.0  # most that one reading narrows the next one's aim, where zero is in reach


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalState:
    """Everything a run knows; plain numbers, so it can be stored and gone on with.

    Attributes:
        goal: what to reach.
        error: probability of a miss that this run may spend (a prior's share taken off).
        decay: visibility lost per power.
        low, high, likely: the interval of theta so far and its value, amplitude = sin^2 theta.
        bits, runs: what is asked for next; no bits when the budget allows none.
        outcomes: of all runs with this many bits, sorted.
        looks: readings so far.
        spent: queries so far.
        finished, status: whether it ends here, and how; "interrupted" while it runs.
    """

    goal: Goal
    error: float
    decay: float
    low: float
    high: float
    likely: float
    bits: int = 0
    runs: int = 0
    outcomes: tuple[int, ...] = ()
    looks: int = 0
    spent: int = 0
    finished: bool = False
    status: Status = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canonical:
    """Canonical quantum amplitude estimation (QAE): phase estimation of the Grover operator.

    Algorithm: Brassard, Hoyer, Mosca and Tapp (2002), arXiv:quant-ph/0005055, algorithm
    Est_Amp: a register of m bits controls 2^m - 1 Grover operators, an inverse Fourier transform
    turns it into an outcome y, and sin^2(pi y / 2^m) is the amplitude. Several runs give the
    median of their values (`combine="median"`), or the amplitude that makes all outcomes most
    likely. Bits, and runs when None, are the cheapest that meet the tolerance at its steepest
    amplitude; with a budget alone the narrowest it allows. A relative tolerance takes more bits
    from reading to reading. It needs an oracle with `phases(bits, shots)`; others are refused
    by name (`Unsupported`).

    Guarantee: for the median, "theorem" is proved: the k cells of theorem 12, 8 / pi^2 for one
    run and k = 1, and a binomial tail for several. "exact" takes the least window whose miss, a
    binomial tail of the outcome's exact law, is at most 1 - confidence at 16 angles a cell
    (`exact_radius`); a test checks angles in between, no proof does. The j-th reading of a
    relative tolerance spends 1 / (j (j + 1)) of the error, so with such a window its interval
    holds at every reading at once. Maximum likelihood: measured, .93 to 1 at single amplitudes
    at confidence .95. Its interval is the hull of all amplitudes whose likelihood is within 1.6
    times the chi-square quantile of the top; with the quantile itself the law's zeros leave .82.
    Runs added to too wide an interval are not paid for.

    Cost: runs (2^(m+1) - 1) queries: at the steepest amplitude 2 pi radius runs / tolerance, and
    up to twice that as m is whole. Radius x runs is 1 for one run at confidence .81 by the
    theorem (.75 exact), and at .95 about 5 for a median and 3 for a likelihood of 5 runs.

    Attributes:
        combine: "median" or "maximum_likelihood".
        runs: phase estimations of one reading, odd for a median; None chooses.
        radius: of the median's window, "exact" or "theorem".
        max_bits: largest register.
    """

    combine: Literal["median", "maximum_likelihood"] = "median"
    runs: int | None = None
    radius: Literal["exact", "theorem"] = "exact"
    max_bits: int = 20

    def __post_init__(self) -> None:
        """Refuse unknown words, an even number of runs for a median, and an empty register."""
        checks.choice("combine", self.combine, ("median", "maximum_likelihood"))
        checks.choice("radius", self.radius, ("exact", "theorem"))
        object.__setattr__(self, "max_bits", checks.whole("max_bits", self.max_bits, 1, 30))
        if self.runs is None:
            return
        object.__setattr__(self, "runs", checks.whole("runs", self.runs, 1, 9_999))
        if self.combine == "median" and self.runs % 2 == 0:
            raise checks.refuse("runs", self.runs, "odd, for a median")

    @property
    def guarantee(self) -> Guarantee:
        """Proved for the theorem's window of a median; the others were measured."""
        theorem = self.combine == "median" and self.radius == "theorem"
        return "proved" if theorem else "unproved"

    @property
    def anytime_valid(self) -> bool:
        """True for a median: every reading spends its own share of the error."""
        return self.combine == "median"

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> CanonicalState:
        """The first state. A prior that leaves no share of the error is not used."""
        decay = checked_decay(decay)
        low, high, error = prior_angles(goal, prior)
        state = CanonicalState(
            goal=goal, error=error, decay=decay, low=low, high=high, likely=_middle(low, high)
        )
        if (low, high) != (0.0, QUADRANT) and _met(state):
            return replace(state, finished=True, status="converged")
        if goal.tolerance is None and goal.relative_tolerance is None:
            return self._planned(state, 0.0)
        return self._planned(state, goal.tolerance or _FIRST_TOLERANCE)

    def ask(self, state: CanonicalState, rng: np.random.Generator) -> tuple[PhaseRound, ...]:
        """The phase estimations of the next reading; () when finished. Draws nothing."""
        del rng
        return () if state.finished else (PhaseRound(state.bits, state.runs),)

    def tell(
        self,
        state: CanonicalState,
        rounds: Sequence[PhaseRound],
        hits: Sequence[Sequence[int]],
    ) -> CanonicalState:
        """Read the outcomes together, and choose what is next.

        Raises:
            InvalidProblem: for what does not answer `ask`, see `telling`, and for fewer runs.
        """
        require_told(self, state, CanonicalState, rounds, hits)
        told = [int(one) for outcomes in hits for one in outcomes]
        if len(told) != state.runs:
            msg = f"{len(told)} outcomes: must be runs={state.runs}, as asked"
            raise InvalidProblem(msg)
        state = replace(
            state,
            outcomes=tuple(sorted((*state.outcomes, *told))),
            looks=state.looks + 1,
            spent=state.spent + sum(each.queries for each in rounds),
        )
        return self._decide(self._read(state))

    def estimate(self, state: CanonicalState) -> Estimate:
        """Median or most likely amplitude, and the interval so far."""
        low, value, high = (math.sin(one) ** 2 for one in (state.low, state.likely, state.high))
        return Estimate(value, Interval(low, high, state.goal.confidence), state.status)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries of the reading that meets the goal at this amplitude, or the budget."""
        limit = float(goal.queries) if goal.queries is not None else math.inf
        allowed = goal.allowed_half_width(amplitude)
        if allowed is None:
            return limit
        aim = Goal(tolerance=max(allowed, 1e-300), confidence=goal.confidence)
        plan = self.start(aim)
        return min(limit, float(PhaseRound(plan.bits, plan.runs).queries))

    def _share(self, state: CanonicalState, look: int) -> float:
        """Error that a reading may spend."""
        if state.goal.relative_tolerance is None or self.combine != "median":
            return state.error
        return state.error / (look * (look + 1))

    def _window(self, bits: int, runs: int, state: CanonicalState, look: int) -> float:
        """Half-width of theta that a reading of these bits and runs is planned to have."""
        visible, error = _visible(state.decay, bits), self._share(state, look)
        if self.combine == "maximum_likelihood":
            cells = _SPARE * likelihood_radius(runs, _drop(error), visible)
        elif self.radius == "theorem":
            cells = theorem_radius(bits, runs, error, visible)
        else:
            cells = exact_radius(bits, runs, error, visible)
        return cells * math.pi / 2.0**bits

    def _planned(self, state: CanonicalState, tolerance: float) -> CanonicalState:
        """The cheapest bits and runs for the tolerance, else the narrowest within the budget."""
        choices = _RUNS if self.combine == "median" else _LIKELIHOOD_RUNS
        left = math.inf if state.goal.queries is None else state.goal.queries - state.spent
        best = None
        for bits in range(1, self.max_bits + 1):
            for runs in choices if self.runs is None else (self.runs,):
                queries = PhaseRound(bits, runs).queries
                if queries > left:
                    continue
                width = _steepest(state, self._window(bits, runs, state, state.looks + 1))
                rank = (max(width, tolerance), queries)
                if best is None or rank < best[0]:
                    best = rank, bits, runs
        if best is None:
            return replace(state, finished=True, status="budget_exhausted")
        return replace(state, bits=best[1], runs=best[2], outcomes=())

    def _read(self, state: CanonicalState) -> CanonicalState:
        """Intersect with the window about the median, or take the likelihood's interval."""
        cell = math.pi / 2.0**state.bits
        if self.combine == "maximum_likelihood":
            drop, visible = _drop(state.error), _visible(state.decay, state.bits)
            found = likelihood_interval(state.outcomes, state.bits, drop, visible)
            low, likely, high = (cell * one for one in found)
        else:
            places = sorted(folded(one, state.bits) for one in state.outcomes)
            likely = cell * places[len(places) // 2]
            width = self._window(state.bits, state.runs, state, state.looks)
            low, high = max(likely - width, 0.0), min(likely + width, QUADRANT)
        if low > state.high or high < state.low:
            low, high = min(low, state.low), max(high, state.high)
            likely = min(max(likely, low), high)
            return replace(
                state, low=low, high=high, likely=likely, finished=True, status="unresolved"
            )
        low, high = max(low, state.low), min(high, state.high)
        return replace(state, low=low, high=high, likely=min(max(likely, low), high))

    def _decide(self, state: CanonicalState) -> CanonicalState:
        """Finish, or choose the bits and runs of another reading."""
        if state.finished:
            return state
        if _met(state):
            return replace(state, finished=True, status="converged")
        allowed = state.goal.allowed_half_width(math.sin(state.likely) ** 2)
        if allowed is None:
            return replace(state, finished=True, status="budget_exhausted")
        more = self._planned(state, self._aim(state))
        if more.finished or state.looks >= _LOOKS:
            status: Status = more.status if more.finished else "unresolved"
            return replace(state, finished=True, status=status)
        if more.bits > state.bits:
            return more
        return self._repeated(state, more)

    def _repeated(self, state: CanonicalState, more: CanonicalState) -> CanonicalState:
        """More runs of the same register, if they help: to a likelihood they do."""
        left = math.inf if state.goal.queries is None else state.goal.queries - state.spent
        runs = int(min(state.runs, left // PhaseRound(state.bits, 1).queries))
        if self.combine == "maximum_likelihood" and runs:
            return replace(state, runs=runs)
        short = state.goal.queries is not None and more.bits < self.max_bits
        return replace(state, finished=True, status="budget_exhausted" if short else "unresolved")

    def _aim(self, state: CanonicalState) -> float:
        """The half-width to plan for: what is allowed at the interval's point nearest zero."""
        goal = state.goal
        low, high = math.sin(state.low) ** 2, math.sin(state.high) ** 2
        allowed = goal.allowed_half_width(min(max(goal.origin, low), high)) or 0.0
        return max(allowed, 0.5 * (high - low) / _GROWTH)


def _middle(low: float, high: float) -> float:
    """The angle of the amplitude interval's midpoint."""
    middle = 0.5 * (math.sin(low) ** 2 + math.sin(high) ** 2)
    return min(max(angle(middle), low), high)


def _visible(decay: float, bits: int) -> float:
    return math.exp(-decay * (2.0**bits - 1.0))


def _drop(error: float) -> float:
    return 0.5 * _STRICTER * deviate("clopper_pearson", error) ** 2


def _steepest(state: CanonicalState, width: float) -> float:
    """The widest half-width of the amplitude that theta +- width has in the interval so far."""
    if width >= 0.25 * math.pi:
        return 0.5
    steepest = min(max(0.25 * math.pi, state.low), state.high)
    # at the ends of [0, pi / 2] an interval is cut where it is as steep as this
    slope = max(math.sin(2.0 * steepest), math.sin(2.0 * width))
    return 0.5 * slope * math.sin(2.0 * width)


def _met(state: CanonicalState) -> bool:
    half_width = 0.5 * (math.sin(state.high) ** 2 - math.sin(state.low) ** 2)
    return state.goal.met(math.sin(state.likely) ** 2, half_width)
