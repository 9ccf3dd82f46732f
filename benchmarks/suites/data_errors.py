"""How often the intervals of `data_error` hold, on laws whose VaR and ES are known.

Beside them, where the model is a history, the percentiles of the resampled VaR and ES themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy import stats

from qmc.bootstrap import fitted_interval
from qmc.contracts import Portfolio
from qmc.data_error import data_error
from qmc.laws import Law, LogNormalLaw, NormalLaw, StudentTLaw
from qmc.losses import tail_risk
from qmc.measures import ES, VaR
from qmc.models import FilteredReturns, HistoricalReturns, NormalReturns, StudentTReturns
from qmc.problem import Array, Model
from qmc.result import Interval
from qmc.tail_laws import tail_number

MEASURES: tuple[VaR | ES, ...] = (VaR(level=0.99), ES(level=0.975))
_RESAMPLES = 400
_MOST_RUNS = 500
_BURN = 300
# returns (days, 1), and what multiplies the law's VaR and ES on the next day
_Draw: TypeAlias = Callable[[np.random.Generator, int], tuple[Array, float]]

T4 = StudentTLaw(location=0.0, scale=0.01, degrees_of_freedom=4.0)
NORMAL = NormalLaw(location=0.0, scale=0.01)
# of variance 1
T6 = StudentTLaw(location=0.0, scale=math.sqrt(4.0 / 6.0), degrees_of_freedom=6.0)


@dataclass(frozen=True, slots=True)
class Case:
    """A law of returns, a model of them, how many days it sees and how many it looks ahead."""

    name: str
    model: str
    law: Law
    draw: _Draw
    make: Callable[[Array], Model]
    days: int
    horizon: int = 1

    @property
    def truths(self) -> list[float]:
        """VaR and ES of the next day, or of the horizon for `_LOGS`."""
        if self.horizon == 1:
            return [tail_number(self.law, measure) for measure in MEASURES]
        deviation = 0.01 * math.sqrt(self.horizon)
        price = LogNormalLaw(mean=math.exp(0.5 * deviation**2), log_sd=deviation)
        return [1.0 + tail_number(price.negated(), measure) for measure in MEASURES]


def _logs(rng: np.random.Generator, days: int) -> tuple[Array, float]:
    """Independent normal log returns, whose products over any horizon are log-normal."""
    return np.expm1(0.01 * rng.standard_normal((days, 1))), 1.0


def _independent(law: Law) -> _Draw:
    return lambda rng, days: (law.ppf(rng.random((days, 1))), 1.0)


def _garch(rng: np.random.Generator, days: int) -> tuple[Array, float]:
    """GARCH(1, 1) with t(6): alpha .08, beta .90, 1 % a day in the long run."""
    shocks = T6.ppf(rng.random(days + _BURN))
    variance, moves = 1e-4, np.empty(days + _BURN)
    for day, shock in enumerate(shocks.tolist()):
        moves[day] = math.sqrt(variance) * shock
        variance = 2e-6 + 0.08 * moves[day] ** 2 + 0.90 * variance
    return moves[_BURN:, None], math.sqrt(variance)


def _history(days: Array) -> Model:
    return HistoricalReturns(returns=days)


def _filtered(days: Array) -> Model:
    return FilteredReturns(returns=days)


_FAT, _THIN = _independent(T4), _independent(NORMAL)
CASES = (
    Case("independent t(4)", "history", T4, _FAT, _history, 500),
    Case("independent t(4)", "history", T4, _FAT, _history, 1_000),
    Case("independent t(4)", "filtered, EWMA", T4, _FAT, _filtered, 500),
    Case("GARCH, t(6)", "filtered, EWMA", T6, _garch, _filtered, 500),
    Case("independent normal", "normal", NORMAL, _THIN, NormalReturns.from_returns, 500),
    Case("independent t(4)", "t(4)", T4, _FAT, StudentTReturns.from_returns, 500),
    Case("independent t(4)", "normal: a wrong law", T4, _FAT, NormalReturns.from_returns, 500),
    Case("log-normal", "history", NORMAL, _logs, _history, 500, 10),
    Case("log-normal", "history", NORMAL, _logs, _history, 2_000, 10),
    Case("log-normal", "history", NORMAL, _logs, _history, 5_000, 10),
    Case("log-normal", "history", NORMAL, _logs, _history, 500, 60),
    Case("log-normal", "filtered, EWMA", NORMAL, _logs, _filtered, 500, 10),
)


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row a case and measure."""
    del done
    runs = 20 if small else min(seeds, _MOST_RUNS)
    for case in CASES:
        found = [_once(case, seed) for seed in range(runs)]
        for place, measure in enumerate(MEASURES):
            yield _row(case, measure, [one[place] for one in found])


def _once(case: Case, seed: int) -> list[tuple[Interval, Interval | None, float]]:
    """Interval, that of percentiles, and the truth, of each measure."""
    rng = np.random.default_rng(seed)
    days, scale = case.draw(rng, case.days)
    held = Portfolio(weights=(1.0,), horizon=case.horizon / 252)
    # over more days a filtered history walks anew for every resample
    resamples = 100 if case.horizon > 1 and case.model != "history" else _RESAMPLES
    found = data_error(days, held, case.make, MEASURES, resamples=resamples, rng=rng)
    plain: list[Interval | None] = [None, None]
    if case.model == "history" and case.horizon == 1:
        again = -days[:, 0][rng.integers(0, case.days, (_RESAMPLES, case.days))]
        plain = [
            fitted_interval(line.value, tail_risk(again, line.measure.level)[place], 0.95)
            for place, line in enumerate(found.lines)
        ]
    truths = [scale * truth for truth in case.truths]
    return [
        (line.interval, other, truth)
        for line, other, truth in zip(found.lines, plain, truths, strict=True)
    ]


def _row(
    case: Case, measure: VaR | ES, found: Sequence[tuple[Interval, Interval | None, float]]
) -> dict[str, Any]:
    held = [interval.contains(truth) for interval, _, truth in found]
    plain = [other.contains(truth) for _, other, truth in found if other is not None]
    widths = [interval.width / truth for interval, _, truth in found]
    unbounded = [math.isinf(interval.high) for interval, _, _ in found]
    wilson = stats.binomtest(sum(held), len(held)).proportion_ci(method="wilson")
    return {
        "case": case.name,
        "what": case.model,
        "days": case.days,
        "horizon": case.horizon,
        "measure": f"{type(measure).__name__} {100.0 * measure.level:g} %",
        "runs": len(held),
        "coverage": float(np.mean(held)),
        "wilson low": wilson.low,
        "wilson high": wilson.high,
        "too low": float(np.mean([interval.high < truth for interval, _, truth in found])),
        "too high": float(np.mean([interval.low > truth for interval, _, truth in found])),
        "no upper end": float(np.mean(unbounded)),
        "median width / truth": float(np.median(widths)),
        "coverage of percentiles": f"{np.mean(plain):.4g}" if plain else "-",
    }
