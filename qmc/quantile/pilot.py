"""The first look: plain draws, then amplified draws further out; they set up the model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtrc

from qmc.problem import Array
from qmc.quantile.evidence import Batch

# a share of plain draws beyond the first edge that is looked at
_FIRST_SHARE = 0.15
_LARGE_TAIL = 0.2
# a cell drawn so often, with such a chance under a smooth law, holds an atom; beside one, so often
# and so many times as often as a smooth law says
_REPEATS, _CHANCE = 5, 1e-5
_FEW, _CROWDED = 2, 3.0
_AROUND = 0.3  # log odds about the quantile over which the slope beside atoms is measured
_NEAR_ENOUGH = 4.0  # the descent ends at an edge whose tail is within this factor of tau


@dataclass(frozen=True, slots=True)
class Draws:
    """Losses read beyond an edge, as cells."""

    edge: int
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Descent:
    """How far the first look has come: T[edge] is about `tail`; `cells` were drawn beyond it."""

    edge: int
    tail: float
    cells: tuple[int, ...]
    done: bool


def after_plain(cells: tuple[int, ...], tau: float, last: int) -> Descent:
    """From plain draws: the edge beyond which about 15 % of them lie, or more when tau is large."""
    drawn = np.sort(np.array(cells))
    share = max(_FIRST_SHARE, min(2.0 * tau, 0.5 + 0.5 * tau))
    edge = min(int(drawn[int((1.0 - share) * drawn.size)]) + 1, last - 1)
    beyond = drawn[drawn >= edge]
    tail = max(beyond.size, 1) / drawn.size
    return Descent(edge, tail, tuple(beyond.tolist()), tail <= _NEAR_ENOUGH * tau)


def stage_factor(tail: float) -> int:
    """The odd factor that makes a flag of this amplitude most likely."""
    factor = int(0.5 * math.pi / math.asin(math.sqrt(tail)))
    return max(factor - 1 + factor % 2, 1)


def after_stage(
    descent: Descent, batch: Batch, cells: tuple[int, ...], tau: float, last: int
) -> Descent:
    """Move out to where the tail is about a seventh, by the draws beyond the edge."""
    if len(cells) < 6:  # the edge's tail was overrated
        tail = 0.5 * descent.tail
        return replace(descent, tail=tail, done=tail <= _NEAR_ENOUGH * tau)
    drawn = np.sort(np.array(cells))
    share = max(1.3 * tau / descent.tail, _FIRST_SHARE)
    edge = min(int(drawn[int((1.0 - share) * drawn.size)]) + 1, last - 1)
    beyond = drawn[drawn >= edge]
    if edge <= batch.edge or not beyond.size:
        return replace(descent, cells=cells, done=True)
    tail = descent.tail * beyond.size / drawn.size
    if tail > _NEAR_ENOUGH * tau:
        return Descent(edge, tail, tuple(beyond.tolist()), done=False)
    if beyond.size >= 6:
        return Descent(edge, tail, tuple(beyond.tolist()), done=True)
    return replace(descent, cells=cells, done=True)


def places(
    edges: Array,
    descent: Descent,
    draws: tuple[Draws, ...],
    tau: float,
    about: int | None = None,
) -> Array:
    """(edges,) coordinates in which the model's slope is about 1, jumping where atoms were seen.

    Beside atoms, what the other draws say of the slope counts, near an edge if one is given.
    """
    inner = edges[1:-1]
    unit = _unit(inner, edges, descent, draws, tau)
    steps = np.diff(inner) / unit
    table = risk_table(draws, inner.size + 1)
    jumps = _jumps(steps, descent.edge, table)
    if jumps.any():
        around = np.arange(steps.size) >= descent.edge - 1
        if about is not None:
            middle = np.cumsum(steps)
            around = np.abs(middle - middle[min(max(about - 1, 0), steps.size - 1)]) < _AROUND
        rate = _smooth_rate(steps, (jumps == 0.0) & around, table)
        steps = np.where(around, steps * rate, steps) + jumps
    middle = np.concatenate([[0.0], np.cumsum(steps)])
    return np.concatenate([[middle[0]], middle, [middle[-1]]])


def _unit(
    inner: Array, edges: Array, descent: Descent, draws: tuple[Draws, ...], tau: float
) -> float:
    """The loss over which the odds of the tail fall by a factor e, near the quantile."""
    if tau > _LARGE_TAIL:
        odds = math.log(tau / (1.0 - tau)) + np.array([0.7, -0.7])
        drawn = np.quantile(np.array(draws[0].cells), 1.0 / (1.0 + np.exp(odds)))
        ends = np.interp(drawn, np.arange(inner.size) + 0.5, inner)
        unit = float(ends[1] - ends[0]) / 1.4
    else:
        upper = inner[np.clip(np.array(descent.cells, int), 0, inner.size - 1)]
        excess = upper - edges[descent.edge]
        excess = excess[excess > 0.0]
        unit = float(excess.mean()) if excess.size else 0.0
    span = float(inner[-1] - inner[0]) / max(inner.size - 1, 1)
    return unit or span or 1.0


def lumpy(edges: Array, descent: Descent, draws: tuple[Draws, ...], tau: float) -> bool:
    """Whether the draws show an atom."""
    inner = edges[1:-1]
    steps = np.diff(inner) / _unit(inner, edges, descent, draws, tau)
    return bool(_heavy(steps, descent.edge, risk_table(draws, inner.size + 1)).any())


def repeated(draws: tuple[Draws, ...], cell: int) -> bool:
    """Whether a cell was drawn often enough to be an atom's."""
    return sum(one.cells.count(cell) for one in draws) >= _REPEATS


def risk_table(draws: tuple[Draws, ...], cells: int) -> tuple[Array, Array]:
    """(cells,) draws in each cell, and draws that could have been there."""
    seen, risk = np.zeros(cells), np.zeros(cells)
    by_edge: dict[int, list[int]] = {}
    for one in draws:
        by_edge.setdefault(one.edge, []).extend(one.cells)
    for edge, drawn in by_edge.items():
        here = np.bincount(np.array(drawn, int), minlength=cells)
        at_or_beyond = here[::-1].cumsum()[::-1]
        seen += here
        risk[edge:] += at_or_beyond[edge:]
    return seen, risk


def _heavy(steps: Array, edge: int, table: tuple[Array, Array]) -> NDArray[np.bool_]:
    """(inner cells,) whether far more draws fell there than a smooth law would send."""
    seen, risk = (column[1:-1] for column in table)
    cells = table[0].size
    beyond = np.arange(1, cells - 1) >= edge - cells // 16
    smooth = steps * np.maximum(risk, 1.0)
    heavy = (seen >= _REPEATS) & (pdtrc(seen - 1.0, smooth) < _CHANCE) & beyond
    if heavy.any():  # where there is one atom, lesser signs of others are believed
        heavy |= (seen >= _FEW) & (seen > _CROWDED * smooth) & beyond
    return np.asarray(heavy)


def _jumps(steps: Array, edge: int, table: tuple[Array, Array]) -> Array:
    """(inner cells,) -log of the share that stays beyond a heavy cell."""
    heavy = _heavy(steps, edge, table)
    seen, risk = (column[1:-1] for column in table)
    share = np.clip(1.0 - seen / np.maximum(risk, 1.0), 0.02, 1.0)
    return np.where(heavy, -np.log(share), 0.0)


def _smooth_rate(steps: Array, light: NDArray[np.bool_], table: tuple[Array, Array]) -> float:
    """What is left of the slope over cells without atoms."""
    seen, risk = (column[1:-1] for column in table)
    exposed = float((steps * risk)[light].sum())
    return min((float(seen[light].sum()) + 0.5) / max(exposed, 1e-9), 1.0)


def first_centre(edges_places: Array, descent: Descent, tau: float) -> tuple[float, float]:
    """Place of the quantile and its standard deviation, before any test."""
    odds = math.log(descent.tail / (1.0 - descent.tail)) if descent.tail < 1.0 else 4.0
    wanted = math.log(tau / (1.0 - tau))
    away = odds - wanted
    wide = 0.6 + 0.3 + abs(away) / math.sqrt(max(len(descent.cells), 4))
    return float(edges_places[descent.edge]) + away, wide
