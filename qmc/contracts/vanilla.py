"""European contracts on one terminal price: call, put, digital, call spread."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.affine import AffinePiece
from qmc.capabilities import LinearPayoff
from qmc.contracts import fields
from qmc.problem import Array


def _terminal(contract: object, paths: Array) -> Array:
    return fields.one_column(contract, paths)[:, -1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Pays (price - strike)+ at expiry.

    Attributes:
        strike: > 0, in the asset's currency.
        expiry: years, > 0.

    Raises:
        InvalidProblem: for NaN, infinite or non-positive fields.
    """

    strike: float
    expiry: float

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "strike", fields.strike("strike", self.strike))
        object.__setattr__(self, "expiry", fields.expiry(self.expiry))

    @property
    def times(self) -> tuple[float, ...]:
        """The expiry."""
        return (self.expiry,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, 1, 1)."""
        return np.asarray(discount[-1] * np.maximum(_terminal(self, paths) - self.strike, 0.0))

    def pieces(self) -> tuple[AffinePiece, ...]:
        """Price less strike above the strike."""
        return (AffinePiece(self.strike, math.inf, -self.strike, 1.0),)

    def linear_payoff(self) -> LinearPayoff:
        """On the price."""
        return LinearPayoff(((1.0,),), self.strike, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Pays (strike - price)+ at expiry. Fields and errors as `Call`."""

    strike: float
    expiry: float

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "strike", fields.strike("strike", self.strike))
        object.__setattr__(self, "expiry", fields.expiry(self.expiry))

    @property
    def times(self) -> tuple[float, ...]:
        """The expiry."""
        return (self.expiry,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, 1, 1)."""
        return np.asarray(discount[-1] * np.maximum(self.strike - _terminal(self, paths), 0.0))

    def pieces(self) -> tuple[AffinePiece, ...]:
        """Strike less price below the strike."""
        return (AffinePiece(0.0, self.strike, self.strike, -1.0),)

    def linear_payoff(self) -> LinearPayoff:
        """On the price."""
        return LinearPayoff(((1.0,),), self.strike, -1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digital:
    """Pays cash, or the asset, when the price ends on one side of the strike.

    Attributes:
        strike: > 0.
        expiry: years, > 0.
        kind: "call" pays above the strike, "put" at or below it.
        pays: "cash" or "asset".
        cash: amount of a cash digital, > 0; 1 for one that pays the asset.

    Raises:
        InvalidProblem: for fields out of range or unknown words.
    """

    strike: float
    expiry: float
    kind: str = "call"
    pays: str = "cash"
    cash: float = 1.0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "strike", fields.strike("strike", self.strike))
        object.__setattr__(self, "expiry", fields.expiry(self.expiry))
        checks.choice("kind", self.kind, fields.KINDS)
        checks.choice("pays", self.pays, ("cash", "asset"))
        object.__setattr__(self, "cash", checks.positive("cash", self.cash))
        if self.pays == "asset" and self.cash != 1.0:
            hint = "it pays one asset: hold more of them in a Sum with quantities="
            raise checks.refuse("cash", self.cash, '1 with pays="asset"', hint)

    @property
    def times(self) -> tuple[float, ...]:
        """The expiry."""
        return (self.expiry,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, 1, 1)."""
        prices = _terminal(self, paths)
        pays = prices > self.strike if self.kind == "call" else prices <= self.strike
        amount = prices if self.pays == "asset" else self.cash
        return np.asarray(discount[-1] * np.where(pays, amount, 0.0))

    def pieces(self) -> tuple[AffinePiece, ...]:
        """Constant or proportional on the paying side."""
        low, high = (self.strike, math.inf) if self.kind == "call" else (0.0, self.strike)
        asset = self.pays == "asset"
        return (AffinePiece(low, high, 0.0 if asset else self.cash, float(asset)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSpread:
    """Pays (price - low_strike)+ - (price - high_strike)+ at expiry: a bull spread.

    Attributes:
        low_strike, high_strike: 0 < low < high.
        expiry: years, > 0.

    Raises:
        InvalidProblem: for fields out of range or strikes in the wrong order.
    """

    low_strike: float
    high_strike: float
    expiry: float

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        for name in ("low_strike", "high_strike"):
            object.__setattr__(self, name, fields.strike(name, getattr(self, name)))
        if self.low_strike >= self.high_strike:
            allowed = f"above low_strike={self.low_strike}"
            raise checks.refuse("high_strike", self.high_strike, allowed)
        object.__setattr__(self, "expiry", fields.expiry(self.expiry))

    @property
    def times(self) -> tuple[float, ...]:
        """The expiry."""
        return (self.expiry,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, 1, 1)."""
        capped = np.clip(_terminal(self, paths), self.low_strike, self.high_strike)
        return np.asarray(discount[-1] * (capped - self.low_strike))

    def pieces(self) -> tuple[AffinePiece, ...]:
        """Rising between the strikes, constant above."""
        return (
            AffinePiece(self.low_strike, self.high_strike, -self.low_strike, 1.0),
            AffinePiece(self.high_strike, math.inf, self.high_strike - self.low_strike, 0.0),
        )
