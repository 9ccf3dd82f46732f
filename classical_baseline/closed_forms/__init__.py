"""Closed forms for log-normal prices, as functions of numbers; `Analytic` uses them."""

from classical_baseline.closed_forms.barrier import (
    Diffusion,
    hit_probability,
    knock_in,
    rebate_at_hit,
)
from classical_baseline.closed_forms.european import (
    bivariate_normal,
    black,
    exchange,
    geometric_mean,
    rainbow,
)
from classical_baseline.closed_forms.greeks import derivative
from classical_baseline.closed_forms.lookback import (
    lookback_fixed,
    lookback_floating,
    partial_lookback_fixed,
    partial_lookback_floating,
)

__all__ = [
    "Diffusion",
    "bivariate_normal",
    "black",
    "derivative",
    "exchange",
    "geometric_mean",
    "hit_probability",
    "knock_in",
    "lookback_fixed",
    "lookback_floating",
    "partial_lookback_fixed",
    "partial_lookback_floating",
    "rainbow",
    "rebate_at_hit",
]
