"""The threshold q of an expected shortfall, and what its distance from the VaR may add."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qmc.measures import Tail
from qmc.problem import Goal
from qmc.result import Interval, Status
from qmc.run import Run
from qmc.tail_risk.common import at_least_one
from qmc.tail_risk.located import Located
from qmc.tail_risk.sampled import sample

# share of 1 - confidence that is kept for the tail at q
TAIL_SHARE = 0.1
# of the tolerance that q may add before its tail is sampled, and of a budget that this may take
_SLACK, _QUERIES = 0.3, 5
# a tail is never asked for more closely than to this share of 1 - level
_LEAST_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Threshold:
    """An edge q inside the VaR's interval.

    Attributes:
        loss: q.
        slack: bound on |q - VaR| |F(q) - level| / (1 - level).
        status: of what was sampled.
        note: what was, for the budget.
    """

    loss: float
    slack: float
    status: Status = "converged"
    note: str = ""


def chosen_threshold(run: Run, found: Located, tau: float, share: float) -> Threshold:
    """The edge whose bound is smallest, or the middle one with its tail sampled.

    A search proves on which side of 1 - level a tail lies, and need not know by how much.

    Args:
        run: in progress.
        found: by the search.
        tau: 1 - level.
        share: 1 - confidence of the whole.
    """
    known = _known(found, tau)
    allowed = run.goal.allowed_half_width(known.loss)
    enough = allowed is not None and known.slack <= _SLACK * allowed
    if enough or not math.isfinite(found.interval.half_width) or run.queries_left() == 0:
        return known
    edge = int(np.argmin(np.abs(found.edges - found.interval.midpoint)))
    left, away = run.queries_left(), _away(found, edge)
    tolerance = None
    if allowed is not None:
        tolerance = max(0.5 * _SLACK * allowed * tau / away, _LEAST_TOLERANCE * tau)
    one = Goal(
        tolerance=tolerance if tolerance is not None or left is not None else 0.1 * tau,
        queries=at_least_one(None if left is None else left // _QUERIES),
        confidence=1.0 - TAIL_SHARE * share,
    )
    tail = sample(run, Tail(found.loss(edge)), one, "tail at the threshold")
    high = min(tail.interval.high, found.tail(edge).high)
    seen = Interval(min(max(tail.interval.low, found.tail(edge).low), high), high)
    slack = away * _distance(seen, tau)
    if slack >= known.slack and tail.status != "interrupted":
        return known
    return Threshold(found.loss(edge), slack, tail.status, "; F(q) sampled")


def _known(found: Located, tau: float) -> Threshold:
    """The best edge by what the search told of tails."""
    choices = [(_slack(found, edge, tau), found.loss(edge)) for edge in _candidates(found)]
    if not choices:
        return Threshold(found.loss(found.edges.size // 2), math.inf)
    slack, loss = min(choices)
    return Threshold(loss, slack)


def _slack(found: Located, edge: int, tau: float) -> float:
    """What the edge's distance from the VaR may add; 0 where its tail is known to be tau."""
    distance = _distance(found.tail(edge), tau)
    return _away(found, edge) * distance if distance > 0.0 else 0.0


def _away(found: Located, edge: int) -> float:
    """The farthest that the VaR can be from an edge."""
    q, interval = found.loss(edge), found.interval
    return max(q - interval.low, interval.high - q)


def _distance(tail: Interval, tau: float) -> float:
    """The most that |F(q) - level| / (1 - level) can be."""
    return max(abs(tail.low - tau), abs(tail.high - tau)) / tau


def _candidates(found: Located) -> list[int]:
    """Finite edges from one end of the interval to the other, of those whose tail is known."""
    ends = {found.low, found.high}
    inside = {edge for edge in found.tails if found.low <= edge <= found.high}
    return sorted(edge for edge in ends | inside if found.finite(edge))
