"""Where the qubits of a factor grid go: where a further bit removes most variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc.grids.directions import Directions
from qmc.grids.factor_cells import (
    FactorCells,
    Worth,
    cell_values,
    fitted,
    learned_values,
    node_values,
)
from qmc.grids.normal_cells import lloyd_max
from qmc.grids.pilot import Pilot
from qmc.problem import Problem

# directions that compete for bits
_MOST_DIRECTIONS = 6
# beyond so many numbers a trial, bits follow the cells' own distortion instead of trials
_TRIAL = 2.0**22
# an even payoff gains nothing from one bit along its direction and much from two
_LOOK_AHEAD = (1, 2)


@dataclass(frozen=True, eq=False, slots=True)
class Allocation:
    """Bits of each direction for one kind of worth, and what they leave.

    Attributes:
        worth: how the cells are valued.
        bits: qubits of each direction, 0 where a direction is not cut.
        residual_share: E[(payoff - cell value)^2] as a share of the payoff's variance, on the
            pilot; leave-one-out where the pilot itself valued the cells.
    """

    worth: Worth
    bits: tuple[int, ...]
    residual_share: float


def chosen_cells(directions: Directions, bits: tuple[int, ...]) -> FactorCells:
    """The cells of the directions that have bits; the others complete their frame."""
    used = [place for place, one in enumerate(bits) if one > 0]
    rest = [place for place in range(directions.columns.shape[1]) if place not in used]
    return FactorCells(directions.columns[:, used + rest], tuple(bits[place] for place in used))


def allocate(
    problem: Problem, pilot: Pilot, directions: Directions, qubits: int, worth: Worth
) -> Allocation:
    """Give bits one or two at a time to the direction where they remove most variance a bit."""
    count = min(_MOST_DIRECTIONS, directions.columns.shape[1])
    bits, entries = [0] * count, problem.num_factors
    left = residual_share(problem, pilot, directions, tuple(bits), worth)
    while sum(bits) < qubits:
        if 2.0 ** (sum(bits) + 1) * entries > _TRIAL:
            bits = _by_distortion(pilot, directions, bits, qubits)
            left = residual_share(problem, pilot, directions, tuple(bits), worth)
            break
        steps = [step for step in _LOOK_AHEAD if sum(bits) + step <= qubits]
        trials = [(_with(bits, place, step), step) for place in range(count) for step in steps]
        shares = [residual_share(problem, pilot, directions, one, worth) for one, _ in trials]
        gains = [(left - share) / step for share, (_, step) in zip(shares, trials, strict=True)]
        best = int(np.argmax(gains))
        bits, left = list(trials[best][0]), shares[best]
    return Allocation(worth, tuple(bits), left)


def _with(bits: list[int], place: int, step: int) -> tuple[int, ...]:
    return tuple(one + step * (k == place) for k, one in enumerate(bits))


def residual_share(
    problem: Problem, pilot: Pilot, directions: Directions, bits: tuple[int, ...], worth: Worth
) -> float:
    """E[(payoff - cell value)^2] on the pilot, as a share of the payoff's variance."""
    whole = float(pilot.values.var())
    if whole == 0.0:
        return 0.0
    cells = chosen_cells(directions, bits)
    where = cells.locate(pilot.normals)
    if worth != "learned":
        left = pilot.values - cell_values(problem, cells, worth, pilot)[where]
        return float((left**2).mean()) / whole
    prior = fitted(node_values(problem, cells), where, pilot)
    table = learned_values(where, pilot.values, prior)
    count = np.bincount(where, minlength=prior.size)[where]
    # leaving a point out of its own cell's mean
    left = (pilot.values - table[where]) * (count + 1.0) / count
    return float((left**2).mean()) / whole


def _by_distortion(pilot: Pilot, directions: Directions, bits: list[int], qubits: int) -> list[int]:
    """Give the remaining bits by weight times E[var(z | cell)], without trials."""
    along = pilot.normals @ directions.columns[:, : len(bits)]
    values = pilot.values - pilot.values.mean()
    slope = (values @ along) / values.size
    bend = (values @ (along**2 - 1.0)) / values.size
    weight = slope**2 + 0.5 * bend**2
    bits = list(bits)
    while sum(bits) < qubits:
        gains = [_distortion(one) - _distortion(one + 1) for one in bits]
        bits[int(np.argmax(weight * gains))] += 1
    return bits


def _distortion(bits: int) -> float:
    """E[var(z | cell)] of the best 2**bits cells."""
    cells = lloyd_max(bits)
    return 1.0 - float(cells.masses @ cells.means**2)
