"""What plain Monte Carlo would take for the same half-width, from a pilot's variance."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from qmc.measures import ES, Probability, TailConditionalExpectation, TailMeasure
from qmc.problem import Array, Goal, Problem

_PILOT_PATHS = 2**14
_PILOT_SEED = 20_260_102
# normals that a pilot may draw at once
_PILOT_NORMALS = 2**23
_LEAST_PATHS = 2**10
# a quantile's density is taken between these shares of its tail probability, above and below
_DENSITY_SHARES = (0.5, 1.5)
_PATHS_A_SKEWNESS = 50.0


def classical_paths(problem: Problem, goal: Goal) -> float:
    """Plain Monte Carlo paths for the goal's half-width, (z sd / half-width)^2.

    At least 50 times the squared skewness of a path's value, where that is averaged: with fewer
    the central limit theorem's interval is not to be relied on (`classical_baseline.intervals`).

    The standard deviation a path, from a pilot of fixed seed, is that of the outcome for a mean,
    sqrt(p (1 - p)) / density for a quantile (Serfling 1980, section 2.3.3), taken for economic
    capital too, and, for ES and the mean beyond VaR, that of (L - VaR)+ / (1 - level).
    """
    factors = problem.num_factors
    paths = min(max(_PILOT_NORMALS // factors, _LEAST_PATHS), _PILOT_PATHS)
    normals = np.random.default_rng(_PILOT_SEED).standard_normal((paths, factors))
    value, deviation, skewness = _value_and_spread(problem, problem.outcomes(normals))
    half_width = goal.allowed_half_width(value)
    if half_width is None or half_width <= 0.0:
        return float(goal.queries or 0)
    z = float(special.ndtri(0.5 + 0.5 * goal.confidence))
    return max(1.0, (z * deviation / half_width) ** 2, _PATHS_A_SKEWNESS * skewness**2)


def _value_and_spread(problem: Problem, outcomes: Array) -> tuple[float, float, float]:
    """The measure's value in the pilot, and deviation and skewness of what one path adds to it.

    The skewness is 0 where the interval is no central limit theorem's: quantiles and shares.
    """
    measure = problem.measure
    if not isinstance(measure, TailMeasure):
        skewness = 0.0 if isinstance(measure, Probability) else _skewness(outcomes)
        return float(outcomes.mean()), float(outcomes.std()), skewness
    tau = 1.0 - measure.level
    quantile = float(np.quantile(outcomes, measure.level))
    if isinstance(measure, ES | TailConditionalExpectation):
        excess = np.maximum(outcomes - quantile, 0.0) / tau
        return quantile + float(excess.mean()), float(excess.std()), _skewness(excess)
    few, many = (share * tau for share in _DENSITY_SHARES)
    many = min(many, 0.5 * (1.0 + tau))
    low, high = np.quantile(outcomes, [1.0 - many, 1.0 - few])
    density = (many - few) / (high - low) if high > low else math.inf
    return quantile, math.sqrt(tau * measure.level) / density, 0.0


def _skewness(values: Array) -> float:
    deviation = float(values.std())
    if deviation == 0.0:
        return 0.0
    return float((((values - values.mean()) / deviation) ** 3).mean())
