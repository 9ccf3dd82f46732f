"""Reading a problem file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from qmc.errors import InvalidProblem
from qmc.specification.words import spelled

_LARGEST = 1 << 20


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; the files that it names are taken from its own folder.

    Raises:
        InvalidProblem: when the file cannot be read or is no TOML, with the line.
    """
    content = _content(path)
    try:
        data = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not a TOML file: {error}; see examples/ for a working one"
        raise InvalidProblem(msg) from error
    data = spelled(data)
    for section, name in (("model", "prices"), ("contract", "weights")):
        table = data.get(section)
        if isinstance(table, dict) and isinstance(table.get(name), str):
            table[name] = str(path.parent / table[name])
    return data


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{str(path)!r} cannot be read ({reason}); give an existing TOML file"
        raise InvalidProblem(msg) from error
    if len(content) > _LARGEST:
        msg = f"{str(path)!r} cannot be read (more than 1 MiB); give a problem file of a few lines"
        raise InvalidProblem(msg)
    return content
