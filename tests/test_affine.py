import math

import numpy as np
import pytest

from classical_baseline import Analytic
from qmc import BlackScholes, Call, CallSpread, Digital, Goal, LawGrid, Probability, Problem, Put
from qmc.affine import AffinePiece, exceeding, value_range

CONTRACTS = (
    Call(strike=100.0, expiry=1.0),
    Put(strike=100.0, expiry=1.0),
    Digital(strike=100.0, expiry=1.0, kind="put", cash=3.0),
    Digital(strike=100.0, expiry=1.0, pays="asset"),
    CallSpread(low_strike=90.0, high_strike=110.0, expiry=1.0),
)

RANGES = ((0, math.inf), (0, 100), (0, 3), (0, math.inf), (0, 20))


@pytest.mark.parametrize("contract", CONTRACTS, ids=repr)
@pytest.mark.parametrize("threshold", [-1.0, 0.0, 2.5, 20.0])
def test_exceeding_is_where_the_payoff_is_above_the_threshold(contract, threshold):
    prices = np.array([1e-9, 79.0, 80.0, 81.0, 92.5, 97.5, 100.0, 100.5, 102.5, 120.0, 1e9])
    paid = contract.present_value(prices[:, None, None], np.ones(1))
    parts = list(exceeding(contract.pieces(), threshold))
    inside = [any(low < price <= high for low, high in parts) for price in prices]
    assert inside == (paid > threshold).tolist()


@pytest.mark.parametrize(
    ("contract", "expected"),
    list(zip(CONTRACTS, RANGES, strict=True)),
    ids=repr,
)
def test_value_range(contract, expected):
    assert value_range(contract.pieces()) == expected


def test_value_range_of_what_may_be_owed():
    assert value_range([AffinePiece(50.0, math.inf, 7.0, -1.0)]) == (-math.inf, 0.0)


@pytest.mark.parametrize("strike", [101.0, 110.0])
def test_a_price_that_is_certain_exceeds_no_threshold_that_it_meets(strike):
    certain = BlackScholes(spot=100.0, vol=0.0, rate=0.0)
    for contract in (Put(strike=strike, expiry=1.0), Call(strike=200.0 - strike, expiry=1.0)):
        for threshold, expected in ((strike - 100.0, 0.0), (strike - 100.5, 1.0)):
            problem = Problem(certain, contract, Probability(threshold=threshold))
            assert LawGrid().discretise(problem).mean() == expected
            assert Analytic().solve(problem, Goal(tolerance=1.0)).value == expected
