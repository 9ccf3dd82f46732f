"""Path and multi-asset contracts on the same normals: what must hold on every path."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classical_baseline import Analytic
from qmc import (
    Asian,
    Autocallable,
    Barrier,
    Basket,
    BlackScholes,
    Call,
    Cliquet,
    Exchange,
    Goal,
    Lookback,
    MultiAsset,
    Price,
    Problem,
    Put,
    Rainbow,
    Spread,
    Sum,
)

PROPERTY = settings(derandomize=True, deadline=None, max_examples=30, database=None)
PATHS = 64
DIRECTIONS = ("up", "down")
MONITORING = ("discrete", "continuous")

markets = st.builds(
    BlackScholes,
    spot=st.floats(0.5, 500.0),
    vol=st.floats(0.05, 1.0),
    rate=st.floats(-0.05, 0.2),
    dividend_yield=st.floats(-0.02, 0.2),
)
ratios = st.floats(0.6, 1.6)
schedules = st.lists(st.integers(1, 40), min_size=2, max_size=6, unique=True).map(
    lambda months: tuple(month / 12.0 for month in sorted(months))
)
kinds = st.sampled_from(["call", "put"])
monitorings = st.sampled_from(MONITORING)
averages = st.sampled_from(["arithmetic", "geometric"])
styles = st.sampled_from(["fixed", "floating"])
seeds = st.integers(0, 2**32 - 1)


@st.composite
def pairs(draw):
    rho = draw(st.floats(-1.0, 1.0))
    return MultiAsset(
        spots=(draw(st.floats(1.0, 200.0)), draw(st.floats(1.0, 200.0))),
        vols=(draw(st.floats(0.05, 0.8)), draw(st.floats(0.05, 0.8))),
        rate=draw(st.floats(-0.05, 0.2)),
        correlation=((1.0, rho), (rho, 1.0)),
    )


def values(model, contract, seed):
    problem = Problem(model, contract, Price())
    normals = np.random.default_rng(seed).standard_normal((PATHS, problem.num_factors))
    return problem.values(normals)


def vanilla(kind, strike, expiry):
    return {"call": Call, "put": Put}[kind](strike=strike, expiry=expiry)


def close(left, right, scale):
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9 * scale)


@PROPERTY
@given(markets, ratios, ratios, schedules, kinds, monitorings, st.sampled_from(DIRECTIONS), seeds)
def test_in_and_out_make_the_vanilla(market, k, b, times, kind, monitoring, way, seed):
    """On every path, and in closed form."""
    terms = {
        "strike": market.spot * k,
        "barrier": market.spot * b,
        "times": times,
        "kind": kind,
        "monitoring": monitoring,
    }
    parts = [Barrier(direction=f"{way}-and-{word}", **terms) for word in ("in", "out")]
    plain = vanilla(kind, terms["strike"], times[-1])
    problem = Problem(market, Sum(contracts=tuple(parts)), Price())
    normals = np.random.default_rng(seed).standard_normal((PATHS, problem.num_factors))
    last = market.paths(times, normals[:, : len(times)])[:, -1:]
    expected = plain.present_value(last, market.discount(times)[-1:])
    close(problem.values(normals), expected, market.spot)
    if monitoring == "continuous":
        found = [
            Analytic().solve(Problem(market, part, Price()), Goal(tolerance=1.0)).value
            for part in (*parts, plain)
        ]
        assert found[0] + found[1] == pytest.approx(found[2], rel=1e-9, abs=1e-9 * market.spot)


@PROPERTY
@given(markets, ratios, schedules, kinds, monitorings, seeds)
def test_a_barrier_out_of_reach(market, k, times, kind, monitoring, seed):
    terms = {"strike": market.spot * k, "times": times, "kind": kind, "monitoring": monitoring}
    far = (("up", market.spot * 1e12), ("down", market.spot * 1e-12))
    for way, level in far:
        into, out = (
            values(market, Barrier(direction=f"{way}-and-{word}", barrier=level, **terms), seed)
            for word in ("in", "out")
        )
        assert np.all(into == 0.0)
        near = Barrier(
            direction=f"{way}-and-in",
            barrier=market.spot * (1e-12 if way == "up" else 1e12),
            **terms,
        )
        np.testing.assert_array_equal(out, values(market, near, seed))


@PROPERTY
@given(markets, ratios, schedules, averages, styles, seeds)
def test_parity_of_asians(market, k, times, average, style, seed):
    strike = market.spot * k if style == "fixed" else None
    terms = {"strike": strike, "times": times, "average": average, "strike_style": style}
    call, put = (values(market, Asian(kind=kind, **terms), seed) for kind in ("call", "put"))
    paths = market.paths(times, np.random.default_rng(seed).standard_normal((PATHS, len(times))))
    prices = paths[:, :, 0]
    mean = prices.mean(axis=1) if average == "arithmetic" else np.exp(np.log(prices).mean(axis=1))
    gain = mean - strike if style == "fixed" else prices[:, -1] - mean
    close(call - put, market.discount(times)[-1] * gain, prices.max())


@PROPERTY
@given(pairs(), st.floats(-1.0, 2.0), st.floats(0.1, 2.0), st.floats(1.0, 200.0), seeds)
def test_parity_on_two_assets(pair, w1, w2, strike, seed):
    normals = np.random.default_rng(seed).standard_normal((PATHS, 2))
    prices = pair.paths((1.0,), normals)[:, 0]
    discount, scale = pair.discount((1.0,))[0], prices.max()
    terms = {"strike": strike, "expiry": 1.0}
    for kind, given_terms, underlying in (
        (Basket, {"weights": (w1, w2)}, prices @ np.array([w1, w2])),
        (Spread, {}, prices[:, 0] - prices[:, 1]),
        (Rainbow, {"on": "max"}, prices.max(axis=1)),
        (Rainbow, {"on": "min"}, prices.min(axis=1)),
    ):
        call, put = (
            values(pair, kind(kind=word, **terms, **given_terms), seed) for word in ("call", "put")
        )
        close(call - put, discount * (underlying - strike), scale)


def struck(strike, times, kind, monitoring, spot):
    """One-asset contracts with a strike."""
    terms = {"strike": strike, "times": times, "kind": kind}
    return (
        Asian(**terms),
        Asian(average="geometric", **terms),
        Lookback(monitoring=monitoring, **terms),
        Barrier(direction="up-and-in", barrier=1.1 * spot, monitoring=monitoring, **terms),
        Barrier(direction="down-and-out", barrier=0.9 * spot, monitoring=monitoring, **terms),
    )


@PROPERTY
@given(markets, ratios, st.floats(1.0, 2.0), schedules, kinds, monitorings, seeds)
def test_monotone_and_convex_in_the_strike(market, k, more, times, kind, monitoring, seed):
    strikes = [market.spot * k * factor for factor in (1.0, 0.5 * (1.0 + more), more)]
    ladders = zip(*(struck(s, times, kind, monitoring, market.spot) for s in strikes), strict=True)
    for ladder in ladders:
        low, middle, high = (values(market, contract, seed) for contract in ladder)
        first, last = (low, high) if kind == "call" else (high, low)
        assert np.all(first >= last)
        assert np.all(middle <= 0.5 * (low + high) + 1e-9 * market.spot)


@PROPERTY
@given(markets, ratios, st.floats(0.01, 100.0), schedules, kinds, monitorings, seeds)
def test_homogeneous_in_money(market, k, scale, times, kind, monitoring, seed):
    larger = replace(market, spot=market.spot * scale)
    before = struck(market.spot * k, times, kind, monitoring, market.spot)
    after = struck(larger.spot * k, times, kind, monitoring, larger.spot)
    for small, large in zip(before, after, strict=True):
        left, right = scale * values(market, small, seed), values(larger, large, seed)
        close(left, right, larger.spot)
    free = (Cliquet(times=times, local_cap=0.1),)
    notes = [
        Autocallable(times=times, initial_prices=(m.spot,), coupons=0.05, knock_in=0.8)
        for m in (market, larger)
    ]
    close(values(market, free[0], seed), values(larger, free[0], seed), 1.0)
    close(values(market, notes[0], seed), values(larger, notes[1], seed), 1.0)


@PROPERTY
@given(pairs(), st.floats(0.01, 100.0), seeds)
def test_homogeneous_in_money_on_two_assets(pair, scale, seed):
    larger = replace(pair, spots=tuple(spot * scale for spot in pair.spots))
    for kind, terms in (
        (Basket, {"weights": (0.5, 0.5)}),
        (Rainbow, {"on": "min"}),
        (Spread, {}),
    ):
        small, large = (kind(strike=100.0 * c, expiry=1.0, **terms) for c in (1.0, scale))
        close(scale * values(pair, small, seed), values(larger, large, seed), 200.0 * scale)
    swap = Exchange(expiry=1.0)
    close(scale * values(pair, swap, seed), values(larger, swap, seed), 200.0 * scale)


@PROPERTY
@given(markets, ratios, schedules, seeds)
def test_averages_and_extremes_are_ordered(market, k, times, seed):
    """Geometric <= arithmetic <= highest fixing <= highest price."""
    terms = {"strike": market.spot * k, "times": times}
    chain = [
        values(market, contract, seed)
        for contract in (
            Asian(average="geometric", **terms),
            Asian(**terms),
            Lookback(**terms),
        )
    ]
    tolerance = 1e-9 * market.spot * np.exp(5.0 * market.vol)
    assert all(np.all(a <= b + tolerance) for a, b in itertools.pairwise(chain))


@PROPERTY
@given(markets, ratios, schedules, kinds, styles, seeds)
def test_lookbacks_are_worth_more_than_what_they_contain(market, k, times, kind, style, seed):
    """On every path: continuous >= discrete >= the last fixing alone."""
    strike = market.spot * k if style == "fixed" else None
    terms = {"strike": strike, "times": times, "kind": kind, "strike_style": style}
    watched = Problem(market, Lookback(monitoring="continuous", **terms), Price())
    normals = np.random.default_rng(seed).standard_normal((PATHS, watched.num_factors))
    own = normals[:, : len(times)]
    discrete = Problem(market, Lookback(**terms), Price()).values(own)
    assert np.all(watched.values(normals) >= discrete)
    last = market.paths(times, own)[:, -1, 0]
    if strike is not None:
        gain = np.maximum(last - strike if kind == "call" else strike - last, 0.0)
        assert np.all(discrete >= market.discount(times)[-1] * gain)
    assert np.all(discrete >= 0.0)


@PROPERTY
@given(markets, ratios, schedules, st.floats(-5.0, 5.0), st.floats(-5.0, 5.0), seeds)
def test_sums_are_linear(market, k, times, one, two, seed):
    parts = struck(market.spot * k, times, "call", "discrete", market.spot)[:2]
    total = values(market, Sum(contracts=parts, quantities=(one, two)), seed)
    apart = one * values(market, parts[0], seed) + two * values(market, parts[1], seed)
    close(total, apart, np.abs(apart).max() + market.spot)
    nested = Sum(contracts=(Sum(contracts=parts, quantities=(one, two)),), quantities=(2.0,))
    close(values(market, nested, seed), 2.0 * total, np.abs(total).max() + market.spot)


@PROPERTY
@given(markets, st.sampled_from([0.8, 0.95, 1.05, 1.25]), kinds, monitorings, seeds)
def test_an_expiry_of_a_second_pays_the_intrinsic_value(market, k, kind, monitoring, seed):
    second = 1.0 / (365.0 * 24.0 * 3600.0)
    strike, spot = market.spot * k, market.spot
    intrinsic = max(spot - strike if kind == "call" else strike - spot, 0.0)
    expected = [intrinsic, intrinsic, intrinsic, 0.0, intrinsic]
    contracts = struck(strike, (second,), kind, monitoring, spot)
    for contract, value in zip(contracts, expected, strict=True):
        np.testing.assert_allclose(values(market, contract, seed), value, atol=0.01 * spot)
    closed = [contract for contract in contracts[1:] if monitoring == "continuous"]
    for contract, value in zip(closed, expected[1:], strict=False):
        found = Analytic().solve(Problem(market, contract, Price()), Goal(tolerance=1.0)).value
        assert found == pytest.approx(value, abs=0.01 * spot)


@PROPERTY
@given(pairs(), st.sampled_from([-1.0, 1.0]), st.booleans(), seeds)
def test_exchange_at_correlations_of_one(pair, rho, alike, seed):
    """The ratio's volatility is |vol_1 - rho vol_2|; of two that move as one nothing is random."""
    vols = (pair.vols[0],) * 2 if alike else pair.vols
    model = replace(pair, vols=vols, correlation=((1.0, rho), (rho, 1.0)))
    swap = Exchange(expiry=1.0)
    found = Analytic().solve(Problem(model, swap, Price()), Goal(tolerance=1.0)).value
    first, second = model.spots
    apart = abs(vols[0] - rho * vols[1])
    if apart == 0.0:
        assert found == pytest.approx(max(first - second, 0.0), abs=1e-6)
        normals = np.random.default_rng(seed).standard_normal((PATHS, 2))
        price = model.paths((1.0,), normals)[:, 0, 0] * model.discount((1.0,))[0]
        expected = np.maximum(price * (1.0 - second / first), 0.0)
        np.testing.assert_allclose(values(model, swap, seed), expected, atol=1e-6 * price.max())
    else:
        money = BlackScholes(spot=first, vol=apart, rate=0.0)
        call = Problem(money, Call(strike=second, expiry=1.0), Price())
        assert found == pytest.approx(
            Analytic().solve(call, Goal(tolerance=1.0)).value, abs=1e-6 * math.hypot(first, second)
        )
