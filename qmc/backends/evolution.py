"""A Q^k gate by gate, from the nearest state that is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qmc import memory
from qmc.backends.kept_states import KeptStates, by_steer, waves
from qmc.backends.powers import ComposedCircuits, Key, measure

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

LABEL = "after"
# of one circuit's operations
_MOST_BYTES = 2**26
# what starting one operation costs, in numbers that it could have changed
OVERHEAD = 2.0**12


@dataclass(slots=True)
class Evolution:
    """Builds circuits that start from the nearest state known and save the state they end in.

    What a simulator applies is every gate of A Q^k, each once, as if all powers were run in one
    go; shots are drawn from the saved state's own measurement.

    Attributes:
        circuits: compiled A and Q.
        mixed: states are density matrices, not vectors.
        kept: states so far.
    """

    circuits: ComposedCircuits
    mixed: bool
    kept: KeptStates = field(default_factory=KeptStates)

    def stops(self, asked: Sequence[Key]) -> Iterator[list[Key]]:
        """Powers to run, wave by wave; each wave goes on from the states that the last one left.

        Long ways are cut, so that no circuit is larger than a bounded number of operations.
        """
        return waves([self._way(steer, powers) for steer, powers in by_steer(asked).items()])

    def _way(self, steer: float, powers: Sequence[int]) -> Iterator[Key]:
        step = max(1, int(_MOST_BYTES / _bytes(self.circuits.parts(steer).grover)))
        begin = self.kept.nearest(powers[0], steer) or 0
        for power in powers:
            yield from ((between, steer) for between in range(begin + step, power, step))
            yield power, steer
            begin = power

    def circuit(self, key: Key, *, measured: bool) -> QuantumCircuit:
        """From the nearest state to A Q^power, which is saved and then, if asked, measured."""
        power, steer = key
        parts = self.circuits.parts(steer)
        begin = self.kept.nearest(power, steer) or 0
        known = self.kept.get((begin, steer))
        circuit = parts.grover.copy_empty_like(name=f"A Q^{power}")
        if known is None:
            circuit.compose(parts.state, range(parts.state.num_qubits), inplace=True)
        else:
            circuit.append(set_state(known), circuit.qubits)
        for _ in range(power - begin):
            circuit.compose(parts.grover, inplace=True, copy=False)
        if not self.knows(key):
            circuit.append(self._save(circuit.num_qubits), circuit.qubits)
        if measured:
            measure(circuit, parts.flag)
        return circuit

    def work(self, qubits: int) -> float:
        """Numbers changed by one Q on so many qubits, an operation's own cost in numbers added."""
        numbers = (4.0 if self.mixed else 2.0) ** qubits
        return (numbers + OVERHEAD) * self.circuits.operations[1]

    def knows(self, key: Key) -> bool:
        """Whether the state of this power and steer is kept."""
        return key in self.kept

    def learn(self, key: Key, saved: object) -> None:
        """Keep the state that a circuit saved; `BackendFailed` when it is no state."""
        self.kept.add(key, saved)

    def keep(self, asked: Iterable[Key]) -> None:
        """Forget compiled parts that are not asked for now."""
        self.circuits.keep(asked)

    def _save(self, qubits: int) -> Any:  # noqa: ANN401
        from qiskit_aer.library import SaveDensityMatrix, SaveStatevector

        kind = SaveDensityMatrix if self.mixed else SaveStatevector
        return kind(qubits, label=LABEL)


def set_state(state: Any) -> Any:  # noqa: ANN401
    """Aer's instruction that sets a state vector (2**n,) or a density matrix (2**n, 2**n)."""
    from qiskit_aer.library import SetDensityMatrix, SetStatevector

    return SetDensityMatrix(state) if state.ndim == 2 else SetStatevector(state)


def _bytes(circuit: QuantumCircuit) -> float:
    """Of a circuit handed to Aer: its operations and the matrices that they hold."""
    numbers = sum(int(np.size(number)) for one in circuit.data for number in one.operation.params)
    return memory.BYTES_AN_INSTRUCTION * float(circuit.size()) + memory.BYTES_AN_AMPLITUDE * numbers
