"""Exceedance curves: simultaneous intervals of quantum and classical engines, their tables."""

import math

import numpy as np
import pytest

from classical_baseline import MonteCarlo
from classical_baseline.exceedance import dkw_half_width, tail_thresholds
from qmc import (
    BlackScholes,
    Call,
    ExceedanceCurve,
    FactorGrid,
    Goal,
    Heston,
    HistoricalReturns,
    LawGrid,
    NormalReturns,
    Portfolio,
    Price,
    Problem,
    Quantum,
    StudentTReturns,
    Sum,
    TailPoints,
    UniformGrid,
    VaR,
    exceedance_curve,
    from_json,
    to_json,
)
from qmc.backends import Aer, Ideal
from qmc.errors import InvalidProblem, Unsupported
from qmc.estimators import Iterative
from qmc.result import Cost

ONE = Portfolio(weights=(1.0,), value=100.0)
STUDENT = StudentTReturns(mean=(0.001,), covariance=((1e-4,),), degrees_of_freedom=4.0)
PROBLEM = Problem(STUDENT, ONE, VaR(level=0.99))
LAW = STUDENT.value_law(ONE).negated()
QUANTUM = Quantum(grid=LawGrid(qubits=3), estimator=Iterative(), backend=Ideal())
CLASSICAL = MonteCarlo(threads=1)


def contained(curve):
    points = curve.points
    truths = LAW.sf(np.array(points.thresholds))
    return all(
        low <= t <= high for low, t, high in zip(points.lows, truths, points.highs, strict=True)
    )


@pytest.mark.parametrize("engine", [QUANTUM, CLASSICAL], ids=["quantum", "classical"])
def test_all_intervals_hold_together(covers, engine):
    goal = Goal(queries=3_000, confidence=0.8)
    curves = [exceedance_curve(PROBLEM, engine, goal, rng=seed) for seed in range(100)]
    covers(sum(map(contained, curves)), 100, 0.8)
    assert all(one.points.cost.queries <= 3_000 for one in curves)


def test_the_classical_band_is_massarts_and_nearly_tight():
    """P(sup |F_n - F| > w) is nearly 2 exp(-2 n w^2): at 80 % some curves do miss."""
    width = dkw_half_width(2_000, 0.8)
    assert width == pytest.approx(math.sqrt(math.log(10.0) / 4_000))
    thresholds = tuple(np.linspace(-3.0, 3.0, 200).tolist())
    goal = Goal(queries=2_000, confidence=0.8)
    curves = [exceedance_curve(PROBLEM, CLASSICAL, goal, thresholds, rng=n) for n in range(100)]
    missed = 100 - sum(map(contained, curves))
    assert 5 <= missed <= 35
    inner = curves[0].points
    place = 100
    assert inner.highs[place] - inner.lows[place] == pytest.approx(2.0 * width)


def test_a_quantum_curve_meets_a_relative_tolerance_down_to_a_floor():
    engine = Quantum(grid=LawGrid(qubits=5), estimator=Iterative(), backend=Ideal())
    curve = exceedance_curve(PROBLEM, engine, Goal(relative_tolerance=0.2), rng=3)
    points = curve.points
    assert points.status == "converged"
    assert len(points.thresholds) == 31
    for low, value, high in zip(points.lows, points.values, points.highs, strict=True):
        assert high <= 1e-4 or high - low <= 0.4 * value * (1.0 + 1e-9)
    assert points.kind == "sampling"
    assert contained(curve)


def test_aer_gives_the_same_law():
    engine = Quantum(grid=LawGrid(qubits=2), estimator=Iterative(), backend=Aer())
    assert contained(exceedance_curve(PROBLEM, engine, Goal(tolerance=0.05), rng=1))


def test_a_corrected_grids_curve_contains_the_closed_form():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    sold = Sum(contracts=(Call(strike=105.0, expiry=1.0),), quantities=(-1.0,))
    engine = Quantum(grid=FactorGrid(qubits=4), estimator=Iterative(), backend=Ideal())
    curve = exceedance_curve(Problem(market, sold, Price()), engine, Goal(tolerance=0.03), rng=2)
    points = curve.points
    strikes = 105.0 + np.exp(0.05) * np.maximum(np.array(points.thresholds), 0.0)
    truths = market.terminal_law(1.0).sf(strikes)
    inside = zip(points.lows, truths, points.highs, strict=True)
    # below the smallest loss, 0, all lie beyond
    assert all(low <= t <= high for low, t, high in list(inside)[1:])
    assert points.kind == "asymptotic"
    assert points.status == "converged"
    assert points.cost.residual_paths > 0
    assert "Sobol paths" in points.note


def test_tables_are_stored_printed_and_framed():
    curve = exceedance_curve(PROBLEM, QUANTUM, Goal(tolerance=0.1), rng=1)
    assert from_json(to_json(curve)) == curve
    assert isinstance(from_json(to_json(curve)), ExceedanceCurve)
    assert exceedance_curve(PROBLEM, QUANTUM, Goal(tolerance=0.1), rng=1).points.values == (
        curve.points.values
    )
    assert "P(loss > x) at 7 thresholds" in str(curve)
    assert str(curve).endswith("queries, Quantum")
    frame = curve.to_frame()
    assert list(frame.columns) == ["threshold", "value", "low", "high"]
    assert frame["low"].tolist() == list(curve.points.lows)
    assert curve.points.interval(2).contains(curve.points.values[2])


def test_named_thresholds_are_edges_of_the_grid():
    edges = QUANTUM.discrete_problem(PROBLEM).edges
    named = (float(edges[2]), float(edges[5]))
    curve = exceedance_curve(PROBLEM, QUANTUM, Goal(tolerance=0.1), named, rng=1)
    assert curve.points.thresholds == named
    with pytest.raises(InvalidProblem, match="an edge of the table"):
        exceedance_curve(PROBLEM, QUANTUM, Goal(tolerance=0.1), (0.123,))


def test_a_model_of_small_steps_covers_its_own_paths_only():
    heston = Heston(spot=100.0, rate=0.0, v0=0.04, kappa=1.0, theta=0.04, vol_of_vol=0.3, rho=-0.5)
    problem = Problem(heston, Call(strike=100.0, expiry=0.5), Price())
    curve = exceedance_curve(problem, CLASSICAL, Goal(queries=2_000), rng=1)
    assert curve.points.covers == "discretised"
    assert "of the discretised problem only" in str(curve)


@pytest.mark.parametrize("queries", [1, 5, 50])
def test_small_budgets_are_kept(queries):
    points = exceedance_curve(PROBLEM, QUANTUM, Goal(queries=queries), rng=1).points
    assert points.cost.queries <= queries
    assert points.status in {"budget_exhausted", "converged"}


def test_one_loss_is_one_threshold():
    sure = Problem(NormalReturns(mean=(0.0,), covariance=((1e-4,),)), ONE, VaR(level=0.9))
    nothing = Problem(
        BlackScholes(spot=100.0, vol=0.2, rate=0.0), Call(strike=1e6, expiry=1.0), Price()
    )
    assert exceedance_curve(nothing, CLASSICAL, Goal(queries=500), rng=1).points.values == (0.0,)
    assert len(exceedance_curve(sure, CLASSICAL, Goal(queries=500), rng=1).points.values) == 31


@pytest.mark.parametrize("queries", [2_000, 100_000])
def test_default_thresholds_lie_in_the_tail_that_the_sample_tells(queries):
    """Of 31, 5 below the median and 20 from it down to where the band reaches 0, by equal ratios.

    True probabilities of a law of heavy tails, which spread even thresholds over its range.
    """
    points = exceedance_curve(PROBLEM, CLASSICAL, Goal(queries=queries), rng=1).points
    half_width = dkw_half_width(queries, 0.95)
    truths = LAW.sf(np.array(points.thresholds))
    assert len(truths) == 31
    assert np.all(np.diff(points.thresholds) > 0.0)
    np.testing.assert_allclose(truths[:5], np.arange(11, 6, -1) / 12, atol=half_width)
    wanted = np.geomspace(0.5, half_width, 20)
    np.testing.assert_allclose(truths[5:25], wanted, atol=half_width)
    np.testing.assert_allclose(points.values[5:25], wanted, atol=0.51 / queries)
    assert all(low > 0.0 for low in points.lows[:24])
    assert points.values[-1] == pytest.approx(1.0 / queries)


def test_equal_losses_give_no_equal_thresholds():
    """The thresholds are losses of the history, each once, up to the last but one."""
    returns = np.random.default_rng(3).standard_t(4.0, (500, 1)) * 0.01
    problem = Problem(HistoricalReturns(returns=returns), ONE, VaR(level=0.99))
    points = exceedance_curve(problem, CLASSICAL, Goal(queries=100_000), rng=1).points
    losses = np.sort(problem.model.value_law(ONE).negated().ppf(np.arange(1, 501) / 500.5))
    assert 20 < len(points.thresholds) <= 31
    assert np.all(np.diff(points.thresholds) > 0.0)
    places = np.searchsorted(losses, points.thresholds)
    np.testing.assert_allclose(losses[places], points.thresholds)
    assert places[-1] == 498
    assert sum(value < 0.5 for value in points.values) >= 18


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([0.0] * 50, (0.0,)),
        ([0.0] * 990 + [10.0] * 10, (0.0, 10.0)),
        (list(range(31)) * 4, tuple(range(31))),
    ],
)
def test_few_different_losses_are_all_thresholds(losses, told):
    assert tail_thresholds(np.sort(np.array(losses, dtype=float)), 0.04) == told


def test_an_atom_at_the_median_leaves_the_thresholds_to_the_tail_beyond_it():
    """Nine of ten lose nothing: the probabilities start from the tenth that lose."""
    ordered = np.concatenate([np.zeros(9_000), np.arange(1.0, 1_001.0)])
    thresholds = tail_thresholds(ordered, 0.01)
    assert thresholds[0] == 0.0
    # the 5 below the median are that atom too
    assert len(thresholds) == 26
    beyond = 10_000 - np.searchsorted(ordered, thresholds, side="right")
    np.testing.assert_allclose(beyond[:20], np.geomspace(1_000, 100, 20), atol=0.5)


@pytest.mark.parametrize("at_most", [600, 990])
def test_a_largest_loss_of_most_paths_leaves_the_thresholds_below_it(at_most):
    """A bought option loses its premium and no more."""
    ordered = np.concatenate([np.arange(1_000.0 - at_most), np.full(at_most, 1_000.0)])
    thresholds = tail_thresholds(ordered, 0.04)
    assert thresholds[-1] == (999.0 - at_most if at_most == 600 else 1_000.0)
    assert len(thresholds) == (31 if at_most == 600 else 11)


def test_ends_are_in_order_for_samples_of_every_size():
    rng = np.random.default_rng(5)
    for count in [*range(1, 80), 997]:
        for digits in (0, 1, 8):
            ordered = np.sort(rng.standard_t(2.0, count).round(digits))
            thresholds = np.array(tail_thresholds(ordered, dkw_half_width(count, 0.95)))
            assert np.all(np.diff(thresholds) > 0.0)
            assert np.isin(thresholds, ordered).all()
            assert len(thresholds) >= min(np.unique(ordered).size, 12)


REFUSED = {
    "problem": ((3, QUANTUM, Goal(queries=10)), InvalidProblem, "must be a Problem"),
    "engine": ((PROBLEM, 3, Goal(queries=10)), InvalidProblem, "it lacks tail_points"),
    "goal": ((PROBLEM, QUANTUM, 3), InvalidProblem, "must be a Goal"),
    "order": (
        (PROBLEM, QUANTUM, Goal(queries=10), (1.0, 0.5)), InvalidProblem, "increasing losses",
    ),
    "not a number": (
        (PROBLEM, CLASSICAL, Goal(queries=10), (math.nan,)), InvalidProblem, "a finite number",
    ),
    "relative": (
        (PROBLEM, CLASSICAL, Goal(relative_tolerance=0.1)), InvalidProblem, "units of probability",
    ),
    "antithetic": (
        (PROBLEM, MonteCarlo(antithetic=True), Goal(queries=10)), Unsupported, "independent paths",
    ),
    "no edges": (
        (
            Problem(
                BlackScholes(spot=100.0, vol=0.2, rate=0.0), Call(strike=90.0, expiry=1.0), Price()
            ),
            Quantum(grid=UniformGrid(qubits=3), backend=Ideal()),
            Goal(queries=10),
        ),
        Unsupported,
        "VaR",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused(case):
    given, kind, told = REFUSED[case]
    with pytest.raises(kind, match=told):
        exceedance_curve(*given)


def test_points_out_of_their_intervals_are_refused():
    fields = {
        "confidence": 0.9, "kind": "sampling", "covers": "continuous", "status": "converged",
        "note": "", "cost": Cost(),
    }  # fmt: skip
    with pytest.raises(InvalidProblem, match="must lie in its interval"):
        TailPoints(thresholds=(1.0,), values=(0.5,), lows=(0.6,), highs=(0.7,), **fields)
    with pytest.raises(InvalidProblem, match="as many of each"):
        TailPoints(thresholds=(1.0,), values=(0.5, 0.4), lows=(0.1,), highs=(0.7,), **fields)
