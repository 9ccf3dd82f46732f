"""Pictures of a back-test show the numbers that they are of."""

from itertools import pairwise

import numpy as np
import pytest

from qmc.backtest import Backtest, Forecasts, Historical, NormalForecast, backtest
from qmc.errors import InvalidProblem
from qmc.plots.backtest import plot_backtest, plot_breaches, plot_forecasts

DAYS = [str(np.datetime64("2020-01-01") + day) for day in range(800)]


@pytest.fixture(scope="module")
def table():
    returns = np.random.default_rng(6).standard_t(4, (800, 1)) * 0.01
    methods = {"history": Historical(window=200), "normal": NormalForecast(window=200)}
    return backtest(returns, (1.0,), methods, days=DAYS, simulations=0)


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_losses_forecast_and_breaches(table):
    axes = table.plot("normal")
    found = table.forecasts["normal"]
    shown = lines(axes)
    np.testing.assert_allclose(shown["VaR 99 %"].get_ydata(), 100.0 * found.value_at_risk)
    np.testing.assert_allclose(shown["ES 97.5 %"].get_ydata(), 100.0 * found.expected_shortfall)
    count = int(found.breaches.sum())
    dots = shown[f"{count} breaches, 6 expected"]
    np.testing.assert_allclose(dots.get_ydata(), 100.0 * found.losses[found.breaches])
    assert (axes.get_title(), axes.get_xlabel()) == ("normal", "date")
    (bars,) = axes.collections
    assert len(bars.get_segments()) == 600
    assert plot_backtest(table).get_title() == "history"
    assert found.plot().get_title() == "600 days"


def test_breaches_of_the_last_250_days(table):
    axes = plot_breaches(table)
    shown = lines(axes)
    hits = table.forecasts["history"].breaches
    expected = [hits[day - 249 : day + 1].sum() for day in range(249, 600)]
    np.testing.assert_array_equal(shown["history"].get_ydata(), expected)
    assert {"yellow from 5", "red from 10"} <= shown.keys()


@pytest.mark.parametrize("days", [5, 40, 120, 250, 600, 1_500, 6_000])
def test_dates_stand_apart(days):
    axes = plot_forecasts(forecasts_of(days))
    axes.figure.draw_without_rendering()
    shown = [one.get_window_extent() for one in axes.get_xticklabels() if one.get_text()]
    inside = sorted((one for one in shown if axes.bbox.x0 <= one.x1), key=lambda one: one.x0)
    assert len(inside) >= 3
    # a letter's width at the least
    assert all(one.x1 + 5.0 < other.x0 for one, other in pairwise(inside))


def test_months_are_named_and_their_year_stands_once():
    axes = plot_forecasts(forecasts_of(120))
    axes.figure.draw_without_rendering()
    texts = [one.get_text() for one in axes.get_xticklabels()]
    assert "Feb" in texts
    assert axes.xaxis.get_offset_text().get_text() == "2020"


def forecasts_of(days):
    """Of weekdays from 2020-01-06 on."""
    dates = np.busday_offset("2020-01-06", np.arange(days), roll="forward")
    return Forecasts(
        days=tuple(map(str, dates)),
        losses=np.zeros(days),
        value_at_risk=np.ones(days),
        expected_shortfall=np.ones(days),
        value_at_es_level=np.ones(days),
        level=0.99,
        es_level=0.975,
    )


def test_days_without_dates_and_axes_of_ones_own(table):
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    returns = np.random.default_rng(6).normal(0.0, 0.01, (300, 1))
    small = backtest(returns, (1.0,), NormalForecast(window=200), simulations=0)
    assert small.plot(ax=axes) is axes
    assert axes.get_xlabel() == "day"
    with pytest.raises(InvalidProblem, match="250 days or more"):
        plot_breaches(small)


@pytest.mark.parametrize(
    ("draw", "named"),
    [
        (plot_forecasts, "of type Forecasts"),
        (lambda table: plot_backtest(table.rows), "of type Backtest"),
        (lambda table: plot_breaches("table"), "of type Backtest"),
        (lambda table: table.plot("garch"), "'history', 'normal'"),
        (lambda table: plot_backtest(Backtest(rows=table.rows)), "kept its forecasts"),
        (lambda table: plot_breaches(Backtest(rows=table.rows)), "kept its forecasts"),
        (lambda table: table.plot(ax="axes"), "ax='axes'"),
    ],
)
def test_what_cannot_be_drawn(table, draw, named):
    with pytest.raises(InvalidProblem, match=named):
        draw(table)


def test_the_legend_stands_outside_where_it_hides_no_breach(table):
    for axes in (table.plot("normal"), plot_breaches(table)):
        axes.figure.draw_without_rendering()
        legend = axes.get_legend().get_window_extent()
        assert legend.y1 < axes.get_window_extent().y0
        assert not legend.overlaps(axes.xaxis.label.get_window_extent())
        assert legend.y0 >= 0.0
