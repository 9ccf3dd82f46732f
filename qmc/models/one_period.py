"""What models of one period's returns share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.contracts.portfolio import Portfolio
from qmc.errors import Unsupported
from qmc.problem import Array, Contract


def as_rows(array: Array) -> tuple[tuple[float, ...], ...]:
    """A matrix as tuples, which can be hashed and stored."""
    return tuple(map(tuple, array.tolist()))


def require_one_period(model: object, times: Sequence[float]) -> None:
    """Refuse a contract with more times than one."""
    if len(times) != 1:
        msg = (
            f"{type(model).__name__} models one period, the contract has {len(times)} times: use a "
            "contract with one time, such as Portfolio"
        )
        raise Unsupported(msg)


def require_portfolio(model: object, contract: Contract) -> Portfolio:
    """Refuse a contract whose law the model does not know."""
    if not isinstance(contract, Portfolio):
        msg = (
            f"{type(model).__name__} knows the law of a Portfolio only, not of "
            f"{type(contract).__name__}; classical_baseline.MonteCarlo takes any contract"
        )
        raise Unsupported(msg)
    return contract


def checked_history(returns: ArrayLike) -> Array:
    """Simple returns (days, assets), each above -1, read-only; refuse anything else."""
    history = checks.table("returns", returns, 2, "give (days, assets) simple returns")
    if history.shape[0] < 2:
        raise checks.refuse("returns", f"{history.shape[0]} day", "at least 2 days")
    bad = np.argwhere(history <= -1.0)
    if len(bad):
        day, asset = bad[0].tolist()
        hint = "give simple returns, 0.01 for 1 %"
        raise checks.refuse(f"returns[{day}, {asset}]", history[day, asset], "above -1", hint)
    history.setflags(write=False)
    return history
