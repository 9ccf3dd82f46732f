"""Extremes by Brownian bridge, and the problems that ask for them."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import special

from classical_baseline import MonteCarlo
from qmc import BlackScholes, Curve, Goal, HistoricalReturns, Price, Problem
from qmc.capabilities import SupportsExtremes
from qmc.errors import InvalidProblem, Unsupported
from qmc.models.bridge import bridge_extremes

MARKET = BlackScholes(spot=100.0, vol=0.3, rate=0.05)
TIMES = (0.25, 0.5, 1.0)


@dataclass(frozen=True, kw_only=True)
class Peak:
    """Pays the highest (or lowest) price."""

    extremes: str | None = "high"
    times: tuple[float, ...] = TIMES

    def present_value(self, paths, discount):
        assert paths.shape[2] == (1 if self.extremes is None else 2)
        best = np.min if self.extremes == "low" else np.max
        return discount[-1] * best(paths[:, :, -1], axis=1)


@pytest.mark.parametrize("side", ["low", "high"])
def test_extremes_invert_their_law(side):
    """P(max > m | ends a, b) = exp(-2 (m - a)(m - b) / v)."""
    normals = np.random.default_rng(1).standard_normal((200, 3, 2))
    paths = np.exp(np.random.default_rng(2).normal(size=(200, 3, 2)))
    spots, variances = np.array([0.7, 1.9]), np.array([[0.1, 0.2], [0.3, 0.1], [0.5, 0.4]])
    drawn = bridge_extremes(spots, paths, variances, normals, side)
    starts = np.concatenate([np.broadcast_to(spots, (200, 1, 2)), paths[:, :-1]], axis=1)
    product = np.log(drawn / starts) * np.log(drawn / paths)
    beyond = np.exp(-2.0 * product / variances)
    expected = special.ndtr(normals if side == "low" else -normals)
    np.testing.assert_allclose(beyond, expected, atol=1e-11)
    inner, outer = (np.minimum, np.less_equal) if side == "low" else (np.maximum, np.greater_equal)
    assert np.all(outer(drawn, inner(starts, paths)))


def test_a_step_without_time_has_its_own_ends():
    paths = MARKET.paths((0.0, 1.0), np.ones((5, 2)))
    high = MARKET.extremes((0.0, 1.0), paths, np.zeros((5, 2, 1)), "high")
    assert np.all(high[:, 0] == pytest.approx(100.0))
    assert isinstance(MARKET, SupportsExtremes)


@pytest.mark.parametrize("side", ["low", "high"])
def test_extremes_do_not_depend_on_the_times_between(side):
    """Fine and coarse steps have one law: mean extremes agree within 5 standard errors."""
    runs = [
        Problem(MARKET, Peak(extremes=side, times=tuple(np.linspace(0, 1, n + 1)[1:])), Price())
        for n in (1, 7)
    ]
    coarse, fine = (MonteCarlo().solve(run, Goal(queries=60_000), rng=3) for run in runs)
    errors = np.hypot(coarse.interval.half_width, fine.interval.half_width) / 1.96
    assert abs(coarse.value - fine.value) < 5.0 * errors


def test_a_problem_counts_and_hands_over_extremes():
    plain, peak = (Problem(MARKET, Peak(extremes=side), Price()) for side in (None, "high"))
    assert (plain.num_factors, peak.num_factors) == (3, 6)
    normals = np.random.default_rng(4).standard_normal((10, 6))
    paths = peak.paths(normals)
    np.testing.assert_array_equal(paths[:, :, :1], plain.paths(normals[:, :3]))
    assert paths.shape == (10, 3, 2)
    assert np.all(paths[:, :, 1] >= paths[:, :, 0])
    assert np.all(peak.values(normals) > plain.values(normals[:, :3]))


def test_models_without_extremes_are_refused_with_a_way_out():
    history = HistoricalReturns(returns=((0.01,), (0.02,)))
    with pytest.raises(Unsupported, match=r"SupportsExtremes.*discrete"):
        Problem(history, Peak(times=(1.0,)), Price())
    with pytest.raises(InvalidProblem, match="extremes='both'"):
        Problem(MARKET, Peak(extremes="both"), Price())


def test_curves_may_change_at_the_times_only():
    """Steps of variances .08 and .01: each step's bridge has its own."""
    market = BlackScholes(spot=100.0, vol=Curve(times=(0.5,), values=(0.4, 0.1)), rate=0.05)
    with pytest.raises(InvalidProblem, match=r"add 0\.5 to times"):
        Problem(market, Peak(times=(0.25, 1.0)), Price())
    problem = Problem(market, Peak(times=(0.5, 1.5)), Price())
    paths = problem.paths(np.random.default_rng(5).standard_normal((20, problem.num_factors)))
    normals = np.random.default_rng(5).standard_normal((20, problem.num_factors))[:, 2:]
    variances = np.array([[0.08], [0.01]])
    expected = bridge_extremes(
        np.array([100.0]), paths[:, :, :1], variances, normals[:, :, None], "high"
    )
    np.testing.assert_allclose(paths[:, :, 1:], expected, rtol=1e-12)
