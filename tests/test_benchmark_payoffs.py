"""The suites of every contract's coverage and of published results, in their small versions."""

import dataclasses
import json
import math

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

import qmc.contracts
from benchmarks.__main__ import app
from benchmarks.payoff_cases import cases
from benchmarks.published_cases import AsianBarrierSpread, published
from benchmarks.published_truths import AutocallableTerms, autocallable, barrier_spread
from benchmarks.suites.payoffs import ESTIMATORS
from benchmarks.suites.published import run as run_published
from benchmarks.truths import monte_carlo, sobol_price, true_price
from classical_baseline import Analytic
from qmc import Goal, LawGrid, Quantum, UniformGrid
from qmc.backends import Ideal
from qmc.estimators import Certified
from qmc.testing import check_contract

RUNNER = CliRunner()
# what the published intervals miss: the basket's grid, the barrier, two qubits a normal
MISSED = ("basket", "Asian barrier spread", "rainbow", "autocallable")
ONE_PRICE = ("call", "put", "bull spread")


def test_payoffs_suite_passes_its_rule_and_goes_on_where_it_stopped(tmp_path):
    args = ["run", "payoffs", "--small", "--seeds", "20", "--output", str(tmp_path)]
    assert RUNNER.invoke(app, args).exit_code == 0
    lines = tmp_path / "payoffs.jsonl"
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert len(rows) == 4 * 3
    assert {row["rule"] for row in rows} == {"passes"}
    assert {row["source"] for row in rows} == {"closed form", "quadrature"}
    for row in rows:
        assert row["above"] + row["below"] == round(row["runs"] * (1.0 - row["coverage"]))
        assert abs(row["z of Monte Carlo"]) < 4.0
    law = [row["residual paths"] for row in rows if row["case"] == "call, law"]
    assert law == [0.0, 0.0, 0.0]
    kept = lines.read_text().splitlines()[:-1]
    lines.write_text("\n".join(kept) + "\n")
    assert RUNNER.invoke(app, [*args, "--resume"]).exit_code == 0
    again = json.loads(lines.read_text().splitlines()[-1])
    timed = ("seconds a run",)
    assert {k: v for k, v in again.items() if k not in timed} == {
        k: v for k, v in rows[-1].items() if k not in timed
    }


def test_the_cases_are_every_contract_of_a_price():
    found = {type(case.problem.contract).__name__ for case in cases().values()}
    # a portfolio's or a book's profit is a matter of risk, see `coverage` and `risk_speed`
    risk = {"Portfolio", "Book", "StockPosition", "OptionPosition", "DeltaGamma"}
    assert found == set(qmc.contracts.__all__) - risk
    models = {type(case.problem.model).__name__ for case in cases().values()}
    assert models == {"BlackScholes", "MultiAsset", "Heston", "Merton", "CEV", "BondRates"}
    assert list(ESTIMATORS) == ["Iterative", "Adaptive", "Certified"]


CLOSED = ("barrier down-and-in continuous", "rainbow max, 2 assets", "Asian geometric 12")


@pytest.mark.parametrize("name", CLOSED)
def test_a_sobol_truth_is_the_closed_form(name):
    """Twice its half-width is missed with probability 1.2e-4 (Student's law, 31 degrees)."""
    problem = cases()[name].problem
    exact = Analytic().solve(problem, Goal(tolerance=1.0)).value
    found = sobol_price(problem, 1e-3 * exact)
    assert 0.0 < found.error <= 1e-3 * exact
    assert abs(found.value - exact) <= 2.0 * found.error


@pytest.mark.parametrize("name", ["Asian barrier spread", "autocallable"])
def test_a_quadrature_is_brute_force(name):
    """Plain paths within 4 error bars: a right number fails at one with probability 1.3e-4."""
    case = published()[name]
    sample = monte_carlo(case.problem, np.random.default_rng(1))
    assert abs(sample.mean - case.truth().value) < 4.0 * sample.error


def test_the_barrier_is_applied():
    contract = AsianBarrierSpread()
    check_contract(contract, columns=2)
    terms = {"spot": 2.0, "growth": 0.0, "sigma": 0.1}
    with_it, without = (barrier_spread(3.0, 4.0, end, **terms) for end in (2.1, 2.99))
    assert with_it < 0.6 < without
    # without a barrier: E[min(sum - 3, 1)] of a nearly normal sum about 4, deviation .2 sqrt(2)
    assert without == pytest.approx(1.0 - 0.2 / math.sqrt(math.pi), abs=0.005)
    prices = np.array([[[2.0, 1.7]], [[2.6, 1.3]], [[1.0, 1.2]], [[2.4, 2.3]]])
    assert contract.present_value(prices, np.ones(1)).round(9).tolist() == [0.7, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("name", published())
def test_ours_is_inside_its_interval_where_the_published_is_not(name):
    """With 99.99 % intervals one of the 7 misses with probability .07 % or less."""
    case = published()[name]
    engine = Quantum(grid=case.grid, estimator=Certified(), backend=Ideal())
    truth = case.truth()
    goal = Goal(tolerance=0.02 * abs(truth.value), confidence=0.9999)
    result = engine.solve(case.problem, goal, rng=3)
    assert result.interval.contains(truth.value)
    assert result.interval.half_width <= goal.tolerance
    assert (name in MISSED) != (case.low <= truth.value <= case.high)


@pytest.mark.parametrize("name", ONE_PRICE)
def test_the_printed_exact_is_the_window_s_and_not_the_price(name):
    case = published()[name]
    exact = Analytic().solve(case.problem, Goal(tolerance=1.0)).value
    assert UniformGrid(qubits=3).discretise(case.problem).mean() == pytest.approx(
        case.exact, abs=6e-5
    )
    assert LawGrid(qubits=3).discretise(case.problem).mean() == pytest.approx(exact, rel=1e-12)


def test_the_window_s_floor_and_the_rotation_s_bias_are_those_of_the_tutorials():
    done = [{"case": name} for name in published()]
    found = run_published(1, small=False, done=done)
    rows = {row["case"]: row["error"] for row in found}
    assert rows["call, its circuit on its window"] == pytest.approx(0.0398, abs=5e-5)
    assert rows["put, its circuit on its window"] == pytest.approx(0.0348, abs=5e-5)
    assert rows["bull spread, its circuit on its window"] == pytest.approx(-0.0004, abs=5e-5)
    assert rows["call, window, 12 qubits"] == pytest.approx(-0.0236, abs=5e-5)
    for qubits in (3, 6, 9, 12):
        assert abs(rows[f"call, law, {qubits} qubits"]) < 1e-12
        assert rows[f"call, window, {qubits} qubits"] < -0.02


def test_published_suite_covers_with_real_circuits(tmp_path):
    done = RUNNER.invoke(app, ["run", "published", "--small", "--output", str(tmp_path)])
    assert done.exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "published.jsonl").read_text().splitlines()]
    solved = [row for row in rows if row["covers"] != ""]
    assert len(solved) == len(published())
    assert all(row["covers"] for row in solved)
    assert sum(not row["printed covers"] for row in solved) == len(MISSED)
    assert np.isfinite([row["truth"] for row in rows]).all()


def test_residuals_suite_shows_what_a_digital_asks_for(tmp_path):
    args = ["run", "residuals", "--small", "--seeds", "20", "--output", str(tmp_path)]
    assert RUNNER.invoke(app, args).exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "residuals.jsonl").read_text().splitlines()]
    assert [row["paths"] for row in rows] == [32, 128, 512, 2048, 8192]
    # hardly one of 32 paths carries it: such runs are never relied upon
    assert rows[0]["relied upon"] == 0.0
    assert 1e3 < rows[-1]["asked"] < 1e6
    assert rows[-1]["coverage"] >= 0.75  # of 20 runs


def test_the_autocallable_of_the_suite_agrees_with_plain_paths():
    """False alarms: 1e-5 of a normal law."""
    problem = cases()["autocallable"].problem
    truth = true_price(problem, 1e-3)
    sample = monte_carlo(problem, np.random.default_rng(3))
    assert truth.source == "quadrature"
    assert abs(sample.mean - truth.value) < 4.42 * sample.error


def test_an_autocallable_of_one_date_is_a_digital_less_a_put():
    vol, mean, discount = 0.2, 0.01, 0.97
    terms = AutocallableTerms(
        coupons=(0.05,), discounts=(discount,), calls=(1.0,), knock_in=0.8, mean=mean, vol=vol
    )
    far = (math.log(0.8) - mean) / vol
    put = stats.norm.cdf(far) - math.exp(mean + 0.5 * vol**2) * stats.norm.cdf(far - vol)
    truth = discount * (0.05 * stats.norm.cdf(mean / vol) - put)
    assert autocallable(terms) == pytest.approx(truth, rel=1e-12)


def test_a_note_that_the_quadrature_does_not_know_is_priced_by_paths():
    problem = cases()["autocallable"].problem
    late = dataclasses.replace(problem.contract, knock_in_monitoring="maturity")
    truth = true_price(dataclasses.replace(problem, contract=late), 1.0)
    assert truth.source.startswith("Sobol")
