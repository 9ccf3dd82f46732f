"""Contracts: payoffs, their affine pieces, parity, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmc.capabilities import TerminalPayoff
from qmc.contracts import Call, CallSpread, Digital, Portfolio, Put
from qmc.errors import InvalidProblem
from qmc.testing import check_contract

VANILLA = [
    Call(strike=100.0, expiry=1.0),
    Put(strike=100.0, expiry=1.0),
    CallSpread(low_strike=90.0, high_strike=110.0, expiry=1.0),
    *[
        Digital(strike=100.0, expiry=1.0, kind=kind, pays=pays, cash=cash)
        for kind in ("call", "put")
        for pays, cash in (("cash", 3.0), ("asset", 1.0))
    ],
]


def payoff(contract, prices):
    return contract.present_value(np.asarray(prices, dtype=float)[:, None, None], np.array([0.9]))


@pytest.mark.parametrize("contract", VANILLA, ids=repr)
def test_pieces_are_the_payoff(contract):
    prices = np.concatenate([np.random.default_rng(1).uniform(0.01, 250, 500), [90, 100, 110]])
    total = np.zeros(prices.size)
    for piece in contract.pieces():
        inside = (prices > piece.low) & (prices <= piece.high)
        total += np.where(inside, piece.intercept + piece.slope * prices, 0.0)
    np.testing.assert_allclose(0.9 * total, payoff(contract, prices), rtol=1e-14, atol=1e-12)
    assert isinstance(contract, TerminalPayoff)
    check_contract(contract)


@given(st.floats(0.01, 1e4), st.floats(0.01, 1e4))
def test_put_call_parity_of_payoffs(price, strike):
    call, put = (payoff(kind(strike=strike, expiry=1.0), [price])[0] for kind in (Call, Put))
    assert call - put == pytest.approx(0.9 * (price - strike), abs=1e-9)


def test_known_payoffs():
    assert payoff(
        CallSpread(low_strike=90, high_strike=110, expiry=1), [80, 100, 200]
    ).tolist() == (pytest.approx([0.0, 9.0, 18.0]))
    at_strike = [payoff(contract, [100.0])[0] for contract in VANILLA[3:]]
    assert at_strike == pytest.approx([0.0, 0.0, 2.7, 90.0])  # a digital call pays above only


def test_portfolio_profit():
    portfolio = Portfolio(weights=(0.5, -0.25), value=1000.0)
    gross = np.array([[[1.02, 1.04]], [[0.9, 1.0]]])
    assert portfolio.present_value(gross, np.ones(1)).tolist() == pytest.approx([0.0, -50.0])


@pytest.mark.parametrize("value", [0.0, -5.0, math.nan, math.inf, "100", None, True])
@pytest.mark.parametrize("field", ["strike", "expiry"])
@pytest.mark.parametrize("kind", [Call, Put, Digital])
def test_bad_strikes_and_expiries_are_refused(kind, field, value):
    with pytest.raises(InvalidProblem, match=field):
        kind(**({"strike": 100.0, "expiry": 1.0} | {field: value}))


@pytest.mark.parametrize(
    ("kind", "fields", "named"),
    [
        (CallSpread, {"low_strike": 110.0, "high_strike": 90.0, "expiry": 1.0}, "high_strike"),
        (CallSpread, {"low_strike": 0.0, "high_strike": 90.0, "expiry": 1.0}, "low_strike"),
        (Digital, {"strike": 1.0, "expiry": 1.0, "kind": "straddle"}, "kind"),
        (Digital, {"strike": 1.0, "expiry": 1.0, "pays": "gold"}, "pays"),
        (Digital, {"strike": 1.0, "expiry": 1.0, "cash": -1.0}, "cash"),
        (
            Digital,
            {"strike": 1.0, "expiry": 1.0, "pays": "asset", "cash": 7.0},
            "cash=7.0: must be 1",
        ),
        (Portfolio, {"weights": ()}, "weights"),
        (Portfolio, {"weights": (math.nan,)}, "weights"),
        (Portfolio, {"weights": (1.0,), "value": 0.0}, "value"),
        (Portfolio, {"weights": (1.0,), "horizon": -1.0}, "horizon"),
    ],
)
def test_bad_fields_are_refused_by_name(kind, fields, named):
    with pytest.raises(InvalidProblem, match=named):
        kind(**fields)


def test_one_asset_contracts_refuse_more_columns():
    with pytest.raises(InvalidProblem, match="2 columns"):
        Call(strike=1.0, expiry=1.0).present_value(np.ones((3, 1, 2)), np.ones(1))
