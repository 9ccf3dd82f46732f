"""The steps of `Adaptive` on any number of runs at once, shared with `run_lockstep`.

Arrays have a leading axis of independent runs, so that one run and a thousand give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmc.estimators.candidates import propose
from qmc.estimators.posterior import (
    SMALLEST_CELL,
    Cells,
    Shots,
    distribution,
    first_cells,
    heaviest_window,
    may_fit,
    shortest_interval,
)
from qmc.problem import Array, Goal
from qmc.result import Status

# cells with less than this share of the best cell's likelihood are dropped
FLOOR = 1e-5
# shares of the error that a window may leave outside: one that touches 0 or 1, and the rise from
# there a tolerance, see `_share_spent`
_ONE_SIDED, _PER_TOLERANCE = 0.3, 0.35
# of the half-width wanted, so that rounding in a user's own unit does not take it over
_WITHIN = 1.0 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds the rounds of a run.

    Attributes:
        shots: of a round.
        max_power: largest power.
        max_rounds: after these a run ends.
        queries: budget, None without.
    """

    shots: int
    max_power: int
    max_rounds: int
    queries: int | None

    def largest(self, spent: NDArray[np.int64], decay: float) -> Array:
        """Largest factor 2k+1 of the next round, (runs,)."""
        most = np.full(spent.size, 2.0 * self.max_power + 1.0)
        if decay > 0.0:
            # beyond one e-folding a shot tells little and costs more
            most = np.minimum(most, 2.0 / decay + 1.0)
        if self.queries is not None:
            most = np.minimum(most, np.maximum(1.0, (self.queries - spent) / self.shots))
        return np.asarray(most)

    def ending(self, *, reached: bool, spent: int, rounds: int, width: float) -> Status:
        """How a run ends here; "interrupted" when it goes on.

        Args:
            reached: whether the goal is.
            spent: queries so far.
            rounds: told so far.
            width: of a cell.
        """
        if reached:
            return "converged"
        if self.queries is not None and spent >= self.queries:
            return "budget_exhausted"
        if rounds >= self.max_rounds or width < SMALLEST_CELL:
            return "unresolved"
        return "interrupted"


def begun(low: float, high: float, runs: int, count: int) -> Cells:
    """The first `count` cells of each run, nothing known but the prior's ends of theta."""
    return first_cells(np.full(runs, low), np.full(runs, max(high, low + 1e-12)), count)


def chosen(
    cells: Cells, limits: Limits, spent: NDArray[np.int64], decay: float, draws: Array
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """The next round of each run: powers, shots and steers, (runs,) each.

    Args:
        cells: of all runs.
        limits: of all runs.
        spent: (runs,) queries so far.
        decay: visibility lost per power, as told.
        draws: (runs, DRAWS) uniform on [0, 1).
    """
    runs = spent.size
    most = limits.largest(spent, decay)
    best, steer = propose(cells, cells.weights, most, np.full(runs, decay), draws)
    power = best.astype(np.int64)
    shots = np.full(runs, limits.shots, dtype=np.int64)
    if limits.queries is not None:
        shots = np.minimum(shots, (limits.queries - spent) // (2 * power + 1))
    return power, shots, steer


def measured(
    power: Array | NDArray[np.int64],
    steer: Array,
    shots: Array | NDArray[np.int64],
    hits: Array,
    decay: float,
) -> Shots:
    """Told rounds as the posterior reads them, (runs, rounds) each."""
    return Shots(
        factor=np.asarray(2.0 * power + 1.0),
        steer=steer,
        contrast=np.exp(-decay * power),
        ones=hits,
        zeros=shots - hits,
    )


def reached(cells: Cells, run: int, goal: Goal, error: float) -> bool:
    """Whether an interval as narrow as the tolerance holds the confidence, for one run."""
    weights, theta, width = cells.weights_of(run), cells.theta[run], float(cells.width[run])
    allowed = _allowed(goal, _mean(theta, weights))
    if not allowed or not may_fit(theta, weights, width, error, 2.0 * allowed):
        return False
    mass, centre = heaviest_window(*distribution(theta, weights, width), allowed)
    if goal.tolerance is None and centre <= allowed:  # relative to a number that may be 0
        return False
    return mass >= 1.0 - error * _share_spent(min(centre, 1.0 - centre) / allowed)


def _share_spent(distance: float) -> float:
    """Share of the error that a window may leave outside, by its centre's distance from 0 or 1.

    The distance is in tolerances. A window that touches an end misses on one side alone, one nearby
    nearly so: its amplitude would be missed more often than one inside. Calibrated by measurement
    on amplitudes between one and five tolerances.
    """
    return min(max(_ONE_SIDED + _PER_TOLERANCE * (distance - 1.0), _ONE_SIDED), 1.0)


def read(
    cells: Cells, run: int, goal: Goal, error: float, status: Status
) -> tuple[float, float, float]:
    """Value, low and high of one run's amplitude.

    Where the goal is reached its window, else the shortest interval that holds the confidence. A
    run that ends without rounds has often stayed at small powers, where hits are few whole numbers
    and that interval misses near 0 and 1 more often than its mass says: there, it holds as much
    more as a window would have to.
    """
    weights, theta, width = cells.weights_of(run), cells.theta[run], float(cells.width[run])
    edges, cdf = distribution(theta, weights, width)
    mean = _mean(theta, weights)
    if reached(cells, run, goal, error):
        allowed = _allowed(goal, mean)
        centre = heaviest_window(edges, cdf, allowed)[1]
        low, high = centre - allowed, centre + allowed
    else:
        low, high = shortest_interval(edges, cdf, 1.0 - error)
        if status == "unresolved":
            centre, half = 0.5 * (low + high), max(0.5 * (high - low), SMALLEST_CELL)
            share = _share_spent(min(centre, 1.0 - centre) / half)
            low, high = shortest_interval(edges, cdf, 1.0 - error * share)
    low, high = min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0)
    return min(max(mean, low), high), low, high


def _allowed(goal: Goal, value: float) -> float:
    """Half-width that the tolerances allow, less what rounding may add; 0 without."""
    return _WITHIN * (goal.allowed_half_width(value) or 0.0)


def _mean(theta: Array, weights: Array) -> float:
    """Posterior mean of the amplitude."""
    return float((weights * np.square(np.sin(theta))).sum())
