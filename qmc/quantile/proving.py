"""The model's lead: locate the quantile, choose a pair of edges, prove them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from qmc.quantile import pilot
from qmc.quantile.brackets import narrow_enough
from qmc.quantile.design import locating_factor, testing_factor
from qmc.quantile.evidence import Batch, Claim, angles, hit_chance, log_mixture, open_claim
from qmc.quantile.model import Belief, Model
from qmc.quantile.pairs import Outlook, Pair, best_pair, outer_pair, rest_cost
from qmc.quantile.protocols import ThresholdRound
from qmc.quantile.state import Bet, SearchState
from qmc.quantile.window import Seen
from qmc.result import Interval, Status
from qmc.rounds import Round

_LATER_SHARE = 0.5  # of the error left, for every pair after the first
_BUDGET_SHARE = 0.6  # of the queries left, for a pair
_NARROWER = 0.7  # a bracket is improved only to this share of its width, or below
# log odds to which a quantile is located at most; closer is a tie
_CLOSEST = 0.002
_MOST_PAIRS = 6
# where atoms were seen, edges that differ so much from tau in log odds are proved first; a narrower
# pair may then cost so many times what was spent, as the next atom's edge may be a tie
_LUMPY_CLEAR, _LUMPY_PRICE = 0.1, 1.5
_CUT = 0.5  # losses read are counted up to where the odds fell by so much
# an attempt is given up at so many queries: what locating and the pair's forecast took, and more
_PATIENCE = (2.0, 2.5, 1000.0)


def ended(state: SearchState, status: Status) -> SearchState:
    """The state, finished."""
    return replace(state, finished=True, status=status, asked=())


def bounds(state: SearchState) -> tuple[float, float]:
    """Angles below and above which a claim's null ends, with the encoding's bias."""
    return angles(state.task.tail_probability, state.task.tail_bias)


def resolved(state: SearchState) -> bool:
    """Whether the bracket is one cell or meets the goal."""
    enough = narrow_enough(np.asarray(state.task.edges), state.task.goal)
    return state.high - state.low == 1 or enough(state.low, state.high)


def model_value(state: SearchState) -> float:
    """The model's quantile; NaN without a model."""
    if state.model is None:
        return math.nan
    inner = np.asarray(state.task.edges)[1:-1]
    return float(np.interp(state.model.centre, state.model.places[1:-1], inner))


def led(
    state: SearchState, clear: float, first: float, reopen: float, largest: float
) -> SearchState:
    """With the next round by the model; without rounds and not finished when it leads nowhere."""
    model = state.model
    if model is not None and resolved(state):
        return ended(state, "converged")
    if model is None or _impatient(state):
        if model is not None and model.lumpy and bracketed(state):
            return _given_up(state, model, first)
        return replace(state, asked=())
    look = _outlook(state, model, first)
    pair = _improving(state, model, best_pair(look) or outer_pair(look))
    state = _kept(state, model, pair, first, reopen)
    if state.finished or state.phase == "bisect":
        return state
    if state.pair is None:
        state = _sought(state, model, pair, clear, first, largest)
    return state if state.pair is None else _testing(state, model, largest)


def _sought(
    state: SearchState,
    model: Model,
    pair: Pair | None,
    clear: float,
    first: float,
    largest: float,
) -> SearchState:
    """With the pair opened, if it stands clear of tau; else locating, finished or led nowhere."""
    if pair is None and bracketed(state):
        return _given_up(state, model, first)
    close = model.spread * model.slope < _CLOSEST
    if not close and (pair is None or pair.blur > clear):
        return _locating(state, model, largest)
    if pair is None or state.pairs >= _MOST_PAIRS * state.attempt:
        return replace(state, asked=())
    return _opened(state, pair, _share(state, first))


def _improving(state: SearchState, model: Model, pair: Pair | None) -> Pair | None:
    """The pair, if it would make the bracket a good deal narrower."""
    if pair is None:
        return None
    edges = np.asarray(state.task.edges)
    low, high = max(state.low, pair.low), min(state.high, pair.high)
    if (low, high) == (state.low, state.high):
        return None
    if model.lumpy and bracketed(state) and pair.cost > _LUMPY_PRICE * state.spent:
        return None
    width = float(edges[state.high] - edges[state.low])
    narrower = float(edges[high] - edges[low]) <= _NARROWER * width
    return pair if narrower or math.isinf(width) else None


def _share(state: SearchState, first: float) -> float:
    """The error that the next pair may spend."""
    return state.error * (_LATER_SHARE if state.pairs else first)


def _outlook(state: SearchState, model: Model, first: float) -> Outlook:
    left = math.inf if state.left is None else _BUDGET_SHARE * state.left
    return Outlook(
        model=model,
        edges=np.asarray(state.task.edges),
        goal=state.task.goal,
        boundaries=bounds(state),
        known=(state.low, state.high),
        nats=math.log(1.0 / _share(state, first)),
        queries=left,
        clear=_LUMPY_CLEAR if model.lumpy and not bracketed(state) else 0.0,
    )


def bracketed(state: SearchState) -> bool:
    """Whether both ends are inner edges."""
    return state.low > 0 and state.high < np.asarray(state.task.edges).size - 1


def _impatient(state: SearchState) -> bool:
    """Whether the attempt has taken far more than was foreseen."""
    return state.spent - state.since > state.limit


def _given_up(state: SearchState, model: Model, first: float) -> SearchState:
    """Without a narrower pair to prove: finished where atoms are in the way or the budget is.

    Else, unless the goal is met at the middle, the edges between are tested one after the
    other: few cells leave a model no pair.
    """
    if _meets(state):
        return ended(state, "converged")
    if state.left is not None and bracketed(state):
        look = replace(_outlook(state, model, first), queries=math.inf)
        dear = _improving(state, model, best_pair(look)) is not None
        if dear:
            return ended(state, "budget_exhausted")
    if model.lumpy and bracketed(state):
        return ended(state, "unresolved")
    return replace(state, pair=None, phase="bisect", probed=(), asked=())


def _meets(state: SearchState) -> bool:
    """Whether the bracket meets the goal at its middle, by which it is judged in the end."""
    edges = np.asarray(state.task.edges)
    bracket = Interval(float(edges[state.low]), float(edges[state.high]))
    allowed = state.task.goal.allowed_half_width(bracket.midpoint)
    return allowed is not None and bracket.half_width <= allowed


def _kept(
    state: SearchState, model: Model, pair: Pair | None, first: float, reopen: float
) -> SearchState:
    """With the pair in hand, with none when another is better, or finished when it is proved."""
    if state.pair is None:
        return state
    if state.low >= state.pair.low and state.high <= state.pair.high:
        return _given_up(state, model, first) if pair is None else replace(state, pair=None)
    if pair is None or (pair.low, pair.high) == (state.pair.low, state.pair.high):
        return state
    rest = sum(rest_cost(model, claim, bounds(state)) for claim in _open(state))
    return replace(state, pair=None) if pair.cost < reopen * rest else state


def _open(state: SearchState) -> list[Claim]:
    """Claims of the pair in hand that are not proved yet."""
    pair = state.pair
    if pair is None:
        return []
    wanted = set()
    if state.low < pair.low:
        wanted.add((pair.low, True))
    if state.high > pair.high:
        wanted.add((pair.high, False))
    return [claim for claim in state.claims if (claim.edge, claim.above) in wanted]


def _opened(state: SearchState, pair: Pair, error: float) -> SearchState:
    """With this pair; its error is spent only where a claim is new."""
    known, boundaries, fresh = {(c.edge, c.above) for c in state.claims}, bounds(state), []
    if state.low < pair.low and (pair.low, True) not in known:
        fresh.append(open_claim(pair.low, above=True, boundary=boundaries[1], error=error))
    if state.high > pair.high and (pair.high, False) not in known:
        fresh.append(open_claim(pair.high, above=False, boundary=boundaries[0], error=error))
    return replace(
        state,
        pair=pair,
        pairs=state.pairs + 1,
        limit=min(state.limit, _limit(state, pair)),
        claims=(*state.claims, *fresh),
        error=state.error - (error if fresh else 0.0),
    )


def _limit(state: SearchState, pair: Pair) -> float:
    """Queries after which an attempt is given up."""
    spent = state.spent - state.since
    if state.model is not None and state.model.lumpy and bracketed(state):
        return spent + 2.0 * pair.cost
    first, second, third = _PATIENCE
    return first * spent + second * pair.cost + third


def _locating(state: SearchState, model: Model, largest: float) -> SearchState:
    edge = model.nearest(model.centre)
    factor = locating_factor(model.belief(edge), largest, state.task.decay)
    return replace(state, asked=(_flag(state, edge, factor),))


def _testing(state: SearchState, model: Model, largest: float) -> SearchState:
    """A round for the claim that still costs most."""
    boundaries = bounds(state)
    claim = max(_open(state), key=lambda one: rest_cost(model, one, boundaries))
    belief = claimed(model.belief(claim.edge), claim, boundaries)
    boundary = boundaries[1] if claim.above else boundaries[0]
    factor = testing_factor(claim, belief, boundary, largest, state.task.decay)
    return replace(state, asked=(_flag(state, claim.edge, factor),))


def _flag(state: SearchState, edge: int, factor: int) -> ThresholdRound:
    return ThresholdRound(edge, Round(factor // 2, 1), readout=state.task.reads)


def claimed(belief: Belief, claim: Claim, boundaries: tuple[float, float]) -> Belief:
    """The belief where the claim is true, or all of it when it holds the claim for false."""
    boundary = boundaries[1] if claim.above else boundaries[0]
    return belief.side(boundary, above=claim.above) or belief


def learnt(state: SearchState, batch: Batch, cells: tuple[int, ...]) -> SearchState:
    """With a batch told to the claims at its edge, and to the model."""
    model = state.model
    if model is None:
        return state
    state = with_evidence(state, batch, model.belief(batch.edge))
    cut = int(np.searchsorted(model.places, model.places[batch.edge] + _CUT / model.slope))
    cut = min(max(cut, batch.edge + 1), model.places.size - 1)
    near = sum(cell < cut for cell in cells)
    seen = Seen(batch, cut, near, len(cells))
    model = _with_atoms(state, model.told(seen), cells)
    return replace(state, model=model, batches=(*state.batches, batch), asked=())


def _with_atoms(state: SearchState, model: Model, cells: tuple[int, ...]) -> Model:
    """The model on places that jump where draws have now shown an atom."""
    if state.descent is None or not any(pilot.repeated(state.draws, cell) for cell in cells):
        return model
    edges, tau = np.asarray(state.task.edges), state.task.tail_probability
    about = model.nearest(model.centre)
    places = pilot.places(edges, state.descent, state.draws, tau, about)
    return model if np.array_equal(places, model.places) else model.moved(places)


def with_evidence(state: SearchState, batch: Batch, belief: Belief) -> SearchState:
    """With a batch told to all claims at its edge; the belief is that before the batch."""
    decay, boundaries = state.task.decay, bounds(state)
    if all(claim.edge != batch.edge for claim in state.claims):
        return state
    claims, low, high = [], state.low, state.high
    for claim in state.claims:
        if claim.edge == batch.edge and not claim.proved:
            expected = _expected(claimed(belief, claim, boundaries), batch, decay)
            told = claim.told(batch, expected, decay)
            claims.append(told)
            if told.proved and claim.above:
                low = max(low, claim.edge)
            elif told.proved:
                high = min(high, claim.edge)
        else:
            claims.append(claim)
    bet = Bet(batch, _expected(belief, batch, decay))
    return replace(
        state, claims=tuple(claims), bets=(*state.bets, bet), low=low, high=max(high, low + 1)
    )


def _expected(belief: Belief, batch: Batch, decay: float) -> np.ndarray:
    chances = hit_chance(belief.theta, batch.factor, decay)
    return log_mixture(chances, belief.weights, batch.shots)
