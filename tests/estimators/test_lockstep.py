"""Runs side by side give the bits of single runs, for every estimator."""

import numpy as np
import pytest

from qmc.errors import InvalidProblem, Unsupported
from qmc.estimators import (
    Adaptive,
    Bayesian,
    Canonical,
    Certified,
    Chebyshev,
    Faster,
    Iterative,
    LowDepth,
    MaximumLikelihood,
    ModifiedIterative,
    RealAmplitude,
    Sampling,
    run_estimator,
    run_lockstep,
)
from qmc.problem import Goal
from qmc.result import UNIT, Interval
from qmc.rounds import draw_hits
from qmc.testing import BinomialOracle

AMPLITUDES = (0.0, 0.3, 0.3, 0.3, 0.31, 0.5, 0.5, 1.0)
ESTIMATORS = (
    Adaptive(),
    Adaptive(shots=7),
    Adaptive(max_power=1, max_rounds=20),
    Bayesian(),
    Canonical(),
    Certified(),
    Chebyshev(),
    Faster(),
    Iterative(),
    LowDepth(),
    MaximumLikelihood(),
    ModifiedIterative(),
    RealAmplitude(),
    Sampling(),
)
GOALS = (Goal(tolerance=2e-2), Goal(queries=700), Goal(relative_tolerance=0.3, queries=2_000))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("goal", GOALS, ids=repr)
@pytest.mark.parametrize(
    ("decay", "prior"), [(0.0, UNIT), (1e-2, UNIT), (0.0, Interval(0.25, 0.34, 0.99))]
)
def test_the_bits_of_single_runs(estimator, goal, decay, prior):
    seeds = [[3, i] for i in range(len(AMPLITUDES))]
    done = run_lockstep(estimator, AMPLITUDES, goal, seeds=seeds, decay=decay, prior=prior)
    for i, amplitude in enumerate(AMPLITUDES):
        first, second = np.random.default_rng(seeds[i]).spawn(2)
        oracle = BinomialOracle(amplitude, rng=first, decay=decay)
        found = run_estimator(estimator, oracle, goal, prior=prior, rng=second)
        single = found.value, found.interval.low, found.interval.high, oracle.queries
        assert single == (done.value[i], done.low[i], done.high[i], done.queries[i])
        assert done.converged[i] == (found.status == "converged")


class Silent(BinomialOracle):
    """Loses visibility and does not say so."""

    @property
    def decay(self):
        return 0.0

    @decay.setter
    def decay(self, value):
        del value

    def run(self, rounds):
        found = []
        for one in rounds:
            self.queries += one.queries
            found.append(draw_hits(self.amplitude, one, self._rng, 0.02))
        return tuple(found)


@pytest.mark.parametrize("estimator", [Adaptive(), Iterative()], ids=repr)
def test_an_estimator_may_be_told_another_decay(estimator):
    goal = Goal(tolerance=5e-3)
    done = run_lockstep(estimator, AMPLITUDES, goal, seeds=range(8), decay=0.02, told=0.0)
    for i, amplitude in enumerate(AMPLITUDES):
        first, second = np.random.default_rng(i).spawn(2)
        found = run_estimator(estimator, Silent(amplitude, rng=first), goal, rng=second)
        assert (found.value, found.interval.low) == (done.value[i], done.low[i])


def test_counts_are_those_of_the_rounds():
    estimator, goal = Iterative(), Goal(tolerance=1e-3)
    done = run_lockstep(estimator, [0.3], goal, seeds=[5])
    first, rng = np.random.default_rng(5).spawn(2)
    oracle, state, asked = BinomialOracle(0.3, rng=first), estimator.start(goal), []
    while rounds := estimator.ask(state, rng):
        asked += rounds
        state = estimator.tell(state, rounds, oracle.run(rounds))
    assert done.rounds[0] == len(asked)
    assert done.shots[0] == sum(one.shots for one in asked)
    assert done.powers[0] == sum(one.power * one.shots for one in asked)
    assert done.max_power[0] == max(one.power for one in asked)


def test_one_amplitude_for_all_runs():
    goal, seeds = Goal(tolerance=0.05), range(30)
    one = run_lockstep(Adaptive(), 0.3, goal, seeds=seeds)
    many = run_lockstep(Adaptive(), [0.3] * 30, goal, seeds=seeds)
    assert np.array_equal(one.value, many.value)
    inside = (one.low <= 0.3) & (one.high >= 0.3)
    assert np.array_equal(one.holds(0.3), inside)
    assert not one.holds(np.where(inside, 0.99, 0.3)).any()


def test_a_state_is_told_once_for_all_runs_that_stand_there(monkeypatch):
    told, tell = [], Certified.tell
    monkeypatch.setattr(Certified, "tell", lambda *parts: told.append(parts[1]) or tell(*parts))
    done = run_lockstep(Certified(), [1.0] * 50, Goal(tolerance=0.01), seeds=range(50))
    assert done.rounds[0] <= len(told) < 3 * done.rounds[0]
    assert len(told) < done.rounds.sum() / 10


class Drawing(Iterative):
    """Draws, as a user's own estimator may."""

    def ask(self, state, rng):
        rng.random()
        return super().ask(state, rng)


def test_refusals():
    goal = Goal(tolerance=0.1)
    with pytest.raises(InvalidProblem, match="seeds"):
        run_lockstep(Adaptive(), [0.1, 0.2], goal, seeds=[1])
    with pytest.raises(InvalidProblem, match="amplitudes"):
        run_lockstep(Certified(), [0.1, 1.2], goal, seeds=[1, 2])
    with pytest.raises(InvalidProblem, match="decay"):
        run_lockstep(Certified(), [0.1], goal, seeds=[1], decay=-1.0)
    with pytest.raises(Unsupported, match="run_estimator"):
        run_lockstep(Drawing(), [0.1], goal, seeds=[1])
