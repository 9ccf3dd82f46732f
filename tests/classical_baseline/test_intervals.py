"""Intervals and accumulators, each against an independent computation."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import optimize, stats

from classical_baseline import intervals
from classical_baseline.accumulators import Moments, Top
from qmc import TooLarge
from qmc.result import Interval

VALUES = np.random.default_rng(1).gamma(2.0, size=1_000)


@pytest.mark.parametrize("cuts", [(), (1,), (1, 2, 700), (500,)])
def test_merged_moments_are_those_of_the_whole(cuts):
    moments = Moments()
    for part in np.split(VALUES, cuts):
        moments = moments.merge(Moments.of(part))
    assert moments.count == 1_000
    assert moments.mean == pytest.approx(VALUES.mean(), rel=1e-13)
    assert moments.variance == pytest.approx(VALUES.var(ddof=1), rel=1e-12)
    assert moments.skewness == pytest.approx(stats.skew(VALUES), rel=1e-11)
    assert (moments.low, moments.high) == (VALUES.min(), VALUES.max())
    assert moments.merge(Moments()) == moments


def test_skewness_far_from_0_keeps_its_digits():
    far = Moments()
    for part in np.split(VALUES + 1e6, 10):
        far = far.merge(Moments.of(part))
    assert far.skewness == pytest.approx(stats.skew(VALUES), rel=1e-8)


@pytest.mark.parametrize("count", [0, 1, 5_000])
def test_moments_of_zeros(count):
    whole = np.concatenate((VALUES, np.zeros(count)))
    merged = Moments.of(VALUES).merge(Moments.zeros(count))
    assert (merged.count, merged.high) == (whole.size, whole.max())
    assert merged.low == whole.min()
    assert merged.mean == pytest.approx(whole.mean(), rel=1e-13)
    assert merged.variance == pytest.approx(whole.var(ddof=1), rel=1e-12)
    assert merged.skewness == pytest.approx(stats.skew(whole), rel=1e-11)


@pytest.mark.parametrize("hits", [1, 3, 50])
def test_skewness_does_not_exceed_the_root_of_the_count(hits):
    """m hits of n give about n / m, squared."""
    values = np.zeros(10_000)
    values[:hits] = 7.0
    assert Moments.of(values).skewness ** 2 == pytest.approx(10_000 / hits, rel=0.02)
    assert Moments.of(values).skewness < 100.0


def test_the_limit_of_a_variance_is_its_mean_and_spread():
    moments = Moments.of(VALUES)
    squares = (VALUES - VALUES.mean()) ** 2
    expected = VALUES.var(ddof=1) + 3.0 * squares.std() / math.sqrt(1_000)
    assert moments.variance_limit(3.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("values", [np.ones(1), np.full(50, 0.1), np.full(3, -2.0)])
def test_equal_values_tell_no_spread(values):
    moments = Moments.of(values)
    assert moments.variance == moments.variance_limit(3.0) == moments.skewness == math.inf
    assert intervals.mean_interval(moments, 0.95) == Interval(-math.inf, math.inf, 0.95)
    assert Moments().merge(Moments()).variance == math.inf


def test_moments_near_overflow_are_infinite():
    moments = Moments.of(np.array([1e200, -1e200, 3e199]))
    assert moments.variance == moments.variance_limit(3.0) == moments.skewness == math.inf
    assert moments.merge(moments).skewness == math.inf
    # cubes that underflow would pass for symmetry
    assert Moments.of(np.array([0.0, 0.0, 1e-120])).skewness == math.inf


@pytest.mark.parametrize("keep", [1, 10, 999, 1_000, 5_000])
@pytest.mark.parametrize("block", [1, 64, 1_000])
def test_the_top_of_a_stream_is_that_of_the_sorted_whole(keep, block):
    top, most = Top(keep), 0
    for start in range(0, 1_000, block):
        top = top.merge(top.largest(VALUES[start : start + block]))
        most = max(most, sum(part.size for part in top.parts))
    np.testing.assert_array_equal(top.increasing(), np.sort(VALUES)[-keep:])
    assert most <= 2 * keep + 2 * block


def test_a_tail_too_large_is_refused():
    with pytest.raises(TooLarge, match="raise level="):
        Top(10**14)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("freedom", [1.0, 3.5, 1e4])
def test_student_quantile(confidence, freedom):
    expected = stats.t.ppf(0.5 + 0.5 * confidence, freedom)
    assert intervals.student_quantile(confidence, freedom) == pytest.approx(expected, rel=1e-9)
    inside = stats.t.cdf(expected, freedom) - stats.t.cdf(-expected, freedom)
    assert inside == pytest.approx(confidence, rel=1e-9)


def test_student_quantile_and_interval_below_one_degree_of_freedom():
    assert intervals.student_quantile(0.95, 0.0) == math.inf
    assert intervals.student_interval(1.0, 1.0, 0.5, 0.95).width == math.inf
    assert intervals.student_interval(1.0, math.inf, 9.0, 0.95).width == math.inf


def test_student_interval_is_centred_and_scales():
    interval = intervals.student_interval(2.0, 0.25, 7.0, 0.9)
    assert interval.midpoint == pytest.approx(2.0)
    assert interval.half_width == pytest.approx(0.5 * stats.t.ppf(0.95, 7.0), rel=1e-9)
    assert interval.confidence == 0.9


@pytest.mark.parametrize("confidence", [0.9, 0.99])
@pytest.mark.parametrize("size", [2, 10, 1_000])
def test_mean_interval_is_that_of_the_t_test(size, confidence):
    sample = VALUES[:size]
    expected = stats.ttest_1samp(sample, 0.0).confidence_interval(confidence)
    interval = intervals.mean_interval(Moments.of(sample), confidence)
    assert (interval.low, interval.high) == pytest.approx(tuple(expected), rel=1e-9)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
@pytest.mark.parametrize(("hits", "count"), [(0, 1), (1, 1), (0, 50), (3, 50), (49, 50), (50, 50)])
def test_clopper_pearson_inverts_the_binomial_tails(hits, count, confidence):
    interval = intervals.clopper_pearson(hits, count, confidence)
    tail = 0.5 * (1.0 - confidence)
    # the ends are where so few, or so many, hits have probability `tail`
    if hits > 0:
        assert stats.binom.sf(hits - 1, count, interval.low) == pytest.approx(tail, rel=1e-8)
    else:
        assert interval.low == 0.0
    if hits < count:
        assert stats.binom.cdf(hits, count, interval.high) == pytest.approx(tail, rel=1e-8)
    else:
        assert interval.high == 1.0


@pytest.mark.parametrize("count", [1, 7, 100, 500, 700, 10_000, 1_000_000])
@pytest.mark.parametrize("level", ["0.01", "0.07", "0.55", "0.9", "0.975", "0.99", "0.999"])
def test_quantile_rank_is_the_exact_ceiling(count, level):
    assert intervals.quantile_rank(count, float(level)) == math.ceil(count * Fraction(level))


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("level", [0.01, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("count", [1, 5, 100, 701])
def test_order_statistic_ranks_are_the_tightest_that_cover(count, level, confidence):
    """Brute force: each end is the innermost rank whose binomial tail is small enough."""
    tail, law = 0.5 * (1.0 - confidence), stats.binom(count, level)
    # q < L_(r) needs at most r-1 losses at or below q; q > L_(s) needs at least s below
    low = max(r for r in range(count + 1) if r == 0 or law.cdf(r - 1) <= tail)
    high = min(s for s in range(1, count + 2) if s == count + 1 or law.sf(s - 1) <= tail)
    assert intervals.order_statistic_ranks(count, level, confidence) == (low, high)
    assert law.cdf(high - 1) - law.cdf(low - 1) >= confidence - 1e-12


def test_order_statistics_cover_atoms_exactly():
    """A law of three atoms: the share of samples whose interval holds the VaR, by enumeration."""
    masses, level, count, confidence = (0.5, 0.3, 0.2), 0.8, 12, 0.9
    low, high = intervals.order_statistic_ranks(count, level, confidence)
    covered = 0.0
    for zeros in range(count + 1):
        for ones in range(count - zeros + 1):
            counts = (zeros, ones, count - zeros - ones)
            losses = np.repeat((0.0, 1.0, 2.0), counts)
            bottom = losses[low - 1] if low >= 1 else -np.inf
            top = losses[high - 1] if high <= count else np.inf
            # P(loss <= 1) = .8 exactly, so VaR = 1
            covered += stats.multinomial.pmf(counts, count, masses) * (bottom <= 1.0 <= top)
    assert confidence <= covered < 1.0


@pytest.mark.parametrize("level", [0.5, 0.9, 0.975, 0.9985])
def test_shortfall_is_the_minimum_of_rockafellar_and_uryasev(level):
    rank = intervals.quantile_rank(1_000, level)
    value, interval = intervals.shortfall(np.sort(VALUES)[rank - 1 :], 1_000, level, 0.95)
    best = optimize.minimize_scalar(
        lambda q: q + np.maximum(VALUES - q, 0.0).mean() / (1.0 - level),
        bounds=(VALUES.min(), VALUES.max()),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert value == pytest.approx(best.fun, rel=1e-7)
    if 1_000 - rank + 1 >= 3:
        influence = np.maximum(VALUES - np.sort(VALUES)[rank - 1], 0.0) / (1.0 - level)
        half = stats.t.ppf(0.975, 1_000 - rank - 1.0) * stats.sem(influence)
        assert interval.half_width == pytest.approx(half, rel=1e-9)
        assert interval.midpoint == pytest.approx(value, rel=1e-9)
    else:
        assert interval.width == math.inf


@pytest.mark.parametrize("level", [0.5, 0.975])
def test_the_excess_of_a_tail_is_that_of_all_losses(level):
    ordered = np.sort(VALUES)
    q = ordered[intervals.quantile_rank(1_000, level) - 1]
    excess = intervals.tail_excess(ordered[ordered >= q], 1_000)
    assert excess.count == 1_000
    assert excess.mean == pytest.approx(np.maximum(VALUES - q, 0.0).mean(), rel=1e-12)
    assert excess.skewness == pytest.approx(stats.skew(np.maximum(VALUES - q, 0.0)), rel=1e-10)


@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_paths_for_skewness_follow_the_coverage_of_exponential_values(confidence):
    """Their skewness is 2 and what the interval lacks falls as one over the sample's size."""
    count, runs = 100, 100_000
    values = np.random.default_rng(2).standard_exponential((runs, count))
    studentised = (values.mean(1) - 1.0) / values.std(1, ddof=1) * math.sqrt(count)
    quantile = stats.t.ppf(0.5 + 0.5 * confidence, count - 1)
    lacking = np.count_nonzero(np.abs(studentised) > quantile) / runs - (1.0 - confidence)
    expected = 0.1 * (1.0 - confidence) * intervals.paths_for_skewness(2.0, confidence) / count
    # the share by kurtosis, left out, has the other sign: 400,000 runs gave .83 and .75 of it
    assert 0.5 * expected < lacking < 1.1 * expected


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95])
def test_paths_for_skewness_have_a_floor(confidence):
    assert intervals.paths_for_skewness(0.0, confidence) == 50.0
    assert intervals.paths_for_skewness(-3.0, confidence) == 450.0
    assert intervals.paths_for_skewness(math.inf, confidence) == math.inf


def test_nearest_to():
    interval = Interval(-1.0, 2.0)
    assert [intervals.nearest_to(interval, x) for x in (-5.0, 0.5, 9.0)] == [-1.0, 0.5, 2.0]
