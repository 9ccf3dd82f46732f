"""Every forecaster against a slow loop of its own, or another part of the library."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from qmc import FilteredReturns, NormalReturns, Portfolio, StudentTReturns
from qmc.backtest import (
    EwmaNormal,
    EwmaStudentT,
    FilteredHistorical,
    Forecaster,
    Forecasts,
    GarchFiltered,
    Historical,
    NormalForecast,
    OwnForecast,
    SampleLaws,
    ScaledLaws,
    StudentTForecast,
    garch,
    portfolio_losses,
    rolling,
)
from qmc.backtest.garch import Parameters, fitted, garch_volatility
from qmc.errors import BackendFailed, InvalidProblem, Unsupported
from qmc.laws import NormalLaw
from qmc.losses import tail_risk
from qmc.market_data import equal_weights, stock_prices

LEVEL, ES_LEVEL = 0.95, 0.9
WEIGHTS = (0.7, -0.2)
DATES = tuple(str(np.datetime64("2003-12-01") + day) for day in range(190))


@pytest.fixture(scope="module")
def returns():
    rng = np.random.default_rng(11)
    size = 0.01 * (1.0 + 0.8 * np.sin(np.arange(190) / 20.0))
    return size[:, None] * rng.standard_t(5, (190, 2))


def forecast(returns, forecaster):
    return rolling(returns, WEIGHTS, forecaster, level=LEVEL, es_level=ES_LEVEL)


def by_hand(returns, window, sample):
    """VaR and ES of each day from a sample made of that day's window."""
    losses = -(returns @ np.asarray(WEIGHTS))
    samples = [sample(losses[day - window : day]) for day in range(window, len(losses))]
    risk = [tail_risk(one, LEVEL)[0] for one in samples]
    return np.array(risk), np.array([tail_risk(one, ES_LEVEL)[1] for one in samples])


def volatilities(squares, decay):
    vols = [squares[:50].mean()]
    for square in squares:
        vols.append(decay * vols[-1] + (1.0 - decay) * square)
    return np.sqrt(vols)


@pytest.mark.parametrize("add_worst", [False, True])
def test_history_is_the_sample_of_the_window(returns, add_worst):
    found = forecast(returns, Historical(window=60, add_worst=add_worst))
    more = (lambda w: np.append(w, w.max())) if add_worst else np.copy
    risk, shortfall = by_hand(returns, 60, more)
    np.testing.assert_allclose(found.value_at_risk, risk, rtol=1e-13)
    np.testing.assert_allclose(found.expected_shortfall, shortfall, rtol=1e-13)
    assert found.days == tuple(range(60, 190))


@pytest.mark.parametrize("asymmetry", [0.0, 0.5])
def test_filtered_history_rescales_by_ewma(returns, asymmetry):
    def sample(window):
        shares = np.where(window > 0.0, 1.0 + asymmetry, 1.0 - asymmetry)
        vols = volatilities(shares * window**2, 0.9)
        return window / vols[:-1] * vols[-1]

    one = FilteredHistorical(window=80, decay=0.9, asymmetry=asymmetry)
    risk, shortfall = by_hand(returns, 80, sample)
    found = forecast(returns, one)
    np.testing.assert_allclose(found.value_at_risk, risk, rtol=1e-12)
    np.testing.assert_allclose(found.expected_shortfall, shortfall, rtol=1e-12)


def test_filtered_history_agrees_with_the_model_of_returns(returns):
    """Of one asset the model that the engines price with gives the same sample."""
    window = returns[-81:-1, :1]
    found = rolling(returns[:, :1], (1.0,), FilteredHistorical(window=80), level=LEVEL)
    losses = -FilteredReturns(returns=window).scenarios()[:, 0]
    assert found.value_at_risk[-1] == pytest.approx(float(tail_risk(losses, LEVEL)[0]), rel=1e-12)


@pytest.mark.parametrize(
    ("forecaster", "model"),
    [
        (NormalForecast(window=60), NormalReturns),
        (StudentTForecast(window=60, degrees_of_freedom=4.0), StudentTReturns),
    ],
)
def test_moments_are_those_of_the_whole_covariance(returns, forecaster, model):
    law = model.from_returns(returns[-61:-1]).value_law(Portfolio(weights=WEIGHTS)).negated()
    found = forecast(returns, forecaster)
    assert found.value_at_risk[-1] == pytest.approx(float(law.ppf(LEVEL)), rel=1e-10)
    quantile = float(law.ppf(ES_LEVEL))
    beyond = float(law.upper_partial_mean(quantile)) / (1.0 - ES_LEVEL)
    assert found.expected_shortfall[-1] == pytest.approx(beyond, rel=1e-10)


def test_ewma_laws_have_the_filters_deviation(returns):
    losses = -(returns @ np.asarray(WEIGHTS))
    vol = volatilities(losses[-81:-1] ** 2, 0.94)[-1]
    normal = forecast(returns, EwmaNormal(window=80))
    assert normal.value_at_risk[-1] == pytest.approx(vol * stats.norm.ppf(LEVEL), rel=1e-10)
    student = forecast(returns, EwmaStudentT(window=80, degrees_of_freedom=5.0))
    t = stats.t(5.0, scale=vol * np.sqrt(0.6))
    assert t.std() == pytest.approx(vol, rel=1e-12)
    assert student.value_at_risk[-1] == pytest.approx(t.ppf(LEVEL), rel=1e-10)


@pytest.mark.parametrize(("add_worst", "share"), [(False, 6 / 101), (True, 5 / 101)])
def test_how_often_a_sample_of_100_is_exceeded_at_95_per_cent(add_worst, share):
    """Exchangeable losses exceed an order statistic as often as its rank says, whatever their law.

    False alarm 1e-3; the other of the two shares would be refused with more certainty than that.
    """
    rows = np.random.default_rng(5).standard_cauchy((40_000, 101))
    laws = Historical(window=100, add_worst=add_worst).laws(rows[:, :100])
    hits = int((rows[:, 100] > laws.tail_risk(0.95)[0]).sum())
    assert stats.binomtest(hits, len(rows), share).pvalue > 1e-3
    other = 11 / 101 - share
    assert stats.binomtest(hits, len(rows), other).pvalue < 1e-3


@pytest.fixture(scope="module")
def garch_losses():
    """Losses of a known asymmetric GARCH, and their volatilities."""
    truth = Parameters(constant=4e-6, news=0.03, bad_news=0.12, persistence=0.87)
    rng = np.random.default_rng(8)
    variance, losses = 4e-6 / 0.04, []
    for normal in rng.standard_normal(6_000):
        losses.append(np.sqrt(variance) * normal)
        slope = truth.news + truth.bad_news * (losses[-1] > 0.0)
        variance = truth.constant + slope * losses[-1] ** 2 + truth.persistence * variance
    return truth, np.array(losses)


def test_a_garch_is_found_again_and_losses_are_the_bad_news(garch_losses):
    truth, losses = garch_losses
    found = fitted(losses, asymmetric=True)
    assert found.news == pytest.approx(truth.news, abs=0.03)
    assert found.bad_news == pytest.approx(truth.bad_news, abs=0.04)
    assert found.persistence == pytest.approx(truth.persistence, abs=0.03)
    assert found.constant == pytest.approx(truth.constant, rel=0.4)
    assert fitted(losses[:1_000], asymmetric=False).bad_news == 0.0


def test_garch_volatilities_follow_the_recursion(garch_losses):
    truth, losses = garch_losses
    windows = losses[:240].reshape(2, 120)
    for row, window in zip(garch_volatility(windows, truth), windows, strict=True):
        variance = np.square(window[:50]).mean()
        for day, loss in enumerate(window):
            assert row[day] == pytest.approx(np.sqrt(variance), rel=1e-12)
            slope = truth.news + truth.bad_news * (loss > 0.0)
            variance = truth.constant + slope * loss**2 + truth.persistence * variance
        assert row[-1] == pytest.approx(np.sqrt(variance), rel=1e-12)


def test_garch_is_fitted_every_so_many_days_and_keeps_a_fit_that_holds(garch_losses, monkeypatch):
    truth, losses = garch_losses
    returns, fits = -losses[:430, None], []

    def fit(window, *, asymmetric):
        fits.append(window.copy())
        return truth if len(fits) == 1 else None

    monkeypatch.setattr(garch, "fitted", fit)
    one = GarchFiltered(window=300, refit=60, asymmetric=True)
    found = rolling(returns, (1.0,), one, level=LEVEL)
    np.testing.assert_allclose(fits, [losses[day - 300 : day] for day in (300, 360, 420)])
    vols = garch_volatility(losses[None, 125:425], truth)[0]
    sample = losses[125:425] / vols[:-1] * vols[-1]
    assert found.value_at_risk[125] == pytest.approx(float(tail_risk(sample, LEVEL)[0]), rel=1e-12)
    monkeypatch.setattr(garch, "fitted", lambda *_, **__: None)
    with pytest.raises(BackendFailed, match="no GARCH for the first 300 days"):
        rolling(returns, (1.0,), one)


def test_a_fit_that_does_not_converge_is_none_and_arch_may_be_missing(garch_losses, monkeypatch):
    _, losses = garch_losses
    unfinished = SimpleNamespace(convergence_flag=9, params=np.ones(3))
    with monkeypatch.context() as patched:
        patched.setattr("arch.univariate.ZeroMean.fit", lambda *_, **__: unfinished)
        assert fitted(losses[:300], asymmetric=False) is None
    monkeypatch.setitem(sys.modules, "arch.univariate", None)
    with pytest.raises(Unsupported, match=r"needs the package arch: install .*qmc\[data\]"):
        fitted(losses[:300], asymmetric=False)


def test_a_function_of_ones_own_is_called_with_each_window(returns):
    def smoothed(window):
        return np.concatenate([window, 1.5 * window])

    found = forecast(returns, OwnForecast(function=smoothed, window=60))
    risk, _ = by_hand(returns, 60, smoothed)
    np.testing.assert_allclose(found.value_at_risk, risk, rtol=1e-13)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda window: np.full(3, np.nan), "nan"),
        (lambda window: window[:0], r"shape \(0,\)"),
        (lambda window: window[window > 0.0], "always as many"),
    ],
)
def test_functions_that_give_no_sample(returns, function, named):
    with pytest.raises(InvalidProblem, match=named):
        forecast(returns, OwnForecast(function=function, window=60))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Historical(window=1), "window=1"),
        (lambda: Historical(window=60.0), "window=60.0"),
        (lambda: FilteredHistorical(decay=94), r"write 0\.94"),
        (lambda: FilteredHistorical(asymmetry=1.0), "asymmetry=1.0"),
        (lambda: EwmaNormal(decay=1.0), "decay=1.0"),
        (lambda: EwmaStudentT(degrees_of_freedom=2.0), "above 2"),
        (lambda: StudentTForecast(degrees_of_freedom=1.0), "above 2"),
        (lambda: GarchFiltered(window=99), "window=99"),
        (lambda: GarchFiltered(refit=0), "refit=0"),
        (lambda: OwnForecast(function="mean"), "function='mean'"),
        (lambda: SampleLaws(samples=np.zeros(3)), "samples"),
        (lambda: SampleLaws(samples=np.full((2, 3), np.inf)), "finite"),
        (lambda: laws([0.0, 0.0], [1.0]), "as many as location"),
        (lambda: laws([0.0], [0.0]), "above 0 on every day"),
    ],
)
def test_fields_out_of_range(make, named):
    with pytest.raises(InvalidProblem, match=named):
        make()


def laws(location, scale):
    base = NormalLaw(location=0.0, scale=1.0)
    return ScaledLaws(base=base, location=np.array(location), scale=np.array(scale))


@pytest.mark.parametrize(
    "forecaster",
    [FilteredHistorical(window=60), NormalForecast(window=60), EwmaNormal(window=60)],
)
def test_a_portfolio_that_does_not_move_is_refused(forecaster):
    with pytest.raises(InvalidProblem, match="no moves in a window"):
        rolling(np.zeros((100, 2)), WEIGHTS, forecaster, level=LEVEL)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"returns": [[0.1, np.nan]] * 90}, r"returns\[0, 1\]=nan"),
        ({"returns": [[0.1, -1.0]] * 90}, "above -1"),
        ({"returns": np.zeros((60, 2))}, "more than the window, 60"),
        ({"weights": (1.0,)}, "1 weights for 2 assets"),
        ({"weights": (1.0, -1.0)}, "market_neutral=True"),
        ({"level": 99}, "write 0.99"),
        ({"es_level": 1.0}, "es_level"),
        ({"level": 0.99}, "at least 100 for the level 0.99"),
        ({"days": ("2020-01-31",)}, "one for each of 190 days"),
        ({"days": range(190, 0, -1)}, r"days\[1\]=189: must be after that of the day before, 190"),
        ({"days": [*range(189), 188]}, r"days\[189\]=188.*oldest day first"),
        ({"days": DATES[::-1]}, r"days\[1\]='2004-06-06': must be after .* '2004-06-07'"),
        ({"days": [*range(100), *DATES[100:]]}, r"days\[100\]='2004-03-10'"),
        ({"first": 59}, "from 60 to 189"),
        ({"first": 190}, "from 60 to 189"),
        ({"forecaster": "history"}, "forecaster='history'"),
        ({"forecaster": Historical}, "write Historical"),
    ],
)
def test_what_cannot_be_forecast(returns, change, named):
    good = {"returns": returns, "weights": WEIGHTS, "forecaster": Historical(window=60)}
    words = {"level": LEVEL, "es_level": ES_LEVEL}
    given = {**good, **words, **change}
    assert isinstance(given.get("forecaster"), Forecaster) or "forecaster" in change
    with pytest.raises(InvalidProblem, match=named):
        rolling(given.pop("returns"), given.pop("weights"), given.pop("forecaster"), **given)


def test_a_portfolio_says_that_its_weights_sum_to_nothing(returns):
    held = Portfolio(weights=(1.0, -1.0), value=1e6, market_neutral=True)
    losses = portfolio_losses(returns, held)
    np.testing.assert_allclose(losses, returns[:, 1] - returns[:, 0], rtol=1e-12)
    found = rolling(returns, held, Historical(window=60), level=LEVEL, es_level=ES_LEVEL)
    assert found.value_at_risk[0] == pytest.approx(float(tail_risk(losses[:60], LEVEL)[0]))


def test_another_level_and_a_part_of_the_days(returns):
    days = DATES
    one = Historical(window=60)
    whole = rolling(returns, WEIGHTS, one, level=LEVEL, es_level=ES_LEVEL, days=days)
    other = rolling(returns, WEIGHTS, one, level=0.8, es_level=0.7, days=days)
    np.testing.assert_array_equal(whole.at(0.8, 0.7).value_at_risk, other.value_at_risk)
    np.testing.assert_array_equal(whole.at(0.8, 0.7).expected_shortfall, other.expected_shortfall)
    part = whole.part("2004-02", "2004-03")
    assert (part.days[0], part.days[-1]) == ("2004-02-01", "2004-03-31")
    place = whole.days.index("2004-02-01")
    np.testing.assert_array_equal(part.value_at_risk, whole.value_at_risk[place : place + 60])
    lower = whole.at(0.8).part("2004-02", "2004-03")
    np.testing.assert_array_equal(part.at(0.8).value_at_risk, lower.value_at_risk)
    late = rolling(returns, WEIGHTS, one, level=LEVEL, days=days, first=100)
    np.testing.assert_array_equal(late.value_at_risk, whole.value_at_risk[40:])
    for bounds, named in (((None, "1999"), "within"), ((7, None), "as the days are")):
        with pytest.raises(InvalidProblem, match=named):
            whole.part(*bounds)
    frame = whole.to_frame()
    assert list(frame.columns) == ["loss", "VaR", "ES", "breach"]
    assert frame["breach"].sum() == whole.breaches.sum()


def test_forecasts_that_came_without_laws():
    made = Forecasts(
        days=(0, 1), losses=np.array([1.0, 2.0]), value_at_risk=np.array([1.0, 1.0]),
        expected_shortfall=np.array([2.0, 2.0]), value_at_es_level=np.array([1.0, 1.0]),
        level=0.5, es_level=0.5,
    )  # fmt: skip
    # a loss of VaR itself is none
    assert made.breaches.tolist() == [False, True]
    assert repr(sampled := Historical(window=2).laws(np.eye(2))) == "SampleLaws(2 days x 2 losses)"
    assert repr(sampled.on(slice(1))) == "SampleLaws(1 days x 2 losses)"
    assert repr(laws([0.0], [1.0])).startswith("ScaledLaws(1 days of NormalLaw(")
    assert str(made) == "2 days from 0 to 1: 1 losses above VaR 50 %, 1.0 expected"
    with pytest.raises(InvalidProblem, match="laws=None"):
        made.at(0.6)
    with pytest.raises(InvalidProblem, match="3 numbers"):
        Forecasts(**{**vars(made), "losses": np.zeros(3)})
    with pytest.raises(ValueError, match="read-only"):
        made.losses[0] = 0.0


def test_twenty_stocks_since_1990():
    """The counts of issue 6: 120 and 184 breaches of 78 expected, skfolio's too for the first."""
    prices = stock_prices()
    weights = equal_weights(prices.names)
    losses = portfolio_losses(prices.returns(), weights)
    assert losses.size == 8_312
    counts = {}
    for one in (Historical(), NormalForecast()):
        found = rolling(prices.returns(), weights, one, days=prices.dates[1:])
        assert len(found.days) == 7_812
        counts[type(one).__name__] = int(found.breaches.sum())
    assert counts == {"Historical": 120, "NormalForecast": 184}


@pytest.mark.parametrize(
    "forecaster",
    [
        Historical(window=60),
        FilteredHistorical(window=60),
        EwmaStudentT(window=60),
        NormalForecast(window=60),
    ],
)
def test_twice_the_weights_are_twice_the_risk(returns, forecaster):
    once = forecast(returns, forecaster)
    double = [2.0 * one for one in WEIGHTS]
    twice = rolling(returns, double, forecaster, level=LEVEL, es_level=ES_LEVEL)
    np.testing.assert_allclose(twice.value_at_risk, 2.0 * once.value_at_risk, rtol=1e-10)
    np.testing.assert_array_equal(twice.breaches, once.breaches)
    # ES is never below VaR of the same level, and VaR rises with the level
    assert np.all(once.expected_shortfall >= once.value_at_es_level)
    assert np.all(once.value_at_risk >= once.value_at_es_level)
