"""`DeltaGamma`: a book's profit to second order in its assets' prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.contracts import fields
from qmc.contracts.underlying import ON, last_prices
from qmc.problem import Array

_HORIZON = "years, ten trading days are horizon=10/252"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaGamma:
    """Profit theta h + sum_i (deltas_i m_i + gammas_i m_i^2 / 2), m_i the move of price i.

    The customary shortcut for a book of options (Glasserman, Heidelberger and Shahabuddin 2000,
    doi:10.1287/mnsc.46.10.1349.12274, eq. 4), mostly made by `Book.delta_gamma()`. It is right for
    small moves. Where gamma changes within a usual move (strikes near the money, little time left)
    it is not: it has no bound, and of a short straddle the loss grows with the square of the move
    where the true one grows in proportion to it.

    Attributes:
        spots: (assets,) prices today, each > 0.
        deltas: (assets,) of the whole book, its value's derivative by each price.
        gammas: (assets,) second derivatives; one asset's price does not change another's delta.
        theta: derivative by time that passes, a year.
        horizon: h, years.
        on: "prices", or "returns" under a model of gross returns.

    Raises:
        InvalidProblem: for fields out of range or not one an asset.

    >>> book = DeltaGamma(spots=(100.0,), deltas=(0.5,), gammas=(0.02,), theta=-5.0, horizon=0.1)
    >>> book.present_value(np.array([[[100.0]], [[110.0]]]), np.ones(1)).tolist()
    [-0.5, 5.5]
    """

    spots: tuple[float, ...]
    deltas: tuple[float, ...]
    gammas: tuple[float, ...]
    theta: float
    horizon: float
    on: str = "prices"

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "spots", checked_spots(self.spots))
        for name in ("deltas", "gammas"):
            given = checks.vector(name, getattr(self, name))
            each = fields.one_each(name, given, len(self.spots), "the spots")
            object.__setattr__(self, name, each)
        object.__setattr__(self, "theta", checks.finite("theta", self.theta))
        object.__setattr__(self, "horizon", checked_horizon(self.horizon))
        checks.choice("on", self.on, ON)

    @property
    def times(self) -> tuple[float, ...]:
        """The horizon."""
        return (self.horizon,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted profit (n,) of paths (n, 1, assets)."""
        moves = last_prices(self, paths) - np.asarray(self.spots)
        profit = fields.weighted(moves, self.deltas)
        profit += 0.5 * fields.weighted(moves * moves, self.gammas)
        return np.asarray(discount[-1] * (profit + self.theta * self.horizon))


def checked_spots(values: object) -> tuple[float, ...]:
    """Prices above 0, at least one."""
    spots = checks.vector("spots", values, "prices today, one an asset")
    for place, spot in enumerate(spots):
        checks.positive(f"spots[{place}]", spot)
    return spots


def checked_horizon(value: object) -> float:
    """Years above 0."""
    return checks.positive("horizon", value, _HORIZON)
