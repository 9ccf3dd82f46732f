"""Suites: each yields rows as they are finished."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.suites import (
    algorithms,
    amplitudes,
    backtests,
    circuits,
    conventions,
    convergence,
    coverage,
    data_errors,
    encodings,
    estimators,
    large,
    payoffs,
    peers,
    plans,
    published,
    quantiles,
    residuals,
    risk_speed,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row: TypeAlias = dict[str, Any]

SUITES: dict[str, Callable[[int, bool, Sequence[Row]], Iterator[Row]]] = {
    "coverage": coverage.run,
    "convergence": convergence.run,
    "peers": peers.run,
    "estimators": estimators.run,
    "amplitudes": amplitudes.run,
    "algorithms": algorithms.run,
    "circuits": circuits.run,
    "encodings": encodings.run,
    "payoffs": payoffs.run,
    "published": published.run,
    "large": large.run,
    "plans": plans.run,
    "residuals": residuals.run,
    "risk_speed": risk_speed.run,
    "backtests": backtests.run,
    "conventions": conventions.run,
    "data_errors": data_errors.run,
    "quantiles": quantiles.run,
}

PICTURES: dict[str, Callable[[Sequence[Row]], "Figure"]] = {
    "estimators": estimators.picture,
    "quantiles": quantiles.picture,
}

# tables by name, made of all rows of a suite
SUMMARIES: dict[str, Callable[[Sequence[Row]], dict[str, list[Row]]]] = {
    "plans": plans.summary,
    "quantiles": quantiles.summary,
}
