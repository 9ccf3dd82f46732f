"""Rotations by an angle that is a polynomial in bits: few parities instead of 2**n angles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# mask of bits -> coefficient of the product of their signs (-1)**bit; mask 0 is the constant
SignPolynomial: TypeAlias = dict[int, float]

_NEGLIGIBLE = 1e-15


def affine(intercept: float, slope: float, masks: Sequence[int]) -> SignPolynomial:
    """The line intercept + slope * i of the integer i = sum_j 2**j bit_j, in signs.

    Args:
        intercept: at i = 0.
        slope: a unit of i.
        masks: the mask of each bit, lowest bit first; bit_j = (1 - sign_j) / 2.

    >>> affine(1.0, 2.0, (1, 2))
    {0: 4.0, 1: -1.0, 2: -2.0}
    """
    result = {0: intercept + 0.5 * slope * (2.0 ** len(masks) - 1.0)}
    for bit, mask in enumerate(masks):
        result[mask] = -0.5 * slope * 2.0**bit
    return result


def add(*polynomials: SignPolynomial) -> SignPolynomial:
    """The sum of sign polynomials."""
    result: SignPolynomial = {}
    for polynomial in polynomials:
        for mask, coefficient in polynomial.items():
            result[mask] = result.get(mask, 0.0) + coefficient
    return result


def multiply(first: SignPolynomial, second: SignPolynomial) -> SignPolynomial:
    """The product of two sign polynomials; a sign squared is 1, so masks combine by xor."""
    result: SignPolynomial = {}
    for mask, coefficient in first.items():
        for other, factor in second.items():
            result[mask ^ other] = result.get(mask ^ other, 0.0) + coefficient * factor
    return result


def substitute(coefficients: Sequence[float], argument: SignPolynomial) -> SignPolynomial:
    """The sum of coefficients[k] argument**k by Horner's rule."""
    result: SignPolynomial = {0: 0.0}
    for coefficient in reversed(coefficients):
        result = add(multiply(result, argument), {0: coefficient})
    return result


def from_angles(angles: Array) -> SignPolynomial | None:
    """The sign polynomial of 2**n angles if it is affine in their index's bits, else None.

    >>> from_angles(np.array([0.0, 1.0, 4.0, 5.0]))
    {0: 2.5, 1: -0.5, 2: -2.0}
    >>> from_angles(np.array([0.0, 0.0, 0.0, 1.0])) is None
    True
    """
    count = angles.size.bit_length() - 1
    steps = [float(angles[2**bit] - angles[0]) for bit in range(count)]
    index = np.arange(angles.size)
    fitted = angles[0] + sum(
        (((index >> bit) & 1) * step for bit, step in enumerate(steps)), np.zeros(angles.size)
    )
    if np.max(np.abs(fitted - angles)) > 1e-14 * max(1.0, float(np.max(np.abs(angles)))):
        return None
    result = {0: float(angles[0]) + 0.5 * sum(steps)}
    result.update({1 << bit: -0.5 * step for bit, step in enumerate(steps)})
    return result


def append_parity_ry(
    circuit: QuantumCircuit, polynomial: SignPolynomial, controls: Sequence[int], target: int
) -> None:
    """Append RY(angle) on `target`, the angle a sign polynomial in the controls.

    An RY between two CX of one control turns by minus its angle where the control is 1, so a term
    costs one RY between CX of its bits. Terms commute; each is followed by one near it, which
    shares CX. An affine angle costs 2n CX.

    Args:
        circuit: to append to.
        polynomial: angle in radians; bit j of a mask is controls[j].
        controls: qubits.
        target: the rotated qubit.
    """
    kept = [mask for mask, value in polynomial.items() if abs(value) > _NEGLIGIBLE]
    current = 0
    for mask in _walk(kept):
        _toggle(circuit, current ^ mask, controls, target)
        circuit.ry(polynomial[mask], target)
        current = mask
    _toggle(circuit, current, controls, target)


def _toggle(circuit: QuantumCircuit, mask: int, controls: Sequence[int], target: int) -> None:
    for bit, control in enumerate(controls):
        if mask >> bit & 1:
            circuit.cx(control, target)


def _walk(masks: Sequence[int]) -> Iterator[int]:
    """Visit all masks, each time one that differs in the fewest bits from the last, from 0 on."""
    left = np.array(sorted(masks), dtype=np.int64)
    current = 0
    while left.size:
        nearest = int(np.argmin(np.bitwise_count(left ^ current)))
        current = int(left[nearest])
        left = np.delete(left, nearest)
        yield current
