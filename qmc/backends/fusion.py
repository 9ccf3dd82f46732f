"""Gates multiplied into small unitaries, once: a simulator then has fewer operations to apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qiskit.circuit import CircuitInstruction, QuantumCircuit

Matrix = NDArray[np.complex128]
# measured best on 6 to 10 qubits, where an operation's overhead outweighs its arithmetic
BLOCK_QUBITS = 4


def fuse(circuit: QuantumCircuit, qubits: int = BLOCK_QUBITS) -> QuantumCircuit:
    """The same circuit, runs of gates on at most `qubits` qubits multiplied into one unitary.

    This is the gate fusion that simulators do at every run (Haner and Steiger 2017,
    arXiv:1704.01127, section 3.1), done once for a circuit that is repeated. Order is kept; a
    larger gate stays as it is.
    """
    from qiskit.circuit.library import UnitaryGate

    fused = circuit.copy_empty_like()
    for run in _runs(circuit, qubits):
        touched = sorted({index for _, indices in run for index in indices})
        if len(touched) > qubits or len(run) == 1:
            for one, indices in run:
                fused.append(one.operation, indices)
            continue
        product = np.eye(2 ** len(touched), dtype=np.complex128)
        for one, indices in run:
            places = [touched.index(index) for index in indices]
            product = _applied(np.asarray(one.operation.to_matrix()), places, product)
        fused.append(UnitaryGate(product, check_input=False), touched)
    return fused


def _runs(
    circuit: QuantumCircuit, qubits: int
) -> list[list[tuple[CircuitInstruction, tuple[int, ...]]]]:
    """Consecutive gates that together touch at most `qubits` qubits."""
    runs: list[list[tuple[CircuitInstruction, tuple[int, ...]]]] = []
    touched: set[int] = set()
    places = {bit: index for index, bit in enumerate(circuit.qubits)}
    for one in circuit.data:
        indices = tuple(places[bit] for bit in one.qubits)
        if not runs or len(touched.union(indices)) > qubits:
            runs.append([])
            touched = set()
        runs[-1].append((one, indices))
        touched |= set(indices)
    return runs


def _applied(gate: Matrix, places: Sequence[int], product: Matrix) -> Matrix:
    """Gate times product: `gate` (2**g, 2**g) on qubits `places` of the 2**m rows, little-endian."""
    count = product.shape[0].bit_length() - 1
    axes = [count - 1 - place for place in reversed(places)]
    gate_axes = range(len(places), 2 * len(places))
    tensor = product.reshape((2,) * count + (-1,))
    moved = np.tensordot(gate.reshape((2,) * 2 * len(places)), tensor, (tuple(gate_axes), axes))
    return np.ascontiguousarray(
        np.moveaxis(moved, range(len(places)), axes).reshape(product.shape)
    )
