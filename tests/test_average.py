"""Means by circuit and residual: what is covered, counted, shared and said."""

import math
from dataclasses import dataclass, replace

import pytest

from classical_baseline import Analytic
from qmc import (
    Autocallable,
    Barrier,
    Basket,
    BlackScholes,
    Call,
    CellTable,
    Exchange,
    FactorGrid,
    Goal,
    LawGrid,
    MultiAsset,
    Price,
    Problem,
    Quantum,
    Residual,
    Sum,
)
from qmc.backends import Ideal
from qmc.circuits import MultiplexedRotation
from qmc.estimators import Adaptive, Certified, Iterative
from qmc.grids import Correction
from qmc.measures import ExpectedLoss, Mean, Probability
from qmc.split import Split, circuit_goal, least_cost, needs_residual
from qmc.testing import check_engine

ONE = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
PAIR = MultiAsset(
    spots=(100.0, 96.0), vols=(0.2, 0.3), rate=0.05, correlation=((1.0, 0.5), (0.5, 1.0))
)
ANY = Goal(tolerance=1.0)
EXCHANGE = Problem(PAIR, Exchange(expiry=1.0), Price())
# Margrabe (1978), checked in tests/grids/test_factor_grid_bias.py
EXCHANGE_PRICE = 12.435607


@dataclass(frozen=True)
class Made:
    """A grid that was made before."""

    table: CellTable

    def discretise(self, problem: Problem) -> CellTable:
        return self.table


def engine(grid, residual=Residual()):
    return Quantum(
        grid=grid,
        encoding=MultiplexedRotation(),
        estimator=Iterative(),
        backend=Ideal(),
        residual=residual,
    )


TABLE = FactorGrid(qubits=5).discretise(EXCHANGE)
WITH = engine(Made(TABLE))
COARSE = FactorGrid(qubits=1, cells="prices").discretise(EXCHANGE)


@pytest.mark.parametrize("table", [TABLE, COARSE], ids=["5 qubits", "1 qubit"])
def test_intervals_contain_the_continuous_truth(table, covers):
    solve = engine(Made(table)).solve
    results = [solve(EXCHANGE, Goal(tolerance=0.15), rng=seed) for seed in range(200)]
    assert all(result.covers == "continuous" for result in results)
    assert all(result.status == "converged" for result in results)
    assert all(result.interval.half_width <= 0.15 * (1.0 + 1e-9) for result in results)
    covers(sum(one.interval.contains(EXCHANGE_PRICE) for one in results), 200, 0.95)


def test_without_a_residual_only_the_grid_is_covered():
    result = engine(Made(COARSE), None).solve(EXCHANGE, Goal(tolerance=0.05), rng=1)
    assert result.covers == "discretised"
    assert result.cost.residual_paths == 0
    assert result.interval.contains(COARSE.mean())
    assert not result.interval.contains(EXCHANGE_PRICE)
    (line,) = (one for one in result.budget.lines if one.source == "grid")
    assert (line.kind, line.amount) == ("unknown", math.inf)


def test_residual_paths_are_counted_with_their_pilot():
    result = WITH.solve(EXCHANGE, Goal(tolerance=0.1), rng=2)
    (line,) = (one for one in result.budget.lines if one.source == "grid residual")
    drawn = int(line.note.split(" Sobol paths")[0].rsplit(" ", 1)[1].replace(",", ""))
    assert result.cost.residual_paths == drawn + 2048
    assert result.cost.pilot_paths == 4096


def test_the_budget_adds_up_and_says_what_was_tried():
    result = WITH.solve(EXCHANGE, Goal(tolerance=0.1), rng=2)
    lines = {line.source: line for line in result.budget.lines}
    assert set(lines) == {"amplitude estimation", "grid residual"}
    assert result.budget.total == pytest.approx(result.interval.half_width, rel=1e-9)
    assert sum(line.error_share for line in lines.values()) == pytest.approx(0.05, rel=1e-9)
    assert lines["grid residual"].kind == "asymptotic"
    assert lines["grid residual"].note.endswith(TABLE.report.short)
    assert "of the variance left" in result.explain()


def test_an_exact_grid_samples_nothing():
    call = Problem(ONE, Call(strike=105.0, expiry=1.0), Price())
    exact = engine(LawGrid(qubits=3)).solve(call, Goal(tolerance=0.1), rng=1)
    assert (exact.cost.residual_paths, exact.covers) == (0, "continuous")
    still = Problem(BlackScholes(spot=100.0, vol=0.0, rate=0.05), call.contract, Price())
    sure = engine(FactorGrid(qubits=2)).solve(still, Goal(tolerance=0.1), rng=1)
    assert (sure.cost.residual_paths, sure.covers) == (0, "continuous")
    assert sure.interval.low == pytest.approx(100.0 - 105.0 * math.exp(-0.05), abs=1e-12)


def test_a_residual_is_needed_where_a_bias_is_unknown_and_can_be_measured():
    assert needs_residual(TABLE)
    assert not needs_residual(replace(TABLE, locator=None))
    assert not needs_residual(replace(TABLE, bias="bounded", bias_bound=0.1))


def test_it_is_an_engine_and_repeats_itself():
    check_engine(WITH, EXCHANGE, Goal(tolerance=0.2))
    first, second = (WITH.solve(EXCHANGE, Goal(tolerance=0.2), rng=9) for _ in range(2))
    other = WITH.solve(EXCHANGE, Goal(tolerance=0.2), rng=10)
    assert first.budget == second.budget
    assert first.budget != other.budget


def test_relative_tolerances_are_met():
    result = WITH.solve(EXCHANGE, Goal(relative_tolerance=0.01), rng=3)
    assert result.status == "converged"
    assert result.interval.half_width <= 0.01 * result.value * (1.0 + 1e-9)


@pytest.mark.parametrize("queries", [1, 300, 20_000])
def test_a_budget_of_queries_is_kept(queries):
    result = WITH.solve(EXCHANGE, Goal(queries=queries), rng=3)
    assert result.cost.queries <= queries
    assert result.cost.residual_paths <= max(queries, 4096) + 2048
    assert result.interval.contains(result.value)


def test_a_budget_limits_paths_too():
    goal = Goal(tolerance=1e-5, queries=5000)
    result = WITH.solve(EXCHANGE, goal, rng=3)
    assert result.status == "budget_exhausted"
    assert result.cost.residual_paths <= 5000 + 2048


def test_losses_and_probabilities_are_corrected_too():
    loss = Problem(PAIR, EXCHANGE.contract, ExpectedLoss())
    found = engine(FactorGrid(qubits=4)).solve(loss, Goal(tolerance=0.2), rng=4)
    assert found.interval.contains(-EXCHANGE_PRICE)
    share = Problem(PAIR, EXCHANGE.contract, Probability(threshold=0.0))
    got = engine(FactorGrid(qubits=4)).solve(share, Goal(tolerance=0.01), rng=4)
    # P(first price above the second): normal in the log of their ratio
    mean = math.log(100.0 / 96.0) - 0.5 * (0.2**2 - 0.3**2)
    deviation = math.sqrt(0.04 + 0.09 - 2.0 * 0.5 * 0.06)
    assert got.covers == "continuous"
    assert got.interval.contains(0.5 * math.erfc(-mean / deviation / math.sqrt(2.0)))


def test_a_note_of_several_dates_is_corrected():
    """Truth: 8 scrambled Sobol sequences of 2^16 points, standard error 2e-5."""
    note = Autocallable(
        times=(1.0, 2.0, 3.0), initial_prices=(100.0,), coupons=(0.08, 0.16, 0.24), knock_in=0.7
    )
    problem = Problem(ONE, note, Price())
    result = engine(FactorGrid(qubits=5)).solve(problem, Goal(tolerance=0.01), rng=5)
    assert result.interval.low - 1e-4 <= 0.964530 <= result.interval.high + 1e-4


def test_what_no_path_meets_is_unresolved_and_says_so():
    far = Problem(ONE, Call(strike=1000.0, expiry=1.0), Price())
    solve = engine(FactorGrid(qubits=3), Residual(max_paths=2**13)).solve
    result = solve(far, Goal(tolerance=0.01), rng=6)
    assert result.status == "unresolved"
    assert math.isinf(result.interval.high)
    assert "no spread was seen" in result.budget.lines[-1].note
    assert "unresolved" in str(result)


@pytest.mark.parametrize("goal", [Goal(tolerance=0.01), Goal(relative_tolerance=0.01)], ids=repr)
def test_cells_that_are_all_worth_the_same_take_no_query(goal):
    still = Problem(replace(ONE, vol=0.0), Call(strike=95.0, expiry=1.0), Price())
    certain = engine(FactorGrid(qubits=2)).solve(still, goal, rng=1)
    assert (certain.status, certain.cost.queries, certain.interval.width) == ("converged", 0, 0.0)
    assert certain.value == pytest.approx(100.0 - 95.0 * math.exp(-0.05))
    far = Problem(ONE, Call(strike=1000.0, expiry=1.0), Price())
    unseen = engine(FactorGrid(qubits=3), Residual(max_paths=2**13)).solve(far, goal, rng=1)
    assert (unseen.status, unseen.cost.queries) == ("unresolved", 0)
    assert "all cells are worth the same" in unseen.budget.lines[0].note


@pytest.mark.parametrize("estimator", [Iterative(), Adaptive(), Certified()], ids=repr)
def test_a_price_of_0_has_no_relative_tolerance_and_says_so(estimator):
    calls = tuple(Call(strike=strike, expiry=1.0) for strike in (100.0, 110.0))
    first, second = (Analytic().solve(Problem(ONE, c, Price()), ANY).value for c in calls)
    nothing = Sum(contracts=calls, quantities=(1.0, -first / second))
    problem, goal = Problem(ONE, nothing, Price()), Goal(relative_tolerance=0.01)
    quantum = replace(engine(FactorGrid(qubits=4), Residual(max_paths=2**14)), estimator=estimator)
    found = quantum.solve(problem, goal, rng=3)
    assert found.status == "unresolved"
    assert "a relative tolerance has no end" in found.budget.lines[0].note
    assert found.interval.contains(0.0)
    assert found.cost.queries < 10_000_000


def test_too_few_paths_for_their_skewness_are_unresolved():
    far = Problem(ONE, Call(strike=200.0, expiry=1.0), Price())
    solve = engine(FactorGrid(qubits=5), Residual(max_paths=2**13)).solve
    result = solve(far, Goal(tolerance=1.0), rng=6)
    assert result.status == "unresolved"
    assert "not relied upon: rare large values ask for" in result.budget.lines[-1].note


def test_the_split_is_the_cheapest_of_those_tried():
    encoded = MultiplexedRotation().encode(TABLE, Mean())
    residual, goal = Residual(), Goal(tolerance=0.05)
    error_bar = residual.pilot(EXCHANGE, TABLE)
    best = least_cost(goal, Iterative(), encoded, EXCHANGE_PRICE, residual, error_bar)
    assert 0.0 < best.width < 1.0
    assert 0.5 <= best.error < 1.0
    for width, error in ((0.5, 0.5), (0.9, 0.8), (0.2, 0.95)):
        part = circuit_goal(goal, Split(width, error, 0.0, 0.0))
        amplitude = (EXCHANGE_PRICE - encoded.offset) / encoded.scale
        queries = Iterative().expected_queries(encoded.amplitude_goal(part, 0.0), amplitude)
        left = (1.0 - width) * 0.05, (1.0 - error) * 0.05
        paths = residual.expected_paths(error_bar, *left)
        assert best.queries + best.paths <= (queries + paths) * (1.0 + 1e-12)


def test_the_circuit_gets_its_share_of_a_goal():
    goal = Goal(tolerance=0.4, relative_tolerance=0.1, queries=1000, confidence=0.9)
    part = circuit_goal(goal, Split(0.25, 0.5, 0.0, 100.0))
    assert (part.tolerance, part.relative_tolerance, part.queries) == (0.1, 0.025, 900)
    assert part.confidence == pytest.approx(0.95)
    assert circuit_goal(goal, None) == goal
    assert circuit_goal(goal, Split(0.25, 0.5, 0.0, 1e9)).queries == 750


def test_corrections_are_reliable_from_the_paths_asked_for():
    assert Correction(0.0, 1.0, 100, 1, 100.0).reliable
    assert not Correction(0.0, 1.0, 100, 1, 100.1).reliable


BOUNDED = Made(FactorGrid(qubits=8, bias="bounded").discretise(EXCHANGE))


@pytest.mark.parametrize("goal", [Goal(tolerance=0.1), Goal(relative_tolerance=0.01)], ids=repr)
def test_a_bound_leaves_room_for_the_circuit(goal):
    result = engine(BOUNDED).solve(EXCHANGE, goal, rng=1)
    assert (result.status, result.covers) == ("converged", "continuous")
    assert result.interval.contains(EXCHANGE_PRICE)
    assert result.cost.residual_paths == 0


@pytest.mark.parametrize("goal", [Goal(tolerance=0.03), Goal(relative_tolerance=2e-3)], ids=repr)
def test_a_bound_beyond_the_tolerance_is_unresolved_and_says_what_to_do(goal):
    result = engine(BOUNDED).solve(EXCHANGE, goal, rng=1)
    assert result.status == "unresolved"
    assert result.interval.contains(EXCHANGE_PRICE)
    assert "no queries reach it, take bias='measured'" in result.budget.lines[-1].note


@pytest.mark.parametrize(
    ("model", "contract", "paid"),
    [
        (
            MultiAsset(spots=(100.0,), vols=(0.2,), rate=0.05, correlation=((1.0,),)),
            Basket(weights=(0.0,), strike=100.0, expiry=1.0, kind="put"),
            100.0,
        ),
        (
            ONE,
            Barrier(
                strike=100.0,
                barrier=99.0,
                times=(0.0, 1.0),
                direction="up-and-out",
                rebate=3.0,
            ),
            3.0,
        ),
    ],
    ids=["nothing in a basket", "knocked out from the start"],
)
@pytest.mark.parametrize("asked", [Goal(tolerance=0.05), Goal(queries=1_000)], ids=repr)
def test_a_payoff_that_is_the_same_everywhere_is_worth_that_and_no_query(
    model, contract, paid, asked
):
    """Not a circuit's sampled neighbour of it; with no spread seen nobody knows an interval."""
    for grid in (FactorGrid(qubits=3), None):
        problem = Problem(model, contract, Price())
        result = Quantum(grid=grid, backend=Ideal()).solve(problem, asked, rng=1)
        assert result.value == pytest.approx(paid * math.exp(-0.05), rel=1e-12)
        assert (result.cost.queries, result.status) == (0, "unresolved")
        assert "all cells are worth the same" in result.budget.lines[0].note
