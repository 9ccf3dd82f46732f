"""Rotations by parities of controls, in an order that takes few CX: the one such walk here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qmc.circuits.sign_polynomials import SignPolynomial

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# a coefficient no larger is rounding: N of them move an angle by sqrt(N) * 4e-16 on average
_ROUNDING = 2.0**-51
# the nearest-first order takes the square of this many steps
_SORTED_TERMS = 2048


def append_parity_ry(
    circuit: QuantumCircuit, angle: SignPolynomial, controls: Sequence[int], target: int
) -> None:
    """Append RY(angle) on `target`, the angle a sign polynomial in the controls.

    Between CX from the controls of a mask, RY(w) turns by w times the product of their signs, so
    each term costs one RY. Terms commute; from one to the next it takes a CX for each control in
    which they differ (Mottonen et al. 2004, arXiv:quant-ph/0404089, section 2). An angle that is
    affine in the bits costs 2n CX, one with all 2**n terms 2**n.

    Args:
        circuit: to append to.
        angle: radians; bit j of a mask is controls[j].
        controls: qubits.
        target: the rotated qubit.
    """
    parity = 0
    for mask in walk(angle):
        _change_parity(circuit, parity ^ mask, controls, target)
        circuit.ry(float(angle[mask]), target)
        parity = mask
    _change_parity(circuit, parity, controls, target)


def _change_parity(
    circuit: QuantumCircuit, changed: int, controls: Sequence[int], target: int
) -> None:
    for bit, control in enumerate(controls):
        if changed >> bit & 1:
            circuit.cx(control, target)


def cx_count(angle: SignPolynomial) -> int:
    """CX that `append_parity_ry` appends."""
    return _length(np.array(walk(angle), dtype=np.int64))


def walk(angle: SignPolynomial) -> tuple[int, ...]:
    """Masks of the terms that are more than rounding, in an order that takes few CX.

    The better of Gray-code order, best when all terms are there, and nearest first.

    >>> walk({0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4}), walk({0: 0.1, 2: 0.0, 3: 0.2})
    ((0, 1, 3, 2), (0, 3))
    """
    kept = [mask for mask, coefficient in angle.items() if abs(coefficient) > _ROUNDING]
    masks = np.array(kept, dtype=np.int64)
    gray = masks[np.argsort(_gray_rank(masks))]
    # fewer CX than terms there cannot be
    if _length(gray) <= gray.size or gray.size > _SORTED_TERMS:
        return tuple(gray.tolist())
    nearest = np.fromiter(_nearest_first(gray), dtype=np.int64, count=gray.size)
    return tuple(min(gray, nearest, key=_length).tolist())


def _gray_rank(masks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each mask stands in Gray-code order: the xor of all its right shifts."""
    rank = masks.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        rank ^= rank >> shift
    return rank


def _length(masks: NDArray[np.int64]) -> int:
    """Controls that change along a walk from 0 through the masks and back to 0."""
    path = np.concatenate([[0], masks, [0]])
    return int(np.bitwise_count(path[1:] ^ path[:-1]).sum())


def _nearest_first(masks: NDArray[np.int64]) -> Iterator[int]:
    """Always on to the mask that differs in fewest controls; ties by the given order."""
    left, current = masks, 0
    while left.size:
        nearest = int(np.argmin(np.bitwise_count(left ^ current)))
        current = int(left[nearest])
        left = np.delete(left, nearest)
        yield current
