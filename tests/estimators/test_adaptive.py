"""Adaptive: cost, coverage, noise, budgets."""

import math

import numpy as np
import pytest

from qmc.errors import InvalidProblem
from qmc.estimators import run_estimator
from qmc.estimators.adaptive import Adaptive
from qmc.estimators.adaptive_steps import reached
from qmc.estimators.lockstep import run_lockstep
from qmc.estimators.posterior import (
    Cells,
    Shots,
    distribution,
    first_cells,
    heaviest_window,
    log_likelihood,
    may_fit,
    shortest_interval,
    steered_angle,
    update,
)
from qmc.problem import Goal
from qmc.result import Interval
from qmc.rounds import Round, hit_probability, steered
from qmc.testing import BinomialOracle, check_estimator

ONE_PERCENT = Goal(tolerance=1e-2)
# judged on seeds from 10,000 on; tuned below
JUDGED = 10_000


def lockstep(amplitudes, goal, estimator=None, decay=0.0, first=JUDGED):
    estimator = Adaptive() if estimator is None else estimator
    seeds = range(first, first + len(amplitudes))
    return run_lockstep(estimator, amplitudes, goal, seeds=seeds, decay=decay)


def test_conformance():
    check_estimator(Adaptive())
    check_estimator(Adaptive(shots=10))


@pytest.mark.parametrize(("tolerance", "runs", "most"), [(1e-2, 400, 3.4), (1e-3, 250, 3.25)])
def test_cost_at_uniform_amplitudes(tolerance, runs, most):
    """FIGURES: 3.3 at 1e-2, 3.1 below; the limits are two standard errors above."""
    done = lockstep(np.random.default_rng(3).uniform(size=runs), Goal(tolerance=tolerance))
    assert done.converged.all()
    assert 2.4 < (done.queries * tolerance).mean() < most
    np.testing.assert_allclose(done.high - done.low, 2.0 * tolerance, rtol=1e-6)


@pytest.mark.parametrize("amplitude", [0.0, 0.0259, 0.25, 0.5, 0.999])
def test_coverage(amplitude, covers):
    done = lockstep(np.full(400, amplitude), ONE_PERCENT)
    inside = (done.low <= amplitude) & (amplitude <= done.high)
    covers(int(inside.sum()), inside.size, 0.95)


def test_coverage_with_a_known_decay(covers):
    amplitudes = np.random.default_rng(4).uniform(size=300)
    done = lockstep(amplitudes, Goal(tolerance=2e-3), decay=5e-3)
    inside = (done.low <= amplitudes) & (amplitudes <= done.high)
    covers(int(inside.sum()), inside.size, 0.95)
    assert done.max_power.max() <= 1 / 5e-3


@pytest.mark.parametrize("queries", [1, 20, 500, 5_000])
def test_a_budget_is_kept_and_used(queries):
    widths = []
    for seed in range(20):
        oracle = BinomialOracle(0.3, rng=seed)
        found = run_estimator(Adaptive(), oracle, Goal(queries=queries), rng=seed)
        assert oracle.queries == queries
        assert found.status == "budget_exhausted"
        widths.append(found.interval.half_width)
    assert queries < 500 or np.median(widths) * queries < 6.0


@pytest.mark.parametrize("most", [0, 3])
def test_powers_stay_under_their_limit(most):
    state, rng = Adaptive(max_power=most).start(Goal(tolerance=0.02)), np.random.default_rng(1)
    oracle = BinomialOracle(0.3, rng=2)
    while rounds := Adaptive(max_power=most).ask(state, rng):
        assert all(one.power <= most for one in rounds)
        state = Adaptive(max_power=most).tell(state, rounds, oracle.run(rounds))
    assert state.status == "converged"


def test_relative_tolerance_and_its_end_at_zero():
    oracle = BinomialOracle(0.2, rng=1)
    found = run_estimator(Adaptive(), oracle, Goal(relative_tolerance=0.05), rng=1)
    assert found.status == "converged"
    assert found.interval.half_width <= 0.05 * found.value * 1.01
    estimator = Adaptive(max_rounds=40)
    nothing = run_estimator(
        estimator, BinomialOracle(0.0, rng=1), Goal(relative_tolerance=0.05), rng=1
    )
    assert nothing.status == "unresolved"
    assert nothing.interval.contains(0.0)


@pytest.mark.parametrize(("most", "amplitude"), [(0, 0.05), (0, 0.3), (2, 0.02), (2, 0.5)])
def test_a_power_too_small_ends_unresolved_with_an_interval_that_holds(most, amplitude, covers):
    """No status promises the tolerance, and the width is what so many rounds allow."""
    estimator, goal = Adaptive(max_power=most, max_rounds=60), Goal(tolerance=1e-4)
    found = run_estimator(estimator, BinomialOracle(amplitude, rng=1), goal, rng=1)
    assert found.status == "unresolved"
    assert found.interval.half_width > 50 * 1e-4
    done = lockstep([amplitude] * 300, goal, estimator)
    assert not done.converged.any()
    assert (done.rounds == 60).all()
    covers(int(done.holds(amplitude).sum()), 300, 0.95)


@pytest.mark.parametrize("most", [0, 1, 8])
def test_a_capped_power_is_planned_for(most):
    estimator, goal = Adaptive(max_power=most, shots=5), Goal(tolerance=0.01)
    spent = lockstep([0.3] * 20, goal, estimator).queries.mean()
    assert 0.8 < spent / estimator.expected_queries(goal, 0.3) < 1.2
    few = Adaptive(max_power=most, max_rounds=5)
    assert few.expected_queries(Goal(tolerance=1e-6), 0.3) == 5 * (2 * most + 1)


def test_a_prior_spends_its_own_share_and_saves_queries():
    spent = []
    for prior in (Interval(0.28, 0.33, 0.99), Interval(0.0, 1.0)):
        total = 0
        for seed in range(40):
            oracle = BinomialOracle(0.3, rng=seed)
            run_estimator(Adaptive(), oracle, Goal(tolerance=2e-3), prior=prior, rng=seed)
            total += oracle.queries
        spent.append(total)
    assert spent[0] < spent[1]
    state = Adaptive().start(Goal(tolerance=0.01), Interval(0.2, 0.4, 0.98))
    assert state.error == pytest.approx(0.03)


def test_the_posterior_is_the_product_of_its_shots():
    shots = Shots(
        factor=np.array([[1.0, 5.0]]),
        steer=np.array([[0.2, -0.1]]),
        contrast=np.array([[1.0, math.exp(-0.02)]]),
        ones=np.array([[3.0, 1.0]]),
        zeros=np.array([[2.0, 4.0]]),
    )
    theta = np.array([[0.3, 0.9]])
    for column, angle in enumerate(theta[0]):
        amplitude = math.sin(angle) ** 2
        chances = [
            hit_probability(amplitude, 0, 0.2),
            hit_probability(amplitude, 2, -0.1, decay=0.01),
        ]
        expected = 3 * math.log(chances[0]) + 2 * math.log1p(-chances[0])
        expected += math.log(chances[1]) + 4 * math.log1p(-chances[1])
        assert log_likelihood(theta, shots)[0, column] == pytest.approx(expected, rel=1e-12)
        assert math.sin(steered_angle(theta, np.array([[0.2]]))[0, column]) ** 2 == pytest.approx(
            steered(amplitude, 0.2)
        )


def test_cells_follow_the_likelihood_down():
    cells = first_cells(np.zeros(1), np.array([0.5 * math.pi]), 80)
    many = Shots(
        factor=np.array([[1.0]]),
        steer=np.array([[0.0]]),
        contrast=np.array([[1.0]]),
        ones=np.array([[3_000.0]]),
        zeros=np.array([[7_000.0]]),
    )
    finer = update(cells, many, many.of, 1e-5)
    assert finer.width[0] < cells.width[0] / 8
    weights = finer.weights[0]
    mean = (weights * np.sin(finer.theta[0]) ** 2).sum()
    deviation = math.sqrt((weights * (np.sin(finer.theta[0]) ** 2 - mean) ** 2).sum())
    assert mean == pytest.approx(0.3, abs=1e-3)
    assert deviation == pytest.approx(math.sqrt(0.21 / 10_000), rel=0.05)


def test_windows_and_shortest_intervals_of_a_known_law():
    theta = (np.arange(100) + 0.5) * 0.005 + 0.3
    amplitude = np.sin(theta) ** 2
    weights = np.exp(-0.5 * ((amplitude - 0.3) / 0.02) ** 2) * np.sin(2.0 * theta)
    edges, cdf = distribution(theta, weights / weights.sum(), 0.005)
    mass, centre = heaviest_window(edges, cdf, 0.04)
    assert centre == pytest.approx(0.3, abs=3e-3)
    assert mass == pytest.approx(0.954, abs=5e-3)
    low, high = shortest_interval(edges, cdf, 0.954)
    assert high - low == pytest.approx(0.08, abs=3e-3)


def test_the_cheap_look_never_rules_out_a_window_that_fits():
    """Random posteriors, also two-humped: `may_fit` is false only where no window holds enough."""
    rng, ruled_out = np.random.default_rng(7), 0
    for _ in range(2_000):
        start, width = rng.uniform(0.0, 1.4), 10.0 ** rng.uniform(-6.0, -3.0)
        theta = start + (np.arange(80) + 0.5) * width
        weights = rng.dirichlet(np.full(80, 10.0 ** rng.uniform(-2.0, 1.0)))
        gap = 2.0 * width * 10.0 ** rng.uniform(-0.5, 1.5)
        mass, _ = heaviest_window(*distribution(theta, weights, width), 0.5 * gap)
        fits = may_fit(theta, weights, width, 0.05, gap)
        assert fits or mass < 0.95
        ruled_out += not fits
    assert 200 < ruled_out < 1_800


@pytest.mark.parametrize(
    "fields", [{"shots": 0}, {"max_power": -1}, {"cells": 8}, {"max_rounds": 0}, {"shots": 1.5}]
)
def test_bad_fields_are_refused(fields):
    with pytest.raises(InvalidProblem, match=next(iter(fields))):
        Adaptive(**fields)


def test_bad_tellings_are_refused():
    state = Adaptive().start(ONE_PERCENT)
    with pytest.raises(InvalidProblem, match="hits"):
        Adaptive().tell(state, (Round(0, 1),), (2,))
    with pytest.raises(InvalidProblem, match="decay"):
        Adaptive().start(ONE_PERCENT, decay=-1.0)


@pytest.mark.parametrize("amplitude", [None, 0.021, 0.979], ids=str)
def test_coverage_with_enough_runs_to_fail(amplitude, covers):
    """At twice the tolerance from an end it has least to spare: 90 % credible mass fails there."""
    runs = 4_000
    drawn = np.random.default_rng(2).uniform(size=runs)
    truth = drawn if amplitude is None else np.full(runs, amplitude)
    done = run_lockstep(Adaptive(), truth, ONE_PERCENT, seeds=[[7, i] for i in range(runs)])
    covers(int(done.holds(truth).sum()), runs, 0.95)


def test_a_window_at_an_end_must_hold_more():
    theta = (np.arange(80) + 0.5) * 1e-3
    weights = np.zeros(80)
    weights[:60], weights[60:] = 0.96 / 60, 0.04 / 20
    cells = Cells(theta=theta[None], log_likelihood=np.log(weights)[None], width=np.array([1e-3]))
    top = math.sin(0.06) ** 2
    assert not reached(cells, 0, Goal(tolerance=0.5 * top), 0.05)
    moved = Cells(theta=theta[None] + 0.7, log_likelihood=cells.log_likelihood, width=cells.width)
    wide = math.sin(0.76) ** 2 - math.sin(0.7) ** 2
    assert reached(moved, 0, Goal(tolerance=0.5 * wide * 1.001), 0.05)


@pytest.mark.parametrize("seed", range(3))
def test_a_relative_tolerance_at_zero_is_never_met(seed):
    oracle = BinomialOracle(0.0, rng=seed)
    found = run_estimator(Adaptive(), oracle, Goal(relative_tolerance=0.1), rng=seed + 10)
    assert found.status == "unresolved"
