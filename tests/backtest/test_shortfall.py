"""Acerbi and Szekely's Z1, Z2, Z3: by hand, by brute force, false-alarm rates, power."""

import numpy as np
import pytest

from qmc.backtest import Forecasts, SampleLaws, ScaledLaws, acerbi_szekely
from qmc.backtest.shortfall import worst_share
from qmc.errors import InvalidProblem, Unsupported
from qmc.laws import NormalLaw, StudentTLaw

NORMAL = NormalLaw(location=0.0, scale=1.0)
STUDENT = StudentTLaw(location=0.0, scale=1.0, degrees_of_freedom=4.0)
LEVEL = 0.9


def forecasts(laws, losses, level=LEVEL):
    risk, shortfall = laws.tail_risk(level)
    return Forecasts(
        days=tuple(range(len(losses))), losses=losses, value_at_risk=risk, value_at_es_level=risk,
        expected_shortfall=shortfall, level=level, es_level=level, laws=laws,
    )  # fmt: skip


def scaled(days, base=NORMAL, seed=1):
    rng = np.random.default_rng(seed)
    scale = np.exp(0.3 * rng.standard_normal(days))
    return ScaledLaws(base=base, location=0.02 * rng.standard_normal(days), scale=scale)


def sampled(days, size=40, seed=2):
    return SampleLaws(samples=np.random.default_rng(seed).standard_t(4, (days, size)))


def drawn(laws, days, rng):
    return laws.quantile(np.arange(days), rng.random(days))


def test_z1_and_z2_by_hand():
    """20 days at 90 %: two losses above VaR 1, of 3 and 2, with ES 2 and 4 there."""
    losses = np.full(20, 0.5)
    losses[[3, 8]] = 3.0, 2.0
    made = forecasts(scaled(20), losses)
    shortfall = np.full(20, 2.0)
    shortfall[8] = 4.0
    given = vars(made) | {
        "value_at_es_level": np.ones(20), "value_at_risk": np.ones(20),
        "expected_shortfall": shortfall,
    }  # fmt: skip
    first, second, _ = acerbi_szekely(Forecasts(**given), simulations=100, rng=1)
    assert first.statistic == pytest.approx(1.0 - (1.5 + 0.5) / 2.0, abs=1e-12)
    assert second.statistic == pytest.approx(1.0 - (1.5 + 0.5) / (20 * 0.1), abs=1e-12)


@pytest.mark.parametrize("make", [scaled, sampled])
def test_z3_is_its_definition(make):
    """The mean of the worst quantiles of each day's law, its expectation by 20,000 draws."""
    days, rng = 60, np.random.default_rng(4)
    laws = make(days)
    losses = drawn(laws, days, rng)
    count = 6
    *_, third = acerbi_szekely(forecasts(laws, losses), simulations=100, rng=1)
    seen = np.sort(laws.upper(losses))[:count]
    places = np.arange(days)
    many = np.sort(rng.random((20_000, days)), axis=1)[:, :count]
    ratios = []
    for day in places:
        at = np.full(count, day)
        estimate = laws.quantile(at, seen).mean()
        expected = laws.quantile(np.full(many.size, day), many.ravel()).mean()
        ratios.append(estimate / expected)
    assert third.statistic == pytest.approx(1.0 - np.mean(ratios), abs=0.01)


def test_the_share_of_the_worst_is_what_order_statistics_give():
    uniforms = np.sort(np.random.default_rng(6).random((50_000, 30)), axis=1)[:, :4]
    for upper in (0.01, 0.05, 0.12, 0.3):
        seen = float((uniforms <= upper).mean())
        assert float(worst_share(np.array(upper), 30, 4)) == pytest.approx(seen, abs=0.005)
    ends = worst_share(np.array([0.0, 1.0]), 7_800, 195)
    np.testing.assert_allclose(ends, [0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(worst_share(np.array([0.2, 0.7]), 5, 5), [0.2, 0.7])


@pytest.mark.parametrize("base", [NORMAL, STUDENT])
def test_weights_on_the_quantile_of_a_continuous_law(base):
    """All weight alike gives the mean; the worst tenth, ES."""
    laws = scaled(5, base)
    np.testing.assert_allclose(laws.weighted_quantile(lambda u: u), laws.location, atol=2e-4)
    tail = laws.weighted_quantile(lambda u: np.minimum(u / 0.1, 1.0))
    np.testing.assert_allclose(tail, laws.tail_risk(0.9)[1], rtol=2e-4)


def test_quantile_and_upper_probability_go_together():
    upper, days = np.array([0.004, 0.2, 0.97]), np.array([0, 2, 1])
    laws = scaled(3)
    order = np.argsort(days)
    found = laws.quantile(days, upper)
    np.testing.assert_allclose(laws.upper(found[order]), upper[order], rtol=1e-10)
    table = SampleLaws(samples=np.array([[3.0, 1.0, 2.0, 4.0]]))
    zero = np.zeros(4, dtype=int)
    got = table.quantile(zero, np.array([0.0, 0.25, 0.6, 0.999]))
    assert got.tolist() == [4.0, 3.0, 2.0, 1.0]
    ranks = [float(table.upper(np.array([loss]))[0]) for loss in (5.0, 4.0, 2.5, 0.0)]
    assert ranks == pytest.approx([0.1, 0.2, 0.5, 0.9])


@pytest.mark.parametrize(("make", "seed"), [(scaled, 21), (sampled, 22)])
def test_right_forecasts_are_rejected_no_more_often_than_said(covers, make, seed):
    """600 histories of 120 days drawn from the laws: p <= 5 % in at most 5 % of them."""
    rng = np.random.default_rng(seed)
    laws, runs = make(120), 600
    passed = np.zeros(3, dtype=int)
    for _ in range(runs):
        made = forecasts(laws, drawn(laws, 120, rng))
        passed += [one.passed for one in acerbi_szekely(made, simulations=199, rng=rng)]
    for hits in passed.tolist():
        covers(hits, runs, 0.95)
    # and near 5 %, so that a test that never rejects fails too: P(Bin(600, .05) <= 12) = 1e-4
    assert np.all(runs - passed > 12), passed


def test_a_shortfall_that_is_too_low_is_rejected():
    """Losses half as large again as the laws say: all three reject in nearly every history."""
    rng = np.random.default_rng(31)
    laws = scaled(500)
    wider = ScaledLaws(base=NORMAL, location=laws.location, scale=1.5 * laws.scale)
    rejected = np.zeros(3)
    for _ in range(40):
        made = forecasts(laws, drawn(wider, 500, rng))
        rejected += [not one.passed for one in acerbi_szekely(made, simulations=199, rng=rng)]
    assert np.all(rejected > 30), rejected


def test_more_breaches_of_the_right_size_are_seen_by_z2_and_not_by_z1():
    laws, rng = scaled(400), np.random.default_rng(5)
    losses = drawn(laws, 400, rng)
    risk, shortfall = laws.tail_risk(LEVEL)
    calm = np.flatnonzero(losses <= risk)[:40]
    losses[calm] = shortfall[calm]
    first, second, _ = acerbi_szekely(forecasts(laws, losses), rng=1)
    assert first.passed
    assert second.p_value < 0.01


def test_days_without_a_breach_have_no_z1():
    laws = scaled(30)
    first, second, _ = acerbi_szekely(forecasts(laws, np.full(30, -1.0)), simulations=200, rng=1)
    assert np.isnan(first.statistic)
    assert (first.p_value, first.passed) == (1.0, True)
    assert second.statistic == 1.0


def test_the_same_seed_gives_the_same_p_values_block_by_block(monkeypatch):
    made = forecasts(scaled(50), 2.0 * np.random.default_rng(1).standard_normal(50))
    whole = acerbi_szekely(made, simulations=300, rng=7)
    monkeypatch.setattr("qmc.backtest.shortfall._DRAWS", 1_000)
    assert acerbi_szekely(made, simulations=300, rng=7) == whole
    assert acerbi_szekely(made, simulations=300, rng=8) != whole


@pytest.mark.parametrize(
    ("change", "words", "error", "named"),
    [
        ({"laws": None}, {}, Unsupported, "needs the laws"),
        ({"expected_shortfall": np.zeros(30)}, {}, InvalidProblem, "expected_shortfall=0.0"),
        ({"es_level": 0.99}, {}, InvalidProblem, "days=30"),
        ({}, {"simulations": 99}, InvalidProblem, "simulations=99"),
        ({}, {"significance": 1.0}, InvalidProblem, "significance"),
        ({}, {"rng": "seed"}, InvalidProblem, "rng='seed'"),
    ],
)
def test_what_cannot_be_tested(change, words, error, named):
    made = forecasts(scaled(30), np.ones(30))
    with pytest.raises(error, match=named):
        acerbi_szekely(Forecasts(**{**vars(made), **change}), **words)
