"""`assess`: every test of one table of forecasts, as one row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.backtest.coverage import (
    BASEL_DAYS,
    SIGNIFICANCE,
    ForecastTest,
    TrafficLight,
    christoffersen,
    independence,
    kupiec,
    most_breaches,
    traffic_light,
)
from qmc.backtest.forecasts import Forecasts
from qmc.backtest.shortfall import LEAST_SIMULATIONS, SIMULATIONS, acerbi_szekely
from qmc.rng import RNGLike


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRow:
    """What the tests say of one forecaster.

    Attributes:
        method: its label.
        level, es_level: of VaR and ES.
        first, last: labels of the days.
        days, breaches: counted; `expected` is days (1 - level).
        expected: breaches of a right forecast, on average.
        kupiec, independence, christoffersen: of the breaches.
        shortfall: Z1, Z2, Z3; empty where nothing was simulated, for forecasts without laws, and
            where an ES is not above 0.
        light: Basel's, of the last 250 days.
        most: the most breaches in 250 consecutive days.
        quantile_loss: mean of max(level (L - VaR), (1 - level) (VaR - L)), smallest for the true
            quantile (Koenker and Bassett 1978, doi:10.2307/1913643): for comparing forecasters.
    """

    method: str
    level: float
    es_level: float
    first: str | int
    last: str | int
    days: int
    breaches: int
    expected: float
    kupiec: ForecastTest
    independence: ForecastTest
    christoffersen: ForecastTest
    shortfall: tuple[ForecastTest, ...]
    light: TrafficLight
    most: int
    quantile_loss: float

    @property
    def passed(self) -> bool:
        """True when Kupiec's and both of Christoffersen's tests pass."""
        return self.kupiec.passed and self.independence.passed and self.christoffersen.passed


def assess(
    forecasts: Forecasts,
    method: str = "forecast",
    *,
    significance: float = SIGNIFICANCE,
    simulations: int = SIMULATIONS,
    rng: RNGLike = None,
) -> BacktestRow:
    """Every test of one table of forecasts; Z1 to Z3 where it has laws and ES > 0.

    With `simulations=0` they are left out.

    Raises:
        InvalidProblem: as the tests.
    """
    hits, level = forecasts.breaches, forecasts.level
    testable = forecasts.laws is not None and bool(np.all(forecasts.expected_shortfall > 0.0))
    shortfall = (
        acerbi_szekely(forecasts, simulations=simulations, significance=significance, rng=rng)
        if testable and simulations != 0
        else ()
    )
    return BacktestRow(
        method=method,
        level=level,
        es_level=forecasts.es_level,
        first=forecasts.days[0],
        last=forecasts.days[-1],
        days=hits.size,
        breaches=int(hits.sum()),
        expected=forecasts.expected_breaches,
        kupiec=kupiec(hits, level, significance=significance),
        independence=independence(hits, significance=significance),
        christoffersen=christoffersen(hits, level, significance=significance),
        shortfall=shortfall,
        light=traffic_light(hits[-BASEL_DAYS:], level),
        most=most_breaches(hits),
        quantile_loss=quantile_loss(forecasts),
    )


def require_settings(level: float, es_level: float, simulations: int) -> None:
    """Refuse levels outside (0, 1) and simulations other than 0 or at least 100."""
    checks.fraction("level", level)
    checks.fraction("es_level", es_level)
    if simulations != 0:
        checks.whole("simulations", simulations, LEAST_SIMULATIONS, hint="or 0 for none")


def quantile_loss(forecasts: Forecasts) -> float:
    """Mean of max(level (L - VaR), (1 - level) (VaR - L)), in the unit of the losses."""
    above = forecasts.losses - forecasts.value_at_risk
    level = forecasts.level
    return float(np.maximum(level * above, (level - 1.0) * above).mean())
