"""Circuits of A Q^k: A compiled once, steers and powers put together from compiled parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from qmc import memory
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.errors import TooLarge

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# (power, steer): what tells one circuit of a problem from another
Key: TypeAlias = tuple[int, float]
REGISTER = "flag"
VALUES = "value"
# numbers of a state changed one after the other, about half an hour
MOST_WORK = 2.0**40


class PowerCircuits(Protocol):
    """Measured circuits of one amplitude problem."""

    def circuit(self, power: int, steer: float = 0.0) -> QuantumCircuit:
        """A, then Q `power` times, then a measurement of the flag into the register "flag"."""
        ...

    def keep(self, asked: Iterable[Key]) -> None:
        """Forget circuits that are not asked for now."""
        ...

    @property
    def operations(self) -> tuple[int, int]:
        """Of A and of Q, compiled."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """A and Q of one steer on the same number of qubits or A on fewer; the flag's index."""

    state: QuantumCircuit
    grover: QuantumCircuit
    flag: int


@dataclass(slots=True)
class ComposedCircuits:
    """Powers composed of a compiled A and Q, for machines whose qubits are all coupled.

    Attributes:
        problem: gives A and the flag.
        compiled: turns a circuit into the machine's gates, on the same qubits in the same order.
        ancilla: reflect with a clean ancilla.
    """

    problem: AmplitudeProblem
    compiled: Callable[[QuantumCircuit], QuantumCircuit]
    ancilla: bool
    _state: QuantumCircuit | None = None
    _parts: dict[float, Parts] = field(default_factory=dict)
    _circuits: dict[Key, QuantumCircuit] = field(default_factory=dict)

    def prepared(self) -> QuantumCircuit:
        """Compiled A."""
        if self._state is None:
            self._state = self.compiled(self.problem.circuit)
        return self._state

    def parts(self, steer: float = 0.0) -> Parts:
        """Compiled A and Q; a steer costs four gates more than what is compiled already."""
        if steer not in self._parts:
            from qmc.circuits import grover

            problem = self.problem
            state = self.prepared()
            if steer != 0.0:
                state = self.compiled(grover.steered_state(state, problem.flag, steer))
                problem = grover.steered_problem(problem, steer)
            operator = grover.grover_operator(problem, state, ancilla=self.ancilla)
            self._parts[steer] = Parts(state, self.compiled(operator), problem.flag)
        return self._parts[steer]

    @property
    def operations(self) -> tuple[int, int]:
        """Of A and of Q, compiled."""
        parts = self.parts()
        return parts.state.size(), parts.grover.size()

    def circuit(self, power: int, steer: float = 0.0) -> QuantumCircuit:
        """A, then Q `power` times, then a measurement of the flag."""
        key = (power, steer)
        if key not in self._circuits:
            parts = self.parts(steer)
            require_instructions(float(parts.state.size()), power)
            circuit = repeated(parts.state, parts.grover, power)
            measure(circuit, parts.flag)
            self._circuits[key] = circuit
        return self._circuits[key]

    def keep(self, asked: Iterable[Key]) -> None:
        """Drop what is not asked for: unrolled powers are large, steers many."""
        forget(asked, self._circuits, self._parts)


def forget(
    asked: Iterable[Key], circuits: dict[Key, QuantumCircuit], *by_steer: dict[float, Any]
) -> None:
    """Drop circuits that are not asked for, and what belongs to no asked steer, save none's."""
    asked = set(asked)
    for key in circuits.keys() - asked:
        del circuits[key]
    steers = {steer for _, steer in asked} | {0.0}
    for parts in by_steer:
        for steer in parts.keys() - steers:
            del parts[steer]


def repeated(state: QuantumCircuit, grover: QuantumCircuit, power: int) -> QuantumCircuit:
    """A, then Q `power` times, on Q's qubits."""
    circuit = grover.copy_empty_like(name="A Q^k")
    circuit.compose(state, range(state.num_qubits), inplace=True)
    for _ in range(power):
        circuit.compose(grover, inplace=True, copy=False)
    return circuit


def measure(circuit: QuantumCircuit, flag: int) -> None:
    """Measure one qubit into a new classical register of the name that readers look for."""
    from qiskit.circuit import ClassicalRegister

    register = ClassicalRegister(1, REGISTER)
    circuit.add_register(register)
    circuit.measure(flag, register[0])


def measure_values(circuit: QuantumCircuit, bits: int) -> QuantumCircuit:
    """The same circuit with its first qubits measured too, into the classical register "value"."""
    from qiskit.circuit import ClassicalRegister

    read = circuit.copy()
    register = ClassicalRegister(bits, VALUES)
    read.add_register(register)
    read.measure(range(bits), register)
    return read


def require_instructions(size: float, power: int) -> None:
    """Refuse A Q^power before it is built, A having `size` instructions."""
    count = size * (2.0 * power + 1.0)
    memory.require(
        memory.BYTES_AN_INSTRUCTION * count,
        f"a circuit of {count:.3g} instructions (power {power})",
        "take fewer qubits, a larger tolerance, or the backend Ideal, which builds no circuit",
    )


def least_instructions(problem: AmplitudeProblem) -> float:
    """Instructions of A as far as they are known without building it, 0 where nothing is.

    A rotation comes with a CX. Where the encoding states no CX, a table has a rotation a cell.
    """
    if problem.most_two_qubit_gates is not None:
        return 2.0 * problem.most_two_qubit_gates
    return 0.0 if problem.flags is None else 2.0 * problem.flags.size


def require_work(gates: float, size: float) -> None:
    """Refuse to simulate A of so many gates, each changing the `size` numbers of a state.

    A is run once, and four times more in the two Q that are run gate by gate.

    Raises:
        TooLarge: when that would not end within about half an hour.
    """
    work = 5.0 * gates * size
    if work > MOST_WORK:
        msg = (
            f"A of up to {gates:.3g} gates on a state of {size:.3g} numbers, run once and in two "
            f"Q, changes {work:.3g} numbers, {MOST_WORK:.3g} end within about half an hour; take "
            "fewer qubits, MultiplexedRotation(negligible=0.001), which leaves small rotations "
            "out, or the backend Ideal, which builds no circuit"
        )
        raise TooLarge(msg)
