"""Sensitivities by amplitude estimation: one signed mean, and the step's error beside it."""

from __future__ import annotations

from dataclasses import replace

from qmc.average import average
from qmc.grids import Residual
from qmc.run import Answer, Run, whole_status
from qmc.step_error import step_error


def slope(run: Run, residual: Residual | None) -> Answer:
    """The mean of the difference quotient, its interval widened by what the step adds.

    The quotient is one signed outcome on cells that all its prices share, so a single amplitude
    gives it: no two noisy prices are subtracted.
    """
    goal, step = run.goal, step_error(run.problem)
    run.goal = step.goal(goal)
    found = average(run, residual)
    run.goal = goal
    run.residual_paths += step.paths
    interval = step.widened(found.interval)
    status = whole_status(found.status, goal, found.value, interval.half_width, run.meter)
    return replace(found, interval=interval, status=status, lines=(*found.lines, step.line(goal)))
