"""Confidence intervals of a mean, a probability, a quantile and an expected shortfall.

Statistics only: nothing here draws a number or knows a problem.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from classical_baseline.accumulators import Moments
from qmc.problem import Array
from qmc.result import Interval

# n level within this of a whole number counts as that number: 100 * 0.55 = 55.00000000000001
_RANK_SLACK = 1e-9
# skewness may add this share of 1 - confidence to it
_SKEW_SHARE = 0.1
# what that asks for at 95 %; also the fewest values whose own skewness is believed
_FEWEST = 50.0
# fewer losses at or above the quantile than this say nothing of their spread
_MIN_TAIL = 3


def student_quantile(confidence: float, freedom: float) -> float:
    """Two-sided Student quantile; infinite below one degree of freedom."""
    if freedom < 1.0:
        return math.inf
    return float(special.stdtrit(freedom, 0.5 + 0.5 * confidence))


def student_interval(centre: float, variance: float, freedom: float, confidence: float) -> Interval:
    """Centre -+ quantile sqrt(variance), `variance` that of the estimator itself."""
    if freedom < 1.0 or not math.isfinite(variance):
        return Interval(-math.inf, math.inf, confidence)
    half = student_quantile(confidence, freedom) * math.sqrt(variance)
    return Interval(centre - half, centre + half, confidence)


def mean_interval(moments: Moments, confidence: float) -> Interval:
    """Student interval of a mean, by the central limit theorem."""
    freedom = moments.count - 1.0
    variance = moments.variance / max(moments.count, 1)
    return student_interval(moments.mean, variance, freedom, confidence)


def paths_for_skewness(skewness: float, confidence: float) -> float:
    """Values from which on the two-sided Student interval of a mean may be relied upon.

    With n values of skewness g and normal quantile z the interval misses more often than it says
    by z (z^4 + 2 z^2 - 3) phi(z) g^2 / (9 n), to first order: Hall (1988,
    doi:10.1214/aos/1176350933, the expansion of Student's t), with Student's quantile in place of
    the normal's as in Owen (2025, arXiv:2501.07645). The n returned keeps that below a tenth of
    1 - confidence. At 95 % it is 50 g^2, or 50 hits of a payoff that few paths reach.

    >>> round(paths_for_skewness(10.0, 0.95)), round(paths_for_skewness(10.0, 0.99))
    (5000, 22468)
    """
    z = float(special.ndtri(0.5 + 0.5 * confidence))
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    slope = z * (z**4 + 2.0 * z * z - 3.0) * density / 9.0
    # the polynomial is negative below z = 1: take what 95 % asks for
    factor = max(slope / (_SKEW_SHARE * (1.0 - confidence)), _FEWEST)
    return factor * max(skewness * skewness, 1.0)


def clopper_pearson(hits: int, count: int, confidence: float) -> Interval:
    """Exact interval of a probability: coverage is never below `confidence`.

    Clopper and Pearson (1934, doi:10.1093/biomet/26.4.404) as beta quantiles.

    >>> interval = clopper_pearson(0, 10, 0.95)
    >>> interval.low, round(interval.high, 4)
    (0.0, 0.3085)
    """
    tail = 0.5 * (1.0 - confidence)
    low, high = 0.0, 1.0
    if hits > 0:
        low = float(special.betaincinv(hits, count - hits + 1, tail))
    if hits < count:
        high = float(special.betaincinv(hits + 1, count - hits, 1.0 - tail))
    return Interval(low, high, confidence)


def quantile_rank(count: int, level: float) -> int:
    """Rank, from 1, of the order statistic that is the sample's own VaR: ceil(count level)."""
    return min(max(math.ceil(count * level - _RANK_SLACK), 1), count)


def order_statistic_ranks(count: int, level: float, confidence: float) -> tuple[int, int]:
    """Ranks, from 1, of the order statistics that enclose the quantile; 0 and n+1: no bound.

    With q = VaR, #{L <= q} is binomial with probability >= level and #{L < q} with probability
    <= level, so P(q < L_(r)) <= P(B <= r-1) and P(q > L_(s)) <= P(B >= s), B ~ Bin(n, level):
    exact for every law, atoms included (David and Nagaraja 2003, section 7.1).
    """
    tail = 0.5 * (1.0 - confidence)
    low = _first(0, count, lambda k: float(special.bdtr(k, count, level)) > tail)
    high = _first(1, count + 1, lambda s: float(special.bdtrc(s - 1, count, level)) <= tail)
    return low, high


def shortfall(top: Array, count: int, level: float, confidence: float) -> tuple[float, Interval]:
    """Acerbi-Tasche expected shortfall of a sample and its interval.

    q + sum (L - q)+ / (n (1 - level)) with q = L_(ceil(n level)) is the sample's own ES (Acerbi
    and Tasche 2002, doi:10.1016/S0378-4266(02)00283-2, eq. 3; Rockafellar and Uryasev 2002,
    doi:10.1016/S0378-4266(02)00271-6, theorem 10). At q the slope of the minimised function is
    0, so the error of q does not enter to first order and the influence function is that of
    (L - q)+ / (1 - level) (Trindade et al. 2007, doi:10.1016/j.jbankfin.2007.04.014). The
    Student quantile takes as many degrees of freedom as there are losses in the tail, less two:
    they alone carry the spread. Asymptotic, and only where the loss has a finite variance.

    Args:
        top: the largest n - ceil(n level) + 1 losses, increasing.
        count: n, all losses.
        level: of the expected shortfall.
        confidence: of the interval.
    """
    q, share = float(top[0]), 1.0 - level
    excess = top - q
    mean = float(excess.sum()) / count
    squares = float((excess * excess).sum()) - count * mean * mean
    value = q + mean / share
    # losses of one value tell no spread, as in `Moments.variance`
    if top.size < _MIN_TAIL or squares <= 0.0:
        return value, Interval(-math.inf, math.inf, confidence)
    variance = squares / (count - 1) / count / (share * share)
    return value, student_interval(value, variance, top.size - 2.0, confidence)


def tail_excess(top: Array, count: int) -> Moments:
    """Moments of (L - q)+ over all `count` losses, from the largest of them; arguments above."""
    return Moments.of(top - top[0]).merge(Moments.zeros(count - top.size))


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Smallest whole number in [low, high] where a monotone condition holds; else `high`."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def nearest_to(interval: Interval, point: float) -> float:
    """The number of an interval that is nearest to a point."""
    return float(np.clip(point, interval.low, interval.high))
