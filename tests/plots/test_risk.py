"""Pictures of a loss say what their curves and results hold, and refuse others."""

import numpy as np
import pytest

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Call,
    Goal,
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


def _share_beyond(loss):
    """Of the picture's own sample."""
    return float(np.mean(_sample() > loss))


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
    assert f"beyond VaR: {_share_beyond(results[0].value):.2%} of the losses" in told
    heights = sum(bar.get_height() for bar in axes.patches if hasattr(bar, "get_height"))
    assert heights >= 0.99
    assert len(axes.child_axes) == 1


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
