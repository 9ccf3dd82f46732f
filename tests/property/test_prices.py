"""Prices on the grid and in closed form, for any market: parity, monotonicity, scaling."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classical_baseline import Analytic
from qmc import (
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    ExpectedLoss,
    Goal,
    LawGrid,
    Price,
    Probability,
    Problem,
    Put,
)

PROPERTY = settings(derandomize=True, deadline=None, max_examples=100, database=None)

markets = st.builds(
    BlackScholes,
    spot=st.floats(0.01, 1e4),
    vol=st.floats(0.01, 2.0),
    rate=st.floats(-0.05, 0.2),
    dividend_yield=st.floats(-0.02, 0.2),
)
moneyness = st.floats(0.1, 10.0)
expiries = st.floats(1.0 / 365.0, 30.0)
qubits = st.integers(1, 9)


@st.composite
def priced(draw):
    """A market and any contract on its price, the strike near enough to matter."""
    market, expiry = draw(markets), draw(expiries)
    strike = market.spot * draw(moneyness)
    kind = draw(st.sampled_from(["call", "put", "spread", "digital"]))
    if kind == "spread":
        high = strike * draw(st.floats(1.01, 3.0))
        return market, CallSpread(low_strike=strike, high_strike=high, expiry=expiry)
    if kind == "digital":
        words = {
            "kind": draw(st.sampled_from(["call", "put"])),
            "pays": draw(st.sampled_from(["cash", "asset"])),
        }
        if words["pays"] == "cash":
            words["cash"] = market.spot * draw(st.floats(0.1, 2.0))
        return market, Digital(strike=strike, expiry=expiry, **words)
    return market, {"call": Call, "put": Put}[kind](strike=strike, expiry=expiry)


def closed_form(market, contract, measure=Price()):
    return Analytic().solve(Problem(market, contract, measure), Goal(tolerance=1.0)).value


def on_grid(market, contract, qubits, measure=Price()):
    return LawGrid(qubits=qubits).discretise(Problem(market, contract, measure)).mean()


def size(market, contract):
    """The largest money amount that a price here is the difference of."""
    strike = getattr(contract, "high_strike", getattr(contract, "strike", 0.0))
    growth = math.exp(max(-market.dividend_yield, 0.0) * contract.expiry)
    return market.spot * growth + strike * math.exp(max(-market.rate, 0.0) * contract.expiry)


@PROPERTY
@given(market=markets, moneyness=moneyness, expiry=expiries, qubits=qubits)
def test_put_call_parity(market, moneyness, expiry, qubits):
    strike = market.spot * moneyness
    call, put = Call(strike=strike, expiry=expiry), Put(strike=strike, expiry=expiry)
    forward = market.spot * math.exp(-market.dividend_yield * expiry)
    forward -= strike * math.exp(-market.rate * expiry)
    allowed = 1e-13 * size(market, call)
    assert closed_form(market, call) - closed_form(market, put) == pytest.approx(
        forward, abs=allowed
    )
    assert on_grid(market, call, qubits) - on_grid(market, put, qubits) == pytest.approx(
        forward, abs=allowed
    )


@PROPERTY
@given(
    market=markets, moneyness=moneyness, step=st.floats(1e-6, 2.0), expiry=expiries, qubits=qubits
)
def test_prices_are_monotone_in_strike_and_no_steeper_than_the_discount(
    market, moneyness, step, expiry, qubits
):
    low = market.spot * moneyness
    high = low * (1.0 + step)
    most = (high - low) * math.exp(-market.rate * expiry)
    for price in (closed_form, lambda *parts: on_grid(*parts, qubits)):
        calls, puts = (
            [price(market, kind(strike=strike, expiry=expiry)) for strike in (low, high)]
            for kind in (Call, Put)
        )
        slack = 1e-13 * size(market, Call(strike=high, expiry=expiry))
        assert -slack <= calls[0] - calls[1] <= most + slack
        assert -slack <= puts[1] - puts[0] <= most + slack


@PROPERTY
@given(
    market=markets,
    moneyness=moneyness,
    expiry=expiries,
    factor=st.floats(1e-3, 1e3),
    qubits=qubits,
    kind=st.sampled_from([Call, Put]),
)
def test_prices_scale_with_spot_and_strike(market, moneyness, expiry, factor, qubits, kind):
    scaled = BlackScholes(
        spot=factor * market.spot,
        vol=market.vol,
        rate=market.rate,
        dividend_yield=market.dividend_yield,
    )
    contract = kind(strike=market.spot * moneyness, expiry=expiry)
    larger = kind(strike=factor * contract.strike, expiry=expiry)
    allowed = 1e-12 * factor * size(market, contract)
    for price in (closed_form, lambda *parts: on_grid(*parts, qubits)):
        expected = factor * price(market, contract)
        assert price(scaled, larger) == pytest.approx(expected, abs=allowed)


@PROPERTY
@given(pair=priced(), qubits=qubits)
def test_the_grid_mean_is_the_closed_form(pair, qubits):
    market, contract = pair
    allowed = 1e-13 * size(market, contract)
    expected = closed_form(market, contract)
    assert on_grid(market, contract, qubits) == pytest.approx(expected, abs=allowed)
    loss = on_grid(market, contract, qubits, ExpectedLoss())
    assert loss == pytest.approx(closed_form(market, contract, ExpectedLoss()), abs=allowed)
    assert loss == pytest.approx(-expected, abs=allowed)


@PROPERTY
@given(pair=priced(), share=st.floats(-0.5, 2.0), qubits=qubits)
def test_the_grid_probability_is_the_closed_form(pair, share, qubits):
    market, contract = pair
    measure = Probability(threshold=share * market.spot)
    chance = closed_form(market, contract, measure)
    assert 0.0 <= chance <= 1.0
    assert on_grid(market, contract, qubits, measure) == pytest.approx(chance, abs=1e-12)


@PROPERTY
@given(pair=priced(), qubits=qubits)
def test_grid_probabilities_sum_to_one(pair, qubits):
    table = LawGrid(qubits=qubits).discretise(Problem(*pair, Price()))
    assert table.probabilities.shape == (2**qubits,)
    assert np.all(table.probabilities >= 0.0)
    assert table.probabilities.sum() == pytest.approx(1.0, abs=1e-13)


@PROPERTY
@given(pair=priced(), factor=st.floats(0.1, 0.99))
def test_spreads_and_digitals_are_made_of_calls(pair, factor):
    """A spread is two calls; a cash-and-asset pair of digitals is a call."""
    market, contract = pair
    strike = getattr(contract, "strike", getattr(contract, "low_strike", None))
    high, expiry = strike / factor, contract.expiry
    calls = [closed_form(market, Call(strike=k, expiry=expiry)) for k in (strike, high)]
    spread = closed_form(market, CallSpread(low_strike=strike, high_strike=high, expiry=expiry))
    asset, cash = (
        closed_form(market, Digital(strike=strike, expiry=expiry, pays=pays, cash=cash))
        for pays, cash in (("asset", 1.0), ("cash", strike))
    )
    allowed = 1e-13 * size(market, Call(strike=high, expiry=expiry))
    assert spread == pytest.approx(calls[0] - calls[1], abs=allowed)
    assert asset - cash == pytest.approx(calls[0], abs=allowed)
