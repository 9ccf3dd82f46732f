"""RQAE: signed amplitudes by shifts, probabilities by steering, one proved reading a round."""

import itertools
import math

import numpy as np
import pytest

from qmc.errors import InvalidProblem
from qmc.estimators import run_estimator
from qmc.estimators.quadrants import QUADRANT, angle, quadrant
from qmc.estimators.real_amplitude import RealAmplitude
from qmc.estimators.shifts import Shifted
from qmc.problem import Goal
from qmc.result import Interval
from qmc.rounds import Round, steered
from qmc.serialise import from_json, to_json
from qmc.testing import BinomialOracle, check_estimator

AMPLITUDES = (0.0, 0.0259, 0.25, 0.5, 0.999, 1.0)
SIGNED = (-1.0, -0.3, 0.0, 1e-4, 0.7, 1.0)
RNG = np.random.default_rng(0)


class ShiftOracle:
    """Binomial numbers of a state whose real amplitude at the flag is x / 2 + shift."""

    def __init__(self, amplitude: float, rng) -> None:
        self.amplitude, self.queries = amplitude, 0
        self._rng = np.random.default_rng(rng)

    def run_shifted(self, rounds):
        hits = []
        for each in rounds:
            phi = math.asin(min(max(0.5 * self.amplitude + each.steer, -1.0), 1.0))
            chance = math.sin((2 * each.power + 1) * phi) ** 2
            hits.append(int(self._rng.binomial(each.shots, min(chance, 1.0))))
            self.queries += each.queries
        return tuple(hits)


def test_conformance() -> None:
    check_estimator(RealAmplitude())
    check_estimator(RealAmplitude(ratio=1.5))
    assert RealAmplitude().anytime_valid


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-4, 1e-5])
def test_cost_is_flat_and_rounds_are_few(tolerance: float, measure) -> None:
    found = measure(RealAmplitude(), tolerance, 300)
    assert 9.0 < found.cost < 13.0
    assert found.statuses <= {"converged", "unresolved"}
    assert found.power < 0.4 / tolerance


@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_coverage_at_every_round(amplitude: float, measure, covers) -> None:
    found = measure(RealAmplitude(), 1e-3, 400, amplitude)
    covers(found.always, found.runs, 0.95)


def test_coverage_with_a_known_decay(measure, covers) -> None:
    found = measure(RealAmplitude(), 1e-3, 400, decay=5e-3)
    assert found.power <= 200
    covers(found.always, found.runs, 0.95)


@pytest.mark.parametrize("amplitude", SIGNED)
def test_signed_coverage_at_every_round(amplitude: float, covers) -> None:
    estimator, covered, spent = RealAmplitude(signed=True), 0, 0
    for seed in range(300):
        source = ShiftOracle(amplitude, seed)
        oracle, good = Shifted(source), True
        state = estimator.start(Goal(tolerance=2e-3))
        while rounds := estimator.ask(state, RNG):
            assert all(-0.5 <= each.steer <= 0.5 for each in rounds)
            state = estimator.tell(state, rounds, oracle.run(rounds))
            interval = estimator.estimate(state).interval
            good &= interval.low - 1e-12 <= amplitude <= interval.high + 1e-12
        covered, spent = covered + good, spent + source.queries
    covers(covered, 300, 0.95)
    assert 15.0 < spent / 300 * 2e-3 < 32.0
    assert 0.5 < spent / 300 / estimator.expected_queries(Goal(tolerance=2e-3), amplitude) < 2.0


@pytest.mark.parametrize("amplitude", [-0.6, -0.01, 0.01, 0.6])
def test_the_sign_is_found(amplitude: float) -> None:
    goal = Goal(relative_tolerance=0.2)
    oracle = Shifted(ShiftOracle(amplitude, 5))
    estimate = run_estimator(RealAmplitude(signed=True), oracle, goal)
    assert estimate.status == "converged"
    assert estimate.value * amplitude > 0.0
    assert estimate.interval.contains(amplitude)
    prior = Interval(-0.7, 0.7, 0.99)
    again = run_estimator(RealAmplitude(signed=True), oracle, goal, prior=prior)
    assert again.interval.contains(amplitude)


def test_no_sign_can_be_told_of_zero() -> None:
    oracle = Shifted(ShiftOracle(0.0, 5))
    goal = Goal(relative_tolerance=0.1)
    estimate = run_estimator(RealAmplitude(signed=True, max_power=1_000), oracle, goal)
    assert estimate.status == "unresolved"
    assert estimate.interval.contains(0.0)


def test_every_round_stays_in_one_quadrant() -> None:
    estimator, steers = RealAmplitude(), []
    for seed, amplitude in itertools.product(range(20), (0.05, 0.3, 0.5, 0.8, 0.99)):
        oracle = BinomialOracle(amplitude, rng=seed)
        state = estimator.start(Goal(tolerance=1e-4))
        while rounds := estimator.ask(state, RNG):
            (each,) = rounds
            ends = (steered(end, each.steer) for end in (state.low, state.high))
            low, high = map(angle, ends)
            assert (2 * each.power + 1) * (high - low) <= QUADRANT + 1e-9
            middle, half = 0.5 * (low + high), 0.5 * (high - low) * (1.0 - 1e-9)
            assert quadrant(2 * each.power + 1, middle - half, middle + half) >= 0
            steers.append((amplitude, each.steer))
            state = estimator.tell(state, rounds, oracle.run(rounds))
    assert any(steer > 0.0 for amplitude, steer in steers if amplitude < 0.4)
    assert any(steer < 0.0 for amplitude, steer in steers if amplitude > 0.6)


def test_rounds_may_be_told_in_parts() -> None:
    estimator = RealAmplitude()
    whole = estimator.start(Goal(tolerance=1e-2))
    (first,) = estimator.ask(whole, RNG)
    state = from_json(to_json(estimator.tell(whole, [Round(0, 5)], [2])))
    (rest,) = estimator.ask(state, RNG)
    assert rest.shots == first.shots - 5
    assert estimator.tell(state, [rest], [4]) == estimator.tell(whole, [first], [6])


def test_ends() -> None:
    relative = Goal(relative_tolerance=0.05)
    for amplitude, status in ((0.0, "unresolved"), (1e-4, "converged"), (1.0, "converged")):
        oracle = BinomialOracle(amplitude, rng=1)
        assert run_estimator(RealAmplitude(), oracle, relative).status == status
    capped = RealAmplitude(max_power=2)
    for tolerance, status in ((1e-4, "converged"), (1e-9, "unresolved")):
        oracle = BinomialOracle(0.3, rng=1)
        assert run_estimator(capped, oracle, Goal(tolerance=tolerance)).status == status


@pytest.mark.parametrize("queries", [1, 30, 1_000, 30_000])
def test_budget_is_kept_and_used(queries: int, covers) -> None:
    stream, covered, spent = np.random.default_rng(4), 0, 0
    for amplitude in stream.uniform(size=300):
        oracle = BinomialOracle(float(amplitude), rng=stream)
        estimate = run_estimator(RealAmplitude(), oracle, Goal(queries=queries))
        assert oracle.queries <= queries
        assert estimate.status in ("budget_exhausted", "unresolved")
        covered += estimate.interval.contains(float(amplitude))
        spent += oracle.queries
    covers(covered, 300, 0.95)
    assert spent > 0.9 * 300 * queries


def test_prior() -> None:
    goal = Goal(tolerance=1e-3)
    state = RealAmplitude().start(goal, Interval(0.29, 0.31, 0.98))
    assert state.power > 0
    assert state.error == pytest.approx(0.03)
    assert RealAmplitude().start(goal, Interval(0.2, 0.3, 0.9)) == RealAmplitude().start(goal)
    assert RealAmplitude().start(goal, Interval(0.3, 0.301, 0.99)).status == "converged"
    signed = RealAmplitude(signed=True).start(goal)
    assert (signed.low, signed.high, signed.steer) == (-1.0, 1.0, 0.5)


def test_contradictions_are_unresolved() -> None:
    estimator = RealAmplitude(max_power=1)
    state = estimator.start(Goal(tolerance=0.002), Interval(0.4, 0.41))
    rounds = estimator.ask(state, RNG)
    ends = [estimator.tell(state, rounds, [hits]) for hits in (0, rounds[0].shots)]
    assert "unresolved" in {end.status for end in ends}
    noisy = estimator.start(Goal(tolerance=1e-4), Interval(0.4, 0.41), decay=0.9)
    rounds = estimator.ask(noisy, RNG)
    assert estimator.tell(noisy, rounds, [rounds[0].shots]).status == "unresolved"


@pytest.mark.parametrize("amplitude", [0.01, 0.25, 0.5, 0.9])
def test_expected_queries(amplitude: float, measure) -> None:
    spent = measure(RealAmplitude(), 1e-3, 100, amplitude).cost / 1e-3
    assert 0.5 < spent / RealAmplitude().expected_queries(Goal(tolerance=1e-3), amplitude) < 2.0
    assert RealAmplitude().expected_queries(Goal(queries=7), amplitude) == 7.0


def test_refusals() -> None:
    for field, value in (("signed", 1), ("ratio", 1.0), ("max_power", -1)):
        with pytest.raises(InvalidProblem, match=f"{field}="):
            RealAmplitude(**{field: value})
    state = RealAmplitude().start(Goal(tolerance=0.1))
    for bad in (Round(3, 10), Round(0, 10, 0.5)):
        with pytest.raises(InvalidProblem, match="as asked"):
            RealAmplitude().tell(state, [bad], [1])
    with pytest.raises(InvalidProblem, match="hits=11"):
        RealAmplitude().tell(state, [Round(0, 10)], [11])
