"""Bisection with the same evidence and no model of how tails fall: where a model leads nowhere."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from qmc.quantile.bisection import max_tests, resolution
from qmc.quantile.design import locating_factor, testing_factor
from qmc.quantile.edge_belief import edge_belief
from qmc.quantile.evidence import Batch, open_claim
from qmc.quantile.model import Belief
from qmc.quantile.proving import bounds, claimed, ended, resolved, with_evidence
from qmc.quantile.protocols import ThresholdRound
from qmc.quantile.state import SearchState
from qmc.rounds import Round

_SHARE = 0.3  # of the error left, for each edge
_LIKELY = 0.85  # from this share of belief on, a side is tested and no longer looked for
_SHOTS = 2
_MOST_TIES = 4


def settled(state: SearchState, largest: float) -> SearchState:
    """With the next round of an edge between the proved ones; finished when none is left."""
    if resolved(state):
        return ended(state, "converged")
    if not state.probed or _over(state, state.probed[-1]):
        edge = _next_edge(state)
        if edge is None:
            return ended(state, "unresolved")
        state = _begun(state, edge)
    edge = state.probed[-1]
    belief = _belief(state, edge)
    if _tied(state, belief):
        return settled(replace(state, tied=(*state.tied, edge)), largest)
    factor = _factor(state, edge, belief, largest)
    return replace(state, asked=(ThresholdRound(edge, Round(factor // 2, _SHOTS)),))


def learnt(state: SearchState, batch: Batch, cells: tuple[int, ...]) -> SearchState:
    """With a batch told to both claims at its edge."""
    del cells
    state = with_evidence(state, batch, _belief(state, batch.edge).packed())
    return replace(state, batches=(*state.batches, batch), asked=())


def _belief(state: SearchState, edge: int) -> Belief:
    mine = [batch for batch in state.batches if batch.edge == edge]
    return edge_belief(mine, state.task.decay)


def _over(state: SearchState, edge: int) -> bool:
    """Whether an edge is proved, outside the bracket, or a tie."""
    return not state.low < edge < state.high or edge in state.tied


def _next_edge(state: SearchState) -> int | None:
    """The middle of the widest stretch that may hold the quantile and was not looked into.

    A tied edge splits the bracket: what lies between two of them is a tie too.
    """
    inside = [edge for edge in state.tied if state.low < edge < state.high]
    if len(state.probed) >= max_tests(np.asarray(state.task.edges)) or len(inside) > _MOST_TIES:
        return None
    stretches = [(state.low, state.high)]
    if inside:
        stretches = [(state.low, min(inside)), (max(inside), state.high)]
    low, high = max(stretches, key=lambda ends: ends[1] - ends[0])
    return (low + high) // 2 if high - low > 1 else None


def _begun(state: SearchState, edge: int) -> SearchState:
    """With a claim each way at this edge; they share one error, as one of them must be true."""
    error, below_above = _SHARE * state.error, bounds(state)
    known = {(claim.edge, claim.above) for claim in state.claims}
    fresh = tuple(
        open_claim(edge, above=above, boundary=below_above[1 if above else 0], error=error)
        for above in (True, False)
        if (edge, above) not in known
    )
    return replace(
        state,
        probed=(*state.probed, edge),
        claims=(*state.claims, *fresh),
        error=state.error - (error if fresh else 0.0),
    )


def _tied(state: SearchState, belief: Belief) -> bool:
    """Whether an edge's tail is too close to tau to be told from it at a fair price."""
    task = state.task
    tau = task.tail_probability
    angle = math.asin(math.sqrt(tau))
    allowed = resolution(tau, task.tail_bias) / math.sin(2.0 * angle)
    near = abs(belief.mean - angle) < max(2.0 * belief.deviation, 0.5 * allowed)
    return near and 2.0 * belief.deviation < allowed


def _factor(state: SearchState, edge: int, belief: Belief, largest: float) -> int:
    """The factor of the next round: for the likelier claim, or to find out which that is."""
    boundaries, decay = bounds(state), state.task.decay
    angle = math.asin(math.sqrt(state.task.tail_probability))
    up = float(belief.weights[belief.theta > angle].sum())
    above = up > 0.5
    claim = next(c for c in state.claims if c.edge == edge and c.above == above)
    if max(up, 1.0 - up) < _LIKELY or claim.proved:
        return locating_factor(belief.packed(), largest, decay)
    boundary = boundaries[1 if above else 0]
    return testing_factor(claim, claimed(belief.packed(), claim, boundaries), boundary, largest, decay)
