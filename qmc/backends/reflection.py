"""Q as one operation on a kept state: the reflection about A|0> that its gates multiply to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from qmc.backends.evolution import OVERHEAD, set_state
from qmc.backends.kept_states import KeptStates, State, by_steer, waves
from qmc.backends.powers import ComposedCircuits, Key, measure
from qmc.errors import BackendFailed

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# a circuit and how many states it saves under `label(0)`, `label(1)`, ... -> these states
Simulate: TypeAlias = "Callable[[QuantumCircuit, int], list[object]]"

# of an overlap; two Q in single precision stay well within
_SAME = 1e-4


def label(place: int) -> str:
    """Under which a circuit saves its states."""
    return f"after {place}"


@dataclass(slots=True)
class Reflection:
    """States after A Q^k, each Q a change of sign and a reflection.

    Q = A S_0 A^dagger S_flag, and A S_0 A^dagger = 1 - 2 |A0><A0|, a Householder reflection about
    the state that A prepares (Brassard et al. 2002, arXiv:quant-ph/0005055, section 2), up to a
    sign. So the gates of A are run once, and Q takes one scalar product instead of twice the gates
    of A. Before the first Q, two of them are run gate by gate and compared: A|0> and Q A|0> span
    all that powers of Q reach, so a circuit of Q that is something else is found.

    A steer is four gates on the state after A; it starts from there and not from the beginning.

    Attributes:
        circuits: compiled A and Q.
        simulate: runs circuits and gives the states that they save.
        kept: states so far.
    """

    circuits: ComposedCircuits
    simulate: Simulate
    kept: KeptStates = field(default_factory=KeptStates)
    _proven: set[bool] = field(default_factory=set)

    def stops(self, asked: Sequence[Key]) -> Iterator[list[Key]]:
        """What is asked, wave by wave: one power a steer in each, rising."""
        ways = by_steer(asked).items()
        return waves([[(power, steer) for power in powers] for steer, powers in ways])

    def circuit(self, key: Key, *, measured: bool) -> QuantumCircuit:
        """The state after A Q^power, set, and then, if asked, the flag measured."""
        from qiskit.circuit import QuantumCircuit

        state = self.state(key)
        circuit = QuantumCircuit(state.size.bit_length() - 1, name=f"A Q^{key[0]}")
        circuit.append(set_state(state), circuit.qubits)
        if measured:
            measure(circuit, self._flag(key[1]))
        return circuit

    def work(self, qubits: int) -> float:
        """Numbers changed by one Q on so many qubits, an operation's own cost in numbers added."""
        return 2.0**qubits + OVERHEAD

    def keep(self, asked: Iterable[Key]) -> None:
        """Forget compiled parts that are not asked for now."""
        self.circuits.keep(asked)

    def state(self, key: Key) -> State:
        """After A Q^power, from the nearest power kept at this steer; kept itself."""
        power, steer = key
        first = self._first(steer)
        if power and (steer != 0.0) not in self._proven:
            self._prove(steer, first)
        begin = self.kept.nearest(power, steer) or 0
        known = self.kept.get((begin, steer))
        if begin == power and known is not None:
            return known
        start = first if known is None else known
        return self.kept.add(key, turned(start, first, self._flag(steer), power - begin))

    def _flag(self, steer: float) -> int:
        problem = self.circuits.problem
        return problem.num_qubits if steer else problem.flag

    def _first(self, steer: float) -> State:
        """After A, by its gates; steered, by four gates more."""
        from qiskit.circuit import QuantumCircuit

        from qmc.circuits import grover

        known = self.kept.get((0, steer))
        if known is not None:
            return known
        count, ancilla = self.circuits.problem.num_qubits, self.circuits.ancilla
        circuit = QuantumCircuit(count + (steer != 0.0) + ancilla, name="A")
        if steer == 0.0:
            circuit.compose(self.circuits.prepared(), range(count), inplace=True)
        else:
            bare = np.zeros(2**circuit.num_qubits, dtype=np.complex128)
            bare[: 2**count] = self._first(0.0)[: 2**count]
            gates = grover.steered_state(QuantumCircuit(count), self.circuits.problem.flag, steer)
            circuit.append(set_state(bare), circuit.qubits)
            circuit.compose(self.circuits.compiled(gates), range(count + 1), inplace=True)
        _save(circuit, 0)
        return self.kept.add((0, steer), self.simulate(circuit, 1)[0])

    def _prove(self, steer: float, first: State) -> None:
        """Run two Q gate by gate and compare both states with the reflection's, up to a phase.

        Raises:
            BackendFailed: when they are not the same.
        """
        operator, flag = self.circuits.parts(steer).grover, self._flag(steer)
        circuit = operator.copy_empty_like(name="Q Q")
        circuit.append(set_state(first), circuit.qubits)
        for place in range(2):
            circuit.compose(operator, inplace=True)
            _save(circuit, place)
        saved = [np.asarray(one, dtype=np.complex128) for one in self.simulate(circuit, 2)]
        once, twice = (
            np.vdot(turned(first, first, flag, power), one)
            for power, one in enumerate(saved, start=1)
        )
        off = max(abs(abs(once) - 1.0), abs(twice - once * once))
        if not off < _SAME:
            msg = (
                f"two Q run gate by gate are {off:.2g} off the reflection about A|0> that they "
                "stand for: the circuit A must be unitary; Aer(fusion=False) runs every gate"
            )
            raise BackendFailed(msg)
        self._proven.add(steer != 0.0)


def turned(state: State, about: State, flag: int, times: int) -> State:
    """The state after `times` Q: the sign turned where the flag is 1, then the reflection.

    Args:
        state: (2**n,), not changed.
        about: (2**n,), A|0>.
        flag: qubit.
        times: k >= 0.
    """
    found = state.copy()
    raised = found.reshape(-1, 2, 2**flag)[:, 1]
    for _ in range(times):
        np.negative(raised, out=raised)
        found -= (2.0 * np.vdot(about, found)) * about
    return found


def _save(circuit: QuantumCircuit, place: int) -> None:
    from qiskit_aer.library import SaveStatevector

    circuit.append(SaveStatevector(circuit.num_qubits, label=label(place)), circuit.qubits)
