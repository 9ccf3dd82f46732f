"""What every part is: a frozen value that can be hashed, stored and read back."""

from __future__ import annotations

import dataclasses
from typing import Any

from qmc.errors import InvalidProblem
from qmc.serialise import from_json, to_json


def check_value(part: object) -> None:
    """Whatever a user writes is a frozen value: hashable and storable."""
    try:
        restored = stored(part)
    except InvalidProblem as error:
        msg = f"{part!r} cannot be stored: {error}"
        raise AssertionError(msg) from error
    assert restored == part, f"{part!r} was stored and read back as {restored!r}"
    try:
        hash(part)
    except TypeError as error:
        msg = f"{part!r} cannot be hashed: {error}; use floats and tuples in a frozen dataclass"
        raise AssertionError(msg) from error


def stored(part: object) -> Any:  # noqa: ANN401
    """The value after JSON and back, wherever its types are defined."""
    return from_json(to_json(part), types=tuple(_types(part)))


def _types(value: object) -> set[type[Any]]:
    """The dataclasses that a value is made of."""
    if isinstance(value, tuple | list):
        return set().union(*map(_types, value))
    if isinstance(value, dict):
        return set().union(*map(_types, value.values()))
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return set()
    inner = (getattr(value, field.name) for field in dataclasses.fields(value) if field.init)
    return {type(value)}.union(*map(_types, inner))
