"""The value register beside the flag: who reads it, and what is asked of the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from qmc.backends.answers import require_count, whole
from qmc.backends.failures import chained
from qmc.backends.powers import measure_values
from qmc.backends.protocols import Reading, SupportsReadout
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.errors import BackendFailed, Unsupported
from qmc.rounds import Round

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from qmc.backends.aer_oracle import AerOracle


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """How circuits are measured and read.

    Attributes:
        read: of (result, index, shots, what).
        words: whether it asks for each shot's outcome.
        bits: value qubits to measure beside the flag.
    """

    read: Callable[[Any, int, int, str], T]
    words: bool
    bits: int = 0

    def measured(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """A circuit that measures the flag, with the value register measured too where asked."""
        return measure_values(circuit, self.bits) if self.bits else circuit


@dataclass(frozen=True, slots=True)
class FlagOnly:
    """The oracle of a noisy simulator: with errors, cells beside the flag are no exact draws."""

    oracle: AerOracle

    @property
    def decay(self) -> float:
        """Visibility lost per power, as the backend was told."""
        return self.oracle.decay

    @property
    def max_power(self) -> float:
        """Largest power whose circuit would fit the machine."""
        return self.oracle.max_power

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits of the flag, one a round."""
        return self.oracle.run(rounds)

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a phase register of `bits` qubits, one a shot."""
        return self.oracle.phases(bits, shots)

    def circuit(self, power: int, steer: float = 0.0) -> QuantumCircuit:
        """A, then Q `power` times, then a measurement of the flag."""
        return self.oracle.circuit(power, steer)

    def phase_circuit(self, bits: int) -> QuantumCircuit:
        """Phase estimation of Q with its register measured."""
        return self.oracle.phase_circuit(bits)


def require_registers(problem: AmplitudeProblem) -> None:
    """Refuse to read a register that is not there.

    Raises:
        Unsupported: when no qubits of the circuit hold a value.
    """
    if not problem.registers:
        msg = (
            "readout: this circuit has no value registers (registers=()), only its flag can be "
            "measured; take one of a grid's cells"
        )
        raise Unsupported(msg)


def readings_of(oracle: object, rounds: Sequence[Round], cells: int) -> tuple[Reading, ...]:
    """Hits of an oracle and their cells, one pair a round.

    Args:
        oracle: anybody's.
        rounds: what is asked.
        cells: of the table, 2**n.

    Raises:
        Unsupported: when the oracle reads no register.
        BackendFailed: when it raises, answers another number of rounds, or with hits and cells
            that are no whole numbers in range or do not belong together.
    """
    name = type(oracle).__name__
    if not isinstance(oracle, SupportsReadout):
        msg = (
            f"{name} has no readout(rounds), the value register beside the flag: take the backend "
            "Ideal, or Aer without noise; a search works without it"
        )
        raise Unsupported(msg)
    who = f"{name}.readout answered"
    with chained(f"{name}.readout failed on {len(rounds)} rounds"):
        given = tuple((hits, tuple(read)) for hits, read in oracle.readout(rounds))
    require_count(len(given), len(rounds), who, "rounds")
    return tuple(
        _checked(hits, read, asked, cells, who)
        for (hits, read), asked in zip(given, rounds, strict=True)
    )


def _checked(
    hits: int, read: tuple[int, ...], asked: Round, cells: int, who: str
) -> tuple[int, tuple[int, ...]]:
    count = whole(hits, asked.shots, who, f"hits of {asked}")
    if len(read) != count:
        raise BackendFailed(f"{who} {len(read)} cells for {count} hits of {asked}: must be as many")
    if not read:
        return count, ()
    index = np.asarray(read)
    if not np.issubdtype(index.dtype, np.integer) or index.min() < 0 or index.max() >= cells:
        wrong = next(one for one in read if not isinstance(one, int) or not 0 <= one < cells)
        raise BackendFailed(f"{who} {wrong!r} as a cell: must be a whole number below {cells:,}")
    return count, tuple(index.tolist())
