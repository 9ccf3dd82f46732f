"""Loaders: put the square roots of cell probabilities into a register."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

LOADERS = ("auto", "tree")
_UNIFORM = 1e-15


def load(
    circuit: QuantumCircuit, qubits: Sequence[int], probabilities: Array, loader: str = "auto"
) -> None:
    """Append a preparation of sum_i sqrt(p_i) |i> on zeroed qubits, little-endian.

    Args:
        circuit: to append to.
        qubits: n of them, lowest bit first.
        probabilities: (2**n,), >= 0, sum 1.
        loader: "auto" takes one Hadamard a qubit where all probabilities are equal, else the
            tree; "tree" always takes the tree. Both are exact.

    The tree splits probability from the highest bit down by multiplexed RY, at most 2**n - 2 CX
    (Mottonen et al. 2005, arXiv:quant-ph/0407010, section 2).
    """
    checks.choice("loader", loader, LOADERS)
    if loader == "auto" and np.ptp(probabilities) <= _UNIFORM:
        for qubit in qubits:
            circuit.h(qubit)
        return
    count = len(qubits)
    for level in reversed(range(count)):
        halves = probabilities.reshape(2 ** (count - 1 - level), 2, 2**level).sum(axis=2)
        angles = 2.0 * np.arctan2(np.sqrt(halves[:, 1]), np.sqrt(halves[:, 0]))
        multiplexed_ry(circuit, angles, qubits[level + 1 :], qubits[level])


def multiplexed_ry(
    circuit: QuantumCircuit, angles: Array, controls: Sequence[int], target: int
) -> None:
    """Append RY(angles[c]) on `target` for each value c of the controls, by at most 2**n CX.

    Args:
        circuit: to append to.
        angles: (2**n,), index little-endian in the controls.
        controls: n qubits, lowest bit first.
        target: the rotated qubit.

    Gray-code construction of Mottonen et al. 2004 (arXiv:quant-ph/0404089, section 2): rotation i
    sees the sign (-1)**(c . gray(i)), so its angle is a Walsh-Hadamard coefficient.
    """
    count = len(controls)
    if not np.any(angles):
        return
    coefficients = _walsh_hadamard(angles) / angles.size
    for step in range(angles.size):
        circuit.ry(float(coefficients[step ^ (step >> 1)]), target)
        if count:
            changed = ((step + 1) & -(step + 1)).bit_length() - 1
            circuit.cx(controls[min(changed, count - 1)], target)


def _walsh_hadamard(values: Array) -> Array:
    """Sum over j of (-1)**popcount(i & j) values[j], (2**n,), in n 2**n additions."""
    result = np.asarray(values, dtype=np.float64)
    for bit in range(values.size.bit_length() - 1):
        pairs = result.reshape(-1, 2, 2**bit)
        result = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).ravel()
    return result
