"""Phase estimation of the Grover operator: phase register, controlled powers, inverse QFT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmc import checks
from qmc.circuits.amplitude_problem import AmplitudeProblem, require_problem

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


def phase_circuit(
    problem: AmplitudeProblem, bits: int, state: QuantumCircuit | None = None
) -> QuantumCircuit:
    """A, then the phase of Q in a register; not measured.

    Qubits: those of A first, then `bits` of the phase register, lowest bit first, so that the
    register's value y is near 2^bits theta / pi or 2^bits (1 - theta / pi), amplitude =
    sin^2 theta (Brassard, Hoyer, Mosca and Tapp 2002, arXiv:quant-ph/0005055, figure 1).

    Only the two reflections of Q are controlled: without them A and its inverse cancel. Each is
    one multi-controlled gate, which simulators apply at once. 2^bits - 1 operators in all.

    Args:
        problem: gives A and the flag.
        bits: qubits of the phase register, at least 1.
        state: a compiled version of A to use instead of `problem.circuit`.

    Raises:
        InvalidProblem: for anything but an `AmplitudeProblem`, and fewer than one bit.
    """
    from qiskit.circuit import QuantumCircuit
    from qiskit.synthesis import synth_qft_full

    require_problem(problem)
    checks.whole("bits", bits, 1)
    state = problem.circuit if state is None else state
    count = problem.num_qubits
    register = range(count, count + bits)
    circuit = QuantumCircuit(count + bits, name="phase estimation")
    circuit.compose(state, range(count), inplace=True)
    circuit.h(register)
    # Q of `grover_operator` is minus that of the reference: a sign on odd powers
    circuit.z(count)
    for bit, control in enumerate(register):
        grover = controlled_grover(problem, state, control, circuit.num_qubits)
        for _ in range(2**bit):
            circuit.compose(grover, inplace=True)
    circuit.compose(synth_qft_full(bits, inverse=True), register, inplace=True)
    return circuit


def controlled_grover(
    problem: AmplitudeProblem, state: QuantumCircuit, control: int, num_qubits: int
) -> QuantumCircuit:
    """Q = A S_0 A^dagger S_flag where `control` is 1, on `num_qubits` qubits, no ancilla."""
    from qiskit.circuit import QuantumCircuit

    qubits = list(range(problem.num_qubits))
    circuit = QuantumCircuit(num_qubits, name="controlled Q")
    circuit.cz(control, problem.flag)
    circuit.compose(state.inverse(), qubits, inplace=True)
    circuit.x(qubits)
    circuit.h(qubits[-1])
    circuit.mcx([control, *qubits[:-1]], qubits[-1])
    circuit.h(qubits[-1])
    circuit.x(qubits)
    circuit.compose(state, qubits, inplace=True)
    return circuit
