"""What `qmc risk` says beside the engines: data error, contributions, scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmc.capabilities import OfPeriods
from qmc.cli.options import Given
from qmc.contracts import Portfolio
from qmc.data import simple_returns
from qmc.data_error import DataError, data_error
from qmc.diversification import Diversification
from qmc.errors import InvalidProblem, Unsupported
from qmc.measures import ES, VaR
from qmc.models import HistoricalReturns, worst_window
from qmc.models.one_period import DAY, require_portfolio
from qmc.problem import Array, Problem
from qmc.report import save_figure
from qmc.risk_text import column, measure_name
from qmc.scenarios import ScenarioProfits, read_scenarios
from qmc.tables import TextTable

# paths of many days are walked anew for each
_RESAMPLES, _RESAMPLES_OF_A_DAY = 200, 1_000

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from qmc.specification import Specification


@dataclass(frozen=True, slots=True, kw_only=True)
class Stressed:
    """VaR or ES by history in the window of days where it was largest.

    Attributes:
        measure: VaR or ES.
        days: of the window.
        first, last: dates of the window's returns.
        value: in money, over the portfolio's horizon.
    """

    measure: VaR | ES
    days: int
    first: str
    last: str
    value: float


@dataclass(frozen=True, kw_only=True)
class RiskReport:
    """The tables beside the results; empty where nothing was asked for.

    Attributes:
        data_error: of every VaR and ES; None with a `note` where the data are too few, and without
            a VaR or ES.
        note: why there is none.
        contributions: one a measure.
        stressed: one a measure.
        scenarios: the profits.
    """

    data_error: DataError | None = None
    note: str = ""
    contributions: tuple[Diversification, ...] = ()
    stressed: tuple[Stressed, ...] = ()
    scenarios: ScenarioProfits | None = None

    def renderables(self) -> Iterator[RenderableType]:
        """What the screen shows."""
        if self.data_error is not None:
            yield self.data_error.table()
            yield self.data_error.sentence
        if self.note:
            yield self.note
        for one in self.contributions:
            yield one.table()
            yield one.sentence
        if self.stressed:
            yield self._stressed_table()
        if self.scenarios is not None:
            yield self.scenarios.table()

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: only what there is."""
        found: dict[str, Any] = {}
        if self.data_error is not None:
            found["data_error"] = self.data_error.to_dict()
        if self.note:
            found["notes"] = [self.note]
        if self.contributions:
            found["contributions"] = [one.to_dict() for one in self.contributions]
        if self.stressed:
            found["stressed"] = [asdict(one) for one in self.stressed]
        if self.scenarios is not None:
            found["scenarios"] = self.scenarios.to_dict()
        return found

    def _stressed_table(self) -> TextTable:
        texts = column(one.value for one in self.stressed)
        rows = tuple(
            (measure_name(one.measure), one.first, one.last, text)
            for one, text in zip(self.stressed, texts, strict=True)
        )
        columns = ("measure", "first day", "last day", "value")
        return TextTable(
            f"Stressed window of {self.stressed[0].days} days, by history",
            columns,
            rows,
            columns[:3],
        )

    def draw(self, folder: Path) -> None:
        """Pictures of the contributions."""
        for one in self.contributions:
            name = f"contributions-{type(one.measure).__name__.lower()}"
            save_figure(one.plot(), folder, name)


def risk_report(spec: Specification, problems: Sequence[Problem], given: Given) -> RiskReport:
    """Everything but the engines, before they begin.

    Raises:
        InvalidProblem: for contributions or a stressed window without VaR or ES or with too few
            days or for a book, and for a file of scenarios that cannot be used.
    """
    if not isinstance(problems[0].contract, Portfolio):
        return _of_a_book(problems[0], given)
    names, returns = spec.daily_returns()
    tails = tuple(one for one in problems if isinstance(one.measure, VaR | ES))
    for name in ("contributions", "stressed"):
        if name in given and not tails:
            msg = f"option --{name}: must be left out without VaR or ES; give --measure both"
            raise InvalidProblem(msg)
    profits: ScenarioProfits | None = None
    parts: tuple[Diversification, ...] = ()
    stressed: tuple[Stressed, ...] = ()
    if "scenarios" in given:
        held = require_portfolio(problems[0].model, problems[0].contract)
        profits = read_scenarios(given["scenarios"]).profits(held, names)
    if "contributions" in given:
        parts = tuple(Diversification.of(one, names=names, rng=spec.run.seed) for one in tails)
    if "stressed" in given:
        stressed = tuple(_stressed(spec.prices(), one, given["stressed"]) for one in tails)
    unknown, note = _data_error(spec, returns, tails)
    return RiskReport(
        data_error=unknown, note=note, contributions=parts, stressed=stressed, scenarios=profits
    )


def _of_a_book(problem: Problem, given: Given) -> RiskReport:
    """Nothing: all of the report is of portfolios held under returns.

    Raises:
        InvalidProblem: for an option that asks for a part of it.
    """
    name = type(problem.contract).__name__
    for option in ("contributions", "stressed", "scenarios"):
        if option in given:
            msg = f"option --{option}: must be left out for a {name}; it is of a Portfolio"
            raise InvalidProblem(msg)
    if isinstance(problem.measure, VaR | ES) and isinstance(problem.model, OfPeriods):
        return RiskReport(note=f"No data error: it is known of a Portfolio, not of a {name}")
    return RiskReport()


def _data_error(
    spec: Specification, returns: Array, tails: Sequence[Problem]
) -> tuple[DataError | None, str]:
    """Of every VaR and ES; or why there is none."""
    if not tails:
        return None, ""
    portfolio = require_portfolio(tails[0].model, tails[0].contract)
    try:
        found = data_error(
            returns,
            portfolio,
            spec.fitted,
            tuple(map(_measure, tails)),
            confidence=spec.goal.confidence,
            resamples=_RESAMPLES if portfolio.horizon > DAY else _RESAMPLES_OF_A_DAY,
            rng=spec.run.seed,
        )
    except (InvalidProblem, Unsupported) as error:
        return None, f"No data error: {error}"
    return found, ""


def _measure(problem: Problem) -> VaR | ES:
    assert isinstance(problem.measure, VaR | ES)
    return problem.measure


def _stressed(prices: pd.DataFrame, problem: Problem, days: int) -> Stressed:
    """The window of days with the largest VaR or ES of one day."""
    returns, measure = simple_returns(prices), _measure(problem)
    portfolio = require_portfolio(problem.model, problem.contract)
    if not 2 <= days <= len(returns):
        msg = (
            f"option --stressed={days}: must be a whole number of days from 2 to {len(returns)}, "
            "the daily returns there are"
        )
        raise InvalidProblem(msg)
    history = returns.to_numpy(dtype=float)
    kind = type(measure).__name__
    window = worst_window(history, portfolio, days, level=measure.level, measure=kind)
    inside = HistoricalReturns(returns=history[window.start : window.stop])
    found = Diversification.of(Problem(inside, portfolio, measure))
    dates = [str(returns.index[place])[:10] for place in (window.start, window.stop - 1)]
    return Stressed(measure=measure, days=days, first=dates[0], last=dates[1], value=found.joint)
