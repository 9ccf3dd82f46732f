"""The stressed window of a history: the days that were worst for given weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.contracts.portfolio import Portfolio
from qmc.losses import tail_risk
from qmc.models.history import HistoricalReturns, compounded
from qmc.models.one_period import checked_history, periods_to
from qmc.problem import Array

LEVEL = 0.975
_MEASURES = ("ES", "VaR")
# windows with the same worst days differ by rounding
_SAME = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class StressedWindow:
    """Successive rows of a history.

    Attributes:
        start, stop: of the rows, stop not included: `returns[start:stop]` of an array,
            `returns.iloc[start:stop]` of a table, whose index then has the dates.
        value_at_risk, expected_shortfall: of the weights over the periods that were asked for, by
            the window alone.
        level: of both.
    """

    start: int
    stop: int
    value_at_risk: float
    expected_shortfall: float
    level: float


def worst_window(
    returns: ArrayLike,
    weights: Portfolio | Sequence[float],
    days: int = 250,
    *,
    level: float = LEVEL,
    measure: str = "ES",
    periods: int | None = None,
) -> StressedWindow:
    """The window of a history with the largest historical ES or VaR for these weights.

    The stressed period of Basel's market risk rules (2009, bcbs158, 718(LXXVI)(i); ES at 97.5 %
    since 2016, bcbs352): today's positions, the worst year there has been. Of windows that are as
    bad, the first.

    Args:
        returns: (rows, assets) simple returns.
        weights: (assets,) today's, or a `Portfolio` of such weights.
        days: rows of the window.
        level: of the measure.
        measure: "ES" or "VaR".
        periods: rows that a loss is over, as `HistoricalReturns` compounds them inside a window;
            None for the horizon of a `Portfolio` in trading days, and 1 for weights alone.

    Raises:
        InvalidProblem: for a history shorter than the window, a window shorter than the periods, a
            horizon that is no whole number of trading days, weights of another length, a window
            with no loss beyond the level, and what `HistoricalReturns` and `Portfolio` refuse.

    >>> calm, storm = [[0.001], [-0.001]] * 50, [[-0.05], [0.04]] * 50
    >>> found = worst_window(calm + storm + calm, (1.0,), 100, level=0.5)
    >>> found.start, found.stop, round(found.expected_shortfall, 6)
    (99, 199, 0.05)
    """
    history = checked_history(returns)
    checks.whole("days", days, 2, len(history), "the rows that there are")
    checks.choice("measure", measure, _MEASURES)
    held = Portfolio.of(weights)
    shares = held.matched_weights(history.shape[1])
    rows = HistoricalReturns(returns=history[:2])  # whose rows are trading days
    over = periods_to(rows, held.times) if periods is None else periods
    checks.whole(
        "periods", over, 1, days - 1, "rows that a loss is over, fewer than the window has"
    )
    profits = compounded(history, over) @ shares
    losses = np.lib.stride_tricks.sliding_window_view(-profits, days - over + 1)
    value_at_risk, shortfall = tail_risk(losses, level)
    risks = shortfall if measure == "ES" else value_at_risk
    largest = float(risks.max())
    start = int(np.argmax(risks >= largest - _SAME * abs(largest)))
    return StressedWindow(
        start=start,
        stop=start + days,
        value_at_risk=float(value_at_risk[start]),
        expected_shortfall=float(shortfall[start]),
        level=level,
    )


def stressed(returns: ArrayLike, window: StressedWindow) -> Array:
    """The rows of a window, (days, assets), for any model of returns.

    Raises:
        InvalidProblem: when the history has not these rows, and as `HistoricalReturns`.
    """
    history = checked_history(returns)
    if not 0 <= window.start < window.stop <= len(history):
        rows = f"rows {window.start} to {window.stop}"
        raise checks.refuse("window", rows, f"within the {len(history)} rows of returns")
    return history[window.start : window.stop]
