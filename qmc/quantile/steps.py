"""The steps of a `QuantileSearch`: pure functions from a state and its replies to the next."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qmc.quantile import coarse, pilot, proving, settling
from qmc.quantile.brackets import bracket_status
from qmc.quantile.evidence import Batch, surviving
from qmc.quantile.model import begin
from qmc.quantile.protocols import (
    QuantileEstimate,
    QuantileTask,
    ThresholdReply,
    ThresholdRound,
)
from qmc.quantile.state import SearchState
from qmc.result import Interval, Status
from qmc.rounds import Round

# of the error, for the intervals of the tails; the k-th edge tested has 1 / (k (k + 1)) of it
_TAILS_SHARE = 0.05
_VAGUE_SLOPE = 0.6
_VAGUE_COARSE = 1.0
_ATTEMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings of a search; `largest` is the factor 2k+1 of its largest power."""

    plain: int
    stage: int
    largest: float
    clear: float
    first: float
    reopen: float
    max_rounds: int


def first(rules: Rules, task: QuantileTask) -> SearchState:
    """The state before any round."""
    last = np.asarray(task.edges).size - 1
    error = (1.0 - task.goal.confidence) * (1.0 - _TAILS_SHARE)
    state = SearchState(task=task, high=last, error=error)
    if last < 2:  # one cell: there is nothing to tell apart
        return replace(state, finished=True, status="unresolved")
    return decided(rules, _looking(rules, state))


def told(
    rules: Rules,
    state: SearchState,
    rounds: Sequence[ThresholdRound],
    replies: Sequence[ThresholdReply],
) -> SearchState:
    """The state after these replies, with its next rounds or its end."""
    for one, reply in zip(rounds, replies, strict=True):
        batch = Batch(one.edge, 2 * one.round.power + 1, one.round.shots, reply.hits)
        drawn = (pilot.Draws(one.edge, reply.cells),) if reply.cells else ()
        state = replace(
            state,
            spent=state.spent + one.queries,
            rounds=state.rounds + 1,
            draws=(*state.draws, *drawn),
        )
        state = _LEARN[state.phase](state, batch, reply.cells)
    return decided(rules, state)


def decided(rules: Rules, state: SearchState) -> SearchState:
    """With the next rounds, or finished."""
    if state.left is not None and state.left < 1:
        return proving.ended(state, "budget_exhausted")
    if state.rounds >= rules.max_rounds:
        return proving.ended(state, "unresolved")
    state = _within_budget(_next(rules, state))
    return replace(state, asked=()) if state.finished else state


def _next(rules: Rules, state: SearchState) -> SearchState:
    """The next rounds of the phase, which may turn into another."""
    if state.phase == "plain":
        return state
    if state.phase == "coarse":
        if not coarse.found(state):
            return coarse.asked(state)
        state = _modelled(state)
    if state.phase == "descend":
        if state.descent is not None and not state.descent.done:
            factor = pilot.stage_factor(state.descent.tail)
            one = ThresholdRound(state.descent.edge, Round(factor // 2, rules.stage), readout=True)
            return replace(state, asked=(one,))
        state = _modelled(state)
    if state.phase == "model":
        state = proving.led(state, rules.clear, rules.first, rules.reopen, rules.largest)
        if state.finished or state.asked:
            return state
    if state.phase == "model":  # it led nowhere
        lumpy = state.model is not None and state.model.lumpy
        if state.task.reads and not lumpy and state.attempt < _ATTEMPTS:
            return _looking(rules, state)
        state = replace(state, phase="bisect", probed=())
    return settling.settled(state, rules.largest)


def _looking(rules: Rules, state: SearchState) -> SearchState:
    """At the begin of an attempt: plain draws, twice as many at the second; or coarse flags."""
    state = replace(
        state,
        pair=None,
        model=None,
        descent=None,
        attempt=state.attempt + 1,
        since=state.spent,
        limit=math.inf,
    )
    if not state.task.reads:
        return replace(state, phase="coarse")
    plain = ThresholdRound(0, Round(0, rules.plain * state.attempt), readout=True)
    return replace(state, phase="plain", asked=(plain,))


def _modelled(state: SearchState) -> SearchState:
    """With a model, from what the first look found."""
    task = state.task
    edges, tau = np.asarray(task.edges), task.tail_probability
    lumpy = False
    if state.descent is not None:
        lumpy = pilot.lumpy(edges, state.descent, state.draws, tau)
        places = pilot.places(edges, state.descent, state.draws, tau)
        prior = (*pilot.first_centre(places, state.descent, tau), 0.0, _VAGUE_SLOPE)
    else:
        places, centre, wide = coarse.places(state)
        prior = (centre, wide, 0.0, _VAGUE_COARSE)
    return replace(
        state, phase="model", model=begin(places, tau, task.decay, prior, lumpy=lumpy), asked=()
    )


def _drawn(state: SearchState, batch: Batch, cells: tuple[int, ...]) -> SearchState:
    """After plain draws."""
    tau, last = state.task.tail_probability, np.asarray(state.task.edges).size - 1
    del batch
    return replace(state, descent=pilot.after_plain(cells, tau, last), phase="descend", asked=())


def _descended(state: SearchState, batch: Batch, cells: tuple[int, ...]) -> SearchState:
    """After a look further out."""
    tau, last = state.task.tail_probability, np.asarray(state.task.edges).size - 1
    if state.descent is None:
        return state
    return replace(
        state, descent=pilot.after_stage(state.descent, batch, cells, tau, last), asked=()
    )


def _coarse(state: SearchState, batch: Batch, cells: tuple[int, ...]) -> SearchState:
    """After flags at one edge."""
    del cells
    return replace(state, batches=(*state.batches, batch), asked=())


_Learn = Callable[[SearchState, Batch, tuple[int, ...]], SearchState]
_LEARN: dict[str, _Learn] = {
    "plain": _drawn,
    "descend": _descended,
    "coarse": _coarse,
    "model": proving.learnt,
    "bisect": settling.learnt,
}


def _within_budget(state: SearchState) -> SearchState:
    """With rounds that the budget can pay: fewer shots, then smaller powers."""
    left, kept = state.left, []
    if left is None:
        return state
    for one in state.asked:
        power = min(one.round.power, (left - 1) // 2)
        if left < 1:
            break
        shots = min(one.round.shots, left // (2 * power + 1))
        cut = replace(one, round=Round(power, shots))
        kept.append(cut)
        left -= cut.queries
    return replace(state, asked=tuple(kept))


def estimated(state: SearchState) -> QuantileEstimate:
    """What is proved, a point inside, and the tails at the proved ends."""
    task, edges = state.task, np.asarray(state.task.edges)
    ends = float(edges[state.low]), float(edges[state.high])
    interval = Interval(*ends, task.goal.confidence)
    narrow = proving.resolved(state)
    value = interval.midpoint
    if narrow and state.model is not None and math.isfinite(interval.half_width):
        value = min(max(proving.model_value(state), ends[0]), ends[1])
    return QuantileEstimate(
        value=value,
        low=state.low,
        high=state.high,
        interval=interval,
        status=_status(state, value, interval),
        tails=_tails(state),
        tests=len({claim.edge for claim in state.claims}),
    )


def _status(state: SearchState, value: float, interval: Interval) -> Status:
    if not state.finished:
        return "interrupted"
    spent, cells = state.status == "budget_exhausted", state.high - state.low
    return bracket_status(state.task.goal, value, interval, cells, spent=spent)


def _tails(state: SearchState) -> tuple[tuple[int, Interval], ...]:
    """Intervals of P(loss > edge) at the proved inner ends, valid together with the bracket."""
    task = state.task
    share = _TAILS_SHARE * (1.0 - task.goal.confidence)
    order = list(dict.fromkeys(claim.edge for claim in state.claims))
    tau, found = task.tail_probability, []
    for edge in (state.low, state.high):
        if edge not in order:
            continue
        place = order.index(edge) + 1
        mine = [(bet.batch, bet.expected) for bet in state.bets if bet.batch.edge == edge]
        flags = surviving(mine, share / (place * (place + 1)), task.decay)
        proved = Interval(tau, 1.0) if edge == state.low else Interval(0.0, tau)
        low, high = flags.low - task.tail_bias, flags.high + task.tail_bias
        inside = Interval(low, high).clipped(proved.low, proved.high)
        found.append((edge, replace(inside, confidence=task.goal.confidence)))
    return tuple(found)
