"""`rolling`: a forecaster's VaR and ES for every day, made of the days before it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from qmc import checks
from qmc.backtest.forecasters import Forecaster
from qmc.backtest.laws import PredictiveLaws
from qmc.contracts import Portfolio
from qmc.models.one_period import checked_history
from qmc.problem import Array

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Forecasts:
    """VaR and ES of each day, beside the loss that came.

    Attributes:
        days: (n,) labels, such as dates.
        losses: (n,) that came, bad is positive.
        value_at_risk: (n,) at `level`.
        expected_shortfall: (n,) at `es_level`.
        value_at_es_level: (n,) VaR at `es_level`, which the tests of ES need.
        level, es_level: in (0, 1).
        laws: of which they are; None for forecasts that came without.

    Raises:
        InvalidProblem: for NaN, infinite or no numbers, and different lengths.
    """

    days: tuple[str | int, ...]
    losses: Array
    value_at_risk: Array
    expected_shortfall: Array
    value_at_es_level: Array
    level: float
    es_level: float
    laws: PredictiveLaws | None = field(default=None)

    def __post_init__(self) -> None:
        """Check, and keep what cannot be written to."""
        object.__setattr__(self, "level", checks.fraction("level", self.level))
        object.__setattr__(self, "es_level", checks.fraction("es_level", self.es_level))
        object.__setattr__(self, "days", tuple(self.days))
        for name in ("losses", "value_at_risk", "expected_shortfall", "value_at_es_level"):
            array = checks.table(name, getattr(self, name), 1)
            if array.size != len(self.days):
                raise checks.refuse(name, f"{array.size} numbers", f"{len(self.days)}, as days")
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def breaches(self) -> NDArray[np.bool_]:
        """(n,) whether the loss was above VaR."""
        return np.asarray(self.losses > self.value_at_risk)

    @property
    def expected_breaches(self) -> float:
        """Days times (1 - level)."""
        return len(self.days) * (1.0 - self.level)

    def at(self, level: float, es_level: float | None = None) -> Forecasts:
        """The same laws read at another level, and another of ES if given.

        Raises:
            InvalidProblem: for a level out of range, and forecasts without laws.
        """
        if self.laws is None:
            raise checks.refuse("laws", None, "known to read another level")
        es_level = self.es_level if es_level is None else es_level
        return _read(self.laws, self.losses, self.days, level, es_level)

    def part(self, first: str | int | None = None, last: str | int | None = None) -> Forecasts:
        """The days from the first to the last, both included; None is no bound.

        Raises:
            InvalidProblem: when no day is left.
        """
        chosen = [
            place
            for place, day in enumerate(self.days)
            if (first is None or _order(day, first) >= 0)
            and (last is None or _order(day, last) <= 0)
        ]
        if not chosen:
            span = f"within {self.days[0]} to {self.days[-1]}"
            raise checks.refuse("first, last", (first, last), span)
        rows = slice(chosen[0], chosen[-1] + 1)
        return replace(
            self,
            days=self.days[rows],
            losses=self.losses[rows],
            value_at_risk=self.value_at_risk[rows],
            expected_shortfall=self.expected_shortfall[rows],
            value_at_es_level=self.value_at_es_level[rows],
            laws=None if self.laws is None else self.laws.on(rows),
        )

    def to_frame(self) -> pd.DataFrame:
        """A row a day: loss, VaR, ES, whether it was a breach."""
        import pandas as pd

        columns = {
            "loss": self.losses,
            "VaR": self.value_at_risk,
            "ES": self.expected_shortfall,
            "breach": self.breaches,
        }
        return pd.DataFrame(columns, index=pd.Index(self.days, name="day"))

    def __str__(self) -> str:
        """Days, levels, breaches."""
        return (
            f"{len(self.days):,} days from {self.days[0]} to {self.days[-1]}: "
            f"{int(self.breaches.sum())} losses above VaR {100.0 * self.level:g} %, "
            f"{self.expected_breaches:.1f} expected"
        )

    def __repr__(self) -> str:
        """As `str`."""
        return f"Forecasts({self})"

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Losses, VaR and breaches; returns the axes."""
        from qmc.plots.backtest import plot_forecasts

        return plot_forecasts(self, ax=ax)


def portfolio_losses(returns: ArrayLike, weights: Portfolio | ArrayLike) -> Array:
    """Losses (days,) of a portfolio of value 1, held at constant weights.

    Args:
        returns: (days, assets) simple returns.
        weights: (assets,) shares; negative is short. Or a `Portfolio`, of which the weights alone
            are taken: `market_neutral=True` lets them sum to 0.

    Raises:
        InvalidProblem: for NaN, infinite or mis-shaped input, returns <= -1, and the weights that
            `Portfolio` refuses.
    """
    history = checked_history(returns)
    shares = Portfolio.of(weights).matched_weights(history.shape[1])
    return np.asarray(-(history * shares).sum(axis=1))


def rolling(
    returns: ArrayLike,
    weights: Portfolio | ArrayLike,
    forecaster: Forecaster,
    *,
    level: float = 0.99,
    es_level: float = 0.975,
    days: Sequence[str | int] | None = None,
    first: int | None = None,
) -> Forecasts:
    """Forecast each day's loss from the losses of the `forecaster.window` days before it.

    The forecaster is handed windows that end the day before, the last day's loss never.

    Args:
        returns: (days, assets) simple returns, oldest first.
        weights: (assets,) shares held on every day, or a `Portfolio` of such weights.
        forecaster: such as `FilteredHistorical()`.
        level: of VaR.
        es_level: of ES.
        days: (days,) labels of the returns; 0, 1, ... when None.
        first: place of the first day to forecast, at least the window, which is the default.

    Raises:
        InvalidProblem: as `portfolio_losses`; for levels out of range, a history no longer than the
            window, a window too short for the level, and labels that do not fit or whose dates or
            numbers do not increase.

    >>> from qmc.backtest import Historical
    >>> rng = np.random.default_rng(1)
    >>> rolling(rng.normal(0.0, 0.01, (600, 2)), (0.5, 0.5), Historical(window=500), level=0.9)
    Forecasts(100 days from 500 to 599: 11 losses above VaR 90 %, 10.0 expected)
    """
    losses = portfolio_losses(returns, weights)
    return of_losses(losses, forecaster, level=level, es_level=es_level, days=days, first=first)


def of_losses(
    losses: Array,
    forecaster: Forecaster,
    *,
    level: float = 0.99,
    es_level: float = 0.975,
    days: Sequence[str | int] | None = None,
    first: int | None = None,
) -> Forecasts:
    """As `rolling`, of a portfolio's losses (days,), oldest first."""
    checks.interface("forecaster", forecaster, Forecaster)
    checks.fraction("level", level)
    checks.fraction("es_level", es_level)
    known = checks.table("losses", losses, 1)
    window = forecaster.window
    if known.size <= window:
        hint = "give a longer history or a smaller window"
        raise checks.refuse("days", known.size, f"more than the window, {window}", hint)
    labels = tuple(range(known.size)) if days is None else tuple(days)
    if len(labels) != known.size:
        raise checks.refuse("days", f"{len(labels)} labels", f"one for each of {known.size} days")
    _require_increasing(labels)
    start = window if first is None else checks.whole("first", first, window, known.size - 1)
    laws = forecaster.laws(_windows(known, window, start))
    return _read(laws, known[start:], labels[start:], level, es_level)


def _require_increasing(labels: tuple[str | int, ...]) -> None:
    """Refuse labels that do not go up from each day to the next, as where the newest is first.

    Words that are no dates have no order but the one they are given in.
    """
    if any(isinstance(one, str) and not _DATE.match(one) for one in labels):
        return
    for place, (day, later) in enumerate(itertools.pairwise(labels)):
        if isinstance(day, str) != isinstance(later, str) or not day < later:  # type: ignore[operator]
            allowed = f"after that of the day before, {day!r}"
            raise checks.refuse(f"days[{place + 1}]", later, allowed, "give the oldest day first")


def _windows(losses: Array, window: int, start: int) -> Array:
    """A read-only view (days, window): the losses before each day from `start` on."""
    return sliding_window_view(losses[:-1], window)[start - window :]


def _read(
    laws: PredictiveLaws,
    losses: Array,
    days: tuple[str | int, ...],
    level: float,
    es_level: float,
) -> Forecasts:
    value_at_risk, _ = laws.tail_risk(level)
    value_at_es_level, expected_shortfall = laws.tail_risk(es_level)
    return Forecasts(
        days=days,
        losses=losses,
        value_at_risk=value_at_risk,
        expected_shortfall=expected_shortfall,
        value_at_es_level=value_at_es_level,
        level=level,
        es_level=es_level,
        laws=laws,
    )


def _order(day: str | int, bound: str | int) -> int:
    """-1, 0 or 1; a date against a year such as "2004" by its first letters.

    >>> _order("2004-12-31", "2004"), _order("2005-01-03", "2004"), _order(3, 5)
    (0, 1, -1)
    """
    if isinstance(day, str) != isinstance(bound, str):
        raise checks.refuse("first, last", bound, f"as the days are, such as {day!r}")
    if isinstance(day, str):
        day = day[: len(str(bound))]
    return (day > bound) - (day < bound)  # type: ignore[operator]
