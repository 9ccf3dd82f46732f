"""Random problems and goals of every kind, for the suite `plans`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qmc import (
    CEV,
    ES,
    Asian,
    Autocallable,
    Barrier,
    Basket,
    BlackScholes,
    Bond,
    BondRates,
    Call,
    CallSpread,
    Cliquet,
    Digital,
    Exchange,
    Goal,
    Heston,
    HistoricalReturns,
    Lookback,
    Merton,
    MultiAsset,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    Put,
    Rainbow,
    Spread,
    StudentTReturns,
    Sum,
    VaR,
)
from qmc.problem import Contract, Model

_SEED = 20_260_501
_SPOT = 100.0
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
    share = _round(float(np.exp(rng.uniform(low, high))))
    kind, confidence = rng.integers(3), float(rng.choice(_CONFIDENCES))
    return Goal(
        tolerance=None if kind == 0 else _round(share * abs(value)),
        relative_tolerance=None if kind == 1 else share,
        confidence=confidence,
    )


def _round(number: float) -> float:
    return float(f"{number:.3g}")


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return _round(float(rng.uniform(low, high)))


def _dates(rng: np.random.Generator, *counts: int) -> tuple[float, ...]:
    count, expiry = int(rng.choice(counts)), float(rng.choice([0.5, 1.0, 2.0]))
    return tuple((expiry * np.arange(1, count + 1) / count).tolist())


def _word(rng: np.random.Generator, *words: str) -> str:
    return str(rng.choice(words))


def _option(kind: str, rng: np.random.Generator) -> Problem:
    """A price, or for one in five the chance of a payoff above a threshold in its middle."""
    if kind == "bond":
        model: Model = _rates(rng)
    elif kind in _SEVERAL:
        model = _several(rng, 2 if kind in {"spread", "exchange"} else int(rng.integers(2, 6)))
    else:
        model = _single(rng)
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


def _single(rng: np.random.Generator) -> Model:
    rate, vol = _between(rng, 0.0, 0.06), _between(rng, 0.1, 0.4)
    name = _word(rng, "Black-Scholes", "Black-Scholes", "Heston", "Merton", "CEV")
    if name == "Heston":
        return Heston(
            spot=_SPOT,
            rate=rate,
            v0=_round(vol**2),
            kappa=_between(rng, 1.0, 4.0),
            theta=_round(vol**2),
            vol_of_vol=_between(rng, 0.2, 0.6),
            rho=_between(rng, -0.8, 0.0),
        )
    if name == "Merton":
        jumps = _between(rng, 0.1, 1.0), _between(rng, -0.2, 0.0), _between(rng, 0.05, 0.2)
        intensity, mean, deviation = jumps
        return Merton(
            spot=_SPOT,
            vol=vol,
            rate=rate,
            intensity=intensity,
            jump_mean=mean,
            jump_vol=deviation,
        )
    if name == "CEV":
        elasticity = _between(rng, 0.2, 0.9)
        return CEV(spot=_SPOT, vol=vol, elasticity=elasticity, rate=rate, steps_per_year=24)
    return BlackScholes(spot=_SPOT, vol=vol, rate=rate, dividend_yield=_between(rng, 0.0, 0.03))


def _several(rng: np.random.Generator, assets: int) -> MultiAsset:
    rho = _between(rng, 0.0, 0.7)
    correlation = np.full((assets, assets), rho) + (1.0 - rho) * np.eye(assets)
    return MultiAsset(
        spots=tuple(_between(rng, 90.0, 110.0) for _ in range(assets)),
        vols=tuple(_between(rng, 0.1, 0.4) for _ in range(assets)),
        rate=_between(rng, 0.0, 0.06),
        correlation=tuple(map(tuple, correlation.tolist())),
    )


def _rates(rng: np.random.Generator) -> BondRates:
    return BondRates(
        mean=(_between(rng, 0.01, 0.05), _between(rng, 0.01, 0.05)),
        loadings=((_between(rng, 0.005, 0.02), 0.0), (0.01, _between(rng, 0.002, 0.01))),
    )


def _strike(rng: np.random.Generator) -> float:
    return _between(rng, 85.0, 115.0)


def _expiry(rng: np.random.Generator) -> float:
    return float(rng.choice([0.25, 0.5, 1.0, 2.0]))


def _vanilla(rng: np.random.Generator, kind: str) -> Contract:
    cls = Call if kind == "call" else Put
    return cls(strike=_strike(rng), expiry=_expiry(rng))


def _spread_of_calls(rng: np.random.Generator) -> Contract:
    low = _between(rng, 85.0, 105.0)
    high = _round(low + rng.uniform(5.0, 25.0))
    return CallSpread(low_strike=low, high_strike=high, expiry=_expiry(rng))


def _asian(rng: np.random.Generator) -> Contract:
    fixed = rng.random() < 0.75
    return Asian(
        strike=_strike(rng) if fixed else None,
        times=_dates(rng, 4, 12, 52),
        average=_word(rng, "arithmetic", "geometric"),
        kind=_word(rng, "call", "put"),
        strike_style="fixed" if fixed else "floating",
    )


def _barrier(rng: np.random.Generator, model: Model) -> Contract:
    direction = _word(rng, "up-and-out", "up-and-in", "down-and-out", "down-and-in")
    level = _between(rng, 115.0, 150.0) if direction[0] == "u" else _between(rng, 65.0, 90.0)
    everywhere = isinstance(model, BlackScholes) and rng.random() < 0.3
    return Barrier(
        strike=_between(rng, 90.0, 110.0),
        barrier=level,
        times=_dates(rng, 1) if everywhere else _dates(rng, 4, 12),
        direction=direction,
        kind=_word(rng, "call", "put"),
        rebate=float(rng.choice([0.0, 3.0])),
        monitoring="continuous" if everywhere else "discrete",
    )


def _lookback(rng: np.random.Generator, model: Model) -> Contract:
    fixed = rng.random() < 0.5
    everywhere = isinstance(model, BlackScholes) and rng.random() < 0.3
    return Lookback(
        strike=_strike(rng) if fixed else None,
        times=_dates(rng, 1) if everywhere else _dates(rng, 4, 12),
        kind=_word(rng, "call", "put"),
        strike_style="fixed" if fixed else "floating",
        monitoring="continuous" if everywhere else "discrete",
    )


def _cliquet(rng: np.random.Generator) -> Contract:
    return Cliquet(
        times=(0.0, *_dates(rng, 4, 12)),
        local_floor=-_between(rng, 0.01, 0.05),
        local_cap=_between(rng, 0.02, 0.08),
        notional=100.0,
    )


def _autocallable(rng: np.random.Generator, model: Model) -> Contract:
    spots = model.spots if isinstance(model, MultiAsset) else (_SPOT,)
    dates = _dates(rng, 4)
    coupon = _between(rng, 0.02, 0.05)
    return Autocallable(
        times=dates,
        initial_prices=spots,
        coupons=tuple(coupon * (place + 1) for place in range(len(dates))),
        knock_in=_between(rng, 0.6, 0.85),
        knock_in_monitoring=_word(rng, "maturity", "discrete"),
        notional=100.0,
    )


def _sum(rng: np.random.Generator) -> Contract:
    strike, dates = _strike(rng), _dates(rng, 4)
    asian = Asian(strike=_strike(rng), times=dates)
    parts = (Call(strike=strike, expiry=dates[-1]), Put(strike=strike, expiry=dates[-1]), asian)
    return Sum(contracts=parts, quantities=(1.0, 1.0, _between(rng, 0.5, 2.0)))


def _weights(rng: np.random.Generator, count: int) -> tuple[float, ...]:
    return tuple(rng.dirichlet(np.full(count, 5.0)).round(4).tolist())


def _assets(model: Model) -> int:
    return len(model.spots) if isinstance(model, MultiAsset) else 1


def _basket(rng: np.random.Generator, model: Model) -> Contract:
    weights, kind = _weights(rng, _assets(model)), _word(rng, "call", "put")
    return Basket(weights=weights, strike=_strike(rng), expiry=_expiry(rng), kind=kind)


def _rainbow(rng: np.random.Generator) -> Contract:
    on = _word(rng, "max", "min")
    strike = _between(rng, 95.0, 125.0) if on == "max" else _between(rng, 75.0, 100.0)
    return Rainbow(strike=strike, expiry=_expiry(rng), on=on)


def _asian_basket(rng: np.random.Generator, model: Model) -> Contract:
    weights = _weights(rng, _assets(model))
    return Asian(strike=_between(rng, 90.0, 110.0), times=_dates(rng, 4, 12), weights=weights)


def _bond(rng: np.random.Generator) -> Contract:
    flows = _between(rng, 1.0, 5.0), _between(rng, 50.0, 105.0)
    return Bond(times=(1.0, 2.0), cash_flows=flows)


_CONTRACTS: dict[str, Callable[[np.random.Generator, Model], Contract]] = {
    "call": lambda rng, _: _vanilla(rng, "call"),
    "put": lambda rng, _: _vanilla(rng, "put"),
    "digital": lambda rng, _: Digital(
        strike=_strike(rng),
        expiry=_expiry(rng),
        kind=_word(rng, "call", "put"),
        pays=_word(rng, "cash", "asset"),
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
    "spread": lambda rng, _: Spread(strike=_between(rng, 0.0, 10.0), expiry=_expiry(rng)),
    "exchange": lambda rng, _: Exchange(expiry=_expiry(rng)),
    "Asian basket": _asian_basket,
    "worst-of autocallable": _autocallable,
    "bond": lambda rng, _: _bond(rng),
}
_SEVERAL = {
    "basket", "rainbow", "spread", "exchange", "Asian basket", "worst-of autocallable",
}  # fmt: skip


def _portfolio(rng: np.random.Generator, level: float, measure: type[VaR] | type[ES]) -> Problem:
    """VaR or ES of two to four stocks' returns of a day: normal, Student's, or a drawn history."""
    assets = int(rng.integers(2, 5))
    deviations = rng.uniform(0.008, 0.025, assets)
    rho = rng.uniform(0.0, 0.6)
    covariance = np.outer(deviations, deviations) * (rho + (1.0 - rho) * np.eye(assets))
    mean, rows = (0.0004,) * assets, tuple(map(tuple, covariance.tolist()))
    name = _word(rng, "normal", "student-t", "historical")
    model: Model = NormalReturns(mean=mean, covariance=rows)
    if name == "student-t":
        freedom = float(rng.choice([4.0, 6.0, 10.0]))
        model = StudentTReturns(mean=mean, covariance=rows, degrees_of_freedom=freedom)
    if name == "historical":
        days = rng.multivariate_normal(np.asarray(mean), covariance, 750)
        model = HistoricalReturns(returns=days)
    portfolio = Portfolio(weights=_weights(rng, assets), value=1000.0)
    return Problem(model, portfolio, measure(level=level))


_RISKS: dict[str, Callable[[np.random.Generator], Problem]] = {
    "VaR": lambda rng: _portfolio(rng, float(rng.choice([0.9, 0.95, 0.99])), VaR),
    "ES": lambda rng: _portfolio(rng, float(rng.choice([0.9, 0.95, 0.975])), ES),
}
KINDS = (*_CONTRACTS, *_RISKS)
