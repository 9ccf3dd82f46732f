"""The measured circuit of phase estimation, for any backend that can read a register."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmc.backends.powers import require_instructions
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.rounds import PhaseRound

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

PHASE_REGISTER = "phase"


def measured_phases(problem: AmplitudeProblem, bits: int, state: QuantumCircuit) -> QuantumCircuit:
    """Phase estimation of Q, its register measured into the classical register "phase".

    Args:
        problem: gives A and the flag.
        bits: of the register.
        state: A, compiled or not.

    Raises:
        InvalidProblem: for a number of bits that no register has.
        TooLarge: when the circuit would not fit the machine.
    """
    from qiskit.circuit import ClassicalRegister

    from qmc.circuits.phase import phase_circuit

    require_instructions(float(state.size()), PhaseRound(bits, 1).power)
    circuit = phase_circuit(problem, bits, state)
    register = ClassicalRegister(bits, PHASE_REGISTER)
    circuit.add_register(register)
    circuit.measure(range(problem.num_qubits, problem.num_qubits + bits), register)
    return circuit
