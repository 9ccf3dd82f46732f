"""Losses that hold atoms: at the end of the law, beyond the VaR, and set apart by rounding."""

import itertools
import math

import numpy as np
import pytest

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Book,
    FactorGrid,
    Goal,
    HistoricalReturns,
    LawGrid,
    OptionPosition,
    Portfolio,
    Problem,
    Quantum,
    TailConditionalExpectation,
    Unsupported,
    VaR,
)
from qmc.backends import Ideal
from qmc.losses import without_rounding
from qmc.quantile import Bisection

# losses 0, 1,000 twice and 4,000 twice, of which the 1,000 differ by rounding
TIED = np.array(
    [[0.0, 0.0, 0.0]] * 6 + [[-0.02, 0.0, 0.0], [0.01, 0.01, -0.09]] + [[-0.04] * 3] * 2
)
THIRDS = Portfolio(weights=(0.5, 0.3, 0.2), value=1e5)
BOND = HistoricalReturns(returns=np.repeat([[0.0], [-0.5]], [96, 4], axis=0))
UNIT = Portfolio(weights=(1.0,), value=100.0)


@pytest.mark.parametrize(("level", "strict", "truth"), [(0.7, True, 4000.0), (0.75, False, 2500.0)])
def test_rounding_does_not_split_an_atom(level, strict, truth):
    measure = TailConditionalExpectation(level=level, strict=strict)
    problem = Problem(HistoricalReturns(returns=TIED), THIRDS, measure)
    assert Analytic().solve(problem, Goal(tolerance=1.0)).value == pytest.approx(truth, rel=1e-12)
    sampled = MonteCarlo().solve(problem, Goal(tolerance=100.0), rng=1)
    assert sampled.interval.contains(truth)
    assert sampled.cost.queries < 10**6


def test_losses_apart_by_more_than_rounding_stay_apart():
    losses = np.array([3.0, 1.0, 1.0 + 1e-9, 1.0 + 4e-16, -2.0])
    merged = without_rounding(losses)
    assert merged.tolist() == [3.0, 1.0, 1.0 + 1e-9, 1.0, -2.0]


@pytest.mark.parametrize(("level", "truth"), [(0.9, 0.0), (0.95, 0.0), (0.97, 50.0)])
def test_a_var_at_the_end_of_a_law_is_bounded(level, truth):
    engine = Quantum(grid=LawGrid(qubits=6), backend=Ideal())
    found = engine.solve(Problem(BOND, UNIT, VaR(level=level)), Goal(tolerance=0.6), rng=2)
    assert found.interval.contains(truth)
    assert math.isfinite(found.interval.width)


def test_a_history_ends_at_its_largest_loss():
    days = 0.01 * np.random.default_rng(3).normal(size=(250, 1))
    problem = Problem(HistoricalReturns(returns=days), UNIT, VaR(level=0.996))
    found = Quantum(backend=Ideal()).solve(problem, Goal(relative_tolerance=0.05), rng=1)
    assert found.interval.high <= -100.0 * days.min() * (1.0 + 1e-12)


def test_monte_carlo_gives_up_a_tail_of_one_atom():
    found = MonteCarlo().solve(Problem(BOND, UNIT, ES(level=0.97)), Goal(tolerance=1.0), rng=1)
    assert (found.value, found.status) == (50.0, "unresolved")
    assert found.cost.queries < 10**6


def capped_book(measure):
    """A long call that expires at the horizon loses no more than its premium."""
    call = OptionPosition(kind="call", strike=110.0, expiry=10 / 252, vol=0.25, quantity=1.0)
    book = Book(positions=(call,), spots=(100.0,), horizon=10 / 252)
    return Problem(BlackScholes(spot=100.0, vol=0.25, rate=0.0), book, measure)


def test_no_loss_beyond_the_largest_leaves_the_mean_beyond_open():
    problem = capped_book(TailConditionalExpectation(level=0.9))
    found = Quantum(backend=Ideal()).solve(problem, Goal(tolerance=0.02), rng=1)
    assert (found.status, found.interval.high) == ("unresolved", math.inf)


def test_a_search_that_a_band_would_not_use_is_refused():
    engine = Quantum(grid=FactorGrid(qubits=5), search=Bisection(), backend=Ideal())
    with pytest.raises(Unsupported, match="corrected by a band of paths: leave search out"):
        engine.solve(capped_book(VaR(level=0.9)), Goal(tolerance=0.02), rng=1)


def test_a_cell_wider_than_asked_is_told():
    problem = Problem(HistoricalReturns(returns=TIED), THIRDS, VaR(level=0.7))
    found = Quantum(grid=LawGrid(qubits=3), backend=Ideal()).solve(problem, Goal(tolerance=1.0))
    assert "more than the 1 asked: more qubits" in found.budget.lines[0].note


def test_ties_of_rows_are_found_at_every_level():
    rows = np.round(0.01 * np.random.default_rng(4).standard_t(4, size=(200, 3)), 2)
    model, losses = HistoricalReturns(returns=rows), -np.round(1e5 * rows @ [0.5, 0.3, 0.2], 6)
    for level, strict in itertools.product(np.arange(0.505, 0.985, 0.01).round(3), (True, False)):
        quantile = np.sort(losses)[math.ceil(round(200 * level, 9)) - 1]
        beyond = losses[losses > quantile if strict else losses >= quantile]
        measure = TailConditionalExpectation(level=float(level), strict=strict)
        exact = Analytic().solve(Problem(model, THIRDS, measure), Goal(tolerance=1.0)).value
        assert exact == pytest.approx(beyond.mean(), rel=1e-9)


def test_a_budget_alone_does_not_split_an_atom():
    """Rows that are permutations lose the same, but for rounding."""
    rng = np.random.default_rng(1)
    base = np.array([-0.1, -0.2, 0.05, -0.03, -0.07, -0.11, 0.02, -0.3, 0.01, -0.06])
    rows = np.array([rng.permutation(base) for _ in range(20)] + [np.full(10, -0.5)] * 2)
    rows = np.concatenate([np.zeros((78, 10)), rows])
    portfolio = Portfolio(weights=(0.1,) * 10, value=100.0)
    measure = TailConditionalExpectation(level=0.9)
    problem = Problem(HistoricalReturns(returns=rows), portfolio, measure)
    assert Analytic().solve(problem, Goal(tolerance=1.0)).value == pytest.approx(50.0)
    found = MonteCarlo().solve(problem, Goal(queries=200_000), rng=1)
    assert found.interval.contains(50.0)


def test_no_budget_is_not_called_spent():
    problem = Problem(BOND, UNIT, TailConditionalExpectation(level=0.9))
    engine = Quantum(grid=LawGrid(qubits=1), backend=Ideal())
    assert engine.solve(problem, Goal(relative_tolerance=0.1), rng=1).status == "unresolved"
