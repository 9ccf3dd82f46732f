"""Analytic: closed forms against numerical integration, refusals that name what is missing."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from classical_baseline import Analytic
from qmc import (
    ES,
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    ExpectedLoss,
    FilteredReturns,
    Goal,
    HistoricalReturns,
    InvalidProblem,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    Put,
    StudentTReturns,
    Unsupported,
    VaR,
)
from qmc.testing import check_engine

SPOT, STRIKE, HIGH = 100.0, 105.0, 120.0
PAYOFFS = {
    "call": lambda s: max(s - STRIKE, 0.0),
    "put": lambda s: max(STRIKE - s, 0.0),
    "spread": lambda s: min(max(s - STRIKE, 0.0), HIGH - STRIKE),
    "cash": lambda s: 7.0 * (s > STRIKE),
    "asset": lambda s: s * (s > STRIKE),
    "cash put": lambda s: 7.0 * (s <= STRIKE),
    "asset put": lambda s: s * (s <= STRIKE),
}
# vol, rate, dividend yield, expiry
MARKETS = [(0.2, 0.05, 0.0, 1.0), (0.6, -0.01, 0.03, 0.1), (0.15, 0.02, 0.08, 10.0)]
COVARIANCE = ((1e-4, 3e-5), (3e-5, 2e-4))
MEAN, WEIGHTS, VALUE = (0.001, -0.0005), (0.7, -0.4), 250.0
HISTORY = np.random.default_rng(4).standard_t(4, size=(500, 2)) * 0.01
PORTFOLIO = Portfolio(weights=WEIGHTS, value=VALUE)
HISTORIES = [HistoricalReturns(returns=HISTORY), FilteredReturns(returns=HISTORY, decay=0.9)]
LEVELS = (0.01, 0.5, 0.975, 0.99, 0.9985)


def contract(kind, expiry):
    if kind == "call":
        return Call(strike=STRIKE, expiry=expiry)
    if kind == "put":
        return Put(strike=STRIKE, expiry=expiry)
    if kind == "spread":
        return CallSpread(low_strike=STRIKE, high_strike=HIGH, expiry=expiry)
    pays, side = kind.split()[0], "put" if kind.endswith("put") else "call"
    cash = 7.0 if pays == "cash" else 1.0
    return Digital(strike=STRIKE, expiry=expiry, kind=side, pays=pays, cash=cash)


def solve(model, contract, measure):
    return Analytic().solve(Problem(model, contract, measure), Goal(tolerance=1.0)).value


def expectation(function, vol, rate, dividend_yield, expiry):
    """E[function(price at expiry)] over the normal behind it, split at both strikes."""
    sd = vol * math.sqrt(expiry)
    drift = (rate - dividend_yield - 0.5 * vol**2) * expiry

    def integrand(z):
        return function(SPOT * math.exp(drift + sd * z)) * stats.norm.pdf(z)

    kinks = sorted((math.log(k / SPOT) - drift) / sd for k in (STRIKE, HIGH))
    ends = [-14.0, *(min(max(z, -14.0), 14.0) for z in kinks), 14.0]
    pieces = itertools.pairwise(ends)
    return sum(integrate.quad(integrand, a, b, epsabs=1e-12, limit=200)[0] for a, b in pieces)


@pytest.mark.parametrize("market", MARKETS, ids=str)
@pytest.mark.parametrize("kind", PAYOFFS)
def test_prices_match_numerical_integration(kind, market):
    vol, rate, dividend_yield, expiry = market
    model = BlackScholes(spot=SPOT, vol=vol, rate=rate, dividend_yield=dividend_yield)
    price = math.exp(-rate * expiry) * expectation(PAYOFFS[kind], *market)
    assert solve(model, contract(kind, expiry), Price()) == pytest.approx(price, rel=1e-9)
    assert solve(model, contract(kind, expiry), ExpectedLoss()) == pytest.approx(-price, rel=1e-9)


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 4.0, 6.9, 7.1, 14.0, 90.0])
@pytest.mark.parametrize("kind", PAYOFFS)
def test_probabilities_match_sorted_quantiles(kind, threshold):
    """P(value > threshold) by counting evenly spread normals."""
    vol, rate, dividend_yield, expiry = MARKETS[0]
    model = BlackScholes(spot=SPOT, vol=vol, rate=rate, dividend_yield=dividend_yield)
    z = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    prices = SPOT * np.exp((rate - 0.5 * vol**2) * expiry + vol * math.sqrt(expiry) * z)
    paid = math.exp(-rate * expiry) * np.vectorize(PAYOFFS[kind], otypes=[float])(prices)
    expected = np.count_nonzero(paid > threshold) / paid.size
    answer = solve(model, contract(kind, expiry), Probability(threshold=threshold))
    assert answer == pytest.approx(expected, abs=2e-5)


def test_a_discount_that_vanishes_leaves_nothing_to_pay():
    model = BlackScholes(spot=SPOT, vol=0.2, rate=10.0, dividend_yield=10.0)
    assert solve(model, Call(strike=STRIKE, expiry=100.0), Price()) == 0.0
    assert solve(model, Call(strike=STRIKE, expiry=100.0), Probability(threshold=1.0)) == 0.0
    assert solve(model, Call(strike=STRIKE, expiry=100.0), Probability(threshold=-1.0)) == 1.0


def loss_law(freedom):
    """The portfolio's loss by scipy: normal, or Student t with the same covariance."""
    weights = np.array(WEIGHTS)
    location = -VALUE * float(weights @ np.array(MEAN))
    deviation = VALUE * math.sqrt(float(weights @ np.array(COVARIANCE) @ weights))
    if freedom is None:
        return NormalReturns(mean=MEAN, covariance=COVARIANCE), stats.norm(location, deviation)
    model = StudentTReturns(mean=MEAN, covariance=COVARIANCE, degrees_of_freedom=freedom)
    scale = deviation * math.sqrt((freedom - 2.0) / freedom)
    return model, stats.t(freedom, location, scale)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("freedom", [None, 2.5, 4.0, 30.0])
def test_var_and_es_of_continuous_laws_match_numerical_integration(freedom, level):
    model, law = loss_law(freedom)
    centre, unit = law.median(), law.std()
    # the quantile of the integrated density, not of scipy's own quantile function
    quantile = optimize.brentq(
        lambda x: 0.5 + integrate.quad(law.pdf, centre, x, epsabs=1e-13)[0] - level,
        centre - 40.0 * unit,
        centre + 40.0 * unit,
        xtol=1e-12,
    )
    tail = integrate.quad(lambda x: x * law.pdf(x), quantile, np.inf, epsabs=1e-13, limit=400)[0]
    assert solve(model, PORTFOLIO, VaR(level=level)) == pytest.approx(quantile, abs=1e-7)
    assert solve(model, PORTFOLIO, ES(level=level)) == pytest.approx(tail / (1 - level), abs=1e-5)


@pytest.mark.parametrize("freedom", [None, 4.0])
def test_means_and_probabilities_of_continuous_laws(freedom):
    model, law = loss_law(freedom)
    mean = integrate.quad(lambda x: x * law.pdf(x), -np.inf, np.inf, epsabs=1e-12, limit=400)[0]
    assert solve(model, PORTFOLIO, ExpectedLoss()) == pytest.approx(mean, abs=1e-8)
    assert solve(model, PORTFOLIO, Price()) == pytest.approx(-mean, abs=1e-8)
    for threshold in (-3.0, 0.0, 2.0):
        # profit above the threshold is loss below minus the threshold
        below = integrate.quad(law.pdf, -np.inf, -threshold, epsabs=1e-12)[0]
        answer = solve(model, PORTFOLIO, Probability(threshold=threshold))
        assert answer == pytest.approx(below, abs=1e-9)


def losses_of(model):
    return np.sort(-VALUE * (model.scenarios() @ np.array(WEIGHTS)))


# of 500 days 0.998 is the last level with a loss beyond it
@pytest.mark.parametrize("level", [*LEVELS[:-1], 0.9, 0.996, 0.998])
@pytest.mark.parametrize("model", HISTORIES, ids=lambda m: type(m).__name__)
def test_var_and_es_of_histories_are_those_of_the_step_function(model, level):
    """VaR by counting; ES as the integral of VaR(u) over (level, 1), step by step."""
    losses, days = losses_of(model), len(model.scenarios())
    exact = Fraction(str(level))
    rank = next(k for k in range(1, days + 1) if Fraction(k, days) >= exact)
    steps = [
        (float(losses[k]), max(Fraction(k + 1, days) - max(Fraction(k, days), exact), 0))
        for k in range(days)
    ]
    shortfall = math.fsum(loss * float(width) for loss, width in steps) / float(1 - exact)
    assert solve(model, PORTFOLIO, VaR(level=level)) == pytest.approx(losses[rank - 1], rel=1e-12)
    assert solve(model, PORTFOLIO, ES(level=level)) == pytest.approx(shortfall, rel=1e-9)


@pytest.mark.parametrize("model", HISTORIES, ids=lambda m: type(m).__name__)
def test_means_and_probabilities_of_histories(model):
    losses = losses_of(model)
    assert solve(model, PORTFOLIO, ExpectedLoss()) == pytest.approx(losses.mean(), rel=1e-10)
    assert solve(model, PORTFOLIO, Price()) == pytest.approx(-losses.mean(), rel=1e-10)
    for threshold in (-2.0, 0.0, 2.0):
        share = np.count_nonzero(-losses > threshold) / losses.size
        answer = solve(model, PORTFOLIO, Probability(threshold=threshold))
        assert answer == pytest.approx(share, abs=1e-12)


def test_the_result_is_exact_and_says_so():
    problem = Problem(BlackScholes(spot=SPOT, vol=0.2, rate=0.05), contract("call", 1.0), Price())
    result = Analytic().solve(problem, Goal(tolerance=0.01, confidence=0.9), rng=3)
    assert result.interval.width == 0.0
    assert result.interval.confidence == 0.9
    assert (result.covers, result.status, result.cost.queries) == ("continuous", "converged", 0)
    assert [line.kind for line in result.budget.lines] == ["exact"]
    check_engine(Analytic(), problem, Goal(tolerance=0.01))


MARKET = BlackScholes(spot=SPOT, vol=0.2, rate=0.05)


class NoLaw:
    """A model that only makes paths."""

    def num_factors(self, times):
        return 1

    def paths(self, times, normals):
        return np.exp(0.1 * normals)[:, None, :]

    def discount(self, times):
        return np.ones(len(times))


class Odd:
    on_loss = False


@pytest.mark.parametrize(
    ("model", "contract", "measure", "missing"),
    [
        (MARKET, contract("call", 1.0), VaR(level=0.99), "value_law.*MonteCarlo"),
        (MARKET, contract("call", 1.0), ES(level=0.99), "value_law.*MonteCarlo"),
        (MARKET, Portfolio(weights=(1.0,)), Price(), "pieces.*MonteCarlo"),
        (NoLaw(), contract("call", 1.0), Price(), "terminal_law.*MonteCarlo"),
        (NoLaw(), contract("call", 1.0), VaR(level=0.9), "NoLaw has no value_law"),
        (MARKET, contract("call", 1.0), Odd(), "measure Odd"),
        (
            NormalReturns(mean=(0.0,), covariance=((1e-4,),)),
            contract("call", 1.0),
            Price(),
            "Portfolio only, not of Call",
        ),
    ],
    ids=lambda x: type(x).__name__ if not isinstance(x, str) else None,
)
def test_what_has_no_closed_form_is_refused(model, contract, measure, missing):
    with pytest.raises(Unsupported, match=missing):
        solve(model, contract, measure)


def test_an_expiry_beyond_arithmetic_is_refused():
    model = BlackScholes(spot=SPOT, vol=0.2, rate=0.5)
    with pytest.raises(InvalidProblem, match="time=700"):
        solve(model, Call(strike=STRIKE, expiry=700.0), Price())


def test_weights_that_do_not_fit_the_model_are_refused():
    model, _ = loss_law(None)
    with pytest.raises(InvalidProblem, match="3 weights for 2 assets"):
        solve(model, Portfolio(weights=(1.0, 2.0, 3.0)), VaR(level=0.99))
