"""The power law: its schedule, the cap, and queries against the cap."""

import numpy as np
import pytest

from qmc.errors import InvalidProblem
from qmc.estimators import run_estimator
from qmc.estimators.low_depth import LowDepth, power_law
from qmc.problem import Goal
from qmc.testing import BinomialOracle, check_estimator


def study(estimator, tolerance, runs, decay=0.0):
    """Mean queries and share of intervals that cover, at uniform amplitudes."""
    stream, total, covered = np.random.default_rng(8), 0, 0
    for amplitude in stream.uniform(size=runs):
        oracle = BinomialOracle(float(amplitude), rng=stream, decay=decay)
        estimate = run_estimator(estimator, oracle, Goal(tolerance=tolerance))
        assert estimate.status == "converged"
        covered += estimate.interval.contains(float(amplitude))
        total += oracle.queries
    return total / runs, covered / runs


@pytest.mark.parametrize(
    "estimator",
    [LowDepth(), LowDepth(max_power=0), LowDepth(max_power=1), LowDepth(beta=0.5, shots=100)],
)
def test_conformance(estimator):
    assert not estimator.anytime_valid
    check_estimator(estimator)


@pytest.mark.parametrize("exponent", [0.0, 0.25, 0.5, 0.7, 1.0, 2.2])
@pytest.mark.parametrize("cap", [0, 1, 5, 1_000])
@pytest.mark.parametrize("length", [1, 2, 37, 500])
def test_schedule_is_the_power_law(exponent, cap, length):
    listed = [0, *(min(int(j**exponent + 1e-9), cap) for j in range(1, length))]
    rounds = power_law(exponent, cap, 3, length)
    assert [one.power for one in rounds] == sorted(set(listed))
    assert [one.shots for one in rounds] == [3 * listed.count(one.power) for one in rounds]


def test_billions_of_circuits_are_counted_not_listed():
    rounds = power_law(0.0, 0, 10, 10**9)
    assert [(one.power, one.shots) for one in rounds] == [(0, 10**10)]
    assert sum(one.shots for one in power_law(0.3, 50, 1, 10**9)) == 10**9


@pytest.mark.parametrize(
    ("cap", "tolerance", "factor"), [(0, 1e-3, 1.2), (3, 1e-3, 1.6), (10, 1e-4, 1.7), (50, 1e-4, 2)]
)
def test_queries_times_cap(cap, tolerance, factor):
    """At least what the cap's power alone would take, at most `factor` times it."""
    queries, covered = study(LowDepth(max_power=cap), tolerance, 60)
    bound = (1.96 / 2.0 / tolerance) ** 2 / (2 * cap + 1)
    assert 1.0 < queries / bound < factor
    assert covered > 0.85


def test_deeper_is_cheaper_and_never_beyond_the_cap():
    goal, costs = Goal(tolerance=1e-3), []
    for cap in (0, 2, 8, 32, 128):
        estimator = LowDepth(max_power=cap)
        state = estimator.start(goal)
        assert state.pending[-1].power <= cap
        costs.append(estimator.expected_queries(goal, 0.5))
    assert costs == sorted(costs, reverse=True)


def test_beta_sets_the_exponent():
    goal = Goal(tolerance=1e-2)
    for beta, exponent in ((1.0, 0.0), (0.5, 0.5), (0.2, 2.0)):
        estimator = LowDepth(beta=beta)
        assert estimator.exponent(estimator.start(goal)) == pytest.approx(exponent)


def test_decay_lowers_the_cap():
    state = LowDepth().start(Goal(tolerance=1e-3), decay=0.1)
    assert state.pending[-1].power <= 10
    _, covered = study(LowDepth(), 2e-3, 60, decay=5e-3)
    assert covered > 0.85


@pytest.mark.parametrize("amplitude", [0.0, 0.01, 0.5, 1.0])
def test_relative_tolerance_ends(amplitude):
    goal = Goal(relative_tolerance=0.05)
    estimate = run_estimator(LowDepth(), BinomialOracle(amplitude, rng=1), goal)
    assert estimate.status == ("unresolved" if amplitude == 0.0 else "converged")


@pytest.mark.parametrize("queries", [1, 50, 5_000])
def test_budget_is_kept_and_used(queries):
    oracle = BinomialOracle(0.3, rng=1)
    estimate = run_estimator(LowDepth(), oracle, Goal(queries=queries))
    assert estimate.status == "budget_exhausted"
    assert 0.7 * queries <= oracle.queries <= queries


def test_expected_queries():
    assert LowDepth().expected_queries(Goal(queries=7), 0.3) == 7.0
    assert LowDepth().expected_queries(Goal(relative_tolerance=0.1, queries=9), 0.0) == 9.0
    assert LowDepth().expected_queries(Goal(relative_tolerance=0.1), 0.0) > 0.0


def test_refusals():
    for fields in ({"max_power": -1}, {"shots": 0}, {"beta": 0.0}, {"beta": 1.5}):
        with pytest.raises(InvalidProblem, match=next(iter(fields))):
            LowDepth(**fields)
