"""`Portfolio`: the profit of fixed weights over one period."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.problem import Array

TRADING_DAYS = 252
# weights that cancel to less of their size are those of a market-neutral book
_CANCELS = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """Profit value * sum_i weights_i (gross_i - 1) of a position over one period.

    Attributes:
        weights: (assets,) shares of `value`; negative is short, they need not sum to 1.
        value: of the position, > 0, in its currency.
        horizon: years, the one place where it is said: 10 / 252 is ten trading days, the default
            one. A model of returns takes a whole number of its periods.
        market_neutral: True for a book whose weights sum to 0, as many short as long; `value` is
            then what the weights are shares of, such as the money on one side.

    Raises:
        InvalidProblem: for NaN, empty or all-zero weights, weights that sum to 0 unless
            market_neutral is True, a value or horizon <= 0, and, when used, another number of
            assets than the model has.

    >>> Portfolio(weights=(0.5, 0.5), horizon=10 / 252).times
    (0.03968253968253968,)
    """

    weights: tuple[float, ...]
    value: float = 1.0
    horizon: float = 1.0 / TRADING_DAYS
    market_neutral: bool = False

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "weights", checks.vector("weights", self.weights))
        object.__setattr__(self, "value", checks.positive("value", self.value))
        object.__setattr__(self, "horizon", checks.positive("horizon", self.horizon))
        if not isinstance(self.market_neutral, bool):
            raise checks.refuse("market_neutral", self.market_neutral, "True or False")
        total, gross = math.fsum(self.weights), math.fsum(map(abs, self.weights))
        if gross == 0.0:
            raise checks.refuse("weights", self.weights, "other than 0 for one asset or more")
        if not self.market_neutral and abs(total) <= _CANCELS * gross:
            hint = "for a long-short book whose sides are equal, say market_neutral=True"
            raise checks.refuse("weights", self.weights, "of a sum other than 0", hint)

    @classmethod
    def of(cls, weights: Portfolio | ArrayLike) -> Portfolio:
        """A portfolio as it is, or that of value 1 with these weights over a trading day."""
        if isinstance(weights, Portfolio):
            return weights
        return cls(weights=checks.vector("weights", weights))

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
