"""European contracts on the terminal prices of several assets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.capabilities import LinearPayoff
from qmc.contracts import fields
from qmc.problem import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """Pays (sum_i weights_i price_i - strike)+ at expiry, a put the reverse.

    Attributes:
        weights: (assets,) units of each asset; negative is short.
        strike: > 0, in the currency of the basket.
        expiry: years, > 0.
        kind: "call" or "put".

    Raises:
        InvalidProblem: for NaN, empty or out-of-range fields and, when used, another number of
            assets than the model has.

    >>> import numpy as np
    >>> basket = Basket(weights=(0.5, 0.5), strike=100.0, expiry=1.0)
    >>> basket.present_value(np.array([[[90.0, 130.0]]]), np.array([0.9])).tolist()
    [9.0]
    """

    weights: tuple[float, ...]
    strike: float
    expiry: float
    kind: str = "call"

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "weights", checks.vector("weights", self.weights))
        object.__setattr__(self, "strike", fields.strike("strike", self.strike))
        object.__setattr__(self, "expiry", fields.expiry(self.expiry))
        checks.choice("kind", self.kind, fields.KINDS)

    @property
    def times(self) -> tuple[float, ...]:
        """The expiry."""
        return (self.expiry,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, 1, assets)."""
        prices = fields.columns(self, paths, len(self.weights), "weights")[:, -1]
        basket = fields.weighted(prices, self.weights)
        return np.asarray(discount[-1] * fields.exercised(self.kind, basket, self.strike))

    def linear_payoff(self) -> LinearPayoff:
        """On the basket."""
        return LinearPayoff((self.weights,), self.strike, fields.sign(self.kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rainbow:
    """Pays on the best or the worst of n assets: (max_i weights_i price_i - strike)+ at expiry.

    Stulz (1982, doi:10.1016/0304-405X(82)90011-3) and Johnson (1987, doi:10.2307/2330963).

    Attributes:
        strike: 0 or above; a call of strike 0 pays the best (worst) price itself.
        expiry: years, > 0.
        on: "max" for the best, "min" for the worst.
        kind: "call" or "put".
        weights: (assets,) > 0, what one unit of each price counts, such as 100 / spot to compare
            performances; None is 1 for each.

    Raises:
        InvalidProblem: for NaN or out-of-range fields and unknown words and, when used, another
            number of assets than weights.

    >>> import numpy as np
    >>> best = Rainbow(strike=100.0, expiry=1.0, on="max")
    >>> best.present_value(np.array([[[90.0, 130.0]]]), np.array([0.9])).tolist()
    [27.0]
    """

    strike: float
    expiry: float
    on: str = "max"
    kind: str = "call"
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "strike", fields.not_negative("strike", self.strike))
        object.__setattr__(self, "expiry", fields.expiry(self.expiry))
        checks.choice("on", self.on, ("max", "min"))
        checks.choice("kind", self.kind, fields.KINDS)
        if self.weights is not None:
            weights = checks.vector("weights", self.weights)
            for place, weight in enumerate(weights):
                checks.positive(f"weights[{place}]", weight)
            object.__setattr__(self, "weights", weights)

    @property
    def times(self) -> tuple[float, ...]:
        """The expiry."""
        return (self.expiry,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, 1, assets)."""
        prices = paths[:, -1]
        if self.weights is not None:
            fields.columns(self, paths, len(self.weights), "weights")
            prices = prices * np.asarray(self.weights)
        chosen = prices.max(axis=1) if self.on == "max" else prices.min(axis=1)
        return np.asarray(discount[-1] * fields.exercised(self.kind, chosen, self.strike))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Pays (price_1 - price_2 - strike)+ at expiry, a put the reverse; two assets.

    Attributes:
        strike: any finite number, in the assets' currency.
        expiry: years, > 0.
        kind: "call" or "put".

    Raises:
        InvalidProblem: for NaN or out-of-range fields and, when used, a model of other than two
            assets.

    >>> import numpy as np
    >>> spread = Spread(strike=5.0, expiry=1.0)
    >>> spread.present_value(np.array([[[100.0, 90.0]]]), np.ones(1)).tolist()
    [5.0]
    """

    strike: float
    expiry: float
    kind: str = "call"

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "strike", checks.finite("strike", self.strike))
        object.__setattr__(self, "expiry", fields.expiry(self.expiry))
        checks.choice("kind", self.kind, fields.KINDS)

    @property
    def times(self) -> tuple[float, ...]:
        """The expiry."""
        return (self.expiry,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, 1, 2)."""
        prices = fields.columns(self, paths, 2, "assets")[:, -1]
        spread = prices[:, 0] - prices[:, 1]
        return np.asarray(discount[-1] * fields.exercised(self.kind, spread, self.strike))

    def linear_payoff(self) -> LinearPayoff:
        """On the difference."""
        return LinearPayoff(((1.0, -1.0),), self.strike, fields.sign(self.kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Pays (quantity_1 price_1 - quantity_2 price_2)+ at expiry: the right to exchange.

    Margrabe (1978, doi:10.1111/j.1540-6261.1978.tb03397.x).

    Attributes:
        expiry: years, > 0.
        quantities: received of asset 1 and given of asset 2, each > 0.

    Raises:
        InvalidProblem: for NaN or out-of-range fields and, when used, a model of other than two
            assets.

    >>> import numpy as np
    >>> Exchange(expiry=1.0).present_value(np.array([[[100.0, 90.0]]]), np.ones(1)).tolist()
    [10.0]
    """

    expiry: float
    quantities: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "expiry", fields.expiry(self.expiry))
        quantities = checks.vector("quantities", self.quantities)
        if len(quantities) != 2:
            raise checks.refuse("quantities", quantities, "2 numbers: received and given")
        for place, quantity in enumerate(quantities):
            checks.positive(f"quantities[{place}]", quantity)
        object.__setattr__(self, "quantities", quantities)

    @property
    def times(self) -> tuple[float, ...]:
        """The expiry."""
        return (self.expiry,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, 1, 2)."""
        prices = fields.columns(self, paths, 2, "assets")[:, -1]
        received, given = self.quantities
        gain = received * prices[:, 0] - given * prices[:, 1]
        return np.asarray(discount[-1] * np.maximum(gain, 0.0))

    def linear_payoff(self) -> LinearPayoff:
        """On what is received less what is given."""
        received, given = self.quantities
        return LinearPayoff(((received, -given),), 0.0, 1.0)
