"""Circuits in a device's own gates and qubit pairs: compiled by a user's pass manager."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qmc.backends.failures import chained
from qmc.backends.powers import Key, Parts, forget, measure, repeated, require_instructions
from qmc.circuits.amplitude_problem import AmplitudeProblem

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit
    from qiskit.transpiler import PassManager


@functools.cache
def preset_passes(basis: tuple[str, ...], level: int) -> PassManager:
    """Compiles to gates, all-to-all; built once: making the passes costs more than a small run.

    Args:
        basis: names of gates.
        level: of qiskit's optimization.
    """
    from qiskit import generate_preset_pass_manager

    return generate_preset_pass_manager(level, basis_gates=list(basis))


@dataclass(slots=True)
class RoutedCircuits:
    """Powers compiled by a pass manager that may lay out and route qubits.

    Where Q's qubits end where they began, and where A leaves them, powers are composed of A and Q
    compiled once. Routing moves qubits: where it does, each A Q^k is compiled as a whole.

    Attributes:
        problem: gives A and the flag.
        pass_manager: compiles a logical circuit.
        ancilla: reflect with a clean ancilla.
    """

    problem: AmplitudeProblem
    pass_manager: PassManager
    ancilla: bool = True
    _logical: dict[float, Parts] = field(default_factory=dict)
    _composable: dict[float, Parts | None] = field(default_factory=dict)
    _circuits: dict[Key, QuantumCircuit] = field(default_factory=dict)
    _operations: tuple[int, int] | None = None

    @property
    def operations(self) -> tuple[int, int]:
        """Of A and of Q, compiled on their own."""
        if self._operations is None:
            logical = self.logical(0.0)
            state, grover = self._compiled(logical.state), self._compiled(logical.grover)
            self._operations = state.size(), grover.size()
        return self._operations

    def circuit(self, power: int, steer: float = 0.0) -> QuantumCircuit:
        """A, then Q `power` times, then a measurement of the flag."""
        key = (power, steer)
        if key not in self._circuits:
            logical = self.logical(steer)
            require_instructions(float(logical.state.size()), power)
            if (parts := self.composable(steer)) is not None:
                circuit = repeated(parts.state, parts.grover, power)
                measure(circuit, parts.flag)
            else:
                whole = repeated(logical.state, logical.grover, power)
                measure(whole, logical.flag)
                circuit = self._compiled(whole)
            self._circuits[key] = circuit
        return self._circuits[key]

    def keep(self, asked: Iterable[Key]) -> None:
        """Drop what is not asked for."""
        forget(asked, self._circuits, self._logical, self._composable)

    def logical(self, steer: float) -> Parts:
        """A and Q before compiling, both on all qubits of Q."""
        if steer not in self._logical:
            from qmc.circuits import grover

            problem = grover.steered_problem(self.problem, steer)
            operator = grover.grover_operator(problem, ancilla=self.ancilla)
            state = operator.copy_empty_like(name="A")
            state.compose(problem.circuit, range(problem.num_qubits), inplace=True)
            self._logical[steer] = Parts(state, operator, problem.flag)
        return self._logical[steer]

    def composable(self, steer: float) -> Parts | None:
        """A and Q on the device's qubits; None where powers of this Q cannot be composed."""
        if steer not in self._composable:
            logical = self.logical(steer)
            state, grover = self._compiled(logical.state), self._compiled(logical.grover)
            count = logical.grover.num_qubits
            places = _end(state, count)
            fixed = places == _begin(grover, count) == _end(grover, count)
            parts = Parts(state, grover, places[logical.flag]) if fixed else None
            self._composable[steer] = parts
        return self._composable[steer]

    def _compiled(self, circuit: QuantumCircuit) -> QuantumCircuit:
        with chained(f"the pass manager failed on {circuit.num_qubits} qubits"):
            return self.pass_manager.run(circuit)


def _begin(circuit: QuantumCircuit, count: int) -> list[int]:
    """Physical place of each of `count` qubits at the start."""
    if circuit.layout is None:
        return list(range(count))
    return list(circuit.layout.initial_index_layout(filter_ancillas=True))


def _end(circuit: QuantumCircuit, count: int) -> list[int]:
    """Physical place of each of `count` qubits at the end."""
    if circuit.layout is None:
        return list(range(count))
    return list(circuit.layout.final_index_layout(filter_ancillas=True))
