"""The first look without readout: a few flags at a few edges, by bisection."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from qmc.problem import Array
from qmc.quantile.edge_belief import edge_belief
from qmc.quantile.protocols import ThresholdRound
from qmc.quantile.state import SearchState
from qmc.rounds import Round

_SHOTS = 8
_NEAR = 0.7  # log odds from tau within which the quantile counts as found
_FARTHEST = 4.0


def found(state: SearchState) -> bool:
    """Whether an edge near the quantile is known, or no edge is left to ask."""
    last = np.asarray(state.task.edges).size - 1
    low, high = _ends(state)
    points = [point for point in _points(state) if abs(point[1]) < _NEAR]
    return bool(points) or high - low <= 1 or (last <= 2 and bool(state.batches))


def asked(state: SearchState) -> SearchState:
    """With rounds at the middle edge: powers that tell large tails, then those near tau."""
    low, high = _ends(state)
    angle = math.asin(math.sqrt(state.task.tail_probability))
    top = max(0.25 * math.pi / angle, 1.0)
    factors, factor = [], 1
    while factor < 2.0 * top:
        factors.append(factor)
        factor *= 3
    rounds = tuple(ThresholdRound((low + high) // 2, Round(each // 2, _SHOTS)) for each in factors)
    return replace(state, asked=rounds)


def places(state: SearchState) -> tuple[Array, float, float]:
    """(edges,) coordinates in which the slope is about 1, the quantile's place, its deviation."""
    edges = np.asarray(state.task.edges)
    inner = edges[1:-1]
    points = sorted(_points(state))
    above = max((p for p in points if p[1] > 0.0), default=None)
    below = min((p for p in points if p[1] <= 0.0), default=None)
    span = float(inner[-1] - inner[0]) or 1.0
    if above is None or below is None:
        only = above or below or (1, 0.0)
        unit, fall = 0.1 * span, _FARTHEST
        centre = float(edges[only[0]]) + unit * only[1]
    else:
        fall = max(above[1] - below[1], 0.5)
        unit = float(edges[below[0]] - edges[above[0]]) / fall
        centre = float(edges[above[0]]) + unit * above[1]
    unit = unit if unit > 0.0 else 1.0
    middle = (inner - inner[0]) / unit
    whole = np.concatenate([[middle[0]], middle, [middle[-1]]])
    return whole, (centre - float(inner[0])) / unit, max(1.0, 0.5 * fall)


def _points(state: SearchState) -> list[tuple[int, float]]:
    """(edge, log odds of its tail over tau's) of each edge asked, as its flags have it."""
    tau, decay = state.task.tail_probability, state.task.decay
    wanted, found_points = math.log(tau / (1.0 - tau)), []
    for edge in dict.fromkeys(batch.edge for batch in state.batches):
        belief = edge_belief([b for b in state.batches if b.edge == edge], decay)
        angle = float(np.interp(0.5, np.cumsum(belief.weights), belief.theta))
        odds = 2.0 * math.log(math.tan(min(max(angle, 1e-6), 0.5 * math.pi - 1e-6))) - wanted
        found_points.append((edge, min(max(odds, -_FARTHEST), _FARTHEST)))
    return found_points


def _ends(state: SearchState) -> tuple[int, int]:
    """The edges between which the flags place the quantile."""
    points = _points(state)
    low = max((edge for edge, odds in points if odds > 0.0), default=0)
    last = np.asarray(state.task.edges).size - 1
    high = min((edge for edge, odds in points if odds <= 0.0 and edge > low), default=last)
    return low, high
