"""`Lookback`: on the lowest or highest price of a window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.capabilities import Side
from qmc.contracts import fields
from qmc.problem import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """Pays on the extreme price of a window, at the last of `times`.

    With the window's lowest price m and highest M: a fixed strike pays (M - strike)+ as a call and
    (strike - m)+ as a put (Conze and Viswanathan 1991, doi:10.1111/j.1540-6261.1991.tb04648.x), a
    floating one (price - multiple m)+ as a call and (multiple M - price)+ as a put (Goldman, Sosin
    and Gatto 1979, doi:10.1111/j.1540-6261.1979.tb00059.x). Discrete monitoring sees the prices at
    `times`, and the spot where they include 0.0; continuous monitoring all prices of the window,
    the spot included where it begins now (`SupportsExtremes`); under a model with curves `times`
    then need every date at which a curve changes.

    Attributes:
        times: years, increasing; the last is the expiry.
        strike: > 0 where `strike_style` is "fixed", else None.
        kind: "call" or "put".
        strike_style: "fixed" or "floating".
        window: (begin, end) in years, begin 0 or one of `times`, end one of `times`: a partial
            lookback; None is from 0 to the expiry.
        multiple: > 0, of the extreme in a floating strike: 1 is the whole; a partial lookback, of
            any window, takes 1 or above for a call, 1 or below for a put.
        extreme_so_far: the extreme price seen before today, > 0, which counts too; None for none.
        monitoring: "discrete" or "continuous".

    Raises:
        InvalidProblem: for NaN or out-of-range fields, unknown words, a window off the times, a
            strike or multiple that is missing or not used and, when used, a model of several
            assets.

    >>> import numpy as np
    >>> put = Lookback(times=(0.5, 1.0), kind="put", strike_style="floating")
    >>> put.present_value(np.array([[[130.0], [110.0]]]), np.ones(2)).tolist()
    [20.0]
    """

    times: tuple[float, ...]
    strike: float | None = None
    kind: str = "call"
    strike_style: str = "fixed"
    window: tuple[float, float] | None = None
    multiple: float = 1.0
    extreme_so_far: float | None = None
    monitoring: str = "discrete"

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "times", fields.increasing(self.times))
        checks.choice("kind", self.kind, fields.KINDS)
        checks.choice("strike_style", self.strike_style, fields.STRIKE_STYLES)
        checks.choice("monitoring", self.monitoring, fields.MONITORING)
        object.__setattr__(self, "strike", fields.styled_strike(self.strike_style, self.strike))
        object.__setattr__(self, "multiple", checks.positive("multiple", self.multiple))
        if self.strike_style == "fixed" and self.multiple != 1.0:
            hint = "it multiplies the extreme in a floating strike"
            raise checks.refuse("multiple", self.multiple, '1 with strike_style="fixed"', hint)
        if self.multiple != 1.0 and (self.multiple < 1.0) == (self.kind == "call"):
            allowed = "1 or above for a call" if self.kind == "call" else "1 or below for a put"
            hint = "a partial lookback pays less than the whole, multiple=1"
            raise checks.refuse("multiple", self.multiple, allowed, hint)
        if self.extreme_so_far is not None:
            seen = checks.positive("extreme_so_far", self.extreme_so_far)
            object.__setattr__(self, "extreme_so_far", seen)
        if self.window is not None:
            object.__setattr__(self, "window", self._checked_window(self.window))

    def _checked_window(self, window: tuple[float, float]) -> tuple[float, float]:
        ends = checks.vector("window", window)
        if len(ends) != 2 or not ends[0] < ends[1]:
            raise checks.refuse("window", ends, "(begin, end) in years, begin before end")
        if ends[0] not in (0.0, *self.times) or ends[1] not in self.times:
            allowed = f"from 0 or one of times to one of times={self.times}"
            raise checks.refuse("window", ends, allowed, "add its ends to times")
        if self.extreme_so_far is not None and ends[0] > 0.0:
            hint = "nothing was seen of a window that has not begun"
            raise checks.refuse("extreme_so_far", self.extreme_so_far, "None", hint)
        return (ends[0], ends[1])

    @property
    def side(self) -> Side:
        """Whether the lowest or the highest price counts."""
        return "high" if (self.kind == "call") == (self.strike_style == "fixed") else "low"

    @property
    def extremes(self) -> Side | None:
        """The side on which continuous monitoring looks; None when discrete."""
        return self.side if self.monitoring == "continuous" else None

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, times, 1), or (n, times, 2) with extremes."""
        watched = fields.one_column(self, paths, self.extremes)[:, self._in_window()]
        extreme = watched.max(axis=1) if self.side == "high" else watched.min(axis=1)
        if self.extreme_so_far is not None:
            farther = np.maximum if self.side == "high" else np.minimum
            extreme = farther(extreme, self.extreme_so_far)
        if self.strike is not None:
            return np.asarray(discount[-1] * fields.exercised(self.kind, extreme, self.strike))
        floating = self.multiple * extreme
        return np.asarray(discount[-1] * fields.exercised(self.kind, paths[:, -1, 0], floating))

    def _in_window(self) -> Array:
        """Which times count, as booleans: a step counts where it begins inside the window."""
        times = np.asarray(self.times)
        begin, end = self.window or (0.0, self.times[-1])
        if self.monitoring == "continuous":
            # the step that ends at a later begin is before the window, that at 0 has no length
            return np.asarray((times > begin) & (times <= end))
        return np.asarray((times >= begin) & (times <= end))
