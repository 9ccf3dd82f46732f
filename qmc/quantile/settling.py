"""Bisection with the same evidence and no model of how tails fall: where a model leads nowhere."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from qmc.problem import Array
from qmc.quantile.brackets import max_tests, resolution, wanted_width
from qmc.quantile.design import locating_factor, testing_factor
from qmc.quantile.edge_belief import edge_belief
from qmc.quantile.evidence import Batch, open_claim
from qmc.quantile.model import Belief, Model
from qmc.quantile.pilot import risk_table
from qmc.quantile.protocols import ThresholdRound
from qmc.quantile.proving import bounds, claimed, ended, model_value, resolved, with_evidence
from qmc.quantile.state import SearchState
from qmc.rounds import Round

_SHARE = 0.3  # of the error left, for each edge
_LIKELY = 0.85  # from this share of belief on, a side is tested and no longer looked for
_SHOTS = 2
_MOST_TIES = 2
_STEP = 0.1  # in log T, from an edge that is decided or tied to the next
_TIE_WIDTH = 2.5  # an edge is tied at so many times the resolution of a plain bisection


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
    """Where to look next; None when what is left cannot be told from tau.

    First edges by the model's quantile, if there was a model. An edge decided or tied is followed
    by one beyond which the draws put a tenth less or more of the tail, then two tenths, and so on;
    without draws, by the middle of the widest stretch. What lies between two tied edges is tied.
    """
    inside = [edge for edge in state.tied if state.low < edge < state.high]
    if len(state.probed) >= max_tests(np.asarray(state.task.edges)) or len(inside) > _MOST_TIES:
        return None
    if len(state.probed) < 2 and state.model is not None:
        aimed = _aimed(state, state.model)
        if aimed is not None:
            return aimed
    stretches = [(state.low, state.high, 0)]
    if inside:
        stretches = [(state.low, min(inside), -1), (max(inside), state.high, 1)]
    elif state.probed:
        toward = 1 if state.probed[-1] <= state.low else -1
        stretches = [(state.low, state.high, toward)]
    fallen = _fallen(state)
    for low, high, toward in sorted(stretches, key=lambda one: one[0] - one[1]):
        if high - low > 1 and not (inside and _flat(fallen, low, high)):
            return _within(low, high, toward, fallen, len(state.probed))
    return None


def _flat(fallen: Array | None, low: int, high: int) -> bool:
    """Whether the draws put hardly any tail between two inner edges."""
    if fallen is None or low == 0 or high == fallen.size - 1:
        return False
    return bool(fallen[high] - fallen[low] < 1.5 * _STEP)


def _aimed(state: SearchState, model: Model) -> int | None:
    """An edge by the model's quantile: as far below it as the goal allows, then as far above.

    Where atoms were seen, the quantile's own edge first. None when that lies outside the bracket.
    """
    edges, second = np.asarray(state.task.edges), bool(state.probed)
    value = model_value(state)
    centre = model.nearest(model.centre)
    if model.lumpy:
        return centre if not second and state.low < centre < state.high else None
    reach = 0.9 * (state.task.goal.allowed_half_width(value) or 0.0)
    if second:
        edge = max(int(np.searchsorted(edges, value + reach, side="right")) - 1, centre + 1)
    else:
        edge = min(int(np.searchsorted(edges, value - reach)), centre - 1)
    return edge if state.low < edge < state.high and edge not in state.probed else None


def _within(low: int, high: int, toward: int, fallen: Array | None, probed: int) -> int:
    """An edge strictly between two: a step away from one of them by the draws, or the middle."""
    if fallen is not None and toward:
        step = _STEP * 2.0 ** (probed - 1)
        inner = np.arange(low + 1, high)
        away = fallen[inner] - fallen[low] if toward > 0 else fallen[high] - fallen[inner]
        told = inner[away >= step]
        if told.size:
            return int(told[0] if toward > 0 else told[-1])
    return (low + high) // 2


def _fallen(state: SearchState) -> Array | None:
    """(edges,) how far log T has fallen from the first edge on, as the draws have it.

    Nelson and Aalen's cumulative hazard (Aalen 1978, doi:10.1214/aos/1176344247).
    """
    if not state.draws:
        return None
    seen, risk = risk_table(state.draws, np.asarray(state.task.edges).size - 1)
    share = np.divide(seen, risk, out=np.zeros_like(seen), where=risk > 0.0)
    return np.concatenate([[0.0], np.cumsum(share)])


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
    lumpy = state.model is not None and state.model.lumpy
    width = math.inf if lumpy else wanted_width(np.asarray(task.edges), state.probed[-1], task.goal)
    share = _TIE_WIDTH * resolution(tau, task.tail_bias, width)
    allowed = share / math.sin(2.0 * angle)
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
    return testing_factor(
        claim, claimed(belief.packed(), claim, boundaries), boundary, largest, decay
    )
