"""Frozen values to JSON and back: {"schema": 1, "type": "qmc.Goal", ...fields}.

A type is stored by its public name, so that what is stored outlives a move between modules. A type
of your own is found under its module's name once that is imported; one that is defined in a script,
a notebook or a function, or has moved, is handed over: `from_dict(data, types=(MyPayoff,))`.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem, QmcError

SCHEMA = 1
_OWN = ("qmc", "classical_baseline")
# types that a reader handed over, by the names under which they are stored
_Known: TypeAlias = Mapping[str, type[Any]]
_SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def to_dict(obj: object) -> dict[str, Any]:
    """A JSON-able dict of a frozen dataclass; nested dataclasses carry their own type.

    Raises:
        InvalidProblem: when `obj` holds something other than dataclasses, numbers, words,
            tuples, arrays and dicts with words as keys.

    >>> from qmc.problem import Goal
    >>> to_dict(Goal(tolerance=0.1))["type"]
    'qmc.Goal'
    """
    if not dataclasses.is_dataclass(obj) or isinstance(obj, type):
        msg = f"to_dict({type(obj).__name__}): must be an instance of a dataclass"
        raise InvalidProblem(msg)
    return {"schema": SCHEMA, **_encode(obj, type(obj).__name__)}


def from_dict(data: dict[str, Any], *, types: Sequence[type[Any]] = ()) -> Any:  # noqa: ANN401
    """The value that `to_dict` wrote.

    Only dataclasses of qmc, classical_baseline, modules already imported and `types` are made;
    nothing is imported on the word of what is read.

    Args:
        data: what `to_dict` gave.
        types: dataclasses of your own that may stand in it, wherever they are defined now.

    Raises:
        InvalidProblem: for an unknown schema or type, for a missing or extra field, and for types
            that are no dataclasses.

    >>> from qmc.problem import Goal
    >>> from_dict(to_dict(Goal(tolerance=0.1))) == Goal(tolerance=0.1)
    True
    >>> @dataclasses.dataclass(frozen=True)
    ... class Mine:
    ...     strike: float
    >>> from_dict(to_dict(Mine(105.0)), types=(Mine,)).strike
    105.0
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        given = data.get("schema") if isinstance(data, dict) else type(data).__name__
        msg = f"schema={given!r}: must be {SCHEMA}; written by another version of qmc?"
        raise InvalidProblem(msg)
    if "type" not in data:
        msg = "type is missing: must name a dataclass, e.g. 'qmc.Goal'"
        raise InvalidProblem(msg)
    return _decode({name: value for name, value in data.items() if name != "schema"}, _known(types))


def to_json(obj: object) -> str:
    """`to_dict` as strict JSON text (no NaN or Infinity literals)."""
    return json.dumps(to_dict(obj), allow_nan=False)


def from_json(text: str, *, types: Sequence[type[Any]] = ()) -> Any:  # noqa: ANN401
    """The value that `to_json` wrote; `types` as for `from_dict`.

    Raises:
        InvalidProblem: for text that is no JSON, and as `from_dict`.
    """
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, TypeError) as error:
        msg = f"text is no JSON: {error}"
        raise InvalidProblem(msg) from error
    return from_dict(data, types=types)


def _encode(value: Any, where: str) -> Any:  # noqa: ANN401
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, tuple | list):
        return [_encode(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, np.ndarray):
        return {"array": _encode(value.tolist(), where), "dtype": str(value.dtype)}
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {"dict": {name: _encode(item, f"{where}.{name}") for name, item in value.items()}}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        row = {"type": _public_name(type(value))}
        for field in dataclasses.fields(value):
            if field.init:
                row[field.name] = _encode(getattr(value, field.name), f"{where}.{field.name}")
        return row
    msg = f"{where}: a {type(value).__name__} cannot be stored; use floats, words and tuples"
    raise InvalidProblem(msg)


def _known(types: Sequence[type[Any]]) -> _Known:
    """Types by their stored names; refuses what is no dataclass."""
    if not isinstance(types, tuple | list):
        hint = "a single one needs its comma: types=(MyPayoff,)"
        raise checks.refuse("types", types, "a tuple of dataclasses", hint)
    for place, kind in enumerate(types):
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
            raise checks.refuse(f"types[{place}]", kind, "a dataclass, the type itself")
    bare = {kind.__name__: kind for kind in types}
    return bare | {_public_name(kind): kind for kind in types}


def _decode(value: Any, known: _Known) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return tuple(_decode(item, known) for item in value)
    if not isinstance(value, dict):
        return value
    if "type" in value:
        return _build(value, known)
    if value.keys() == {"float"} and value["float"] in _SPECIAL:
        return _SPECIAL[value["float"]]
    if value.keys() == {"array", "dtype"}:
        return _array(value)
    if value.keys() == {"dict"} and isinstance(value["dict"], dict):
        return {name: _decode(item, known) for name, item in value["dict"].items()}
    msg = f"fields {sorted(map(str, value))}: must hold 'type'; no value of qmc looks like this"
    raise InvalidProblem(msg)


def _array(value: dict[str, Any]) -> Any:  # noqa: ANN401
    try:
        return np.array(_decode(value["array"], {}), dtype=value["dtype"])
    except (TypeError, ValueError) as error:
        msg = f"array of dtype {value['dtype']!r} cannot be read: {error}"
        raise InvalidProblem(msg) from error


def _build(value: dict[str, Any], known: _Known) -> Any:  # noqa: ANN401
    kind = _kind(str(value["type"]), known)
    names = {field.name for field in dataclasses.fields(kind) if field.init}
    given = set(value) - {"type"}
    for what, odd in (("missing", names - given), ("unknown", given - names)):
        if odd:
            msg = f"{value['type']}: {what} field {', '.join(sorted(odd))}"
            raise InvalidProblem(msg)
    try:
        return kind(**{name: _decode(value[name], known) for name in sorted(given)})
    except QmcError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        msg = f"{value['type']}: its fields cannot be read: {error}"
        raise InvalidProblem(msg) from error


def _kind(name: str, known: _Known) -> type[Any]:
    """The dataclass of a stored name; one handed over may have been stored by another module."""
    bare = name.rpartition(".")[2]
    kind = known.get(name) or _find(name) or known.get(bare)
    if kind is None:
        msg = (
            f"type={name!r}: must be a dataclass of qmc, classical_baseline or an imported module; "
            f"where it is your own, import its module first or hand it over, types=({bare},)"
        )
        raise InvalidProblem(msg)
    return kind


def _find(name: str) -> type[Any] | None:
    """The dataclass of this name, if there is one; imports only from this project."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        found: Any = _module(".".join(parts[:cut]))
        if found is None:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        named = isinstance(found, type) and dataclasses.is_dataclass(found)
        return found if named and _public_name(found) == name else None
    return None


def _public_name(kind: type[Any]) -> str:
    """The shortest dotted name by which a package offers a type."""
    parts = kind.__module__.split(".")
    for cut in range(1, len(parts)):
        package = ".".join(parts[:cut])
        if getattr(_module(package), kind.__qualname__, None) is kind:
            return f"{package}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def _module(name: str) -> Any:  # noqa: ANN401
    if name in sys.modules:
        return sys.modules[name]
    if name.partition(".")[0] not in _OWN:
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
