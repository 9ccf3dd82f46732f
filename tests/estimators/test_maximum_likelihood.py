"""MLAE: its schedules, cost as published, ends everywhere, honest about fringes."""

import numpy as np
import pytest

from qmc.errors import InvalidProblem
from qmc.estimators import run_estimator
from qmc.estimators.maximum_likelihood import MaximumLikelihood
from qmc.problem import Goal
from qmc.result import Interval
from qmc.rounds import Round
from qmc.testing import BinomialOracle, check_estimator

AMPLITUDES = (0.0, 0.001, 0.25, 0.5, 0.999, 1.0)
RNG = np.random.default_rng(0)


def study(estimator, goal, runs, *, decay=0.0, seed=8):
    """Mean queries x tolerance and share of intervals that cover, at uniform amplitudes."""
    stream = np.random.default_rng(seed)
    total, covered = 0, 0
    for amplitude in stream.uniform(size=runs):
        oracle = BinomialOracle(float(amplitude), rng=stream, decay=decay)
        estimate = run_estimator(estimator, oracle, goal)
        assert estimate.status == "converged"
        assert estimate.interval.half_width <= goal.tolerance
        covered += estimate.interval.contains(float(amplitude))
        total += oracle.queries
    return total * goal.tolerance / runs, covered / runs


@pytest.mark.parametrize(
    "estimator",
    [
        MaximumLikelihood(),
        MaximumLikelihood(shots=1),
        MaximumLikelihood(schedule="linear", shots=10),
        MaximumLikelihood(schedule=(0, 3, 9), interval="fisher"),
        MaximumLikelihood(schedule=(4,)),
        MaximumLikelihood(max_power=0),
    ],
)
def test_conformance(estimator):
    assert not estimator.anytime_valid
    check_estimator(estimator)


@pytest.mark.parametrize(("shots", "low", "high"), [(100, 15, 33), (32, 10, 17), (10, 7, 10)])
@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-4])
def test_cost_is_as_published(shots, low, high, tolerance):
    """FIGURES 2, the exponential schedule at 100, 32 and 10 shots."""
    cost, covered = study(MaximumLikelihood(shots=shots), Goal(tolerance=tolerance), 100)
    assert low < cost < high
    assert covered > 0.87  # asymptotic: far below nominal is a bug, near it is not gated


def test_likelihood_ratio_holds_where_fisher_fails():
    """With 10 shots one fringe's information is not the whole truth."""
    goal = Goal(tolerance=1e-3)
    shares = [
        study(MaximumLikelihood(shots=10, interval=kind), goal, 200)[1]
        for kind in ("likelihood_ratio", "fisher")
    ]
    assert shares[0] > 0.92
    assert shares[0] > shares[1] + 0.02


def test_schedules():
    assert MaximumLikelihood().powers(1) == (0,)
    assert MaximumLikelihood(max_power=5)._schedule(0.0).longest == 4
    goal = Goal(tolerance=2e-3)
    rounds = MaximumLikelihood(shots=100).start(goal).pending
    assert [one.power for one in rounds] == [0, *(2**step for step in range(len(rounds) - 1))]
    linear = MaximumLikelihood(schedule="linear").start(goal).pending
    assert [one.power for one in linear] == list(range(len(linear)))
    given = MaximumLikelihood(schedule=(0, 2, 5), shots=7).start(goal).pending
    assert [one.power for one in given] == [0, 2, 5]
    assert len({one.shots for one in given}) == 1
    assert given[0].shots > 7  # the schedule is short of the tolerance: more shots instead


@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_exceptional_amplitudes(amplitude):
    estimator, goal, covered = MaximumLikelihood(shots=32), Goal(tolerance=2e-3), 0
    for seed in range(60):
        oracle = BinomialOracle(amplitude, rng=seed)
        interval = run_estimator(estimator, oracle, goal).interval
        covered += interval.low - 1e-12 <= amplitude <= interval.high + 1e-12
    assert covered >= 50


def test_single_shots_are_as_good_as_pooled():
    estimator, oracle = MaximumLikelihood(), BinomialOracle(0.3, rng=4)
    state = estimator.start(Goal(tolerance=0.01))
    rounds = estimator.ask(state, RNG)
    hits = oracle.run(rounds)
    singles = [Round(one.power, 1) for one in rounds for _ in range(one.shots)]
    marks = [
        int(shot < hit) for one, hit in zip(rounds, hits, strict=True) for shot in range(one.shots)
    ]
    whole = estimator.tell(state, rounds, hits)
    assert estimator.tell(state, singles[::-1], marks[::-1]) == whole
    assert whole.spent == oracle.queries


@pytest.mark.parametrize("decay", [1e-3, 5e-3])
def test_known_decay_enters_the_likelihood(decay):
    goal = Goal(tolerance=2e-3)
    cost, covered = study(MaximumLikelihood(shots=32), goal, 100, decay=decay)
    assert covered > 0.87
    assert cost > study(MaximumLikelihood(shots=32), goal, 30)[0]
    state = MaximumLikelihood(shots=32).start(Goal(tolerance=1e-5), decay=decay)
    assert state.pending[-1].power <= 1.0 / decay


@pytest.mark.parametrize("queries", [1, 30, 1_000, 30_000])
def test_budget_is_kept_and_used(queries):
    stream, spent = np.random.default_rng(4), []
    for amplitude in stream.uniform(size=30):
        oracle = BinomialOracle(float(amplitude), rng=stream)
        estimate = run_estimator(MaximumLikelihood(), oracle, Goal(queries=queries))
        assert estimate.status == "budget_exhausted"
        assert oracle.queries <= queries
        spent.append(oracle.queries / queries)
    assert np.mean(spent) > 0.7


def test_budget_too_small_for_the_schedule():
    estimate = run_estimator(
        MaximumLikelihood(schedule=(10,)), BinomialOracle(0.3, rng=1), Goal(queries=20)
    )
    assert estimate.status == "budget_exhausted"
    assert (estimate.interval.low, estimate.interval.high) == (0.0, 1.0)


@pytest.mark.parametrize("schedule", ["exponential", (0, 1, 4)])
@pytest.mark.parametrize("amplitude", [0.0, 1e-3, 0.3, 1.0])
def test_relative_tolerance_ends(schedule, amplitude):
    estimator = MaximumLikelihood(schedule=schedule, max_power=2**12)
    goal = Goal(relative_tolerance=0.05)
    estimate = run_estimator(estimator, BinomialOracle(amplitude, rng=1), goal)
    assert estimate.status == ("unresolved" if amplitude == 0.0 else "converged")
    if amplitude:
        assert goal.met(estimate.value, estimate.interval.half_width)


def test_prior_narrows_and_is_doubted():
    goal = Goal(tolerance=1e-3)
    estimator, prior = MaximumLikelihood(), Interval(0.0, 0.02, 0.98)
    state = estimator.start(goal, prior)
    assert state.error == pytest.approx(0.03)
    planned = sum(one.queries for one in state.pending)
    assert planned < sum(one.queries for one in estimator.start(goal).pending)
    inside = run_estimator(estimator, BinomialOracle(0.01, rng=2), goal, prior=prior)
    assert inside.interval.contains(0.01)
    outside = run_estimator(estimator, BinomialOracle(0.5, rng=2), goal, prior=prior)
    assert outside.status == "unresolved"
    assert outside.interval.contains(0.5)
    assert estimator.start(goal, Interval(0.0, 0.1, 0.9)) == estimator.start(goal)
    assert estimator.start(goal, Interval(0.3, 0.301, 0.99)).status == "converged"


@pytest.mark.parametrize("amplitude", [0.05, 0.5])
def test_expected_queries(amplitude):
    estimator, spent = MaximumLikelihood(), 0
    for goal in (Goal(tolerance=1e-3), Goal(relative_tolerance=0.02)):
        for seed in range(20):
            oracle = BinomialOracle(amplitude, rng=seed)
            run_estimator(estimator, oracle, goal)
            spent += oracle.queries / estimator.expected_queries(goal, amplitude)
    assert 0.5 < spent / 40 < 2.5
    assert estimator.expected_queries(Goal(queries=7), amplitude) == 7.0
    assert estimator.expected_queries(Goal(relative_tolerance=0.1, queries=9), 0.0) == 9.0


def test_refusals():
    for schedule in ("quadratic", (), (1, 0), (0, 0), (0.5,), 3):
        with pytest.raises(InvalidProblem, match="schedule="):
            MaximumLikelihood(schedule=schedule)
    with pytest.raises(InvalidProblem, match="interval="):
        MaximumLikelihood(interval="wald")
    with pytest.raises(InvalidProblem, match="shots=0"):
        MaximumLikelihood(shots=0)
    with pytest.raises(InvalidProblem, match="decay"):
        MaximumLikelihood().start(Goal(tolerance=0.1), decay=-1.0)
    state = MaximumLikelihood().start(Goal(tolerance=0.1))
    for bad in (Round(1_000, 10), Round(0, 10, 0.1)):
        with pytest.raises(InvalidProblem, match="as asked"):
            MaximumLikelihood().tell(state, [bad], [1])
    with pytest.raises(InvalidProblem, match="hits=11"):
        MaximumLikelihood().tell(state, [Round(0, 10)], [11])
