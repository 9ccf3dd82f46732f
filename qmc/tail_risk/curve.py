"""P(loss > edge) at several edges at once, by one circuit each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qmc.grids.tail_band import TailBand, tail_band
from qmc.measures import Tail
from qmc.problem import Array, Goal
from qmc.result import Cost, Covers, Estimate, Interval, Kind, Status
from qmc.run import Run, grid_line, number
from qmc.tail_points import TailPoints, falling
from qmc.tail_risk.sampled import FIRST_PATHS, corrected, paths_of
from qmc.tail_risk.searching import edges_of

# edges of a curve where none are named
_THRESHOLDS = 31
# a tail surely below this is told no better
_LEAST_TAIL = 1e-4
# the shares of tolerance and error probability of a band of paths
_BAND_SHARE = 0.5


def tail_points(run: Run, thresholds: tuple[float, ...] | None = None) -> TailPoints:
    """The tails at thresholds, 1 - confidence shared equally among the circuits (Bonferroni).

    Args:
        run: in progress; its goal is in units of probability.
        thresholds: edges of the table; None takes 31 of them, or all there are.

    Raises:
        Unsupported: for a table without edges.
        InvalidProblem: for a threshold that is no edge.
    """
    edges = edges_of(run.table)
    places = _places(edges) if thresholds is None else [run.table.edge_index(x) for x in thresholds]
    band = _band(run, places) if corrected(run) else None
    share = 1.0 if band is None else 1.0 - _BAND_SHARE
    each = share * (1.0 - run.goal.confidence) / len(places)
    found = [
        _tail(run, float(edges[place]), each, len(places) - done)
        for done, place in enumerate(places)
    ]
    rows = [_corrected(one, band, place) for one, place in zip(found, places, strict=True)]
    values, intervals = falling(*map(list, zip(*rows, strict=True)))
    line = grid_line(run.table)
    covers: Covers = "discretised" if band is None and line.kind == "unknown" else "continuous"
    return TailPoints(
        thresholds=tuple(float(edges[place]) for place in places),
        values=values,
        lows=tuple(interval.low for interval in intervals),
        highs=tuple(interval.high for interval in intervals),
        confidence=run.goal.confidence,
        kind=_kind(run, band),
        covers=covers,
        status=_status(run.goal, found, list(zip(values, intervals, strict=True))),
        note=_note(run, band, len(places)),
        cost=Cost(),
    )


def _places(edges: Array) -> list[int]:
    last = edges.size - 1
    places = np.linspace(1, last - 1, min(_THRESHOLDS, last - 1)).round()
    return [int(place) for place in np.unique(places)]


def _tail(run: Run, threshold: float, error: float, left: int) -> Estimate:
    """P(grid's loss > threshold), with an equal part of the queries that are left."""
    goal, queries = run.goal, run.queries_left()
    confidence = 1.0 - error
    if queries is not None and queries < left:
        return Estimate(0.5, Interval(0.0, 1.0, confidence), "budget_exhausted")
    part = 1.0 if not corrected(run) else 1.0 - _BAND_SHARE

    def share(limit: float | None) -> float | None:
        return None if limit is None else part * limit

    encoded = run.encoding.encode(run.table, Tail(threshold))
    one = replace(
        goal,
        tolerance=share(goal.tolerance),
        relative_tolerance=share(goal.relative_tolerance),
        queries=None if queries is None else queries // left,
        confidence=confidence,
    )
    wanted = encoded.amplitude_goal(one, 0.0)
    small = run.amplify(encoded, wanted, lambda interval: interval.high <= _LEAST_TAIL)
    told = number(encoded, small)
    interval = told.interval.clipped(0.0, 1.0)
    value = min(max(told.value, interval.low), interval.high)
    status: Status = "converged" if interval.high <= _LEAST_TAIL else told.status
    return Estimate(value, interval, status)


def _band(run: Run, places: list[int]) -> TailBand:
    """What the cells leave out of every tail, by one sample of paths."""
    goal, residual = run.goal, run.residual
    assert residual is not None
    residual = paths_of(residual, goal.queries)
    bounded = goal.allowed_half_width(1.0) is not None

    def enough(band: TailBand) -> bool:
        # tails that nothing is seen of are told no better, as those of the circuits
        widths = zip(band.seen[places], band.half_widths[places] / _BAND_SHARE, strict=True)
        return not bounded or all(
            seen + width <= _LEAST_TAIL or goal.met(float(seen), float(width))
            for seen, width in widths
        )

    (stream,) = run.rng.spawn(1)
    band = tail_band(
        run.problem,
        run.table,
        residual,
        enough,
        error=_BAND_SHARE * (1.0 - goal.confidence),
        first_paths=min(FIRST_PATHS, residual.max_paths),
        rng=stream,
    )
    run.residual_paths += band.paths
    return band


def _corrected(found: Estimate, band: TailBand | None, place: int) -> tuple[float, Interval]:
    if band is None:
        return found.value, found.interval
    mean, width = float(band.means[place]), float(band.half_widths[place])
    interval = Interval(
        found.interval.low + mean - width, found.interval.high + mean + width
    ).clipped(0.0, 1.0)
    return min(max(found.value + mean, interval.low), interval.high), interval


def _kind(run: Run, band: TailBand | None) -> Kind:
    if band is not None:
        return "asymptotic"
    return "sampling" if run.estimator.guarantee == "proved" else run.estimator.guarantee


def _status(goal: Goal, found: list[Estimate], rows: list[tuple[float, Interval]]) -> Status:
    ends = {one.status for one in found}
    if "interrupted" in ends:
        return "interrupted"
    if "budget_exhausted" in ends:
        return "budget_exhausted"
    met = all(
        interval.high <= _LEAST_TAIL or goal.met(value, interval.half_width)
        for value, interval in rows
    )
    return "converged" if met or goal.allowed_half_width(1.0) is None else "unresolved"


def _note(run: Run, band: TailBand | None, count: int) -> str:
    note = f"{type(run.estimator).__name__}, an equal part of 1 - confidence for each of {count}"
    if band is None:
        return note
    return f"{note}; cells corrected at every edge at once by {band.paths:,} Sobol paths"
