"""Tests of expected shortfall by Acerbi and Szekely, with simulated p-values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from qmc import checks
from qmc.backtest.coverage import SIGNIFICANCE, ForecastTest
from qmc.backtest.forecasts import Forecasts
from qmc.backtest.laws import PredictiveLaws
from qmc.errors import Unsupported
from qmc.problem import Array
from qmc.rng import RNGLike, generator

SIMULATIONS = 2_000
LEAST_SIMULATIONS = 100
_NAMES = ("Z1", "Z2", "Z3")
# uniform numbers drawn at once
_DRAWS = 2_000_000


def acerbi_szekely(
    forecasts: Forecasts,
    *,
    simulations: int = SIMULATIONS,
    significance: float = SIGNIFICANCE,
    rng: RNGLike = None,
) -> tuple[ForecastTest, ForecastTest, ForecastTest]:
    """Z1, Z2 and Z3 of ES, each 0 on average when the forecast is right, and below when ES is low.

    With n days, losses L, I = 1 where L > VaR at the level of ES, and N their number:
    Z1 = 1 - sum(L I / ES) / N, which asks about the size of the breaches alone;
    Z2 = 1 - sum(L I / ES) / (n (1 - level)), about their size and number together;
    Z3 = 1 - the mean over days of (mean of the worst n (1 - level) losses of the day's law at the
    ranks seen) / (its expectation), about the whole tail of the laws.
    The p-value is the share of simulated histories, each day's loss drawn from that day's own law,
    that give such a value or a lower one (Acerbi and Szekely 2014, "Back-testing expected
    shortfall", Risk, December; eq. 4, 6, 8 and section 2). A history without breaches has no Z1:
    it is left out of the simulation, and seen it gives NaN and p 1.

    Args:
        forecasts: with laws, and n (1 - es_level) >= 1.
        simulations: histories, at least 100; p-values are no finer than 1 / (simulations + 1).
        significance: below which the forecast is rejected.
        rng: of the simulation.

    Raises:
        Unsupported: for forecasts without laws.
        InvalidProblem: for too few days, simulations below 100, and an ES <= 0.
    """
    checks.whole("simulations", simulations, LEAST_SIMULATIONS)
    checks.fraction("significance", significance)
    tail = _Tail.of(forecasts)
    seen = tail.statistics_seen(forecasts)
    uniforms = _histories(simulations, len(forecasts.days), generator(rng))
    simulated = np.concatenate([tail.statistics(upper) for upper in uniforms])
    first, second, third = (
        ForecastTest(
            name=name,
            statistic=float(seen[place]),
            p_value=_p_value(float(seen[place]), simulated[:, place]),
            significance=significance,
        )
        for place, name in enumerate(_NAMES)
    )
    return first, second, third


@dataclass(frozen=True, eq=False)
class _Tail:
    """What the three statistics need of the laws.

    Attributes:
        laws: of the days.
        value_at_risk, shortfall: (days,) at `level`.
        expected: (days,) mean of the worst `count` losses of n draws of each day's law.
        count: floor(n (1 - level)).
        level: of ES.
    """

    laws: PredictiveLaws
    value_at_risk: Array
    shortfall: Array
    expected: Array
    count: int
    level: float

    @classmethod
    def of(cls, forecasts: Forecasts) -> _Tail:
        """Check, and take what does not change from one history to the next."""
        laws, days = forecasts.laws, len(forecasts.days)
        if laws is None:
            msg = (
                "acerbi_szekely needs the laws that VaR and ES are of, to simulate p-values: give "
                "Forecasts(laws=...), or make them by rolling(...)"
            )
            raise Unsupported(msg)
        count = int(days * (1.0 - forecasts.es_level) + 1e-9)
        if count < 1:
            allowed = f"enough for a loss beyond the level {forecasts.es_level:g} of ES"
            hint = "take more days, a lower level of ES, or simulations=0 in a back-test"
            raise checks.refuse("days", days, allowed, hint)
        if np.any(forecasts.expected_shortfall <= 0.0):
            lowest = float(forecasts.expected_shortfall.min())
            raise checks.refuse("expected_shortfall", lowest, "above 0 on every day")
        expected = laws.weighted_quantile(lambda upper: worst_share(upper, days, count))
        return cls(
            laws,
            forecasts.value_at_es_level,
            forecasts.expected_shortfall,
            expected,
            count,
            forecasts.es_level,
        )

    def statistics_seen(self, forecasts: Forecasts) -> Array:
        """(3,) of the losses that came."""
        losses = forecasts.losses
        beyond = losses > self.value_at_risk
        sums = float(np.sum(losses[beyond] / self.shortfall[beyond]))
        upper = self.laws.upper(losses)[None, :]
        breaches = np.array([float(beyond.sum())])
        return np.asarray(self._combined(np.array([sums]), breaches, upper)[0])

    def statistics(self, upper: Array) -> Array:
        """(histories, 3) of histories drawn by upper probabilities (histories, days)."""
        # a loss above the quantile has a smaller upper probability than the quantile's
        histories, days = np.nonzero(upper < 1.0 - self.level)
        losses = self.laws.quantile(days, upper[histories, days])
        beyond = (losses > self.value_at_risk[days]).astype(np.float64)
        size = len(upper)
        sums = np.bincount(histories, beyond * losses / self.shortfall[days], size).astype(float)
        breaches = np.bincount(histories, beyond, size).astype(float)
        return self._combined(sums, breaches, upper)

    def _combined(self, sums: Array, breaches: Array, upper: Array) -> Array:
        days = upper.shape[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            first = np.where(breaches > 0, 1.0 - sums / breaches, np.nan)
        second = 1.0 - sums / (days * (1.0 - self.level))
        worst = np.partition(upper, self.count - 1, axis=1)[:, : self.count]
        ratios = self.laws.mean_quantile(worst.ravel(), self.expected).reshape(worst.shape)
        return np.stack([first, second, 1.0 - ratios.mean(axis=1)], axis=1)


def worst_share(upper: Array, days: int, count: int) -> Array:
    """Of the `count` smallest of `days` uniform numbers, the expected share that is <= upper.

    The integral to `upper` of days / count P(Binomial(days - 1, u) <= count - 1), by the incomplete
    beta function: with x = 1 - u and a = days - count, that probability is I_x(a, count), and
    the integral of I_x(a, b) dx is x I_x(a, b) - a / (a + b) I_x(a + 1, b) (DLMF 8.17, by parts).
    """
    rest = float(days - count)
    if rest == 0.0:
        return np.asarray(upper)
    x = 1.0 - upper
    below = x * special.betainc(rest, count, x)
    below -= rest / days * special.betainc(rest + 1.0, count, x)
    return np.asarray(1.0 - days / count * below)


def _histories(simulations: int, days: int, rng: np.random.Generator) -> Iterator[Array]:
    """Upper probabilities (some, days), `simulations` rows in all."""
    step = max(_DRAWS // days, 1)
    for start in range(0, simulations, step):
        yield rng.random((min(step, simulations - start), days))


def _p_value(seen: float, simulated: Array) -> float:
    if np.isnan(seen):
        return 1.0
    known = simulated[~np.isnan(simulated)]
    return float((1 + np.sum(known <= seen)) / (1 + known.size))
