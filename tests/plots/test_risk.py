"""Pictures of a loss say what their curves and results hold, and refuse others."""

import numpy as np
import pytest

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Call,
    FilteredReturns,
    Goal,
    HistoricalReturns,
    NormalReturns,
    Portfolio,
    Price,
    Problem,
    VaR,
    exceedance_curve,
)
from qmc.errors import InvalidProblem
from qmc.plots import new_axes, plot_exceedance, plot_loss_law

PROBLEM = Problem(
    NormalReturns(mean=(0.0,), covariance=((1e-4,),)),
    Portfolio(weights=(1.0,), value=100.0),
    VaR(level=0.95),
)
CURVE = exceedance_curve(PROBLEM, MonteCarlo(threads=1), Goal(queries=2_000), rng=1)
GOAL = Goal(queries=4_000)


def solved(measure, engine=MonteCarlo(threads=1)):
    return engine.solve(Problem(PROBLEM.model, PROBLEM.contract, measure), GOAL, rng=1)


def _beyond(loss):
    """How many of the picture's own sample."""
    return int(np.count_nonzero(_sample() > loss))


def _sample():
    return PROBLEM.outcomes(np.random.default_rng(20_260_401).standard_normal((2**15, 1)))


def test_a_curve_is_drawn_with_its_band():
    axes = CURVE.plot()
    (line,), (band,) = axes.lines, axes.collections
    above = np.array(CURVE.points.values) > 0.0
    assert np.array_equal(line.get_xdata(), np.array(CURVE.points.thresholds)[above])
    assert np.array_equal(line.get_ydata(), np.array(CURVE.points.values)[above])
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == max(CURVE.points.highs)
    assert axes.get_yscale() == "log"
    assert "95 % at all x, 2,000 queries" in axes.get_legend_handles_labels()[1][0]


def test_several_curves_share_axes():
    axes = new_axes()
    assert plot_exceedance([CURVE, CURVE], ax=axes) is axes
    assert len(axes.lines) == len(axes.collections) == 2


def test_a_law_is_drawn_with_its_measures():
    results = [solved(VaR(level=0.95)), solved(ES(level=0.95))]
    axes = plot_loss_law(PROBLEM, results)
    marks = [line.get_xdata()[0] for line in axes.lines]
    assert marks == [one.value for one in results]
    told = axes.get_legend_handles_labels()[1]
    assert any(one.startswith("VaR 95 %: ") for one in told)
    count = _beyond(results[0].value)
    assert f"beyond VaR: {count:,} of 32,768, {100.0 * count / 32_768:.2f} %" in told
    assert "losses: a sample of 32,768" in told
    heights = sum(bar.get_height() for bar in axes.patches if hasattr(bar, "get_height"))
    assert heights >= 0.99
    assert len(axes.child_axes) == 1


HISTORY = np.random.default_rng(3).standard_t(4.0, (500, 3)) * 0.01
HELD = Portfolio(weights=(0.5, 0.3, 0.2), value=1e6)


@pytest.mark.parametrize("model", [HistoricalReturns, FilteredReturns])
def test_scenarios_are_drawn_as_they_are(model):
    """Beyond the VaR 99 % of 500 scenarios lie 5, one in a hundred and no sample of them."""
    problem = Problem(model(returns=HISTORY), HELD, VaR(level=0.99))
    found = Analytic().solve(problem, GOAL)
    axes = plot_loss_law(problem, [found])
    told = axes.get_legend_handles_labels()[1]
    assert told[1:] == ["losses: all 500 scenarios", "beyond VaR: 5 of 500, 1.00 %"]
    ordinary, tail = axes.containers
    heights = [500.0 * bar.get_height() for bars in (ordinary, tail) for bar in bars]
    np.testing.assert_allclose(heights, np.round(heights), atol=1e-9)
    assert sum(heights) == pytest.approx(500.0)
    assert sum(bar.get_height() for bar in tail) == pytest.approx(5 / 500)
    assert tail[0].get_x() == pytest.approx(found.value)


def test_each_bar_counts_the_scenarios_above_its_left_edge_up_to_its_right():
    losses = -1e6 * HISTORY @ np.array(HELD.weights)
    problem = Problem(HistoricalReturns(returns=HISTORY), HELD, VaR(level=0.95))
    axes = plot_loss_law(problem, [Analytic().solve(problem, GOAL)])
    for bar in (bar for bars in axes.containers for bar in bars):
        low, high = bar.get_x(), bar.get_x() + bar.get_width()
        inside = np.count_nonzero((losses > low + 1e-6) & (losses <= high + 1e-6))
        assert bar.get_height() == pytest.approx(inside / 500)


def test_paths_of_many_days_are_sampled():
    ten_days = Portfolio(weights=HELD.weights, value=1e6, horizon=10 / 252)
    filtered = Problem(FilteredReturns(returns=HISTORY), ten_days, VaR(level=0.99))
    assert _labels(plot_loss_law(filtered)) == ["losses: a sample of 32,768"]
    windows = Problem(HistoricalReturns(returns=HISTORY), ten_days, VaR(level=0.99))
    assert _labels(plot_loss_law(windows)) == ["losses: all 491 scenarios"]


def _labels(axes):
    return axes.get_legend_handles_labels()[1]


def test_a_loss_that_nothing_exceeds_has_no_tail_to_draw():
    losing = np.maximum(HISTORY, -0.01)
    losing[:10] = -0.01
    worst = Problem(HistoricalReturns(returns=losing), HELD, VaR(level=0.99))
    axes = plot_loss_law(worst, [Analytic().solve(worst, GOAL)])
    assert not axes.child_axes
    assert not any(one.startswith("beyond") for one in _labels(axes))


@pytest.mark.parametrize("level", [0.6, 0.99])
def test_no_mark_crosses_the_inset(level):
    """A white panel under all that the inset writes lies above the marks, below the frame."""
    axes = plot_loss_law(PROBLEM, [solved(VaR(level=level)), solved(ES(level=level))])
    axes.figure.draw_without_rendering()
    (inset,) = axes.child_axes
    (panel,) = (one for one in inset.patches if one.get_zorder() < 0.0)
    inside, outside = inset.get_tightbbox().padded(-1.0), panel.get_window_extent()
    assert outside.x0 <= inside.x0 <= inside.x1 <= outside.x1
    assert outside.y0 <= inside.y0 <= inside.y1 <= outside.y1
    assert outside.x1 == pytest.approx(axes.bbox.x1)
    assert outside.y1 == pytest.approx(axes.bbox.y1)
    assert panel.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    drawn = [*axes.lines, *axes.patches, *axes.collections]
    assert max(one.get_zorder() for one in drawn) < inset.get_zorder()
    assert min(one.get_zorder() for one in axes.spines.values()) > inset.get_zorder()


def test_a_law_alone_has_no_marks_and_no_inset():
    axes = plot_loss_law(PROBLEM)
    assert not axes.lines
    assert not axes.child_axes


def test_an_open_interval_is_a_line_alone():
    result = MonteCarlo(threads=1).solve(
        Problem(PROBLEM.model, PROBLEM.contract, VaR(level=0.999)), Goal(queries=50), rng=1
    )
    assert result.interval.high == np.inf
    axes = plot_loss_law(PROBLEM, [result])
    assert [line.get_xdata()[0] for line in axes.lines] == [result.value]


def test_one_loss_is_one_bar():
    nothing = Problem(
        BlackScholes(spot=100.0, vol=0.2, rate=0.0), Call(strike=1e6, expiry=1.0), Price()
    )
    axes = plot_loss_law(nothing)
    assert max(bar.get_height() for bar in axes.patches) == 1.0


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda: plot_exceedance(3), "an ExceedanceCurve or"),
        (lambda: plot_exceedance([3]), "of type ExceedanceCurve"),
        (lambda: plot_exceedance([]), "an ExceedanceCurve or"),
        (lambda: plot_loss_law(3), "of type Problem"),
        (lambda: plot_loss_law(PROBLEM, [3]), "of type Result"),
        (
            lambda: plot_loss_law(PROBLEM, [solved(Price(), Analytic())]),
            "the result of a measure on the loss",
        ),
    ],
)
def test_others_are_refused(draw, told):
    with pytest.raises(InvalidProblem, match=told):
        draw()
