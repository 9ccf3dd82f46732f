"""`Staircase`: a loader whose size grows with the number of qubits, for smooth laws."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks, memory
from qmc.circuits.loaders import LoadedLaw, Tree, checked_law, fitting_law
from qmc.circuits.staircase_fit import StaircaseFit
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

_J = np.array([[0.0, -1.0], [1.0, 0.0]])
_X = np.array([[0.0, 1.0], [1.0, 0.0]])
_Z = np.diag([1.0, -1.0])
_ONE = np.eye(2)
# two sets of quaternion units (1, i, j, ij) that commute with each other and span 4 x 4 matrices;
# i turns one qubit, j is what a turn between two CX becomes
_UPPER = tuple(np.kron(*pair) for pair in ((_ONE, _ONE), (_J, _ONE), (_Z, _J), (_X, _J)))
_LOWER = tuple(np.kron(*pair) for pair in ((_ONE, _ONE), (_ONE, _J), (_J, _X), (-_J, _Z)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Staircase:
    """Rotations of neighbouring pairs down the register, `layers` times: 2 (n - 1) layers CX.

    Each pair's gate is any rotation in SO(4), two CX and RYs. A smooth law's square roots are
    nearly a matrix product state of small bond dimension, which such a circuit makes (Ran 2020,
    arXiv:1908.07958; Holmes and Matsuura 2020, arXiv:2005.04351, for smooth functions). The gates
    are fitted classically by local sweeps, without random numbers, to the same bits each time:
    below a second for 10 qubits, a few for 14. Fits are kept and found again by value.

    Approximate: `loaded` gives the law that the circuit really prepares and its distance from the
    one asked for, in total variation; for a normal law on 10 to 14 qubits less than 1e-3 with three
    layers. A law without such smoothness is loaded badly, and the distance says so. Where `Tree`
    takes no more CX, as on few qubits (up to 4 at three layers) or for few cells, the tree is
    taken: exact, and never dearer.

    Attributes:
        layers: repetitions of the staircase, 1 or more.
        sweeps: the most times that the fit goes back and forth, 1 or more.

    Raises:
        InvalidProblem: for fields out of range.
        TooLarge: from `loaded` and `append`, when a fit would not fit the machine's memory.

    >>> bell = np.exp(-0.5 * np.linspace(-3.0, 3.0, 32) ** 2)
    >>> law = Staircase(layers=2, sweeps=20).loaded(bell / bell.sum())
    >>> law.two_qubit_gates, law.total_variation < 0.01
    (16, True)
    """

    layers: int = 3
    sweeps: int = 100

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        checks.whole("layers", self.layers, 1, 100, "2 or 3 suffice for smooth laws")
        checks.whole("sweeps", self.sweeps, 1)

    def loaded(self, probabilities: Array) -> LoadedLaw:
        """The law of the fitted circuit and its distance from the one asked for."""
        law = checked_law(probabilities)
        tree = Tree().loaded(law)
        if tree.two_qubit_gates <= self._two_qubit_gates(law):
            return tree
        _, state = _fitted(law.tobytes(), self.layers, self.sweeps)
        prepared = state**2
        prepared /= prepared.sum()
        distance = 0.5 * float(np.abs(prepared - law).sum())
        return LoadedLaw(prepared, distance, self._two_qubit_gates(law))

    def append(self, circuit: QuantumCircuit, qubits: Sequence[int], probabilities: Array) -> None:
        """Append the fitted circuit, turns of a qubit that follow each other made one."""
        law = fitting_law(circuit, qubits, probabilities)
        if Tree().loaded(law).two_qubit_gates <= self._two_qubit_gates(law):
            Tree().append(circuit, qubits, law)
            return
        gates, _ = _fitted(law.tobytes(), self.layers, self.sweeps)
        _append_gates(circuit, qubits, gates)

    def _two_qubit_gates(self, law: Array) -> int:
        """CX of the staircase, were it taken."""
        pairs = law.size.bit_length() - 2
        return 2 * pairs * self.layers


def _append_gates(circuit: QuantumCircuit, qubits: Sequence[int], gates: Array) -> None:
    """Append rotations (layers * (n - 1), 4, 4) of neighbouring pairs, the highest pair first."""
    pairs = len(qubits) - 1
    turns = dict.fromkeys(qubits, 0.0)
    for index, gate in enumerate(gates):
        upper, lower = qubits[pairs - index % pairs], qubits[pairs - index % pairs - 1]
        first, middle, last = so4_angles(gate)
        for before in (first, middle):
            for qubit, angle in zip((upper, lower), before, strict=True):
                circuit.ry(turns[qubit] + angle, qubit)
                turns[qubit] = 0.0
            circuit.cx(upper, lower)
        turns[upper], turns[lower] = last
    for qubit, angle in turns.items():
        circuit.ry(angle, qubit)


@functools.lru_cache(maxsize=64)
def _fitted(law: bytes, layers: int, sweeps: int) -> tuple[Array, Array]:
    """Gates and state, both read-only, for a law's float64 bytes."""
    qubits = (len(law) // 8).bit_length() - 1
    memory.require(
        2.0 * layers * (qubits - 1) * len(law),
        f"the states of a fit of {layers} layers on {qubits} qubits",
        "take fewer layers or qubits, or Tree()",
    )
    fit = StaircaseFit(np.sqrt(np.frombuffer(law)), layers)
    fit.run(sweeps)
    state = fit.state()
    for array in (fit.gates, state):
        array.setflags(write=False)
    return fit.gates, state


Turns = tuple[float, float]


def so4_angles(gate: Array) -> tuple[Turns, Turns, Turns]:
    """RY angles (upper, lower) before, between and after two CX that make a rotation in SO(4).

    SO(4) is two commuting copies of the unit quaternions. Each has Euler angles i, j, i with i a
    turn RY of one qubit, and a turn of the upper (lower) qubit between two CX from upper to lower
    is the j of the lower's (upper's) copy (Vatan and Williams 2004, arXiv:quant-ph/0308006,
    section II).

    Args:
        gate: (4, 4) of determinant 1, index 2 * (upper bit) + (lower bit).
    """
    products = np.array([[np.sum((one @ two) * gate) for two in _LOWER] for one in _UPPER]) / 4.0
    # an outer product of two unit quaternions; the sign is theirs together
    left, weights, right = np.linalg.svd(products)
    upper = _euler(left[:, 0] * weights[0])
    lower = _euler(right[0])
    return (upper[2], lower[2]), (lower[1], upper[1]), (upper[0], lower[0])


def _euler(quaternion: Array) -> tuple[float, float, float]:
    """(a, b, c) with exp(i a / 2) exp(j b / 2) exp(i c / 2) the quaternion (1, i, j, ij)."""
    real, i, j, k = quaternion
    total, difference = 2.0 * np.arctan2(i, real), 2.0 * np.arctan2(k, j)
    middle = 2.0 * np.arctan2(np.hypot(j, k), np.hypot(real, i))
    return (
        float(0.5 * (total + difference)),
        float(middle),
        float(0.5 * (total - difference)),
    )
