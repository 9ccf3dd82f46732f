"""From checked sections to nouns; heavy modules are imported when something is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from qmc import checks
from qmc.specification.estimators import estimator
from qmc.specification.nouns import made, require_sized
from qmc.specification.section import Section
from qmc.specification.sections import (
    AnyMeasure,
    EstimatorSection,
    FilteredSection,
    GreekSection,
    PortfolioSection,
    ProbabilitySection,
    QuantumSection,
    ReturnsSection,
    StudentTSection,
    TailSection,
)

if TYPE_CHECKING:
    import pandas as pd

    from qmc.engine import Quantum
    from qmc.grids import Grid
    from qmc.measures import Measure, Parameter
    from qmc.problem import Contract, Model, Problem

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
DEFAULT_ESTIMATOR = "iterative"


def model(section: Section) -> tuple[Model, int]:
    """The model, and for a portfolio its number of columns."""
    from qmc import models

    if not isinstance(section, ReturnsSection):
        return made(section, "model"), 0
    returns = _returns(section)
    columns = len(returns.columns)
    if isinstance(section, FilteredSection):
        return models.FilteredReturns(returns=returns, decay=section.decay), columns
    if isinstance(section, StudentTSection):
        nu = section.degrees_of_freedom
        return models.StudentTReturns.from_returns(returns, degrees_of_freedom=nu), columns
    if getattr(section, "kind", "") == "historical":
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


def contract(section: Section, columns: int) -> Contract:
    """The contract; a portfolio gets one weight for each of the model's columns."""
    from qmc.contracts import Portfolio

    if not isinstance(section, PortfolioSection):
        return cast("Contract", made(section, "contract"))
    given = section.weights
    if given is not None and len(given) != columns:
        hint = "leave weights out for equal ones"
        raise checks.refuse("weights", given, f"{columns} numbers, one a ticker", hint)
    weights = tuple([1.0 / columns] * columns if given is None else given)
    require_sized("value", section.value)
    require_sized("weights", weights)
    horizon = {} if section.horizon is None else {"horizon": section.horizon}
    return Portfolio(weights=weights, value=section.value, **horizon)


def measures(section: AnyMeasure) -> tuple[Measure, ...]:
    """One measure, or VaR and ES; the section's word says which."""
    from qmc import measures

    if isinstance(section, TailSection):
        given = section.level
        var = measures.VaR(level=VAR_LEVEL if given is None else given)
        es = measures.ES(level=ES_LEVEL if given is None else given)
        found: dict[str, tuple[Measure, ...]] = {
            "var": (var,),
            "es": (es,),
            "both": (var, es),
            "economic-capital": (measures.EconomicCapital(level=var.level),),
            "tail-conditional-expectation": (measures.TailConditionalExpectation(level=es.level),),
        }
        return found[section.kind]
    if isinstance(section, GreekSection):
        order = _ORDERS.get(section.greek, 1)
        return (measures.Sensitivity(to=_GREEKS[section.greek], order=order, step=section.step),)
    if isinstance(section, ProbabilitySection):
        require_sized("threshold", section.threshold)
        return (measures.Probability(threshold=section.threshold),)
    return (measures.Price() if section.kind == "price" else measures.ExpectedLoss(),)


def quantum(
    section: QuantumSection,
    settings: EstimatorSection,
    problem: Callable[[], Problem],
    *,
    is_risk: bool,
) -> Quantum:
    """The quantum engine; what the file leaves open is left to the plan.

    Args:
        section: the parts.
        settings: of the estimator.
        problem: asked for where the number of qubits is given and the kind of grid is not.
        is_risk: a quantile has more qubits than the plan's own grid, as its answer is an edge.
    """
    from qmc import Quantum
    from qmc.backends import Aer, Ideal

    word = section.estimator or (DEFAULT_ESTIMATOR if settings.settings else None)
    return Quantum(
        grid=_grid(section, problem, is_risk=is_risk),
        estimator=None if word is None else estimator(word, settings.settings),
        backend=Aer() if section.backend == "aer" else Ideal(),
    )


def _grid(section: QuantumSection, problem: Callable[[], Problem], *, is_risk: bool) -> Grid | None:
    from qmc.grids import FactorGrid, LawGrid, UniformGrid

    kind, qubits = section.grid, section.qubits
    if kind is None and not is_risk:
        if qubits is None:
            return None
        law = LawGrid(qubits=qubits)
        return law if law.treats(problem()) else FactorGrid(qubits=qubits)
    if kind == "factor":
        return FactorGrid() if qubits is None else FactorGrid(qubits=qubits)
    default = RISK_QUBITS if is_risk else PRICE_QUBITS
    size = default if qubits is None else qubits
    return UniformGrid(qubits=size) if kind == "uniform" else LawGrid(qubits=size)
