"""What every estimator starts from: a checked decay, the error left, the angles of a prior."""

from __future__ import annotations

import math

from qmc import checks
from qmc.problem import Goal
from qmc.result import UNIT, Interval

_MOST_SHOTS = 2**40
MOST_POWER = 2**50
QUADRANT = 0.5 * math.pi  # theta of the amplitude 1


def share_of_error(goal: Goal, prior: Interval, whole: Interval = UNIT) -> tuple[Interval, float]:
    """The prior inside `whole`, and the error left; `whole` when it leaves none or says nothing.

    Raises:
        InvalidProblem: when no number of `whole` is in the prior.
    """
    if prior.high < whole.low or prior.low > whole.high:
        raise checks.refuse("prior", prior, f"an interval that meets [{whole.low}, {whole.high}]")
    error = prior.confidence - goal.confidence
    says_nothing = prior.low <= whole.low and prior.high >= whole.high
    if error <= 0.0 or says_nothing or (prior.low, prior.high) == (UNIT.low, UNIT.high):
        return whole, 1.0 - goal.confidence
    low, high = (min(max(end, whole.low), whole.high) for end in (prior.low, prior.high))
    return Interval(low, high, prior.confidence), error


def checked_power(power: int, *, least: int = 0) -> int:
    """A largest power: beyond 2^50 doubles do not hold a fringe."""
    return checks.whole("max_power", power, least, MOST_POWER)


def checked_shots(shots: int, name: str = "shots") -> int:
    """Shots of a round: beyond 2^40 no simulator counts them in 64 bits with room to pool."""
    return checks.whole(name, shots, 1, _MOST_SHOTS)


def checked_decay(decay: float) -> float:
    """A finite decay, 0 or above."""
    decay = checks.finite("decay", decay)
    if decay < 0.0:
        raise checks.refuse("decay", decay, "0 or above")
    return decay


def prior_angles(goal: Goal, prior: Interval) -> tuple[float, float, float]:
    """Least and largest theta of the prior, amplitude = sin^2 theta, and the error left."""
    prior, error = share_of_error(goal, prior)
    return angle(prior.low), angle(prior.high), error


def angle(amplitude: float) -> float:
    """Theta in [0, pi/2] with sin^2 theta = amplitude, which is clipped to [0, 1]."""
    return math.asin(math.sqrt(min(max(amplitude, 0.0), 1.0)))
