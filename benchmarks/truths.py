"""True prices: closed forms, quadrature, or a converged randomised Sobol run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.published_truths import AutocallableTerms, autocallable
from classical_baseline import Analytic
from qmc import Autocallable, BlackScholes, BondRates, Curve, FactorGrid, Goal, Problem
from qmc.errors import Unsupported
from qmc.grids import Residual

_NODES = 24
# of the cells' pilot and of the points: one seed for both would give both the same points
_PILOT_SEED, _SEED = 20_260_107, 20_260_108
_CONFIDENCE = 0.95
_SOBOL = Residual(replicates=32, max_paths=2**25)
_FIRST_PATHS = 2**16
_MONTE_CARLO_PATHS = 2**18
_BLOCK = 2**22
_EVEN = 1e-12


@dataclass(frozen=True, slots=True)
class Truth:
    """A price, the half-width of its own 95 % interval, and where it is from."""

    value: float
    error: float
    source: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A plain sample's mean, its error bar and the standard deviation of one path."""

    mean: float
    error: float
    deviation: float


def true_price(problem: Problem, allowed: float) -> Truth:
    """The price, exact where that can be had, else with a half-width of `allowed` if it can.

    Args:
        problem: a price.
        allowed: half-width to reach, in the contract's currency.
    """
    try:
        exact = Analytic().solve(problem, Goal(tolerance=1.0))
    except Unsupported:
        pass
    else:
        return Truth(exact.value, 0.0, "closed form")
    if isinstance(problem.model, BondRates):
        return Truth(_quadrature(problem), 0.0, "quadrature")
    if isinstance(problem.contract, Autocallable) and isinstance(problem.model, BlackScholes):
        found = _autocallable(problem.model, problem.contract)
        if found is not None:
            return Truth(found, 0.0, "quadrature")
    return sobol_price(problem, allowed)


def monte_carlo(problem: Problem, rng: np.random.Generator) -> Sample:
    """Plain pseudo-random paths without grid, frame or control: a check of the truth."""
    factors = problem.num_factors
    rows = max(1, _BLOCK // factors)
    blocks = [
        problem.outcomes(rng.standard_normal((min(rows, _MONTE_CARLO_PATHS - begin), factors)))
        for begin in range(0, _MONTE_CARLO_PATHS, rows)
    ]
    values = np.concatenate(blocks)
    deviation = float(values.std(ddof=1))
    return Sample(float(values.mean()), deviation / math.sqrt(values.size), deviation)


def _quadrature(problem: Problem) -> float:
    """Gauss and Hermite's rule in each normal: for smooth payoffs of few factors."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    grids = np.meshgrid(*[nodes] * problem.num_factors, indexing="ij")
    products = np.meshgrid(*[weights] * problem.num_factors, indexing="ij")
    mass = np.prod([one.ravel() for one in products], axis=0)
    values = problem.outcomes(np.stack([one.ravel() for one in grids], axis=1))
    return float(mass @ values / mass.sum())


def _autocallable(model: BlackScholes, contract: Autocallable) -> float | None:
    """Of a note on one asset on evenly spaced dates, its put of strike 1 begun on any of them.

    None for other notes and for curves, which the quadrature does not know.
    """
    steps = np.diff(contract.times, prepend=0.0)
    fits = np.ptp(steps) < _EVEN and not contract.redeems and contract.put_strike == 1.0
    market = (model.vol, model.rate, model.dividend_yield)
    constant = [float(one) for one in market if not isinstance(one, Curve)]
    if not (fits and contract.knock_in_monitoring == "discrete" and len(constant) == len(market)):
        return None
    vol, rate, dividend_yield = constant
    step, drift = float(steps[0]), rate - dividend_yield - 0.5 * vol**2
    terms = AutocallableTerms(
        coupons=tuple(np.asarray(contract.coupons).tolist()),
        discounts=tuple(model.discount(contract.times).tolist()),
        calls=tuple(np.asarray(contract.autocall_barriers).tolist()),
        knock_in=contract.knock_in,
        mean=drift * step,
        vol=vol * math.sqrt(step),
    )
    return contract.notional * autocallable(terms)


def sobol_price(problem: Problem, allowed: float) -> Truth:
    """32 scrambled replicates, doubled until good enough; other cells and points than a run's."""
    table = FactorGrid(qubits=10, pilot_paths=8192, pilot_seed=_PILOT_SEED).discretise(problem)
    found = _SOBOL.correct(
        problem,
        table,
        lambda _, width: width <= allowed,
        error=1.0 - _CONFIDENCE,
        first_paths=_FIRST_PATHS,
        rng=np.random.default_rng(_SEED),
    )
    source = f"Sobol, 2^{round(math.log2(found.paths))} paths"
    return Truth(table.mean() + found.mean, found.half_width, source)
