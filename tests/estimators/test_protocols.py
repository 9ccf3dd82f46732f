"""The loop refuses what would give a wrong answer; priors and settings that no run can hold."""

import pytest

from qmc.errors import BackendFailed, InvalidProblem, Unsupported
from qmc.estimators import (
    Adaptive,
    Certified,
    Faster,
    Iterative,
    LowDepth,
    ModifiedIterative,
    RealAmplitude,
    Sampling,
    run_estimator,
)
from qmc.problem import Goal
from qmc.result import UNIT, Interval
from qmc.rounds import Round
from qmc.testing import BinomialOracle

GOAL = Goal(tolerance=0.01)


class Short(BinomialOracle):
    """Forgets its last answer."""

    def run(self, rounds):
        return super().run(rounds)[:-1]


def test_too_few_answers_are_a_failure_of_the_backend():
    with pytest.raises(BackendFailed, match="0 of 1 rounds"):
        run_estimator(Iterative(), Short(0.3, rng=1), GOAL)


def test_only_anytime_valid_estimators_stop_early():
    with pytest.raises(Unsupported, match="stop"):
        run_estimator(Adaptive(), BinomialOracle(0.3, rng=1), GOAL, stop=lambda _: True)


def test_a_signed_estimator_needs_a_signed_oracle():
    with pytest.raises(Unsupported, match="Shifted"):
        run_estimator(RealAmplitude(signed=True), BinomialOracle(0.3, rng=1), GOAL)


@pytest.mark.parametrize("estimator", [Adaptive(), Certified(), Iterative(), Sampling()], ids=repr)
def test_an_impossible_prior_is_refused_and_an_empty_one_costs_nothing(estimator):
    with pytest.raises(InvalidProblem, match="prior"):
        estimator.start(GOAL, Interval(-0.2, -0.1, 0.99))
    assert estimator.start(GOAL, Interval(-0.5, 1.5, 0.99)) == estimator.start(GOAL, UNIT)


@pytest.mark.parametrize("confidence", [-5.0, 2.0, float("nan")])
def test_the_confidence_of_an_interval_is_a_probability(confidence):
    with pytest.raises(InvalidProblem, match="confidence"):
        Interval(0.0, 1.0, confidence)


def test_certified_starts_inside_its_prior():
    start = Certified().start(Goal(tolerance=1e-3), Interval(0.7, 0.8, 0.99))
    found = Certified().estimate(start)
    assert found.interval.low <= found.value <= found.interval.high
    point = Certified().start(Goal(queries=50), Interval(0.3, 0.3, 0.99))
    assert point.status == "unresolved"


@pytest.mark.parametrize("shots", [1, 100])
def test_shares_below_the_spacing_of_doubles_next_to_one_are_spent(shots):
    goal = Goal(tolerance=1e-5, confidence=1.0 - 1e-9)
    found = run_estimator(ModifiedIterative(shots=shots), BinomialOracle(0.3, rng=1), goal)
    assert found.status == "converged"
    assert found.interval.contains(0.3)


@pytest.mark.parametrize("estimator", [Adaptive, Certified, Iterative, Faster])
def test_powers_that_doubles_cannot_hold_are_refused(estimator):
    with pytest.raises(InvalidProblem, match="max_power"):
        estimator(max_power=2**60)
    with pytest.raises(InvalidProblem, match="max_power"):
        LowDepth(max_power=2**30)


def test_a_decay_that_hides_every_fringe_ends_at_once():
    state = Faster().start(GOAL, decay=1_000.0)
    assert state.status == "unresolved"


def test_a_planned_number_of_shots_is_waited_for():
    """Read early, the whole error would be spent on a number that hits may have chosen."""
    state = Sampling().start(GOAL)
    planned = state.planned
    part = Sampling().tell(state, [Round(0, 10)], [0])
    assert Sampling().estimate(part).interval == Interval(0.0, 1.0, 0.95)
    (rest,) = Sampling().ask(part, None)
    assert rest.shots == planned - 10
    whole = Sampling().tell(part, [rest], [3_000])
    at_once = Sampling().tell(state, [Round(0, planned)], [3_000])
    assert Sampling().estimate(whole) == Sampling().estimate(at_once)
