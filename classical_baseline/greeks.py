"""Three ways to sample a sensitivity: difference quotients, pathwise derivatives, scores.

Glasserman (2003, doi:10.1007/978-0-387-21617-1, chapter 7); Broadie and Glasserman (1996,
doi:10.1287/mnsc.42.2.269) for the last two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from classical_baseline import methods
from classical_baseline.sampling import Sampled, Sampler
from qmc.capabilities import GaussianLogPrices
from qmc.contracts import (
    Asian,
    Basket,
    Call,
    CallSpread,
    Exchange,
    Lookback,
    Put,
    Rainbow,
    Spread,
    Sum,
)
from qmc.errors import Unsupported
from qmc.measures import Price, Sensitivity
from qmc.models import BlackScholes, Curve
from qmc.problem import Array, Contract, Problem
from qmc.step_error import StepError, step_error

METHODS = ("difference", "pathwise", "likelihood ratio")

# relative, for a derivative path by path: rounding is 1e-10 of a price, as is its own error
_SHORT = 1e-6
_CONTINUOUS = (Asian, Basket, Call, CallSpread, Exchange, Lookback, Put, Rainbow, Spread)


@dataclass(frozen=True, slots=True)
class Estimator:
    """What is averaged over paths.

    Attributes:
        outcomes: normals (n, factors) to (n,), whose mean is the sensitivity.
        note: what it is called.
        step: what the mean lacks; None where it lacks nothing.
    """

    outcomes: Callable[[Array], Array]
    note: str
    step: StepError | None = None


def sensitivity(sampler: Sampler, method: str) -> Sampled:
    """Mean of a sensitivity's estimator, its interval widened by what a step adds."""
    found = estimator(sampler.problem, method)
    sampler.outcomes = found.outcomes
    if found.step is None:
        sampled = methods.mean(sampler)
        return replace(sampled, note=f"{found.note}: {sampled.note}")
    goal = sampler.goal
    sampler.goal = found.step.goal(goal)
    sampled = methods.mean(sampler)
    sampler.goal = goal
    return replace(
        sampled,
        interval=found.step.widened(sampled.interval),
        note=f"{found.note}: {sampled.note}",
        lines=(found.step.line(goal),),
        pilot_paths=found.step.paths,
    )


def estimator(problem: Problem, method: str) -> Estimator:
    """The estimator of a problem's `Sensitivity` by one of `METHODS`.

    Raises:
        Unsupported: when the method is not for this problem; says which is.
    """
    if method == "pathwise":
        return pathwise(problem)
    if method == "likelihood ratio":
        return likelihood_ratio(problem)
    return Estimator(problem.outcomes, "difference quotients", step_error(problem))


def pathwise(problem: Problem) -> Estimator:
    """The derivative of each path's own payoff, for payoffs without jumps of log-normal prices.

    Broadie and Glasserman (1996, section 2). Taken by a central quotient of relative step 1e-6 on
    the path itself: what that adds is a millionth of the result at most, beside any sampling error.

    Raises:
        Unsupported: for order 2, a payoff that jumps or that is not known not to, other models.
    """
    measure = problem.measure
    assert isinstance(measure, Sensitivity)
    lacking = None
    if measure.order == 2:
        lacking = "a payoff with a kink has no second derivative along a path"
    elif not _is_continuous(problem.contract):
        lacking = f"{type(problem.contract).__name__} may pay with jumps, over which a path says 0"
    elif not isinstance(problem.model, GaussianLogPrices):
        lacking = f"{type(problem.model).__name__} has no log_prices (GaussianLogPrices)"
    if lacking is not None:
        raise _refused("pathwise", lacking)
    close = replace(problem, measure=replace(measure, step=_SHORT))
    return Estimator(close.outcomes, "pathwise derivatives")


def likelihood_ratio(problem: Problem) -> Estimator:
    """The payoff times the score of the density of prices: any payoff, also one that jumps.

    Glasserman (2003, section 7.3). The spot is in the first step's density alone, a normal z of
    deviation b in log price: score z / (S b), and (z^2 - 1 - b z) / (S b)^2 at order 2; a flat
    volatility is in every step's, of length t: the sum of (z^2 - 1) / vol - z sqrt(t). Unbiased;
    the variance grows as 1 / t.

    Raises:
        Unsupported: for other parameters, models, continuous monitoring or a time 0.
    """
    measure, model, times = problem.measure, problem.model, problem.contract.times
    assert isinstance(measure, Sensitivity)
    lacking = None
    if measure.to not in {"spot", "vol"}:
        lacking = f'"{measure.to}" is none of the parameters that it knows, "spot" and "vol"'
    elif not isinstance(model, BlackScholes):
        lacking = f"{type(model).__name__} is not BlackScholes"
    elif problem.extremes is not None:
        lacking = "the density of continuously monitored extremes is another one"
    elif times[0] <= 0.0:
        lacking = "the price at time 0 has no density"
    elif measure.to == "vol" and isinstance(model.vol, Curve):
        lacking = "the score is that of a flat vol"
    if lacking is not None:
        raise _refused("likelihood ratio", lacking)
    assert isinstance(model, BlackScholes)
    score = _score(model, measure, times)
    price = replace(problem, measure=Price())
    return Estimator(lambda normals: price.values(normals) * score(normals), "likelihood ratio")


def _score(
    model: BlackScholes, measure: Sensitivity, times: tuple[float, ...]
) -> Callable[[Array], Array]:
    if measure.to == "vol":
        vol, roots = model.vol, np.sqrt(np.diff(times, prepend=0.0))
        assert not isinstance(vol, Curve)
        if vol == 0.0:
            raise _refused("likelihood ratio", "at vol=0 prices have no density")
        return lambda normals: ((normals**2 - 1.0) / vol - normals * roots).sum(axis=1)
    deviation = float(model.log_prices(times)[1][0, 0, 0])
    scale = model.spot * deviation
    if scale == 0.0:
        raise _refused("likelihood ratio", "without volatility in the first step prices have none")
    if measure.order == 1:
        return lambda normals: normals[:, 0] / scale
    return lambda normals: (normals[:, 0] ** 2 - 1.0 - deviation * normals[:, 0]) / scale**2


def _is_continuous(contract: Contract) -> bool:
    if isinstance(contract, Sum):
        return all(_is_continuous(part) for part in contract.contracts)
    return isinstance(contract, _CONTINUOUS)


def _refused(method: str, lacking: str) -> Unsupported:
    return Unsupported(
        f'MonteCarlo(greeks="{method}") cannot: {lacking}; take greeks="difference", which treats '
        "any problem, or see which one classical_baseline.greeks offers"
    )
