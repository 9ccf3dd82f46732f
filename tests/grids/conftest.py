"""Problems with known answers that the tests of factor grids share."""

import functools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import integrate, special

from qmc import (
    Asian,
    Autocallable,
    Basket,
    BlackScholes,
    Exchange,
    MultiAsset,
    Price,
    Problem,
    Spread,
)
from qmc.capabilities import LinearExposure
from qmc.grids.directions import leading_frame, path_slopes
from qmc.grids.pilot import framed, sobol


def _alike(assets, correlation):
    return tuple(
        tuple(1.0 if row == column else correlation for column in range(assets))
        for row in range(assets)
    )


def _dates(count):
    return tuple((k + 1) / count for k in range(count))


ONE = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
FIVE = MultiAsset(
    spots=(100.0,) * 5, vols=(0.15, 0.2, 0.25, 0.3, 0.35), rate=0.05, correlation=_alike(5, 0.5)
)
THREE = MultiAsset(spots=(100.0,) * 3, vols=(0.2, 0.25, 0.3), rate=0.05, correlation=_alike(3, 0.4))
PAIR = MultiAsset(spots=(100.0, 96.0), vols=(0.2, 0.3), rate=0.05, correlation=_alike(2, 0.5))
NOTE = Autocallable(
    times=(1.0, 2.0, 3.0), initial_prices=(100.0,), coupons=(0.08, 0.16, 0.24), knock_in=0.7
)


@dataclass(frozen=True)
class Case:
    """A problem, its qubits, and the bias it must not exceed, as a share of the price."""

    problem: Problem
    qubits: int
    allowed: float


CASES = {
    "asian of 252 dates": Case(
        Problem(ONE, Asian(strike=100.0, times=_dates(252)), Price()), 5, 0.0025
    ),
    "basket of 5": Case(
        Problem(FIVE, Basket(weights=(0.2,) * 5, strike=100.0, expiry=1.0), Price()), 5, 0.0015
    ),
    "asian basket of 3 x 12": Case(
        Problem(THREE, Asian(strike=100.0, times=_dates(12), weights=(1 / 3,) * 3), Price()),
        5,
        0.002,
    ),
    "spread": Case(Problem(PAIR, Spread(strike=4.0, expiry=1.0), Price()), 8, 0.005),
    "exchange": Case(Problem(PAIR, Exchange(expiry=1.0), Price()), 8, 0.005),
    "autocallable": Case(Problem(ONE, NOTE, Price()), 8, 0.005),
}


def black(forward, strike, deviation):
    """E[(F exp(s z - s^2 / 2) - K)+] (Black 1976, doi:10.1016/0304-405X(76)90024-6)."""
    above = (np.log(forward / strike) + 0.5 * deviation**2) / deviation
    return forward * special.ndtr(above) - strike * special.ndtr(above - deviation)


def spread_price(market, strike, expiry):
    """Two assets' spread call: given the second price the first is log-normal."""
    (first, second), (vol, other) = market.spots, market.vols
    correlation, rate = market.correlation[0][1], market.rate
    deviation, second_deviation = vol * math.sqrt(expiry), other * math.sqrt(expiry)

    def given_second(z):
        price = second * math.exp(rate * expiry - 0.5 * second_deviation**2 + second_deviation * z)
        tilt = correlation * deviation
        forward = first * math.exp(rate * expiry - 0.5 * tilt**2 + tilt * z)
        left = deviation * math.sqrt(1.0 - correlation**2)
        return black(forward, price + strike, left) * math.exp(-0.5 * z * z)

    whole, _ = integrate.quad(given_second, -10.0, 10.0, epsabs=1e-12, epsrel=1e-12)
    return math.exp(-rate * expiry) * whole / math.sqrt(2.0 * math.pi)


def _control(problem):
    """Weights of log prices whose payoff has a closed form, its discount, and its true mean."""
    payoff = problem.contract.linear_payoff()
    means, loadings = problem.model.log_prices(problem.contract.times)
    weights = np.asarray(payoff.weights).ravel()
    centre = weights @ means.ravel()
    deviation = float(np.linalg.norm(weights @ loadings.reshape(weights.size, -1)))
    discount = problem.model.discount(problem.contract.times)[-1]
    forward = math.exp(centre + 0.5 * deviation**2)
    return weights, discount, discount * black(forward, payoff.strike, deviation)


def sobol_price(problem, points, replicates):
    """Mean and standard error of randomised Sobol, the geometric average as control variate.

    Kemna and Vorst (1990, doi:10.1016/0378-4266(90)90039-5) with coefficient 1.
    """
    frame = leading_frame(path_slopes(problem))[:, :8]
    control = isinstance(problem.contract, LinearExposure)
    weights, discount, known = _control(problem) if control else (None, 0.0, 0.0)
    found = []
    for rng in np.random.default_rng(90).spawn(replicates):
        sequence = sobol(problem.num_factors + frame.shape[1], rng)
        total = 0.0
        for _ in range(points // 2048):
            normals = framed(sequence, 2048, frame)
            values = problem.outcomes(normals)
            if control:
                logs = np.log(problem.paths(normals)).reshape(2048, -1)
                geometric = np.exp(logs @ weights) - problem.contract.linear_payoff().strike
                values = values - discount * np.maximum(geometric, 0.0)
            total += float(values.mean())
        found.append(known + total / (points // 2048))
    return float(np.mean(found)), float(np.std(found, ddof=1)) / math.sqrt(replicates)


@functools.cache
def _truth(name):
    """The price of a case and its standard error, 0 for a closed form."""
    problem = CASES[name].problem
    if name == "spread":
        return spread_price(PAIR, 4.0, 1.0), 0.0
    if name == "exchange":
        return spread_price(PAIR, 0.0, 1.0), 0.0
    points = 2**12 if problem.num_factors > 100 else 2**15
    return sobol_price(problem, points, 8)


@pytest.fixture(scope="session")
def cases():
    """Named problems with qubits and allowed bias."""
    return CASES


@pytest.fixture(scope="session")
def truth():
    """The price of a named case and its standard error."""
    return _truth
