"""Modified IQAE: cost as published, shares that sum to one, honest at every round."""

import itertools

import numpy as np
import pytest

from qmc.errors import InvalidProblem
from qmc.estimators import run_estimator
from qmc.estimators.modified_iterative import ModifiedIterative
from qmc.problem import Goal
from qmc.result import Interval
from qmc.rounds import Round
from qmc.serialise import from_json, to_json
from qmc.testing import BinomialOracle, check_estimator

AMPLITUDES = (0.0, 0.0259, 0.25, 0.5, 0.999, 1.0)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kind", ["clopper_pearson", "chernoff"])
def test_conformance(kind: str) -> None:
    check_estimator(ModifiedIterative(interval=kind))  # type: ignore[arg-type]
    check_estimator(ModifiedIterative(interval=kind, shots=1))  # type: ignore[arg-type]


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-4, 1e-5])
def test_cost_is_flat(tolerance: float, measure) -> None:
    """Fukuzawa et al. with Clopper-Pearson, 100 shots a round: 38 to 42 / tolerance."""
    found = measure(ModifiedIterative(), tolerance, 300)
    assert 34.0 < found.cost < 45.0
    assert found.statuses == {"converged"}
    assert found.power < 0.4 / tolerance
    assert measure(ModifiedIterative(shots=10), tolerance, 100).cost < 28.0


@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_coverage_at_every_round(amplitude: float, measure, covers) -> None:
    found = measure(ModifiedIterative(shots=10), 2e-3, 400, amplitude)
    covers(found.always, found.runs, 0.95)


def test_coverage_with_a_known_decay(measure, covers) -> None:
    found = measure(ModifiedIterative(), 1e-3, 400, decay=5e-3)
    assert found.power <= 1.0 / 5e-3
    covers(found.always, found.runs, 0.95)


def test_shares_of_all_powers_sum_to_one_at_most() -> None:
    estimator, oracle = ModifiedIterative(), BinomialOracle(0.37, rng=5)
    state, factors = estimator.start(Goal(tolerance=1e-5)), []
    while rounds := estimator.ask(state, RNG):
        factors.append(2 * rounds[0].power + 1)
        state = estimator.tell(state, rounds, oracle.run(rounds))
    distinct = sorted(set(factors))
    assert all(b >= 3 * a for a, b in itertools.pairwise(distinct))
    assert sum(2.0 / 3.0 * factor for factor in distinct) <= 0.25 * np.pi / 1e-5
    assert state.spent == oracle.queries
    assert state.rounds == len(factors)


@pytest.mark.parametrize("queries", [1, 30, 1_000, 30_000])
def test_budget_is_kept(queries: int) -> None:
    oracle = BinomialOracle(0.3, rng=queries)
    estimate = run_estimator(ModifiedIterative(), oracle, Goal(queries=queries))
    assert oracle.queries <= queries
    assert estimate.status == "budget_exhausted"
    assert estimate.interval.contains(0.3)


@pytest.mark.parametrize("amplitude", [0.0, 1e-4, 0.3, 1.0])
def test_relative_tolerance_ends(amplitude: float) -> None:
    goal = Goal(relative_tolerance=0.05)
    oracle = BinomialOracle(amplitude, rng=1)
    estimate = run_estimator(ModifiedIterative(), oracle, goal)
    assert estimate.status == ("unresolved" if amplitude == 0.0 else "converged")
    assert estimate.interval.low - 1e-12 <= amplitude <= estimate.interval.high + 1e-12
    both = Goal(tolerance=0.1, relative_tolerance=0.05)
    estimator = ModifiedIterative(max_power=8)
    end = run_estimator(estimator, BinomialOracle(0.0, rng=1), both)
    assert end.status == "unresolved"


def test_out_of_reach_is_slow_but_ends() -> None:
    estimator, goal = ModifiedIterative(max_power=0), Goal(tolerance=1e-4)
    estimate = run_estimator(estimator, BinomialOracle(0.3, rng=1), goal)
    assert estimate.status == "converged"
    far = Goal(tolerance=1e-9)
    assert run_estimator(estimator, BinomialOracle(0.3, rng=1), far).status == "unresolved"


def test_prior_narrows_and_spends_its_share() -> None:
    goal = Goal(tolerance=1e-3)
    state = ModifiedIterative().start(goal, Interval(0.29, 0.31, 0.98))
    assert state.power > 0
    assert state.error == pytest.approx(0.03)
    useless = Interval(0.29, 0.31, 0.9)
    assert ModifiedIterative().start(goal, useless) == ModifiedIterative().start(goal)
    assert ModifiedIterative().start(goal, Interval(0.3, 0.301, 0.99)).status == "converged"


def test_contradiction_is_unresolved() -> None:
    estimator = ModifiedIterative(shots=1_000)
    state = estimator.start(Goal(tolerance=0.02), Interval(0.4, 0.45))
    rounds = [Round(state.power, 1_000)]
    ends = [estimator.tell(state, rounds, [hits]) for hits in (0, 1_000)]
    assert "unresolved" in {end.status for end in ends}
    assert all(end.low <= state.low or end.high >= state.high for end in ends)


def test_impossible_hits_for_the_decay_are_unresolved() -> None:
    """At visibility exp(-1) no theta hits always: nothing is learnt from a decay that is wrong."""
    estimator = ModifiedIterative(shots=1_000)
    state = estimator.start(Goal(tolerance=0.02), Interval(0.4, 0.45), decay=1.0)
    assert state.power == 1
    end = estimator.tell(state, [Round(1, 1_000)], [1_000])
    assert (end.status, end.low, end.high) == ("unresolved", state.low, state.high)


def test_stored_half_way_it_goes_on() -> None:
    def run(stored: bool):
        estimator, oracle = ModifiedIterative(), BinomialOracle(0.4, rng=3)
        state = estimator.start(Goal(tolerance=1e-4))
        while rounds := estimator.ask(state, RNG):
            state = estimator.tell(state, rounds, oracle.run(rounds))
            state = from_json(to_json(state)) if stored else state
        return state

    assert run(True) == run(False)


@pytest.mark.parametrize("amplitude", [0.01, 0.25, 0.5, 0.9])
def test_expected_queries(amplitude: float, measure) -> None:
    estimator = ModifiedIterative()
    spent = measure(estimator, 1e-3, 100, amplitude).cost / 1e-3
    assert 0.5 < spent / estimator.expected_queries(Goal(tolerance=1e-3), amplitude) < 2.0
    assert estimator.expected_queries(Goal(queries=7), amplitude) == 7.0
    both = Goal(tolerance=0.1, relative_tolerance=0.1)
    assert 0.0 < estimator.expected_queries(both, 0.0) < np.inf


def test_refusals() -> None:
    with pytest.raises(InvalidProblem, match="interval="):
        ModifiedIterative(interval="wald")  # type: ignore[arg-type]
    with pytest.raises(InvalidProblem, match="shots=0"):
        ModifiedIterative(shots=0)
    with pytest.raises(InvalidProblem, match="max_power=-1"):
        ModifiedIterative(max_power=-1)
    with pytest.raises(InvalidProblem, match="decay"):
        ModifiedIterative().start(Goal(tolerance=0.1), decay=-1.0)
    state = ModifiedIterative().start(Goal(tolerance=0.1))
    with pytest.raises(InvalidProblem, match="as asked"):
        ModifiedIterative().tell(state, [Round(3, 10)], [1])
    with pytest.raises(InvalidProblem, match="hits=11"):
        ModifiedIterative().tell(state, [Round(0, 10)], [11])
