"""Random models of every kind, and portfolios, for the suite `plans`."""

from __future__ import annotations

import numpy as np

from qmc import (
    CEV,
    ES,
    BlackScholes,
    BondRates,
    Heston,
    HistoricalReturns,
    Merton,
    MultiAsset,
    NormalReturns,
    Portfolio,
    Problem,
    StudentTReturns,
    VaR,
)
from qmc.problem import Model

SPOT = 100.0


def rounded(number: float) -> float:
    """Three digits, so that a case prints short."""
    return float(f"{number:.3g}")


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Uniform, rounded."""
    return rounded(float(rng.uniform(low, high)))


def word(rng: np.random.Generator, *words: str) -> str:
    """One of some words."""
    return str(rng.choice(words))


def shares(rng: np.random.Generator, count: int) -> tuple[float, ...]:
    """Positive shares (count,) that sum to 1 but for rounding."""
    return tuple(rng.dirichlet(np.full(count, 5.0)).round(4).tolist())


def single(rng: np.random.Generator) -> Model:
    """A model of one asset."""
    rate, vol = between(rng, 0.0, 0.06), between(rng, 0.1, 0.4)
    name = word(rng, "Black-Scholes", "Black-Scholes", "Heston", "Merton", "CEV")
    if name == "Heston":
        return Heston(
            spot=SPOT,
            rate=rate,
            v0=rounded(vol**2),
            kappa=between(rng, 1.0, 4.0),
            theta=rounded(vol**2),
            vol_of_vol=between(rng, 0.2, 0.6),
            rho=between(rng, -0.8, 0.0),
        )
    if name == "Merton":
        jumps = between(rng, 0.1, 1.0), between(rng, -0.2, 0.0), between(rng, 0.05, 0.2)
        intensity, mean, deviation = jumps
        return Merton(
            spot=SPOT,
            vol=vol,
            rate=rate,
            intensity=intensity,
            jump_mean=mean,
            jump_vol=deviation,
        )
    if name == "CEV":
        elasticity = between(rng, 0.2, 0.9)
        return CEV(spot=SPOT, vol=vol, elasticity=elasticity, rate=rate, steps_per_year=24)
    return BlackScholes(spot=SPOT, vol=vol, rate=rate, dividend_yield=between(rng, 0.0, 0.03))


def several(rng: np.random.Generator, assets: int) -> MultiAsset:
    """Black and Scholes's model of some assets with one correlation."""
    rho = between(rng, 0.0, 0.7)
    correlation = np.full((assets, assets), rho) + (1.0 - rho) * np.eye(assets)
    return MultiAsset(
        spots=tuple(between(rng, 90.0, 110.0) for _ in range(assets)),
        vols=tuple(between(rng, 0.1, 0.4) for _ in range(assets)),
        rate=between(rng, 0.0, 0.06),
        correlation=tuple(map(tuple, correlation.tolist())),
    )


def rates(rng: np.random.Generator) -> BondRates:
    """Two rates on two factors."""
    return BondRates(
        mean=(between(rng, 0.01, 0.05), between(rng, 0.01, 0.05)),
        loadings=((between(rng, 0.005, 0.02), 0.0), (0.01, between(rng, 0.002, 0.01))),
    )


def portfolio(rng: np.random.Generator, level: float, measure: type[VaR] | type[ES]) -> Problem:
    """VaR or ES of two to four stocks' returns of a day: normal, Student's, or a drawn history."""
    assets = int(rng.integers(2, 5))
    deviations = rng.uniform(0.008, 0.025, assets)
    rho = rng.uniform(0.0, 0.6)
    covariance = np.outer(deviations, deviations) * (rho + (1.0 - rho) * np.eye(assets))
    mean, rows = (0.0004,) * assets, tuple(map(tuple, covariance.tolist()))
    name = word(rng, "normal", "student-t", "historical")
    model: Model = NormalReturns(mean=mean, covariance=rows)
    if name == "student-t":
        freedom = float(rng.choice([4.0, 6.0, 10.0]))
        model = StudentTReturns(mean=mean, covariance=rows, degrees_of_freedom=freedom)
    if name == "historical":
        days = rng.multivariate_normal(np.asarray(mean), covariance, 750)
        model = HistoricalReturns(returns=days)
    portfolio = Portfolio(weights=shares(rng, assets), value=1000.0)
    return Problem(model, portfolio, measure(level=level))
