"""Sensitivities as means: the difference quotient, path by path on common normals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from qmc.bumps import bumped, size
from qmc.errors import Unsupported
from qmc.measures import Sensitivity
from qmc.problem import Array, Problem

Stencil: TypeAlias = tuple[tuple[float, Problem], ...]


def stencil(problem: Problem, widen: float = 1.0) -> Stencil:
    """Weights and bumped price problems whose weighted values are the difference quotient.

    The central quotients of Glasserman (2003, doi:10.1007/978-0-387-21617-1, eq. 7.2 and 7.1.2).

    Args:
        problem: with a `Sensitivity`.
        widen: times the measure's own step.

    Raises:
        InvalidProblem: when a bumped problem is out of range.
        Unsupported: when model or contract lacks the parameter, or needs other normals when moved.
    """
    measure = problem.measure
    assert isinstance(measure, Sensitivity)
    step = widen * measure.share * size(problem, measure)
    up, down = (bumped(problem, measure, sign * step) for sign in (1.0, -1.0))
    for one in (up, down):
        if one.num_factors != problem.num_factors:
            msg = (
                f'Sensitivity(to="{measure.to}") compares paths of the same normals, and '
                f"{type(problem.model).__name__} takes {problem.num_factors} of them, but "
                f"{one.num_factors} when it is moved by the step; take a smaller step=, times off "
                "its sub-steps' ends, or BlackScholes"
            )
            raise Unsupported(msg)
    if measure.order == 1:
        return (0.5 / step, up), (-0.5 / step, down)
    here = bumped(problem, measure, 0.0)
    return (step**-2, up), (-2.0 * step**-2, here), (step**-2, down)


def weighted(points: Stencil, value: Callable[[Problem], Array]) -> Array:
    """The sum of weight times `value` over a stencil."""
    total = points[0][0] * value(points[0][1])
    for weight, problem in points[1:]:
        total = total + weight * value(problem)
    return total


def quotients(problem: Problem, normals: Array, widen: float = 1.0) -> Array:
    """Difference quotients (n,) of the present values for normals (n, num_factors).

    >>> import numpy as np
    >>> from qmc import BlackScholes, Call, Problem, Sensitivity
    >>> market = BlackScholes(spot=100.0, vol=0.2, rate=0.0)
    >>> problem = Problem(market, Call(strike=90.0, expiry=1.0), Sensitivity(to="spot"))
    >>> quotients(problem, np.zeros((1, 1))).round(6).tolist()
    [0.980199]
    """
    return weighted(stencil(problem, widen), lambda one: one.values(normals))


def check_sensitivity(problem: Problem) -> None:
    """Build the widest stencil that is used, so that what cannot be moved is refused early."""
    stencil(problem, 2.0)
    stencil(problem)
