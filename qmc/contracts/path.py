"""Asian contracts: on the average price over a set of times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.capabilities import LinearPayoff
from qmc.contracts import fields
from qmc.errors import InvalidProblem
from qmc.problem import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Asian:
    """Pays on the average A of the prices at `times`, at the last of them.

    A fixed strike pays (A - strike)+, a floating one (price - A)+ with the last price; puts the
    reverse. With weights the price is that of the basket sum_i weights_i price_i: an Asian basket.

    Attributes:
        times: fixings in years, increasing; 0.0 counts the spot among them.
        strike: > 0 where `strike_style` is "fixed", else None.
        average: "arithmetic" or "geometric".
        kind: "call" or "put".
        strike_style: "fixed" or "floating".
        weights: (assets,) units of each asset, > 0 for a geometric average; None for one asset.

    Raises:
        InvalidProblem: for NaN or out-of-range fields, unknown words, a strike that is missing or
            not used and, when used, another number of assets than weights.

    >>> import numpy as np
    >>> asian = Asian(strike=100.0, times=(0.5, 1.0))
    >>> asian.present_value(np.array([[[110.0], [130.0]]]), np.array([0.95, 0.9])).tolist()
    [18.0]
    """

    times: tuple[float, ...]
    strike: float | None = None
    average: str = "arithmetic"
    kind: str = "call"
    strike_style: str = "fixed"
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "times", fields.increasing(self.times))
        checks.choice("average", self.average, ("arithmetic", "geometric"))
        checks.choice("kind", self.kind, fields.KINDS)
        checks.choice("strike_style", self.strike_style, fields.STRIKE_STYLES)
        object.__setattr__(self, "strike", fields.styled_strike(self.strike_style, self.strike))
        if self.weights is not None:
            weights = checks.vector("weights", self.weights)
            if self.average == "geometric" and min(weights) <= 0.0:
                hint = "a geometric average needs a basket that is always above 0"
                raise checks.refuse("weights", weights, "above 0", hint)
            object.__setattr__(self, "weights", weights)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, times, assets)."""
        prices = self._underlying(paths)
        if self.average == "geometric":
            # a price of 0 makes the average 0
            with np.errstate(divide="ignore"):
                average = np.exp(np.log(prices).mean(axis=1))
        else:
            average = prices.mean(axis=1)
        if self.strike is None:
            return np.asarray(discount[-1] * fields.exercised(self.kind, prices[:, -1], average))
        return np.asarray(discount[-1] * fields.exercised(self.kind, average, self.strike))

    def linear_payoff(self) -> LinearPayoff | None:
        """On the average, or on the last price less the average; None for a geometric one."""
        if self.average == "geometric":
            return None
        count, units = len(self.times), (1.0,) if self.weights is None else self.weights
        shares = [1.0 / count] * count
        if self.strike is None:
            shares = [-share for share in shares]
            shares[-1] += 1.0
        weights = tuple(tuple(share * unit for unit in units) for share in shares)
        return LinearPayoff(weights, self.strike or 0.0, fields.sign(self.kind))

    def _underlying(self, paths: Array) -> Array:
        """Prices (n, times) of the asset or of the basket, rows contiguous."""
        if self.weights is not None:
            matched = fields.columns(self, paths, len(self.weights), "weights")
            return fields.weighted(matched, self.weights)
        if paths.shape[2] != 1:
            msg = (
                f"paths have {paths.shape[2]} columns: an Asian without weights is on one asset; "
                "give weights= for an Asian basket"
            )
            raise InvalidProblem(msg)
        return np.ascontiguousarray(paths[:, :, 0])
