"""One estimate a measure: how many paths, what is kept of them, which interval."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from classical_baseline.accumulators import Moments, Top
from classical_baseline.intervals import (
    clopper_pearson,
    mean_interval,
    nearest_to,
    order_statistic_ranks,
    quantile_rank,
    shortfall,
    student_quantile,
)
from classical_baseline.run import Answer, Run
from qmc.measures import ES, Probability, VaR
from qmc.problem import Array
from qmc.result import Interval

# normal quantile of the one-sided 99.9 % limits that plan a number of paths
_PLANNING_QUANTILE = 3.09
# confidence of the pilot's two-sided interval: _PLANNING_QUANTILE on either side
_PLANNING_CONFIDENCE = 0.998
_MIN_PILOT_TAIL = 20


def mean(run: Run) -> Answer:
    """Mean by pooled block moments."""
    confidence = run.goal.confidence

    def needed(values: Array) -> float:
        moments = Moments.of(values)
        wide = mean_interval(moments, _PLANNING_CONFIDENCE)
        quantile = student_quantile(confidence, moments.count - 1.0)
        limit = moments.variance_limit(_PLANNING_QUANTILE)
        return _squared_ratio(quantile * math.sqrt(limit), run.allowed(wide))

    pilot, more = run.plan(needed, pooled=True)
    moments = Moments()
    for part in pilot:
        moments = moments.merge(Moments.of(part))
    for one in run.draw(more, Moments.of):
        moments = moments.merge(one)
    pairs = ", antithetic pairs" if run.antithetic else ""
    note = f"Student interval, sd {math.sqrt(moments.variance):.6g}{pairs}"
    return Answer(moments.mean, mean_interval(moments, confidence), note)


def probability(run: Run) -> Answer:
    """Share of values above the threshold."""
    measure, confidence = run.problem.measure, run.goal.confidence
    assert isinstance(measure, Probability)
    threshold = measure.threshold

    def hits_of(values: Array) -> int:
        return int(np.count_nonzero(values > threshold))

    def needed(values: Array) -> float:
        wide = clopper_pearson(hits_of(values), values.size, _PLANNING_CONFIDENCE)
        return _clopper_pearson_paths(nearest_to(wide, 0.5), run.allowed(wide), confidence)

    _, count = run.plan(needed, pooled=False)
    hits = sum(run.draw(count, hits_of))
    note = f"Clopper-Pearson, {hits:,} hits of {count:,} paths"
    return Answer(hits / count, clopper_pearson(hits, count, confidence), note)


def value_at_risk(run: Run) -> Answer:
    """Order statistic of the losses, kept from the interval's lower rank upwards."""
    measure, confidence = run.problem.measure, run.goal.confidence
    assert isinstance(measure, VaR)
    level = measure.level

    def needed(losses: Array) -> float:
        low, high = order_statistic_ranks(losses.size, level, confidence)
        if low < 1 or high > losses.size:
            return math.inf
        ordered = np.sort(losses)
        interval = Interval(float(ordered[low - 1]), float(ordered[high - 1]))
        # the width is the sum of high - low spacings, so its relative sd is one over their root
        inflated = interval.half_width * (1.0 + _PLANNING_QUANTILE / math.sqrt(high - low))
        return losses.size * max(_squared_ratio(inflated, run.allowed(interval)), 1.0)

    _, count = run.plan(needed, pooled=False)
    low, high = order_statistic_ranks(count, level, confidence)
    rank = quantile_rank(count, level)
    first = min(max(low, 1), rank)
    top = _collect(run, count, first)
    interval = Interval(
        float(top[low - first]) if low >= 1 else -math.inf,
        float(top[high - first]) if high <= count else math.inf,
        confidence,
    )
    note = f"order statistics {low:,} and {high:,} of {count:,}"
    return Answer(float(top[rank - first]), interval, note)


def expected_shortfall(run: Run) -> Answer:
    """Mean of the tail, from the sample's own VaR upwards."""
    measure, confidence = run.problem.measure, run.goal.confidence
    assert isinstance(measure, ES)
    level = measure.level

    def needed(losses: Array) -> float:
        top = np.sort(losses)[quantile_rank(losses.size, level) - 1 :]
        if top.size < _MIN_PILOT_TAIL:
            return math.inf
        _, wide = shortfall(top, losses.size, level, _PLANNING_CONFIDENCE)
        excess = Moments.of(np.maximum(losses - top[0], 0.0) / (1.0 - level))
        quantile = student_quantile(confidence, top.size - 2.0)
        half_width = quantile * math.sqrt(excess.variance_limit(_PLANNING_QUANTILE))
        return max(_squared_ratio(half_width, run.allowed(wide)), float(losses.size))

    _, count = run.plan(needed, pooled=False)
    top = _collect(run, count, quantile_rank(count, level))
    value, interval = shortfall(top, count, level, confidence)
    return Answer(value, interval, f"Student interval, {top.size:,} losses from {top[0]:.6g} up")


def _collect(run: Run, count: int, first: int) -> Array:
    """The losses of rank `first` to `count`, increasing."""
    top = Top(count - first + 1)
    for part in run.draw(count, top.largest):
        top.add(part)
    return top.increasing()


def _clopper_pearson_paths(probability: float, allowed: float, confidence: float) -> float:
    """Paths whose Clopper-Pearson half-width is the allowed one in 99.9 % of samples.

    The share of hits is taken at its 99.9 % limit on the side of a half, where intervals are
    widest.
    """
    z = float(special.ndtri(0.5 + 0.5 * confidence))
    spread = probability * (1.0 - probability)
    count = max(_squared_ratio(z, allowed) * spread, 1.0)
    while count < 2.0**52:
        gap = _PLANNING_QUANTILE * math.sqrt(spread / count)
        share = nearest_to(Interval(probability - gap, probability + gap), 0.5)
        hits = round(share * count)
        half_width = clopper_pearson(hits, math.ceil(count), confidence).half_width
        if half_width <= allowed:
            return math.ceil(count)
        count = max(count * min(_squared_ratio(half_width, allowed), 2.0), count + 1.0)
    return math.inf


def _squared_ratio(numerator: float, denominator: float) -> float:
    """(numerator / denominator)^2; infinite, not an error, where it overflows."""
    ratio = numerator / denominator if denominator > 0.0 else math.inf
    return ratio * ratio
