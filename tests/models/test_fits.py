"""Covariances by any estimator, fitted tails, stressed windows, and books that cancel."""

import builtins
import math

import numpy as np
import pytest
from scipy import stats

from classical_baseline import Analytic
from qmc import (
    ES,
    Goal,
    HistoricalReturns,
    InvalidCovariance,
    NormalReturns,
    Portfolio,
    Problem,
    StudentTReturns,
    VaR,
    nearest_covariance,
    stressed,
    worst_window,
)
from qmc.errors import InvalidProblem, Unsupported
from qmc.losses import tail_risk
from qmc.models.covariance import ESTIMATORS

RNG = np.random.default_rng(21)
MIX = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.3, 0.2, 0.9]])
HISTORY = 0.01 * RNG.standard_normal((400, 3)) @ MIX.T
INDEFINITE = np.array([[4.0, 3.8, -3.8], [3.8, 4.0, 3.8], [-3.8, 3.8, 4.0]]) * 1e-4


@pytest.mark.parametrize("word", sorted(ESTIMATORS))
def test_words_are_the_estimators_of_skfolio(word):
    from skfolio import moments

    theirs = getattr(moments, ESTIMATORS[word])().fit(HISTORY).covariance_
    for fitted in (
        NormalReturns.from_returns(HISTORY, covariance=word),
        StudentTReturns.from_returns(HISTORY, covariance=word),
    ):
        np.testing.assert_allclose(fitted.covariance, theirs, rtol=1e-12)
        np.testing.assert_allclose(fitted.mean, HISTORY.mean(axis=0))


def test_any_estimator_will_do_and_stays_as_it_was():
    from skfolio.moments import LedoitWolf

    class Half:
        def fit(self, X):  # noqa: N803
            self.covariance_ = 0.5 * np.cov(X.T)

    for estimator in (LedoitWolf(), Half()):
        fitted = NormalReturns.from_returns(HISTORY, covariance=estimator)
        assert not hasattr(estimator, "covariance_")
    np.testing.assert_allclose(fitted.covariance, 0.5 * np.cov(HISTORY.T))
    shrunk = NormalReturns.from_returns(HISTORY[:30], covariance="ledoit-wolf")
    sample = NormalReturns.from_returns(HISTORY[:30])
    spread = [np.ptp(np.linalg.eigvalsh(one.covariance)) for one in (shrunk, sample)]
    assert spread[0] < spread[1]


class Nothing:
    def fit(self, X):  # noqa: N803
        """Estimate nothing."""


class Odd(Nothing):
    covariance_ = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


class Small(Nothing):
    covariance_ = np.eye(2)


@pytest.mark.parametrize(
    ("estimator", "part"),
    [
        ("ledoit", "covariance='ledoit': must be one of 'sample', 'denoised'"),
        (Nothing(), "must be an estimator that sets covariance_"),
        (Nothing, "this is a class, not an instance"),
        (np.eye(3), "must be an instance of CovarianceEstimator"),
        (Odd(), "covariance='an asymmetric matrix': must be symmetric"),
        (Small(), r"must be of shape \(3, 3\)"),
    ],
)
def test_what_is_no_estimator_is_refused(estimator, part):
    with pytest.raises(InvalidProblem, match=part):
        NormalReturns.from_returns(HISTORY, covariance=estimator)


def test_without_skfolio_words_are_refused_and_the_sample_is_not(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest, **words):
        if name.partition(".")[0] == "skfolio":
            raise ImportError(name)
        return real(name, *rest, **words)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(Unsupported, match=r"'oas' needs the package skfolio: pip install"):
        NormalReturns.from_returns(HISTORY, covariance="oas")
    assert NormalReturns.from_returns(HISTORY, covariance="sample").mean


@pytest.mark.parametrize("kind", [NormalReturns, StudentTReturns])
def test_an_indefinite_covariance_offers_its_nearest(kind):
    more = {"degrees_of_freedom": 4.0} if kind is StudentTReturns else {}
    with pytest.raises(InvalidCovariance, match=r"eigenvalue -0\.0003.*the nearest is") as caught:
        kind(mean=(0.0,) * 3, covariance=INDEFINITE, **more)
    nearest = caught.value.nearest
    assert nearest == nearest_covariance(INDEFINITE)
    np.testing.assert_allclose(np.diag(nearest), np.diag(INDEFINITE))
    assert kind(mean=(0.0,) * 3, covariance=nearest, **more).covariance == nearest


def test_the_nearest_keeps_variances_that_differ_and_assets_that_rest():
    vols = np.array([1.0, 10.0, 0.0, 2.0])
    rows = np.zeros((4, 4))
    live = [0, 1, 3]
    correlation = 1e4 * INDEFINITE / 4.0
    rows[np.ix_(live, live)] = correlation * np.outer(vols[live], vols[live])
    nearest = np.asarray(nearest_covariance(rows))
    np.testing.assert_allclose(np.diag(nearest), vols**2, rtol=1e-12)
    assert not nearest[2].any()
    small = nearest[np.ix_(live, live)] / np.outer(vols[live], vols[live])
    # Higham's nearest of a symmetric pattern is symmetric in it
    assert small[0, 1] == pytest.approx(-small[0, 2], abs=1e-6)
    assert np.linalg.eigvalsh(nearest)[0] >= -1e-12
    with pytest.raises(InvalidProblem, match=r"matrix\[0, 0\]=-1.0: must be a variance"):
        nearest_covariance([[-1.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize("freedom", [3.0, 6.0, 15.0])
def test_fitted_tails_are_those_that_made_the_returns(freedom):
    rng = np.random.default_rng(int(freedom))
    mixed = np.sqrt(freedom / rng.chisquare(freedom, 6000))[:, None]
    returns = np.clip(0.01 * mixed * (rng.standard_normal((6000, 3)) @ MIX.T), -0.9, None)
    fitted = StudentTReturns.from_returns(returns, degrees_of_freedom=None)
    assert fitted.degrees_of_freedom == pytest.approx(freedom, rel=0.12)
    near = StudentTReturns.from_returns(returns, degrees_of_freedom=freedom)
    assert near.covariance == fitted.covariance


def test_fitted_tails_are_of_largest_likelihood():
    """Against scipy's own density, on a grid about the answer."""
    returns = np.clip(0.01 * RNG.standard_t(5, (800, 2)), -0.9, None)
    fitted = StudentTReturns.from_returns(returns, degrees_of_freedom=None)

    def likelihood(nu):
        shape = np.asarray(fitted.covariance) * (nu - 2.0) / nu
        return stats.multivariate_t(fitted.mean, shape, df=nu).logpdf(returns).sum()

    best = likelihood(fitted.degrees_of_freedom)
    assert all(best >= likelihood(fitted.degrees_of_freedom * k) for k in (0.9, 0.98, 1.02, 1.1))


def test_normal_returns_fit_as_normal_and_a_copied_asset_changes_nothing():
    assert StudentTReturns.from_returns(HISTORY, degrees_of_freedom=None).degrees_of_freedom > 30.0
    returns = np.clip(0.01 * RNG.standard_t(4, (2000, 1)), -0.9, None)
    alone, twice = (
        StudentTReturns.from_returns(rows, degrees_of_freedom=None).degrees_of_freedom
        for rows in (returns, np.repeat(returns, 2, axis=1))
    )
    assert alone == pytest.approx(twice, rel=1e-4)
    with pytest.raises(InvalidProblem, match="degrees_of_freedom cannot be fitted"):
        StudentTReturns.from_returns(np.zeros((10, 1)), degrees_of_freedom=None)


@pytest.mark.parametrize("periods", [1, 10])
@pytest.mark.parametrize("measure", ["ES", "VaR"])
def test_the_worst_window_is_the_largest_of_all(measure, periods):
    weights = (0.2, 0.5, 0.3)
    days, level = 60, 0.95
    held = Portfolio(weights=weights, horizon=periods / 252)
    found = worst_window(HISTORY, held, days, level=level, measure=measure)
    assert found == worst_window(
        HISTORY, weights, days, level=level, measure=measure, periods=periods
    )
    risks = []
    for start in range(len(HISTORY) - days + 1):
        model = HistoricalReturns(returns=HISTORY[start : start + days])
        kind = {"ES": ES, "VaR": VaR}[measure](level=level)
        problem = Problem(model, held, kind)
        risks.append(Analytic().solve(problem, Goal(tolerance=1.0)).value)
    assert found.start == int(np.argmax(np.array(risks) > (1.0 - 1e-12) * max(risks)))
    assert found.stop == found.start + days
    inside = HistoricalReturns(returns=stressed(HISTORY, found)).scenarios(periods)
    value_at_risk, shortfall = tail_risk(-(inside @ weights), level)
    assert found.value_at_risk == pytest.approx(float(value_at_risk))
    assert found.expected_shortfall == pytest.approx(float(shortfall))
    assert max(risks) == pytest.approx(
        found.expected_shortfall if measure == "ES" else found.value_at_risk
    )


def test_a_stressed_window_is_a_history_of_its_own():
    storm = HISTORY.copy()
    storm[100:200] *= 5.0
    found = worst_window(storm, (1.0, 0.0, 0.0), 100)
    assert abs(found.start - 100) <= 10
    model = HistoricalReturns(returns=stressed(storm, found))
    assert len(model.scenarios()) == 100
    with pytest.raises(InvalidProblem, match="within the 50 rows"):
        stressed(storm[:50], found)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"weights": (1.0,)}, "1 weights for 3 assets"),
        ({"days": 401}, "days=401: must be a whole number from 2 to 400"),
        ({"days": 39}, "observations=39: must be at least 40"),
        ({"level": 95}, "level=95: .*if you mean 95 per cent, write 0.95"),
        ({"measure": "cvar"}, "measure='cvar'"),
        ({"returns": np.full((400, 3), math.inf)}, r"returns\[0, 0\]=inf"),
        (
            {"weights": Portfolio(weights=(0.2, 0.5, 0.3), horizon=1.5 / 252)},
            r"is 1\.5 trading days: must be a whole number",
        ),
        (
            {"weights": Portfolio(weights=(0.2, 0.5, 0.3), horizon=60 / 252), "days": 60},
            "periods=60: must be a whole number from 1 to 59",
        ),
    ],
)
def test_windows_out_of_range_are_refused(changes, part):
    with pytest.raises(InvalidProblem, match=part):
        worst_window(**({"returns": HISTORY, "weights": (0.2, 0.5, 0.3)} | changes))


@pytest.mark.parametrize("weights", [(1.0, -1.0), (0.1, 0.2, -0.3)])
def test_weights_that_cancel_are_refused_unless_that_is_meant(weights):
    with pytest.raises(InvalidProblem, match=r"sum other than 0.*market_neutral=True"):
        Portfolio(weights=weights)
    book = Portfolio(weights=weights, market_neutral=True, value=100.0)
    gross = 1.0 + 0.01 * np.arange(len(weights))[None, None, :]
    profit = 100.0 * 0.01 * np.dot(weights, np.arange(len(weights)))
    assert book.present_value(gross, np.ones(1))[0] == pytest.approx(profit)
    with pytest.raises(InvalidProblem, match="market_neutral=1: must be True or False"):
        Portfolio(weights=weights, market_neutral=1)
    assert Portfolio(weights=(1.0, -0.9)).weights == (1.0, -0.9)
