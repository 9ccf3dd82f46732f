"""Which round next: random candidates of power and steer, the most information per query wins."""

from __future__ import annotations

import numpy as np

from qmc.estimators.posterior import Cells, spread, steered_angle
from qmc.estimators.priors import QUADRANT
from qmc.problem import Array

# candidates a round: so many powers, so many steers for each
_POWERS, _STEERS = 6, 4
DRAWS = _POWERS + _STEERS
# factors 2k+1 between these over the posterior's standard deviation
_LOW, _HIGH = 0.15, 0.8
# a power is useful while its factor times a cell's width stays below this: fringes are resolved
_RESOLVED = 0.35
_MAX_STEER = 0.3


def propose(
    cells: Cells, weights: Array, most: Array, decay: Array, draws: Array
) -> tuple[Array, Array]:
    """The candidate with the most information per query, of each run.

    Args:
        cells: of all runs.
        weights: (runs, cells) posterior mass of each cell.
        most: (runs,) largest factor 2k+1 allowed.
        decay: (runs,).
        draws: (runs, DRAWS) uniform on [0, 1).

    Returns:
        powers (runs,) and steers (runs,).
    """
    deviation = spread(cells, weights)
    top = np.maximum(1.0, np.minimum.reduce([_HIGH / deviation, _RESOLVED / cells.width, most]))
    bottom = np.minimum(top, np.maximum(1.0, _LOW / deviation))
    ladder = (np.arange(_POWERS) + draws[:, :_POWERS]) / _POWERS
    factor = bottom[:, None] * (top / bottom)[:, None] ** ladder
    power = np.maximum(np.rint(0.5 * (factor - 1.0)), 0.0)
    power = np.minimum(power, np.floor(0.5 * (most[:, None] - 1.0)))
    factor = 2.0 * power + 1.0
    steer = _steers(cells, weights, top, bottom, draws[:, _POWERS:])
    angle = steered_angle(cells.theta[:, None, :], steer[:, :, None])
    fringe = np.cos((2.0 * factor)[:, :, None, None] * angle[:, None, :, :])
    mass = weights[:, None, :, None]
    seen = np.exp(-decay[:, None] * power)[:, :, None]
    mean = seen * (fringe @ mass)[..., 0]
    square = seen * seen * (np.square(fringe) @ mass)[..., 0]
    # variance of the shot's chance over the posterior, against that of the shot itself
    gain = (square - mean * mean) / (1.0 - mean * mean + 1e-9) / factor[:, :, None]
    runs = np.arange(factor.shape[0])
    best = gain.reshape(runs.size, -1).argmax(axis=1)
    return power[runs, best // _STEERS], steer[runs, best % _STEERS]


def _steers(cells: Cells, weights: Array, top: Array, bottom: Array, draws: Array) -> Array:
    """Steers (runs, _STEERS) that move the phase of a middling power by up to a quarter turn."""
    centre = (weights * cells.theta).sum(axis=1, keepdims=True)
    reach = QUADRANT / np.sqrt(top * bottom)[:, None]
    shift = reach * ((np.arange(_STEERS) + draws) / _STEERS * 2.0 - 1.0)
    slope = np.tan(np.minimum(np.maximum(centre, 1e-3), QUADRANT - 1e-3))
    steer = np.where(shift > 0.0, 2.0 * shift / slope, 2.0 * shift * slope)
    return np.asarray(np.minimum(np.maximum(steer, -_MAX_STEER), _MAX_STEER))
