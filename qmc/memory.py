"""Refusal before allocation: compare what is needed with what the machine has."""

from __future__ import annotations

from qmc.errors import TooLarge

# measured peak of building, handing over and running a circuit on Aer, an instruction
BYTES_AN_INSTRUCTION = 700.0
BYTES_AN_AMPLITUDE = 16.0
_GIB = 2.0**30


def available_bytes() -> int:
    """Memory that can be had without swapping, in bytes."""
    import psutil

    return int(psutil.virtual_memory().available)


def require(needed: float, what: str, shrink: str) -> None:
    """Raise `TooLarge` when `needed` bytes are more than the machine has available.

    Args:
        needed: bytes.
        what: what they would hold.
        shrink: how to need less.
    """
    available = available_bytes()
    if needed > available:
        msg = (
            f"{what} needs {needed / _GIB:.3g} GiB, {available / _GIB:.3g} GiB is available; "
            f"{shrink}"
        )
        raise TooLarge(msg)
