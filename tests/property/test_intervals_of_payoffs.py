"""Identities between problems whose grids differ: the intervals of `Quantum` have to know them.

All intervals are at a confidence of 1 - 1e-6, so that a test of a dozen of them has a false-alarm
rate of about 1e-5, and seeds are fixed. The residual carries each from its grid to the truth.
"""

import math
from dataclasses import replace

import pytest

from classical_baseline import Analytic
from qmc import (
    Asian,
    Barrier,
    Basket,
    BlackScholes,
    Call,
    Digital,
    Exchange,
    FactorGrid,
    Goal,
    Heston,
    LawGrid,
    Lookback,
    MultiAsset,
    Price,
    Problem,
    Put,
    Quantum,
    Residual,
    Spread,
    Sum,
)
from qmc.backends import Aer, Ideal

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05, dividend_yield=0.01)
HESTON = Heston(spot=100.0, rate=0.02, v0=0.04, kappa=1.5, theta=0.04, vol_of_vol=0.3, rho=-0.6)
DATES = (0.25, 0.5, 0.75, 1.0)
SURE = 1.0 - 1e-6
BACKENDS = {"ideal": Ideal(), "aer": Aer()}


def interval(model, contract, tolerance, *, backend=Ideal(), qubits=5, cells="auto"):
    """An interval that has the price, at SURE."""
    engine = Quantum(grid=FactorGrid(qubits=qubits, cells=cells), backend=backend)
    goal = Goal(tolerance=tolerance, confidence=SURE)
    result = engine.solve(Problem(model, contract, Price()), goal, rng=21)
    assert result.status == "converged"
    assert result.interval.half_width <= tolerance * (1.0 + 1e-9)
    return result.interval


def closed_form(model, contract):
    return Analytic().solve(Problem(model, contract, Price()), Goal(tolerance=1.0)).value


STRUCK = {
    "asian": lambda strike: Asian(strike=strike, times=DATES),
    "lookback": lambda strike: Lookback(strike=strike, times=DATES, monitoring="continuous"),
    "barrier": lambda strike: Barrier(
        strike=strike, barrier=85.0, times=DATES, direction="down-and-out"
    ),
}


# Heston does not know its prices between times
LADDERS = {
    **{f"{name} under Black-Scholes": (name, MARKET) for name in STRUCK},
    "asian under Heston": ("asian", HESTON),
    "barrier under Heston": ("barrier", HESTON),
}


@pytest.mark.parametrize("case", LADDERS)
def test_monotone_in_the_strike(case):
    """Strikes so far apart that intervals are: the dearer ends above the cheaper's beginning."""
    name, model = LADDERS[case]
    ladder = [interval(model, STRUCK[name](strike), 0.5) for strike in (95.0, 100.0, 105.0)]
    assert ladder[0].low > ladder[1].high
    assert ladder[1].low > ladder[2].high
    # convex: the middle is at most the chord
    assert 2.0 * ladder[1].low <= ladder[0].high + ladder[2].high


@pytest.mark.parametrize("name", STRUCK)
@pytest.mark.parametrize("factor", [0.01, 7.0])
def test_homogeneous_in_money(name, factor):
    contract = STRUCK[name](98.0)
    changes = {"strike": 98.0 * factor}
    if name == "barrier":
        changes["barrier"] = contract.barrier * factor
    here = interval(MARKET, contract, 0.2)
    there = interval(
        replace(MARKET, spot=100.0 * factor), replace(contract, **changes), 0.2 * factor, qubits=4
    )
    assert there.low <= factor * here.high
    assert there.high >= factor * here.low


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("option", [Call, Put])
def test_a_barrier_at_infinity_is_the_vanilla(option, backend):
    kind = option.__name__.lower()
    far = 1e9 if option is Call else 1e-9
    way = "up" if option is Call else "down"
    out = Barrier(strike=104.0, barrier=far, times=DATES, direction=f"{way}-and-out", kind=kind)
    truth = closed_form(MARKET, option(strike=104.0, expiry=1.0))
    found = interval(MARKET, out, 0.4, backend=BACKENDS[backend])
    assert found.contains(truth)
    assert not found.contains(1.06 * truth)


@pytest.mark.parametrize("backend", BACKENDS)
def test_in_and_out_make_the_vanilla(backend):
    """On grids of their own that are 1 off, the continuous barrier in closed form beside."""
    terms = {"strike": 100.0, "barrier": 90.0, "times": (1.0,), "monitoring": "continuous"}
    legs = [Barrier(direction=f"down-and-{word}", **terms) for word in ("in", "out")]
    backends = {"backend": BACKENDS[backend], "qubits": 2, "cells": "nodes"}
    found = [interval(MARKET, leg, 0.3, **backends) for leg in legs]
    for one, leg in zip(found, legs, strict=True):
        assert one.contains(closed_form(MARKET, leg))
    whole = closed_form(MARKET, Call(strike=100.0, expiry=1.0))
    assert found[0].low + found[1].low <= whole <= found[0].high + found[1].high


@pytest.mark.parametrize("model", [MARKET, HESTON], ids=["Black-Scholes", "Heston"])
def test_parity_of_grids_of_their_own(model):
    """Call and put with other qubits each: their intervals' difference holds the forward."""
    call = interval(model, Asian(strike=103.0, times=DATES), 0.15)
    put = interval(model, Asian(strike=103.0, times=DATES, kind="put"), 0.15, qubits=4)
    carry = model.rate - model.dividend_yield
    mean = sum(100.0 * math.exp(carry * time) for time in DATES) / len(DATES)
    forward = math.exp(-model.rate) * (mean - 103.0)
    assert call.low - put.high <= forward <= call.high - put.low
    assert call.high - put.low - forward < 0.7


def pair(rho, vols=(0.2, 0.3)):
    return MultiAsset(
        spots=(100.0, 95.0), vols=vols, rate=0.04, correlation=((1.0, rho), (rho, 1.0))
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rho", [-1.0, 1.0])
def test_exchange_at_correlations_of_one(rho, backend):
    """A call on the ratio, of volatility |vol_1 - rho vol_2| (Margrabe).

    The grid is 0.2 off at -1: its cells end at 0, near the kink.
    """
    ratio = BlackScholes(spot=100.0, vol=abs(0.2 - rho * 0.3), rate=0.0)
    truth = closed_form(ratio, Call(strike=95.0, expiry=1.0))
    found = interval(pair(rho), Exchange(expiry=1.0), 0.08, backend=BACKENDS[backend], qubits=2)
    assert found.contains(truth)


def test_a_basket_of_assets_that_move_as_one_is_one_asset():
    market = pair(1.0, vols=(0.25, 0.25))
    weights = (0.4, 0.6)
    one = BlackScholes(spot=0.4 * 100.0 + 0.6 * 95.0, vol=0.25, rate=0.04)
    truth = closed_form(one, Call(strike=98.0, expiry=1.0))
    basket = Basket(weights=weights, strike=98.0, expiry=1.0)
    assert interval(market, basket, 0.2).contains(truth)
    # and the spread of two that move as one is a call on their difference
    gap = BlackScholes(spot=5.0, vol=0.25, rate=0.04)
    spread = closed_form(gap, Call(strike=5.2, expiry=1.0))
    assert interval(market, Spread(strike=5.2, expiry=1.0), 0.03).contains(spread)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("grid", [None, FactorGrid(qubits=3), LawGrid(qubits=3)], ids=repr)
def test_without_volatility_the_price_is_the_forward_s(grid, backend):
    still = replace(MARKET, vol=0.0)
    problem = Problem(still, Call(strike=95.0, expiry=1.0), Price())
    truth = math.exp(-0.05) * (100.0 * math.exp(0.04) - 95.0)
    engine = Quantum(grid=grid, backend=BACKENDS[backend])
    result = engine.solve(problem, Goal(tolerance=0.01), rng=5)
    assert (result.status, result.covers) == ("converged", "continuous")
    assert result.value == pytest.approx(truth, abs=0.01)
    # amplitude 0 is the number itself, to rounding, and is the interval's end
    assert result.interval.low == pytest.approx(truth, rel=1e-12)
    assert truth * (1.0 - 1e-12) <= result.interval.high <= truth + 0.02


@pytest.mark.parametrize("kind", ["call", "put"])
def test_without_volatility_two_assets_pay_their_forwards(kind):
    still = pair(0.3, vols=(0.0, 0.0))
    contract = Sum(
        contracts=(
            Spread(strike=-3.0, expiry=1.0, kind=kind),
            Basket(weights=(0.5, 0.5), strike=90.0, expiry=1.0, kind=kind),
        )
    )
    sign = 1.0 if kind == "call" else -1.0
    paid = [max(sign * (5.0 + 3.0 * math.exp(-0.04)), 0.0)]
    paid.append(max(sign * (97.5 - 90.0 * math.exp(-0.04)), 0.0))
    engine = Quantum(grid=FactorGrid(qubits=2), backend=Ideal())
    result = engine.solve(Problem(still, contract, Price()), Goal(tolerance=0.01), rng=5)
    assert result.interval.low == pytest.approx(sum(paid), rel=1e-12, abs=1e-11)
    assert result.value == pytest.approx(sum(paid), abs=0.01)
    assert (result.status, result.covers) == ("converged", "continuous")


SOON = {"half a minute": 1e-6, "ten minutes": 1.0 / 252.0 / 24.0 / 6.0}


@pytest.mark.parametrize("soon", SOON)
@pytest.mark.parametrize(("strike", "kind"), [(90.0, "call"), (97.0, "call"), (103.0, "put")])
def test_an_expiry_now_pays_the_intrinsic_value(strike, kind, soon):
    """The spot moves by less than 0.2 % in ten minutes at a volatility of 20 %."""
    terms = {"strike": strike, "times": (SOON[soon],), "kind": kind}
    for contract in (
        {"call": Call, "put": Put}[kind](strike=strike, expiry=SOON[soon]),
        Asian(**terms),
        Barrier(direction="down-and-out", barrier=60.0, monitoring="continuous", **terms),
    ):
        found = interval(MARKET, contract, 0.05, qubits=3)
        assert found.low - 1e-3 <= abs(100.0 - strike) <= found.high + 1e-3


@pytest.mark.parametrize("soon", SOON)
def test_an_expiry_now_out_of_the_money(soon):
    """0 where the law is known; where paths alone could tell, no path does: an honest refusal."""
    goal, engine = Goal(tolerance=0.05, confidence=SURE), Quantum(backend=Ideal())
    known = Problem(MARKET, Put(strike=90.0, expiry=SOON[soon]), Price())
    found = engine.solve(known, goal, rng=21)
    assert found.status == "converged"
    assert found.interval.low <= 1e-12
    assert found.interval.high <= 0.11
    asian = Problem(MARKET, Asian(strike=90.0, times=(SOON[soon],), kind="put"), Price())
    few = replace(engine, grid=FactorGrid(qubits=3), residual=Residual(max_paths=2**12))
    told = few.solve(asian, goal, rng=21)
    assert told.status == "unresolved"
    assert told.interval.contains(0.0)
    assert told.interval.half_width == math.inf
    assert any("no spread was seen" in line.note for line in told.budget.lines)


def test_an_expiry_now_on_real_circuits():
    now = 1e-6
    for contract, paid in (
        (Call(strike=95.0, expiry=now), 5.0),
        (Put(strike=105.0, expiry=now), 5.0),
        (Lookback(strike=95.0, times=(0.5 * now, now)), 5.0),
    ):
        found = interval(MARKET, contract, 0.05, backend=Aer(), qubits=3)
        # a lookback is worth the rise to its highest fixing more, 0.8 vol sqrt(now) spot at most
        assert found.low - 0.02 <= paid <= found.high + 1e-3
    certain = Problem(MARKET, Digital(strike=95.0, expiry=now, cash=7.0), Price())
    result = Quantum(grid=LawGrid(qubits=3)).solve(certain, Goal(tolerance=0.05), rng=2)
    assert result.value == pytest.approx(7.0 * math.exp(-0.05 * now), rel=1e-12)
