"""Problems that several suites share."""

from __future__ import annotations

import numpy as np

from qmc import (
    ES,
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    HistoricalReturns,
    NormalReturns,
    Portfolio,
    Price,
    Problem,
    Put,
    StudentTReturns,
    VaR,
)
from qmc.measures import Measure
from qmc.problem import Contract, Model

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
COVARIANCE = ((1e-4, 3e-5), (3e-5, 2e-4))
PORTFOLIO = Portfolio(weights=(0.5, 0.5), value=100.0)


def prices() -> dict[str, Problem]:
    """Vanilla options under Black-Scholes."""
    contracts: dict[str, Contract] = {
        "call": Call(strike=105.0, expiry=1.0),
        "put": Put(strike=105.0, expiry=1.0),
        "spread": CallSpread(low_strike=95.0, high_strike=110.0, expiry=1.0),
        "digital": Digital(strike=105.0, expiry=1.0),
    }
    return {name: Problem(MARKET, contract, Price()) for name, contract in contracts.items()}


def risks() -> dict[str, Problem]:
    """VaR 99 % and ES 97.5 % of a two-asset portfolio under normal, t(4) and empirical laws."""
    sample = np.random.default_rng(6).standard_t(4, size=(750, 2)) * 0.01
    models: dict[str, Model] = {
        "normal": NormalReturns(mean=(0.0, 0.001), covariance=COVARIANCE),
        "t(4)": StudentTReturns(mean=(0.0, 0.001), covariance=COVARIANCE, degrees_of_freedom=4.0),
        "empirical": HistoricalReturns(returns=sample),
    }
    measures: dict[str, Measure] = {"VaR 99 %": VaR(level=0.99), "ES 97.5 %": ES(level=0.975)}
    return {
        f"{measure}, {model}": Problem(models[model], PORTFOLIO, measures[measure])
        for model in models
        for measure in measures
    }


def tutorial_call() -> Problem:
    """The call of qiskit-finance's tutorial: spot 2, vol 40 %, rate 5 %, 40 days, strike 1.896."""
    market = BlackScholes(spot=2.0, vol=0.4, rate=0.05)
    return Problem(market, Call(strike=1.896, expiry=40.0 / 365.0), Price())
