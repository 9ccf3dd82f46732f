"""Means beyond a quantile and capital above the mean, each from one sample of losses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from classical_baseline.accumulators import Moments, TiedTop, Top
from classical_baseline.intervals import (
    mean_interval,
    order_statistic_ranks,
    paths_for_skewness,
    quantile_rank,
)
from classical_baseline.methods import (
    EQUAL_TAIL,
    PLANNING_QUANTILE,
    SKEW_MARGIN,
    relied_upon,
    squared_ratio,
)
from classical_baseline.sampling import Sampled, Sampler
from qmc.measures import EconomicCapital, TailConditionalExpectation
from qmc.problem import Array
from qmc.result import Interval

# share of 1 - confidence that the quantile's order statistics spend
_QUANTILE_SHARE = 0.5
_LEAST_PILOT_TAIL = 20
# of the pilot's largest loss: what differs by less is taken for rounding
_SAME, _LEAST_LOSS = 1e-12, 1e-290


@dataclass(frozen=True, slots=True)
class _Ranks:
    """Order statistics about a quantile at a confidence of their own.

    Attributes:
        level: of the quantile.
        confidence: with which ranks low and high enclose it.
    """

    level: float
    confidence: float

    def enclosing(self, count: int) -> tuple[int, int]:
        """Ranks, from 1; 0 and count + 1 are no bound."""
        return order_statistic_ranks(count, self.level, self.confidence)

    def first_kept(self, count: int) -> int:
        """The lowest rank that anything asks for."""
        return min(max(self.enclosing(count)[0], 1), quantile_rank(count, self.level))

    def interval(self, top: Array, count: int) -> Interval:
        """The quantile's, from the largest losses, increasing, those of rank `first_kept` too."""
        low, high = self.enclosing(count)
        return Interval(
            float(top[low - count - 1]) if low >= 1 else -math.inf,
            float(top[high - count - 1]) if high <= count else math.inf,
            self.confidence,
        )

    def quantile(self, top: Array, count: int) -> float:
        """The sample's own."""
        return float(top[quantile_rank(count, self.level) - count - 1])


@dataclass(slots=True)
class _Rounding:
    """Rounds losses to whole units, so that those which rounding set apart are ties again.

    The unit, a tiny share of the largest loss, is that of the first block, and is kept.
    """

    unit: float = 0.0

    def __call__(self, losses: Array) -> Array:
        if self.unit == 0.0:
            largest = max(float(np.abs(losses).max()), _LEAST_LOSS)
            self.unit = 2.0 ** math.floor(math.log2(_SAME * largest))
        return np.asarray(np.round(losses / self.unit) * self.unit)


def _ranks(sampler: Sampler) -> _Ranks:
    measure = sampler.problem.measure
    assert isinstance(measure, TailConditionalExpectation | EconomicCapital)
    share = _QUANTILE_SHARE * (1.0 - sampler.goal.confidence)
    return _Ranks(measure.level, 1.0 - share)


def tail_conditional_expectation(sampler: Sampler) -> Sampled:
    """Mean of the losses beyond the quantile, whose interval's ends give the mean's two ends.

    m(x) = E[L | L > x] does not decrease in x, for every law: with VaR in [a, b] the number lies
    from m(a) to m(b). Losses beyond an order statistic are a sample of L given that it lies there,
    so each end is a one-sided Student limit of their mean. m(x) >= x needs no limit theorem.
    """
    measure, confidence = sampler.problem.measure, sampler.goal.confidence
    assert isinstance(measure, TailConditionalExpectation)
    ranks, rounded = _ranks(sampler), _Rounding()

    def needed(losses: Array) -> float:
        count = losses.size
        interval, beyond = _conditional(
            np.sort(rounded(losses)), count, ranks, confidence, strict=measure.strict
        )
        if beyond.count >= _LEAST_PILOT_TAIL and beyond.low == beyond.high:
            return float(EQUAL_TAIL * count)
        if beyond.count < _LEAST_PILOT_TAIL or not math.isfinite(interval.half_width):
            return math.inf
        inflated = interval.half_width * (1.0 + PLANNING_QUANTILE / math.sqrt(beyond.count))
        for_width = count * squared_ratio(inflated, sampler.allowed(interval))
        for_skewness = SKEW_MARGIN * paths_for_skewness(beyond.skewness, confidence)
        return max(for_width, for_skewness * count / beyond.count, float(count))

    _, planned = sampler.plan(needed, pooled=False)
    start = TiedTop(planned - ranks.first_kept(planned) + 1)
    kept, count = sampler.collect(
        planned, lambda losses: start.of(rounded(losses)), TiedTop.merge, start
    )
    top = kept.tail()
    interval, beyond = _conditional(top, count, ranks, confidence, strict=measure.strict)
    value = _beyond(top, ranks.quantile(top, count), strict=measure.strict).mean
    value = min(max(value, interval.low), interval.high)
    note = (
        f"Student limits of {beyond.count:,} losses or more, beyond order statistics "
        f"{ranks.enclosing(count)[0]:,} and {ranks.enclosing(count)[1]:,} of {count:,}"
    )
    relied, warning = relied_upon(beyond, confidence, "losses beyond the VaR")
    return Sampled(value, interval, "asymptotic", note + warning, relied)


def _conditional(
    top: Array, count: int, ranks: _Ranks, confidence: float, *, strict: bool
) -> tuple[Interval, Moments]:
    """The interval of the mean beyond the quantile, and the fewest losses that it rests upon."""
    quantile = ranks.interval(top, count)
    below, above = (_beyond(top, x, strict=strict) for x in (quantile.low, quantile.high))
    # the order statistics leave as much to both limits, one side each
    each = 1.0 - (1.0 - _QUANTILE_SHARE) * (1.0 - confidence)
    low = max(mean_interval(below, each).low, quantile.low)
    high = mean_interval(above, each).high if above.count else math.inf
    return Interval(min(low, high), high, confidence), above


def _beyond(top: Array, threshold: float, *, strict: bool) -> Moments:
    """Moments of the losses beyond a threshold; none of them has the threshold as its mean."""
    kept = top[top > threshold] if strict else top[top >= threshold]
    return Moments.of(kept) if kept.size else Moments(mean=min(threshold, float(top[-1])))


def economic_capital(sampler: Sampler) -> Sampled:
    """Quantile less mean of one sample: order statistics and Student's interval, half each."""
    confidence = sampler.goal.confidence
    ranks = _ranks(sampler)
    each = 1.0 - (1.0 - _QUANTILE_SHARE) * (1.0 - confidence)

    def interval_of(top: Array, moments: Moments) -> Interval:
        quantile, mean = ranks.interval(top, moments.count), mean_interval(moments, each)
        return Interval(quantile.low - mean.high, quantile.high - mean.low, confidence)

    def needed(losses: Array) -> float:
        count, moments = losses.size, Moments.of(losses)
        found = interval_of(np.sort(losses), moments)
        if not math.isfinite(found.half_width):
            return math.inf
        low, high = ranks.enclosing(count)
        inflated = found.half_width * (1.0 + PLANNING_QUANTILE / math.sqrt(high - low))
        for_width = count * squared_ratio(inflated, sampler.allowed(found))
        for_skewness = SKEW_MARGIN * paths_for_skewness(moments.skewness, confidence)
        return max(for_width, for_skewness, float(count))

    _, planned = sampler.plan(needed, pooled=False)
    kept = Top(planned - ranks.first_kept(planned) + 1)
    (kept, moments), count = sampler.collect(
        planned,
        lambda losses: (kept.largest(losses), Moments.of(losses)),
        lambda done, part: (done[0].merge(part[0]), done[1].merge(part[1])),
        (kept, Moments()),
    )
    top = kept.increasing()
    low, high = ranks.enclosing(count)
    note = (
        f"order statistics {low:,} and {high:,} of {count:,}, less Student's interval of the mean "
        f"{moments.mean:.6g}"
    )
    relied, warning = relied_upon(moments, confidence, "paths")
    value = ranks.quantile(top, count) - moments.mean
    return Sampled(value, interval_of(top, moments), "asymptotic", note + warning, relied)
