"""Plain sampling and the two binomial intervals."""

import numpy as np
import pytest

from qmc.estimators import Estimator, Sampling, run_estimator
from qmc.estimators.intervals import INTERVALS, chernoff, clopper_pearson
from qmc.problem import Goal
from qmc.result import Interval
from qmc.testing import BinomialOracle, check_estimator

AMPLITUDES = (0.0, 0.001, 0.0259, 0.25, 0.5, 0.75, 0.999, 1.0)
RNG = np.random.default_rng(0)


def test_published_interval() -> None:
    """R: binom.test(8, 50)$conf.int is 0.07170 0.29113."""
    assert clopper_pearson(8, 50, 0.05) == pytest.approx((0.07170, 0.29113), abs=1e-5)


@pytest.mark.parametrize("kind", list(INTERVALS))
def test_exact_coverage_of_intervals(kind: str) -> None:
    from scipy.stats import binom

    shots = 40
    ends = np.array([INTERVALS[kind](hits, shots, 0.1) for hits in range(shots + 1)])
    for p in np.linspace(0.0, 1.0, 101):
        inside = (ends[:, 0] <= p) & (p <= ends[:, 1])
        assert binom.pmf(np.arange(shots + 1), shots, p)[inside].sum() >= 0.9 - 1e-12


def test_chernoff_is_wider() -> None:
    low, high = chernoff(5, 50, 0.05)
    exact_low, exact_high = clopper_pearson(5, 50, 0.05)
    assert high - low > exact_high - exact_low


@pytest.mark.parametrize("shots", [None, 50])
def test_conformance(shots: int | None) -> None:
    estimator = Sampling(shots_per_round=shots)
    assert isinstance(estimator, Estimator)
    assert estimator.anytime_valid is (shots is not None)
    check_estimator(estimator)


@pytest.mark.parametrize("shots", [None, 200])
@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_coverage_at_every_round(shots: int | None, amplitude: float, covers) -> None:
    estimator, covered, runs = Sampling(shots_per_round=shots), 0, 400
    for seed in range(runs):
        oracle, good = BinomialOracle(amplitude, rng=seed), True
        state = estimator.start(Goal(tolerance=0.03))
        while rounds := estimator.ask(state, RNG):
            state = estimator.tell(state, rounds, oracle.run(rounds))
            good &= estimator.estimate(state).interval.contains(amplitude)
        assert state.status == "converged"
        covered += good
    covers(covered, runs, 0.95)


def test_planned_shots_are_enough_and_few() -> None:
    state = Sampling().start(Goal(tolerance=0.01))
    assert 9_604 <= state.planned <= 9_800
    narrow = Sampling().start(Goal(tolerance=0.01), Interval(0.0, 0.1, 0.99))
    assert narrow.planned < state.planned
    assert Sampling().start(Goal(tolerance=0.1), Interval(0.0, 0.1, 0.99)).finished


@pytest.mark.parametrize("shots", [None, 500])
def test_relative_tolerance_and_budget(shots: int | None) -> None:
    estimator, goal = Sampling(shots_per_round=shots), Goal(relative_tolerance=0.1)
    oracle = BinomialOracle(0.2, rng=1)
    estimate = run_estimator(estimator, oracle, goal)
    assert goal.met(estimate.value, estimate.interval.half_width)
    limited = Goal(relative_tolerance=0.1, queries=3_001)
    oracle = BinomialOracle(0.0, rng=1)
    assert run_estimator(estimator, oracle, limited).status == "budget_exhausted"
    assert oracle.queries == 3_001


def test_amplitude_zero_ends() -> None:
    estimate = run_estimator(Sampling(), BinomialOracle(0.0), Goal(relative_tolerance=0.1))
    assert estimate.status == "unresolved"


def test_contradicted_prior_is_unresolved() -> None:
    oracle = BinomialOracle(0.9, rng=1)
    goal = Goal(tolerance=0.01)
    estimate = run_estimator(Sampling(), oracle, goal, prior=Interval(0.0, 0.1))
    assert estimate.status == "unresolved"


def test_expected_queries() -> None:
    planned, looking = Sampling(), Sampling(shots_per_round=100)
    assert planned.expected_queries(Goal(tolerance=0.01), 0.1) == pytest.approx(9_704, rel=0.01)
    assert looking.expected_queries(Goal(tolerance=0.01), 0.1) < 5_000
    assert planned.expected_queries(Goal(queries=5), 0.1) == 5.0
    assert planned.expected_queries(Goal(relative_tolerance=0.1, queries=5), 0.0) == 5.0
