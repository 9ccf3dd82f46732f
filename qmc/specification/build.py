"""From checked sections to nouns; heavy modules are imported when something is built."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from qmc import checks
from qmc.errors import InvalidProblem, Unsupported
from qmc.specification.estimators import estimator
from qmc.specification.nouns import made, require_sized
from qmc.specification.section import Section
from qmc.specification.sections import (
    AnyMeasure,
    EstimatorSection,
    FilteredSection,
    GreekSection,
    NormalSection,
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
    from qmc.grids import FactorGrid, Grid, LawGrid, UniformGrid
    from qmc.measures import Measure, Parameter
    from qmc.problem import Array, Contract, Model, Problem

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
# how a model of returns names an asset
_COLUMN = re.compile(r"returns\[:, (\d+)\]")


def model(section: Section) -> tuple[Model, tuple[str, ...]]:
    """The model, and for a portfolio the names of its assets."""
    if not isinstance(section, ReturnsSection):
        return made(section, "model"), ()
    names, returns = daily_returns(section)
    try:
        return fitted(section, returns), names
    except InvalidProblem as error:
        text = _COLUMN.sub(lambda found: f"the prices of {names[int(found[1])]}", str(error))
        raise InvalidProblem(text) from error


def fitted(section: ReturnsSection, returns: Array) -> Model:
    """The model of simple daily returns (days, assets) that a section names."""
    from qmc import models

    if isinstance(section, FilteredSection):
        return _filtered(section, returns)
    if isinstance(section, StudentTSection):
        return _student_t(section, returns)
    if isinstance(section, NormalSection):
        return models.NormalReturns.from_returns(returns, covariance=section.covariance)
    return models.HistoricalReturns(returns=returns)


def _filtered(section: FilteredSection, returns: Array) -> Model:
    from qmc import models

    if section.filter == "garch":
        _require_absent(section, "decay", "beside filter = 'garch'")
        fit = models.GARCH(innovations=section.innovations)
        return models.FilteredReturns(returns=returns, filter=fit)
    _require_absent(section, "innovations", "beside filter = 'ewma'")
    return models.FilteredReturns(returns=returns, decay=section.decay)


def _student_t(section: StudentTSection, returns: Array) -> Model:
    from qmc import models

    nu: float | None = section.degrees_of_freedom
    if section.tails == "fitted":
        _require_absent(section, "degrees_of_freedom", "beside tails = 'fitted'")
        nu = None
    return models.StudentTReturns.from_returns(
        returns, degrees_of_freedom=nu, covariance=section.covariance
    )


def _require_absent(section: Section, name: str, where: str) -> None:
    """Refuse a field that another one leaves without a use."""
    if name in section.model_fields_set:
        raise checks.refuse(name, getattr(section, name), f"absent {where}")


def daily_returns(section: ReturnsSection) -> tuple[tuple[str, ...], Array]:
    """Names of the assets, and their simple returns (days, assets) in the window."""
    if isinstance(section.window, int):
        checks.whole("window", section.window, 2)
    returns = _windowed(prices_of(section), section.window)
    return tuple(map(str, returns.columns)), returns.to_numpy(dtype=float)


def prices_of(section: ReturnsSection) -> pd.DataFrame:
    """All prices, dates x tickers, whatever the window."""
    from qmc import data

    if section.prices is None:
        return data.sp500_stocks(section.tickers, section.start, section.end)
    for name in ("start", "end"):
        if getattr(section, name) is not None:
            hint = "cut the file to those days, or give a window of dates"
            raise checks.refuse(name, getattr(section, name), "absent beside prices", hint)
    return data.read_prices(section.prices, section.tickers)


def _windowed(prices: pd.DataFrame, window: int | str) -> pd.DataFrame:
    """The last returns, or those between two dates."""
    from qmc import data

    most = len(prices) - 1
    if isinstance(window, str):
        first, last = _two_dates(window)
        returns = data.simple_returns(prices).loc[first:last]
        if len(returns) < 2:
            ends = f"{prices.index[0].date()} to {prices.index[-1].date()}"
            hint = f"the prices run from {ends}"
            raise checks.refuse("window", window, "dates with 2 daily returns or more", hint)
        return returns
    if window > most:
        allowed = f"a whole number from 2 to {most}, the daily returns there are"
        raise checks.refuse("window", window, allowed)
    return data.simple_returns(prices, window)


def _two_dates(window: str) -> tuple[str, str]:
    first, _, last = window.partition(":")
    try:
        ends = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    except ValueError as error:
        allowed = "two dates with a colon, such as '2008-01-01:2009-12-31', or a number of days"
        raise checks.refuse("window", window, allowed) from error
    if ends[0] > ends[1]:
        raise checks.refuse("window", window, "two dates, the first one first")
    return first, last


def contract(section: Section, names: Sequence[str]) -> Contract:
    """The contract; a portfolio gets one weight for each of the model's assets."""
    from qmc.contracts import Portfolio
    from qmc.market_data import read_weights

    if not isinstance(section, PortfolioSection):
        return cast("Contract", made(section, "contract"))
    given, columns = section.weights, len(names)
    if isinstance(given, str):
        given = list(read_weights(given, names, market_neutral=section.market_neutral))
    if given is not None and len(given) != columns:
        hint = "leave weights out for equal ones"
        raise checks.refuse("weights", given, f"{columns} numbers, one a ticker", hint)
    weights = tuple([1.0 / columns] * columns if given is None else given)
    require_sized("value", section.value)
    require_sized("weights", weights)
    return Portfolio(
        weights=weights,
        value=section.value,
        horizon=_horizon(section),
        market_neutral=section.market_neutral,
    )


def _horizon(section: PortfolioSection) -> float:
    """Years, of either field; a day when neither is given."""
    from qmc.models.one_period import DAY, MOST_PERIODS

    if section.horizon is None:
        given = section.horizon_days
        return DAY * (1 if given is None else checks.whole("horizon_days", given, 1, MOST_PERIODS))
    if section.horizon_days is not None:
        raise checks.refuse("horizon", section.horizon, "absent beside horizon_days")
    return section.horizon


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
    is_portfolio: bool,
) -> Quantum:
    """The quantum engine; what the file leaves open is left to the plan.

    Args:
        section: the parts.
        settings: of the estimator.
        problem: asked for where the number of qubits or the kind of grid is given.
        is_risk: a quantile has more qubits than the plan's own grid, as its answer is an edge.
        is_portfolio: its law is known under every model of returns; that of a book is not.
    """
    from qmc import Quantum
    from qmc.backends import Aer, Ideal

    word = section.estimator or (DEFAULT_ESTIMATOR if settings.settings else None)
    return Quantum(
        grid=_grid(section, problem, is_risk=is_risk, is_portfolio=is_portfolio),
        estimator=None if word is None else estimator(word, settings.settings),
        backend=Aer() if section.backend == "aer" else Ideal(),
    )


def _grid(
    section: QuantumSection, problem: Callable[[], Problem], *, is_risk: bool, is_portfolio: bool
) -> Grid | None:
    from qmc.grids import FactorGrid, LawGrid, UniformGrid

    kind, qubits = section.grid, section.qubits
    if kind is None and not is_portfolio:
        if qubits is None:
            return None
        law = LawGrid(qubits=qubits)
        return law if law.treats(problem()) else FactorGrid(qubits=qubits)
    default = RISK_QUBITS if is_risk else PRICE_QUBITS
    size = default if qubits is None else qubits
    if kind is None:
        return LawGrid(qubits=size)
    grids: dict[str, LawGrid | UniformGrid | FactorGrid] = {
        "law": LawGrid(qubits=size),
        "uniform": UniformGrid(qubits=size),
        "factor": FactorGrid() if qubits is None else FactorGrid(qubits=qubits),
    }
    return _treating(kind, grids[kind], problem())


def _treating(kind: str, grid: LawGrid | UniformGrid | FactorGrid, problem: Problem) -> Grid:
    """The grid that a file names, refused by the field's name where it cannot treat the problem."""
    try:
        grid.require_treated(problem)
    except Unsupported as error:
        raise checks.refuse("grid", kind, "one that treats this problem", str(error)) from error
    return grid
