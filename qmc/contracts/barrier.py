"""`Barrier`: an option that a price knocks in or out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.capabilities import Side
from qmc.contracts import fields
from qmc.problem import Array

DIRECTIONS = ("up-and-out", "up-and-in", "down-and-out", "down-and-in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """A call or put that begins ("in") or ends ("out") when the price reaches a barrier.

    Where the option is not alive at expiry, the rebate is paid instead. Discrete monitoring looks
    at the prices at `times` only, and at the spot where they include 0.0; continuous monitoring at
    all prices from now to expiry, for which `times=(expiry,)` will do (the model draws each step's
    extreme: `SupportsExtremes`); under a model with curves `times` need every date before expiry at
    which a curve changes, so that each step has flat terms. A price at the barrier has reached it.

    Attributes:
        strike: > 0.
        barrier: > 0.
        times: monitoring times in years, increasing; the last is the expiry.
        direction: "up-and-out", "up-and-in", "down-and-out" or "down-and-in".
        kind: "call" or "put".
        rebate: 0 or above, in the asset's currency.
        rebate_at: when a knock-out's rebate is paid: "expiry", or "hit" for the first of `times` at
            or after the hit, in continuous monitoring too: with `times=(expiry,)` that is the
            expiry, so give the dates on which a rebate may be paid. A knock-in's is paid at expiry.
        monitoring: "discrete" or "continuous".

    Raises:
        InvalidProblem: for NaN or out-of-range fields and unknown words and, when used, a model of
            several assets.

    >>> import numpy as np
    >>> out = Barrier(strike=100.0, barrier=120.0, times=(0.5, 1.0), direction="up-and-out")
    >>> paths = np.array([[[121.0], [110.0]], [[119.0], [110.0]]])
    >>> out.present_value(paths, np.ones(2)).tolist()
    [0.0, 10.0]
    """

    strike: float
    barrier: float
    times: tuple[float, ...]
    direction: str
    kind: str = "call"
    rebate: float = 0.0
    rebate_at: str = "expiry"
    monitoring: str = "discrete"

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "strike", fields.strike("strike", self.strike))
        hint = "a barrier is a price in the asset's currency"
        object.__setattr__(self, "barrier", checks.positive("barrier", self.barrier, hint))
        object.__setattr__(self, "times", fields.increasing(self.times))
        checks.choice("direction", self.direction, DIRECTIONS)
        checks.choice("kind", self.kind, fields.KINDS)
        object.__setattr__(self, "rebate", fields.not_negative("rebate", self.rebate))
        checks.choice("rebate_at", self.rebate_at, ("expiry", "hit"))
        checks.choice("monitoring", self.monitoring, fields.MONITORING)
        if self.rebate_at == "hit" and self.knocks_in:
            hint = "a knock-in that is never hit has no other time"
            raise checks.refuse("rebate_at", "hit", f'"expiry" for {self.direction}', hint)

    @property
    def extremes(self) -> Side | None:
        """The side on which continuous monitoring looks; None when discrete."""
        if self.monitoring == "discrete":
            return None
        return "high" if self.upward else "low"

    @property
    def upward(self) -> bool:
        """True where the barrier is reached from below."""
        return self.direction.startswith("up")

    @property
    def knocks_in(self) -> bool:
        """True where reaching the barrier begins the option."""
        return self.direction.endswith("in")

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, times, 1), or (n, times, 2) with extremes."""
        watched = fields.one_column(self, paths, self.extremes)
        reached = watched >= self.barrier if self.upward else watched <= self.barrier
        hit = reached.any(axis=1)
        payoff = discount[-1] * fields.exercised(self.kind, paths[:, -1, 0], self.strike)
        paid = discount[np.argmax(reached, axis=1)] if self.rebate_at == "hit" else discount[-1]
        return np.asarray(np.where(hit == self.knocks_in, payoff, self.rebate * paid))
