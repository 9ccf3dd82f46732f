"""Multiplexed RY: one angle for each value of the controls, whole or with small terms left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmc.circuits.parity_walk import append_parity_ry
from qmc.circuits.sign_polynomials import SignPolynomial
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# numbers of coefficients to leave out that are tried
_TRIALS = 256


def multiplexed_ry(
    circuit: QuantumCircuit, angles: Array, controls: Sequence[int], target: int
) -> None:
    """Append RY(angles[c]) on `target` for each value c of the controls, by at most 2**n CX.

    Args:
        circuit: to append to.
        angles: (2**n,), index little-endian in the controls.
        controls: n qubits, lowest bit first.
        target: the rotated qubit.
    """
    append_parity_ry(circuit, as_polynomial(walsh_coefficients(angles)), controls, target)


def as_polynomial(coefficients: Array) -> SignPolynomial:
    """Walsh coefficients (2**n,) by the mask of their controls."""
    return dict(enumerate(coefficients.tolist()))


def walsh_coefficients(angles: Array) -> Array:
    """The w, (2**n,), with angles[c] = sum over k of w_k (-1)**popcount(c & k)."""
    return walsh_hadamard(angles) / angles.size


def walsh_hadamard(values: Array) -> Array:
    """Sum over j of (-1)**popcount(i & j) values[j], (2**n,), in n 2**n additions."""
    result = np.asarray(values, dtype=np.float64)
    for bit in range(values.size.bit_length() - 1):
        pairs = result.reshape(-1, 2, 2**bit)
        result = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).ravel()
    return result


def flag_coefficients(flags: Array) -> Array:
    """Walsh coefficients (2**n,) of the angles that make P(flag = 1 | cell) these flags."""
    return walsh_coefficients(2.0 * np.arcsin(np.sqrt(flags)))


@dataclass(frozen=True, slots=True, eq=False)
class Truncation:
    """A multiplexed rotation with small coefficients left out.

    Attributes:
        coefficients: (2**n,), those left out are 0.
        flags: (2**n,) what the shorter circuit does, sin^2 of half its angle in each cell.
        error: expected |flags - wanted flags| over the cells, a bound on the amplitude's error.
    """

    coefficients: Array
    flags: Array
    error: float


def truncate(flags: Array, probabilities: Array, negligible: float) -> Truncation:
    """Leave out as many small Walsh coefficients of the angles as the bound allows.

    Write f_c for the wanted flag of cell c, g_c for the shorter circuit's and q_c for the cell's
    probability. The amplitude moves by |sum_c q_c (g_c - f_c)| <= sum_c q_c |g_c - f_c|, and that
    sum, taken over the table itself, is the `error`, at most `negligible`. It is never more than
    half the sum of the left-out |w_k|: each angle moves by no more than their sum, and
    sin^2(x / 2) has slope sin(x) / 2. Smallest coefficients go first.

    Args:
        flags: (2**n,) wanted P(flag = 1 | cell), within [0, 1].
        probabilities: (2**n,) of the cells, as the circuit loads them.
        negligible: the most that the amplitude may move, > 0.
    """
    coefficients = flag_coefficients(flags)
    order = np.argsort(np.abs(coefficients), kind="stable")

    def without(count: int) -> Truncation:
        kept = coefficients.copy()
        kept[order[:count]] = 0.0
        done = np.sin(0.5 * walsh_hadamard(kept)) ** 2
        return Truncation(kept, done, float(probabilities @ np.abs(done - flags)))

    # the error does not quite grow with the number left out: try from the most down
    for count in np.linspace(order.size, 1, min(order.size, _TRIALS), dtype=np.int64):
        tried = without(int(count))
        if tried.error <= negligible:
            return tried
    return Truncation(coefficients, flags, 0.0)
