"""`Portfolio`: the profit of fixed weights over one period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.problem import Array

_TRADING_DAYS = 252.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """Profit value * sum_i weights_i (gross_i - 1) of a position over one period.

    Attributes:
        weights: (assets,) shares of `value`; negative is short, they need not sum to 1.
        value: of the position, > 0, in its currency.
        horizon: years; the returns model says what one period is (default one trading day).

    Raises:
        InvalidProblem: for NaN or empty weights, a value or horizon <= 0, and, when used, another
            number of assets than the model has.
    """

    weights: tuple[float, ...]
    value: float = 1.0
    horizon: float = 1.0 / _TRADING_DAYS

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "weights", checks.vector("weights", self.weights))
        object.__setattr__(self, "value", checks.positive("value", self.value))
        object.__setattr__(self, "horizon", checks.positive("horizon", self.horizon))

    @property
    def times(self) -> tuple[float, ...]:
        """The horizon."""
        return (self.horizon,)

    def matched_weights(self, assets: int) -> Array:
        """The weights (assets,), after checking that there is one for each asset."""
        if len(self.weights) != assets:
            msg = f"Portfolio has {len(self.weights)} weights for {assets} assets: give one each"
            raise InvalidProblem(msg)
        return np.asarray(self.weights)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted profit (n,) of gross returns (n, 1, assets)."""
        weights = self.matched_weights(paths.shape[2])
        moves = np.ascontiguousarray(paths[:, -1, :] - 1.0)
        # no matrix product: it rounds a path differently in another batch, and equal losses part
        return np.asarray(self.value * discount[-1] * (moves * weights).sum(axis=1))
