"""Gates multiplied into fewer operations, once: a simulator then has less to apply at each Q."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qiskit.circuit import Gate, QuantumCircuit

Matrix = NDArray[np.complex128]
# measured best on 6 to 10 qubits, where an operation's overhead outweighs its arithmetic
BLOCK_QUBITS = 4


class Step(NamedTuple):
    """A gate and its qubits."""

    gate: Gate
    qubits: tuple[int, ...]


def fuse(circuit: QuantumCircuit, qubits: int = BLOCK_QUBITS) -> QuantumCircuit:
    """The same unitary by fewer operations; gates keep their order.

    Runs of gates on at most `qubits` qubits are multiplied into one matrix, the fusion that
    simulators do anew at every run (Haner and Steiger 2017, arXiv:1704.01127). A
    longer run of RY and CX on one target, as a multiplexed rotation is, multiplies to a rotation
    by an angle for each value of the controls, which is diagonal in the basis of Y.

    Args:
        circuit: of gates, not measured.
        qubits: of a dense matrix.
    """
    steps = _steps(circuit)
    spread = [one for run in _rotations(steps) for one in _diagonal(run, qubits)]
    fused = circuit.copy_empty_like()
    for run in _blocks(spread, qubits):
        gate, places = _product(run) if len(run) > 1 else run[0]
        fused.append(gate, places)
    return fused


def _steps(circuit: QuantumCircuit) -> list[Step]:
    places = {bit: index for index, bit in enumerate(circuit.qubits)}
    return [Step(one.operation, tuple(places[bit] for bit in one.qubits)) for one in circuit.data]


def _rotations(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Runs of RY and CX with one target; anything else stands alone."""
    for target, run in itertools.groupby(steps, key=_target):
        if target is None:
            yield from ([one] for one in run)
        else:
            yield list(run)


def _target(one: Step) -> int | None:
    return one.qubits[-1] if one.gate.name in {"ry", "cx"} else None


def _diagonal(run: Sequence[Step], qubits: int) -> list[Step]:
    """A run of RY and CX on many qubits as one diagonal gate, the target turned there and back.

    X RY(a) X = RY(-a): with the CX moved to the end, each value of the controls sees its own sum of
    angles, and RY(a) = S H exp(-i a Z / 2) H S^dagger.
    """
    from qiskit.circuit.library import CXGate, DiagonalGate, HGate, SdgGate, SGate

    target = run[0].qubits[-1]
    controls = sorted({one.qubits[0] for one in run if len(one.qubits) > 1})
    # a gate that is neither RY nor CX stands alone
    if len(run) == 1 or len(controls) < qubits:
        return list(run)
    values = np.arange(2 ** len(controls))
    signs, angles = np.ones(values.size), np.zeros(values.size)
    odd: set[int] = set()
    for gate, places in run:
        if gate.name == "ry":
            angles += signs * float(gate.params[0])
        else:
            signs *= 1.0 - 2.0 * (values >> controls.index(places[0]) & 1)
            odd ^= {places[0]}
    turned = np.exp(np.concatenate([-0.5j * angles, 0.5j * angles]))
    return [
        Step(SdgGate(), (target,)),
        Step(HGate(), (target,)),
        Step(DiagonalGate(turned), (*controls, target)),
        Step(HGate(), (target,)),
        Step(SGate(), (target,)),
        *(Step(CXGate(), (control, target)) for control in sorted(odd)),
    ]


def _blocks(steps: Sequence[Step], qubits: int) -> list[list[Step]]:
    """Consecutive gates that together touch at most `qubits` qubits; a larger one is alone."""
    runs: list[list[Step]] = []
    touched: set[int] = set()
    for one in steps:
        if not runs or len(touched.union(one.qubits)) > qubits:
            runs.append([])
            touched = set()
        runs[-1].append(one)
        touched |= set(one.qubits)
    return runs


def _product(run: Sequence[Step]) -> Step:
    """One gate for several, by their matrices."""
    from qiskit.circuit.library import UnitaryGate
    from qiskit.quantum_info import Operator

    touched = sorted({qubit for one in run for qubit in one.qubits})
    product = np.eye(2 ** len(touched), dtype=np.complex128)
    for gate, qubits in run:
        places = [touched.index(qubit) for qubit in qubits]
        # a multi-controlled X knows its matrix only as an operator
        matrix = Operator(gate).data if gate.name == "mcx" else np.asarray(gate.to_matrix())
        product = _applied(matrix, places, product)
    return Step(UnitaryGate(product, check_input=False), tuple(touched))


def _applied(gate: Matrix, places: Sequence[int], product: Matrix) -> Matrix:
    """Gate times product: (2**g, 2**g) on qubits `places` of the (2**m, 2**m), little-endian."""
    count, size = product.shape[0].bit_length() - 1, len(places)
    axes = [count - 1 - place for place in reversed(places)]
    tensor = product.reshape((2,) * count + (-1,))
    inner = list(range(size, 2 * size))
    moved = np.tensordot(gate.reshape((2,) * 2 * size), tensor, (inner, axes))
    return np.ascontiguousarray(np.moveaxis(moved, range(size), axes).reshape(product.shape))
