"""Tests of VaR: reference values, values by hand, false-alarm rates, power."""

import numpy as np
import pytest
from scipy import stats

from qmc.backtest import christoffersen, independence, kupiec, most_breaches, traffic_light
from qmc.errors import InvalidProblem


def hits(count, days):
    return np.arange(days) < count


# closed forms, computed by scipy; the first statistic is also that of vartests 0.4.1
@pytest.mark.parametrize(
    ("days", "count", "ratio", "p_value"),
    [
        (7812, 120, 19.486149126881514, 1.0133179981093996e-05),
        (250, 10, None, 0.0003189845082133835),
        (250, 5, 1.956809788230622, 0.1618549171960387),
        (250, 0, 5.025167926750726, 0.02498150305344973),
    ],
)
def test_kupiec_reference_values(days, count, ratio, p_value):
    found = kupiec(hits(count, days), 0.99)
    assert found.p_value == pytest.approx(p_value, abs=1e-12)
    if ratio is not None:
        assert found.statistic == pytest.approx(ratio, abs=1e-9)
    assert found.passed == (p_value > 0.05)


def test_kupiec_at_the_ends():
    # all days: 2 n log(1 / .01)
    assert kupiec([1, 1, 1], 0.99).statistic == pytest.approx(6.0 * np.log(100.0), rel=1e-12)
    assert kupiec(hits(5, 500), 0.99).statistic == pytest.approx(0.0, abs=1e-9)
    assert kupiec(hits(5, 500), 0.99).p_value == pytest.approx(1.0, abs=1e-4)


# P(that many or fewer) of the binomial law; the supervisor's table has 89.22, 95.88, 99.97, 99.99 %
@pytest.mark.parametrize(
    ("count", "probability", "zone", "addition"),
    [
        (0, 0.0810585, "green", 0.0),
        (4, 0.8921876, "green", 0.0),
        (5, 0.9588168, "yellow", 0.40),
        (9, 0.9997498099312595, "yellow", 0.85),
        (10, 0.999946101370953, "red", 1.0),
        (40, 1.0, "red", 1.0),
    ],
)
def test_the_supervisors_zones(count, probability, zone, addition):
    found = traffic_light(hits(count, 250), 0.99)
    assert found.probability == pytest.approx(probability, abs=1e-7)
    assert (found.zone, found.addition) == (zone, addition)
    assert found.passed == (zone == "green")


@pytest.mark.parametrize("count", [9, 10])
def test_zones_to_all_digits(count):
    reference = {9: 0.9997498099312595, 10: 0.999946101370953}
    found = traffic_light(hits(count, 250), 0.99)
    assert found.probability == pytest.approx(reference[count], abs=1e-12)


def test_zones_of_other_days_and_levels_come_from_the_binomial():
    # of 250 days at 97.5 %: yellow where the binomial's 95 % is passed, red where its 99.99 % is
    edges = [int(stats.binom.ppf(p, 250, 0.025)) for p in (0.95, 0.9999)]
    zones = [traffic_light(hits(count, 250), 0.975).zone for count in range(30)]
    assert [zones.index("yellow"), zones.index("red")] == edges
    assert traffic_light(hits(12, 500), 0.99).addition is None


def test_independence_by_hand():
    """00110010: from 0 twice to 0 and twice to 1 (of 4 with the last pair), from 1 once to 1."""
    found = independence([0, 0, 1, 1, 0, 0, 1, 0])
    # transitions 00: 2, 01: 2, 10: 2, 11: 1
    together = 4 * np.log(4 / 7) + 3 * np.log(3 / 7)
    apart = 4 * np.log(1 / 2) + 2 * np.log(2 / 3) + np.log(1 / 3)
    assert found.statistic == pytest.approx(2.0 * (apart - together), rel=1e-12)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 1), rel=1e-10)


def test_conditional_coverage_is_the_sum_with_two_degrees():
    breaches = np.random.default_rng(1).random(400) < 0.08
    parts = kupiec(breaches, 0.95).statistic + independence(breaches).statistic
    found = christoffersen(breaches, 0.95)
    assert found.statistic == pytest.approx(parts, rel=1e-12)
    assert found.p_value == pytest.approx(stats.chi2.sf(parts, 2), rel=1e-10)


@pytest.mark.parametrize("breaches", [hits(0, 300), hits(300, 300), hits(1, 1)])
def test_without_a_change_there_is_nothing_to_compare(breaches):
    found = independence(breaches)
    assert (found.statistic, found.p_value) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("days", "level"), [(250, 0.99), (1_000, 0.99), (4_529, 0.99), (500, 0.95)]
)
def test_how_often_kupiec_rejects_a_right_forecast(days, level):
    """Exactly, by the binomial law: near 5 %, as far as counts allow (250 days at 99 %: 9.2 %)."""
    share = 1.0 - level
    weights = stats.binom.pmf(np.arange(60), days, share)
    weights = weights if days < 4_000 else stats.binom.pmf(np.arange(120), days, share)
    rejected = [not kupiec(hits(count, days), level).passed for count in range(weights.size)]
    size = float(weights @ np.array(rejected))
    assert 0.03 < size < (0.10 if days == 250 else 0.07)


def test_how_often_independence_and_conditional_coverage_reject_a_right_forecast():
    """1,000 series of 5,000 days at 95 %, seed 7: within 2 % of 5 %, 2.9 standard errors.

    The tests are asymptotic: of 1,000 days, with 2.5 pairs of breaches to expect, independence
    rejects more often.
    """
    series = np.random.default_rng(7).random((1_000, 5_000)) < 0.05
    sizes = [
        np.mean([not independence(one).passed for one in series]),
        np.mean([not christoffersen(one, 0.95).passed for one in series]),
    ]
    assert all(0.03 < size < 0.07 for size in sizes), sizes


def test_clusters_are_found_where_the_count_is_right():
    """A chain of share 5 % whose breaches follow each other with probability 40 %, seed 9."""
    rng = np.random.default_rng(9)
    found = []
    for uniforms in rng.random((100, 1_000)):
        chain = [False]
        for one in uniforms:
            chain.append(bool(one < (0.4 if chain[-1] else 0.03158)))
        found.append((independence(chain).passed, christoffersen(chain, 0.95).passed))
    passed = np.mean(found, axis=0)
    assert np.all(passed < 0.05), passed


def test_the_most_breaches_in_a_row_of_days():
    breaches = [1, 0, 1, 1, 0, 0, 1]
    assert [most_breaches(breaches, days) for days in (1, 2, 4, 7, 100)] == [1, 2, 3, 4, 4]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: kupiec([], 0.99), r"shape \(0,\)"),
        (lambda: kupiec([0.5, 1.0], 0.99), "True and False"),
        (lambda: kupiec([[True]], 0.99), r"shape \(1, 1\)"),
        (lambda: kupiec([np.nan], 0.99), "True and False"),
        (lambda: kupiec([True], 99), r"write 0\.99"),
        (lambda: kupiec([True], 0.99, significance=5), r"significance=5: .* write 0\.05"),
        (lambda: independence(["a"]), "True and False"),
        (lambda: christoffersen([True], 1.0), "level=1.0"),
        (lambda: traffic_light([True], 0.0), "level=0.0"),
        (lambda: most_breaches([True], 0), "days=0"),
    ],
)
def test_what_is_no_series_of_breaches(call, named):
    with pytest.raises(InvalidProblem, match=named):
        call()
