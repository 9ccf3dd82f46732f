"""Checks of user input: each returns the normalised value or raises `InvalidProblem`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmc.errors import InvalidProblem


def refuse(name: str, given: object, allowed: str, hint: str = "") -> InvalidProblem:
    """Build the error for one field: what was given, what is allowed, what to do."""
    text = repr(given.item() if isinstance(given, np.generic) else given)
    if len(text) > 80:
        text = f"{text[:77]}..."
    return InvalidProblem(f"{name}={text}: must be {allowed}" + (f"; {hint}" if hint else ""))


def finite(name: str, value: object, hint: str = "") -> float:
    """A finite real number."""
    number = _number(name, value, "a finite number", hint)
    if not math.isfinite(number):
        raise refuse(name, value, "a finite number", hint)
    return number


def positive(name: str, value: object, hint: str = "") -> float:
    """A finite number above zero."""
    number = _number(name, value, "a finite number above 0", hint)
    if not (math.isfinite(number) and number > 0.0):
        raise refuse(name, value, "a finite number above 0", hint)
    return number


def fraction(name: str, value: object, hint: str = "") -> float:
    """A number strictly between 0 and 1, with a hint when it looks like per cent."""
    number = _number(name, value, "strictly between 0 and 1", hint)
    if not 0.0 < number < 1.0:
        if not hint and 1.0 < number < 100.0:
            hint = f"if you mean {number:g} per cent, write {number / 100.0:g}"
        raise refuse(name, value, "strictly between 0 and 1", hint)
    return number


def whole(name: str, value: object, low: int, high: int | None = None, hint: str = "") -> int:
    """An integer (no bool, no float) from `low` to `high` inclusive."""
    allowed = f"a whole number >= {low}" if high is None else f"a whole number from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise refuse(name, value, allowed, hint)
    if value < low or (high is not None and value > high):
        raise refuse(name, value, allowed, hint)
    return int(value)


def choice(name: str, value: object, allowed: Iterable[str]) -> str:
    """One of a few words."""
    options = tuple(allowed)
    if not isinstance(value, str) or value not in options:
        raise refuse(name, value, "one of " + ", ".join(map(repr, options)))
    return value


def interface(name: str, part: object, kind: type, hint: str = "") -> None:
    """An instance with every method of a runtime-checkable protocol."""
    # a word has methods too: "linear".encode is no encoding's
    if not isinstance(part, type | str) and isinstance(part, kind):
        return
    asked = sorted(getattr(kind, "__protocol_attrs__", ()) or _public(kind))
    lacking = ", ".join(one for one in asked if not hasattr(part, one))
    more = f"it lacks {lacking}" if lacking else "this is a word, not an instance"
    if isinstance(part, type):
        more = f"this is a class, not an instance: write {part.__name__}(...)"
    raise refuse(name, part, f"an instance of {kind.__name__}", f"{more}; {hint}".rstrip("; "))


def _public(kind: type) -> list[str]:
    return [one for one in dir(kind) if not one.startswith("_")]


def vector(name: str, values: object, hint: str = "") -> tuple[float, ...]:
    """A non-empty one-dimensional sequence of finite numbers, as a tuple."""
    array = table(name, values, 1, hint)
    return tuple(array.tolist())


def table(name: str, values: object, dimensions: int, hint: str = "") -> NDArray[np.float64]:
    """A non-empty array of finite numbers with the given number of dimensions (a copy)."""
    allowed = f"a non-empty {dimensions}-dimensional array of finite numbers"
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise refuse(name, values, allowed, hint) from error
    if array.ndim != dimensions or array.size == 0:
        raise refuse(name, f"array of shape {array.shape}", allowed, hint)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = ", ".join(map(str, bad[0].tolist()))
        raise refuse(f"{name}[{where}]", float(array[tuple(bad[0])]), "a finite number", hint)
    return array


def _number(name: str, value: Any, allowed: str, hint: str) -> float:  # noqa: ANN401
    if isinstance(value, bool | str | bytes) or value is None:
        raise refuse(name, value, allowed, hint)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise refuse(name, value, allowed, hint) from error
