"""What models of returns share: the horizon in whole periods, and checked histories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.capabilities import OfPeriods
from qmc.contracts.portfolio import TRADING_DAYS, Portfolio
from qmc.errors import InvalidProblem, Unsupported
from qmc.problem import Array, Contract

DAY = 1.0 / TRADING_DAYS
# a year of days
MOST_PERIODS = 252
# a horizon of ten days may be written 0.0396825
_WHOLE = 1e-5
_MOST_RETURN = 10.0


def as_rows(array: Array) -> tuple[tuple[float, ...], ...]:
    """A matrix as tuples, which can be hashed and stored."""
    return tuple(map(tuple, array.tolist()))


def periods_to(model: OfPeriods, times: Sequence[float]) -> int:
    """Periods, 1 to 252, from today to a contract's one time.

    Raises:
        Unsupported: for a contract with more times than one.
        InvalidProblem: for a horizon that is no whole number of periods, or too long.
    """
    if len(times) != 1:
        msg = (
            f"{type(model).__name__} models one horizon, the contract has {len(times)} times: use "
            "a contract with one time, such as Portfolio"
        )
        raise Unsupported(msg)
    count = times[0] / model.period
    nearest = round(count)
    if not 1 <= nearest <= MOST_PERIODS or abs(count - nearest) > _WHOLE * nearest:
        per = "trading days" if model.period == DAY else f"periods of {model.period:g} years"
        whole = min(max(nearest, 1), MOST_PERIODS)
        written = f"{whole} / {TRADING_DAYS}" if model.period == DAY else f"{whole * model.period}"
        msg = (
            f"horizon={times[0]:g} years is {count:.6g} {per}: must be a whole number from 1 to "
            f"{MOST_PERIODS}; write {written}, or give {type(model).__name__} the period of its "
            "returns"
        )
        raise InvalidProblem(msg)
    return nearest


def require_portfolio(model: object, contract: Contract) -> Portfolio:
    """Refuse a contract whose law the model does not know."""
    if not isinstance(contract, Portfolio):
        msg = (
            f"{type(model).__name__} knows the law of a Portfolio only, not of "
            f"{type(contract).__name__}; classical_baseline.MonteCarlo takes any contract, "
            "Quantum(grid=FactorGrid()) its price, expected loss and probabilities"
        )
        raise Unsupported(msg)
    return contract


def checked_history(returns: ArrayLike) -> Array:
    """Simple returns (days, assets), each above -1 to 10, read-only; refuse anything else."""
    history = checks.table("returns", returns, 2, "give (days, assets) simple returns")
    if history.shape[0] < 2:
        raise checks.refuse("returns", f"{history.shape[0]} day", "at least 2 days")
    bad = np.argwhere(history <= -1.0)
    if len(bad):
        day, asset = bad[0].tolist()
        hint = "give simple returns, 0.01 for 1 %"
        raise checks.refuse(f"returns[{day}, {asset}]", history[day, asset], "above -1", hint)
    _refuse_prices(history)
    history.setflags(write=False)
    return history


def _refuse_prices(history: Array) -> None:
    """Refuse returns of more than 1,000 %: what was given are prices, or per cents."""
    large = np.argwhere(history > _MOST_RETURN)
    if len(large):
        day, asset = large[0].tolist()
        allowed = f"at most {_MOST_RETURN:g}, which is 1,000 %"
        hint = "give simple returns, 0.01 for 1 %, not prices (prices[1:] / prices[:-1] - 1)"
        raise checks.refuse(f"returns[{day}, {asset}]", history[day, asset], allowed, hint)
