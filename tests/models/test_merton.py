"""`Merton` and its mixture law: series, published prices, paths of the stated law, refusals."""

import math

import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri
from scipy.stats import qmc as sobol

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    BlackScholes,
    Call,
    Curve,
    Digital,
    Goal,
    InvalidProblem,
    LawGrid,
    LogNormalMixture,
    Merton,
    Price,
    Problem,
    Put,
    Quantum,
    from_json,
    to_json,
)
from qmc.laws import Law
from qmc.testing import check_model

FIELDS = {
    "spot": 100.0,
    "vol": 0.15,
    "rate": 0.05,
    "intensity": 0.8,
    "jump_mean": -0.2,
    "jump_vol": 0.1,
    "dividend_yield": 0.02,
}
CRASHES = Merton(**FIELDS)
MIXTURE = LogNormalMixture(weights=(0.2, 0.8), means=(50.0, 110.0), log_sds=(0.5, 0.1))


def series(model, strike, time, *, call=True):
    """Merton's series in 40 digits, all terms above 1e-30."""
    mpmath.mp.dps = 40
    number = mpmath.mpf
    gain = number(model.jump_mean) + number(model.jump_vol) ** 2 / 2
    growth = (number(model.rate) - number(model.dividend_yield)) * time
    growth -= number(model.intensity) * mpmath.expm1(gain) * time
    expected, total = number(model.intensity) * time, number(0)
    for jumps in range(int(expected + 20 * math.sqrt(expected) + 60)):
        weight = mpmath.exp(-expected) * expected**jumps / mpmath.factorial(jumps)
        forward = model.spot * mpmath.exp(growth + jumps * gain)
        deviation = mpmath.sqrt(number(model.vol) ** 2 * time + jumps * number(model.jump_vol) ** 2)
        d1 = mpmath.log(forward / strike) / deviation + deviation / 2
        price = forward * mpmath.ncdf(d1) - strike * mpmath.ncdf(d1 - deviation)
        total += weight * (price if call else price - forward + strike)
    return float(total * mpmath.exp(-number(model.rate) * time))


def price(model, contract):
    return Analytic().solve(Problem(model, contract, Price()), Goal(tolerance=1.0)).value


@pytest.mark.parametrize("strike", [40.0, 80.0, 100.0, 130.0, 300.0])
@pytest.mark.parametrize("time", [0.02, 1.0, 10.0])
@pytest.mark.parametrize("intensity", [0.0, 0.8, 40.0])
def test_prices_are_the_series(strike, time, intensity):
    model = Merton(**(FIELDS | {"intensity": intensity}))
    for contract, call in ((Call, True), (Put, False)):
        expected = series(model, strike, time, call=call)
        found = price(model, contract(strike=strike, expiry=time))
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize(
    ("strike", "time", "intensity", "share", "published"),
    [
        (80.0, 0.10, 1.0, 0.25, 20.67),
        (90.0, 0.25, 5.0, 0.25, 12.75),
        (100.0, 0.50, 1.0, 0.25, 8.95),
        (110.0, 0.10, 10.0, 0.25, 0.56),
        (120.0, 0.50, 5.0, 0.50, 2.23),
        (100.0, 0.25, 1.0, 0.50, 5.58),
        (80.0, 0.50, 1.0, 0.75, 23.86),
        (90.0, 0.10, 1.0, 0.75, 11.11),
    ],
)
def test_prices_that_haug_published(strike, time, intensity, share, published):
    # Haug 1998, The Complete Guide to Option Pricing Formulas, p. 9: total volatility 25 %, of
    # whose square jumps make the stated share, and jumps change the price by a mean factor of 1
    jump_vol = math.sqrt(share * 0.25**2 / intensity)
    model = Merton(
        spot=100.0,
        vol=0.25 * math.sqrt(1.0 - share),
        rate=0.08,
        intensity=intensity,
        jump_mean=-0.5 * jump_vol**2,
        jump_vol=jump_vol,
    )
    assert price(model, Call(strike=strike, expiry=time)) == pytest.approx(published, abs=0.01)


def test_paths_have_the_terminal_law_at_each_time():
    # each of three Kolmogorov-Smirnov tests raises a false alarm with probability 1e-4
    times = (0.1, 1.0, 3.0)
    paths = CRASHES.paths(times, np.random.default_rng(3).standard_normal((20_000, 9)))
    for place, time in enumerate(times):
        law = CRASHES.terminal_law(time)
        assert law.mean == pytest.approx(100.0 * math.exp(0.03 * time), rel=1e-14)
        assert stats.kstest(paths[:, place, 0], law.cdf).pvalue > 1e-4


def test_discounted_prices_are_martingales():
    # randomised Sobol of 2**15 points in nine dimensions; the error is about 3e-4
    normals = ndtri(sobol.Sobol(9, rng=np.random.default_rng(4)).random_base2(15))
    means = CRASHES.paths((0.5, 1.0, 2.0), normals).mean(axis=0)[:, 0]
    np.testing.assert_allclose(means, 100.0 * np.exp(0.03 * np.array((0.5, 1.0, 2.0))), rtol=2e-3)


def test_without_jumps_it_is_black_scholes():
    still = Merton(**(FIELDS | {"intensity": 0.0}))
    plain = BlackScholes(spot=100.0, vol=0.15, rate=0.05, dividend_yield=0.02)
    normals = np.random.default_rng(5).standard_normal((50, 6))
    expected = plain.paths((0.5, 1.0), normals[:, ::3])
    np.testing.assert_allclose(still.paths((0.5, 1.0), normals), expected, rtol=1e-13)
    contract = Digital(strike=100.0, expiry=1.0)
    assert price(still, contract) == pytest.approx(price(plain, contract), rel=1e-13)


def test_numbers_of_jumps_are_poisson():
    # jumps of exactly 1 in the log price and hardly any diffusion: the number can be read off
    model = Merton(spot=1.0, vol=1e-9, rate=0.0, intensity=3.0, jump_mean=1.0, jump_vol=0.0)
    levels = (np.arange(100_000) + 0.5) / 100_000
    normals = np.zeros((100_000, 3))
    normals[:, 1] = ndtri(levels)
    logs = np.log(model.paths((1.0,), normals)[:, 0, 0])
    counts = np.rint(logs + 3.0 * math.expm1(1.0))
    np.testing.assert_array_equal(counts, stats.poisson.ppf(levels, 3.0))


def test_conformance_and_curves():
    check_model(CRASHES, (0.25, 1.0))
    rate = Curve(times=(0.5,), values=(0.02, 0.08))
    curved = Merton(**(FIELDS | {"rate": rate}))
    check_model(curved, (0.25, 1.0))
    flat = price(CRASHES, Call(strike=100.0, expiry=1.0))
    assert price(curved, Call(strike=100.0, expiry=1.0)) == pytest.approx(flat, rel=1e-12)


def test_engines_agree():
    problem = Problem(CRASHES, Call(strike=100.0, expiry=1.0), Price())
    exact = series(CRASHES, 100.0, 1.0)
    assert LawGrid(qubits=4).discretise(problem).mean() == pytest.approx(exact, rel=1e-12)
    for engine in (MonteCarlo(), Quantum(grid=LawGrid(qubits=2))):
        # the interval misses the price with probability 1e-4
        result = engine.solve(problem, Goal(queries=20_000, confidence=0.9999), rng=6)
        assert result.interval.low <= exact <= result.interval.high


def test_the_mixture_is_a_law():
    assert isinstance(MIXTURE, Law)
    assert from_json(to_json(MIXTURE)) == MIXTURE
    x = np.array([-1.0, 0.0, 1e-3, 20.0, 80.0, 100.0, 120.0, 1e4, np.inf])
    np.testing.assert_allclose(MIXTURE.cdf(x) + MIXTURE.sf(x), 1.0, rtol=1e-15)
    both = MIXTURE.partial_mean(x) + MIXTURE.upper_partial_mean(x)
    np.testing.assert_allclose(both, 98.0, rtol=1e-14)
    assert MIXTURE.mean == pytest.approx(98.0, rel=1e-15)
    negated = MIXTURE.negated()
    assert negated.mean == -MIXTURE.mean
    np.testing.assert_array_equal(negated.cdf(-x), MIXTURE.sf(x))
    assert negated.negated() is MIXTURE


def test_quantiles_of_the_mixture_invert_both_tails():
    levels = np.array([0.0, 1e-300, 1e-12, 0.2, 0.5, 0.9, 1.0 - 1e-12, 1.0])
    quantiles = MIXTURE.ppf(levels)
    assert quantiles[0] == 0.0
    assert quantiles[-1] == math.inf
    np.testing.assert_allclose(MIXTURE.cdf(quantiles), levels, rtol=1e-10)
    np.testing.assert_allclose(MIXTURE.sf(quantiles[-2]), 1.0 - levels[-2], rtol=1e-10)
    assert np.isnan(MIXTURE.ppf(math.nan))
    assert MIXTURE.ppf([[0.3], [0.6]]).shape == (2, 1)


BAD = [
    *[("spot", v) for v in (0.0, -1.0, math.nan, math.inf, None)],
    *[("vol", v) for v in (0.0, -0.1, 11.0, math.nan)],
    *[("intensity", v) for v in (-0.1, math.nan, math.inf, 1e9, "1")],
    *[("jump_mean", v) for v in (math.nan, math.inf, -11.0)],
    *[("jump_vol", v) for v in (-0.1, math.nan, 11.0)],
    *[("rate", v) for v in (math.nan, 11.0)],
    ("dividend_yield", math.inf),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_fields_are_refused_by_name(name, value):
    with pytest.raises(InvalidProblem, match=name):
        Merton(**(FIELDS | {name: value}))


@pytest.mark.parametrize("fields", [{"intensity": 9e3}, {"jump_mean": 9.0}, {"rate": 10.0}])
def test_laws_beyond_reach_are_refused(fields):
    with pytest.raises(InvalidProblem, match="time"):
        Merton(**(FIELDS | fields)).terminal_law(100.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"weights": (0.5,)},
        {"weights": (-0.5, 1.5)},
        {"weights": (0.0, 0.0)},
        {"means": (0.0, 1.0)},
        {"log_sds": (0.1, math.nan)},
        {"log_sds": (0.1, -1.0)},
    ],
)
def test_bad_mixtures_are_refused(fields):
    given = {"weights": (0.2, 0.8), "means": (1.0, 2.0), "log_sds": (0.1, 0.2)}
    with pytest.raises(InvalidProblem, match=next(iter(fields))):
        LogNormalMixture(**(given | fields))
