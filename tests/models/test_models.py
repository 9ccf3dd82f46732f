"""Models: paths have the stated laws, filters do what they say, bad input is refused."""

import math

import numpy as np
import pytest
from scipy import stats

from qmc import (
    BlackScholes,
    Call,
    EmpiricalLaw,
    FilteredReturns,
    HistoricalReturns,
    NormalReturns,
    Portfolio,
    StudentTReturns,
)
from qmc.errors import InvalidProblem, Unsupported
from qmc.models import ewma_volatility
from qmc.models.one_period import DAY
from qmc.testing import check_model

RNG = np.random.default_rng(8)
HISTORY = RNG.normal(0.0, 0.01, size=(300, 3))
COVARIANCE = ((2e-4, 1e-4), (1e-4, 3e-4))
NORMAL = NormalReturns(mean=(0.001, 0.0), covariance=COVARIANCE)
STUDENT = StudentTReturns(mean=(0.001, 0.0), covariance=COVARIANCE, degrees_of_freedom=5.0)
PAIR = Portfolio(weights=(0.3, 0.7), value=10.0)
TRIPLE = Portfolio(weights=(0.2, 0.3, 0.5), value=10.0)
# each Kolmogorov-Smirnov test below raises a false alarm with probability 1e-4
FALSE_ALARM = 1e-4


@pytest.mark.parametrize(
    "model",
    [
        BlackScholes(spot=100.0, vol=0.2, rate=0.05, dividend_yield=0.02),
        HistoricalReturns(returns=HISTORY),
        FilteredReturns(returns=HISTORY),
        NORMAL,
        STUDENT,
    ],
    ids=lambda m: type(m).__name__,
)
def test_conformance(model):
    check_model(model, (0.5, 1.0) if isinstance(model, BlackScholes) else (DAY,))


def test_black_scholes_paths_have_the_terminal_law_and_the_forward():
    model = BlackScholes(spot=100.0, vol=0.3, rate=0.05, dividend_yield=0.02)
    normals = np.random.default_rng(1).standard_normal((20_000, 3))
    prices = model.paths((0.5, 1.0, 2.0), normals)
    assert prices.shape == (20_000, 3, 1)
    for column, time in enumerate((0.5, 1.0, 2.0)):
        law = model.terminal_law(time)
        assert law.mean == pytest.approx(100.0 * math.exp(0.03 * time))
        assert stats.kstest(prices[:, column, 0], law.cdf).pvalue > FALSE_ALARM
    np.testing.assert_allclose(model.discount((0.5, 2.0)), np.exp([-0.025, -0.1]))


@pytest.mark.parametrize("model", [NORMAL, STUDENT], ids=lambda m: type(m).__name__)
def test_portfolio_profits_have_the_stated_law(model):
    factors = model.num_factors((DAY,))
    paths = model.paths((DAY,), np.random.default_rng(2).standard_normal((20_000, factors)))
    profits = PAIR.present_value(paths, model.discount((DAY,)))
    assert stats.kstest(profits, model.value_law(PAIR).cdf).pvalue > FALSE_ALARM
    sample = np.cov(paths[:, 0, :].T)
    np.testing.assert_allclose(sample, COVARIANCE, rtol=0.15)


@pytest.mark.parametrize("kind", [HistoricalReturns, FilteredReturns])
def test_histories_draw_each_day_as_often(kind):
    model = kind(returns=HISTORY)
    middles = stats.norm.ppf((np.arange(300) + 0.5) / 300)[:, None]
    gross = model.paths((DAY,), middles)
    np.testing.assert_allclose(gross[:, 0, :] - 1.0, model.scenarios(), atol=1e-15)
    law = model.value_law(TRIPLE)
    assert isinstance(law, EmpiricalLaw)
    assert law.mean == pytest.approx(10.0 * float((model.scenarios() @ (0.2, 0.3, 0.5)).mean()))
    far = model.paths((DAY,), np.array([[-40.0], [40.0]]))
    np.testing.assert_allclose(far[:, 0, :] - 1.0, model.scenarios()[[0, -1]], atol=1e-15)


def test_ewma_recursion_by_hand():
    returns = np.array([[0.01], [-0.02], [0.03]])
    vols = ewma_volatility(returns, 0.9)
    variance = float(np.mean(returns**2))
    for day in range(3):
        assert vols[day, 0] == pytest.approx(math.sqrt(variance))
        variance = 0.9 * variance + 0.1 * returns[day, 0] ** 2
    assert vols[3, 0] == pytest.approx(math.sqrt(variance))


def test_filtering_rescales_to_tomorrow():
    calm, storm = RNG.normal(0, 0.005, (250, 1)), RNG.normal(0, 0.03, (50, 1))
    history = np.concatenate([calm, storm])
    filtered = FilteredReturns(returns=history)
    assert filtered.scenarios()[:250].std() > 3.0 * history[:250].std()
    vols = ewma_volatility(history, 0.94)
    np.testing.assert_allclose(filtered.scenarios(), history / vols[:-1] * vols[-1])


def test_fits_match_sample_moments():
    fitted = NormalReturns.from_returns(HISTORY)
    np.testing.assert_allclose(fitted.mean, HISTORY.mean(axis=0))
    np.testing.assert_allclose(fitted.covariance, np.cov(HISTORY.T))
    student = StudentTReturns.from_returns(HISTORY, degrees_of_freedom=4.0)
    assert student.covariance == fitted.covariance
    assert NormalReturns.from_returns(HISTORY[:, :1]).num_factors((DAY,)) == 1


def test_models_are_values_with_short_forms():
    first, second = (HistoricalReturns(returns=HISTORY) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert repr(first) == "HistoricalReturns(300 days x 3 assets)"
    assert "decay=0.94" in repr(FilteredReturns(returns=HISTORY))


def test_a_riskless_portfolio_is_an_atom():
    """Two assets that move as one, the one long and the other short: the difference of drifts."""
    fields = {"mean": (0.03, 0.01), "covariance": ((0.25, 0.25), (0.25, 0.25))}
    held = Portfolio(weights=(1.0, -1.0), market_neutral=True)
    for model in (NormalReturns(**fields), StudentTReturns(**fields, degrees_of_freedom=4.0)):
        law = model.value_law(held)
        assert isinstance(law, EmpiricalLaw)
        assert law.samples == pytest.approx((0.02,))


def test_prices_are_no_returns():
    prices = 100.0 + HISTORY
    for model in (HistoricalReturns, FilteredReturns):
        with pytest.raises(InvalidProblem, match=r"returns\[0, 0\]=.*at most 10.*not prices"):
            model(returns=prices)
    with pytest.raises(InvalidProblem, match=r"0\.01 for 1 %"):
        NormalReturns.from_returns(prices)
    # what rose elevenfold in a day did so
    assert HistoricalReturns(returns=((10.0,), (0.0,))).scenarios().max() == 10.0


@pytest.mark.parametrize("is_neutral", [True, False])
def test_a_portfolio_of_nothing_is_refused(is_neutral):
    with pytest.raises(InvalidProblem, match=r"weights=\(0.0, -0.0\): must be other than 0"):
        Portfolio(weights=(0.0, -0.0), market_neutral=is_neutral)


def good(kind):
    return {
        BlackScholes: {"spot": 100.0, "vol": 0.2, "rate": 0.05},
        HistoricalReturns: {"returns": ((0.01,), (0.02,))},
        FilteredReturns: {"returns": ((0.01,), (0.02,))},
        NormalReturns: {"mean": (0.0, 0.0), "covariance": COVARIANCE},
        StudentTReturns: {"mean": (0.0, 0.0), "covariance": COVARIANCE, "degrees_of_freedom": 4.0},
    }[kind]


BAD = [
    *[(BlackScholes, "spot", v) for v in (0.0, -1.0, math.nan, math.inf, "100", None, True)],
    *[(BlackScholes, "vol", v) for v in (-1e-9, -0.2, math.nan, 20.0)],
    *[(BlackScholes, "rate", v) for v in (math.nan, math.inf, 1000.0)],
    (BlackScholes, "dividend_yield", math.nan),
    *[
        (kind, "returns", v)
        for kind in (HistoricalReturns, FilteredReturns)
        for v in ((), ((0.01,),), ((math.nan,), (0.0,)), ((-1.0,), (0.0,)), (0.1, 0.2), "x", [[]])
    ],
    (FilteredReturns, "returns", ((0.0,), (0.0,))),
    *[(FilteredReturns, "decay", v) for v in (0.0, 1.0, 94)],
    *[
        (kind, "covariance", v)
        for kind in (NormalReturns, StudentTReturns)
        for v in (
            ((1.0,),),
            ((1.0, 2.0), (2.0, 1.0)),
            ((1.0, 0.5), (0.0, 1.0)),
            ((math.nan, 0.0), (0.0, 1.0)),
        )
    ],
    (NormalReturns, "mean", (math.nan, 0.0)),
    *[(StudentTReturns, "degrees_of_freedom", v) for v in (2.0, -1.0, math.nan)],
]


@pytest.mark.parametrize(("kind", "name", "value"), BAD)
def test_bad_fields_are_refused_by_name(kind, name, value):
    with pytest.raises(InvalidProblem, match=name):
        kind(**(good(kind) | {name: value}))


def test_wrong_contracts_are_refused():
    with pytest.raises(Unsupported, match="MonteCarlo"):
        NORMAL.value_law(Call(strike=1.0, expiry=1.0))
    with pytest.raises(Unsupported, match="one horizon"):
        NORMAL.num_factors((0.5, 1.0))
    with pytest.raises(InvalidProblem, match="3 weights for 2 assets"):
        NORMAL.value_law(TRIPLE)
    with pytest.raises(InvalidProblem, match="time"):
        BlackScholes(spot=1.0, vol=0.2, rate=0.05).terminal_law(1e9)


@pytest.mark.parametrize("assets", [1, 3, 21])
def test_a_portfolio_is_worth_the_same_in_any_batch(assets):
    rng = np.random.default_rng(assets)
    gross = 1.0 + rng.normal(size=(200, 1, assets)) * 0.02
    portfolio = Portfolio(weights=tuple(rng.uniform(size=assets).tolist()), value=1e6)
    whole = portfolio.present_value(gross, np.ones(1))
    for batch in (1, 2, 7, 64):
        parts = [
            portfolio.present_value(gross[i : i + batch], np.ones(1)) for i in range(0, 200, batch)
        ]
        assert np.array_equal(np.concatenate(parts), whole)
