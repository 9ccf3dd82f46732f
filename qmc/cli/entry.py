"""`main`: run a command, turn what it raises into one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import typer

from qmc.cli.codes import FAILED, INTERRUPTED, OK, code_of
from qmc.cli.commands import app
from qmc.errors import QmcError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code and lets no exception out.

    QMC_DEBUG=1 in the environment shows the traceback of an error.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        code = _run(arguments)
        print(end="", flush=True)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except SystemExit as stop:  # a reader that closed its end of the pipe
        code = stop.code if isinstance(stop.code, int) else FAILED
    except Exception as error:
        _drop_output()
        if os.environ.get("QMC_DEBUG"):
            raise
        _complain(_message(error))
        return code_of(error)
    if code == INTERRUPTED:
        _complain("interrupted")
    return code


def _run(arguments: Sequence[str]) -> int:
    code = app(args=list(arguments), prog_name="qmc", standalone_mode=False)
    return code if isinstance(code, int) else OK


def _message(error: Exception) -> str:
    text = str(error)
    if isinstance(error, typer.TyperException):
        text = error.format_message()
        context = getattr(error, "ctx", None)
        command = "qmc" if context is None else context.command_path
        end = "" if text.endswith((".", "?")) else "."
        return f"{text}{end} See `{command} --help`."
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"cannot read or write{where}: {error.strerror or error}; check disk and permissions"
    if isinstance(error, QmcError):
        return text.replace("market_neutral=True", "--market-neutral, or market_neutral = true")
    return f"unexpected {type(error).__name__} (QMC_DEBUG=1 shows where): {text}"


def _complain(text: str) -> None:
    """One line on stderr, whatever the text."""
    with suppress(OSError, ValueError):
        typer.echo(f"qmc: {' '.join(text.split())}", err=True)


def _drop_output() -> None:
    """When stdout cannot be written, send the rest to nowhere: Python flushes it once more."""
    try:
        print(end="", flush=True)
    except (OSError, ValueError):
        with suppress(OSError, ValueError), open(os.devnull, "w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
