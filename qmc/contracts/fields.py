"""Checks and payoff parts that contracts share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from qmc import checks
from qmc.capabilities import Side
from qmc.errors import InvalidProblem
from qmc.problem import Array

KINDS = ("call", "put")
MONITORING = ("discrete", "continuous")
STRIKE_STYLES = ("fixed", "floating")


def strike(name: str, value: object) -> float:
    """A price above 0."""
    return checks.positive(name, value, "a strike is a price in the asset's currency")


def expiry(value: object) -> float:
    """Years above 0."""
    return checks.positive("expiry", value, "years, three months are expiry=0.25")


def not_negative(name: str, value: object, hint: str = "") -> float:
    """A finite number, 0 or above."""
    number = checks.finite(name, value, hint)
    if number < 0.0:
        raise checks.refuse(name, value, "a finite number, 0 or above", hint)
    return number


def limit(name: str, value: object) -> float:
    """A number, or infinity for no limit; no NaN."""
    if isinstance(value, float) and math.isinf(value):
        return value
    return checks.finite(name, value, "math.inf or -math.inf for no limit")


def ordered(name: str, low: object, high: object) -> tuple[float, float]:
    """Limits `name`_floor <= `name`_cap."""
    floor, cap = limit(f"{name}_floor", low), limit(f"{name}_cap", high)
    if floor > cap:
        raise checks.refuse(f"{name}_floor", floor, f"at most {name}_cap={cap}")
    return floor, cap


def increasing(values: object, *, fewest: int = 1) -> tuple[float, ...]:
    """Years from 0 on, strictly increasing, the last above 0."""
    hint = "years, increasing, such as (0.25, 0.5, 0.75, 1.0)"
    times = checks.vector("times", values, hint)
    if times[0] < 0.0:
        raise checks.refuse("times[0]", times[0], "0 or above", hint)
    for place, (earlier, later) in enumerate(itertools.pairwise(times), start=1):
        if later <= earlier:
            raise checks.refuse(f"times[{place}]", later, f"above times[{place - 1}]={earlier}")
    if len(times) < fewest:
        raise checks.refuse("times", times, f"at least {fewest} times", hint)
    if times[-1] <= 0.0:
        raise checks.refuse(f"times[{len(times) - 1}]", times[-1], "above 0", hint)
    return times


def one_each(name: str, values: object, count: int, what: str) -> tuple[float, ...]:
    """One number for all, or one each, as a tuple of `count`."""
    if isinstance(values, int | float | np.number) and not isinstance(values, bool):
        return (checks.finite(name, values),) * count
    given = checks.vector(name, values)
    if len(given) != count:
        allowed = f"one number, or {count} of them: one for each of {what}"
        raise checks.refuse(name, f"{len(given)} numbers", allowed)
    return given


def one_column(contract: object, paths: Array, side: Side | None = None) -> Array:
    """Prices (n, times) of one asset, or its extremes where a side is given."""
    expected = 1 if side is None else 2
    if paths.shape[2] != expected:
        name = type(contract).__name__
        if side is not None and paths.shape[2] == 1:
            msg = f"{name} is monitored continuously: its paths need a column of {side} prices"
        else:
            msg = f"paths have {paths.shape[2]} columns: {name} is on one asset's price"
        raise InvalidProblem(msg)
    return paths[:, :, -1]


def columns(contract: object, paths: Array, count: int, what: str) -> Array:
    """The paths, after checking that there are `count` columns."""
    if paths.shape[2] != count:
        msg = (
            f"paths have {paths.shape[2]} columns: {type(contract).__name__} has {count} {what}; "
            "give one for each of the model's assets"
        )
        raise InvalidProblem(msg)
    return paths


def weighted(prices: Array, weights: Sequence[float]) -> Array:
    """Sums over the last axis, (..., assets) to (...), each rounded without regard to the rest."""
    # no matrix product: it rounds a path differently in another batch
    return np.asarray((np.ascontiguousarray(prices) * np.asarray(weights)).sum(axis=-1))


def exercised(kind: str, underlying: Array, against: Array | float) -> Array:
    """(underlying - against)+ for a call, (against - underlying)+ for a put."""
    gain = underlying - against if kind == "call" else against - underlying
    return np.asarray(np.maximum(gain, 0.0))


def sign(kind: str) -> float:
    """1 for a call, -1 for a put."""
    return 1.0 if kind == "call" else -1.0


def styled_strike(style: str, value: object) -> float | None:
    """A strike for a fixed style, None for a floating one."""
    if style == "fixed":
        return strike("strike", value)
    if value is not None:
        hint = "a floating strike is read off the path"
        raise checks.refuse("strike", value, 'None with strike_style="floating"', hint)
    return None
