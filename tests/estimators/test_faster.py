"""FAE: the published cost, two stages, intervals proved by its readings' radii."""

import math

import numpy as np
import pytest

from qmc.errors import InvalidProblem
from qmc.estimators import run_estimator
from qmc.estimators.faster import Faster
from qmc.problem import Goal
from qmc.result import Interval
from qmc.rounds import Round, hit_probability
from qmc.serialise import from_json, to_json
from qmc.testing import BinomialOracle, check_estimator

RNG = np.random.default_rng(0)
STEER = 15.0 / 16.0


def test_conformance() -> None:
    check_estimator(Faster())
    check_estimator(Faster(max_power=2))
    assert Faster().anytime_valid


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-4, 1e-5])
def test_cost_is_as_wide_as_published(tolerance: float, measure) -> None:
    """Measured peer: 67,000 to 110,000 / tolerance, coverage 1."""
    found = measure(Faster(), tolerance, 200)
    assert 67_000.0 < found.cost < 125_000.0
    assert found.always == found.runs
    assert found.statuses == {"converged"}


@pytest.mark.parametrize("amplitude", [0.0, 0.0259, 0.5, 1.0])
def test_coverage_at_every_level(amplitude: float, measure, covers) -> None:
    found = measure(Faster(), 1e-3, 300, amplitude)
    covers(found.always, found.runs, 0.95)


def test_coverage_with_a_known_decay(measure, covers) -> None:
    found = measure(Faster(), 2e-2, 300, decay=1e-3)
    assert found.power <= 1_000
    covers(found.always, found.runs, 0.95)


def test_worst_readings_within_the_published_radius_keep_the_truth() -> None:
    """The proof, tried at its corners: cosines off by their whole Chernoff radius."""
    stream, estimator = np.random.default_rng(2), Faster()
    for _ in range(300):
        amplitude = float(stream.uniform())
        state = estimator.start(Goal(tolerance=1e-3))
        while rounds := estimator.ask(state, RNG):
            hits = []
            for each in rounds:
                exact = 1.0 - 2.0 * hit_probability(amplitude, each.power, STEER)
                radius = math.sqrt(1.0 / 162.0) if not state.first else 1.0 / 9.0
                off = exact + float(stream.choice([-1.0, 1.0])) * 0.995 * radius
                hits.append(round(0.5 * (1.0 - min(max(off, -1.0), 1.0)) * each.shots))
            state = estimator.tell(state, rounds, hits)
            assert estimator.estimate(state).interval.contains(amplitude)
        assert state.status == "converged"


def test_two_stages() -> None:
    estimator, oracle = Faster(), BinomialOracle(0.5, rng=1)
    state, asked = estimator.start(Goal(tolerance=1e-3)), []
    while rounds := estimator.ask(state, RNG):
        asked.append(rounds)
        state = estimator.tell(state, rounds, oracle.run(rounds))
    assert [rounds[0].power for rounds in asked] == [2**level for level in range(len(asked))]
    assert [len(rounds) for rounds in asked[: state.first]] == [1] * state.first
    assert all(len(rounds) == 2 for rounds in asked[state.first :])
    assert asked[-1][1].power - asked[-1][0].power == 2 ** (state.first - 1)
    assert all(each.steer == STEER for rounds in asked for each in rounds)
    share = 0.05 / (2 * state.levels)
    assert asked[0][0].shots == math.ceil(1944 * math.log(2.0 / share))
    assert state.spent == oracle.queries


def test_levels_may_be_told_in_parts() -> None:
    estimator = Faster()
    state = whole = estimator.start(Goal(tolerance=1e-2))
    (first,) = estimator.ask(state, RNG)
    state = estimator.tell(state, [Round(first.power, 1_000, STEER)], [400])
    state = from_json(to_json(state))
    (rest,) = estimator.ask(state, RNG)
    assert rest.shots == first.shots - 1_000
    state = estimator.tell(state, [rest], [3_000])
    assert state == estimator.tell(whole, [first], [3_400])


def test_ends() -> None:
    relative = Goal(relative_tolerance=0.5)
    for amplitude, status in ((0.0, "unresolved"), (1e-3, "converged"), (1.0, "converged")):
        oracle = BinomialOracle(amplitude, rng=1)
        assert run_estimator(Faster(), oracle, relative).status == status
    capped = run_estimator(Faster(max_power=4), BinomialOracle(0.3, rng=1), Goal(tolerance=1e-3))
    assert capped.status == "unresolved"
    noisy = run_estimator(Faster(), BinomialOracle(0.01, rng=1, decay=0.9), Goal(tolerance=1e-3))
    assert noisy.status == "unresolved"


def test_budget_pays_whole_levels_only(covers) -> None:
    oracle = BinomialOracle(0.3, rng=1)
    poor = run_estimator(Faster(), oracle, Goal(queries=20_000))
    assert (poor.status, poor.interval.width, oracle.queries) == ("budget_exhausted", 1.0, 0)
    covered = 0
    for seed in range(300):
        oracle = BinomialOracle(0.3, rng=seed)
        rich = run_estimator(Faster(), oracle, Goal(queries=10**7))
        assert rich.status == "budget_exhausted"
        assert 10**6 < oracle.queries <= 10**7
        covered += rich.interval.contains(0.3)
    covers(covered, 300, 0.95)


def test_prior() -> None:
    goal = Goal(tolerance=1e-3)
    state = Faster().start(goal, Interval(0.0, 0.01, 0.98))
    assert state.levels < Faster().start(goal).levels
    assert state.error == pytest.approx(0.03)
    assert Faster().start(goal, Interval(0.2, 0.3, 0.9)) == Faster().start(goal)
    assert Faster().start(goal, Interval(0.3, 0.301, 0.99)).status == "converged"
    wrong = Interval(0.0, 0.1)
    assert run_estimator(Faster(), BinomialOracle(0.9, rng=1), goal, prior=wrong).status == (
        "unresolved"
    )


@pytest.mark.parametrize("amplitude", [0.0, 0.01, 0.1, 0.3, 0.9])
def test_expected_queries(amplitude: float, measure) -> None:
    spent = measure(Faster(), 1e-3, 20, amplitude).cost / 1e-3
    assert 0.4 < spent / Faster().expected_queries(Goal(tolerance=1e-3), amplitude) < 2.5
    assert Faster().expected_queries(Goal(queries=7), amplitude) == 7.0
    assert Faster().expected_queries(Goal(relative_tolerance=0.1), amplitude) < math.inf


def test_refusals() -> None:
    with pytest.raises(InvalidProblem, match="max_power=1"):
        Faster(max_power=1)
    with pytest.raises(InvalidProblem, match="decay"):
        Faster().start(Goal(tolerance=0.1), decay=-1.0)
    state = Faster().start(Goal(tolerance=0.1))
    for bad in (Round(1, 10), Round(3, 10, STEER)):
        with pytest.raises(InvalidProblem, match="as asked"):
            Faster().tell(state, [bad], [1])
    with pytest.raises(InvalidProblem, match="hits=11"):
        Faster().tell(state, [Round(1, 10, STEER)], [11])
