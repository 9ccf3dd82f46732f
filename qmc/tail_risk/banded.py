"""A quantile on a grid whose tails are only near: the cells' tails and a band of what they leave.

The distribution is P(cell <= x), by circuits, plus E[1{loss <= x} - 1{cell <= x}], by fresh paths
at all edges at once (`qmc.grids.tail_band`). The quantile's interval is every x whose band of both
contains the level.
"""

from __future__ import annotations

import math

from qmc.grids.residual import Residual
from qmc.grids.tail_band import TailBand, tail_band
from qmc.problem import Goal
from qmc.quantile import require_visible_tail
from qmc.result import BudgetLine, Interval, Status
from qmc.run import Run
from qmc.tail_risk.band_search import TEST_SHARE, BandSearch
from qmc.tail_risk.located import Located
from qmc.tail_risk.sampled import FIRST_PATHS, paths_of
from qmc.tail_risk.searching import edges_of, require_held
from qmc.tail_risk.thresholds import require_early_reading, tail_bias

# share of the error probability that the band of the paths spends
_BAND_SHARE = 0.5
# how far the circuits' half-width may widen the band's
_BOTH = 1.0 + TEST_SHARE


def banded(run: Run, residual: Residual, level: float, goal: Goal, reserve: int = 0) -> Located:
    """The edges between which the corrected band contains the level, at `goal.confidence`.

    Args:
        run: in progress, on a table with a locator.
        residual: samples the band.
        level: of the quantile.
        goal: of the interval; its tolerances are the loss's.
        reserve: queries of the run's budget to leave untouched.
    """
    require_early_reading(run.estimator)
    edges, tau = edges_of(run.table), 1.0 - level
    require_held(run.table, level)
    require_visible_tail(tau, tail_bias(run.encoding, run.table, edges.size // 2))
    error = 1.0 - goal.confidence
    band = _band(run, residual, tau, goal, _BAND_SHARE * error)
    search = BandSearch(run, band, tau, (1.0 - _BAND_SHARE) * error, goal, reserve)
    low, high = search.ends()
    status: Status = "interrupted" if band.interrupted else search.status
    half_width = Interval(float(edges[low]), float(edges[high])).half_width
    return Located(
        edges=edges,
        low=low,
        high=high,
        value=search.value(low, high),
        status=status,
        confidence=goal.confidence,
        tails=search.tails(),
        lines=_lines(run, search, band, half_width, error),
        reliable=band.reliable(tau),
    )


def _band(run: Run, residual: Residual, tau: float, goal: Goal, error: float) -> TailBand:
    """The paths' band, narrow enough that the circuits can meet the goal."""
    edges = edges_of(run.table)
    tolerant = goal.allowed_half_width(1.0) is not None
    residual = paths_of(residual, goal.queries)

    def enough(band: TailBand) -> bool:
        if not tolerant:
            return True
        low, high = band.around(tau, _BOTH)
        interval = Interval(float(edges[low]), float(edges[high]))
        narrow = math.isfinite(interval.half_width) and goal.met(
            interval.midpoint, interval.half_width
        )
        return narrow and band.reliable(tau)

    (stream,) = run.rng.spawn(1)
    first = FIRST_PATHS if tolerant else residual.max_paths
    band = tail_band(
        run.problem, run.table, residual, enough, error=error, first_paths=first, rng=stream
    )
    run.residual_paths += band.paths
    return band


def _lines(
    run: Run, search: BandSearch, band: TailBand, half_width: float, error: float
) -> tuple[BudgetLine, ...]:
    """The interval's half-width, divided between circuits and paths as their half-widths are."""
    at = search.nearest()
    paths, circuits = float(band.half_widths[at]), search.seen(at).half_width
    whole = paths + circuits
    share = circuits / whole if whole > 0.0 and math.isfinite(half_width) else 0.5
    note = (
        f"P(cell > edge), {search.tests} thresholds tested by {type(run.estimator).__name__}, flag "
        "alone"
    )
    guarantee = run.estimator.guarantee
    told = (
        f"P(loss > edge) to within {paths:.3g} at every edge at once, {band.paths:,} Sobol paths, "
        f"looks {band.looks}"
    )
    if not band.reliable(search.tau):
        told += "; not relied upon: too few paths differ from their cells about the quantile"
    return (
        BudgetLine(
            "threshold search",
            "sampling" if guarantee == "proved" else guarantee,
            share * half_width,
            (1.0 - _BAND_SHARE) * error,
            note,
        ),
        BudgetLine(
            "grid residual", "asymptotic", (1.0 - share) * half_width, _BAND_SHARE * error, told
        ),
    )
