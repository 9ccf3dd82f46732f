"""The bound on a grid of conditional mean prices: it holds, and the interval covers the truth."""

import itertools
import re

import numpy as np
import pytest

from qmc import (
    Asian,
    Basket,
    BlackScholes,
    Call,
    Exchange,
    FactorGrid,
    Goal,
    Heston,
    Price,
    Problem,
    Put,
    Quantum,
    Rainbow,
    Spread,
    Sum,
)
from qmc.backends import Ideal
from qmc.capabilities import LinearExposure
from qmc.errors import InvalidProblem, TooLarge, Unsupported
from qmc.estimators import Iterative
from qmc.grids.bounds import bounded_values, conditional_variances, gaps
from qmc.grids.directions import find_directions, leading_frame, path_slopes
from qmc.grids.factor_cells import Ground, cell_values
from qmc.grids.pilot import draw_pilot
from qmc.measures import Probability

LINEAR = ("asian of 252 dates", "basket of 5", "asian basket of 3 x 12", "spread", "exchange")
MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)


def ground_of(problem):
    slopes = path_slopes(problem)
    frame = leading_frame(slopes)
    pilot = draw_pilot(problem, frame, 256, 4, 1)
    return Ground(problem, pilot, find_directions(slopes, frame, pilot).columns)


@pytest.mark.parametrize("name", LINEAR)
def test_the_bound_holds(name, cases, truth):
    case, (price, error_bar) = cases[name], truth(name)
    table = FactorGrid(qubits=case.qubits, bias="bounded").discretise(case.problem)
    assert table.bias == "bounded"
    assert 0.0 < table.bias_bound < 0.01 * price
    assert abs(table.mean() - price) <= table.bias_bound + 4.0 * error_bar


@pytest.mark.parametrize("name", LINEAR)
def test_the_interval_covers_the_truth_without_a_path(name, cases, truth):
    case, (price, error_bar) = cases[name], truth(name)
    engine = Quantum(
        grid=FactorGrid(qubits=case.qubits, bias="bounded"),
        estimator=Iterative(),
        backend=Ideal(),
        residual=None,
    )
    result = engine.solve(case.problem, Goal(tolerance=0.02 * price), rng=4)
    assert (result.covers, result.status) == ("continuous", "converged")
    assert result.cost.residual_paths == 0
    assert result.interval.low - 4.0 * error_bar <= price <= result.interval.high + 4.0 * error_bar
    assert result.interval.half_width <= 0.02 * price
    (line,) = (one for one in result.budget.lines if one.source == "grid")
    assert (line.kind, line.error_share) == ("bound", 0.0)
    assert line.amount > 0.0


def test_the_bound_is_taken_instead_of_a_residual():
    engine = Quantum(grid=FactorGrid(qubits=4, bias="bounded"), backend=Ideal())
    problem = Problem(MARKET, Asian(strike=100.0, times=(0.5, 1.0)), Price())
    assert engine.solve(problem, Goal(tolerance=0.5), rng=1).cost.residual_paths == 0


def test_conditional_variances_are_those_of_a_sample(cases):
    problem = cases["asian basket of 3 x 12"].problem
    ground = ground_of(problem)
    cells = ground.cells((1, 1))
    weights = np.asarray(problem.contract.linear_payoff().weights).ravel()
    found = conditional_variances(ground.mean_prices(cells), weights)
    normals = np.random.default_rng(3).standard_normal((200_000, problem.num_factors))
    sums = problem.paths(normals).reshape(len(normals), -1) @ weights
    where = cells.locate(normals)
    for cell, variance in enumerate(found):
        inside = sums[where == cell]
        spread = (inside - inside.mean()) ** 2
        # 5 standard errors: 4 cells, false alarms below 3e-6
        assert abs(spread.mean() - variance) < 5.0 * spread.std() / np.sqrt(inside.size)


def test_each_cell_is_within_its_gap(cases):
    """E[payoff | cell] of a sample lies between the value on mean prices and gap above it."""
    problem = cases["spread"].problem
    ground = ground_of(problem)
    cells = ground.cells((2, 1))
    low = cell_values(ground, cells, "prices")
    middle = bounded_values(ground, cells).values
    normals = np.random.default_rng(3).standard_normal((200_000, problem.num_factors))
    values, where = problem.outcomes(normals), cells.locate(normals)
    for cell in range(cells.size):
        inside = values[where == cell]
        slack = 5.0 * inside.std() / np.sqrt(inside.size) + 1e-12
        assert low[cell] - slack <= inside.mean() <= 2.0 * middle[cell] - low[cell] + slack


def test_gaps_are_reached_by_two_atoms():
    """Scarf's and Lo's worst laws have two atoms: none of their laws is beyond the gap."""
    strike = 100.0
    for mean, deviation, share in itertools.product(
        (30.0, 80.0, 100.0, 140.0, 400.0), (5.0, 60.0, 150.0), np.linspace(0.02, 0.98, 97)
    ):
        odds = np.sqrt(share / (1.0 - share))
        atoms = np.array([mean - deviation / odds, mean + deviation * odds])
        masses = np.array([share, 1.0 - share])
        over = masses @ np.maximum(atoms - strike, 0.0) - max(mean - strike, 0.0)
        square = np.array([deviation**2])
        wide = gaps(np.array([mean]), square, strike, positive=False)[0]
        tight = gaps(np.array([mean]), square, strike, positive=True)[0]
        assert tight <= wide * (1.0 + 1e-12)
        assert over <= wide * (1.0 + 1e-9) + 1e-12
        if atoms[0] >= 0.0:
            assert over <= tight * (1.0 + 1e-9) + 1e-12


def test_a_strike_below_zero_leaves_a_positive_sum_no_gap():
    found = gaps(np.array([3.0, 50.0]), np.array([1.0, 400.0]), -1.0, positive=True)
    assert found.tolist() == [0.0, 0.0]


def test_a_forward_has_no_gap():
    asian = Asian(strike=1e-9, times=(0.5, 1.0))
    table = FactorGrid(qubits=3, bias="bounded").discretise(Problem(MARKET, asian, Price()))
    forward = np.exp(-0.05) * 100.0 * np.mean(np.exp([0.025, 0.05]))
    assert table.bias_bound < 1e-9
    assert table.mean() == pytest.approx(forward, rel=1e-11)


def test_parity_holds_between_shifted_values_on_the_same_cells():
    call, put = (
        Problem(MARKET, Asian(strike=104.0, times=(0.5, 1.0), kind=kind), Price())
        for kind in ("call", "put")
    )
    ground = ground_of(call)
    cells = ground.cells((3, 1))
    first = bounded_values(ground, cells)
    second = bounded_values(Ground(put, ground.pilot, ground.directions), cells)
    masses = np.multiply.outer(cells.marginals[1], cells.marginals[0]).ravel()
    forward = np.exp(-0.05) * (100.0 * np.mean(np.exp([0.025, 0.05])) - 104.0)
    assert masses @ (first.values - second.values) == pytest.approx(forward, abs=1e-11)
    assert first.bound == pytest.approx(second.bound, rel=1e-12)


CONTRACTS = [
    Call(strike=90.0, expiry=1.0),
    Put(strike=90.0, expiry=1.0),
    Asian(strike=100.0, times=(0.5, 1.0), kind="put"),
    Asian(times=(0.25, 0.5, 1.0), strike_style="floating"),
    Asian(times=(0.25, 0.5, 1.0), strike_style="floating", kind="put"),
    Asian(strike=100.0, times=(0.5, 1.0), weights=(0.7, 0.3)),
    Basket(weights=(0.5, -0.2), strike=30.0, expiry=1.0, kind="put"),
    Spread(strike=-4.0, expiry=1.0),
    Spread(strike=4.0, expiry=1.0, kind="put"),
    Exchange(expiry=1.0, quantities=(2.0, 1.5)),
]


@pytest.mark.parametrize("contract", CONTRACTS, ids=repr)
def test_linear_payoffs_are_what_contracts_pay(contract):
    payoff = contract.linear_payoff()
    weights = np.asarray(payoff.weights)
    paths = np.random.default_rng(1).uniform(60.0, 140.0, (50, *weights.shape))
    discount = np.linspace(0.98, 0.9, weights.shape[0])
    sums = (paths * weights).sum(axis=(1, 2)) - payoff.strike
    expected = discount[-1] * np.maximum(payoff.sign * sums, 0.0)
    assert isinstance(contract, LinearExposure)
    assert np.allclose(contract.present_value(paths, discount), expected, rtol=1e-12, atol=1e-11)


CALL = Call(strike=100.0, expiry=1.0)
HESTON = Heston(spot=100.0, rate=0.02, v0=0.04, kappa=1.5, theta=0.04, vol_of_vol=0.3, rho=-0.6)
REFUSED = {
    "geometric average": (
        Problem(MARKET, Asian(strike=100.0, times=(0.5, 1.0), average="geometric"), Price()),
        "takes the Price of a payoff (X - strike)+ with X linear in prices: Asian",
    ),
    "best of": (
        Problem(MARKET, Rainbow(strike=100.0, expiry=1.0), Price()),
        "Rainbow with Price() is none",
    ),
    "two options": (Problem(MARKET, Sum(contracts=(CALL, CALL)), Price()), "Sum with Price()"),
    "probability": (Problem(MARKET, CALL, Probability(threshold=1.0)), "Call with Probability("),
    "no Gaussian prices": (Problem(HESTON, CALL, Price()), "need Gaussian log prices: Heston"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_bound_is_refused(case):
    problem, told = REFUSED[case]
    with pytest.raises(Unsupported, match=re.escape(told)):
        FactorGrid(qubits=3, bias="bounded").discretise(problem)


def test_too_many_prices_are_refused():
    asian = Asian(strike=100.0, times=tuple(np.linspace(0.001, 1.0, 601)))
    with pytest.raises(TooLarge, match="601 prices: bias='bounded' takes a second moment for each"):
        FactorGrid(qubits=3, bias="bounded").discretise(Problem(MARKET, asian, Price()))


def test_pairs_that_do_not_fit_are_refused(monkeypatch, cases):
    problem = cases["basket of 5"].problem
    ground = ground_of(problem)
    prices = ground.mean_prices(ground.cells((2,)))
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 1000)
    with pytest.raises(TooLarge, match="second moments of 5 prices in the cells of 1 registers"):
        conditional_variances(prices, np.full(5, 0.2))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"bias": "none"}, "bias='none': must be one of 'measured', 'bounded'"),
        ({"bias": "bounded", "cells": "learned"}, "cells='learned': must be 'auto' or 'prices'"),
    ],
)
def test_words_are_refused(fields, told):
    with pytest.raises(InvalidProblem, match=re.escape(told)):
        FactorGrid(**fields)
