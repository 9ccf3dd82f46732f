"""Pictures of a back-test: losses, the forecast and its breaches; breaches of the last 250 days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qmc import checks
from qmc.backtest.coverage import BASEL_DAYS
from qmc.plots.axes import COLOURS, new_axes, require
from qmc.problem import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from qmc.backtest import Backtest, Forecasts

_LOSSES, _BREACH = "#8fa9c4", "#c00000"
# that stand side by side without running into each other
_MOST_DATES = 9


def plot_forecasts(forecasts: Forecasts, *, ax: Axes | None = None, label: str = "") -> Axes:
    """Each day's loss, VaR, and the breaches as dots; ES where it is at another level too.

    Raises:
        InvalidProblem: for anything but `Forecasts`.
    """
    from qmc.backtest import Forecasts

    require("forecasts", forecasts, Forecasts, "qmc.backtest.rolling(...) returns them")
    axes = new_axes(ax)
    days, losses = _positions(forecasts), 100.0 * forecasts.losses
    hits = forecasts.breaches
    # thousands of strokes: drawn as points of a picture in an SVG too
    axes.vlines(days, 0.0, losses, color=_LOSSES, lw=0.6, label="loss", rasterized=True)
    shortfall, risk = 100.0 * forecasts.expected_shortfall, 100.0 * forecasts.value_at_risk
    es_name, var_name = (
        f"{name} {100.0 * level:g} %"
        for name, level in (("ES", forecasts.es_level), ("VaR", forecasts.level))
    )
    axes.plot(days, shortfall, color=COLOURS[1], lw=0.6, alpha=0.7, label=es_name)
    axes.plot(days, risk, color=COLOURS[0], lw=1.0, label=var_name)
    count = f"{int(hits.sum())} breaches, {forecasts.expected_breaches:.0f} expected"
    axes.plot(days[hits], losses[hits], "o", ms=3.0, color=_BREACH, label=count)
    axes.set_ylabel("loss, per cent of the portfolio")
    _name_days(axes, forecasts)
    axes.set_title(label or f"{len(hits):,} days")
    axes.set_ylim(bottom=min(0.0, float(np.percentile(losses, 0.5))))
    _legend_below(axes)
    return axes


def plot_backtest(backtest: Backtest, method: str | None = None, *, ax: Axes | None = None) -> Axes:
    """`plot_forecasts` of one method of a back-test, the first when None.

    Raises:
        InvalidProblem: for anything but a `Backtest`, and a method that it does not have.
    """
    from qmc.backtest import Backtest

    require("backtest", backtest, Backtest, "qmc.backtest.backtest(...) returns one")
    if not backtest.forecasts:
        raise checks.refuse("backtest", "no forecasts", "a back-test that kept its forecasts")
    method = next(iter(backtest.forecasts)) if method is None else method
    checks.choice("method", method, backtest.forecasts)
    return plot_forecasts(backtest.forecasts[method], ax=ax, label=method)


def plot_breaches(backtest: Backtest, *, ax: Axes | None = None) -> Axes:
    """Breaches within the last 250 days, a line a method, with the zones of the traffic light.

    Raises:
        InvalidProblem: for anything but a `Backtest`, and fewer than 250 days.
    """
    from qmc.backtest import Backtest, traffic_light

    require("backtest", backtest, Backtest, "qmc.backtest.backtest(...) returns one")
    if not backtest.forecasts:
        raise checks.refuse("backtest", "no forecasts", "a back-test that kept its forecasts")
    some = next(iter(backtest.forecasts.values()))
    if len(some.days) < BASEL_DAYS:
        raise checks.refuse("backtest", f"{len(some.days)} days", f"{BASEL_DAYS} days or more")
    axes, days = new_axes(ax), _positions(some)[BASEL_DAYS - 1 :]
    highest = 0
    for (method, one), colour in zip(backtest.forecasts.items(), COLOURS * 9, strict=False):
        total = np.concatenate([[0], np.cumsum(one.breaches)])
        counts = total[BASEL_DAYS:] - total[:-BASEL_DAYS]
        highest = max(highest, int(counts.max()))
        axes.step(days, counts, where="mid", color=colour, lw=1.2, label=method)
    zones = [
        traffic_light(np.arange(BASEL_DAYS) < count, some.level).zone
        for count in range(BASEL_DAYS + 1)
    ]
    for zone, colour in (("yellow", "#ffd966"), ("red", "#e06666")):
        edge = zones.index(zone) - 0.5 if zone in zones else highest + 1.0
        axes.axhline(edge, color=colour, lw=1.5, ls="--", label=f"{zone} from {edge + 0.5:.0f}")
    axes.set_ylabel("breaches in the last 250 days")
    axes.set_ylim(0.0, max(highest, zones.index("red")) + 1.0)
    _name_days(axes, some)
    axes.set_title(f"Breaches of VaR {100.0 * some.level:g} %")
    _legend_below(axes)
    return axes


def _positions(forecasts: Forecasts) -> Array | NDArray[np.datetime64]:
    """Dates where the labels are dates, else their places."""
    if _dated(forecasts):
        return np.array(forecasts.days, dtype="datetime64[D]")
    return np.arange(len(forecasts.days), dtype=np.float64)


def _dated(forecasts: Forecasts) -> bool:
    return all(isinstance(day, str) and len(day) == len("2020-01-31") for day in forecasts.days)


def _name_days(axes: Axes, forecasts: Forecasts) -> None:
    axes.set_xlabel("date" if _dated(forecasts) else "day")
    if _dated(forecasts):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        dates = AutoDateLocator(minticks=3, maxticks=_MOST_DATES)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(dates)
        named = ConciseDateFormatter(dates)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(named)
    axes.margins(x=0.01)


def _legend_below(axes: Axes) -> None:
    """Outside: any corner may hold the worst breach."""
    axes.legend(fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False)
