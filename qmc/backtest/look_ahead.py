"""`require_no_look_ahead`: change the future, and no forecast may change."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.backtest.forecasters import Forecaster
from qmc.backtest.forecasts import of_losses, portfolio_losses
from qmc.contracts import Portfolio
from qmc.errors import InvalidProblem

_SEED = 20_260_721


def require_no_look_ahead(
    forecaster: Forecaster,
    returns: ArrayLike,
    weights: Portfolio | ArrayLike,
    *,
    level: float = 0.99,
    es_level: float = 0.975,
    cuts: int = 5,
) -> None:
    """Change the losses from some day on: no forecast up to that day may change by a bit.

    The losses from each of `cuts` days on, evenly spread over the forecasts, the first and the last
    but one among them, are replaced by others three times as large, in another order and with other
    signs (fixed seed). The last day's loss is handed to no forecaster.

    Args:
        forecaster: that `rolling` would use.
        returns: (days, assets) simple returns, at least 2 more than the window.
        weights: (assets,) shares, or a `Portfolio` of such weights.
        level: of VaR.
        es_level: of ES.
        cuts: one more run each; as many as there are forecasts prove it for every day.

    Raises:
        InvalidProblem: naming the first day whose forecast knew what came later.
    """
    losses = portfolio_losses(returns, weights)
    rng = np.random.default_rng(_SEED)
    known = of_losses(losses, forecaster, level=level, es_level=es_level)
    checks.whole("cuts", cuts, 1)
    if losses.size < forecaster.window + 2:
        raise checks.refuse("days", losses.size, f"at least {forecaster.window + 2}, window + 2")
    spread = np.linspace(losses.size - 2, forecaster.window, cuts).astype(int)
    for cut in np.unique(spread).tolist():
        other = losses.copy()
        later = losses[cut:]
        other[cut:] = 3.0 * rng.permutation(later) * rng.choice([-1.0, 1.0], later.size)
        other[cut:] += np.abs(losses).mean()
        changed = of_losses(other, forecaster, level=level, es_level=es_level)
        rows = cut - forecaster.window + 1
        differs = np.zeros(rows, dtype=bool)
        for name in ("value_at_risk", "expected_shortfall", "value_at_es_level"):
            differs |= getattr(known, name)[:rows] != getattr(changed, name)[:rows]
        if np.any(differs):
            day = forecaster.window + int(np.argmax(differs))
            msg = (
                f"{forecaster!r} looks ahead: its forecast for day {day} changes with losses from "
                f"day {cut} on; make row r of laws(windows) of rows <= r"
            )
            raise InvalidProblem(msg)
