"""Contracts on several terminal prices: payoffs, refusals."""

import math

import numpy as np
import pytest

from qmc import Basket, Exchange, Rainbow, Spread
from qmc.errors import InvalidProblem
from qmc.testing import check_contract

PRICES = np.array([[90.0, 130.0], [80.0, 70.0], [100.0, 100.0], [120.0, 95.0]])
CONTRACTS = [
    Basket(weights=(0.5, 0.5), strike=100.0, expiry=1.0),
    Basket(weights=(1.0, -0.5), strike=40.0, expiry=0.25, kind="put"),
    Rainbow(strike=100.0, expiry=1.0),
    Rainbow(strike=1.0, expiry=1.0, on="min", kind="put", weights=(0.01, 0.02)),
    Rainbow(strike=0.0, expiry=1.0, on="min"),
    Spread(strike=-5.0, expiry=1.0),
    Spread(strike=5.0, expiry=1.0, kind="put"),
    Exchange(expiry=1.0, quantities=(1.0, 1.1)),
]


def payoff(contract, prices=PRICES):
    return contract.present_value(prices[:, None, :], np.array([0.5])).tolist()


@pytest.mark.parametrize("contract", CONTRACTS, ids=repr)
def test_conformance(contract):
    check_contract(contract, columns=2)


def test_known_payoffs():
    values = [payoff(contract) for contract in CONTRACTS]
    assert values[0] == pytest.approx([5.0, 0.0, 0.0, 3.75])
    assert values[1] == pytest.approx([7.5, 0.0, 0.0, 0.0])
    assert values[2] == pytest.approx([15.0, 0.0, 0.0, 10.0])
    assert values[3] == pytest.approx([0.05, 0.1, 0.0, 0.0])
    assert values[4] == pytest.approx([45.0, 35.0, 50.0, 47.5])
    assert values[5] == pytest.approx([0.0, 7.5, 2.5, 15.0])
    assert values[6] == pytest.approx([22.5, 0.0, 2.5, 0.0])
    assert values[7] == pytest.approx([0.0, 1.5, 0.0, 7.75])


@pytest.mark.parametrize(
    ("kind", "changed", "named"),
    [
        (Basket, {"weights": ()}, "weights"),
        (Basket, {"weights": (1.0, math.nan)}, r"weights\[1\]"),
        (Basket, {"weights": (1.0,), "strike": 0.0}, "strike"),
        (Basket, {"weights": (1.0,), "expiry": 0.0}, "expiry"),
        (Basket, {"weights": (1.0,), "kind": "straddle"}, "kind"),
        (Rainbow, {"strike": -1.0}, "strike=-1.0"),
        (Rainbow, {"expiry": math.inf}, "expiry"),
        (Rainbow, {"on": "best"}, "on='best'"),
        (Rainbow, {"kind": "Call"}, "kind"),
        (Rainbow, {"weights": (1.0, 0.0)}, r"weights\[1\]"),
        (Spread, {"strike": math.nan}, "strike"),
        (Spread, {"kind": "both"}, "kind"),
        (Spread, {"expiry": -1.0}, "expiry"),
        (Exchange, {"expiry": math.nan}, "expiry"),
        (Exchange, {"quantities": (1.0,)}, "quantities"),
        (Exchange, {"quantities": (1.0, -1.0)}, r"quantities\[1\]"),
    ],
)
def test_bad_fields_are_refused_by_name(kind, changed, named):
    fields = {"expiry": 1.0} | ({} if kind is Exchange else {"strike": 100.0}) | changed
    with pytest.raises(InvalidProblem, match=named):
        kind(**fields)


@pytest.mark.parametrize("contract", [c for c in CONTRACTS if not hasattr(c, "on") or c.weights])
def test_another_number_of_assets_is_refused(contract):
    with pytest.raises(InvalidProblem, match=f"3 columns: {type(contract).__name__} has 2"):
        payoff(contract, np.ones((2, 3)))
