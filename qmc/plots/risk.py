"""Pictures of a loss: its exceedance curve, and its law with VaR and ES marked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.capabilities import HasScenarios, SampledLaw
from qmc.models.one_period import periods_to
from qmc.plots.axes import COLOURS, items, new_axes, require
from qmc.problem import Array, Problem
from qmc.result import Result
from qmc.risk_text import measure_name
from qmc.tail_points import TailPoints, of_loss

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from qmc.exceedance import ExceedanceCurve

_CURVES = "an ExceedanceCurve or a non-empty sequence of them"
_PATHS, _SEED = 2**15, 20_260_401
# normals that a sample of losses may draw
_NORMALS = 2**23
_FEW_BINS, _BINS = 20, 90
# shares of a sample of losses that the picture leaves out on either side
_CUT = 5e-4
_LEAST = 1e-5
# losses that differ by less, as a share of the largest, are one loss and rounding
_SAME = 1e-12
# of the inset in its axes: left, bottom, width, height
_INSET = (0.69, 0.46, 0.3, 0.46)
# of the panel behind it, which holds its numbers and its title, in the inset's own units
_PANEL = (-0.24, -0.16)
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
    """The law of a problem's loss, with measures and their intervals marked.

    Of a model that is a list of equally likely scenarios, such as a history, the loss in each of
    them is drawn, so that the shares are those of the law itself. Else they are those of a sample
    by a fixed seed, whose size stands in the picture. The losses beyond the first VaR among the
    results are coloured.

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
    losses, exact = _losses(problem)
    beyond = _first_quantile(shown) + _SAME * float(np.abs(losses).max())
    edges = _edges(losses, exact, beyond, [one.value for one in shown])
    # a bin holds its upper edge, so that the coloured ones hold what is beyond and no more
    ranks = np.searchsorted(np.sort(losses), edges, side="right")
    shares = np.diff(ranks) / losses.size
    told = _told(losses.size, int(np.count_nonzero(losses > beyond)), exact)
    _bars(axes, edges, shares, beyond, told)
    for one, colour in zip(shown, _MARK_COLOURS * len(shown), strict=False):
        _mark(axes, one, colour)
    if told[1] is not None:
        _closer(axes, edges, shares, beyond, shown)
    axes.set_xlabel("loss (positive is bad)")
    axes.set_ylabel("share of losses")
    # outside: no corner is free under every law
    axes.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False)
    return axes


def _losses(problem: Problem) -> tuple[Array, bool]:
    """The loss in each scenario of the model and True, else a sample by a fixed seed and False."""
    problem = of_loss(problem)
    model, times = problem.model, problem.contract.times
    by_sample = isinstance(model, SampledLaw) and model.sampled_law(times) is not None
    if isinstance(model, HasScenarios) and not by_sample:
        gross = 1.0 + model.scenarios(periods_to(model, times))
        return 0.0 - problem.values_of_paths(gross[:, None, :]), True
    factors = max(problem.num_factors, 1)
    paths = max(min(_PATHS, _NORMALS // factors), 1)
    normals = np.random.default_rng(_SEED).standard_normal((paths, factors))
    return problem.outcomes(normals), False


def _edges(losses: Array, exact: bool, beyond: float, marks: Sequence[float]) -> Array:
    """Of bins of equal width that hold the marks and the losses, of a sample all but a few.

    Where `beyond` is finite it is an edge.
    """
    cut = 0.0 if exact else _CUT
    low, high = np.quantile(losses, [cut, 1.0 - cut])
    low, high = _apart(min([low, *marks]), max([high, *marks]))
    bins = min(max(2 * math.isqrt(losses.size), _FEW_BINS), _BINS)
    if not math.isfinite(beyond):
        return np.linspace(low, high, bins + 1)
    width = (high - low) / bins
    below, above = math.ceil((beyond - low) / width), math.ceil((high - beyond) / width)
    return np.asarray(beyond + width * np.arange(-below, above + 1), dtype=np.float64)


def _told(count: int, beyond: int, exact: bool) -> tuple[str, str | None]:
    """What the legend says of all losses, and of those beyond the VaR where there are any."""
    losses = f"losses: all {count:,} scenarios" if exact else f"losses: a sample of {count:,}"
    if beyond == 0:
        return losses, None
    share = f"{100.0 * beyond / count:.2f} %"
    return losses, f"beyond VaR: {beyond:,} of {count:,}, {share}"


def _bars(
    axes: Axes, edges: Array, shares: Array, beyond: float, told: tuple[str | None, str | None]
) -> None:
    """The histogram, bins from `beyond` up in another colour."""
    starts = edges[:-1]
    for chosen, colour, label in (
        (starts < beyond, "#9fb8d1", told[0]),
        (starts >= beyond, "#cf9a6a", told[1]),
    ):
        if chosen.any():
            widths = np.diff(edges)[chosen]
            axes.bar(
                starts[chosen], shares[chosen], widths, align="edge", color=colour, label=label
            )


def _closer(
    axes: Axes, edges: Array, shares: Array, beyond: float, shown: Sequence[Result]
) -> None:
    """An inset of the tail, which the whole law's scale hides, on a panel above the marks."""
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import MaxNLocator

    inset = axes.inset_axes(_INSET, zorder=5)
    left, bottom, width, height = _INSET
    # up to the corner of the axes, whose frame is drawn above it
    size = (1.0 - left) / width - _PANEL[0], (1.0 - bottom) / height - _PANEL[1]
    panel = Rectangle(_PANEL, *size, color="white", lw=0.0, clip_on=False, zorder=-1.0)
    panel.set_transform(inset.transAxes)
    inset.add_artist(panel)
    for spine in axes.spines.values():
        spine.set_zorder(6)
    _bars(inset, edges, shares, beyond, (None, None))
    for one, colour in zip(shown, _MARK_COLOURS * len(shown), strict=False):
        _mark(inset, one, colour)
    reach = edges[-1] - beyond
    start = max(beyond - 0.25 * reach, edges[0])
    inset.set_xlim(start, edges[-1])
    inset.set_ylim(0.0, 1.2 * float(shares[edges[:-1] >= start].max(initial=0.0)) or 1.0)
    inset.xaxis.set_major_locator(MaxNLocator(4))
    inset.tick_params(labelsize=7)
    inset.set_title("the tail, closer", fontsize=8)


def _mark(axes: Axes, result: Result, colour: str) -> None:
    """A line at the value, and a band over the interval as far as it is finite."""
    interval = result.interval
    if math.isfinite(interval.half_width):
        axes.axvspan(interval.low, interval.high, color=colour, alpha=0.18, lw=0)
    name = measure_name(result.provenance.problem.measure)
    told = f"{name}: {result.value:,.5g} [{interval.low:,.5g}, {interval.high:,.5g}]"
    axes.axvline(result.value, color=colour, lw=1.5, label=told)


def _require_loss(result: Result, place: int) -> None:
    require(f"results[{place}]", result, Result, "engine.solve(problem, goal) returns one")
    measure = result.provenance.problem.measure
    if not measure.on_loss:
        allowed = "the result of a measure on the loss"
        raise checks.refuse(f"results[{place}]", measure, allowed, "such as VaR or ES")


def _first_quantile(results: Iterable[Result]) -> float:
    found = (one.value for one in results if type(one.provenance.problem.measure).__name__ == "VaR")
    return next(found, math.inf)


def _apart(low: float, high: float) -> tuple[float, float]:
    """The limits, set apart where all losses are one."""
    margin = 0.02 * (high - low) if high > low else max(abs(low), 1.0) * 0.05
    return low - margin, high + margin
