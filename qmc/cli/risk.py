"""What `qmc risk` says beside the engines: data error, contributions, scenarios."""

from __future__ import annotations

import math
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
from qmc.models import EWMA, FilteredReturns, HistoricalReturns, worst_window
from qmc.models.one_period import DAY
from qmc.problem import Array, Contract, Problem
from qmc.report import save_figure
from qmc.risk_text import column, measure_name
from qmc.scenarios import ScenarioProfits, read_scenarios
from qmc.tables import TextTable

# paths of many days are walked anew for each
_RESAMPLES, _RESAMPLES_OF_A_DAY = 200, 1_000
# trading days over which an EWMA's missing level begins to show
_FAR = 63

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
        note: why there is none, and what to know of a filter over a long horizon.
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
            days, for these and scenarios of anything but a portfolio, and for a file of scenarios
            that cannot be used.
    """
    tails = tuple(one for one in problems if isinstance(one.measure, VaR | ES))
    for name in ("contributions", "stressed"):
        if name in given and not tails:
            msg = f"option --{name}: must be left out without VaR or ES; give --measure both"
            raise InvalidProblem(msg)
    model, held = problems[0].model, problems[0].contract
    if not isinstance(held, Portfolio):
        _require_no_weights(held, given)
    if not isinstance(model, OfPeriods):
        note = f"No data error: {type(model).__name__} is no model of returns"
        return RiskReport(note=note if tails else "")
    names, returns = spec.daily_returns()
    unknown, note = _data_error(spec, returns, held, tails)
    note = " ".join(filter(None, (note, _far(model, held))))
    if not isinstance(held, Portfolio):
        return RiskReport(data_error=unknown, note=note)
    profits: ScenarioProfits | None = None
    parts: tuple[Diversification, ...] = ()
    stressed: tuple[Stressed, ...] = ()
    if "scenarios" in given:
        profits = read_scenarios(given["scenarios"]).profits(held, names)
    if "contributions" in given:
        parts = tuple(Diversification.of(one, names=names, rng=spec.run.seed) for one in tails)
    if "stressed" in given:
        stressed = tuple(_stressed(spec.prices(), held, one, given["stressed"]) for one in tails)
    return RiskReport(
        data_error=unknown, note=note, contributions=parts, stressed=stressed, scenarios=profits
    )


def _far(model: object, held: Contract) -> str:
    """What an EWMA does over a horizon for which it was never meant."""
    days = round(held.times[-1] / DAY)
    is_ewma = isinstance(model, FilteredReturns) and isinstance(model.filter, EWMA)
    if not is_ewma or days <= _FAR:
        return ""
    return (
        f"An EWMA volatility has no level to return to: over {days} days its paths run away, up "
        "as well as down; take --method garch or history for horizons beyond a quarter of a year."
    )


def _require_no_weights(held: Contract, given: Given) -> None:
    """Refuse for a book what is of a portfolio's weights."""
    for name in ("scenarios", "contributions", "stressed"):
        if name in given:
            kind = type(held).__name__
            msg = f"option --{name}: must be left out for a {kind}; it is of a portfolio's weights"
            raise InvalidProblem(msg)


def _data_error(
    spec: Specification, returns: Array, held: Contract, tails: Sequence[Problem]
) -> tuple[DataError | None, str]:
    """Of every VaR and ES; or why there is none."""
    if not tails:
        return None, ""
    try:
        found = data_error(
            returns,
            held,
            spec.fitted,
            tuple(map(_measure, tails)),
            confidence=spec.goal.confidence,
            resamples=_RESAMPLES if held.times[-1] > DAY else _RESAMPLES_OF_A_DAY,
            rng=spec.run.seed,
        )
    except (InvalidProblem, Unsupported) as error:
        return None, f"No data error: {error}"
    return found, ""


def _measure(problem: Problem) -> VaR | ES:
    assert isinstance(problem.measure, VaR | ES)
    return problem.measure


def _stressed(prices: pd.DataFrame, portfolio: Portfolio, problem: Problem, days: int) -> Stressed:
    """The window of days with the largest VaR or ES over the portfolio's horizon."""
    returns, measure = simple_returns(prices), _measure(problem)
    if not 2 <= days <= len(returns):
        msg = (
            f"option --stressed={days}: must be a whole number of days from 2 to {len(returns)}, "
            "the daily returns there are"
        )
        raise InvalidProblem(msg)
    history = returns.to_numpy(dtype=float)
    kind, horizon = type(measure).__name__, round(portfolio.horizon / DAY)
    least = math.ceil(1.0 / (1.0 - measure.level) - 1e-9) + horizon - 1
    if days < least:
        msg = (
            f"option --stressed={days}: must be at least {least} days for {measure_name(measure)} "
            f"over {horizon} of them; give a longer window, a lower --level or a shorter --horizon"
        )
        raise InvalidProblem(msg)
    window = worst_window(history, portfolio, days, level=measure.level, measure=kind)
    inside = HistoricalReturns(returns=history[window.start : window.stop])
    found = Diversification.of(Problem(inside, portfolio, measure))
    dates = [str(returns.index[place])[:10] for place in (window.start, window.stop - 1)]
    return Stressed(measure=measure, days=days, first=dates[0], last=dates[1], value=found.joint)
