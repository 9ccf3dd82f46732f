"""`require_no_look_ahead`: change the future, and no forecast may change."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmc import checks
from qmc.backtest.forecasters import Forecaster
from qmc.backtest.forecasts import Forecasts, of_losses, portfolio_losses
from qmc.backtest.laws import PredictiveLaws
from qmc.contracts import Portfolio
from qmc.errors import InvalidProblem
from qmc.problem import Array

_SEED = 20_260_721
# times the largest loss of all days, at least: in the tail of whatever law knows of it
_FAR = 10.0
# where laws are compared beside VaR and ES, both ends and the middle among them
_UPPER = np.array([1e-6, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999, 1.0 - 1e-6])


def require_no_look_ahead(
    forecaster: Forecaster,
    returns: ArrayLike,
    weights: Portfolio | ArrayLike,
    *,
    level: float = 0.99,
    es_level: float = 0.975,
    cuts: int = 5,
) -> None:
    """Change the losses from some day on: no law up to that day may change by a bit.

    The losses from each of `cuts` days on, evenly spread over the forecasts, the first and the last
    but one among them, are replaced by others far beyond all that came, at least ten times the
    largest, of random signs by a fixed seed: once with a loss first, once all with the other sign.
    The laws of the days up to the cut must stay the same in VaR and ES, in quantiles from 1e-6 to
    1 - 1e-6 and, where laws have `samples`, in these.

    A forecast that sees its own day alone is found by a cut at that day only: as many cuts as there
    are forecasts find it wherever it is, fewer find what most forecasts do. The last day's loss is
    handed to no forecaster. What is no part of the laws, or makes no difference to them, is not
    found.

    Args:
        forecaster: that `rolling` would use.
        returns: (days, assets) simple returns, at least 2 more than the window.
        weights: (assets,) shares, or a `Portfolio` of such weights.
        level: of VaR.
        es_level: of ES.
        cuts: two more runs each.

    Raises:
        InvalidProblem: naming the first day whose forecast knew what came later.
    """
    losses = portfolio_losses(returns, weights)
    rng = np.random.default_rng(_SEED)
    known = of_losses(losses, forecaster, level=level, es_level=es_level)
    checks.whole("cuts", cuts, 1)
    if losses.size < forecaster.window + 2:
        raise checks.refuse("days", losses.size, f"at least {forecaster.window + 2}, window + 2")
    spread = np.rint(np.linspace(losses.size - 2, forecaster.window, cuts)).astype(int)
    for cut in np.unique(spread).tolist():
        far = _far(losses, losses.size - cut, rng)
        for later in (far, -far):
            other = np.concatenate([losses[:cut], later])
            changed = of_losses(other, forecaster, level=level, es_level=es_level)
            differs = _differ(known, changed, cut - forecaster.window + 1)
            if np.any(differs):
                raise _ahead(forecaster, forecaster.window + int(np.argmax(differs)), cut)


def _ahead(forecaster: Forecaster, day: int, cut: int) -> InvalidProblem:
    msg = (
        f"{forecaster!r} looks ahead: its forecast for day {day} changes with losses from "
        f"day {cut} on; make row r of laws(windows) of rows <= r"
    )
    return InvalidProblem(msg)


def _far(losses: Array, count: int, rng: np.random.Generator) -> Array:
    """Replacements (count,) for the future, the first a loss."""
    signs = rng.choice([-1.0, 1.0], count)
    signs[0] = 1.0
    largest = float(np.abs(losses).max()) or 1.0
    return np.asarray(_FAR * largest * signs * rng.uniform(1.0, 2.0, count))


def _differ(known: Forecasts, changed: Forecasts, rows: int) -> NDArray[np.bool_]:
    """(rows,) whether the first forecasts are not the same to the bit."""
    differs = np.zeros(rows, dtype=bool)
    for name in ("value_at_risk", "expected_shortfall", "value_at_es_level"):
        differs |= getattr(known, name)[:rows] != getattr(changed, name)[:rows]
    assert known.laws is not None
    assert changed.laws is not None
    differs |= np.any(_read(known.laws, rows) != _read(changed.laws, rows), axis=1)
    mine, others = (getattr(one.laws, "samples", None) for one in (known, changed))
    if isinstance(mine, np.ndarray) and isinstance(others, np.ndarray):
        differs |= _unlike(np.sort(mine[:rows], axis=1), np.sort(others[:rows], axis=1))
    return differs


def _unlike(mine: Array, others: Array) -> NDArray[np.bool_]:
    """(rows,) whether two tables differ; all do where a row has another size."""
    if mine.shape != others.shape:
        return np.ones(len(mine), dtype=bool)
    return np.asarray(np.any(mine != others, axis=1))


def _read(laws: PredictiveLaws, rows: int) -> Array:
    """Quantiles (rows, points) of the first laws."""
    days = np.repeat(np.arange(rows), _UPPER.size)
    return laws.quantile(days, np.tile(_UPPER, rows)).reshape(rows, _UPPER.size)
