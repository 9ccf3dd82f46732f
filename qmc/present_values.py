"""What a contract pays, asked in one place, so that every engine refuses the same mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qmc.errors import InvalidProblem

if TYPE_CHECKING:
    from qmc.problem import Array, Contract

# booleans, signed and unsigned integers, floats
_NUMBERS = "biuf"


def present_values(contract: Contract, paths: Array, discount: Array) -> Array:
    """Present values (n,) of a contract, float64; booleans and integers count as numbers.

    The contract is given its arrays read-only: what it wrote into would be priced wrongly.

    Args:
        contract: what pays.
        paths: (n, times, columns).
        discount: (times,).

    Raises:
        InvalidProblem: when the contract writes into its arguments or returns anything but one
            finite real number a path in a NumPy array.
    """
    given = _returned(contract, paths, discount)
    rows = len(paths)
    if not isinstance(given, np.ndarray):
        raise _refused(contract, f"a {type(given).__name__}", rows, "wrap it in np.asarray(...)")
    if given.shape != (rows,):
        raise _refused(contract, f"shape {given.shape}", rows, "reduce times and columns")
    if given.dtype.kind not in _NUMBERS:
        raise _refused(contract, f"dtype {given.dtype}", rows, "return real numbers")
    values = np.asarray(given, dtype=np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        hint = "look for 0/0, the log of what may be 0, a root of what may be negative"
        if not np.isfinite(paths).all():
            hint = "the model's paths are so themselves: take a smaller rate, vol or expiry"
        bad = f"{values[~finite][0]} for {np.count_nonzero(~finite):,}"
        raise _refused(contract, bad, rows, hint, " of")
    return values


def _returned(contract: Contract, paths: Array, discount: Array) -> object:
    """What `present_value` gives for read-only arguments."""
    arguments = np.asarray(paths).view(), np.asarray(discount).view()
    for one in arguments:
        one.setflags(write=False)
    try:
        return contract.present_value(*arguments)
    except ValueError as error:
        if isinstance(error, InvalidProblem) or "read-only" not in str(error):
            raise
        msg = (
            f"{type(contract).__name__}.present_value writes into its paths or discount factors "
            f"({error}): must leave them as they are; copy before writing"
        )
        raise InvalidProblem(msg) from error


def _refused(
    contract: Contract, given: str, rows: int, hint: str, joint: str = " for"
) -> InvalidProblem:
    paths = "1 path" if rows == 1 else f"{rows:,} paths"
    return InvalidProblem(
        f"{type(contract).__name__}.present_value gave {given}{joint} {paths}: must be one finite "
        f"number a path, a NumPy array of shape ({rows},); {hint}"
    )
