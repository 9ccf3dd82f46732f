"""What the step of a difference quotient adds, measured at twice and at half the step."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from qmc.capabilities import TerminalLaw, TerminalPayoff
from qmc.laws import cell_masses, cell_partial_means
from qmc.problem import Goal, Problem
from qmc.result import BudgetLine, Interval
from qmc.sensitivity import Stencil, quotients, stencil

_PILOT_SEED = 20_260_105
_PILOT_PATHS = 2**16
_LEAST_PATHS = 2**12
# normals of the pilot together, and of a block of it
_PILOT_NORMALS = 2**24
_BLOCK_NORMALS = 2**20
_WIDTHS = (0.5, 1.0, 2.0)
# the error of a central quotient is c h^2: by so many c h^2 it changes with the step
_CHANGE_AT_TWICE, _CHANGE_AT_HALF = 3.0, 0.75
_HOW = "twice the larger of a third of the change to 2 step and 4/3 of that to step / 2"
# for what is of higher order in h
_SAFETY = 2.0
_DEVIATIONS = 2.0
_LEAST_SHARE = 0.1


class Mean(NamedTuple):
    """A mean and its standard error."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class StepError:
    """What the step of a difference quotient adds.

    Attributes:
        amount: of the budget, in the measure's unit.
        least: the least size that the quotient is believed to have, for a relative tolerance.
        paths: that were spent; 0 where the law is known.
        note: how it was found.
    """

    amount: float
    least: float
    paths: int
    note: str

    def line(self, goal: Goal) -> BudgetLine:
        """The budget's line: measured, not proved. It says where no sampling reaches the goal."""
        allowed = goal.allowed_half_width(self.least)
        beyond = allowed is not None and 0.0 < self.amount >= allowed
        hint = "; beyond the tolerance: no queries reach it, take a smaller step" if beyond else ""
        return BudgetLine("step", "unproved", self.amount, 0.0, self.note + hint)

    def goal(self, goal: Goal) -> Goal:
        """What is left of a goal for everything else; a goal that is out of reach stays."""

        def left(limit: float | None, unit: float) -> float | None:
            if limit is None or not 0.0 < unit * self.amount < limit:
                return limit
            return max(limit - unit * self.amount, _LEAST_SHARE * limit)

        # the value that is found may be smaller than the quotient by the tolerance
        least = self.least * (1.0 - min(goal.relative_tolerance or 0.0, 0.5))
        unit = 1.0 / least if least > 0.0 else 0.0
        return replace(
            goal,
            tolerance=left(goal.tolerance, 1.0),
            relative_tolerance=left(goal.relative_tolerance, unit),
        )

    def widened(self, interval: Interval) -> Interval:
        """An interval of the quotient's mean as one of the derivative."""
        return replace(interval, low=interval.low - self.amount, high=interval.high + self.amount)


def step_error(problem: Problem) -> StepError:
    """Measure a step's error by Richardson's comparison with twice and with half the step.

    A central quotient is f' + c h^2 + O(h^4) (c = f''' / 6, or f'''' / 12 at order 2), so it
    differs from the one at 2h by 3 c h^2 and from the one at h / 2 by 3/4 c h^2 (Richardson 1911,
    doi:10.1098/rsta.1911.0009). The larger of the two estimates of c h^2, times 2 for higher
    orders, is the line. They are compared by the law of the price where that is known, else on a
    pilot of fixed seed: two standard errors are added to the change at 2h, and taken off that at
    h / 2, which is noisier and is there for steps so long that the first says little.

    An estimate, no bound: where the price bends within half a step it may fall short.
    """
    values = [_by_law(stencil(problem, widen)) for widen in _WIDTHS]
    if all(math.isfinite(value) for value in values):
        half, own, twice = values
        amount = _amount(Mean(twice - own, 0.0), Mean(half - own, 0.0))
        return StepError(amount, abs(own), 0, f"{_HOW}, by the law of the price")
    near, half_change, change, paths = _sampled(problem)
    least = max(abs(near.value) - _DEVIATIONS * near.error, 0.0)
    note = f"{_HOW}; {change.value:.3g} +- {_DEVIATIONS * change.error:.2g} on {paths:,} paths"
    return StepError(_amount(change, half_change), least, paths, note)


def _amount(change: Mean, half_change: Mean) -> float:
    wide = (abs(change.value) + _DEVIATIONS * change.error) / _CHANGE_AT_TWICE
    close = max(abs(half_change.value) - _DEVIATIONS * half_change.error, 0.0) / _CHANGE_AT_HALF
    return _SAFETY * max(wide, close)


def _by_law(points: Stencil) -> float:
    """The quotient's exact mean where the law of a terminal price gives it, else nan."""
    total = 0.0
    for weight, problem in points:
        model, contract = problem.model, problem.contract
        if not (isinstance(model, TerminalLaw) and isinstance(contract, TerminalPayoff)):
            return math.nan
        law = model.terminal_law(contract.expiry)
        for piece in contract.pieces():
            ends = np.array([piece.low, piece.high])
            mass, mean = cell_masses(law, ends)[0], cell_partial_means(law, ends)[0]
            paid = piece.intercept * mass + piece.slope * mean
            total += weight * float(model.discount((contract.expiry,))[0] * paid)
    return total


def _sampled(problem: Problem) -> tuple[Mean, Mean, Mean, int]:
    """The quotient, its changes at half and at twice the step, and the paths."""
    factors = problem.num_factors
    paths = min(max(_PILOT_NORMALS // factors, _LEAST_PATHS), _PILOT_PATHS)
    rng = np.random.default_rng(_PILOT_SEED)
    block = max(_BLOCK_NORMALS // factors, 1)
    parts = []
    for start in range(0, paths, block):
        normals = rng.standard_normal((min(block, paths - start), factors))
        half, own, twice = (quotients(problem, normals, widen) for widen in _WIDTHS)
        parts.append(np.stack([own, half - own, twice - own]))
    rows = np.concatenate(parts, axis=1)
    errors = rows.std(axis=1, ddof=1) / math.sqrt(paths)
    found = [Mean(float(m), float(e)) for m, e in zip(rows.mean(axis=1), errors, strict=True)]
    return found[0], found[1], found[2], paths
