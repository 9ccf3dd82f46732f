"""Circuits as OpenQASM 3 text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmc import checks, memory
from qmc.backends.isa import preset_passes
from qmc.circuits import AmplitudeProblem
from qmc.circuits.grover import grover_operator

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# gates of stdgates.inc (OpenQASM 3, Cross et al. 2022, arXiv:2104.14722, appendix)
_GATES = (
    "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "p", "rx", "ry", "rz", "cx", "cy", "cz",
    "ch", "cp", "crx", "cry", "crz", "swap", "ccx", "cswap",
)  # fmt: skip


def to_qasm3(
    problem: AmplitudeProblem | QuantumCircuit,
    power: int = 0,
    measured: bool = True,
    *,
    flat: bool = False,
) -> str:
    """A, and Q `power` times, as OpenQASM 3 over the gates of stdgates.inc.

    Qubits `q` are those of A and, from power 1 on, Q's clean ancilla, the last one; bit `c[0]` is
    the measured flag. A bare circuit is written as it is, all qubits measured into `c` where it
    has no measurement of its own; Q alone is to_qasm3(grover_operator(problem), measured=False).

    Args:
        problem: an amplitude problem, or any circuit without free parameters.
        power: k of A Q^k; 0 for a bare circuit.
        measured: ends with a measurement.
        flat: True writes every gate out, for readers without gate definitions: qiskit's own,
            `qiskit.qasm3.loads_experimental`, reads back the same unitary, up to a global phase.
            False, the default, defines A and Q once, and the text grows by one line a power;
            qiskit's built-in reader refuses it ("can't handle non-built-in gate"), Microsoft's
            qdk reads it.

    Raises:
        InvalidProblem: for something else, a negative power, a power of a bare circuit, or free
            parameters.
        TooLarge: when the circuit written out would not fit the machine.

    >>> from qmc import BlackScholes, Call, LawGrid, MultiplexedRotation, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.20, rate=0.05)
    >>> call = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> problem = MultiplexedRotation().encode(LawGrid(qubits=1).discretise(call))
    >>> print(to_qasm3(problem, flat=True))
    OPENQASM 3.0;
    include "stdgates.inc";
    bit[1] c;
    qubit[2] q;
    h q[0];
    ry(1.5707963267948966) q[1];
    cx q[0], q[1];
    ry(-1.5707963267948966) q[1];
    cx q[0], q[1];
    c[0] = measure q[1];
    <BLANKLINE>
    """
    from qiskit import qasm3

    power = checks.whole("power", power, 0)
    for name, given in (("measured", measured), ("flat", flat)):
        if not isinstance(given, bool):
            raise checks.refuse(name, given, "True or False")
    if isinstance(problem, AmplitudeProblem):
        circuit = _powered(problem, power, measured=measured, flat=flat)
    else:
        circuit = _bare(problem, power, measured=measured)
    # "pi/2" for a number 1e-9 off it is not the same angle, and some readers take numbers only
    return str(qasm3.dumps(circuit, disable_constants=True))


def _powered(
    problem: AmplitudeProblem, power: int, *, measured: bool, flat: bool
) -> QuantumCircuit:
    from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister

    qubits = QuantumRegister(problem.num_qubits + (power > 0), "q")
    circuit = QuantumCircuit(qubits, name=f"A Q^{power}")
    parts = [(_plain(problem.circuit), "A", 1)]
    if power:
        parts.append((_plain(grover_operator(problem)), "Q", power))
    size = sum(part.size() * times for part, _, times in parts) if flat else power
    memory.require(
        memory.BYTES_AN_INSTRUCTION * float(size),
        f"a circuit of {size:,} instructions",
        "take a smaller power" + (", or flat=False, one line a power" if flat else ""),
    )
    for part, name, times in parts:
        gate = part.to_gate(label=name)
        gate.name = name
        for _ in range(times):
            if flat:
                circuit.compose(part, range(part.num_qubits), inplace=True)
            else:
                circuit.append(gate, range(part.num_qubits))
    if measured:
        bits = ClassicalRegister(1, "c")
        circuit.add_register(bits)
        circuit.measure(qubits[problem.flag], bits[0])
    return circuit


def _bare(given: object, power: int, *, measured: bool) -> QuantumCircuit:
    from qiskit.circuit import ClassicalRegister, QuantumCircuit

    if not isinstance(given, QuantumCircuit):
        raise checks.refuse("problem", given, "an AmplitudeProblem or a QuantumCircuit")
    if power:
        hint = "an AmplitudeProblem says what Q reflects about"
        raise checks.refuse("power", power, "0 for a bare circuit", hint)
    if given.parameters:
        free = ", ".join(sorted(one.name for one in given.parameters))
        raise checks.refuse("problem", free, "without free parameters", "assign them first")
    circuit = preset_passes(_GATES, 0).run(given)
    if measured and "measure" not in circuit.count_ops():
        bits = ClassicalRegister(circuit.num_qubits, "c")
        circuit.add_register(bits)
        circuit.measure(range(circuit.num_qubits), bits)
    return circuit


def _plain(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit over the standard gates; its global phase, which nothing can see, dropped."""
    plain = preset_passes(_GATES, 0).run(circuit)
    plain.global_phase = 0.0
    return plain
