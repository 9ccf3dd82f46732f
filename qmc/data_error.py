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
from qmc.bootstrap import (
    block_indices,
    fitted_interval,
    mean_block_length,
    shortfall_interval,
    tail_interval,
    widened,
)
from qmc.contracts import Portfolio
from qmc.diversification import HasScenarios
from qmc.errors import Unsupported
from qmc.euler import risk_of
from qmc.laws import EmpiricalLaw
from qmc.losses import require_observations, tail_risk
from qmc.measures import ES, VaR
from qmc.models import FilteredReturns
from qmc.models.history import ewma_volatility
from qmc.models.one_period import checked_history
from qmc.problem import Array, Model, ValueLaw
from qmc.result import Interval
from qmc.risk_report import as_text, column, measure_name
from qmc.rng import RNGLike, generator
from qmc.serialise import to_dict
from qmc.tables import TextTable

_FEWEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLine:
    """One measure: its value on the data as they are, and where it may lie for all that they say.

    Attributes:
        measure: VaR or ES.
        value: in money.
        interval: for the data's error alone; an end is infinite where too few losses lie beyond the
            level to bound it.
    """

    measure: VaR | ES
    value: float
    interval: Interval


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
        )

    def __str__(self) -> str:
        """The table and how it was found."""
        return f"{as_text(self.table())}\n{self.sentence}"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return to_dict(self)


def data_error(
    returns: ArrayLike,
    portfolio: Portfolio | Sequence[float],
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

    - a model that is a list of scenarios (history): VaR from the number of losses beyond it, whose
      law is resampled (Woodruff 1952, doi:10.1080/01621459.1952.10483443), ES from the studentised
      bootstrap: percentiles of ES itself cover far less than they say, as no resample has a loss
      beyond the largest.
    - `FilteredReturns`: the same on the rescaled days, and the error of tomorrow's volatilities,
      which are means of a few weeks: days divided by their volatilities are resampled and filtered
      anew. The two are independent, and their half-widths add in squares.
    - any other model is fitted to each resample, and the percentiles of its risk are taken.

    What a wrong model adds is in none of them.

    Args:
        returns: (days, assets) simple returns.
        portfolio: a `Portfolio`, or weights of one of value 1.
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
    held = portfolio if isinstance(portfolio, Portfolio) else Portfolio(weights=tuple(portfolio))
    weights = held.value * held.matched_weights(history.shape[1])
    asked = _asked(measures, history.shape[0])
    confidence = checks.fraction("confidence", confidence)
    checks.whole("resamples", resamples, _FEWEST)
    random, fitted = generator(rng), model(history)
    listed = fitted.scenarios() if isinstance(fitted, HasScenarios) else None
    losses = -(history if listed is None else listed) @ weights
    length = mean_block_length(losses) if block_length is None else block_length
    length = _length(length, losses.size)
    indices = block_indices(losses.size, length, resamples, random)
    if listed is None:
        lines, method = (
            _refitted(history, held, model, asked, confidence, indices),
            "model refitted",
        )
    else:
        lines, method = _resampled(losses, asked, confidence, indices), "scenarios resampled"
    if isinstance(fitted, FilteredReturns):
        lines = _with_volatility(lines, fitted, history, weights, indices)
        method = "rescaled days resampled, volatilities filtered anew"
    return DataError(
        lines=lines,
        days=history.shape[0],
        block_length=length,
        resamples=resamples,
        method=method,
    )


def _resampled(
    losses: Array, measures: Sequence[VaR | ES], confidence: float, indices: Array
) -> tuple[DataLine, ...]:
    """Of equally likely losses (n,)."""
    lines = []
    for measure in measures:
        interval = tail_interval if isinstance(measure, VaR) else shortfall_interval
        value = float(tail_risk(losses, measure.level)[isinstance(measure, ES)])
        found = interval(losses, measure.level, confidence, indices)
        lines.append(DataLine(measure=measure, value=value, interval=found))
    return tuple(lines)


def _refitted(
    history: Array,
    portfolio: Portfolio,
    model: Callable[[Array], Model],
    measures: Sequence[VaR | ES],
    confidence: float,
    indices: Array,
) -> tuple[DataLine, ...]:
    """Of a model that is fitted to each resample."""
    values = _risks(model(history), portfolio, measures)
    found = np.array([_risks(model(history[days]), portfolio, measures) for days in indices])
    return tuple(
        DataLine(measure=measure, value=value, interval=fitted_interval(value, seen, confidence))
        for measure, value, seen in zip(measures, values, found.T, strict=True)
    )


def _risks(model: Model, portfolio: Portfolio, measures: Sequence[VaR | ES]) -> list[float]:
    """VaR and ES of a fitted model's own law of the portfolio."""
    if not isinstance(model, ValueLaw):
        msg = (
            f"data_error: {type(model).__name__} knows no law of a portfolio; give a model with "
            "scenarios() or value_law(contract)"
        )
        raise Unsupported(msg)
    law = model.value_law(portfolio).negated()
    if isinstance(law, EmpiricalLaw):
        samples = np.array(law.samples)
        if samples.size == 1:  # a portfolio that does not move
            return [float(samples[0])] * len(measures)
        return [float(tail_risk(samples, one.level)[isinstance(one, ES)]) for one in measures]
    return [risk_of(law, one) for one in measures]


def _with_volatility(
    lines: Sequence[DataLine],
    model: FilteredReturns,
    history: Array,
    weights: Array,
    indices: Array,
) -> tuple[DataLine, ...]:
    """The same lines, widened by the error of tomorrow's volatilities."""
    vols = ewma_volatility(history, model.decay)[:-1]
    squares = np.square(history / vols)
    decay = model.decay
    recent = (1.0 - decay) * decay ** np.arange(history.shape[0] - 1, -1.0, -1.0)
    path = recent[:, None] * np.square(vols)
    mean = path.sum(axis=0) * squares.mean(axis=0)
    # true over filtered variance; in the resamples `vols` are true and the new filter's are seen
    off = np.array([mean / (path * squares[days]).sum(axis=0) for days in indices])
    losses = -(np.sqrt(off) * weights) @ model.scenarios().T
    found = []
    for line in lines:
        moved = tail_risk(losses, line.measure.level)[isinstance(line.measure, ES)]
        other = fitted_interval(line.value, moved, line.interval.confidence)
        wide = widened(line.value, line.interval, other)
        found.append(DataLine(measure=line.measure, value=line.value, interval=wide))
    return tuple(found)


def _asked(measures: Sequence[VaR | ES], days: int) -> tuple[VaR | ES, ...]:
    asked = (measures,) if isinstance(measures, VaR | ES) else tuple(measures)
    for place, one in enumerate(asked):
        if not isinstance(one, VaR | ES):
            raise checks.refuse(f"measures[{place}]", one, "VaR(level=...) or ES(level=...)")
        require_observations(days, one.level)
    if not asked:
        raise checks.refuse("measures", measures, "one or more of VaR and ES")
    return asked


def _length(length: float, days: int) -> float:
    given = checks.positive("block_length", length)
    if not 1.0 <= given <= days:
        raise checks.refuse("block_length", given, f"from 1 to {days}, the days there are")
    return given


def _share(value: float, end: float) -> str:
    return "-" if value == 0.0 or not np.isfinite(end) else f"{100.0 * (end / value - 1.0):+.0f} %"
