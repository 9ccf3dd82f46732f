"""What a command writes: tables or JSON to stdout, progress to stderr, pictures to a folder."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from qmc.cli.options import Given
from qmc.errors import InvalidProblem

if TYPE_CHECKING:
    from rich.console import Console

    from qmc.report import Solved

_WIDTH = 140


def console(*, stderr: bool = False) -> Console:
    """Where tables are drawn; a pipe is as wide as COLUMNS says, or so that few tables fold."""
    from rich.console import Console

    screen = Console(stderr=stderr, highlight=False)
    if screen.is_terminal:
        return screen
    given = os.environ.get("COLUMNS", "")
    width = int(given) if given.isdecimal() and int(given) > 0 else _WIDTH
    return Console(stderr=stderr, highlight=False, width=width)


def progress(text: str) -> AbstractContextManager[object]:
    """A spinner on stderr, only on a terminal."""
    screen = console(stderr=True)
    return screen.status(text) if screen.is_terminal else nullcontext()


def print_json(command: str, data: Mapping[str, Any]) -> None:
    """One JSON object on stdout; `command` is its first key."""
    whole = finite({"command": command, **data})
    typer.echo(json.dumps(whole, allow_nan=False, indent=2, default=str))


def json_row(solved: Solved) -> dict[str, Any]:
    """Engine, measure and result; without the problem's model, which may hold years of prices."""
    result = solved.result.to_dict()
    problem = result["provenance"].pop("problem")
    return {"engine": solved.engine, "measure": problem["measure"], "result": result}


def finite(data: object) -> object:
    """JSON has no infinity: write it, and NaN, as text.

    >>> finite({"high": float("inf"), "low": 0.5})
    {'high': 'inf', 'low': 0.5}
    """
    if isinstance(data, Mapping):
        return {str(key): finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return str(data)
    return data


def picture_folder(given: Given) -> Path | None:
    """The folder of `--plot`, made and tried before any work is done; None without the option."""
    folder: Path | None = given.get("plot")
    return None if folder is None else writable(folder, "--plot")


def writable(folder: Path, flag: str) -> Path:
    """The folder, made where it is missing.

    Raises:
        InvalidProblem: naming the flag, when nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".qmc-probe"
        probe.touch()
        probe.unlink()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = (
            f"option {flag}={str(folder)!r}: must be a folder that can be written to ({reason}); "
            "give another one"
        )
        raise InvalidProblem(msg) from error
    return folder
