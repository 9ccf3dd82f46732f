"""Analytic sensitivities against mpmath's derivatives of prices written out here."""

import mpmath
import pytest

from classical_baseline import Analytic
from qmc import (
    Asian,
    BlackScholes,
    Call,
    CallSpread,
    Curve,
    Digital,
    Goal,
    Merton,
    Problem,
    Put,
    Sensitivity,
    Sum,
    Unsupported,
)

GOAL = Goal(tolerance=1.0)
MARKETS = (
    BlackScholes(spot=100.0, vol=0.2, rate=0.05, dividend_yield=0.02),
    BlackScholes(spot=80.0, vol=0.35, rate=-0.02, dividend_yield=0.03),
    BlackScholes(spot=140.0, vol=0.1, rate=0.0),
)
CONTRACTS = (
    Call(strike=105.0, expiry=1.0),
    Put(strike=105.0, expiry=2.0),
    Digital(strike=105.0, expiry=1.0, cash=3.0),
    Digital(strike=105.0, expiry=0.5, kind="put"),
    Digital(strike=105.0, expiry=1.0, pays="asset"),
    Digital(strike=105.0, expiry=1.0, kind="put", pays="asset"),
)
MEASURES = (
    Sensitivity(to="spot"),
    Sensitivity(to="spot", order=2),
    Sensitivity(to="vol"),
    Sensitivity(to="rate"),
    Sensitivity(to="strike"),
    Sensitivity(to="time"),
)


def solve(market, contract, measure):
    return Analytic().solve(Problem(market, contract, measure), GOAL).value


def exact(market, contract, measure):
    """Derivative of Black and Scholes's price (1973, eq. 13) by mpmath, at 30 digits."""
    mpmath.mp.dps = 30
    kind = getattr(contract, "kind", "put" if isinstance(contract, Put) else "call")
    sign = -1 if kind == "put" else 1

    def price(spot, vol, rate, strike, expiry):
        spread = vol * mpmath.sqrt(expiry)
        middle = (mpmath.log(spot / strike) + (rate - market.dividend_yield) * expiry) / spread
        cash = mpmath.exp(-rate * expiry) * mpmath.ncdf(sign * (middle - spread / 2))
        growth = mpmath.exp(-market.dividend_yield * expiry)
        asset = spot * growth * mpmath.ncdf(sign * (middle + spread / 2))
        if isinstance(contract, Digital):
            return asset if contract.pays == "asset" else contract.cash * cash
        return sign * (asset - strike * cash)

    names = ("spot", "vol", "rate", "strike", "time")
    at = (market.spot, market.vol, market.rate, contract.strike, contract.expiry)
    order = tuple(measure.order * (name == measure.to) for name in names)
    found = float(mpmath.diff(price, tuple(map(mpmath.mpf, at)), order))
    return -found if measure.to == "time" else found


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.greek)
@pytest.mark.parametrize("contract", CONTRACTS, ids=repr)
@pytest.mark.parametrize("market", MARKETS, ids=repr)
def test_greeks_are_derivatives_of_the_price(market, contract, measure):
    found, truth = solve(market, contract, measure), exact(market, contract, measure)
    assert found == pytest.approx(truth, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "measure", [m for m in MEASURES if m.to != "strike"], ids=lambda m: m.greek
)
def test_a_spread_is_two_calls(measure):
    spread = CallSpread(low_strike=90.0, high_strike=110.0, expiry=1.0)
    low, high = (Call(strike=strike, expiry=1.0) for strike in (90.0, 110.0))
    expected = solve(MARKETS[0], low, measure) - solve(MARKETS[0], high, measure)
    assert solve(MARKETS[0], spread, measure) == pytest.approx(expected, abs=1e-12)
    both = Sum(contracts=(low, high), quantities=(1.0, -1.0))
    assert solve(MARKETS[0], both, measure) == pytest.approx(expected, abs=1e-12)


def test_black_scholes_equation_holds():
    """Theta + carry S delta + vol^2 S^2 gamma / 2 = rate V, whatever the contract."""
    market = MARKETS[0]
    for contract in CONTRACTS:
        theta, delta, gamma = (
            solve(market, contract, Sensitivity(to=to, order=order))
            for to, order in (("time", 1), ("spot", 1), ("spot", 2))
        )
        law = market.terminal_law(contract.expiry)
        discount = float(market.discount((contract.expiry,))[0])
        value = discount * sum(
            piece.intercept * float(law.cdf(piece.high) - law.cdf(piece.low))
            + piece.slope * float(law.partial_mean(piece.high) - law.partial_mean(piece.low))
            for piece in contract.pieces()
        )
        carry = market.rate - market.dividend_yield
        left = theta + carry * market.spot * delta + 0.5 * (market.vol * market.spot) ** 2 * gamma
        assert left == pytest.approx(market.rate * value, abs=1e-9)


@pytest.mark.parametrize(
    ("market", "contract", "measure", "message"),
    [
        (MARKETS[0], Asian(strike=100.0, times=(0.5, 1.0)), MEASURES[0], "one terminal price"),
        (
            Merton(spot=100.0, vol=0.2, rate=0.0, intensity=1.0, jump_mean=0.0, jump_vol=0.1),
            CONTRACTS[0],
            MEASURES[0],
            "for BlackScholes; classical_baseline.MonteCarlo treats it",
        ),
        (
            BlackScholes(spot=100.0, vol=0.2, rate=Curve(times=(), values=(0.01,))),
            CONTRACTS[0],
            MEASURES[0],
            "constant vol, rate and dividend_yield",
        ),
    ],
)
def test_refused_by_name(market, contract, measure, message):
    with pytest.raises(Unsupported, match=message):
        solve(market, contract, measure)
