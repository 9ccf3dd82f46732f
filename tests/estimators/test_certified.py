"""Certified: the proof's steps by exact enumeration, coverage, cost, and an end everywhere."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from qmc.errors import InvalidProblem
from qmc.estimators import Certified, run_estimator
from qmc.estimators.certified_bets import (
    DEAD,
    chance_range,
    inherited,
    outcomes,
    scores,
    valley,
)
from qmc.problem import Goal
from qmc.result import Interval
from qmc.rounds import Round, hit_probability
from qmc.testing import BinomialOracle, check_estimator

AMPLITUDES = (0.0, 0.001, 0.0259, math.sin(math.pi / 8) ** 2, 0.25, 0.49, 0.5, 0.505, 0.75)
AMPLITUDES += (0.999, 1.0)
RNG = np.random.default_rng(0)
# the constants of certified_plan.py were tuned on seeds below 10,000
JUDGED = 10_000


def finished(estimator, goal, amplitude, seed=JUDGED):
    oracle = BinomialOracle(amplitude, rng=seed)
    state = estimator.start(goal)
    while rounds := estimator.ask(state, RNG):
        state = estimator.tell(state, rounds, oracle.run(rounds))
    assert state.spent == oracle.queries
    return state, oracle.queries


@pytest.mark.parametrize("kind", [{}, {"shots": (1,)}, {"shots": (20, 50)}, {"max_power": 2}])
def test_conformance(kind):
    check_estimator(Certified(**kind))


@pytest.mark.parametrize("decay", [0.0, 0.02])
@pytest.mark.parametrize(("power", "steer"), [(0, 0.0), (3, 0.0), (9, 0.2), (20, -0.15)])
def test_chances_of_a_cell(power, steer, decay):
    """Step 1: the range of a cell holds the law at all its angles, and is no wider."""
    edges = np.linspace(0.1, 1.5, 38)
    low, high = chance_range(edges, power, steer, decay)
    for i, (start, end) in enumerate(itertools.pairwise(edges)):
        inside = [
            hit_probability(math.sin(t) ** 2, power, steer, decay)
            for t in np.linspace(start, end, 201)
        ]
        assert low[i] - 1e-12 <= min(inside) <= low[i] + 1e-3
        assert high[i] - 1e-3 <= max(inside) <= high[i] + 1e-12


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("bet", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("power", "steer", "shots", "decay"),
    [(0, 0.0, 3, 0.0), (2, 0.3, 12, 0.0), (15, -0.1, 25, 0.01), (4, 0.0, 700, 0.0)],
)
def test_mean_score_is_at_most_the_balance(power, steer, shots, decay, bet, share):
    """Step 2, by enumeration at angles all over each cell, ends included."""
    stream = np.random.default_rng(shots)
    edges = np.linspace(0.3, 1.2, 25)
    low, high = chance_range(edges, power, steer, decay)
    bins = outcomes(shots, float(low.min()), float(high.max()))
    laws = bins.law(low), bins.law(high)
    balance = stream.uniform(1e-3, 0.4, size=24)
    mixture = stream.dirichlet(np.ones(24)) @ (0.5 * (laws[0] + laws[1]))
    score = scores(balance, share, bet, mixture, laws, bins.rounding)
    hits = np.arange(shots + 1)
    whole = score[:, [bins.bin(int(each)) for each in hits]]
    slope = np.diff(whole, axis=1)
    for i in range(24):
        rises = np.nonzero(slope[i] > 0.0)[0]
        assert not rises.size or (slope[i, rises[0] :] >= 0.0).all()
        for theta in np.linspace(edges[i], edges[i + 1], 25):
            p = hit_probability(math.sin(theta) ** 2, power, steer, decay)
            law = binom.pmf(hits, shots, p)
            assert law @ whole[i] <= balance[i]
            assert law @ (whole[i] == DEAD) <= balance[i]
    assert (score == DEAD).any()


def test_whole_runs_by_enumeration():
    """Steps 1 to 3 at once: the exact chance that a run ever loses the truth, at 400 angles."""
    estimator = Certified(shots=(2, 3), cells=64)
    angles = np.linspace(0.0, 0.5 * math.pi, 400)
    lost, ended = np.zeros(400), np.zeros(400)
    start = estimator.start(Goal(tolerance=0.1, queries=14, confidence=0.6))
    todo = [(start, np.ones(400), np.zeros(400, dtype=bool))]
    while todo:
        state, chance, out = todo.pop()
        rounds = estimator.ask(state, RNG)
        if not rounds:
            lost += np.where(out, chance, 0.0)
            ended += chance
            continue
        each = rounds[0]
        p = [hit_probability(math.sin(t) ** 2, each.power, each.steer) for t in angles]
        for hits in range(each.shots + 1):
            after = estimator.tell(state, rounds, [hits])
            misses = (angles < after.low - 1e-12) | (angles > after.high + 1e-12)
            todo.append((after, chance * binom.pmf(hits, each.shots, p), out | misses))
    np.testing.assert_allclose(ended, 1.0, atol=1e-9)
    assert 0.02 < lost.max() <= 0.4


def test_new_cells_take_the_least_balance():
    balance = np.random.default_rng(1).uniform(size=64)
    edges = np.linspace(0.2, 0.9, 65)
    low, high = float(edges[7]), float(edges[50])
    new = inherited(edges, balance, low, high)
    ends = np.linspace(low, high, 65)
    for i in range(64):
        for theta in np.linspace(ends[i], ends[i + 1], 11):
            old = min(max(int((theta - 0.2) / (edges[1] - edges[0])), 0), 63)
            assert new[i] <= balance[old]


def test_valley():
    odds = np.array([[3.0, 4.0, 1.0, 2.0, 0.5, 5.0]])
    assert valley(odds, np.array([2])).tolist() == [[4.0, 4.0, 1.0, 2.0, 2.0, 5.0]]


@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_coverage_at_every_round(amplitude, measure, covers):
    done = measure(Certified(), 1e-2, 100, amplitude, seed=JUDGED)
    assert done.statuses == {"converged"}
    assert done.cost < 7.5
    covers(done.always, done.runs, 0.95)


def test_coverage_with_a_known_decay(measure, covers):
    done = measure(Certified(), 2e-3, 100, decay=5e-3, seed=JUDGED)
    assert done.statuses == {"converged"}
    assert done.power <= 0.3 / 5e-3
    covers(done.always, done.runs, 0.95)


@pytest.mark.parametrize(("tolerance", "runs"), [(1e-2, 200), (1e-3, 100), (1e-5, 30)])
def test_cost(tolerance, runs, measure):
    """About 5 at every tolerance; the issue asks for 6.5."""
    done = measure(Certified(), tolerance, runs, seed=JUDGED)
    assert done.statuses == {"converged"}
    assert 4.0 < done.cost < 6.0
    assert done.power * tolerance < 0.6


@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_few_rounds_even_at_a_millionth(amplitude):
    for tolerance, most in ((1e-3, 20), (1e-6, 40)):
        state, _ = finished(Certified(), Goal(tolerance=tolerance), amplitude)
        assert state.status == "converged"
        assert len(state.history) <= most


@pytest.mark.parametrize("confidence", [0.3, 0.9999, 1.0 - 1e-9])
def test_any_confidence_ends(confidence):
    state, _ = finished(Certified(), Goal(tolerance=1e-3, confidence=confidence), 0.3)
    assert state.status == "converged"
    assert confidence < 0.9 or state.interval.contains(0.3)


@pytest.mark.parametrize("queries", [1, 30, 1_000, 30_000])
def test_budget_is_kept_and_used(queries):
    widths = []
    for amplitude in np.linspace(0.05, 0.95, 12):
        state, spent = finished(Certified(), Goal(queries=queries), float(amplitude))
        assert 0.8 * queries <= spent <= queries
        assert state.status == "budget_exhausted"
        widths.append(state.interval.half_width)
    assert queries < 1_000 or np.mean(widths) * queries < 7.0


@pytest.mark.parametrize("amplitude", [0.0, 1e-4, 0.3, 1.0])
def test_relative_tolerance_ends(amplitude):
    goal = Goal(relative_tolerance=0.05)
    state, _ = finished(Certified(), goal, amplitude)
    assert state.status == ("unresolved" if amplitude == 0.0 else "converged")
    assert state.interval.low - 1e-12 <= amplitude <= state.interval.high + 1e-12
    if amplitude:
        assert goal.met(state.value, state.interval.half_width)


@pytest.mark.parametrize(("max_power", "most"), [(0, 130.0), (10, 9.0)])
def test_largest_power(max_power, most, measure):
    done = measure(Certified(max_power=max_power), 1e-2, 15, seed=JUDGED)
    assert done.statuses == {"converged"}
    assert done.power == max_power
    assert done.cost < most


def test_out_of_reach_is_unresolved():
    state, _ = finished(Certified(max_power=0), Goal(tolerance=1e-6), 0.3)
    assert state.status == "unresolved"
    assert state.interval.half_width < 1e-3


def test_prior_narrows_and_spends_its_share():
    goal, estimator = Goal(tolerance=1e-3), Certified()
    prior = Interval(0.29, 0.31, 0.98)
    state = estimator.start(goal, prior)
    assert state.stage.power > 10
    assert max(state.balance) == pytest.approx(0.03)
    oracle = BinomialOracle(0.3, rng=2)
    assert run_estimator(estimator, oracle, goal, prior=prior).interval.contains(0.3)
    assert estimator.start(goal, Interval(0.29, 0.31, 0.9)) == estimator.start(goal)
    for narrow in (Interval(0.3, 0.301, 0.99), Interval(0.3, 0.3, 0.99)):
        assert estimator.start(goal, narrow).status == "converged"
    assert estimator.start(Goal(queries=10), Interval(0.3, 0.3, 0.99)).finished


def test_contradiction_is_unresolved():
    """Hits that kill the last cell alive: the hull stays."""
    estimator = Certified()
    state = estimator.start(Goal(tolerance=1e-3))
    state = replace(state, balance=(0.05, *[DEAD] * 383), stage=replace(state.stage, share=0.9))
    each = estimator.ask(state, RNG)[0]
    after = estimator.tell(state, [each], [each.shots])
    assert (after.status, after.interval) == ("unresolved", state.interval)


@pytest.mark.parametrize("amplitude", [0.01, 0.5, 0.9])
def test_expected_queries(amplitude):
    goal, estimator = Goal(tolerance=1e-3), Certified()
    spent = [finished(estimator, goal, amplitude, JUDGED + i)[1] for i in range(15)]
    assert 0.6 < np.mean(spent) / estimator.expected_queries(goal, amplitude) < 1.6
    assert estimator.expected_queries(Goal(queries=7), amplitude) == 7.0
    assert estimator.expected_queries(Goal(relative_tolerance=0.1, queries=9), 0.0) == 9.0
    few = Certified(max_power=0).expected_queries(goal, amplitude)
    assert few > 3 * estimator.expected_queries(goal, amplitude)


def test_refusals():
    for bad in ((), (0,), (4, 2), (2, 2), [2, 4], (2.5,)):
        with pytest.raises(InvalidProblem, match="shots"):
            Certified(shots=bad)
    with pytest.raises(InvalidProblem, match="max_power=-1"):
        Certified(max_power=-1)
    with pytest.raises(InvalidProblem, match="cells=10"):
        Certified(cells=10)
    with pytest.raises(InvalidProblem, match="decay"):
        Certified().start(Goal(tolerance=0.1), decay=-1.0)
    state = Certified().start(Goal(tolerance=0.1))
    shots = state.stage.shots
    with pytest.raises(InvalidProblem, match="as asked"):
        Certified().tell(state, [Round(3, shots)], [1])
    for other, words in ((shots + 1, f"{shots} shots or fewer"), (shots - 1, "exact test")):
        with pytest.raises(InvalidProblem, match=words):
            Certified().tell(state, [Round(state.stage.power, other, state.stage.steer)], [1])
    with pytest.raises(InvalidProblem, match="hits"):
        Certified().tell(state, [Round(0, shots)], [shots + 1])
