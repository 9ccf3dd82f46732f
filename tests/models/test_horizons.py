"""Horizons of models of returns: what h days are, and that every engine means the same by it."""

import math

import numpy as np
import pytest

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    EWMA,
    GARCH,
    ExpectedLoss,
    FactorGrid,
    FilteredReturns,
    Goal,
    HistoricalReturns,
    LawGrid,
    NormalReturns,
    Portfolio,
    Probability,
    Problem,
    Quantum,
    StudentTReturns,
    VaR,
    convergence,
    from_dict,
    to_dict,
)
from qmc.backends import Ideal
from qmc.errors import InvalidProblem
from qmc.models.one_period import DAY
from qmc.testing import check_grid, check_model

RNG = np.random.default_rng(11)
DAYS = 400
# a common factor, heavy tails, and volatility that comes and goes
STORMS = 0.006 * np.exp(0.6 * np.sin(np.arange(DAYS) / 30.0))[:, None]
HISTORY = np.clip(
    STORMS * (RNG.standard_t(5, (DAYS, 1)) + 0.7 * RNG.standard_t(5, (DAYS, 3))), -0.3, 0.3
)
WEIGHTS = (0.5, 0.8, -0.3)
MODELS = (
    HistoricalReturns(returns=HISTORY),
    FilteredReturns(returns=HISTORY),
    FilteredReturns(returns=HISTORY, filter=GARCH()),
    NormalReturns.from_returns(HISTORY),
    StudentTReturns.from_returns(HISTORY),
)
FILTERED = MODELS[1:3]


def name(model):
    return repr(model).partition("(")[0] + type(getattr(model, "filter", None)).__name__


def portfolio(days):
    return Portfolio(weights=WEIGHTS, value=1000.0, horizon=days / 252)


@pytest.mark.parametrize("model", MODELS, ids=name)
@pytest.mark.parametrize("days", [1, 10, 250])
def test_conformance_at_any_horizon(model, days):
    check_model(model, (days / 252,))


@pytest.mark.parametrize("model", MODELS, ids=name)
@pytest.mark.parametrize("days", [1, 10])
def test_paths_have_the_stated_law(model, days):
    """Each interval misses with probability 1e-6; scenarios of a sampled law are off by as much."""
    goal = Goal(queries=40_000, confidence=1.0 - 1e-6)
    for measure in (ExpectedLoss(), Probability(threshold=-20.0), VaR(level=0.95), ES(level=0.9)):
        problem = Problem(model, portfolio(days), measure)
        exact = Analytic().solve(problem, goal)
        sampled = MonteCarlo(threads=1).solve(problem, goal, rng=5)
        assert sampled.covers == "continuous"
        slack = 0.0 if exact.covers == "continuous" else sampled.interval.half_width
        low, high = sampled.interval.low - slack, sampled.interval.high + slack
        assert low <= exact.value <= high, measure


@pytest.mark.parametrize("model", MODELS, ids=name)
@pytest.mark.parametrize("days", [1, 10])
def test_quantum_means_the_same_number(model, days):
    problem = Problem(model, portfolio(days), VaR(level=0.95))
    engine = Quantum(grid=LawGrid(qubits=6), backend=Ideal())
    found = engine.solve(problem, Goal(queries=20_000, confidence=1.0 - 1e-6), rng=3)
    exact = Analytic().solve(problem, Goal(tolerance=1.0))
    assert found.interval.contains(exact.value)
    assert found.covers == exact.covers
    check_grid(LawGrid(qubits=4), problem)


@pytest.mark.parametrize("model", FILTERED, ids=name)
def test_a_law_of_scenarios_is_called_one(model):
    """Over one day the law is exact; over ten it stands for paths, and nobody hides it."""
    for days, covers in ((1, "continuous"), (10, "discretised")):
        result = Analytic().solve(
            Problem(model, portfolio(days), VaR(level=0.99)), Goal(tolerance=1)
        )
        assert result.covers == covers
        named = "scenarios" in {line.source for line in result.budget.lines}
        assert named == (covers == "discretised")
    notes = " ".join(line.note for line in result.budget.lines)
    assert "the law is that of 16,384 fixed paths of 10 periods; MonteCarlo" in notes
    assert len(model.value_law(portfolio(10)).samples) == 2**14
    with pytest.raises(InvalidProblem, match="reference=None"):
        convergence(Problem(model, portfolio(10), VaR(level=0.99)), MonteCarlo(), 1_000, 1)


def test_a_factor_grid_takes_a_filtered_horizon_to_the_continuous_number():
    """With a grid that is given, and with the one that the plan chooses."""
    problem = Problem(FILTERED[0], portfolio(5), ExpectedLoss())
    other = MonteCarlo(threads=1).solve(problem, Goal(queries=100_000), rng=2)
    goal = Goal(tolerance=1.0, confidence=1.0 - 1e-6)
    for grid in (FactorGrid(qubits=4), None):
        result = Quantum(grid=grid, backend=Ideal()).solve(problem, goal, rng=2)
        assert result.covers == "continuous"
        assert abs(result.value - other.value) < 1.0 + 3.0 * other.interval.half_width


def test_history_compounds_overlapping_windows():
    model = HistoricalReturns(returns=HISTORY)
    scenarios = model.scenarios(10)
    assert scenarios.shape == (DAYS - 9, 3)
    for start in (0, 17, DAYS - 10):
        window = np.prod(1.0 + HISTORY[start : start + 10], axis=0) - 1.0
        np.testing.assert_allclose(scenarios[start], window, rtol=1e-12)
    assert model.observations((10 / 252,)) == DAYS - 9
    assert model.effective_observations((10 / 252,)) == pytest.approx(DAYS / 10)


@pytest.mark.parametrize("model", FILTERED, ids=name)
def test_a_filtered_path_by_hand(model):
    """Pick days, rescale, compound, update the variance: a loop over assets and days."""
    recursion = model.filter.recursion(HISTORY)
    vols = recursion.volatilities(HISTORY)
    standardised = HISTORY / vols[:-1]
    key = np.sign(standardised.mean(axis=1)) * np.sqrt((standardised**2).mean(axis=1))
    normals = np.array([[-1.3, 0.4, 2.2, -0.1]])
    ranks = [math.floor(DAYS * 0.5 * math.erfc(-z / math.sqrt(2.0))) for z in normals[0]]
    picked = np.argsort(key)[ranks]
    for asset in range(3):
        gross, variance = 1.0, vols[-1, asset] ** 2
        for day in picked:
            move = standardised[day, asset] * math.sqrt(variance)
            gross *= 1.0 + move
            variance = (
                recursion.constant[asset]
                + recursion.reaction[asset] * move**2
                + recursion.decay[asset] * variance
            )
        assert model.paths((4 / 252,), normals)[0, 0, asset] == pytest.approx(gross, rel=1e-12)


def test_days_stay_whole_along_a_path():
    """Two equal assets stay equal, and a pair and its mirror image stay mirrored."""
    pair = np.column_stack([HISTORY[:, 0], HISTORY[:, 0], -HISTORY[:, 0]])
    model = FilteredReturns(returns=pair, decay=0.97)
    moves = model.paths((2 / 252,), np.random.default_rng(1).standard_normal((50, 2)))[:, 0, :]
    np.testing.assert_allclose(moves[:, 0], moves[:, 1], rtol=1e-12)
    logs = FilteredReturns(returns=pair, decay=0.97).scenarios(1)
    np.testing.assert_allclose(logs[:, 0], -logs[:, 2], rtol=1e-12)


def test_no_path_loses_more_than_everything():
    wild = np.concatenate([np.full((60, 1), 0.001), [[-0.9]], np.full((60, 1), 0.3)])
    model = FilteredReturns(returns=wild, decay=0.8)
    gross = model.scenarios(20) + 1.0
    assert gross.min() == 0.0
    assert np.all(np.isfinite(gross))


def test_volatilities_beyond_the_range_of_numbers_are_refused_by_the_filter():
    """A day of three deviations again and again, each making the next one wilder."""
    model = FilteredReturns(returns=HISTORY, decay=0.5)
    normals = np.full((1, 252), 3.0)
    with pytest.raises(InvalidProblem, match=r"over 252 periods volatilities of EWMA\(decay=0.5\)"):
        model.paths((1.0,), normals)
    assert np.isfinite(model.paths((5 / 252,), normals[:, :5])).all()


@pytest.mark.parametrize("model", MODELS[3:], ids=name)
def test_moments_grow_with_the_horizon(model):
    day, ten = (model.value_law(portfolio(days)) for days in (1, 10))
    assert ten.mean == pytest.approx(10.0 * day.mean)
    assert ten.scale == pytest.approx(math.sqrt(10.0) * day.scale)
    assert getattr(ten, "degrees_of_freedom", None) == getattr(day, "degrees_of_freedom", None)


def test_scenarios_are_fixed_by_their_seed_and_count():
    first, again = (FilteredReturns(returns=HISTORY).scenarios(5) for _ in range(2))
    assert np.array_equal(first, again)
    other = FilteredReturns(returns=HISTORY, scenario_seed=1, scenario_count=64)
    assert other.scenarios(5).shape == (64, 3)
    assert not np.array_equal(other.scenarios(5), first[:64])
    assert not first.flags.writeable


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_models_are_stored_and_read_back_with_what_they_fitted(model):
    back = from_dict(to_dict(model))
    assert back == model
    assert hash(back) == hash(model)
    problem = Problem(back, portfolio(3), VaR(level=0.99))
    assert problem.model.value_law(portfolio(3)).mean == model.value_law(portfolio(3)).mean


@pytest.mark.parametrize("model", MODELS, ids=name)
@pytest.mark.parametrize(
    ("horizon", "part"),
    [
        (0.5 * DAY, "0.5 trading days: must be a whole number from 1 to 252; write 1 / 252"),
        (10 / 250, "10.08 trading days"),
        (2.0, "504 trading days"),
    ],
)
def test_a_horizon_of_no_whole_days_is_refused(model, horizon, part):
    odd = Portfolio(weights=WEIGHTS, horizon=horizon)
    with pytest.raises(InvalidProblem, match=part):
        Problem(model, odd, ExpectedLoss())


def test_months_are_periods_too():
    monthly = NormalReturns(mean=(0.01,), covariance=((4e-3,),), period=1 / 12)
    law = monthly.value_law(Portfolio(weights=(1.0,), horizon=0.5))
    assert law.mean == pytest.approx(0.06)
    with pytest.raises(InvalidProblem, match=r"periods of 0\.0833333 years"):
        monthly.value_law(Portfolio(weights=(1.0,)))


def test_a_history_shorter_than_the_horizon_is_refused():
    model = HistoricalReturns(returns=HISTORY[:10])
    assert model.scenarios(9).shape == (2, 3)
    with pytest.raises(InvalidProblem, match="observations=10: must be at least 11"):
        Problem(model, portfolio(10), ExpectedLoss())


@pytest.mark.parametrize(("days", "least"), [(1, 100), (10, 109)])
def test_a_level_beyond_which_nothing_was_seen_is_refused(days, least):
    """n (1 - level) < 1, whoever solves: the problem is not made."""
    enough = Problem(HistoricalReturns(returns=HISTORY[:least]), portfolio(days), VaR(level=0.99))
    assert enough.measure == VaR(level=0.99)
    for measure in (VaR(level=0.99), ES(level=0.99)):
        with pytest.raises(InvalidProblem, match="observations=99: must be at least 100"):
            Problem(HistoricalReturns(returns=HISTORY[: least - 1]), portfolio(days), measure)
    with pytest.raises(InvalidProblem, match="observations=400: must be at least 10,000"):
        Problem(FilteredReturns(returns=HISTORY), portfolio(days), VaR(level=0.9999))
    few = FilteredReturns(returns=HISTORY, scenario_count=16)
    with pytest.raises(InvalidProblem, match="observations=16"):
        Problem(few, portfolio(10), VaR(level=0.99))
    assert Problem(MODELS[3], portfolio(days), VaR(level=0.9999)).measure.level == 0.9999


def test_a_short_decay_and_a_filter_are_one():
    by_decay, by_filter = (
        FilteredReturns(returns=HISTORY, decay=0.97),
        FilteredReturns(returns=HISTORY, filter=EWMA(decay=0.97)),
    )
    assert by_decay == by_filter
    assert by_filter.decay == 0.97
    with pytest.raises(InvalidProblem, match=r"decay=0\.9: must be left out beside filter"):
        FilteredReturns(returns=HISTORY, decay=0.9, filter=EWMA(decay=0.97))
