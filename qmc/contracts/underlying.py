"""Prices of a book's assets at its horizon, from paths of prices or of gross returns."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from qmc.contracts import fields
from qmc.errors import InvalidProblem
from qmc.problem import Array

ON = ("prices", "returns")
# no horizon multiplies or divides every price by as much on every path
_FAR, _FARTHER = 20.0, 50.0
_NEAR_ONE = (0.2, 5.0)


class OnAssets(Protocol):
    """A contract on assets with known prices today."""

    @property
    def spots(self) -> tuple[float, ...]:
        """Prices today (assets,)."""
        ...

    @property
    def on(self) -> str:
        """What the paths hold: "prices", or "returns", which are gross."""
        ...


def last_prices(contract: OnAssets, paths: Array) -> Array:
    """Prices (n, assets) at the last time of paths (n, times, assets).

    Raises:
        InvalidProblem: for another number of columns, and where the paths plainly hold gross
            returns and the contract is on prices, or the other way round.
    """
    count = len(contract.spots)
    last = fields.columns(contract, paths, count, "spots")[:, -1, :]
    spots = np.asarray(contract.spots)
    name = type(contract).__name__
    if contract.on == "returns":
        if last.size and np.all(last > _FAR):
            msg = (
                f"{name}(on='returns') was given {last[0, 0]:g} as a gross return (1.01 is a rise "
                "of 1 %): under a model of prices write on='prices'"
            )
            raise InvalidProblem(msg)
        return np.asarray(last * spots)
    low, high = _NEAR_ONE
    if last.size and np.all((last > low) & (last < high) & (last * _FARTHER < spots)):
        msg = (
            f"{name}(on='prices') was given a price of {last[0, 0]:g} for a spot of {spots[0]:g}: "
            "under a model of returns, whose paths are gross returns, write on='returns'"
        )
        raise InvalidProblem(msg)
    return last
