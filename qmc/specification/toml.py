"""Reading a problem file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from qmc.errors import InvalidProblem


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; a relative `model.prices` is taken from the file's folder.

    Raises:
        InvalidProblem: when the file cannot be read or is no TOML, with the line.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not a TOML file: {error}; see examples/ for a working one"
        raise InvalidProblem(msg) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{path}: cannot be read ({reason}); give an existing TOML file"
        raise InvalidProblem(msg) from error
    model = data.get("model")
    if isinstance(model, dict) and isinstance(model.get("prices"), str):
        model["prices"] = str(path.parent / model["prices"])
    return data
