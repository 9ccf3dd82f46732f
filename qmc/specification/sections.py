"""The sections of a problem file: which fields there are, of which type."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from qmc.specification.nouns import CONTRACTS, MODELS, POSITIONS, any_of
from qmc.specification.section import Section
from qmc.specification.shapes import tables

EngineName: TypeAlias = Literal["quantum", "monte-carlo", "analytic", "all"]

CovarianceName: TypeAlias = Literal[
    "sample", "denoised", "exponential", "gerber", "ledoit-wolf", "oas", "shrunk"
]

GreekName: TypeAlias = Literal["delta", "gamma", "vega", "rho", "theta", "strike"]


def _iso(value: object) -> object:
    """TOML has dates of its own: take them as text too."""
    return value.isoformat() if isinstance(value, datetime.date) else value


def _text_or_not(value: object) -> str:
    """What is no text is refused as the usual kind would be."""
    return "<text>" if isinstance(value, str) else "<usual>"


Date: TypeAlias = Annotated[str, BeforeValidator(_iso)]
_Text: TypeAlias = Annotated[str, Tag("<text>")]
# days to use, or the dates between which they lie
Window: TypeAlias = Annotated[Annotated[int, Tag("<usual>")] | _Text, Discriminator(_text_or_not)]
# one a ticker, or a file of them
Weights: TypeAlias = Annotated[
    Annotated[list[float], Tag("<usual>")] | _Text, Discriminator(_text_or_not)
]


class ReturnsSection(Section):
    """What the models of daily returns share.

    Attributes:
        prices: CSV or Parquet file of dates x tickers; the built-in 20 stocks when absent.
        tickers: columns to keep; all when absent.
        start, end: first and last date, written as 2020-01-31; built-in stocks only.
        window: how many of the last daily returns to use, or the dates between which they lie, both
            included, such as "2008-01-01:2009-12-31": a stressed window.
    """

    prices: str | None = None
    tickers: list[str] | None = None
    start: Date | None = None
    end: Date | None = None
    window: Window = 500


class HistoricalSection(ReturnsSection):
    """`[model] kind = "historical"`."""

    kind: Literal["historical"]


class FilteredSection(ReturnsSection):
    """`[model] kind = "filtered"`.

    Attributes:
        filter: of the volatilities.
        decay: of "ewma".
        innovations: in the likelihood of "garch".
    """

    kind: Literal["filtered"]
    filter: Literal["ewma", "garch"] = "ewma"
    decay: float = 0.94
    innovations: Literal["normal", "t"] = "t"


class NormalSection(ReturnsSection):
    """`[model] kind = "normal"`; `covariance` is its estimator."""

    kind: Literal["normal"]
    covariance: CovarianceName = "sample"


class StudentTSection(ReturnsSection):
    """`[model] kind = "student-t"`.

    Attributes:
        covariance: its estimator.
        tails: whether `degrees_of_freedom` are as given or of largest likelihood.
    """

    kind: Literal["student-t"]
    covariance: CovarianceName = "sample"
    tails: Literal["given", "fitted"] = "given"
    degrees_of_freedom: float = 4.0


class PortfolioSection(Section):
    """`[contract] kind = "portfolio"`.

    Attributes:
        value: of the portfolio.
        weights: shares of it, one a ticker, or a TOML file of them
            (`qmc.market_data.read_weights`); equal ones when absent.
        horizon, horizon_days: years, or trading days; one of them, a day when both are absent.
        market_neutral: whether weights may sum to 0.
    """

    kind: Literal["portfolio"]
    value: float = 1.0
    weights: Weights | None = None
    horizon: float | None = None
    horizon_days: int | None = None
    market_neutral: bool = False


class MeanSection(Section):
    """`[measure] kind = "price" | "expected-loss"`."""

    kind: Literal["price", "expected-loss"]


class ProbabilitySection(Section):
    """`[measure] kind = "probability"`: that the payoff's present value exceeds `threshold`."""

    kind: Literal["probability"]
    threshold: float


class GreekSection(Section):
    """`[measure] kind = "greek"`: a `Sensitivity` by its usual name; `step` as its own field."""

    kind: Literal["greek"]
    greek: GreekName
    step: float | None = None


class TailSection(Section):
    """`[measure] kind = "var" | "es" | "both" | "tail-conditional-expectation" | ...`.

    Each at its customary level unless given: VaR and economic capital at 0.99, the others at 0.975.
    """

    kind: Literal["var", "es", "both", "tail-conditional-expectation", "economic-capital"]
    level: float | None = None


class GoalSection(Section):
    """`[goal]`: when to stop."""

    tolerance: float | None = None
    relative_tolerance: float | None = None
    queries: int | None = None
    confidence: float = 0.95


class QuantumSection(Section):
    """`[quantum]`: the parts of the quantum engine.

    Attributes:
        qubits: of the grid; when absent the grid's own number, more for quantiles.
        grid: its cells; when absent the plan chooses what fits the problem.
        estimator: one of `estimators()`, which reads the classes and so is looked at later; when
            absent the plan chooses, or `iterative` takes the settings of `[estimator]`.
        backend: what runs the circuits.
    """

    qubits: int | None = None
    grid: Literal["factor", "law", "uniform"] | None = None
    estimator: str | None = None
    backend: Literal["aer", "ideal"] = "aer"


class EstimatorSection(Section):
    """`[estimator]`: settings of the estimator, the fields of its class.

    >>> EstimatorSection(max_power=64).settings
    {'max_power': 64}
    """

    model_config = ConfigDict(extra="allow")

    @property
    def settings(self) -> dict[str, Any]:
        """What was given, by name."""
        return dict(self.model_extra or {})


class RunSection(Section):
    """`[run]`: which engines, and the seed."""

    engine: EngineName = "all"
    seed: int | None = Field(default=None, ge=0)


AnyMeasure: TypeAlias = MeanSection | ProbabilitySection | GreekSection | TailSection
if TYPE_CHECKING:
    AnyModel: TypeAlias = Section
    AnyContract: TypeAlias = Section
else:
    AnyModel = (
        any_of(MODELS) | HistoricalSection | FilteredSection | NormalSection | StudentTSection
    )
    AnyContract = any_of(CONTRACTS) | PortfolioSection

# sections of several kinds, and those of one
KINDS: dict[str, Any] = {"model": AnyModel, "contract": AnyContract, "measure": AnyMeasure}
SINGLE: dict[str, type[Section]] = {
    "goal": GoalSection,
    "quantum": QuantumSection,
    "estimator": EstimatorSection,
    "run": RunSection,
}


def fields() -> dict[str, tuple[str, ...]]:
    """Fields of the file, of each section and of each kind of one; "model.kind" and so on."""
    table = {"file": (*KINDS, *SINGLE), **tables()}
    table |= {"contracts.kind": tuple(CONTRACTS), "positions.kind": tuple(POSITIONS)}
    table |= {word: tuple(one.section.model_fields) for word, one in POSITIONS.items()}
    for section, union in KINDS.items():
        kinds: list[str] = []
        sections: tuple[type[Section], ...] = get_args(union)
        for one in sections:
            names = get_args(one.model_fields["kind"].annotation)
            kinds += names
            table |= dict.fromkeys(names, tuple(one.model_fields))
        table[f"{section}.kind"] = tuple(kinds)
    return table | {name: tuple(one.model_fields) for name, one in SINGLE.items()}
