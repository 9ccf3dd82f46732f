"""What a circuit A must be before anything reflects about the state that it prepares."""

from __future__ import annotations

from qmc import checks

# what no inverse undoes, or what qiskit inverts into something that prepares nothing
_NOT_UNITARY = {"measure", "reset", "initialize", "kraus", "superop", "quantum_channel"}


def require_unitary(name: str, circuit: object, qubits: int) -> None:
    """Refuse what Q = A S_0 A^dagger S_flag cannot be made of.

    Args:
        name: of the circuit, for the message.
        circuit: what is given as A.
        qubits: that it must have.

    Raises:
        InvalidProblem: for no circuit, another number of qubits, free parameters, classical bits,
            measurements and whatever else is not unitary.
    """
    from qiskit.circuit import QuantumCircuit

    if not isinstance(circuit, QuantumCircuit):
        raise checks.refuse(name, circuit, "a qiskit QuantumCircuit")
    if circuit.num_qubits != qubits:
        allowed = f"on {qubits} qubits, num_qubits of the problem"
        hint = "num_qubits counts the flag and every ancilla"
        raise checks.refuse(name, f"a circuit on {circuit.num_qubits} qubits", allowed, hint)
    if circuit.parameters:
        free = ", ".join(sorted(one.name for one in circuit.parameters))
        raise checks.refuse(name, free, "without free parameters", "assign them first")
    found = sorted(_NOT_UNITARY & set(circuit.count_ops()))
    if found or circuit.num_clbits or circuit.has_control_flow_op():
        given = ", ".join(found) or f"{circuit.num_clbits} classical bits"
        hint = "A is run backwards in Q; the backend measures the flag itself"
        raise checks.refuse(name, given, "unitary gates only", hint)
