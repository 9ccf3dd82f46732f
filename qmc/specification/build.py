"""From checked sections to nouns; heavy modules are imported when something is built."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qmc import checks
from qmc.specification.estimators import estimator
from qmc.specification.sections import (
    AnyContract,
    AnyMeasure,
    AnyModel,
    BlackScholesSection,
    DigitalSection,
    EstimatorSection,
    FilteredSection,
    GreekSection,
    PortfolioSection,
    ProbabilitySection,
    QuantumSection,
    ReturnsSection,
    SpreadSection,
    StudentTSection,
    TailSection,
)

if TYPE_CHECKING:
    import pandas as pd

    from qmc.engine import Quantum
    from qmc.measures import Measure, Parameter
    from qmc.problem import Contract, Model

VAR_LEVEL = 0.99
ES_LEVEL = 0.975
_GREEKS: dict[str, Parameter] = {
    "delta": "spot",
    "gamma": "spot",
    "vega": "vol",
    "rho": "rate",
    "theta": "time",
    "strike": "strike",
}
_ORDERS = {"gamma": 2}
PRICE_QUBITS = 5
RISK_QUBITS = 8
LARGEST = 1e100


def model(section: AnyModel) -> tuple[Model, int]:
    """The model and its number of columns."""
    from qmc import models

    if isinstance(section, BlackScholesSection):
        _require_sized("spot", section.spot)
        market = models.BlackScholes(
            spot=section.spot,
            vol=section.vol,
            rate=section.rate,
            dividend_yield=section.dividend_yield,
        )
        return market, 1
    returns = _returns(section)
    columns = len(returns.columns)
    if isinstance(section, FilteredSection):
        return models.FilteredReturns(returns=returns, decay=section.decay), columns
    if isinstance(section, StudentTSection):
        nu = section.degrees_of_freedom
        return models.StudentTReturns.from_returns(returns, degrees_of_freedom=nu), columns
    if section.kind == "historical":
        return models.HistoricalReturns(returns=returns), columns
    return models.NormalReturns.from_returns(returns), columns


def _returns(section: ReturnsSection) -> pd.DataFrame:
    from qmc import data

    checks.whole("window", section.window, 2)
    if section.prices is None:
        prices = data.sp500_stocks(section.tickers, section.start, section.end)
    else:
        for name in ("start", "end"):
            if getattr(section, name) is not None:
                hint = "cut the file to those days"
                raise checks.refuse(name, getattr(section, name), "absent beside prices", hint)
        prices = data.read_prices(section.prices, section.tickers)
    most = len(prices) - 1
    if section.window > most:
        allowed = f"a whole number from 2 to {most}, the daily returns there are"
        raise checks.refuse("window", section.window, allowed)
    return data.simple_returns(prices, section.window)


def contract(section: AnyContract, columns: int) -> Contract:
    """The contract; a portfolio gets one weight for each of the model's columns."""
    from qmc import contracts

    if isinstance(section, PortfolioSection):
        given = section.weights
        if given is not None and len(given) != columns:
            hint = "leave weights out for equal ones"
            raise checks.refuse("weights", given, f"{columns} numbers, one a ticker", hint)
        weights = [1.0 / columns] * columns if given is None else given
        _require_sized("value", section.value)
        for place, weight in enumerate(weights):
            _require_sized(f"weights[{place}]", weight)
        return contracts.Portfolio(weights=tuple(weights), value=section.value)
    if isinstance(section, DigitalSection):
        _require_sized("cash", section.cash)
        return contracts.Digital(
            strike=section.strike,
            expiry=section.expiry,
            kind=section.side,
            pays=section.pays,
            cash=section.cash,
        )
    if isinstance(section, SpreadSection):
        return contracts.CallSpread(
            low_strike=section.strike, high_strike=section.high_strike, expiry=section.expiry
        )
    kind = contracts.Call if section.kind == "call" else contracts.Put
    return kind(strike=section.strike, expiry=section.expiry)


def measures(section: AnyMeasure) -> tuple[Measure, ...]:
    """One measure, or VaR and ES."""
    from qmc import measures

    if isinstance(section, TailSection):
        given = section.level
        var = measures.VaR(level=VAR_LEVEL if given is None else given)
        es = measures.ES(level=ES_LEVEL if given is None else given)
        if section.kind == "both":
            return var, es
        return (var,) if section.kind == "var" else (es,)
    if isinstance(section, GreekSection):
        order = _ORDERS.get(section.greek, 1)
        return (measures.Sensitivity(to=_GREEKS[section.greek], order=order, step=section.step),)
    if isinstance(section, ProbabilitySection):
        _require_sized("threshold", section.threshold)
        return (measures.Probability(threshold=section.threshold),)
    return (measures.Price() if section.kind == "price" else measures.ExpectedLoss(),)


def _require_sized(name: str, number: float) -> None:
    """Refuse finite numbers so large that their squares leave the range of doubles."""
    if LARGEST < abs(number) < math.inf:
        raise checks.refuse(name, number, f"from {-LARGEST:g} to {LARGEST:g}", "count in millions")


def quantum(section: QuantumSection, settings: EstimatorSection, *, is_risk: bool) -> Quantum:
    """The quantum engine; without qubits, more for quantiles than for prices."""
    from qmc import LawGrid, Quantum, UniformGrid
    from qmc.backends import Aer, Ideal

    default = RISK_QUBITS if is_risk else PRICE_QUBITS
    qubits = default if section.qubits is None else section.qubits
    return Quantum(
        grid=LawGrid(qubits=qubits) if section.grid == "law" else UniformGrid(qubits=qubits),
        estimator=estimator(section.estimator, settings.settings),
        backend=Aer() if section.backend == "aer" else Ideal(),
    )
