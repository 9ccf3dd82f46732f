"""`Heston`: the scheme's martingale, moments and measured bias against Fourier prices; refusals."""

import cmath
import math

import numpy as np
import pytest
from scipy import integrate
from scipy.special import ndtr, ndtri
from scipy.stats import qmc as sobol

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    BlackScholes,
    Call,
    Curve,
    Goal,
    Heston,
    InvalidProblem,
    Price,
    Problem,
)
from qmc.testing import check_model

# Alan Lewis's reference case, in QuantLib's test suite (hestonmodel.cpp)
LEWIS = Heston(
    spot=100.0,
    rate=0.01,
    dividend_yield=0.02,
    v0=0.04,
    kappa=4.0,
    theta=0.25,
    vol_of_vol=1.0,
    rho=-0.5,
)
LEWIS_CALLS = {
    80.0: 26.774758743998856,
    100.0: 16.070154917028834,
    110.0: 12.132211516709845,
    120.0: 9.024913483457835,
}
# Andersen 2008, case III
THIRD = Heston(spot=100.0, rate=0.0, v0=0.09, kappa=1.0, theta=0.09, vol_of_vol=1.0, rho=-0.3)
FIELDS = {
    "spot": 100.0,
    "rate": 0.01,
    "v0": 0.04,
    "kappa": 4.0,
    "theta": 0.25,
    "vol_of_vol": 1.0,
    "rho": -0.5,
}


def characteristic(model, time, u):
    """E[exp(i u log(S / forward))] without branch cuts (Albrecher et al. 2007, Wilmott)."""
    kappa, square = model.kappa, model.vol_of_vol**2
    beta = kappa - 1j * u * model.rho * model.vol_of_vol
    d = cmath.sqrt(beta**2 + square * (u * u + 1j * u))
    g = (beta - d) / (beta + d)
    decay = cmath.exp(-d * time)
    slope = (beta - d) / square * (1.0 - decay) / (1.0 - g * decay)
    level = (beta - d) * time - 2.0 * cmath.log((1.0 - g * decay) / (1.0 - g))
    return cmath.exp(kappa * model.theta / square * level + slope * model.v0)


def fourier_call(model, strike, time):
    """Lewis 2001, eq. 3.11: one integral along Im u = -1/2."""
    forward = model.spot * math.exp((model.rate - model.dividend_yield) * time)
    moneyness = math.log(forward / strike)

    def integrand(u):
        turned = cmath.exp(1j * u * moneyness) * characteristic(model, time, u - 0.5j)
        return turned.real / (u * u + 0.25)

    total, _ = integrate.quad(integrand, 0.0, 400.0, limit=500, epsabs=1e-12)
    price = forward - math.sqrt(forward * strike) / math.pi * total
    return math.exp(-model.rate * time) * price


def given_variance(model, time, replicates=6, power=12):
    """Forwards and deviations of log prices given paths of the variance, by the public map alone.

    With every sub-step's end as a time, a path is linear in the price's own normals: two settings
    of them show the conditional mean and variance of its log return.
    """
    steps = model.num_factors((time,)) // 2
    times = tuple((time * (np.arange(steps) + 1) / steps).tolist())
    for seed in range(replicates):
        normals = np.zeros((2**power, 2 * steps))
        points = sobol.Sobol(steps, rng=np.random.default_rng(seed)).random_base2(power)
        normals[:, ::2] = ndtri(points)
        quiet = np.log(model.paths(times, normals)[:, :, 0])
        normals[:, 1::2] = 1.0
        moved = np.log(model.paths(times, normals)[:, :, 0]) - quiet
        deviations = np.diff(moved, axis=1, prepend=0.0)
        variance = np.square(deviations).sum(axis=1)
        yield np.exp(quiet[:, -1] + 0.5 * variance), np.sqrt(variance)


def scheme_call(model, strike, time):
    """The scheme's price and its standard error: Black's formula given the variance's path."""
    prices = []
    for forward, deviation in given_variance(model, time):
        d1 = np.log(forward / strike) / deviation + 0.5 * deviation
        call = forward * ndtr(d1) - strike * ndtr(d1 - deviation)
        prices.append(math.exp(-model.rate * time) * float(call.mean()))
    return np.mean(prices), np.std(prices, ddof=1) / math.sqrt(len(prices))


def stepped(model, steps):
    names = ("spot", "rate", "v0", "kappa", "theta", "vol_of_vol", "rho", "dividend_yield")
    return Heston(**{name: getattr(model, name) for name in names}, steps_per_year=steps)


@pytest.mark.parametrize("strike", LEWIS_CALLS)
def test_the_fourier_price_is_the_reference(strike):
    assert fourier_call(LEWIS, strike, 1.0) == pytest.approx(LEWIS_CALLS[strike], abs=1e-9)


@pytest.mark.parametrize(
    ("steps", "bias", "allowed"), [(4, -0.103, 0.01), (8, -0.028, 0.01), (16, -0.01, 0.015)]
)
def test_the_bias_shrinks_with_the_step(steps, bias, allowed):
    # standard errors are 0.0005 to 0.003; `allowed` is above four of them
    price, error = scheme_call(stepped(LEWIS, steps), 100.0, 1.0)
    assert 4.0 * error < allowed
    assert price - LEWIS_CALLS[100.0] == pytest.approx(bias, abs=allowed)


@pytest.mark.parametrize(("strike", "time"), [(140.0, 5.0), (100.0, 1.0), (70.0, 2.0)])
def test_prices_are_near_fourier_prices(strike, time):
    expected = fourier_call(THIRD, strike, time)
    price, error = scheme_call(THIRD, strike, time)
    assert abs(price - expected) < 0.003 * expected + 4.0 * error


@pytest.mark.parametrize("rho", [-1.0, -0.5, 0.0, 0.9, 1.0])
@pytest.mark.parametrize("steps", [2, 16])
def test_discounted_prices_are_martingales(rho, steps):
    model = Heston(**(FIELDS | {"rho": rho, "steps_per_year": steps}))
    means = [float(forward.mean()) for forward, _ in given_variance(model, 1.0)]
    error = np.std(means, ddof=1) / math.sqrt(len(means))
    # the false alarm of a t with 5 degrees of freedom beyond 8 is 5e-4
    assert abs(np.mean(means) - 100.0 * math.exp(0.01)) < 8.0 * error + 1e-9


@pytest.mark.parametrize("rho", [0.0, -0.7])
def test_without_noise_in_the_variance_it_is_black_scholes(rho):
    still = Heston(**(FIELDS | {"vol_of_vol": 1e-6, "rho": rho, "steps_per_year": 32}))
    variance = 0.25 + (0.04 - 0.25) * -math.expm1(-4.0) / 4.0
    market = BlackScholes(spot=100.0, vol=math.sqrt(variance), rate=0.01)
    problem = Problem(market, Call(strike=100.0, expiry=1.0), Price())
    expected = Analytic().solve(problem, Goal(tolerance=1.0)).value
    price, error = scheme_call(still, 100.0, 1.0)
    # trapezoids over 32 steps leave 3e-4 of the variance
    assert abs(price - expected) < 3e-4 * expected + 4.0 * error


def test_variance_has_its_mean_in_both_branches():
    # mean of the integrated variance: theta T + (v0 - theta) (1 - exp(-kappa T)) / kappa
    model = Heston(**(FIELDS | {"theta": 0.02, "rho": 0.0, "steps_per_year": 32}))
    square = np.mean([np.mean(deviation**2) for _, deviation in given_variance(model, 1.0)])
    expected = 0.02 + (0.04 - 0.02) * -math.expm1(-4.0) / 4.0
    assert square == pytest.approx(expected, rel=0.01)


def test_dates_of_the_contract_keep_the_fine_step():
    assert LEWIS.num_factors((1.0,)) == LEWIS.num_factors((0.5, 1.0)) == 32
    monthly = tuple((np.arange(12) + 1) / 12.0)
    # a month of 16 steps a year takes two sub-steps
    assert LEWIS.num_factors(monthly) == 2 * 24
    normals = np.random.default_rng(0).standard_normal((10, 32))
    once = LEWIS.paths((1.0,), normals)
    np.testing.assert_allclose(LEWIS.paths((0.5, 1.0), normals)[:, 1:], once, rtol=1e-13)


def test_conformance_and_curves():
    check_model(LEWIS, (0.1, 0.5, 1.0))
    check_model(THIRD, (0.0, 1.0))
    curved = Heston(**(FIELDS | {"rate": Curve(times=(0.5,), values=(0.0, 0.02))}))
    check_model(curved, (0.5, 1.0))
    flat = Heston(**FIELDS)
    normals = np.random.default_rng(0).standard_normal((10, 32))
    expected = flat.paths((1.0,), normals)
    np.testing.assert_allclose(curved.paths((1.0,), normals), expected, rtol=1e-13)


def test_monte_carlo_prices_it():
    problem = Problem(LEWIS, Call(strike=100.0, expiry=1.0), Price())
    # the interval misses with probability 1e-4; 0.02 is for the bias above
    result = MonteCarlo().solve(problem, Goal(queries=20_000, confidence=0.9999), rng=1)
    assert result.interval.low - 0.02 <= LEWIS_CALLS[100.0] <= result.interval.high + 0.02


def test_extreme_normals_and_zero_variance_stay_finite():
    model = Heston(**(FIELDS | {"v0": 0.0, "theta": 1e-4, "vol_of_vol": 2.0, "rho": -0.9}))
    normals = np.full((2, 32), 8.0)
    normals[1] = -8.0
    paths = model.paths((1.0,), normals)
    assert np.all(np.isfinite(paths))
    assert np.all(paths >= 0.0)


BAD = [
    *[("spot", v) for v in (0.0, math.nan, None)],
    *[("v0", v) for v in (-0.01, math.nan, 101.0)],
    *[("kappa", v) for v in (0.0, -1.0, math.inf)],
    *[("theta", v) for v in (0.0, -1.0, math.nan)],
    *[("vol_of_vol", v) for v in (0.0, -1.0, math.nan)],
    *[("rho", v) for v in (-1.1, 1.1, math.nan, "1")],
    *[("rate", v) for v in (math.nan, 11.0)],
    ("dividend_yield", math.inf),
    *[("steps_per_year", v) for v in (0, -1, 1.5, True, 10_001)],
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_fields_are_refused_by_name(name, value):
    with pytest.raises(InvalidProblem, match=name):
        Heston(**(FIELDS | {name: value}))


def test_steps_without_a_mean_are_refused():
    with pytest.raises(InvalidProblem, match="steps_per_year=1"):
        Heston(**(FIELDS | {"rho": 1.0, "vol_of_vol": 5.0, "steps_per_year": 1}))
