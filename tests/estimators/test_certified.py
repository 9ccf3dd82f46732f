"""Certified: the proof's core checked exactly, coverage, cost, ends everywhere."""

import math

import numpy as np
import pytest
from scipy import stats

from qmc.errors import InvalidProblem
from qmc.estimators import Certified, run_estimator
from qmc.estimators.certified_tests import chance_range, inherited, outcomes, scores
from qmc.problem import Goal
from qmc.result import Interval
from qmc.rounds import Round, hit_probability
from qmc.serialise import from_json, to_json
from qmc.testing import BinomialOracle, check_estimator

AMPLITUDES = (0.0, 1.0, 0.5, 0.25, 0.75, 0.505, 0.49, 0.001, 0.999, 0.0259)


def test_conformance():
    check_estimator(Certified())


@pytest.mark.parametrize(
    ("power", "steer", "shots", "decay"),
    [(0, 0.0, 4, 0.0), (3, 0.2, 12, 0.0), (9, -0.15, 24, 0.02), (40, 0.05, 6, 0.0)],
)
def test_no_cell_loses_more_than_its_balance_at_any_of_its_angles(power, steer, shots, decay):
    """The mean score, summed over all outcomes, at a fine grid of angles inside each cell."""
    edges = np.linspace(0.2, 0.9, 65)
    balance = np.random.default_rng(power).uniform(1e-3, 0.05, size=64)
    low, high = chance_range(edges, power, steer, decay)
    bins = outcomes(shots, float(low.min()), float(high.max()))
    laws = bins.law(low), bins.law(high)
    mixture = 0.5 * (laws[0] + laws[1]).mean(axis=0)
    table = scores(balance, 0.5, 0.4, mixture, laws)
    assert table.shape == (64, shots + 1)
    assert (table >= 0.0).all()
    hits = np.arange(shots + 1)
    for cell in range(64):
        for theta in np.linspace(edges[cell], edges[cell + 1], 9):
            chance = hit_probability(math.sin(theta) ** 2, power, steer, decay)
            mean = float(stats.binom.pmf(hits, shots, chance) @ table[cell])
            assert mean <= balance[cell] * (1.0 + 1e-9)


def test_cell_probabilities_lie_in_their_range():
    edges = np.linspace(0.0, 0.5 * math.pi, 41)
    low, high = chance_range(edges, 7, 0.1, 0.01)
    for cell in range(40):
        for theta in np.linspace(edges[cell], edges[cell + 1], 33):
            chance = hit_probability(math.sin(theta) ** 2, 7, 0.1, 0.01)
            assert low[cell] - 1e-12 <= chance <= high[cell] + 1e-12


def test_new_cells_inherit_the_least_balance_they_meet():
    edges, balance = np.linspace(0.0, 1.0, 5), np.array([0.4, 0.1, 0.3, 0.2])
    assert inherited(edges, balance, 0.26, 0.48).tolist() == [0.1, 0.1, 0.1, 0.1]
    # a border that is shared counts as met: never more than any old cell has
    assert (inherited(edges, balance, 0.2, 0.6) <= [0.1, 0.1, 0.1, 0.3]).all()
    assert (inherited(edges, balance, 0.0, 1.0) <= balance).all()


@pytest.mark.parametrize("amplitude", AMPLITUDES)
def test_coverage_at_every_stage(amplitude, covers):
    runs, held = 120, 0
    for seed in range(10_000, 10_000 + runs):
        oracle, good = BinomialOracle(amplitude, rng=seed), True
        state = Certified().start(Goal(tolerance=1e-2))
        while rounds := Certified().ask(state, np.random.default_rng(0)):
            state = Certified().tell(state, rounds, oracle.run(rounds))
            interval = Certified().estimate(state).interval
            good &= interval.low - 1e-12 <= amplitude <= interval.high + 1e-12
        assert state.status == "converged"
        assert interval.half_width <= 1e-2
        held += good
    covers(held, runs, 0.95)


@pytest.mark.parametrize(
    ("tolerance", "runs", "stages"), [(1e-2, 100, 15), (1e-3, 60, 15), (1e-5, 12, 20)]
)
def test_cost_and_stages(tolerance, runs, stages):
    """Asked: NA x eps <= 6.5 and at most 15 rounds on average at 1e-3."""
    stream, queries, rounds = np.random.default_rng(10_001), 0, 0
    for amplitude in stream.uniform(size=runs):
        oracle = BinomialOracle(float(amplitude), rng=stream)
        state = Certified().start(Goal(tolerance=tolerance))
        while asked := Certified().ask(state, stream):
            state = Certified().tell(state, asked, oracle.run(asked))
            rounds += 1
        queries += oracle.queries
        assert state.status == "converged"
    assert queries * tolerance / runs <= 6.5
    assert rounds / runs <= stages


@pytest.mark.parametrize("amplitude", [0.0, 0.5, 1.0, 0.0259])
def test_a_millionth_is_reached(amplitude):
    found = run_estimator(Certified(), BinomialOracle(amplitude, rng=1), Goal(tolerance=1e-6))
    assert found.status == "converged"
    assert found.interval.low - 1e-12 <= amplitude <= found.interval.high + 1e-12


def test_coverage_with_a_known_decay(covers):
    stream, held = np.random.default_rng(10_002), 0
    for amplitude in stream.uniform(size=100):
        oracle = BinomialOracle(float(amplitude), rng=stream, decay=5e-3)
        held += run_estimator(Certified(), oracle, Goal(tolerance=5e-3)).interval.contains(
            float(amplitude)
        )
    covers(held, 100, 0.95)


@pytest.mark.parametrize("queries", [1, 50, 2_000])
def test_a_budget_is_kept(queries):
    oracle = BinomialOracle(0.3, rng=1)
    found = run_estimator(Certified(), oracle, Goal(queries=queries))
    assert oracle.queries <= queries
    assert found.interval.contains(0.3)


def test_a_stored_state_goes_on_as_if_never_stopped():
    ends = []
    for stored in (False, True):
        oracle, state = BinomialOracle(0.3, rng=4), Certified().start(Goal(tolerance=1e-3))
        while rounds := Certified().ask(state, np.random.default_rng(0)):
            state = Certified().tell(state, rounds, oracle.run(rounds))
            state = from_json(to_json(state)) if stored else state
        ends.append(Certified().estimate(state))
    assert ends[0] == ends[1]


def test_a_prior_spends_its_own_share_and_saves_queries():
    spent = []
    for prior in (Interval(0.28, 0.33, 0.99), Interval(0.0, 1.0)):
        total = 0
        for seed in range(20):
            oracle = BinomialOracle(0.3, rng=seed)
            run_estimator(Certified(), oracle, Goal(tolerance=2e-3), prior=prior)
            total += oracle.queries
        spent.append(total)
    assert spent[0] < spent[1]


def test_refusals():
    for fields in ({"max_power": -1}, {"cells": 8}, {"shots": ()}, {"shots": (8, 4)}):
        with pytest.raises(InvalidProblem, match=next(iter(fields))):
            Certified(**fields)
    state = Certified().start(Goal(tolerance=0.01))
    (asked,) = Certified().ask(state, np.random.default_rng(0))
    with pytest.raises(InvalidProblem, match="as asked"):
        Certified().tell(state, (Round(asked.power + 1, asked.shots),), (0,))
    with pytest.raises(InvalidProblem, match="hits"):
        Certified().tell(state, (asked,), (asked.shots + 1,))
