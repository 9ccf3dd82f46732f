"""`Autocallable`: redeemed early when the worst of its assets stands high enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.contracts import fields
from qmc.problem import Array

# performances and coupons beyond are per cent by mistake, as volatilities are
_HIGHEST = 10.0
# a barrier that no performance reaches
_NEVER = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Autocallable:
    """A note on the worst of n assets with early redemption and a short knock-in put.

    With performance P = min_i price_i / initial_i. On the first of `times` with P at or above that
    time's autocall barrier the note ends and pays notional (1 + coupon). If no time calls it, it
    pays notional (1 - (put_strike - P)+) at the last if the put is knocked in, else the notional.
    The put is knocked in by a P below `knock_in`: at the last time, or at any of them (the product
    of Chakrabarti et al. 2021, arXiv:2012.03819, section 3).

    Attributes:
        times: observation times in years, increasing.
        initial_prices: (assets,) > 0, with which performances are 1.
        coupons: paid on redemption at each time, shares of the notional; one number for all, or one
            a time, such as (0.05, 0.1, 0.15) for 5 % a period; from -10 to 10.
        autocall_barriers: one number for all, or one a time; performances above 0, up to 10, or
            1,000,000 and above at times that never call.
        knock_in: a performance above 0, up to 10: 0.7 is 70 %.
        put_strike: a performance above 0, up to 10.
        knock_in_monitoring: "maturity" or "discrete" (any of `times`).
        notional: > 0, in its currency.
        redeems: False leaves out the notional: coupons and the put alone.

    Raises:
        InvalidProblem: for NaN or out-of-range fields, unknown words, a wrong number of coupons or
            barriers and, when used, another number of assets than initial prices.

    >>> import numpy as np
    >>> note = Autocallable(
    ...     times=(1.0, 2.0), initial_prices=(100.0, 50.0), coupons=(0.05, 0.1), knock_in=0.7
    ... )
    >>> called, late, hurt = [[104, 51], [1, 1]], [[90, 60], [110, 50]], [[90, 50], [60, 80]]
    >>> values = note.present_value(np.array([called, late, hurt], dtype=float), np.ones(2))
    >>> values.round(9).tolist()
    [1.05, 1.1, 0.6]
    """

    times: tuple[float, ...]
    initial_prices: tuple[float, ...]
    coupons: float | tuple[float, ...]
    knock_in: float
    autocall_barriers: float | tuple[float, ...] = 1.0
    put_strike: float = 1.0
    knock_in_monitoring: str = "maturity"
    notional: float = 1.0
    redeems: bool = True

    def __post_init__(self) -> None:
        """Refuse fields out of range, and write one coupon and barrier a time."""
        object.__setattr__(self, "times", fields.increasing(self.times))
        object.__setattr__(self, "initial_prices", _positive("initial_prices", self.initial_prices))
        for name in ("coupons", "autocall_barriers"):
            values = fields.one_each(name, getattr(self, name), len(self.times), "times")
            object.__setattr__(self, name, values)
        _positive("autocall_barriers", self.autocall_barriers)
        for name in ("knock_in", "put_strike", "notional"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name)))
        self._refuse_per_cent()
        checks.choice("knock_in_monitoring", self.knock_in_monitoring, ("maturity", "discrete"))
        if not isinstance(self.redeems, bool):
            raise checks.refuse("redeems", self.redeems, "True or False")

    def _refuse_per_cent(self) -> None:
        """Refuse levels that only per cent can mean."""
        for name in ("knock_in", "put_strike"):
            _performance(name, getattr(self, name), "above 0, up to 10")
        coupons, barriers = np.asarray(self.coupons), np.asarray(self.autocall_barriers)
        for place, coupon in enumerate(coupons.tolist()):
            _performance(f"coupons[{place}]", coupon, "from -10 to 10")
        never = f"above 0, up to {_HIGHEST:g}, or {_NEVER:,.0f} and above to call never"
        for place, barrier in enumerate(barriers.tolist()):
            if barrier < _NEVER:
                _performance(f"autocall_barriers[{place}]", barrier, never)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payments (n,) of paths (n, times, assets)."""
        count = len(self.initial_prices)
        prices = fields.columns(self, paths, count, "initial_prices")
        performance = (prices / np.asarray(self.initial_prices)).min(axis=2)
        reached = performance >= np.asarray(self.autocall_barriers)
        call, called = np.argmax(reached, axis=1), reached.any(axis=1)
        early = discount[call] * (self.redeems + np.asarray(self.coupons)[call])
        late = discount[-1] * (self.redeems - self._put(performance))
        return np.asarray(self.notional * np.where(called, early, late))

    def _put(self, performance: Array) -> Array:
        """What the knock-in put costs the holder at maturity, (n,), a share of the notional."""
        last = performance[:, -1]
        lowest = last if self.knock_in_monitoring == "maturity" else performance.min(axis=1)
        return np.where(lowest < self.knock_in, np.maximum(self.put_strike - last, 0.0), 0.0)


def _performance(name: str, value: float, allowed: str) -> None:
    if abs(value) > _HIGHEST:
        hint = f"a share, not per cent: {value:g} % is {value / 100.0:g}"
        raise checks.refuse(name, value, allowed, hint)


def _positive(name: str, values: object) -> tuple[float, ...]:
    given = checks.vector(name, values)
    for place, value in enumerate(given):
        checks.positive(f"{name}[{place}]", value)
    return given
