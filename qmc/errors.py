"""The errors of qmc. Every message says what was given, what is allowed and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qmc.result import Result


class QmcError(Exception):
    """Base class of every error that qmc raises on purpose."""


class InvalidProblem(QmcError, ValueError):
    """A value that cannot be priced: NaN, out of range, unsorted, duplicate, mis-shaped."""


class Unsupported(QmcError, TypeError):
    """A model, contract, measure or part that this engine cannot treat; names who can."""


class TooLarge(QmcError, MemoryError):
    """Work that would not fit the machine, refused before anything is allocated."""


class BackendFailed(QmcError, RuntimeError):
    """A simulator or device raised, or returned something other than what was asked for."""


class NotConverged(QmcError, RuntimeError):
    """The goal was not reached; raised only by `Result.require()`.

    Attributes:
        result: the `Result` with what was reached.
    """

    def __init__(self, message: str, result: Result) -> None:
        """Store the message and the unfinished result."""
        super().__init__(message)
        self.result = result
