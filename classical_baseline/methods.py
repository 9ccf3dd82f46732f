"""One estimate a measure: how many paths, what is kept of them, which interval."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np
from scipy import special

from classical_baseline.accumulators import Moments, Top
from classical_baseline.intervals import (
    clopper_pearson,
    mean_interval,
    nearest_to,
    order_statistic_ranks,
    paths_for_skewness,
    quantile_rank,
    shortfall,
    student_quantile,
    tail_excess,
)
from classical_baseline.sampling import Sampled, Sampler
from qmc.affine import value_range
from qmc.capabilities import TerminalPayoff
from qmc.laws import EmpiricalLaw
from qmc.measures import ES, Price, Probability, TailMeasure, VaR
from qmc.problem import Array, Problem
from qmc.result import Interval
from qmc.tail_laws import tail_number

# normal quantile of the one-sided 99.9 % limits that plan a number of paths
PLANNING_QUANTILE = 3.09
# confidence of the pilot's two-sided interval: PLANNING_QUANTILE on either side
_PLANNING_CONFIDENCE = 0.998
_MIN_PILOT_TAIL = 20
# paths, in pilots, after which a tail of one atom is given up
EQUAL_TAIL = 16
# a plan asks for this many times the paths that its pilot's skewness does
SKEW_MARGIN = 2.0


def certain(sampler: Sampler) -> Sampled:
    """The measure where nothing is random: one path is all paths, and every quantile is it."""
    measure, confidence = sampler.problem.measure, sampler.goal.confidence
    value = float(sampler.problem.outcomes(np.zeros((1, sampler.factors)))[0])
    if isinstance(measure, Probability):
        value = float(value > measure.threshold)
    elif isinstance(measure, TailMeasure):
        value = tail_number(EmpiricalLaw(samples=(value,)), measure)
    sampler.paths, sampler.blocks = 1, 1
    return Sampled(value, Interval(value, value, confidence), "exact", "nothing is random")


def mean(sampler: Sampler) -> Sampled:
    """Mean by pooled block moments."""
    confidence = sampler.goal.confidence

    def needed(values: Array) -> float:
        moments = Moments.of(values)
        wide = mean_interval(moments, _PLANNING_CONFIDENCE)
        quantile = student_quantile(confidence, moments.count - 1.0)
        limit = moments.variance_limit(PLANNING_QUANTILE)
        for_width = squared_ratio(quantile * math.sqrt(limit), sampler.allowed(wide))
        return max(for_width, _planned_for_skewness(moments, confidence))

    pilot, more = sampler.plan(needed, pooled=True)
    moments, _ = sampler.collect(more, Moments.of, Moments.merge, Moments(), pilot)
    interval = mean_interval(moments, confidence)
    if isinstance(sampler.problem.measure, Price) and _pays_no_less_than_0(sampler.problem):
        interval = Interval(max(interval.low, 0.0), interval.high, confidence)
    unit = "antithetic pairs" if sampler.antithetic else "paths"
    note = f"Student interval, sd {math.sqrt(moments.variance):.6g} of {unit}"
    relied, warning = relied_upon(moments, confidence, unit)
    return Sampled(moments.mean, interval, "asymptotic", note + warning, relied)


def probability(sampler: Sampler) -> Sampled:
    """Share of values above the threshold."""
    measure, confidence = sampler.problem.measure, sampler.goal.confidence
    assert isinstance(measure, Probability)
    threshold = measure.threshold

    def hits_of(values: Array) -> int:
        return int(np.count_nonzero(values > threshold))

    def needed(values: Array) -> float:
        wide = clopper_pearson(hits_of(values), values.size, _PLANNING_CONFIDENCE)
        return _clopper_pearson_paths(nearest_to(wide, 0.5), sampler.allowed(wide), confidence)

    _, planned = sampler.plan(needed, pooled=False)
    hits, count = sampler.collect(planned, hits_of, operator.add, 0)
    note = f"Clopper-Pearson, {hits:,} hits of {count:,} paths"
    return Sampled(hits / count, clopper_pearson(hits, count, confidence), "sampling", note)


def value_at_risk(sampler: Sampler) -> Sampled:
    """Order statistic of the losses, kept from the interval's lower rank upwards."""
    measure, confidence = sampler.problem.measure, sampler.goal.confidence
    assert isinstance(measure, VaR)
    level = measure.level

    def needed(losses: Array) -> float:
        low, high = order_statistic_ranks(losses.size, level, confidence)
        if low < 1 or high > losses.size:
            return math.inf
        ordered = np.sort(losses)
        interval = Interval(float(ordered[low - 1]), float(ordered[high - 1]))
        # the width is the sum of high - low spacings, so its relative sd is one over their root
        inflated = interval.half_width * (1.0 + PLANNING_QUANTILE / math.sqrt(high - low))
        return losses.size * max(squared_ratio(inflated, sampler.allowed(interval)), 1.0)

    def first_kept(count: int) -> int:
        low, _ = order_statistic_ranks(count, level, confidence)
        return min(max(low, 1), quantile_rank(count, level))

    top, count = collect_top(sampler, needed, first_kept)
    first = first_kept(count)
    low, high = order_statistic_ranks(count, level, confidence)
    interval = Interval(
        float(top[low - first]) if low >= 1 else -math.inf,
        float(top[high - first]) if high <= count else math.inf,
        confidence,
    )
    note = f"order statistics {low:,} and {high:,} of {count:,}"
    value = float(top[quantile_rank(count, level) - first])
    return Sampled(value, interval, "sampling", note)


def expected_shortfall(sampler: Sampler) -> Sampled:
    """Mean of the tail, from the sample's own VaR upwards."""
    measure, confidence = sampler.problem.measure, sampler.goal.confidence
    assert isinstance(measure, ES)
    level = measure.level

    def needed(losses: Array) -> float:
        top = np.sort(losses)[quantile_rank(losses.size, level) - 1 :]
        if top.size < _MIN_PILOT_TAIL:
            return math.inf
        if top[0] == top[-1]:  # one atom: more of it tells no spread either
            return float(EQUAL_TAIL * losses.size)
        _, wide = shortfall(top, losses.size, level, _PLANNING_CONFIDENCE)
        excess = Moments.of(np.maximum(losses - top[0], 0.0) / (1.0 - level))
        quantile = student_quantile(confidence, top.size - 2.0)
        half_width = quantile * math.sqrt(excess.variance_limit(PLANNING_QUANTILE))
        for_width = squared_ratio(half_width, sampler.allowed(wide))
        return max(for_width, _planned_for_skewness(excess, confidence), float(losses.size))

    top, count = collect_top(sampler, needed, lambda count: quantile_rank(count, level))
    value, interval = shortfall(top, count, level, confidence)
    note = f"Student interval, {top.size:,} losses from {top[0]:.6g} up"
    relied, warning = relied_upon(tail_excess(top, count), confidence, "paths")
    return Sampled(value, interval, "asymptotic", note + warning, relied)


def collect_top(
    sampler: Sampler, needed: Callable[[Array], float], first: Callable[[int], int]
) -> tuple[Array, int]:
    """Of n losses those of rank `first(n)` to n, increasing; and n.

    n - first(n) must not decrease in n, so that a sample cut short has kept enough.
    """
    _, planned = sampler.plan(needed, pooled=False)
    start = Top(planned - first(planned) + 1)
    top, count = sampler.collect(planned, start.largest, Top.merge, start)
    return top.increasing()[-(count - first(count) + 1) :], count


def _planned_for_skewness(moments: Moments, confidence: float) -> float:
    return SKEW_MARGIN * paths_for_skewness(moments.skewness, confidence)


def relied_upon(moments: Moments, confidence: float, unit: str) -> tuple[bool, str]:
    """Whether a Student interval over these values may be relied upon; if not, what it lacks."""
    asked = paths_for_skewness(moments.skewness, confidence)
    if moments.count >= asked:
        return True, ""
    if not math.isfinite(moments.variance):
        return False, "; no finite spread was seen"
    return False, (
        f"; not relied upon: skewness {moments.skewness:.3g} asks for {asked:,.0f} {unit}, "
        f"had {moments.count:,}"
    )


def _pays_no_less_than_0(problem: Problem) -> bool:
    """True when the contract's own pieces show it."""
    contract = problem.contract
    return isinstance(contract, TerminalPayoff) and value_range(contract.pieces())[0] >= 0.0


def _clopper_pearson_paths(probability: float, allowed: float, confidence: float) -> float:
    """Paths whose Clopper-Pearson half-width is the allowed one in 99.9 % of samples.

    The share of hits is taken at its 99.9 % limit on the side of a half, where intervals are
    widest.
    """
    z = float(special.ndtri(0.5 + 0.5 * confidence))
    spread = probability * (1.0 - probability)
    count = max(squared_ratio(z, allowed) * spread, 1.0)
    while count < 2.0**52:
        gap = PLANNING_QUANTILE * math.sqrt(spread / count)
        share = nearest_to(Interval(probability - gap, probability + gap), 0.5)
        hits = round(share * count)
        half_width = clopper_pearson(hits, math.ceil(count), confidence).half_width
        if half_width <= allowed:
            return math.ceil(count)
        count = max(count * min(squared_ratio(half_width, allowed), 2.0), count + 1.0)
    return math.inf


def squared_ratio(numerator: float, denominator: float) -> float:
    """(numerator / denominator)^2; infinite, not an error, where it overflows."""
    ratio = numerator / denominator if denominator > 0.0 else math.inf
    return ratio * ratio
