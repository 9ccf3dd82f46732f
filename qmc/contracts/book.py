"""`Book`: stocks and options over a horizon, every option revalued in full."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from qmc import checks
from qmc.contracts import fields
from qmc.contracts.delta_gamma import DeltaGamma, checked_horizon, checked_spots
from qmc.contracts.option_value import EuropeanOption
from qmc.contracts.underlying import ON, last_prices
from qmc.problem import Array

_RATE, _VOL = "5 % is 0.05", "a volatility of 20 % is vol=0.2"
_MOST = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StockPosition:
    """Units of one asset.

    Attributes:
        quantity: units held, negative is short.
        asset: its place among the book's spots.

    Raises:
        InvalidProblem: for NaN, infinite or out-of-range fields.
    """

    quantity: float
    asset: int = 0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "quantity", checks.finite("quantity", self.quantity))
        object.__setattr__(self, "asset", checks.whole("asset", self.asset, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionPosition:
    """European calls or puts on one asset.

    Attributes:
        kind: "call" or "put".
        strike: > 0.
        expiry: years from today, the book's horizon or later.
        vol: implied, per annum, above 0 to 10; today's, kept to the horizon.
        quantity: options held, negative is written.
        asset: its place among the book's spots.

    Raises:
        InvalidProblem: for NaN, infinite or out-of-range fields.
    """

    kind: str
    strike: float
    expiry: float
    vol: float
    quantity: float
    asset: int = 0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        checks.choice("kind", self.kind, fields.KINDS)
        object.__setattr__(self, "strike", fields.strike("strike", self.strike))
        object.__setattr__(self, "expiry", fields.expiry(self.expiry))
        vol = checks.positive("vol", self.vol, _VOL)
        if vol > _MOST:
            raise checks.refuse("vol", vol, f"at most {_MOST:g}", _VOL)
        object.__setattr__(self, "vol", vol)
        object.__setattr__(self, "quantity", checks.finite("quantity", self.quantity))
        object.__setattr__(self, "asset", checks.whole("asset", self.asset, 0))


Position: TypeAlias = StockPosition | OptionPosition


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Profit over a horizon of stocks and European options, the options revalued in full.

    Profit = (value at the horizon's prices, with the time that is then left) - (value today), times
    the model's discount factor. Options are worth Black and Scholes's formula at the book's own
    rate, yields and each option's own volatility, **which all stay as they are**: the profit has no
    vega. The model says how prices move to the horizon, and may well have another drift and
    volatility. Dividends that a stock pays before the horizon are not counted.

    Attributes:
        positions: what is held, at least one `StockPosition` or `OptionPosition`.
        spots: (assets,) prices today, each > 0, as those of the model.
        horizon: years. Options must expire then or later: no exercise before it is modelled.
        rate: continuous, per annum, from -10 to 10.
        dividend_yields: (assets,) continuous, per annum, from -10 to 10; None is 0 for each.
        on: "prices" under a model of prices (`BlackScholes`, `MultiAsset`), "returns" under one of
            gross returns (`HistoricalReturns`, `NormalReturns`), which then multiply the spots.

    Raises:
        InvalidProblem: for fields out of range, a position on an asset that has no spot, an option
            that expires before the horizon, and, when used, paths of another number of assets or
            of the other kind.

    >>> call = OptionPosition(kind="call", strike=105.0, expiry=0.5, vol=0.25, quantity=1.0)
    >>> book = Book(positions=(call,), spots=(100.0,), horizon=10 / 252, rate=0.03)
    >>> round(book.value_today, 6)
    5.575977
    >>> book.present_value(np.array([[[90.0]], [[100.0]], [[110.0]]]), np.ones(1)).round(3).tolist()
    [-3.705, -0.332, 5.311]
    """

    positions: tuple[Position, ...]
    spots: tuple[float, ...]
    horizon: float
    rate: float = 0.0
    dividend_yields: tuple[float, ...] | None = None
    on: str = "prices"
    value_today: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, and value the book today once."""
        object.__setattr__(self, "spots", checked_spots(self.spots))
        object.__setattr__(self, "horizon", checked_horizon(self.horizon))
        object.__setattr__(self, "rate", _rate("rate", self.rate))
        given = (0.0,) * len(self.spots) if self.dividend_yields is None else self.dividend_yields
        yields = fields.one_each(
            "dividend_yields", checks.vector("dividend_yields", given), len(self.spots), "the spots"
        )
        for place, each in enumerate(yields):
            _rate(f"dividend_yields[{place}]", each)
        object.__setattr__(self, "dividend_yields", yields)
        checks.choice("on", self.on, ON)
        self._check_positions()
        spots = np.array([self.spots])
        today = sum(float(self.asset_value(i, spots[:, i], 0.0)[0]) for i in self.assets_held)
        object.__setattr__(self, "value_today", checks.finite("value_today", today))

    def _check_positions(self) -> None:
        if not isinstance(self.positions, tuple | list) or not self.positions:
            allowed = "a tuple of at least one StockPosition or OptionPosition"
            raise checks.refuse("positions", self.positions, allowed)
        object.__setattr__(self, "positions", tuple(self.positions))
        for place, position in enumerate(self.positions):
            name = f"positions[{place}]"
            if not isinstance(position, StockPosition | OptionPosition):
                raise checks.refuse(name, position, "a StockPosition or an OptionPosition")
            hint = f"there are {len(self.spots)} spots, counted from 0"
            checks.whole(f"{name}.asset", position.asset, 0, len(self.spots) - 1, hint)
            if isinstance(position, OptionPosition) and position.expiry < self.horizon:
                allowed = f"at least the horizon={self.horizon:g}"
                hint = "exercise before it is not modelled: shorten the horizon or leave it out"
                raise checks.refuse(f"{name}.expiry", position.expiry, allowed, hint)

    @property
    def times(self) -> tuple[float, ...]:
        """The horizon."""
        return (self.horizon,)

    @property
    def assets_held(self) -> tuple[int, ...]:
        """Places of the assets that some position is on, increasing."""
        return tuple(sorted({position.asset for position in self.positions}))

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted profit (n,) of paths (n, 1, assets)."""
        prices = last_prices(self, paths)
        profit = np.full(len(prices), -self.value_today)
        for asset in self.assets_held:
            profit += self.asset_value(asset, prices[:, asset], self.horizon)
        return np.asarray(discount[-1] * profit)

    def asset_value(self, asset: int, prices: Array, time: float) -> Array:
        """Value (n,) of all positions on one asset at its `prices` (n,), `time` years from today.

        The book is the sum of its assets' values, each a function of one price.
        """
        total = np.zeros(len(prices))
        for position in self.positions:
            if position.asset == asset:
                option = self._option(position, time)
                total += position.quantity * (prices if option is None else option.value(prices))
        return total

    def delta_gamma(self) -> DeltaGamma:
        """The profit to second order in the prices and to first order in time, about today."""
        deltas, gammas = np.zeros(len(self.spots)), np.zeros(len(self.spots))
        theta = 0.0
        for position in self.positions:
            option = self._option(position, 0.0)
            delta, gamma, decay = (
                (1.0, 0.0, 0.0) if option is None else option.greeks(self.spots[position.asset])
            )
            deltas[position.asset] += position.quantity * delta
            gammas[position.asset] += position.quantity * gamma
            theta += position.quantity * decay
        return DeltaGamma(
            spots=self.spots,
            deltas=tuple(deltas.tolist()),
            gammas=tuple(gammas.tolist()),
            theta=theta,
            horizon=self.horizon,
            on=self.on,
        )

    def _option(self, position: Position, time: float) -> EuropeanOption | None:
        """The option as it stands `time` years from today; None for a stock."""
        if isinstance(position, StockPosition):
            return None
        return EuropeanOption(
            kind=position.kind,
            strike=position.strike,
            vol=position.vol,
            rate=self.rate,
            dividend_yield=(self.dividend_yields or ())[position.asset],
            years=position.expiry - time,
        )


def _rate(name: str, value: object) -> float:
    """A rate from -10 to 10."""
    number = checks.finite(name, value, _RATE)
    if abs(number) > _MOST:
        raise checks.refuse(name, number, f"from {-_MOST:g} to {_MOST:g}", _RATE)
    return number
