"""Random problems and goals of every kind, for the suite `plans`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.plan_models import (
    SPOT,
    between,
    portfolio,
    rates,
    rounded,
    several,
    shares,
    single,
    word,
)
from qmc import (
    ES,
    Asian,
    Autocallable,
    Barrier,
    Basket,
    BlackScholes,
    Bond,
    Call,
    CallSpread,
    Cliquet,
    Digital,
    Exchange,
    Goal,
    Lookback,
    MultiAsset,
    Price,
    Probability,
    Problem,
    Put,
    Rainbow,
    Spread,
    Sum,
    VaR,
)
from qmc.problem import Contract, Model

_SEED = 20_260_501
_TOLERANCES = (0.002, 0.05)
_CONFIDENCES = (0.9, 0.95, 0.98, 0.99)
# paths by which tolerances and thresholds are set: a share of about the right number will do
_GUESS_PATHS = 2**12
_LEAST_SHARE = 0.01
_BUDGET_FACTORS = (3.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCase:
    """A problem, a goal with tolerances, and how many times the planned cost may be spent.

    Attributes:
        kind: of contract, or the measure of a risk.
        problem: what to find.
        goal: an absolute tolerance, a relative one or both.
        budget: the goal's budget as a multiple of what a plan predicts; None for no budget.
    """

    kind: str
    problem: Problem
    goal: Goal
    budget: float | None


def case(number: int) -> PlanCase:
    """The case of a number: its kind goes round all, everything else is drawn by its own seed."""
    rng = np.random.default_rng([_SEED, number])
    kind = KINDS[number % len(KINDS)]
    while True:
        problem = _RISKS[kind](rng) if kind in _RISKS else _option(kind, rng)
        guess = _guess(problem)
        if abs(guess.value) > _LEAST_SHARE * guess.size:
            break
    budget = float(rng.uniform(*_BUDGET_FACTORS)) if rng.random() < 0.2 else None
    return PlanCase(kind=kind, problem=problem, goal=_goal(guess.value, rng), budget=budget)


@dataclass(frozen=True, slots=True)
class _Guess:
    """A rough value, and the size of outcomes beside which it is not next to nothing."""

    value: float
    size: float


def _guess(problem: Problem) -> _Guess:
    normals = np.random.default_rng(_SEED).standard_normal((_GUESS_PATHS, problem.num_factors))
    outcomes, measure = problem.outcomes(normals), problem.measure
    if isinstance(measure, VaR | ES):
        value = float(np.quantile(outcomes, measure.level))
        if isinstance(measure, ES):
            value += float(np.maximum(outcomes - value, 0.0).mean()) / (1.0 - measure.level)
        return _Guess(value, float(np.std(outcomes)))
    if isinstance(measure, Probability):
        return _Guess(float(np.mean(outcomes > measure.threshold)), 1.0)
    return _Guess(float(outcomes.mean()), float(np.std(outcomes)))


def _goal(value: float, rng: np.random.Generator) -> Goal:
    """A half-width of .2 to 5 % of the value, absolute, relative or both; log-uniform."""
    low, high = np.log(_TOLERANCES)
    share = rounded(float(np.exp(rng.uniform(low, high))))
    kind, confidence = rng.integers(3), float(rng.choice(_CONFIDENCES))
    return Goal(
        tolerance=None if kind == 0 else rounded(share * abs(value)),
        relative_tolerance=None if kind == 1 else share,
        confidence=confidence,
    )


def _dates(rng: np.random.Generator, *counts: int) -> tuple[float, ...]:
    count, expiry = int(rng.choice(counts)), float(rng.choice([0.5, 1.0, 2.0]))
    return tuple((expiry * np.arange(1, count + 1) / count).tolist())


def _option(kind: str, rng: np.random.Generator) -> Problem:
    """A price, or for one in five the chance of a payoff above a threshold in its middle."""
    if kind == "bond":
        model: Model = rates(rng)
    elif kind in _SEVERAL:
        model = several(rng, 2 if kind in {"spread", "exchange"} else int(rng.integers(2, 6)))
    else:
        model = single(rng)
    contract = _CONTRACTS[kind](rng, model)
    price = Problem(model, contract, Price())
    if rng.random() > 0.2:
        return price
    normals = np.random.default_rng(_SEED).standard_normal((_GUESS_PATHS, price.num_factors))
    values = price.outcomes(normals)
    # half-way between two payoffs that are met, so that no payoff sits on it
    ordered = np.unique(values)
    place = int(rng.uniform(0.3, 0.8) * (ordered.size - 1))
    threshold = float(0.5 * (ordered[place] + ordered[min(place + 1, ordered.size - 1)]))
    return Problem(model, contract, Probability(threshold=threshold))


def _strike(rng: np.random.Generator) -> float:
    return between(rng, 85.0, 115.0)


def _expiry(rng: np.random.Generator) -> float:
    return float(rng.choice([0.25, 0.5, 1.0, 2.0]))


def _vanilla(rng: np.random.Generator, kind: str) -> Contract:
    cls = Call if kind == "call" else Put
    return cls(strike=_strike(rng), expiry=_expiry(rng))


def _spread_of_calls(rng: np.random.Generator) -> Contract:
    low = between(rng, 85.0, 105.0)
    high = rounded(low + rng.uniform(5.0, 25.0))
    return CallSpread(low_strike=low, high_strike=high, expiry=_expiry(rng))


def _asian(rng: np.random.Generator) -> Contract:
    fixed = rng.random() < 0.75
    return Asian(
        strike=_strike(rng) if fixed else None,
        times=_dates(rng, 4, 12, 52),
        average=word(rng, "arithmetic", "geometric"),
        kind=word(rng, "call", "put"),
        strike_style="fixed" if fixed else "floating",
    )


def _barrier(rng: np.random.Generator, model: Model) -> Contract:
    direction = word(rng, "up-and-out", "up-and-in", "down-and-out", "down-and-in")
    level = between(rng, 115.0, 150.0) if direction[0] == "u" else between(rng, 65.0, 90.0)
    everywhere = isinstance(model, BlackScholes) and rng.random() < 0.3
    return Barrier(
        strike=between(rng, 90.0, 110.0),
        barrier=level,
        times=_dates(rng, 1) if everywhere else _dates(rng, 4, 12),
        direction=direction,
        kind=word(rng, "call", "put"),
        rebate=float(rng.choice([0.0, 3.0])),
        monitoring="continuous" if everywhere else "discrete",
    )


def _lookback(rng: np.random.Generator, model: Model) -> Contract:
    fixed = rng.random() < 0.5
    everywhere = isinstance(model, BlackScholes) and rng.random() < 0.3
    return Lookback(
        strike=_strike(rng) if fixed else None,
        times=_dates(rng, 1) if everywhere else _dates(rng, 4, 12),
        kind=word(rng, "call", "put"),
        strike_style="fixed" if fixed else "floating",
        monitoring="continuous" if everywhere else "discrete",
    )


def _cliquet(rng: np.random.Generator) -> Contract:
    return Cliquet(
        times=(0.0, *_dates(rng, 4, 12)),
        local_floor=-between(rng, 0.01, 0.05),
        local_cap=between(rng, 0.02, 0.08),
        notional=100.0,
    )


def _autocallable(rng: np.random.Generator, model: Model) -> Contract:
    spots = model.spots if isinstance(model, MultiAsset) else (SPOT,)
    dates = _dates(rng, 4)
    coupon = between(rng, 0.02, 0.05)
    return Autocallable(
        times=dates,
        initial_prices=spots,
        coupons=tuple(coupon * (place + 1) for place in range(len(dates))),
        knock_in=between(rng, 0.6, 0.85),
        knock_in_monitoring=word(rng, "maturity", "discrete"),
        notional=100.0,
    )


def _sum(rng: np.random.Generator) -> Contract:
    strike, dates = _strike(rng), _dates(rng, 4)
    asian = Asian(strike=_strike(rng), times=dates)
    parts = (Call(strike=strike, expiry=dates[-1]), Put(strike=strike, expiry=dates[-1]), asian)
    return Sum(contracts=parts, quantities=(1.0, 1.0, between(rng, 0.5, 2.0)))


def _assets(model: Model) -> int:
    return len(model.spots) if isinstance(model, MultiAsset) else 1


def _basket(rng: np.random.Generator, model: Model) -> Contract:
    weights, kind = shares(rng, _assets(model)), word(rng, "call", "put")
    return Basket(weights=weights, strike=_strike(rng), expiry=_expiry(rng), kind=kind)


def _rainbow(rng: np.random.Generator) -> Contract:
    on = word(rng, "max", "min")
    strike = between(rng, 95.0, 125.0) if on == "max" else between(rng, 75.0, 100.0)
    return Rainbow(strike=strike, expiry=_expiry(rng), on=on)


def _asian_basket(rng: np.random.Generator, model: Model) -> Contract:
    weights = shares(rng, _assets(model))
    return Asian(strike=between(rng, 90.0, 110.0), times=_dates(rng, 4, 12), weights=weights)


def _bond(rng: np.random.Generator) -> Contract:
    flows = between(rng, 1.0, 5.0), between(rng, 50.0, 105.0)
    return Bond(times=(1.0, 2.0), cash_flows=flows)


_CONTRACTS: dict[str, Callable[[np.random.Generator, Model], Contract]] = {
    "call": lambda rng, _: _vanilla(rng, "call"),
    "put": lambda rng, _: _vanilla(rng, "put"),
    "digital": lambda rng, _: Digital(
        strike=_strike(rng),
        expiry=_expiry(rng),
        kind=word(rng, "call", "put"),
        pays=word(rng, "cash", "asset"),
    ),
    "call spread": lambda rng, _: _spread_of_calls(rng),
    "Asian": lambda rng, _: _asian(rng),
    "barrier": _barrier,
    "lookback": _lookback,
    "cliquet": lambda rng, _: _cliquet(rng),
    "autocallable": _autocallable,
    "sum": lambda rng, _: _sum(rng),
    "basket": _basket,
    "rainbow": lambda rng, _: _rainbow(rng),
    "spread": lambda rng, _: Spread(strike=between(rng, 0.0, 10.0), expiry=_expiry(rng)),
    "exchange": lambda rng, _: Exchange(expiry=_expiry(rng)),
    "Asian basket": _asian_basket,
    "worst-of autocallable": _autocallable,
    "bond": lambda rng, _: _bond(rng),
}
_SEVERAL = {
    "basket", "rainbow", "spread", "exchange", "Asian basket", "worst-of autocallable",
}  # fmt: skip


_RISKS: dict[str, Callable[[np.random.Generator], Problem]] = {
    "VaR": lambda rng: portfolio(rng, float(rng.choice([0.9, 0.95, 0.99])), VaR),
    "ES": lambda rng: portfolio(rng, float(rng.choice([0.9, 0.95, 0.975])), ES),
}
KINDS = (*_CONTRACTS, *_RISKS)
