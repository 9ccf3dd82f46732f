"""Which forecaster is chosen on 1990 to 2004, and by which rule: fixed before 2005 was looked at.

The rule, on the days of 1990 to 2004 from the 1,000th on, the same for every candidate:

1. A candidate is admitted when Kupiec's, the independence and Christoffersen's test all pass
   (p > .05) at 99 % and at 97.5 %.
2. Of the admitted, that with the smallest quantile loss at 99 % is chosen. If none is admitted,
   that with the largest smallest p-value of those six tests.

The quantile loss uses every day, so that it separates forecasters that a handful of breaches does
not; the tests alone would choose by luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qmc.backtest import (
    BacktestRow,
    EwmaNormal,
    EwmaStudentT,
    FilteredHistorical,
    Forecaster,
    Forecasts,
    GarchFiltered,
    Historical,
    NormalForecast,
    StudentTForecast,
    assess,
)

FIRST = 1_000
LAST_OF_CHOICE, FIRST_AFTER = "2004", "2005"
LEVELS = (0.99, 0.975)

CANDIDATES: dict[str, Forecaster] = {
    "history": Historical(),
    "history, worst added": Historical(add_worst=True),
    "normal": NormalForecast(),
    "Student t(4)": StudentTForecast(),
    "EWMA normal": EwmaNormal(),
    "EWMA Student t(6)": EwmaStudentT(),
    "filtered .94": FilteredHistorical(),
    "filtered .97": FilteredHistorical(decay=0.97),
    "filtered .94, worst added": FilteredHistorical(add_worst=True),
    "filtered .94, asymmetric, worst added": FilteredHistorical(asymmetry=0.5, add_worst=True),
    "filtered .94, 1,000 days, worst added": FilteredHistorical(window=1_000, add_worst=True),
    "GARCH": GarchFiltered(),
    "GARCH, worst added": GarchFiltered(add_worst=True),
    "GARCH, asymmetric": GarchFiltered(asymmetric=True),
    "GARCH, asymmetric, worst added": GarchFiltered(asymmetric=True, add_worst=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """A candidate's rows on the days of the choice, by level."""

    name: str
    rows: tuple[BacktestRow, ...]

    @property
    def admitted(self) -> bool:
        """True when every test of breaches passes at every level."""
        return all(row.passed for row in self.rows)

    @property
    def smallest(self) -> float:
        """The smallest p-value of those tests."""
        return min(
            test.p_value
            for row in self.rows
            for test in (row.kupiec, row.independence, row.christoffersen)
        )


def before(forecasts: Mapping[str, Forecasts]) -> list[Assessed]:
    """Every candidate on the days up to the end of 2004."""
    return [
        Assessed(name=name, rows=rows_of(one.part(last=LAST_OF_CHOICE), name))
        for name, one in forecasts.items()
    ]


def rows_of(forecasts: Forecasts, name: str) -> tuple[BacktestRow, ...]:
    """A row a level; the p-values of Z1 to Z3 take no part in the choice."""
    return tuple(assess(forecasts.at(level), name, simulations=0) for level in LEVELS)


def chosen(assessed: Sequence[Assessed]) -> str:
    """The name that the rule gives."""
    admitted = [one for one in assessed if one.admitted]
    if admitted:
        return min(admitted, key=lambda one: one.rows[0].quantile_loss).name
    return max(assessed, key=lambda one: one.smallest).name
