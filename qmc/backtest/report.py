"""`backtest`: several forecasters on the same days, with every test, as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from qmc import checks
from qmc.backtest.assessment import BacktestRow, assess, require_settings
from qmc.backtest.coverage import SIGNIFICANCE
from qmc.backtest.forecasters import Forecaster
from qmc.backtest.forecasts import Forecasts, of_losses, portfolio_losses
from qmc.backtest.shortfall import SIMULATIONS
from qmc.contracts import Portfolio
from qmc.rng import RNGLike, generator
from qmc.tables import TextTable, as_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_COLUMNS = (
    "method", "breaches", "expected", "Kupiec p", "independence p", "Christoffersen p", "Z1 p",
    "Z2 p", "Z3 p", "last 250 days", "worst 250 days",
)  # fmt: skip
_SPARE = ("worst 250 days", "Z1 p", "Z3 p", "independence p")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Backtest:
    """The rows of a back-test, and the forecasts that they are of.

    Attributes:
        rows: one a forecaster, in order.
        forecasts: by the forecaster's label.
        interrupted: True when Ctrl-C ended it; the rows are those finished before.
    """

    rows: tuple[BacktestRow, ...]
    forecasts: Mapping[str, Forecasts] = field(default_factory=dict)
    interrupted: bool = False

    def to_frame(self) -> pd.DataFrame:
        """A row a forecaster: counts, p-values, zone, quantile loss."""
        import pandas as pd

        return pd.DataFrame(list(map(_flat, self.rows)))

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: the rows with every statistic."""
        rows = [{**asdict(row), "passed": row.passed} for row in self.rows]
        return {"rows": rows, "interrupted": self.interrupted}

    def table(self) -> TextTable:
        """For a screen."""
        cells = tuple(map(_cells, self.rows))
        words = ("method", "last 250 days")
        return TextTable(self._caption(), _COLUMNS, cells, words, _SPARE)

    def _caption(self) -> str:
        if not self.rows:
            return "Back-test"
        one = self.rows[0]
        return (
            f"Back-test of VaR {100.0 * one.level:g} % and ES {100.0 * one.es_level:g} %, "
            f"{one.days:,} days from {one.first} to {one.last}"
        )

    def plot(self, method: str | None = None, *, ax: Axes | None = None) -> Axes:
        """Losses, the forecast of one method (the first when None) and its breaches."""
        from qmc.plots.backtest import plot_backtest

        return plot_backtest(self, method, ax=ax)

    def __str__(self) -> str:
        """The table."""
        return as_text(self.table())

    def __repr__(self) -> str:
        """Short: how many methods and days."""
        days = f"{self.rows[0].days:,} days" if self.rows else "no days"
        return f"Backtest({', '.join(row.method for row in self.rows)}: {days})"

    def _repr_html_(self) -> str:
        """The table, as a notebook shows it."""
        return str(self.to_frame().to_html(index=False))


def backtest(
    returns: ArrayLike,
    weights: Portfolio | ArrayLike,
    forecasters: Mapping[str, Forecaster] | Sequence[Forecaster] | Forecaster,
    *,
    level: float = 0.99,
    es_level: float = 0.975,
    days: Sequence[str | int] | None = None,
    first: int | None = None,
    significance: float = SIGNIFICANCE,
    simulations: int = SIMULATIONS,
    rng: RNGLike = None,
) -> Backtest:
    """Forecast every day by every forecaster, from the days before it, and test the forecasts.

    All are tested on the same days: from the longest window on, or from `first`.

    Args:
        returns: (days, assets) simple returns, oldest first.
        weights: (assets,) shares of a portfolio of value 1, held on every day, or a `Portfolio` of
            such weights.
        forecasters: by label, or in a sequence, or one.
        level: of VaR.
        es_level: of ES.
        days: (days,) labels of the returns, such as dates; 0, 1, ... when None.
        first: place of the first day to forecast.
        significance: of the tests.
        simulations: of the p-values of Z1, Z2 and Z3; 0 leaves these out.
        rng: of the simulations.

    Raises:
        InvalidProblem: as `rolling`, and without forecasters.
        KeyboardInterrupt: when stopped before one was finished; later, those that are finished are
            returned.

    >>> import numpy as np
    >>> from qmc.backtest import Historical, NormalForecast, backtest
    >>> returns = np.random.default_rng(1).normal(0.0, 0.01, (1_500, 2))
    >>> table = backtest(returns, (0.5, 0.5), [Historical(), NormalForecast()], rng=1)
    >>> [(row.method, row.breaches, row.days, row.passed) for row in table.rows]
    [('Historical', 8, 1000, True), ('NormalForecast', 9, 1000, True)]
    """
    require_settings(level, es_level, simulations)
    losses = portfolio_losses(returns, weights)
    named = _named(forecasters)
    first = max(one.window for one in named.values()) if first is None else first
    streams = generator(rng).spawn(len(named))
    rows: list[BacktestRow] = []
    made: dict[str, Forecasts] = {}
    try:
        for (label, one), stream in zip(named.items(), streams, strict=True):
            found = of_losses(losses, one, level=level, es_level=es_level, days=days, first=first)
            row = assess(
                found, label, significance=significance, simulations=simulations, rng=stream
            )
            made[label] = found
            rows.append(row)
    except KeyboardInterrupt:
        if not rows:
            raise
        made = {row.method: made[row.method] for row in rows}
        return Backtest(rows=tuple(rows), forecasts=made, interrupted=True)
    return Backtest(rows=tuple(rows), forecasts=made)


def _named(
    forecasters: Mapping[str, Forecaster] | Sequence[Forecaster] | Forecaster,
) -> dict[str, Forecaster]:
    """By label: the class's name, numbered from the second of a kind on."""
    if isinstance(forecasters, Mapping):
        named = {str(label): one for label, one in forecasters.items()}
    else:
        several = [forecasters] if isinstance(forecasters, Forecaster) else list(forecasters)
        named = {}
        for one in several:
            name = type(one).__name__
            same = sum(label.partition(" ")[0] == name for label in named)
            named[name if not same else f"{name} {same + 1}"] = one
    if not named:
        raise checks.refuse("forecasters", named, "one or more, such as FilteredHistorical()")
    for label, one in named.items():
        checks.interface(f"forecasters[{label!r}]", one, Forecaster)
    return named


def _flat(row: BacktestRow) -> dict[str, Any]:
    shortfall = {f"{test.name} p": test.p_value for test in row.shortfall}
    return {
        "method": row.method,
        "level": row.level,
        "days": row.days,
        "breaches": row.breaches,
        "expected": row.expected,
        "Kupiec p": row.kupiec.p_value,
        "independence p": row.independence.p_value,
        "Christoffersen p": row.christoffersen.p_value,
        **shortfall,
        "zone": row.light.zone,
        "most in 250": row.most,
        "quantile loss": row.quantile_loss,
    }


def _cells(row: BacktestRow) -> tuple[str, ...]:
    shortfall = [f"{test.p_value:.3g}" for test in row.shortfall] or ["-"] * 3
    return (
        row.method,
        f"{row.breaches:,}",
        f"{row.expected:.1f}",
        f"{row.kupiec.p_value:.3g}",
        f"{row.independence.p_value:.3g}",
        f"{row.christoffersen.p_value:.3g}",
        *shortfall,
        f"{row.light.zone} ({row.light.breaches})",
        str(row.most),
    )
