"""Where the qubits of a factor grid go: where a further bit removes most variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc.grids.factor_cells import (
    Ground,
    Worth,
    cell_values,
    fitted,
    learned_values,
    node_values,
)
from qmc.grids.normal_cells import lloyd_max

# directions that compete for bits
_MOST_DIRECTIONS = 6
# beyond so many numbers a trial, bits follow the cells' own distortion instead of trials
_TRIAL = 2.0**22
# an even payoff gains nothing from one bit along its direction and much from two
_LOOK_AHEAD = (1, 2)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Bits of each direction for one kind of worth, and what they leave.

    Attributes:
        worth: how the cells are valued.
        bits: qubits of each direction, 0 where a direction is not cut.
        removed: (directions,) share of the payoff's variance that its bits took away when given.
        residual_share: var(payoff - cell value) as a share of the payoff's variance, on the
            pilot; leave-one-out where the pilot itself valued the cells.
    """

    worth: Worth
    bits: tuple[int, ...]
    removed: tuple[float, ...]
    residual_share: float


def allocate(ground: Ground, qubits: int, worth: Worth) -> Allocation:
    """Give bits one or two at a time to the direction where they remove most variance a bit."""
    count = min(_MOST_DIRECTIONS, ground.directions.shape[1])
    bits, removed = (0,) * count, [0.0] * count
    left = residual_share(ground, bits, worth)
    while sum(bits) < qubits:
        trials = _trials(ground, bits, qubits)
        shares = [residual_share(ground, _with(bits, *one), worth) for one in trials]
        gains = [(left - share) / step for share, (_, step) in zip(shares, trials, strict=True)]
        best = int(np.argmax(gains))
        removed[trials[best][0]] += left - shares[best]
        bits, left = _with(bits, *trials[best]), shares[best]
    return Allocation(worth, bits, tuple(removed), left)


def _trials(ground: Ground, bits: tuple[int, ...], qubits: int) -> list[tuple[int, int]]:
    """The directions and numbers of bits that may come next."""
    if 2.0 ** (sum(bits) + 1) * ground.problem.num_factors > _TRIAL:
        return [(_by_distortion(ground, bits), 1)]
    steps = [step for step in _LOOK_AHEAD if sum(bits) + step <= qubits]
    return [(place, step) for place in range(len(bits)) for step in steps]


def _with(bits: tuple[int, ...], place: int, step: int) -> tuple[int, ...]:
    return tuple(one + step * (k == place) for k, one in enumerate(bits))


def residual_share(ground: Ground, bits: tuple[int, ...], worth: Worth) -> float:
    """var(payoff - cell value) on the pilot, as a share of the payoff's variance."""
    pilot = ground.pilot
    whole = float(pilot.values.var())
    if whole == 0.0:
        return 0.0
    cells = ground.cells(bits)
    where = ground.locate(cells)
    if worth != "learned":
        left = pilot.values - cell_values(ground, cells, worth)[where]
        return float(left.var()) / whole
    prior = fitted(node_values(ground.problem, cells), where, pilot)
    table = learned_values(where, pilot.values, prior)
    count = np.bincount(where, minlength=prior.size)[where]
    # leaving a point out of its own cell's mean
    left = (pilot.values - table[where]) * (count + 1.0) / count
    return float(left.var()) / whole


def _by_distortion(ground: Ground, bits: tuple[int, ...]) -> int:
    """Where a bit takes most of weight times E[var(z | cell)], without trials."""
    along = ground.along[:, : len(bits)]
    values = ground.pilot.values - ground.pilot.values.mean()
    slope = (values @ along) / values.size
    bend = (values @ (along**2 - 1.0)) / values.size
    gains = [distortion(one) - distortion(one + 1) for one in bits]
    return int(np.argmax((slope**2 + 0.5 * bend**2) * gains))


def distortion(bits: int) -> float:
    """E[var(z | cell)] of the best 2**bits cells."""
    cells = lloyd_max(bits)
    return 1.0 - float(cells.masses @ cells.means**2)
