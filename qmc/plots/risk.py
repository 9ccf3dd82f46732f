"""Pictures of a loss: its exceedance curve, and its law with VaR and ES marked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.plots.axes import COLOURS, items, new_axes, require
from qmc.problem import Array, Problem
from qmc.result import Result
from qmc.tail_points import TailPoints, of_loss

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from qmc.exceedance import ExceedanceCurve

_CURVES = "an ExceedanceCurve or a non-empty sequence of them"
_PATHS, _SEED = 2**15, 20_260_401
# normals that a sample of losses may draw
_NORMALS = 2**23
_BINS = 90
# shares of the losses that the picture leaves out on either side
_CUT = 5e-4
_LEAST = 1e-5
_MARK_COLOURS = (COLOURS[0], *COLOURS[2:])


def plot_exceedance(
    curves: ExceedanceCurve | Iterable[ExceedanceCurve], *, ax: Axes | None = None
) -> Axes:
    """P(loss > x) against x, logarithmic, with each curve's simultaneous band.

    Raises:
        InvalidProblem: for anything but curves, or none.
    """
    from qmc.exceedance import ExceedanceCurve

    given = [curves] if isinstance(curves, ExceedanceCurve) else items("curves", curves, _CURVES)
    for place, one in enumerate(given):
        require(f"curves[{place}]", one, ExceedanceCurve, "qmc.exceedance_curve(...) returns one")
    axes = new_axes(ax)
    floor = min(_floor(one.points) for one in given)
    for one, colour in zip(given, COLOURS * len(given), strict=False):
        points = one.points
        x, low, high = (np.asarray(row) for row in (points.thresholds, points.lows, points.highs))
        name = one.provenance.engine.split("(")[0]
        told = f"{name}, {100.0 * points.confidence:g} % at all x, {points.cost.queries:,} queries"
        axes.fill_between(
            x, np.maximum(low, floor), np.maximum(high, floor), color=colour, alpha=0.2, lw=0
        )
        values = np.asarray(points.values)
        axes.plot(
            x[values > 0.0], values[values > 0.0], ".-", ms=5, lw=1.2, color=colour, label=told
        )
    axes.set_yscale("log")
    axes.set_ylim(floor, 1.3)
    axes.set_xlabel("loss x (positive is bad)")
    axes.set_ylabel("P(loss > x)")
    axes.grid(visible=True, which="major", alpha=0.25)
    axes.legend(fontsize=8, loc="lower left")
    return axes


def _floor(points: TailPoints) -> float:
    """The lowest probability drawn: a band that reaches 0 has no end on a logarithmic scale."""
    above = [one for one in (*points.values, *points.lows) if one > 0.0]
    return max(_LEAST, 0.5 * min(above, default=_LEAST))


def plot_loss_law(
    problem: Problem, results: Iterable[Result] = (), *, ax: Axes | None = None
) -> Axes:
    """The law of a problem's loss, by a fixed sample, with measures and their intervals marked.

    The losses beyond the first VaR among the results are coloured.

    Args:
        problem: whose loss is drawn; its measure is not used.
        results: of measures of the same loss, such as VaR and ES.
        ax: to draw into.

    Raises:
        InvalidProblem: for anything but a `Problem` and results of measures on the loss.
    """
    require("problem", problem, Problem, "Problem(model, contract, measure)")
    shown = items("results", results, "a sequence of results") if results else []
    for place, one in enumerate(shown):
        _require_loss(one, place)
    axes = new_axes(ax)
    losses = _losses(problem)
    marks = [one.value for one in shown]
    low, high = np.quantile(losses, [_CUT, 1.0 - _CUT])
    limits = min([low, *marks]), max([high, *marks])
    edges = np.linspace(*_apart(*limits), _BINS + 1)
    shares = np.histogram(losses, edges)[0] / losses.size
    beyond = _first_quantile(shown)
    told = f"beyond VaR: {float((losses > beyond).mean()):.2%} of the losses"
    _bars(axes, edges, shares, beyond, told if beyond < edges[-2] else None)
    for one, colour in zip(shown, _MARK_COLOURS * len(shown), strict=False):
        _mark(axes, one, colour)
    if beyond < edges[-2]:
        _closer(axes, edges, shares, beyond, shown)
    axes.set_xlabel("loss (positive is bad)")
    axes.set_ylabel("share of losses")
    # outside: no corner is free under every law
    axes.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False)
    return axes


def _bars(axes: Axes, edges: Array, shares: Array, beyond: float, told: str | None) -> None:
    """The histogram, bins from `beyond` up in another colour."""
    for chosen, colour, label in (
        (edges[:-1] < beyond, "#9fb8d1", "losses"),
        (edges[:-1] >= beyond, "#cf9a6a", told),
    ):
        if chosen.any():
            widths = np.diff(edges)[chosen]
            axes.bar(
                edges[:-1][chosen], shares[chosen], widths, align="edge", color=colour, label=label
            )


def _closer(
    axes: Axes, edges: Array, shares: Array, beyond: float, shown: Sequence[Result]
) -> None:
    """An inset of the tail, which the whole law's scale hides."""
    inset = axes.inset_axes((0.62, 0.42, 0.36, 0.5))
    _bars(inset, edges, shares, beyond, None)
    for one, colour in zip(shown, _MARK_COLOURS * len(shown), strict=False):
        _mark(inset, one, colour)
    width = edges[-1] - beyond
    start = max(beyond - 0.25 * width, edges[0])
    inset.set_xlim(start, edges[-1])
    inset.set_ylim(0.0, 1.2 * float(shares[edges[:-1] >= start].max(initial=0.0)) or 1.0)
    inset.tick_params(labelsize=7)
    inset.set_title("the tail, closer", fontsize=8)


def _mark(axes: Axes, result: Result, colour: str) -> None:
    """A line at the value, and a band over the interval as far as it is finite."""
    interval = result.interval
    if math.isfinite(interval.half_width):
        axes.axvspan(interval.low, interval.high, color=colour, alpha=0.18, lw=0)
    measure = result.provenance.problem.measure
    level = getattr(measure, "level", None)
    name = type(measure).__name__ + ("" if level is None else f" {100.0 * level:g} %")
    told = f"{name}: {result.value:,.5g} [{interval.low:,.5g}, {interval.high:,.5g}]"
    axes.axvline(result.value, color=colour, lw=1.5, label=told)


def _require_loss(result: Result, place: int) -> None:
    require(f"results[{place}]", result, Result, "engine.solve(problem, goal) returns one")
    measure = result.provenance.problem.measure
    if not measure.on_loss:
        allowed = "the result of a measure on the loss"
        raise checks.refuse(f"results[{place}]", measure, allowed, "such as VaR or ES")


def _losses(problem: Problem) -> Array:
    """A sample of the problem's losses by a fixed seed."""
    problem = of_loss(problem)
    factors = max(problem.num_factors, 1)
    paths = max(min(_PATHS, _NORMALS // factors), 1)
    return problem.outcomes(np.random.default_rng(_SEED).standard_normal((paths, factors)))


def _first_quantile(results: Iterable[Result]) -> float:
    found = (one.value for one in results if type(one.provenance.problem.measure).__name__ == "VaR")
    return next(found, math.inf)


def _apart(low: float, high: float) -> tuple[float, float]:
    """The limits, set apart where all losses are one."""
    margin = 0.02 * (high - low) if high > low else max(abs(low), 1.0) * 0.05
    return low - margin, high + margin
