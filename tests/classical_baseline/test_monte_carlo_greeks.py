"""MonteCarlo's sensitivities: three estimators of the same derivative, and what each refuses."""

from dataclasses import replace

import numpy as np
import pytest

from classical_baseline import Analytic, MonteCarlo
from classical_baseline.greeks import likelihood_ratio, pathwise
from qmc import (
    Asian,
    Barrier,
    Basket,
    BlackScholes,
    Call,
    Curve,
    Digital,
    Goal,
    Heston,
    InvalidProblem,
    MultiAsset,
    Problem,
    Put,
    Sensitivity,
    Sum,
    Unsupported,
)
from qmc.sensitivity import stencil, weighted
from qmc.step_error import step_error

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL, DIGITAL = Call(strike=105.0, expiry=1.0), Digital(strike=105.0, expiry=1.0)
DELTA, GAMMA = Sensitivity(to="spot"), Sensitivity(to="spot", order=2)
VEGA, RHO = Sensitivity(to="vol"), Sensitivity(to="rate")
SLOPE, THETA = Sensitivity(to="strike"), Sensitivity(to="time")
HESTON = Heston(spot=100.0, rate=0.0, v0=0.04, kappa=2.0, theta=0.04, vol_of_vol=0.5, rho=-0.7)
GEOMETRIC = Asian(strike=100.0, times=(0.25, 0.5, 1.0), average="geometric")


def exact(contract, measure):
    """By the closed form of the derivative, or by a short step of the closed price."""
    goal = Goal(tolerance=1.0)
    if contract is not GEOMETRIC:
        return Analytic().solve(Problem(MARKET, contract, measure), goal).value
    points = stencil(Problem(MARKET, contract, replace(measure, step=1e-3)))
    return weighted(points, lambda one: Analytic().solve(one, goal).value)


CASES = [
    *(("difference", CALL, measure) for measure in (DELTA, GAMMA, VEGA, RHO, SLOPE, THETA)),
    ("difference", DIGITAL, DELTA),
    ("difference", GEOMETRIC, GAMMA),
    *(("pathwise", CALL, measure) for measure in (DELTA, VEGA, RHO, SLOPE, THETA)),
    ("pathwise", GEOMETRIC, VEGA),
    *(("likelihood ratio", one, m) for one in (CALL, DIGITAL) for m in (DELTA, GAMMA, VEGA)),
    *(("likelihood ratio", GEOMETRIC, measure) for measure in (DELTA, GAMMA, VEGA)),
]


@pytest.mark.parametrize(("how", "contract", "measure"), CASES)
def test_estimators_are_near_the_derivative(how, contract, measure):
    """Within five standard errors and what the step adds: one false alarm in 10^6 a case."""
    result = MonteCarlo(greeks=how).solve(
        Problem(MARKET, contract, measure), Goal(queries=200_000), rng=5
    )
    amounts = [line.amount for line in result.budget.lines]
    allowed = amounts[0] * 5.0 / 1.96 + sum(amounts[1:])
    assert abs(result.value - exact(contract, measure)) < allowed
    assert result.budget.lines[0].note.split(":")[0].startswith(how)
    # sharp enough for a wrong sign or factor to show
    assert allowed < 0.3 * abs(exact(contract, measure))
    assert [line.source for line in result.budget.lines[1:]] == ["step"] * (how == "difference")


@pytest.mark.parametrize(
    ("contract", "measure", "step"),
    [
        (CALL, Sensitivity(to="spot", step=0.1), 0),
        (CALL, GAMMA, 0),
        (DIGITAL, Sensitivity(to="spot", step=0.05), 0),
        (GEOMETRIC, DELTA, 65_536),
    ],
    ids=["delta", "gamma", "digital delta", "asian delta"],
)
def test_intervals_contain_the_derivative(contract, measure, step, covers, monkeypatch):
    problem, truth = Problem(MARKET, contract, measure), exact(contract, measure)
    found = step_error(problem)
    monkeypatch.setattr("classical_baseline.greeks.step_error", lambda _: found)
    engine = MonteCarlo(threads=1)
    results = [engine.solve(problem, Goal(queries=20_000), rng=seed) for seed in range(200)]
    assert {result.cost.pilot_paths for result in results} == {step}
    covers(sum(result.interval.contains(truth) for result in results), 200, 0.95)


def test_pathwise_is_the_textbook_derivative_of_a_call():
    """discount 1{S > K} S / spot (Broadie and Glasserman 1996, eq. 6)."""
    normals = np.random.default_rng(2).standard_normal((1000, 1))
    price = np.exp(0.05 - 0.02 + 0.2 * normals[:, 0])
    expected = np.exp(-0.05) * (100.0 * price > 105.0) * price
    found = pathwise(Problem(MARKET, CALL, DELTA)).outcomes(normals)
    assert found == pytest.approx(expected, abs=1e-6)


def test_scores_are_those_of_the_density():
    """A forward has delta 1 and neither gamma nor vega; its payoff is integrated by Gauss."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    forward = Sum(contracts=(Call(strike=90.0, expiry=1.0), Put(strike=90.0, expiry=1.0)),
                  quantities=(1.0, -1.0))  # fmt: skip
    for measure, truth in ((DELTA, 1.0), (GAMMA, 0.0), (VEGA, 0.0)):
        found = likelihood_ratio(Problem(MARKET, forward, measure)).outcomes(nodes[:, None])
        assert weights @ found == pytest.approx(truth, abs=1e-9)


def test_a_basket_by_path_and_by_difference():
    pair = MultiAsset(
        spots=(100.0, 90.0), vols=(0.2, 0.3), rate=0.05, correlation=((1.0, 0.5), (0.5, 1.0))
    )
    basket = Basket(weights=(0.5, 0.5), strike=95.0, expiry=1.0)
    problem = Problem(pair, basket, Sensitivity(to="spot", asset=1, step=0.001))
    normals = np.random.default_rng(3).standard_normal((20_000, 2))
    by_path, by_step = pathwise(problem).outcomes(normals), problem.outcomes(normals)
    assert by_path.mean() == pytest.approx(by_step.mean(), abs=1e-3)
    assert 0.2 < by_path.mean() < 0.5


def test_a_goal_is_met_with_the_step_included():
    problem = Problem(MARKET, CALL, Sensitivity(to="spot", step=0.1))
    result = MonteCarlo().solve(problem, Goal(tolerance=0.02), rng=1)
    assert result.status == "converged"
    assert result.interval.half_width <= 0.02
    assert result.budget.total == pytest.approx(result.interval.half_width)
    # the step alone is 0.006
    wide = MonteCarlo().solve(problem, Goal(tolerance=0.005), rng=1)
    assert wide.status == "unresolved"


def test_threads_change_no_bit_and_pairs_are_allowed():
    problem = Problem(MARKET, GEOMETRIC, VEGA)
    results = [
        MonteCarlo(threads=threads, antithetic=True, block=4096, greeks="pathwise").solve(
            problem, Goal(queries=40_000), rng=1
        )
        for threads in (1, 3)
    ]
    assert results[0].value == results[1].value
    assert results[0].interval.contains(exact(GEOMETRIC, VEGA))


BARRIER = Barrier(strike=100.0, barrier=120.0, times=(1.0,), direction="up-and-out")
WATCHED = replace(BARRIER, monitoring="continuous")
BENT = BlackScholes(spot=100.0, vol=Curve(times=(0.5,), values=(0.1, 0.2)), rate=0.0)


@pytest.mark.parametrize(
    ("how", "model", "contract", "measure", "message"),
    [
        ("pathwise", MARKET, CALL, GAMMA, "no second derivative along a path"),
        ("pathwise", MARKET, DIGITAL, DELTA, "Digital may pay with jumps"),
        ("pathwise", MARKET, Sum(contracts=(CALL, DIGITAL)), DELTA, "Sum may pay with jumps"),
        ("pathwise", HESTON, CALL, DELTA, "Heston has no log_prices"),
        ("likelihood ratio", MARKET, CALL, RHO, '"rate" is none of the parameters'),
        ("likelihood ratio", HESTON, CALL, DELTA, "Heston is not BlackScholes"),
        ("likelihood ratio", MARKET, WATCHED, DELTA, "continuously monitored"),
        ("likelihood ratio", MARKET, Asian(strike=100.0, times=(0.0, 1.0)), DELTA, "at time 0"),
        ("likelihood ratio", BENT, CALL, VEGA, "a flat vol"),
        ("likelihood ratio", replace(MARKET, vol=0.0), CALL, DELTA, "without volatility"),
    ],
)
def test_refused_by_name(how, model, contract, measure, message):
    with pytest.raises(Unsupported, match=message):
        MonteCarlo(greeks=how).solve(Problem(model, contract, measure), Goal(queries=100))


def test_a_word_that_is_none_is_refused():
    with pytest.raises(InvalidProblem, match="greeks='path': must be one of 'difference'"):
        MonteCarlo(greeks="path")
