"""Plans against solves, the choice of open parts, the split, the machine's line."""

import dataclasses
import importlib.util
import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.plan_cases import KINDS, case
from benchmarks.suites import plans
from qmc import (
    ES,
    Asian,
    BlackScholes,
    Call,
    FactorGrid,
    Goal,
    LawGrid,
    NormalReturns,
    Portfolio,
    Price,
    Problem,
    Quantum,
    Sensitivity,
    Sum,
    VaR,
)
from qmc.backends import Aer, Ideal
from qmc.choosing import choose, grids_for
from qmc.circuits import LinearRotation, MultiplexedRotation
from qmc.estimators import Certified, Iterative
from qmc.grids import Residual
from qmc.resources import Machine
from qmc.split import circuit_goal, planned_split
from qmc.testing import assert_coverage

needs_estimator = pytest.mark.skipif(
    not (importlib.util.find_spec("qdk") or importlib.util.find_spec("qsharp")),
    reason="needs the extra resources",
)

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())
ASIAN = Problem(MARKET, Asian(strike=100.0, times=(0.25, 0.5, 0.75, 1.0)), Price())
RETURNS = NormalReturns(mean=(0.0, 0.0), covariance=((4e-4, 1e-4), (1e-4, 1e-4)))
PORTFOLIO = Portfolio(weights=(0.5, 0.5), value=1000.0)
GOAL = Goal(relative_tolerance=0.02)
IDEAL = Quantum(backend=Ideal())


# -- random problems


@pytest.fixture(scope="module")
def rows():
    """Twenty problems of the suite, each planned and solved once."""
    return [plans.row(number, case(number), IDEAL) for number in range(20)]


def test_solves_keep_what_plans_promise(rows):
    """False alarms: 1 in 1,000 for each of the two shares, if they are what is promised."""
    assert {row["kind"] for row in rows} == set(KINDS)
    assert_coverage(sum(plans.met(row) for row in rows), len(rows), 0.99)
    good = sum(plans.within(plans.cost_ratio(row), 2.0) for row in rows)
    assert_coverage(good, len(rows), 0.9)


def test_a_summary_counts_its_rows(rows):
    tables = plans.summary(rows)
    shares = {one["problems"]: one for one in tables["shares"]}
    assert shares["all"]["count"] == len(rows)
    assert sum(shares[kind]["count"] for kind in KINDS) == len(rows)
    good = sum(plans.within(plans.cost_ratio(row), 2.0) for row in rows)
    assert shares["all"]["cost within 2x"].startswith(f"{100.0 * good / len(rows):.3g} [")
    ratios = [abs(math.log(one["pilot left out"])) for one in tables["worst"]]
    assert ratios == sorted(ratios, reverse=True)
    json.dumps(rows)


def test_the_suite_writes_rows_and_summaries(tmp_path):
    args = ["run", "plans", "--small", "--seeds", "2", "--output", str(tmp_path)]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} >= {
        "plans.jsonl", "plans.md", "plans-shares.md", "plans-aer.md", "plans-worst.md",
    }  # fmt: skip
    again = CliRunner().invoke(app, [*args, "--resume"])
    assert again.exit_code == 0
    assert len((tmp_path / "plans.jsonl").read_text().splitlines()) == 2


def test_cases_are_the_same_each_time_and_budgets_bite_none():
    for number in (3, 17, 22):
        assert case(number).problem == case(number).problem
        assert case(number).goal == case(number).goal
    budgets = [one.budget for one in map(case, range(40)) if one.budget is not None]
    assert budgets
    assert min(budgets) >= 3.0


# -- choosing


def test_grids_follow_the_law():
    assert [type(one) for one in grids_for(CALL)] == [LawGrid]
    assert {type(one) for one in grids_for(ASIAN)} == {FactorGrid}
    assert isinstance(IDEAL.chosen(CALL, GOAL).grid, LawGrid)
    assert isinstance(IDEAL.chosen(ASIAN, GOAL).grid, FactorGrid)


@pytest.mark.parametrize("grid", [FactorGrid(qubits=3), LawGrid(qubits=2)], ids=repr)
def test_a_given_grid_is_kept(grid):
    assert Quantum(grid=grid, backend=Ideal()).chosen(CALL, GOAL).grid == grid
    found = Quantum(grid=LawGrid(qubits=3), backend=Ideal())
    problem = Problem(RETURNS, PORTFOLIO, VaR(level=0.99))
    assert found.chosen(problem, Goal(relative_tolerance=1e-3)).grid == LawGrid(qubits=3)


@pytest.mark.parametrize("tolerance", [0.5, 0.02])
def test_the_estimator_with_fewer_expected_queries_is_taken(tolerance):
    goal = Goal(tolerance=tolerance)
    encoded = IDEAL.amplitude_problem(CALL)
    mean = LawGrid().discretise(CALL).mean()
    amplitude = (mean - encoded.offset) / encoded.scale
    one = encoded.amplitude_goal(goal, 0.0)
    asked = {each: each.expected_queries(one, amplitude) for each in (Certified(), Iterative())}
    assert len(set(asked.values())) == 2
    assert IDEAL.chosen(CALL, goal).estimator == min(asked, key=asked.__getitem__)


def test_a_given_estimator_is_kept():
    engine = Quantum(estimator=Iterative(shots=50), backend=Ideal())
    assert engine.chosen(ASIAN, GOAL).estimator == Iterative(shots=50)


@pytest.mark.parametrize(
    "problem",
    [CALL, ASIAN, Problem(RETURNS, PORTFOLIO, VaR(level=0.95))],
    ids=["call", "Asian", "VaR"],
)
def test_chosen_parts_give_the_same_bits_as_open_ones(problem):
    goal = Goal(relative_tolerance=0.05)
    chosen = IDEAL.chosen(problem, goal)
    assert None not in (chosen.grid, chosen.estimator)
    first, second = IDEAL.solve(problem, goal, rng=3), chosen.solve(problem, goal, rng=3)
    assert (first.value, first.interval) == (second.value, second.interval)
    assert first.cost.queries == second.cost.queries
    assert first.provenance.engine == second.provenance.engine == repr(chosen)


@pytest.mark.parametrize("measure", [VaR(level=0.99), ES(level=0.95)], ids=repr)
def test_a_search_gets_cells_that_its_goal_needs(measure):
    problem = Problem(RETURNS, PORTFOLIO, measure)
    wide, narrow = (Goal(relative_tolerance=one) for one in (0.3, 0.004))
    assert IDEAL.chosen(problem, wide).grid.qubits <= 6
    grid = IDEAL.chosen(problem, narrow).grid
    assert grid.qubits > 7
    assert IDEAL.solve(problem, narrow, rng=2).status == "converged"
    assert IDEAL.chosen(problem, Goal(queries=1_000)).grid == LawGrid(qubits=5)


def test_a_choice_never_costs_more_than_its_rivals():
    taken = choose(ASIAN, GOAL, None, None, MultiplexedRotation(), Residual())
    assert taken.grid in grids_for(ASIAN)
    cost = {
        grid: split.queries + split.paths
        for grid in grids_for(ASIAN)
        for split in [_split(grid, taken.estimator)]
    }
    assert cost[taken.grid] == min(cost.values())


# -- split


def _split(grid, estimator, goal=GOAL):
    table = grid.discretise(ASIAN)
    encoded = MultiplexedRotation().encode(table)
    return planned_split(ASIAN, goal, table, encoded, estimator, Residual())


@pytest.mark.parametrize("goal", [GOAL, Goal(tolerance=0.02), Goal(queries=10_000)], ids=repr)
def test_shares_are_shares(goal):
    split = _split(FactorGrid(qubits=4), Certified(), goal)
    assert 0.0 < split.width < 1.0
    assert 0.0 < split.error < 1.0
    assert min(split.queries, split.paths) > 0.0


@pytest.mark.parametrize("width", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("error", [0.5, 0.7, 0.9])
def test_no_fixed_split_costs_less(width, error):
    grid, estimator, residual = FactorGrid(qubits=4), Certified(), Residual()
    table = grid.discretise(ASIAN)
    encoded, mean = MultiplexedRotation().encode(table), table.pilot_mean
    best = _split(grid, estimator)
    fixed = dataclasses.replace(best, width=width, error=error)
    amplitude = (mean - encoded.offset) / encoded.scale
    goal = encoded.amplitude_goal(circuit_goal(GOAL, fixed), 0.0)
    allowed = (1.0 - width) * GOAL.allowed_half_width(mean)
    paths = residual.expected_paths(
        residual.pilot(ASIAN, table), allowed, (1.0 - error) * (1.0 - GOAL.confidence)
    )
    cost = estimator.expected_queries(goal, amplitude) + paths
    # the shares searched are a step of .05 apart
    assert best.queries + best.paths <= cost * (1.0 + 1e-9)


# -- plans


def test_a_plan_counts_paths_as_a_solve_does():
    plan, spent = IDEAL.plan(ASIAN, GOAL), IDEAL.solve(ASIAN, GOAL, rng=1).cost
    assert plan.pilot_paths == Residual().pilot_paths
    assert plan.pilot_paths < plan.residual_paths
    assert 0.4 <= plan.residual_paths / spent.residual_paths <= 2.5
    assert IDEAL.plan(CALL, GOAL).residual_paths == 0.0
    assert IDEAL.plan(ASIAN, GOAL) == IDEAL.plan(ASIAN, GOAL)


def test_paths_beyond_the_cap_are_foretold(monkeypatch):
    goal = Goal(relative_tolerance=0.001)
    engine = Quantum(grid=FactorGrid(qubits=4), backend=Ideal())
    whole = engine.plan(ASIAN, goal)
    monkeypatch.setattr("qmc.dress_rehearsal._MOST_PATHS", 2**10)
    monkeypatch.setattr("qmc.dress_rehearsal._LEAST_PATHS", 2**10)
    few = engine.plan(ASIAN, goal)
    assert whole.residual_paths - whole.pilot_paths > 2.0**12
    assert 0.25 <= few.residual_paths / whole.residual_paths <= 4.0


def test_a_plan_of_a_sensitivity_counts_its_step():
    problem = Problem(MARKET, ASIAN.contract, Sensitivity(to="spot"))
    plan = IDEAL.plan(problem, Goal(tolerance=0.05))
    spent = IDEAL.solve(problem, Goal(tolerance=0.05), rng=1).cost
    assert plan.pilot_paths > 2.0 * Residual().pilot_paths
    assert 0.5 <= plan.residual_paths / spent.residual_paths <= 2.0


@pytest.mark.parametrize("backend", [Ideal(), Aer()], ids=lambda one: type(one).__name__)
def test_plans_print(backend):
    text = str(Quantum(backend=backend).plan(ASIAN, GOAL))
    first, second = text.splitlines()
    assert "queries and " in first
    assert "residual paths" in first
    assert second.startswith("by ")
    assert "FactorGrid" in second
    assert type(backend).__name__ in second


def test_a_search_plans_tests_of_several_powers():
    problem = Problem(RETURNS, PORTFOLIO, ES(level=0.95))
    plan = Quantum(grid=LawGrid(qubits=6)).plan(problem, Goal(relative_tolerance=0.05))
    assert plan.split is None
    assert plan.expected_queries > 1_000.0
    assert plan.memory_bytes > 2.0**20
    assert np.isfinite(plan.seconds)


@needs_estimator
def test_a_machine_adds_physical_qubits():
    engine = Quantum(grid=LawGrid(qubits=2), estimator=Iterative())
    plan = engine.plan(CALL, Goal(tolerance=1.0), machine=Machine())
    assert plan.run.physical.qubits > 1_000
    assert "physical qubits" in str(plan).splitlines()[2]
    whole = json.loads(json.dumps(dataclasses.asdict(plan)))
    assert whole["run"]["physical"]["machine"]["code"] == "surface_code"
    assert engine.plan(CALL, Goal(tolerance=1.0)).run is None


def test_a_plan_names_a_bias_beyond_the_goal_before_it_is_paid():
    problem = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())
    engine = Quantum(grid=LawGrid(qubits=5), encoding=LinearRotation(scaling=0.5), backend=Ideal())
    tight, loose = (engine.plan(problem, Goal(tolerance=one)) for one in (0.05, 5.0))
    assert loose.warnings == ()
    (line,) = tight.warnings
    assert "out of reach: encoding and grid state a bias of up to" in line
    assert line in str(tight)


def test_a_plan_names_a_relative_tolerance_of_nothing():
    calls = tuple(Call(strike=strike, expiry=1.0) for strike in (100.0, 110.0))
    grid = FactorGrid(qubits=4, cells="prices")
    one = [grid.discretise(Problem(MARKET, call, Price())).mean() for call in calls]
    nothing = Sum(contracts=calls, quantities=(1.0, -one[0] / one[1]))
    engine = Quantum(grid=grid, backend=Ideal(), residual=None)
    (line,) = engine.plan(Problem(MARKET, nothing, Price()), Goal(relative_tolerance=0.1)).warnings
    assert "give tolerance= or queries=" in line
    for problem, goal in ((nothing, Goal(tolerance=0.1)), (calls[0], Goal(relative_tolerance=0.1))):
        assert engine.plan(Problem(MARKET, problem, Price()), goal).warnings == ()


def test_a_plan_names_paths_that_end_before_the_goal():
    asian = Problem(MARKET, Asian(strike=100.0, times=(0.5, 1.0)), Price())
    engine = Quantum(residual=Residual(max_paths=2**12), backend=Ideal())
    assert engine.plan(asian, Goal(relative_tolerance=0.1)).warnings == ()
    (line,) = engine.plan(asian, Goal(relative_tolerance=0.0005)).warnings
    assert "max_paths=4,096" in line


@pytest.fixture
def drawn(monkeypatch):
    """How often a residual began its Sobol sequences."""
    calls = []
    streams = Residual.streams

    def counted(self, problem, table, rng):
        calls.append(self)
        return streams(self, problem, table, rng)

    monkeypatch.setattr(Residual, "streams", counted)
    return calls


def test_a_residual_pilot_is_drawn_once_for_a_table(drawn):
    """And says of another table, problem or number of replicates what is true of these."""
    grid, problem = FactorGrid(qubits=3), ASIAN
    other = Problem(MARKET, dataclasses.replace(ASIAN.contract, strike=90.0), Price())
    table, again = grid.discretise(problem), grid.discretise(problem)
    bar = Residual().pilot(problem, table)
    assert Residual().pilot(problem, table) == bar
    assert len(drawn) == 1
    assert Residual().pilot(problem, again) == bar
    asked = (Residual(replicates=8).pilot(problem, table), Residual().pilot(other, table))
    assert len({bar, *asked}) == 3
    assert Residual().pilot(problem, table) == bar


def test_rehearsals_of_many_normals_share_the_paths_of_a_residual(drawn, monkeypatch):
    """Five draw their own below a limit, one beyond it; the circuit's rounds stay the same."""
    engine, goal = Quantum(grid=FactorGrid(qubits=3), backend=Ideal()), Goal(tolerance=0.05)
    apart = engine.plan(ASIAN, goal)
    assert len(drawn) == 1 + 5
    drawn.clear()
    monkeypatch.setattr("qmc.dress_rehearsal._NORMALS_IN_ALL", 1)
    together = engine.plan(ASIAN, goal)
    assert len(drawn) == 1 + 1
    assert together.expected_queries == apart.expected_queries
    assert 0.5 <= together.residual_paths / apart.residual_paths <= 2.0
