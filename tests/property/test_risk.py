"""VaR and ES for any portfolio: order, scaling, bounds, grids."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    ExpectedLoss,
    FilteredReturns,
    Goal,
    HistoricalReturns,
    LawGrid,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    StudentTReturns,
    VaR,
)

PROPERTY = settings(derandomize=True, deadline=None, max_examples=60, database=None)

levels = st.floats(0.001, 0.9999)
returns = st.floats(-0.3, 0.3)
weights = st.tuples(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0)).filter(any)


@st.composite
def histories(draw):
    """Two assets, 2 to 60 days, days and atoms repeated as they come."""
    days = draw(st.lists(st.tuples(returns, returns), min_size=2, max_size=60))
    return HistoricalReturns(returns=days)


@st.composite
def continuous(draw):
    """Normal or Student t, with any correlation below one."""
    vols = np.array([draw(st.floats(1e-3, 0.1)), draw(st.floats(1e-3, 0.1))])
    correlation = draw(st.floats(-0.95, 0.95))
    fields = {
        "mean": (draw(st.floats(-0.01, 0.01)), draw(st.floats(-0.01, 0.01))),
        "covariance": np.array([[1.0, correlation], [correlation, 1.0]]) * np.outer(vols, vols),
    }
    if draw(st.booleans()):
        return NormalReturns(**fields)
    return StudentTReturns(**fields, degrees_of_freedom=draw(st.floats(2.1, 100.0)))


models = st.one_of(histories(), continuous())
portfolios = st.builds(
    Portfolio, weights=weights, value=st.floats(0.1, 1e6), market_neutral=st.just(True)
)


def supported(model, level):
    """The level, or the last beyond which a history has a whole loss."""
    if not isinstance(model, HistoricalReturns):
        return level
    return min(level, 1.0 - 1.0 / len(model.scenarios()))


def exact(model, portfolio, measure):
    return Analytic().solve(Problem(model, portfolio, measure), Goal(tolerance=1.0)).value


def size(model, portfolio):
    """A money amount of the order of the losses, for rounding."""
    moves = model.scenarios() if isinstance(model, HistoricalReturns) else np.ones((1, 2))
    # gross returns are rounded at 1, so moves below 1e-3 keep fewer digits; the last floor is for
    # weights so small that their products are no normal numbers
    largest = max(float(np.abs(moves).max()), 1e-3)
    return portfolio.value * largest * float(np.abs(portfolio.weights).sum()) + 1e-280


@PROPERTY
@given(model=models, portfolio=portfolios, pair=st.tuples(levels, levels))
def test_var_and_es_do_not_decrease_in_level_and_es_is_at_least_var(model, portfolio, pair):
    low, high = sorted(supported(model, level) for level in pair)
    slack = 1e-11 * size(model, portfolio)
    values = [exact(model, portfolio, VaR(level=level)) for level in (low, high)]
    tails = [exact(model, portfolio, ES(level=level)) for level in (low, high)]
    assert values[0] <= values[1]
    assert tails[0] <= tails[1] + slack
    assert tails[0] >= values[0]
    assert tails[1] >= values[1]


@PROPERTY
@given(model=models, portfolio=portfolios, level=levels, factor=st.floats(1e-3, 1e3))
def test_risk_scales_with_the_position(model, portfolio, level, factor):
    larger = dataclasses.replace(portfolio, value=factor * portfolio.value)
    slack, level = 1e-11 * size(model, larger), supported(model, level)
    for measure in (VaR(level=level), ES(level=level), ExpectedLoss(), Price()):
        expected = factor * exact(model, portfolio, measure)
        assert exact(model, larger, measure) == pytest.approx(expected, abs=slack)


@PROPERTY
@given(model=histories(), portfolio=portfolios, level=levels)
def test_es_of_a_history_lies_between_its_mean_and_its_largest_loss(model, portfolio, level):
    losses = -portfolio.value * (model.scenarios() @ np.array(portfolio.weights))
    slack, level = 1e-11 * size(model, portfolio), supported(model, level)
    shortfall = exact(model, portfolio, ES(level=level))
    assert losses.mean() - slack <= shortfall <= losses.max() + slack
    assert losses.min() - slack <= exact(model, portfolio, VaR(level=level)) <= losses.max() + slack


@PROPERTY
@given(model=models, first=weights, second=weights, level=levels)
def test_es_is_subadditive(model, first, second, level):
    """ES of a sum of positions is at most the sum of their ES (Acerbi and Tasche 2002)."""
    assume(np.any(np.add(first, second)))
    first, second, both = (
        Portfolio(weights=w, value=100.0, market_neutral=True)
        for w in (first, second, np.add(first, second))
    )
    parts, whole, level = [first, second], both, supported(model, level)
    slack = 1e-10 * (sum(size(model, part) for part in parts) + 1e-3)
    apart = sum(exact(model, part, ES(level=level)) for part in parts)
    assert exact(model, whole, ES(level=level)) <= apart + slack


@PROPERTY
@given(
    model=models,
    portfolio=portfolios,
    qubits=st.integers(1, 8),
    measure=st.sampled_from([VaR(level=0.99), ES(level=0.975)]),
)
def test_grid_probabilities_sum_to_one_and_are_those_of_the_law(model, portfolio, qubits, measure):
    measure = dataclasses.replace(measure, level=supported(model, measure.level))
    table = LawGrid(qubits=qubits).discretise(Problem(model, portfolio, measure))
    assert np.all(table.probabilities >= 0.0)
    assert table.probabilities.sum() == pytest.approx(1.0, abs=1e-13)
    assert np.all(np.diff(table.edges) > 0.0)
    law = model.value_law(portfolio).negated()
    np.testing.assert_allclose(
        np.cumsum(table.probabilities)[:-1], law.cdf(table.edges[1:-1]), atol=1e-12
    )
    slack = 1e-10 * size(model, portfolio)
    assert table.mean() == pytest.approx(exact(model, portfolio, ExpectedLoss()), abs=slack)


@PROPERTY
@given(model=models, portfolio=portfolios, share=st.floats(-0.1, 0.1), qubits=st.integers(1, 8))
def test_the_grid_mean_and_probability_are_the_closed_form(model, portfolio, share, qubits):
    grid, slack = LawGrid(qubits=qubits), 1e-10 * size(model, portfolio)
    for measure in (Price(), ExpectedLoss()):
        mean = grid.discretise(Problem(model, portfolio, measure)).mean()
        assert mean == pytest.approx(exact(model, portfolio, measure), abs=slack)
    measure = Probability(threshold=share * portfolio.value)
    chance = grid.discretise(Problem(model, portfolio, measure)).mean()
    assert chance == pytest.approx(exact(model, portfolio, measure), abs=1e-12)


@PROPERTY
@given(model=models, portfolio=portfolios, level=st.floats(0.05, 0.99), seed=st.integers(0, 2**32))
def test_sampled_es_is_at_least_sampled_var(model, portfolio, level, seed):
    level = supported(model, level)
    value, tail = (
        MonteCarlo(threads=1).solve(
            Problem(model, portfolio, kind(level=level)), Goal(queries=1_000), rng=seed
        )
        for kind in (VaR, ES)
    )
    assert value.interval.low <= value.value <= value.interval.high
    assert tail.interval.low <= tail.value <= tail.interval.high
    assert tail.value >= value.value


@PROPERTY
@given(model=histories(), decay=st.floats(0.5, 0.99))
def test_filtering_is_free_of_the_returns_scale(model, decay):
    """Twice the returns, twice the scenarios, until a loss would exceed the whole position."""
    returns = 0.01 + np.abs(model.scenarios())
    small, large = (
        FilteredReturns(returns=scale * returns, decay=decay).scenarios() for scale in (0.5, 1.0)
    )
    np.testing.assert_allclose(large, 2.0 * small, rtol=1e-9)
