"""Exit codes, and which error has which."""

from __future__ import annotations

import typer

from qmc.errors import BackendFailed, NotConverged, QmcError

OK, FAILED, USAGE, NOT_REACHED, INTERRUPTED = 0, 1, 2, 3, 130


def code_of(error: Exception) -> int:
    """The exit code of a command that raised."""
    if isinstance(error, NotConverged):
        return NOT_REACHED
    if isinstance(error, QmcError | typer.TyperException) and not isinstance(error, BackendFailed):
        return USAGE
    return FAILED
