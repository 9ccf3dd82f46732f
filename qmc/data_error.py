"""What the data do not know: intervals of VaR and ES for the error of a finite history.

An engine's interval is about its own sampling; fed with another 500 days of the same world it would
answer another question. `data_error` resamples the history in blocks and says how far VaR and ES
move. It is the usual answer to "how sure are we", and mostly the wider one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.bootstrap import block_indices, mean_block_length
from qmc.capabilities import HasScenarios
from qmc.contracts import Portfolio
from qmc.data_lines import (
    DataLine,
    refitted,
    resampled,
    volatility_error,
    walked,
    with_volatility,
)
from qmc.losses import require_observations
from qmc.measures import ES, VaR
from qmc.models import FilteredReturns
from qmc.models.history import profits_of
from qmc.models.one_period import checked_history, periods_to
from qmc.problem import Array, Contract, Model
from qmc.risk_text import column, measure_name
from qmc.rng import RNGLike, generator
from qmc.serialise import to_dict
from qmc.tables import TextTable, as_text

_FEWEST = 100
# mean days of a block where losses overlap, in horizons: lengths are geometric, and blocks shorter
# than a horizon break what the losses share
_HORIZONS = 3.0
_UNBOUNDED = " Where there is no upper end, too few losses lie beyond the level to bound it."


@dataclass(frozen=True, kw_only=True)
class DataError:
    """Bootstrap intervals of VaR and ES for the error of the data.

    Attributes:
        lines: one a measure.
        days: in the history.
        block_length: mean length of the resampled blocks, in days.
        resamples: how many.
        method: what was resampled, in words.
    """

    lines: tuple[DataLine, ...]
    days: int
    block_length: float
    resamples: int
    method: str

    def of(self, measure: VaR | ES) -> DataLine:
        """The line of a measure.

        Raises:
            InvalidProblem: when it was not asked for.
        """
        for line in self.lines:
            if line.measure == measure:
                return line
        allowed = ", ".join(repr(line.measure) for line in self.lines)
        raise checks.refuse("measure", measure, f"one of {allowed}")

    def table(self) -> TextTable:
        """A row a measure: value, interval, and the interval's ends as shares of the value."""
        ends = [(one.value, one.interval.low, one.interval.high) for one in self.lines]
        texts = column(number for row in ends for number in row)
        rows = tuple(
            (
                measure_name(line.measure),
                texts[3 * place],
                f"[{texts[3 * place + 1]}, {texts[3 * place + 2]}]",
                _share(line.value, line.interval.low),
                _share(line.value, line.interval.high),
            )
            for place, line in enumerate(self.lines)
        )
        confidence = 100.0 * self.lines[0].interval.confidence
        return TextTable(
            "Data error: what the history itself does not know",
            ("measure", "value", f"{confidence:g} % interval", "low", "high"),
            rows,
            ("measure",),
        )

    @property
    def sentence(self) -> str:
        """How it was found, in words."""
        return (
            f"Data error from {self.resamples:,} resamples of {self.days:,} days in blocks of "
            f"{self.block_length:.3g} on average: {self.method}. It comes on top of an engine's "
            "interval, which is for the engine's own sampling."
            + (_UNBOUNDED if any(one.interval.high == np.inf for one in self.lines) else "")
        )

    def __str__(self) -> str:
        """The table and how it was found."""
        return f"{as_text(self.table())}\n{self.sentence}"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return to_dict(self)


def data_error(
    returns: ArrayLike,
    portfolio: Contract | Sequence[float],
    model: Callable[[Array], Model],
    measures: Sequence[VaR | ES],
    *,
    confidence: float = 0.95,
    resamples: int = 1_000,
    block_length: float | None = None,
    rng: RNGLike = None,
) -> DataError:
    """Bootstrap intervals of VaR and ES for the error of the data.

    Days are resampled whole, by the stationary bootstrap (Politis and Romano 1994,
    doi:10.1080/01621459.1994.10476870). Then:

    - history: VaR from the number of losses beyond it, whose law is resampled (Woodruff 1952,
      doi:10.1080/01621459.1952.10483443), ES from the studentised bootstrap: percentiles of ES
      itself cover far less than they say, as no resample has a loss beyond the largest. Over h days
      the losses overlap: blocks are three horizons long, the number beyond VaR and ES are taken to
      vary at least as those of n / h independent losses do, and where none of so few may lie beyond
      it, VaR and ES have no upper end.
    - `FilteredReturns` over a day: the same on the rescaled days, and the error of tomorrow's
      volatilities, which are means of a few weeks: days divided by their volatilities are resampled
      and filtered anew. The two are independent, and their half-widths add in squares. A GARCH's
      parameters are taken as they are.
    - `FilteredReturns` over more days: percentiles of the risk of paths of resampled days, from
      volatilities that err as above.
    - another model with `scenarios`: as a history, its scenarios over the horizon taken as days.
    - any other model is fitted to each resample, and the percentiles of its risk are taken.

    What a wrong model adds is in none of them. The guarantees are asymptotic; how often each holds
    is measured in docs/results/data_error.md.

    Args:
        returns: (days, assets) simple returns.
        portfolio: a `Portfolio`, or weights of one of value 1; or another contract with one time,
            such as `Book(on="returns")`, under a model that knows its law.
        model: from returns to a model of returns, such as `NormalReturns.from_returns` or
            `lambda days: FilteredReturns(returns=days)`.
        measures: VaR and ES, such as `(VaR(level=0.99), ES(level=0.975))`.
        confidence: of the intervals.
        resamples: at least 100.
        block_length: mean days of a block, >= 1 (1: days are independent); when None the automatic
            choice of Politis and White (2004, doi:10.1081/ETC-120028836) and Patton, Politis and
            White (2009, doi:10.1080/07474930802459016) for the mean of squared losses.
        rng: of the resamples.

    Raises:
        InvalidProblem: for NaN, infinite or mis-shaped returns, another number of weights, a
            measure that is neither VaR nor ES, a level that the days cannot reach, and a
            confidence, number or length out of range.
        Unsupported: without the package arch, and for a model that knows no law of a portfolio.
    """
    history = checked_history(returns)
    held = portfolio if isinstance(portfolio, Contract) else Portfolio.of(portfolio)
    asked = _asked(measures, history.shape[0])
    confidence = checks.fraction("confidence", confidence)
    checks.whole("resamples", resamples, _FEWEST)
    if not callable(model):
        hint = "such as lambda days: HistoricalReturns(returns=days)"
        raise checks.refuse("model", model, "a function from returns to a model of them", hint)
    random, fitted = generator(rng), model(history)
    periods = periods_to(fitted, held.times) if isinstance(fitted, HasScenarios) else 1
    overlap = 1 if isinstance(fitted, FilteredReturns) else periods
    losses = 0.0 - profits_of(_resampled_returns(fitted, history, periods), held)
    length = _length(block_length, losses, overlap)
    indices = block_indices(losses.size, length, resamples, random)
    if isinstance(fitted, FilteredReturns):
        method = "standardised days resampled, volatilities filtered anew"
        off = volatility_error(fitted, history, indices)
        if periods == 1:
            lines = resampled(losses, asked, confidence, indices)
            lines = with_volatility(lines, fitted, held, off)
        else:
            lines = walked(fitted, held, asked, confidence, indices, off)
    elif isinstance(fitted, HasScenarios):
        method = "scenarios resampled"
        if overlap > 1:
            method += (
                f"; windows of {overlap} days overlap, of {losses.size:,} about "
                f"{max(losses.size // overlap, 1):,} are independent"
            )
        lines = resampled(losses, asked, confidence, indices, overlap)
    else:
        method = "model refitted"
        lines = refitted(history, held, model, asked, confidence, indices)
    return DataError(
        lines=lines,
        days=history.shape[0],
        block_length=length,
        resamples=resamples,
        method=method,
    )


def _resampled_returns(model: Model, history: Array, periods: int) -> Array:
    """What is resampled: rescaled days, a model's scenarios over the horizon, or the days."""
    if isinstance(model, FilteredReturns):
        return model.scenarios()
    return model.scenarios(periods) if isinstance(model, HasScenarios) else history


def _asked(measures: Sequence[VaR | ES], days: int) -> tuple[VaR | ES, ...]:
    asked = (measures,) if isinstance(measures, VaR | ES) else tuple(measures)
    for place, one in enumerate(asked):
        if not isinstance(one, VaR | ES):
            raise checks.refuse(f"measures[{place}]", one, "VaR(level=...) or ES(level=...)")
        require_observations(days, one.level)
    if not asked:
        raise checks.refuse("measures", measures, "one or more of VaR and ES")
    return asked


def _length(length: float | None, losses: Array, overlap: int) -> float:
    """Mean days of a block, not shorter than losses overlap."""
    if length is None:
        least = float(overlap) if overlap == 1 else min(_HORIZONS * overlap, losses.size / 4.0)
        return max(mean_block_length(losses), least)
    given = checks.positive("block_length", length)
    if not overlap <= given <= losses.size:
        allowed = f"from {overlap} to {losses.size}, the horizon and the losses that there are"
        raise checks.refuse("block_length", given, allowed)
    return given


def _share(value: float, end: float) -> str:
    return "-" if value == 0.0 or not np.isfinite(end) else f"{100.0 * (end / value - 1.0):+.0f} %"
