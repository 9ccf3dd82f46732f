"""Filters: GARCH is the likelihood's own, EWMA as it was, both refused by name."""

import builtins
import math

import numpy as np
import pytest
from arch import arch_model

from qmc import (
    EWMA,
    GARCH,
    FilteredReturns,
    HistoricalReturns,
    Portfolio,
    data,
    from_dict,
    to_dict,
)
from qmc.errors import InvalidProblem, Unsupported
from qmc.models import VolatilityFilter, ewma_volatility
from qmc.models.one_period import DAY
from qmc.testing.values import check_value

TRUE = (2e-6, 0.10, 0.86)


def garch_sample(days, seed, degrees_of_freedom=6.0):
    """Returns of a GARCH(1,1) with Student t innovations of unit variance."""
    rng = np.random.default_rng(seed)
    draws = rng.standard_t(degrees_of_freedom, days)
    draws *= math.sqrt((degrees_of_freedom - 2.0) / degrees_of_freedom)
    omega, alpha, beta = TRUE
    variance, returns = omega / (1.0 - alpha - beta), np.empty(days)
    for day in range(days):
        returns[day] = math.sqrt(variance) * draws[day]
        variance = omega + alpha * returns[day] ** 2 + beta * variance
    return returns


SAMPLE = np.column_stack([garch_sample(4000, 1), 2.0 * garch_sample(4000, 2)])


@pytest.mark.parametrize("innovations", ["normal", "t"])
def test_volatilities_are_those_of_the_likelihood(innovations):
    """The recursion and its start, against arch's own at the same numbers."""
    fitted = GARCH(innovations=innovations).fitted(SAMPLE)
    ours = fitted.recursion(SAMPLE).volatilities(SAMPLE)
    assert ours.shape == (4001, 2)
    for asset, row in enumerate(fitted.parameters):
        model = arch_model(SAMPLE[:, asset], mean="Zero", dist=innovations, rescale=False)
        theirs = model.fix(list(row))
        # it starts from another number, which is forgotten
        np.testing.assert_allclose(ours[500:-1, asset], theirs.conditional_volatility[500:], 1e-9)
        forecast = theirs.forecast(horizon=1).variance.to_numpy()[-1, 0]
        assert ours[-1, asset] ** 2 == pytest.approx(forecast, rel=1e-9)


def test_fits_find_the_numbers_that_made_the_returns():
    fitted = GARCH().fitted(SAMPLE)
    for row, scale in zip(fitted.parameters, (1.0, 2.0), strict=True):
        omega, alpha, beta, freedom = row
        assert alpha == pytest.approx(TRUE[1], abs=0.03)
        assert beta == pytest.approx(TRUE[2], abs=0.04)
        level = omega / (1.0 - alpha - beta)
        assert level == pytest.approx(scale**2 * TRUE[0] / 0.04, rel=0.35)
        assert 4.5 < freedom < 8.5
    assert len(GARCH(innovations="normal").fitted(SAMPLE).parameters[0]) == 3


def test_a_fit_is_repeated_bit_by_bit_and_free_of_scale():
    first, again = (GARCH().fitted(SAMPLE[:1000]) for _ in range(2))
    assert first == again
    small = GARCH().fitted(0.01 * SAMPLE[:1000])
    for row, other in zip(first.parameters, small.parameters, strict=True):
        assert other[0] == pytest.approx(1e-4 * row[0], rel=1e-5)
        assert other[1:] == pytest.approx(row[1:], rel=1e-5)


def test_standardised_days_have_lost_their_storms():
    """Squares follow each other in the returns, and no more in what the filter leaves."""

    def echo(values):
        squares = values**2 - np.mean(values**2)
        return float(np.mean(squares[1:] * squares[:-1]) / np.mean(squares**2))

    for by in (EWMA(), GARCH()):
        vols = by.fitted(SAMPLE).recursion(SAMPLE).volatilities(SAMPLE)
        for asset in range(2):
            filtered = echo(SAMPLE[:, asset] / vols[:-1, asset])
            assert abs(filtered) < 0.5 * echo(SAMPLE[:, asset])


def test_a_stored_fit_is_not_fitted_again(monkeypatch):
    model = FilteredReturns(returns=SAMPLE[:300], filter=GARCH())
    text = to_dict(model)
    without(monkeypatch, "arch")
    assert from_dict(text) == model
    assert from_dict(text).filter.parameters == model.filter.parameters
    with pytest.raises(
        Unsupported, match=r"GARCH needs the package arch: pip install \"qmc\[data\]"
    ):
        FilteredReturns(returns=SAMPLE[:300], filter=GARCH())


def without(monkeypatch, package):
    real = builtins.__import__

    def refuse(name, *rest, **words):
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return real(name, *rest, **words)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_a_fit_that_fails_is_refused_with_what_to_do():
    """A stock that rests on nine days in ten: a t's likelihood grows without end about 0."""
    prices = data.sp500_stocks(("RRC",))
    still = data.simple_returns(prices).to_numpy()[:500]
    with pytest.raises(InvalidProblem, match=r'not converge on returns\[:, 0\].*innovations="norm'):
        FilteredReturns(returns=still, filter=GARCH())


def test_numbers_of_ones_own_give_a_filter_by_hand():
    rows = ((1e-6, 0.05, 0.9), (4e-6, 0.1, 0.8))
    by = GARCH(innovations="normal", parameters=rows)
    history = SAMPLE[:60]
    vols = by.recursion(history).volatilities(history)
    for asset, (omega, alpha, beta) in enumerate(rows):
        seed = np.mean(history[:50, asset] ** 2)
        variance = omega + (alpha + beta) * seed
        for day in range(60):
            assert vols[day, asset] == pytest.approx(math.sqrt(variance), rel=1e-12)
            variance = omega + alpha * history[day, asset] ** 2 + beta * variance
        assert vols[60, asset] == pytest.approx(math.sqrt(variance), rel=1e-12)
    model = FilteredReturns(returns=history, filter=by)
    np.testing.assert_allclose(model.scenarios(), history / vols[:-1] * vols[-1], rtol=1e-12)


def test_a_filter_of_ones_own_is_taken():
    class Flat:
        """Yesterday is forgotten."""

        def fitted(self, returns):
            return self

        def recursion(self, returns):
            return EWMA(decay=1.0 - 1e-12).recursion(returns)

    model = FilteredReturns(returns=SAMPLE[:200], filter=Flat())
    np.testing.assert_allclose(model.scenarios(), SAMPLE[:200], rtol=1e-8)
    history = HistoricalReturns(returns=SAMPLE[:200])
    wide = Portfolio(weights=(0.5, 0.5), horizon=DAY)
    assert model.value_law(wide).mean == pytest.approx(history.value_law(wide).mean, rel=1e-6)


def test_ewma_is_a_garch_without_a_level():
    by = GARCH(innovations="normal", parameters=((0.0, 0.06, 0.94),) * 2)
    recursion = by.recursion(SAMPLE)
    np.testing.assert_allclose(
        recursion.volatilities(SAMPLE), ewma_volatility(SAMPLE, 0.94), rtol=1e-12
    )


@pytest.mark.parametrize("one", [EWMA(), GARCH(), GARCH().fitted(SAMPLE[:200])], ids=type)
def test_filters_are_values(one):
    check_value(one)
    assert isinstance(one, VolatilityFilter)


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"innovations": "cauchy"}, "innovations='cauchy': must be one of 'normal', 't'"),
        ({"parameters": ((1e-6, 0.1, 0.8),)}, "parameters=.*degrees_of_freedom"),
        ({"parameters": ((1e-6, 0.1, 0.8, 2.0),)}, r"parameters\[0\]="),
        ({"parameters": ((1e-6, 0.3, 0.8, 5.0),)}, r"alpha \+ beta <= 1"),
        ({"parameters": ((-1e-6, 0.1, 0.8, 5.0),)}, r"parameters\[0\]="),
        ({"parameters": ((math.nan, 0.1, 0.8, 5.0),)}, r"parameters\[0, 0\]=nan"),
    ],
)
def test_bad_numbers_are_refused(fields, part):
    with pytest.raises(InvalidProblem, match=part):
        GARCH(**fields)


@pytest.mark.parametrize(
    ("returns", "by", "part"),
    [
        (SAMPLE[:99], GARCH(), "observations=99: must be at least 100 to fit GARCH"),
        (np.zeros((200, 1)), GARCH(), r"returns\[:, 0\] do not move"),
        (SAMPLE[:200], GARCH().fitted(SAMPLE[:200, :1]), "parameters='1 rows': must be 2 rows"),
        (SAMPLE[:200], "garch", "filter='garch': must be an instance of VolatilityFilter"),
        (SAMPLE[:200], GARCH, "this is a class"),
        (np.full((200, 1), np.nan), GARCH(), r"returns\[0, 0\]=nan"),
    ],
)
def test_what_no_filter_takes_is_refused(returns, by, part):
    with pytest.raises(InvalidProblem, match=part):
        FilteredReturns(returns=returns, filter=by)


@pytest.mark.parametrize("fields", [{"scenario_count": 100}, {"scenario_seed": -1}])
def test_scenarios_out_of_range_are_refused(fields):
    (name,) = fields
    with pytest.raises(InvalidProblem, match=name):
        FilteredReturns(returns=SAMPLE[:100], **fields)
