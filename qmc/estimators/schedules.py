"""Runs of a schedule of powers read by their likelihood: one state machine for its users."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qmc.estimators.intervals import deviate
from qmc.estimators.likelihood import (
    Count,
    information,
    likelihood_set,
    pooled,
)
from qmc.estimators.priors import QUADRANT, angle, checked_decay, prior_angles
from qmc.problem import Goal
from qmc.result import Estimate, Interval, Status
from qmc.rounds import Round

_SPARE = 1.1  # information planned over what the tolerance needs on average
_GROWTH = 4.0  # most information of one more round over what is there, for a relative tolerance
_ALIASED = 4.0  # a set so many times wider than the information allows has several fringes
_LOOKS = 40
_LAST_LOOKS = 8  # readings at one largest power, for a goal without a tolerance of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What is run: `rounds(length)` are the first circuits, one round a power.

    Attributes:
        rounds: length >= 1 -> rounds.
        longest: largest length.
    """

    rounds: Callable[[int], tuple[Round, ...]]
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleState:
    """Everything a run knows; plain numbers, so it can be stored and gone on with.

    Attributes:
        goal: what to reach.
        error: probability of a miss that this run may spend (a prior's share taken off).
        decay: visibility lost per power.
        prior_low, prior_high: ends of the prior's theta, amplitude = sin^2 theta.
        low, high, likely: the interval of theta so far and its most likely value.
        length: circuits of the schedule asked for so far.
        pending: what is asked for next.
        counts: pooled counts, one a power.
        looks, last_looks: readings, and those since the largest power last grew.
        spent: queries so far.
        finished, status: whether it ends here, and how; "interrupted" while it runs.
        owner: the estimator that began the run.
    """

    goal: Goal
    error: float
    decay: float
    prior_low: float
    prior_high: float
    low: float
    high: float
    likely: float
    length: int = 0
    pending: tuple[Round, ...] = ()
    counts: tuple[Count, ...] = ()
    looks: int = 0
    last_looks: int = 0
    spent: int = 0
    finished: bool = False
    status: Status = "interrupted"
    owner: str = ""


def begin(goal: Goal, prior: Interval, decay: float, owner: object) -> ScheduleState:
    """A state of `owner`, no round planned. A prior without a share of error is not used."""
    decay = checked_decay(decay)
    low, high, error = prior_angles(goal, prior)
    likely = angle(0.5 * (math.sin(low) ** 2 + math.sin(high) ** 2))
    state = ScheduleState(
        goal=goal,
        error=error,
        decay=decay,
        prior_low=low,
        prior_high=high,
        low=low,
        high=high,
        likely=min(max(likely, low), high),
        owner=type(owner).__name__,
    )
    if (low, high) != (0.0, QUADRANT) and _met(state):
        return replace(state, finished=True, status="converged")
    return state


def needed_information(state: ScheduleState, allowed: float) -> float:
    """Fisher information of theta that makes the half-width `allowed`, at the steepest theta."""
    steepest = min(max(0.25 * math.pi, state.prior_low), state.prior_high)
    score = deviate("clopper_pearson", state.error)
    # near 0 and 1 an amplitude of the half-width itself is the steepest in reach
    return _SPARE * (score * max(math.sin(2.0 * steepest), 2.0 * math.sqrt(allowed)) / allowed) ** 2


def planned(state: ScheduleState, schedule: Schedule, needed: float | None) -> ScheduleState:
    """The state with its first rounds: enough information, or all that the budget allows."""
    if state.finished:
        return state
    queries = state.goal.queries
    if needed is not None:
        length = _shortest(schedule, lambda rounds: information(rounds, state.decay) >= needed)
        # one circuit fewer and more shots may be cheaper: a last power costs as much as the rest
        lengths = range(max(1, length - 1), length + 1)
        plans = [_enough(schedule.rounds(one), needed, state.decay) for one in lengths]
        rounds = min(plans, key=cost)
        if queries is None or cost(rounds) <= queries:
            return replace(state, length=lengths[plans.index(rounds)], pending=rounds)
    assert queries is not None
    over = _shortest(schedule, lambda rounds: cost(rounds) > queries)
    length = over - 1 if cost(schedule.rounds(over)) > queries else over
    rounds = schedule.rounds(max(length, 1))
    return _within(replace(state, length=max(length, 1)), rounds, fill=True)


def _enough(rounds: tuple[Round, ...], needed: float, decay: float) -> tuple[Round, ...]:
    """The rounds, with more shots where they know too little."""
    short = needed / max(information(rounds, decay), 1e-300)
    return scaled(rounds, max(short, 1.0), math.ceil)


def ask(state: ScheduleState) -> tuple[Round, ...]:
    """The pending rounds, all in one job; () when finished."""
    return () if state.finished else state.pending


def tell(
    state: ScheduleState,
    rounds: Sequence[Round],
    hits: Sequence[int],
    schedule: Schedule,
    *,
    fisher: bool = False,
) -> ScheduleState:
    """Pool the hits, read the likelihood once, and plan more rounds if the goal needs them.

    Args:
        state: as asked from.
        rounds: what was run.
        hits: one a round.
        schedule: to grow along.
        fisher: take the most likely theta +- z / sqrt(information) for the interval instead.

    The caller has seen that they are what it asked for.
    """
    state = replace(
        state,
        counts=pooled(state.counts, rounds, hits),
        looks=state.looks + 1,
        last_looks=state.last_looks + 1,
        spent=state.spent + cost(rounds),
    )
    state = _read(state)
    if fisher and not state.finished:
        state = _with_fisher(state)
    return state if state.finished else _decide(state, schedule)


def estimate(state: ScheduleState) -> Estimate:
    """Most likely amplitude, and the interval so far."""
    low, value, high = (math.sin(one) ** 2 for one in (state.low, state.likely, state.high))
    return Estimate(value, Interval(low, high, state.goal.confidence), state.status)


def cost(rounds: Sequence[Round]) -> int:
    """Queries of all rounds."""
    return sum(one.queries for one in rounds)


def scaled(
    rounds: Sequence[Round], factor: float, whole: Callable[[float], int]
) -> tuple[Round, ...]:
    """Each round's shots times a factor; rounds left without shots go."""
    if factor == 1.0:
        return tuple(rounds)
    shots = [whole(one.shots * factor) for one in rounds]
    return tuple(
        replace(one, shots=count) for one, count in zip(rounds, shots, strict=True) if count
    )


def _read(state: ScheduleState) -> ScheduleState:
    """The likelihood's interval; unresolved when it shuts the prior out."""
    drop = 0.5 * deviate("clopper_pearson", state.error) ** 2
    prior = (state.prior_low, state.prior_high)
    inside = likelihood_set(state.counts, drop, state.decay, prior)
    if prior != (0.0, QUADRANT):
        free = likelihood_set(state.counts, drop, state.decay)
        if free.top - drop > inside.top:
            low, high = min(free.low, prior[0]), max(free.high, prior[1])
            state = replace(state, finished=True, status="unresolved")
            return replace(state, low=low, high=high, likely=free.likely)
    return replace(state, low=inside.low, high=inside.high, likely=inside.likely)


def _with_fisher(state: ScheduleState) -> ScheduleState:
    """The state whose interval is the most likely theta +- z / sqrt(information there)."""
    known = information(state.counts, state.decay, state.likely)
    width = deviate("clopper_pearson", state.error) / math.sqrt(max(known, 1e-300))
    low = max(state.likely - width, state.prior_low)
    return replace(state, low=low, high=min(state.likely + width, state.prior_high))


def _decide(state: ScheduleState, schedule: Schedule) -> ScheduleState:
    """Finish, or plan what is missing."""
    if _met(state):
        return replace(state, finished=True, status="converged")
    allowed = state.goal.allowed_half_width(math.sin(state.likely) ** 2)
    if allowed is None:
        return replace(state, finished=True, status="budget_exhausted")
    relative_only = state.goal.tolerance is None
    if state.looks >= _LOOKS or (relative_only and state.last_looks >= _LAST_LOOKS):
        return replace(state, finished=True, status="unresolved")
    return _within(*_missing(state, schedule, allowed))


def _missing(
    state: ScheduleState, schedule: Schedule, allowed: float
) -> tuple[ScheduleState, tuple[Round, ...]]:
    """More circuits of the schedule, or the same ones again."""
    known = information(state.counts, state.decay)
    width = deviate("clopper_pearson", state.error) / math.sqrt(known)
    half_width = _half_width(state.low, state.high)
    seen = schedule.rounds(state.length)
    if half_width > _ALIASED * _half_width(state.likely - width, state.likely + width):
        # several fringes are left: as many queries at every power tell them apart
        each = state.spent / len(seen)
        return state, tuple(
            replace(one, shots=math.ceil(each / (2 * one.power + 1))) for one in seen
        )
    growth = _GROWTH if allowed == 0.0 else _SPARE * (half_width / allowed) ** 2
    if state.goal.tolerance is None:
        growth = min(growth, _GROWTH)
    length = _shortest(schedule, lambda rounds: information(rounds, state.decay) >= growth * known)
    if growth > 2.0 and length > state.length:
        more = _difference(schedule.rounds(length), seen)
        deeper = more[-1].power > seen[-1].power
        last_looks = 0 if deeper else state.last_looks
        return replace(state, length=length, last_looks=last_looks), more
    share = (growth - 1.0) * known / max(information(seen, state.decay), 1e-300)
    return state, scaled(seen, max(share, 0.1), math.ceil)


def _difference(rounds: Sequence[Round], seen: Sequence[Round]) -> tuple[Round, ...]:
    """The rounds that are not among those seen."""
    before = {one.power: one.shots for one in seen}
    left = [(one, one.shots - before.get(one.power, 0)) for one in rounds]
    return tuple(replace(one, shots=shots) for one, shots in left if shots > 0)


def _within(
    state: ScheduleState, rounds: tuple[Round, ...], *, fill: bool = False
) -> ScheduleState:
    """These rounds pending, cut to the budget (or `fill`ing it); the end when nothing is left."""
    if state.goal.queries is not None:
        share = (state.goal.queries - state.spent) / cost(rounds)
        rounds = scaled(rounds, share if fill else min(share, 1.0), math.floor)
    if not rounds:
        return replace(state, pending=(), finished=True, status="budget_exhausted")
    return replace(state, pending=rounds)


def _shortest(schedule: Schedule, enough: Callable[[tuple[Round, ...]], bool]) -> int:
    """Least length whose rounds are enough, or the longest: doubled, then halved between."""
    low, high = 0, 1
    while high < schedule.longest and not enough(schedule.rounds(high)):
        low, high = high, min(2 * high, schedule.longest)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(schedule.rounds(middle)) else (middle, high)
    return high


def _half_width(low: float, high: float) -> float:
    """Half-width of the amplitude for ends of theta."""
    low, high = max(low, 0.0), min(high, QUADRANT)
    return 0.5 * (math.sin(high) ** 2 - math.sin(low) ** 2)


def _met(state: ScheduleState) -> bool:
    value = math.sin(state.likely) ** 2
    return state.goal.met(value, _half_width(state.low, state.high))
