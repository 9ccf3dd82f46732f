"""A problem file: TOML (or command-line options) -> problems, goal and quantum engine.

pydantic checks the shape (unknown, missing and mistyped fields); the values are checked by the
nouns themselves, so a number out of range is refused with the same words in a file, on the command
line and in Python. Every refusal names the field by its path, such as `contract.strike`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qmc.errors import InvalidProblem

if TYPE_CHECKING:
    import pandas as pd

    from qmc.engine import Quantum
    from qmc.problem import Contract, Goal, Measure, Model, Problem

EngineName: TypeAlias = Literal["quantum", "monte-carlo", "analytic", "all"]

VAR_LEVEL = 0.99
ES_LEVEL = 0.975
PRICE_QUBITS = 5
RISK_QUBITS = 8
_SHOWN = 60


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BlackScholesSection(_Section):
    """`[model] kind = "black-scholes"`."""

    kind: Literal["black-scholes"]
    spot: float
    vol: float
    rate: float = 0.0
    dividend_yield: float = 0.0


class ReturnsSection(_Section):
    """`[model] kind = "filtered" | "historical" | "normal" | "student-t"`: daily returns.

    Attributes:
        prices: CSV or Parquet file of dates x tickers; the built-in 20 stocks when absent.
        tickers: columns to keep; all when absent.
        start, end: first and last date, written as 2020-01-31; built-in stocks only.
        window: how many of the last daily returns to use.
        decay: EWMA decay of the filtered history.
    """

    kind: Literal["filtered", "historical", "normal", "student-t"]
    prices: str | None = None
    tickers: list[str] | None = None
    start: str | None = None
    end: str | None = None
    window: int = 500
    decay: float = 0.94


class VanillaSection(_Section):
    """`[contract] kind = "call" | "put"`."""

    kind: Literal["call", "put"]
    strike: float
    expiry: float


class DigitalSection(_Section):
    """`[contract] kind = "digital"`; `side` is call or put, `pays` is cash or asset."""

    kind: Literal["digital"]
    strike: float
    expiry: float
    side: Literal["call", "put"] = "call"
    pays: Literal["cash", "asset"] = "cash"
    cash: float = 1.0


class SpreadSection(_Section):
    """`[contract] kind = "spread"`: a call spread."""

    kind: Literal["spread"]
    strike: float
    high_strike: float
    expiry: float


class PortfolioSection(_Section):
    """`[contract] kind = "portfolio"`; equal weights when `weights` is absent."""

    kind: Literal["portfolio"]
    value: float = 1.0
    weights: list[float] | None = None


class MeasureSection(_Section):
    """`[measure] kind = ...`; `both` is VaR and ES, at their customary levels unless given."""

    kind: Literal["price", "probability", "var", "es", "both", "expected-loss"] = "price"
    level: float | None = None
    threshold: float | None = None


class GoalSection(_Section):
    """`[goal]`: when to stop."""

    tolerance: float | None = None
    relative_tolerance: float | None = None
    queries: int | None = None
    confidence: float = 0.95


class QuantumSection(_Section):
    """`[quantum]`: the parts of the quantum engine."""

    qubits: int | None = None
    grid: Literal["law", "uniform"] = "law"
    estimator: Literal["iterative", "sampling"] = "iterative"
    backend: Literal["aer", "ideal"] = "aer"


class RunSection(_Section):
    """`[run]`: which engines, and the seed."""

    engine: EngineName = "all"
    seed: int | None = Field(default=None, ge=0)


ModelSection: TypeAlias = Annotated[
    BlackScholesSection | ReturnsSection, Field(discriminator="kind")
]
ContractSection: TypeAlias = Annotated[
    VanillaSection | DigitalSection | SpreadSection | PortfolioSection, Field(discriminator="kind")
]
_KINDS = {
    "black-scholes", "filtered", "historical", "normal", "student-t",
    "call", "put", "digital", "spread", "portfolio",
}  # fmt: skip


class Specification(_Section):
    """A whole problem file.

    >>> spec = Specification.from_mapping({
    ...     "model": {"kind": "black-scholes", "spot": 100, "vol": 0.2},
    ...     "contract": {"kind": "call", "strike": 105, "expiry": 1},
    ... })
    >>> [type(problem.measure).__name__ for problem in spec.problems()]
    ['Price']
    """

    model: ModelSection
    contract: ContractSection
    measure: MeasureSection = MeasureSection()
    goal: GoalSection = GoalSection()
    quantum: QuantumSection = QuantumSection()
    run: RunSection = RunSection()

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> Specification:
        """Check a mapping of sections.

        Raises:
            InvalidProblem: naming the first wrong field, what it was and what is allowed.
        """
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise InvalidProblem(_sentence(error)) from error

    @property
    def is_risk(self) -> bool:
        """True when the model is one of returns."""
        return isinstance(self.model, ReturnsSection)

    def problems(self) -> tuple[Problem, ...]:
        """The problems asked for: one, or VaR and ES.

        Raises:
            InvalidProblem: naming the field that is out of range.
        """
        from qmc.problem import Problem

        with _field("model"):
            model, columns = _model(self.model)
        with _field("contract"):
            contract = _contract(self.contract, columns)
        with _field("measure"):
            measures = _measures(self.measure)
        if isinstance(self.model, ReturnsSection) != isinstance(self.contract, PortfolioSection):
            msg = (
                f"field contract.kind={self.contract.kind!r}: does not fit model.kind="
                f"{self.model.kind!r}; options need black-scholes, a portfolio needs returns"
            )
            raise InvalidProblem(msg)
        return tuple(Problem(model, contract, measure) for measure in measures)

    def make_goal(self) -> Goal:
        """The goal; without any end given, a relative tolerance that the default grid reaches."""
        from qmc.problem import Goal

        section = self.goal
        relative = section.relative_tolerance
        if section.tolerance is None and relative is None and section.queries is None:
            relative = 0.1 if self.is_risk else 0.01
        with _field("goal"):
            return Goal(
                tolerance=section.tolerance,
                relative_tolerance=relative,
                queries=section.queries,
                confidence=section.confidence,
            )

    def make_quantum(self) -> Quantum:
        """The quantum engine."""
        from qmc import LawGrid, Quantum, UniformGrid
        from qmc.backends import Aer, Ideal
        from qmc.estimators import Iterative, Sampling

        section = self.quantum
        default = RISK_QUBITS if self.is_risk else PRICE_QUBITS
        qubits = default if section.qubits is None else section.qubits
        with _field("quantum"):
            return Quantum(
                grid=LawGrid(qubits=qubits)
                if section.grid == "law"
                else UniformGrid(qubits=qubits),
                estimator=Iterative() if section.estimator == "iterative" else Sampling(),
                backend=Aer() if section.backend == "aer" else Ideal(),
            )


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; a relative `model.prices` is taken from the file's folder.

    Raises:
        InvalidProblem: when the file cannot be read or is no TOML, with the line.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not a TOML file: {error}; see examples/ for a working one"
        raise InvalidProblem(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); give an existing TOML file"
        raise InvalidProblem(msg) from error
    model = data.get("model")
    if isinstance(model, dict) and isinstance(model.get("prices"), str):
        model["prices"] = str(path.parent / model["prices"])
    return data


@contextmanager
def _field(section: str) -> Iterator[None]:
    """Put the section's name before the field of a refusal made inside."""
    try:
        yield
    except InvalidProblem as error:
        text = str(error)
        head = text.split("=", 1)[0]
        known = head.isidentifier() and "field " not in text
        msg = f"field {section}.{text}" if known else f"section {section}: {text}"
        raise InvalidProblem(msg) from error


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    parts = [str(part) for part in first["loc"]]
    # the tag of a discriminated union stands second in its location
    name = ".".join(part for i, part in enumerate(parts) if not (i == 1 and part in _KINDS))
    kind, given = first["type"], repr(first["input"])
    more = error.error_count() - 1
    tail = f" (and {more} more)" if more else ""
    if kind == "missing":
        return f"field {name}: missing; add it to the file or give its option{tail}"
    if kind == "extra_forbidden":
        return f"field {name}={given[:_SHOWN]}: unknown here; remove it or correct its name{tail}"
    if kind == "union_tag_not_found":
        return f"field {name}.kind: missing; say which {name} it is{tail}"
    if kind == "union_tag_invalid":
        context = first.get("ctx", {})
        allowed = context.get("expected_tags", "")
        return f"field {name}.kind={context.get('tag')!r}: must be one of {allowed}{tail}"
    reason = first["msg"].replace("Input should be", "must be").replace("a valid", "a")
    return f"field {name}={given[:_SHOWN]}: {reason[0].lower()}{reason[1:]}{tail}"


def _model(section: BlackScholesSection | ReturnsSection) -> tuple[Model, int]:
    """The model and its number of columns."""
    from qmc import models

    if isinstance(section, BlackScholesSection):
        market = models.BlackScholes(
            spot=section.spot,
            vol=section.vol,
            rate=section.rate,
            dividend_yield=section.dividend_yield,
        )
        return market, 1
    returns = _returns(section)
    columns = len(returns.columns)
    if section.kind == "filtered":
        return models.FilteredReturns(returns=returns, decay=section.decay), columns
    if section.kind == "historical":
        return models.HistoricalReturns(returns=returns), columns
    if section.kind == "normal":
        return models.NormalReturns.from_returns(returns), columns
    return models.StudentTReturns.from_returns(returns), columns


def _returns(section: ReturnsSection) -> pd.DataFrame:
    from qmc import checks, data

    checks.whole("window", section.window, 2)
    if section.prices is None:
        prices = data.sp500_stocks(section.tickers, section.start, section.end)
    else:
        prices = data.read_prices(section.prices, section.tickers)
    return data.simple_returns(prices, section.window)


def _contract(
    section: VanillaSection | DigitalSection | SpreadSection | PortfolioSection, columns: int
) -> Contract:
    from qmc import contracts

    if isinstance(section, VanillaSection):
        kind = contracts.Call if section.kind == "call" else contracts.Put
        return kind(strike=section.strike, expiry=section.expiry)
    if isinstance(section, DigitalSection):
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
    given = section.weights
    weights = [1.0 / columns] * columns if given is None else given
    return contracts.Portfolio(weights=tuple(weights), value=section.value)


def _measures(section: MeasureSection) -> tuple[Measure, ...]:
    from qmc import measures

    var_level = VAR_LEVEL if section.level is None else section.level
    es_level = ES_LEVEL if section.level is None else section.level
    if section.kind == "price":
        return (measures.Price(),)
    if section.kind == "expected-loss":
        return (measures.ExpectedLoss(),)
    if section.kind == "probability":
        if section.threshold is None:
            msg = "threshold=None: must be a finite number; add it beside kind = 'probability'"
            raise InvalidProblem(msg)
        return (measures.Probability(threshold=section.threshold),)
    if section.kind == "var":
        return (measures.VaR(level=var_level),)
    if section.kind == "es":
        return (measures.ES(level=es_level),)
    return measures.VaR(level=var_level), measures.ES(level=es_level)
