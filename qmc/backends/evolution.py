"""States after A Q^k, kept so that a larger power goes on from a smaller one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qmc import memory
from qmc.backends.powers import ComposedCircuits, Key, measure
from qmc.errors import BackendFailed

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

State: TypeAlias = NDArray[np.complex128]

LABEL = "after"
# of one circuit's operations
_MOST_BYTES = 2**26
_KEPT_BYTES = 2**28
# rounding of 10,000 operators in single precision stays well within
_NORM_TOLERANCE = 1e-2


@dataclass(slots=True)
class Evolution:
    """Builds circuits that start from the nearest state known and save the state they end in.

    What a simulator applies is every gate of A Q^k, each once, as if all powers were run in one
    go; shots are drawn from the saved state's own measurement.

    Attributes:
        circuits: compiled A and Q.
        mixed: states are density matrices, not vectors.
    """

    circuits: ComposedCircuits
    mixed: bool
    _states: dict[Key, State] = field(default_factory=dict)

    def stops(self, asked: Sequence[Key]) -> list[list[Key]]:
        """Powers to run, wave by wave; each wave goes on from the states that the last one left.

        Long ways are cut, so that no circuit is larger than a bounded number of operations.
        """
        ways = [
            self._way(steer, sorted(power for power, other in asked if other == steer))
            for steer in dict.fromkeys(steer for _, steer in asked)
        ]
        return [
            [way[wave] for way in ways if wave < len(way)] for wave in range(max(map(len, ways)))
        ]

    def _way(self, steer: float, powers: Sequence[int]) -> list[Key]:
        step = max(1, int(_MOST_BYTES / _bytes(self.circuits.parts(steer).grover)))
        way: list[Key] = []
        begin = self._nearest(powers[0], steer)
        for power in powers:
            way += [(between, steer) for between in range(begin + step, power, step)]
            way.append((power, steer))
            begin = power
        return way

    def _nearest(self, power: int, steer: float) -> int:
        known = [k for k, other in self._states if other == steer and k <= power]
        return max(known, default=0)

    def circuit(self, key: Key, *, measured: bool) -> QuantumCircuit:
        """From the nearest state to A Q^power, which is saved and then, if asked, measured."""
        power, steer = key
        parts = self.circuits.parts(steer)
        begin = self._nearest(power, steer)
        circuit = parts.grover.copy_empty_like(name=f"A Q^{power}")
        known = self._states.get((begin, steer))
        if known is None:
            circuit.compose(parts.state, range(parts.state.num_qubits), inplace=True)
        else:
            circuit.append(self._set(known), circuit.qubits)
        for _ in range(power - begin):
            circuit.compose(parts.grover, inplace=True, copy=False)
        if not self.knows(key):
            circuit.append(self._save(circuit.num_qubits), circuit.qubits)
        if measured:
            measure(circuit, parts.flag)
        return circuit

    def knows(self, key: Key) -> bool:
        """Whether the state of this power and steer is kept."""
        return key in self._states

    def learn(self, key: Key, saved: object) -> None:
        """Keep the state that a circuit saved.

        Raises:
            BackendFailed: when it is no state.
        """
        state = np.asarray(saved, dtype=np.complex128)
        norm = np.linalg.norm(state) if state.ndim == 1 else np.trace(state).real
        if not abs(norm - 1.0) < _NORM_TOLERANCE:
            raise BackendFailed(f"the simulator left a state of norm {norm:.6g} at power {key[0]}")
        self._states[key] = state / norm
        kept = sum(one.nbytes for one in self._states.values())
        for old in list(self._states):
            if kept <= _KEPT_BYTES:
                break
            # the newest stays: the next wave goes on from it
            if old != key:
                kept -= self._states.pop(old).nbytes

    def keep(self, asked: Iterable[Key]) -> None:
        """Forget steers that are not asked for now."""
        asked = set(asked)
        self.circuits.keep(asked)
        steers = {steer for _, steer in asked} | {0.0}
        for key in [key for key in self._states if key[1] not in steers]:
            del self._states[key]

    def _set(self, state: State) -> Any:  # noqa: ANN401
        from qiskit_aer.library import SetDensityMatrix, SetStatevector

        return SetDensityMatrix(state) if self.mixed else SetStatevector(state)

    def _save(self, qubits: int) -> Any:  # noqa: ANN401
        from qiskit_aer.library import SaveDensityMatrix, SaveStatevector

        kind = SaveDensityMatrix if self.mixed else SaveStatevector
        return kind(qubits, label=LABEL)


def _bytes(circuit: QuantumCircuit) -> float:
    """Of a circuit handed to Aer: its operations and the matrices that they hold."""
    numbers = sum(int(np.size(number)) for one in circuit.data for number in one.operation.params)
    return memory.BYTES_AN_INSTRUCTION * float(circuit.size()) + memory.BYTES_AN_AMPLITUDE * numbers
