"""What `qmc risk` says beside the engines: data error, contributions, scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmc.cli.options import Given
from qmc.data_error import DataError, data_error
from qmc.diversification import Diversification
from qmc.errors import InvalidProblem, Unsupported
from qmc.measures import ES, VaR
from qmc.models.one_period import DAY
from qmc.report import save_figure
from qmc.scenarios import ScenarioProfits, read_scenarios

# paths of many days are walked anew for each
_RESAMPLES, _RESAMPLES_OF_A_DAY = 200, 1_000

if TYPE_CHECKING:
    from rich.console import RenderableType

    from qmc.contracts import Portfolio
    from qmc.problem import Problem
    from qmc.specification import Specification


@dataclass(frozen=True, kw_only=True)
class RiskReport:
    """The tables beside the results; empty where nothing was asked for.

    Attributes:
        data_error: of every VaR and ES; None with a `note` where the data are too few, and without
            a VaR or ES.
        note: why there is none.
        contributions: one a measure.
        scenarios: the profits.
    """

    data_error: DataError | None = None
    note: str = ""
    contributions: tuple[Diversification, ...] = ()
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
        if self.scenarios is not None:
            found["scenarios"] = self.scenarios.to_dict()
        return found

    def draw(self, folder: Path) -> None:
        """Pictures of the contributions."""
        for one in self.contributions:
            name = f"contributions-{type(one.measure).__name__.lower()}"
            save_figure(one.plot(), folder, name)


def risk_report(spec: Specification, problems: Sequence[Problem], given: Given) -> RiskReport:
    """Everything but the engines, before they begin.

    Raises:
        InvalidProblem: for contributions without VaR or ES or with too few scenarios, and for a
            file of scenarios that cannot be used.
    """
    names, returns = spec.daily_returns()
    tails = tuple(one for one in problems if isinstance(one.measure, VaR | ES))
    measures = tuple(one.measure for one in tails if isinstance(one.measure, VaR | ES))
    portfolio: Portfolio = problems[0].contract  # type: ignore[assignment]
    if "contributions" in given and not tails:
        msg = "option --contributions: must be left out without VaR or ES; give --measure both"
        raise InvalidProblem(msg)
    profits = None
    if "scenarios" in given:
        profits = read_scenarios(given["scenarios"]).profits(portfolio, names)
    parts = ()
    if "contributions" in given:
        parts = tuple(Diversification.of(one, names=names, rng=spec.run.seed) for one in tails)
    unknown, note = None, ""
    if measures:
        try:
            unknown = data_error(
                returns,
                portfolio,
                spec.fitted,
                measures,
                confidence=spec.goal.confidence,
                resamples=_RESAMPLES if portfolio.horizon > DAY else _RESAMPLES_OF_A_DAY,
                rng=spec.run.seed,
            )
        except (InvalidProblem, Unsupported) as error:
            note = f"No data error: {error}"
    return RiskReport(data_error=unknown, note=note, contributions=parts, scenarios=profits)
