"""IQAE: ends everywhere, cost as published, honest at every round."""

import numpy as np
import pytest

from qmc.errors import InvalidProblem
from qmc.estimators import Iterative, Sampling, run_estimator
from qmc.estimators.iterative import IterativeState
from qmc.problem import Goal
from qmc.result import Interval
from qmc.rounds import Round
from qmc.testing import BinomialOracle, check_estimator

AMPLITUDES = (0.0, 0.001, 0.0259, 0.25, 0.5, 0.75, 0.999, 1.0)
RNG = np.random.default_rng(0)


def cost(estimator: Iterative, tolerance: float, runs: int) -> float:
    """Mean queries x tolerance at uniform random amplitudes."""
    stream = np.random.default_rng(8)
    total = 0
    for amplitude in stream.uniform(size=runs):
        oracle = BinomialOracle(float(amplitude), rng=stream)
        estimate = run_estimator(estimator, oracle, Goal(tolerance=tolerance))
        assert estimate.status == "converged"
        total += oracle.queries
    return total * tolerance / runs


@pytest.mark.parametrize("kind", ["clopper_pearson", "chernoff"])
def test_conformance(kind: str) -> None:
    check_estimator(Iterative(interval=kind))  # type: ignore[arg-type]
    check_estimator(Iterative(interval=kind, shots=1))  # type: ignore[arg-type]


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-4, 1e-5])
def test_cost_is_flat(tolerance: float) -> None:
    """Grinko et al. with no overshooting: 16.3 / tolerance at 1e-3; no growth below."""
    assert 13.5 < cost(Iterative(), tolerance, 300) < 19.5
    assert 24.0 < cost(Iterative(interval="chernoff"), tolerance, 200) < 38.0


@pytest.mark.parametrize("kind", ["clopper_pearson", "chernoff"])
@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_coverage_at_every_round(kind: str, amplitude: float, covers) -> None:
    """The interval read after each round contains the truth, in all rounds of a run at once."""
    estimator = Iterative(interval=kind)  # type: ignore[arg-type]
    covered, runs = 0, 400
    for seed in range(runs):
        oracle, good = BinomialOracle(amplitude, rng=seed), True
        state = estimator.start(Goal(tolerance=2e-3))
        while rounds := estimator.ask(state, RNG):
            state = estimator.tell(state, rounds, oracle.run(rounds))
            interval = estimator.estimate(state).interval
            good &= interval.low - 1e-12 <= amplitude <= interval.high + 1e-12
        covered += good
    covers(covered, runs, 0.95)


@pytest.mark.parametrize("amplitude", [0.0259, 0.5])
def test_coverage_with_a_known_decay(amplitude: float, covers) -> None:
    covered, runs = 0, 400
    for seed in range(runs):
        oracle = BinomialOracle(amplitude, rng=seed, decay=5e-3)
        estimate = run_estimator(Iterative(), oracle, Goal(tolerance=2e-3))
        assert estimate.status in ("converged", "unresolved")
        covered += estimate.interval.contains(amplitude)
    covers(covered, runs, 0.95)


@pytest.mark.parametrize("queries", [1, 30, 1_000, 30_000])
def test_budget_is_kept_and_used(queries: int, covers) -> None:
    covered, widths, spent, runs = 0, [], [], 400
    stream = np.random.default_rng(4)
    for amplitude in stream.uniform(size=runs):
        oracle = BinomialOracle(float(amplitude), rng=stream)
        estimate = run_estimator(Iterative(), oracle, Goal(queries=queries))
        assert oracle.queries <= queries
        assert estimate.status in ("budget_exhausted", "unresolved")
        covered += estimate.interval.contains(float(amplitude))
        widths.append(estimate.interval.half_width)
        spent.append(oracle.queries / queries)
    covers(covered, runs, 0.95)
    assert np.mean(spent) > 0.8
    assert queries < 1_000 or np.median(widths) * queries < 32.0


@pytest.mark.parametrize("amplitude", [0.0, 1e-4, 0.3, 1.0])
def test_relative_tolerance_ends(amplitude: float) -> None:
    goal = Goal(relative_tolerance=0.05)
    estimate = run_estimator(Iterative(), BinomialOracle(amplitude, rng=1), goal)
    assert estimate.status == ("unresolved" if amplitude == 0.0 else "converged")
    assert estimate.interval.low - 1e-12 <= amplitude <= estimate.interval.high + 1e-12
    if amplitude:
        assert goal.met(estimate.value, estimate.interval.half_width)


def test_relative_tolerance_from_an_origin() -> None:
    goal = Goal(relative_tolerance=0.05, origin=0.29)
    estimate = run_estimator(Iterative(), BinomialOracle(0.3, rng=1), goal)
    assert estimate.interval.half_width <= 0.05 * abs(estimate.value - 0.29)


def test_prior_narrows_and_spends_its_share() -> None:
    goal = Goal(tolerance=1e-3)
    prior = Interval(0.29, 0.31, 0.98)
    state = Iterative().start(goal, prior)
    assert state.ladder.power > 0
    assert state.ladder.error == pytest.approx(0.03)
    oracle = BinomialOracle(0.3, rng=2)
    assert run_estimator(Iterative(), oracle, goal, prior=prior).interval.contains(0.3)
    useless = Interval(0.29, 0.31, 0.9)
    assert Iterative().start(goal, useless) == Iterative().start(goal)
    narrow = Iterative().start(goal, Interval(0.3, 0.301, 0.99))
    assert narrow.ladder.finished
    assert narrow.ladder.status == "converged"


@pytest.mark.parametrize("hits", [0, 1_000])
def test_contradiction_is_unresolved(hits: int) -> None:
    """Hits that cannot come from the prior prove it wrong: the hull of prior and reading is left.

    From [.4, .45] the first power is 0, where 0 or 1,000 hits of 1,000 exclude the prior.
    """
    estimator = Iterative(max_power=0)
    start = estimator.start(Goal(tolerance=0.02), Interval(0.4, 0.45))
    assert start.ladder.power == 0
    end = estimator.tell(start, [Round(0, 1_000)], [hits])
    reached = estimator.estimate(end)
    assert reached.status == "unresolved"
    assert reached.interval.low <= 0.4 + 1e-12
    assert reached.interval.high >= 0.45 - 1e-12
    assert reached.interval.contains(hits / 1_000)


def test_hits_that_the_decay_forbids_are_unresolved() -> None:
    """At visibility e^-1 a hit has probability .32 to .68: 1,000 of 1,000 teach nothing."""
    estimator = Iterative()
    start = estimator.start(Goal(tolerance=1e-4), Interval(0.301, 0.303), decay=0.02)
    assert start.ladder.power * 0.02 > 0.5
    end = estimator.tell(start, [Round(start.ladder.power, 1_000)], [1_000])
    reached = estimator.estimate(end)
    assert reached.status == "unresolved"
    assert estimator.ask(end, RNG) == ()
    assert (reached.interval.low, reached.interval.high) == pytest.approx((0.301, 0.303))


def test_powers_at_least_double() -> None:
    oracle, estimator = BinomialOracle(0.37, rng=5), Iterative()
    state, powers = estimator.start(Goal(tolerance=1e-5)), [0]
    while rounds := estimator.ask(state, RNG):
        if rounds[0].power != powers[-1]:
            assert 2 * rounds[0].power + 1 >= 2 * (2 * powers[-1] + 1)
            powers.append(rounds[0].power)
        state = estimator.tell(state, rounds, oracle.run(rounds))
    assert isinstance(state, IterativeState)
    assert state.ladder.spent == oracle.queries
    assert len(powers) > 5


@pytest.mark.parametrize("amplitude", [0.01, 0.25, 0.5, 0.9])
def test_expected_queries(amplitude: float) -> None:
    goal, spent = Goal(tolerance=1e-3), 0
    for seed in range(100):
        oracle = BinomialOracle(amplitude, rng=seed)
        run_estimator(Iterative(), oracle, goal)
        spent += oracle.queries
    ratio = spent / 100 / Iterative().expected_queries(goal, amplitude)
    assert 0.5 < ratio < 2.0
    assert Iterative().expected_queries(Goal(queries=7), amplitude) == 7.0
    assert Iterative().expected_queries(Goal(relative_tolerance=0.1, queries=9), 0.0) == 9.0


def test_refusals() -> None:
    with pytest.raises(InvalidProblem, match="interval="):
        Iterative(interval="wald")  # type: ignore[arg-type]
    with pytest.raises(InvalidProblem, match="shots=0"):
        Iterative(shots=0)
    with pytest.raises(InvalidProblem, match="decay"):
        Iterative().start(Goal(tolerance=0.1), decay=-1.0)
    for estimator in (Iterative(), Sampling()):
        state = estimator.start(Goal(tolerance=0.1))
        with pytest.raises(InvalidProblem, match="as asked"):
            estimator.tell(state, [Round(3, 10)], [1])  # type: ignore[arg-type]
        with pytest.raises(InvalidProblem, match="hits=11"):
            estimator.tell(state, [Round(0, 10)], [11])  # type: ignore[arg-type]


def test_the_decay_of_the_oracle_is_told_to_the_estimator(covers) -> None:
    covered, runs = 0, 300
    for seed in range(runs):
        oracle = BinomialOracle(0.3, rng=seed, decay=0.05)
        covered += run_estimator(Iterative(), oracle, Goal(tolerance=5e-3)).interval.contains(0.3)
    covers(covered, runs, 0.95)
