"""`Cliquet`: a sum of capped and floored period returns."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.contracts import fields
from qmc.problem import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Cliquet:
    """Pays notional * clip(sum_i clip(return_i, local floor, local cap), global floor, global cap).

    return_i = price_i / price_(i - 1) - 1 over the periods between the reset times; paid at the
    last (Wilmott 2002, Cliquet options and volatility models, Wilmott magazine, December). A price
    of 0 stays there: its return is 0.

    Attributes:
        times: reset times in years, increasing, at least 2; 0.0 starts the first period today.
        local_floor, local_cap: of each period's return, a share (0.05 is 5 %); infinite for none.
        global_floor, global_cap: of their sum; infinite for none.
        notional: > 0, in its currency.

    Raises:
        InvalidProblem: for NaN or out-of-range fields, a floor above its cap and, when used, a
            model of several assets.

    >>> import numpy as np
    >>> cliquet = Cliquet(times=(0.0, 0.5, 1.0), local_floor=-0.05, local_cap=0.1, notional=100.0)
    >>> value = cliquet.present_value(np.array([[[100.0], [120.0], [118.8]]]), np.ones(3))
    >>> round(float(value[0]), 9)
    9.0
    """

    times: tuple[float, ...]
    local_floor: float = -math.inf
    local_cap: float = math.inf
    global_floor: float = 0.0
    global_cap: float = math.inf
    notional: float = 1.0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "times", fields.increasing(self.times, fewest=2))
        for name in ("local", "global"):
            given = (getattr(self, f"{name}_floor"), getattr(self, f"{name}_cap"))
            floor, cap = fields.ordered(name, *given)
            object.__setattr__(self, f"{name}_floor", floor)
            object.__setattr__(self, f"{name}_cap", cap)
        if math.inf in (self.local_floor, self.global_floor):
            raise checks.refuse("floor", math.inf, "below infinity")
        if -math.inf in (self.local_cap, self.global_cap):
            raise checks.refuse("cap", -math.inf, "above minus infinity")
        object.__setattr__(self, "notional", checks.positive("notional", self.notional))

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, times, 1)."""
        prices = np.ascontiguousarray(fields.one_column(self, paths))
        before = prices[:, :-1]
        growth = np.divide(prices[:, 1:], before, out=np.ones_like(before), where=before > 0.0)
        returns = growth - 1.0
        total = np.clip(returns, self.local_floor, self.local_cap).sum(axis=1)
        paid = np.clip(total, self.global_floor, self.global_cap)
        return np.asarray(self.notional * discount[-1] * paid)
