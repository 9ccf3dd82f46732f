"""`MultiAsset` and Gaussian log prices: the stated map, correlations, forwards and refusals."""

import math
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from scipy.stats import qmc as sobol

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    BlackScholes,
    Call,
    GaussianLogPrices,
    Goal,
    InvalidCorrelation,
    InvalidProblem,
    MultiAsset,
    Price,
    Problem,
    Unsupported,
    nearest_correlation,
)
from qmc.testing import check_model

PROPERTY = settings(derandomize=True, deadline=None, max_examples=50, database=None)

TIMES = (0.25, 0.5, 2.0)
CORRELATION = ((1.0, 0.5, -0.2), (0.5, 1.0, 0.1), (-0.2, 0.1, 1.0))
# each pair is possible, the three are not: eigenvalue -0.29
IMPOSSIBLE = ((1.0, 0.9, -0.5), (0.9, 1.0, 0.5), (-0.5, 0.5, 1.0))
TRIPLE = MultiAsset(
    spots=(100.0, 90.0, 5.0),
    vols=(0.2, 0.3, 0.0),
    rate=0.03,
    correlation=CORRELATION,
    dividend_yields=(0.01, 0.0, -0.02),
)
SINGLE = BlackScholes(spot=100.0, vol=0.3, rate=0.05, dividend_yield=0.02)


def pair(rho, **fields):
    given = {"spots": (100.0, 50.0), "vols": (0.2, 0.4), "rate": 0.05, **fields}
    return MultiAsset(correlation=((1.0, rho), (rho, 1.0)), **given)


def sobol_normals(factors, power=14, seed=3):
    points = sobol.Sobol(factors, rng=np.random.default_rng(seed)).random_base2(power)
    return special.ndtri(points)


@pytest.mark.parametrize("model", [SINGLE, TRIPLE, pair(1.0), pair(-1.0)], ids=repr)
def test_log_prices_are_the_map_of_paths(model):
    assert isinstance(model, GaussianLogPrices)
    means, loadings = model.log_prices(TIMES)
    factors = model.num_factors(TIMES)
    normals = np.random.default_rng(5).standard_normal((50, factors))
    assert loadings.shape == (*means.shape, factors)
    logs = means + np.einsum("tcf,nf->ntc", loadings, normals)
    np.testing.assert_allclose(np.exp(logs), model.paths(TIMES, normals), rtol=1e-12)


def test_the_law_of_log_prices_has_the_stated_covariance():
    means, loadings = TRIPLE.log_prices(TIMES)
    vols, times = np.array(TRIPLE.vols), np.array(TIMES)
    expected = np.log(TRIPLE.spots) + times[:, None] * (
        0.03 - np.array(TRIPLE.dividend_yields) - 0.5 * vols**2
    )
    np.testing.assert_allclose(means, expected, rtol=1e-13)
    covariance = np.einsum("tcf,sdf->tcsd", loadings, loadings)
    common = np.minimum.outer(times, times)
    joint = np.array(CORRELATION) * np.outer(vols, vols)
    np.testing.assert_allclose(covariance, np.einsum("ts,cd->tcsd", common, joint), atol=1e-15)


@pytest.mark.parametrize("model", [TRIPLE, pair(1.0)], ids=["three", "singular"])
def test_conformance(model):
    check_model(model, TIMES)


def test_factors_are_ordered_by_time():
    normals = np.zeros((2, TRIPLE.num_factors(TIMES)))
    normals[1, 3:] = 1.0
    first, second = TRIPLE.paths(TIMES, normals)
    np.testing.assert_array_equal(first[0], second[0])
    assert np.all(first[1:, :2] != second[1:, :2])


def test_discounted_prices_are_martingales():
    # randomised Sobol of 2**14 points: six standard errors are below 1e-3 here
    prices = TRIPLE.paths((0.5, 1.0), sobol_normals(6)).mean(axis=0)
    carry = np.exp(np.outer((0.5, 1.0), 0.03 - np.array(TRIPLE.dividend_yields)))
    np.testing.assert_allclose(prices, np.array(TRIPLE.spots) * carry, rtol=1e-3)


def test_correlation_is_recovered():
    model = MultiAsset(spots=(1.0,) * 3, vols=(0.2, 0.3, 0.4), rate=0.0, correlation=CORRELATION)
    logs = np.log(model.paths((1.0,), sobol_normals(3)))[:, 0, :]
    np.testing.assert_allclose(np.corrcoef(logs.T), CORRELATION, atol=2e-3)


@pytest.mark.parametrize("rho", [1.0, -1.0])
def test_perfect_correlation_is_perfect(rho):
    model = pair(rho, vols=(0.2, 0.2))
    normals = np.random.default_rng(1).standard_normal((100, 2))
    moves = np.log(model.paths((1.0,), normals)[:, 0, :] / model.spots) - (0.05 - 0.02)
    np.testing.assert_allclose(moves[:, 1], rho * moves[:, 0], atol=1e-15)


def test_one_asset_is_black_scholes():
    one = MultiAsset(
        spots=(100.0,), vols=(0.3,), rate=0.05, correlation=((1.0,),), dividend_yields=(0.02,)
    )
    normals = np.random.default_rng(1).standard_normal((100, 3))
    expected = SINGLE.paths(TIMES, normals)
    np.testing.assert_allclose(one.paths(TIMES, normals), expected, rtol=1e-14)
    np.testing.assert_array_equal(one.discount(TIMES), SINGLE.discount(TIMES))


def test_arrays_and_lists_become_the_same_value():
    arrays = MultiAsset(
        spots=np.array([100.0, 50.0]),
        vols=[0.2, 0.4],
        rate=0.05,
        correlation=np.array([[1.0, 0.5], [0.5, 1.0]]),
        dividend_yields=[0, 0],
    )
    assert arrays == pair(0.5)
    assert hash(arrays) == hash(pair(0.5))
    sample = np.corrcoef(np.random.default_rng(0).standard_normal((3, 100)))
    assert all(row[i] == 1.0 for i, row in enumerate(nearest_correlation(sample)))


def test_an_impossible_correlation_is_refused_with_the_nearest():
    fields = {"spots": (1.0, 1.0, 1.0), "vols": (0.2, 0.2, 0.2), "rate": 0.0}
    with pytest.raises(InvalidCorrelation, match="the nearest is") as caught:
        MultiAsset(correlation=IMPOSSIBLE, **fields)
    nearest = caught.value.nearest
    assert nearest == nearest_correlation(IMPOSSIBLE)
    assert MultiAsset(correlation=nearest, **fields).correlation == nearest
    assert np.linalg.eigvalsh(nearest)[0] > -1e-14


def test_nearest_correlation_of_higham():
    # Higham 2002, doi:10.1093/imanum/22.3.329, section 4, given there to four digits
    given = ((1.0, 1.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 1.0))
    far, near = 0.1573, 0.7607
    expected = ((1.0, near, far), (near, 1.0, near), (far, near, 1.0))
    np.testing.assert_allclose(nearest_correlation(given), expected, atol=5e-5)


@PROPERTY
@given(st.integers(2, 5), st.integers(0, 10_000))
def test_the_nearest_correlation_is_one_and_no_other_is_nearer(assets, seed):
    rng = np.random.default_rng(seed)
    half = np.triu(rng.uniform(-1.0, 1.0, (assets, assets)), 1)
    wanted = half + half.T + np.eye(assets)
    nearest = np.array(nearest_correlation(wanted))
    assert np.linalg.eigvalsh(nearest)[0] > -1e-14
    np.testing.assert_allclose(nearest_correlation(nearest), nearest, rtol=0.0, atol=1e-7)
    # a projection onto a convex set: (wanted - nearest) makes no acute angle with any direction in
    loads = rng.standard_normal((assets, assets))
    loads /= np.linalg.norm(loads, axis=1, keepdims=True)
    other = loads @ loads.T
    assert np.sum((wanted - nearest) * (other - nearest)) < 1e-6


@PROPERTY
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10_000))
def test_any_market_has_its_law_and_map(assets, dates, seed):
    rng = np.random.default_rng(seed)
    loads = rng.standard_normal((assets, max(1, assets - 1)))
    loads /= np.linalg.norm(loads, axis=1, keepdims=True)
    model = MultiAsset(
        spots=rng.uniform(1.0, 100.0, assets),
        vols=rng.uniform(0.0, 0.8, assets),
        rate=0.02,
        correlation=loads @ loads.T,
    )
    times = tuple(np.cumsum(rng.uniform(0.01, 1.0, dates)).tolist())
    means, loadings = model.log_prices(times)
    normals = rng.standard_normal((3, assets * dates))
    logs = means + np.einsum("tcf,nf->ntc", loadings, normals)
    np.testing.assert_allclose(np.exp(logs), model.paths(times, normals), rtol=1e-12)
    last = loadings[-1] @ loadings[-1].T / times[-1]
    expected = np.array(model.correlation) * np.outer(model.vols, model.vols)
    np.testing.assert_allclose(last, expected, atol=1e-13)


@dataclass(frozen=True)
class Exchange:
    """Pays the first asset's price above the second's."""

    times: tuple[float, ...] = (1.0,)

    def present_value(self, paths, discount):
        return discount[-1] * np.maximum(paths[:, -1, 0] - paths[:, -1, 1], 0.0)


@pytest.mark.parametrize("rho", [-1.0, 0.3, 0.9])
def test_monte_carlo_finds_margrabes_price(rho):
    # Margrabe 1978: Black and Scholes with the second asset as money
    model = pair(rho, spots=(100.0, 95.0), dividend_yields=(0.02, 0.01))
    deviation = math.sqrt(0.2**2 + 0.4**2 - 2.0 * rho * 0.2 * 0.4)
    first, second = 100.0 * math.exp(-0.02), 95.0 * math.exp(-0.01)
    d1 = math.log(first / second) / deviation + 0.5 * deviation
    exact = first * special.ndtr(d1) - second * special.ndtr(d1 - deviation)
    problem = Problem(model, Exchange(), Price())
    # each interval misses the price with probability 1e-4
    result = MonteCarlo().solve(problem, Goal(queries=20_000, confidence=0.9999), rng=1)
    assert result.interval.low <= exact <= result.interval.high


def test_one_asset_takes_the_contracts_of_one():
    one = MultiAsset(spots=(100.0,), vols=(0.3,), rate=0.05, correlation=((1.0,),))
    call = Call(strike=105.0, expiry=1.0)
    plain = BlackScholes(spot=100.0, vol=0.3, rate=0.05)
    exact = Analytic().solve(Problem(plain, call, Price()), Goal(tolerance=1.0)).value
    problem = Problem(one, call, Price())
    # the interval misses the price with probability 1e-4
    result = MonteCarlo().solve(problem, Goal(queries=20_000, confidence=0.9999), rng=1)
    assert result.interval.low <= exact <= result.interval.high


def test_without_statsmodels_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.stats.correlation_tools", None)
    with pytest.raises(Unsupported, match="statsmodels"):
        nearest_correlation(IMPOSSIBLE)
    with pytest.raises(InvalidCorrelation, match="statsmodels") as caught:
        MultiAsset(spots=(1.0,) * 3, vols=(0.2,) * 3, rate=0.0, correlation=IMPOSSIBLE)
    assert caught.value.nearest is None


BAD = [
    *[("spots", v, "spots") for v in ((), (0.0, 1.0), (math.nan, 1.0), "x", ((1.0, 2.0),), 5.0)],
    *[("vols", v, "vols") for v in ((0.2,), (0.2, -0.1), (0.2, 20.0), (0.2, math.inf), None)],
    *[("rate", v, "rate") for v in (math.nan, 11.0, None, "5 %")],
    *[("dividend_yields", v, "dividend_yields") for v in ((0.0,), (0.0, math.nan), (0.0, 11.0))],
    ("correlation", ((1.0,),), "shape"),
    ("correlation", ((1.0, 0.5),), "shape"),
    ("correlation", ((1.0, math.nan), (math.nan, 1.0)), "finite"),
    ("correlation", ((1.0, 0.5), (0.4, 1.0)), "symmetric"),
    ("correlation", ((0.04, 0.0), (0.0, 1.0)), "covariance"),
    ("correlation", ((1.0, 1.5), (1.5, 1.0)), "from -1 to 1"),
    ("correlation", 0.5, "2-dimensional"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD, ids=str)
def test_refusals(name, value, message):
    with pytest.raises(InvalidProblem, match=message):
        pair(0.5, **{name: value}) if name != "correlation" else MultiAsset(
            spots=(1.0, 1.0), vols=(0.2, 0.2), rate=0.0, correlation=value
        )


@pytest.mark.parametrize("matrix", [((1.0, 0.5),), ((1.0, 0.5), (0.4, 1.0)), ((math.nan,),)])
def test_nearest_correlation_refuses(matrix):
    with pytest.raises(InvalidProblem):
        nearest_correlation(matrix)
