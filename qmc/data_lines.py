"""Intervals of VaR and ES for the error of the data, by how a model is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmc.bootstrap import fitted_interval, shortfall_interval, tail_interval, widened
from qmc.capabilities import ValueLaw
from qmc.errors import Unsupported
from qmc.laws import EmpiricalLaw
from qmc.losses import risk_of_losses
from qmc.measures import ES, VaR
from qmc.models import FilteredReturns
from qmc.models.history import profits_of
from qmc.problem import Array, Contract, Model
from qmc.result import Interval
from qmc.tail_laws import tail_number

# paths of each resample over more than a day
_WALKS = 2**11


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


def resampled(
    losses: Array,
    measures: Sequence[VaR | ES],
    confidence: float,
    indices: NDArray[np.intp],
    overlap: int = 1,
) -> tuple[DataLine, ...]:
    """Of equally likely losses (n,), of which `overlap` successive ones share days."""
    lines = []
    for measure in measures:
        interval = tail_interval if isinstance(measure, VaR) else shortfall_interval
        value = float(risk_of_losses(losses, measure))
        found = interval(losses, measure.level, confidence, indices, overlap)
        lines.append(DataLine(measure=measure, value=value, interval=found))
    return tuple(lines)


def refitted(
    history: Array,
    contract: Contract,
    model: Callable[[Array], Model],
    measures: Sequence[VaR | ES],
    confidence: float,
    indices: NDArray[np.intp],
) -> tuple[DataLine, ...]:
    """Of a model that is fitted to each resample."""
    values = _risks(model(history), contract, measures)
    found = np.array([_risks(model(history[days]), contract, measures) for days in indices])
    return tuple(
        DataLine(measure=measure, value=value, interval=fitted_interval(value, seen, confidence))
        for measure, value, seen in zip(measures, values, found.T, strict=True)
    )


def _risks(model: Model, contract: Contract, measures: Sequence[VaR | ES]) -> list[float]:
    """VaR and ES of a fitted model's own law of the portfolio."""
    if not isinstance(model, ValueLaw):
        msg = (
            f"data_error: {type(model).__name__} knows no law of a portfolio; give a model with "
            "scenarios() or value_law(contract)"
        )
        raise Unsupported(msg)
    law = model.value_law(contract).negated()
    if isinstance(law, EmpiricalLaw):
        samples = np.array(law.samples)
        if samples.size == 1:  # a portfolio that does not move
            return [float(samples[0])] * len(measures)
        return [float(risk_of_losses(samples, one)) for one in measures]
    return [tail_number(law, one) for one in measures]


def volatility_error(model: FilteredReturns, history: Array, indices: NDArray[np.intp]) -> Array:
    """Factors (resamples, assets) on tomorrow's volatilities: true ones over filtered ones.

    In a resample today's volatilities are the true ones, day by day, and the filter sees them
    through other standardised days.
    """
    assert model.filter is not None
    recursion = model.filter.recursion(history)
    vols = recursion.volatilities(history)
    squares = np.square(history / vols[:-1])
    back = np.arange(len(history) - 1, -1, -1)[:, None]
    path = recursion.reaction * recursion.decay**back * np.square(vols[:-1])
    fixed = np.square(vols[-1]) - (path * squares).sum(axis=0)
    mean = fixed + path.sum(axis=0) * squares.mean(axis=0)
    return np.sqrt([mean / (fixed + (path * squares[days]).sum(axis=0)) for days in indices])


def with_volatility(
    lines: Sequence[DataLine], model: FilteredReturns, contract: Contract, off: Array
) -> tuple[DataLine, ...]:
    """The same lines, widened by the error of tomorrow's volatilities."""
    days = model.scenarios()
    losses = np.array([0.0 - profits_of(np.maximum(one * days, -1.0), contract) for one in off])
    found = []
    for line in lines:
        moved = risk_of_losses(losses, line.measure)
        other = fitted_interval(line.value, moved, line.interval.confidence)
        wide = widened(line.value, line.interval, other)
        found.append(DataLine(measure=line.measure, value=line.value, interval=wide))
    return tuple(found)


def walked(
    model: FilteredReturns,
    contract: Contract,
    measures: Sequence[VaR | ES],
    confidence: float,
    indices: NDArray[np.intp],
    off: Array,
) -> tuple[DataLine, ...]:
    """Over more than a day: a resample's risk less this one's, on the same few paths."""
    short = replace(model, scenario_count=_WALKS)
    # another resample's volatilities, so that the two errors are independent
    others = np.roll(off, 1, axis=0)
    here = np.array(_risks(short, contract, measures))
    seen = np.array(
        [
            _risks(short.redrawn(days, factor), contract, measures)
            for days, factor in zip(indices, others, strict=True)
        ]
    )
    values = _risks(model, contract, measures)
    return tuple(
        DataLine(
            measure=measure,
            value=value,
            interval=fitted_interval(value, value + moved - start, confidence),
        )
        for measure, value, moved, start in zip(measures, values, seen.T, here, strict=True)
    )
