"""Measures of the tail by `Quantum`: on known laws, on corrected grids, their budgets."""

import math

import numpy as np
import pytest
from scipy import stats

from classical_baseline import Analytic
from qmc import (
    ES,
    Basket,
    BlackScholes,
    Call,
    EconomicCapital,
    FactorGrid,
    Goal,
    HistoricalReturns,
    LawGrid,
    MultiAsset,
    NormalReturns,
    Portfolio,
    Problem,
    Quantum,
    StudentTReturns,
    Sum,
    TailConditionalExpectation,
    VaR,
    convergence,
)
from qmc.backends import Aer, Ideal
from qmc.errors import Unsupported
from qmc.estimators import Adaptive, Certified, Iterative
from qmc.grids import Residual
from qmc.measures import Tail
from qmc.testing import check_grid, check_measure

ONE = Portfolio(weights=(1.0,), value=100.0)
STUDENT = StudentTReturns(mean=(0.001,), covariance=((1e-4,),), degrees_of_freedom=4.0)
NORMAL = NormalReturns(mean=(0.001,), covariance=((1e-4,),))
LUMPY = HistoricalReturns(returns=-np.repeat([0.0, 0.01, 0.02, 0.03], [60, 30, 6, 4])[:, None])
MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
SHORT_CALL = Sum(contracts=(Call(strike=105.0, expiry=1.0),), quantities=(-1.0,))
ENGINE = Quantum(backend=Ideal())
# quick and readable early
CORRECTED = Quantum(grid=FactorGrid(qubits=4), estimator=Iterative(), backend=Ideal())
BEYOND = (
    TailConditionalExpectation(level=0.95),
    TailConditionalExpectation(level=0.95, strict=False),
    EconomicCapital(level=0.95),
)


def exact(problem):
    return Analytic().solve(problem, Goal(tolerance=1.0)).value


def short_call(level):
    """VaR, ES and mean of the loss of a call sold: prices are monotone in the one normal."""
    z = stats.norm.ppf(level)
    forward, discount = 100.0 * math.exp(0.05), math.exp(-0.05)
    var = discount * max(forward * math.exp(0.2 * z - 0.02) - 105.0, 0.0)
    beyond = forward * stats.norm.sf(z - 0.2) / (1.0 - level)
    return var, discount * (beyond - 105.0), 8.021352235


@pytest.mark.parametrize("measure", BEYOND, ids=repr)
@pytest.mark.parametrize("model", [NORMAL, STUDENT, LUMPY], ids=["normal", "student", "lumpy"])
def test_means_beyond_var_and_capital_contain_the_truth(model, measure):
    problem = Problem(model, ONE, measure)
    engine = Quantum(grid=LawGrid(qubits=8), estimator=Iterative(), backend=Ideal())
    result = engine.solve(problem, Goal(relative_tolerance=0.08), rng=11)
    assert result.covers == "continuous"
    assert result.interval.contains(exact(problem))
    assert result.interval.contains(result.value)
    if model is not LUMPY:
        assert result.status == "converged"
        assert result.interval.half_width <= 0.08 * abs(result.value)


def test_an_atom_keeps_the_strict_mean_open_by_no_more_than_its_cell():
    """VaR and the atom's cell end at neighbouring edges: the mean beyond either encloses it."""
    problem = Problem(LUMPY, ONE, TailConditionalExpectation(level=0.92))
    engine = Quantum(grid=LawGrid(qubits=8), estimator=Iterative(), backend=Ideal())
    result = engine.solve(problem, Goal(tolerance=0.05), rng=3)
    # strictly above VaR = 2 lie losses of 3 alone, from it up also those of 2
    assert result.interval.contains(3.0)
    assert result.interval.contains(2.4)
    assert result.status == "unresolved"


@pytest.mark.parametrize("measure", [VaR(level=0.95), ES(level=0.95), *BEYOND[::2]], ids=repr)
def test_confidence_is_shared_and_the_budget_adds_up(measure):
    result = ENGINE.solve(Problem(NORMAL, ONE, measure), Goal(relative_tolerance=0.1), rng=2)
    lines = result.budget.lines
    assert sum(line.error_share for line in lines) == pytest.approx(0.05)
    assert result.budget.total == pytest.approx(result.interval.half_width, rel=1e-6)


@pytest.mark.parametrize("measure", BEYOND, ids=repr)
def test_budgets_are_kept(measure):
    problem = Problem(STUDENT, ONE, measure)
    engine = Quantum(grid=LawGrid(qubits=7), estimator=Iterative(), backend=Ideal())
    for queries in (1, 300, 30_000):
        result = engine.solve(problem, Goal(queries=queries), rng=2)
        assert result.cost.queries <= queries
        assert result.interval.contains(exact(problem))
    assert math.isfinite(result.interval.half_width)


def test_aer_and_ideal_agree_on_capital():
    problem = Problem(NORMAL, ONE, EconomicCapital(level=0.9))
    goal = Goal(relative_tolerance=0.2)
    for backend in (Aer(), Ideal()):
        engine = Quantum(grid=LawGrid(qubits=5), estimator=Iterative(), backend=backend)
        result = engine.solve(problem, goal, rng=4)
        assert result.interval.contains(exact(problem))
        assert result.circuit.qubits == 6


# ------------------------------------------------------------------ grids whose tails are corrected
MEASURES = [VaR(level=0.95), ES(level=0.95), *BEYOND[::2]]


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_a_corrected_grid_meets_the_tolerance_and_contains_the_closed_form(measure):
    var, es, price = short_call(0.95)
    truths = (var, es, es, var - price)
    result = CORRECTED.solve(
        Problem(MARKET, SHORT_CALL, measure), Goal(relative_tolerance=0.04), rng=6
    )
    assert result.interval.contains(truths[MEASURES.index(measure)])
    assert result.covers == "continuous"
    assert result.status == "converged"
    assert result.interval.half_width <= 0.04 * abs(result.value)
    kinds = {line.source: line.kind for line in result.budget.lines}
    assert kinds["grid residual"] == "asymptotic"
    assert sum(line.error_share for line in result.budget.lines) == pytest.approx(0.05)
    assert result.cost.residual_paths > 0


@pytest.mark.parametrize(("measure", "place"), [(VaR(level=0.95), 0), (ES(level=0.95), 1)])
def test_corrected_intervals_cover(covers, measure, place):
    problem = Problem(MARKET, SHORT_CALL, measure)
    engine = Quantum(
        grid=FactorGrid(qubits=3, pilot_paths=512),
        estimator=Iterative(),
        backend=Ideal(),
        residual=Residual(max_paths=2**14),
    )
    truth = short_call(0.95)[place]
    results = [engine.solve(problem, Goal(relative_tolerance=0.1), rng=seed) for seed in range(25)]
    covers(sum(one.interval.contains(truth) for one in results), 25, 0.95)
    assert all(one.interval.contains(one.value) for one in results)
    assert sum(one.status == "converged" for one in results) >= 23


def test_a_basket_under_several_assets_agrees_with_a_large_sample():
    correlation = 0.7 * np.eye(3) + 0.3
    market = MultiAsset(
        spots=(100.0, 95.0, 90.0), vols=(0.2, 0.25, 0.3), rate=0.03, correlation=correlation
    )
    sold = Sum(
        contracts=(Basket(weights=(0.4, 0.3, 0.3), strike=95.0, expiry=1.0),), quantities=(-1.0,)
    )
    problem = Problem(market, sold, VaR(level=0.99))
    normals = stats.norm.ppf(stats.qmc.Sobol(3, rng=1).random(2**18) * (1 - 2e-9) + 1e-9)
    truth = float(np.quantile(problem.outcomes(normals), 0.99))
    engine = Quantum(grid=FactorGrid(qubits=6), estimator=Iterative(), backend=Ideal())
    result = engine.solve(problem, Goal(relative_tolerance=0.05), rng=9)
    assert result.status == "converged"
    assert result.interval.contains(truth)
    assert abs(result.value - truth) < 0.05 * truth


def test_without_a_residual_the_answer_is_the_grids_own():
    engine = Quantum(
        grid=FactorGrid(qubits=4), estimator=Iterative(), backend=Ideal(), residual=None
    )
    problem = Problem(MARKET, SHORT_CALL, VaR(level=0.95))
    result = engine.solve(problem, Goal(relative_tolerance=0.1), rng=1)
    assert result.covers == "discretised"
    assert result.cost.residual_paths == 0
    table = engine.discrete_problem(problem)
    order = np.argsort(table.values)
    below = np.cumsum(table.probabilities[order])
    own = table.values[order][np.searchsorted(below, 0.95)]
    assert result.interval.contains(own)


def test_too_few_paths_are_not_relied_upon():
    engine = Quantum(
        grid=FactorGrid(qubits=3),
        estimator=Iterative(),
        backend=Ideal(),
        residual=Residual(max_paths=512),
    )
    problem = Problem(MARKET, SHORT_CALL, VaR(level=0.95))
    result = engine.solve(problem, Goal(relative_tolerance=0.5), rng=1)
    assert result.status == "unresolved"
    (note,) = (line.note for line in result.budget.lines if line.source == "grid residual")
    assert "not relied upon: too few paths differ" in note


def test_plans_rehearse_a_corrected_search():
    problem = Problem(MARKET, SHORT_CALL, VaR(level=0.95))
    goal = Goal(relative_tolerance=0.1)
    plan = CORRECTED.plan(problem, goal)
    result = CORRECTED.solve(problem, goal, rng=1)
    assert plan.residual_paths > 0
    assert 0.2 < plan.expected_queries / result.cost.queries < 5.0


def test_a_factor_grids_edges_hold_its_cells():
    problem = Problem(MARKET, SHORT_CALL, VaR(level=0.95))
    grid = FactorGrid(qubits=4)
    check_grid(grid, problem)
    table = grid.discretise(problem)
    assert table.edges.size == 1025
    assert np.all(table.edges[table.bins] < table.values)
    assert np.all(table.values <= table.edges[table.bins + 1])
    for edge in (3, 500, 1000):
        tail = table.probabilities @ table.outcomes(Tail(float(table.edges[edge])))
        assert tail == pytest.approx(table.probabilities[table.values > table.edges[edge]].sum())


def test_the_largest_loss_may_be_an_atom():
    """A call bought loses nothing more than its premium, here 0: an atom at the top."""
    bought = Problem(MARKET, Call(strike=105.0, expiry=1.0), VaR(level=0.95))
    result = CORRECTED.solve(bought, Goal(tolerance=1.0), rng=1)
    assert result.interval.contains(0.0)
    assert result.status == "converged"


@pytest.mark.parametrize("measure", [*BEYOND, VaR(level=0.95)], ids=repr)
def test_measures_conform_and_have_references(measure):
    check_measure(measure)
    table = convergence(
        Problem(STUDENT, ONE, measure),
        Quantum(grid=LawGrid(qubits=6), estimator=Iterative(), backend=Ideal()),
        [20_000],
        2,
    )
    assert table.rows[0].reference == exact(Problem(STUDENT, ONE, measure))
    assert all(row.covered for row in table.rows)


def test_an_estimator_that_cannot_be_read_early_is_refused():
    engine = Quantum(grid=FactorGrid(qubits=4), estimator=Adaptive(), backend=Ideal())
    with pytest.raises(Unsupported, match="anytime_valid"):
        engine.solve(Problem(MARKET, SHORT_CALL, VaR(level=0.95)), Goal(tolerance=1.0))


def test_a_curve_to_a_relative_tolerance_samples_its_band_on():
    engine = Quantum(grid=FactorGrid(qubits=5), estimator=Certified(), backend=Ideal())
    model = NormalReturns(mean=(0.0, 0.0), covariance=((1e-4, 0.0), (0.0, 4e-4)))
    problem = Problem(model, Portfolio(weights=(0.5, 0.5), value=1e4), VaR(level=0.9))
    edges = engine.discrete_problem(problem).edges
    edge = float(edges[np.searchsorted(edges, 100.0)])
    loose, close = (
        engine.tail_points(problem, Goal(relative_tolerance=relative), [edge], rng=1)
        for relative in (0.3, 0.003)
    )
    assert loose.cost.residual_paths < close.cost.residual_paths
