"""Extremes between the times, for models whose log prices are Brownian within a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from qmc.capabilities import Side
from qmc.errors import InvalidProblem
from qmc.models.curves import Curve, Term
from qmc.problem import Array


def bridge_extremes(
    spots: Array, paths: Array, variances: Array, normals: Array, side: Side
) -> Array:
    """Lowest or highest price of each step given the prices at its ends.

    A Brownian bridge from a to b of variance v has P(max > m) = exp(-2 (m - a) (m - b) / v) for
    m >= a, b (Glasserman 2003, doi:10.1007/978-0-387-21617-1, section 6.4), so that
    max = (a + b + sqrt((b - a)^2 - 2 v log U)) / 2 with U uniform has its exact law; the minimum
    is the mirror image. U comes from a normal by inverse transform, and both extremes rise with
    it. Each column has its exact law; columns of one step are drawn independently given the ends.

    Args:
        spots: (columns,) prices at time 0.
        paths: (n, times, columns) prices.
        variances: (times, columns), or (times, 1), of the log price over each step.
        normals: (n, times, columns).
        side: "low" or "high".

    Returns:
        (n, times, columns).

    >>> end = np.array([[[100.0]]])
    >>> year = np.array([[0.2**2]])
    >>> high = bridge_extremes(np.array([100.0]), end, year, np.zeros((1, 1, 1)), "high")
    >>> round(float(high[0, 0, 0]), 3)  # the median maximum of a year at 20 %
    112.495
    """
    sign = 1.0 if side == "high" else -1.0
    starts = np.concatenate([np.broadcast_to(spots, paths[:, :1].shape), paths[:, :-1]], axis=1)
    # the step's log return, mirrored for a minimum
    moves = sign * np.log(paths / starts)
    # P(max > m) falls as m rises, so it is read at the mirrored normal
    tops = special.log_ndtr(-sign * normals)
    tops *= -2.0 * variances
    tops += np.square(moves)
    np.sqrt(tops, out=tops)
    tops += moves
    tops *= 0.5 * sign
    np.exp(tops, out=tops)
    tops *= starts
    # rounding must not put an extreme inside its step's ends
    farther = np.maximum if side == "high" else np.minimum
    farther(starts, paths, out=starts)
    return np.asarray(farther(tops, starts, out=tops))


def require_flat_steps(times: Sequence[float], *terms: Term) -> None:
    """Refuse curves that change inside a step, where the log price has no Brownian bridge.

    Raises:
        InvalidProblem: names the times that the contract needs.
    """
    knots = {time for term in terms if isinstance(term, Curve) for time in term.times}
    inside = sorted(knot for knot in knots - set(times) if knot < times[-1])
    if inside:
        msg = (
            f"a curve changes at {inside[0]:g} years, inside a step of times={tuple(times)}: "
            f"continuous monitoring needs steps with flat terms; add {inside[0]:g} to times"
        )
        raise InvalidProblem(msg)
