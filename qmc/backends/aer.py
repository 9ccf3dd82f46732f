"""`Aer`: real circuits and real shots on the Qiskit Aer simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qmc import checks, memory
from qmc.backends.protocols import Oracle
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.errors import BackendFailed
from qmc.rng import child_seeds
from qmc.rounds import Round

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# Aer's own gates. `multiplexer` stays out: an inverted state preparation compiled to it crashes
# the process (DESIGN 6), and a plain cx, u basis simulates several times slower.
AER_GATES = (
    "ccx",
    "cp",
    "cswap",
    "cu",
    "cx",
    "cy",
    "cz",
    "h",
    "id",
    "p",
    "rx",
    "ry",
    "rz",
    "s",
    "sdg",
    "swap",
    "sx",
    "sxdg",
    "t",
    "tdg",
    "u",
    "x",
    "y",
    "z",
)
# Aer itself splits a state among threads from this many qubits on
_QUBITS_FOR_THREADS = 14
# a table's circuit is not begun where there is no room for this power of Q
_ROOM_FOR_POWER = 8
_BYTES = {"double": 16.0, "single": 8.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aer:
    """Run A Q^k and measure the flag, on the state-vector method.

    A and Q are transpiled once an oracle and composed for each power; all rounds of an `ask` go in
    one job; every job has a fresh seed and Aer gives each circuit of a job its own.

    Attributes:
        precision: "double" or "single".
        threads: for one simulation; 0 takes one for small circuits, where several only wait for
            each other, and leaves large ones to Aer.
        ancilla: build reflections on a clean ancilla, as a device would; by default Aer gets one
            multi-controlled X, which it applies at once.

    Raises:
        TooLarge: when the state would not fit the machine.
        BackendFailed: when Aer raises or returns another number of shots than asked for.
    """

    precision: str = "double"
    threads: int = 0
    ancilla: bool = False

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        checks.choice("precision", self.precision, tuple(_BYTES))
        checks.whole("threads", self.threads, 0)

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> Oracle:
        """The oracle of one amplitude problem; simulates nothing yet."""
        # a steering ancilla or a reflection's may come on top of A
        self.require_state(problem.num_qubits + 1 + self.ancilla)
        if problem.flags is not None:
            # a table takes a rotation a cell, and Q has A twice
            _require_instructions(float(problem.flags.size), _ROOM_FOR_POWER)
        return AerOracle(problem, self, rng)

    def require_state(self, qubits: int) -> None:
        """Raise `TooLarge` when the state of so many qubits would not fit the machine."""
        memory.require(
            _BYTES[self.precision] * 2.0**qubits,
            f"the state of {qubits} qubits",
            "take fewer qubits, or precision='single'",
        )


@dataclass(slots=True)
class AerOracle:
    """Circuits of one amplitude problem, compiled when first needed and kept."""

    problem: AmplitudeProblem
    backend: Aer
    rng: np.random.Generator
    decay: float = 0.0
    _parts: dict[float, tuple[QuantumCircuit, QuantumCircuit, int]] = field(default_factory=dict)
    _circuits: dict[tuple[int, float], QuantumCircuit] = field(default_factory=dict)
    _simulator: Any = None

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits of the flag, one a round; all rounds in one job."""
        self._forget_others(rounds)
        circuits = [self.circuit(one.power, one.steer) for one in rounds]
        # Aer takes one number of shots a job: run the largest and keep each round's first ones,
        # which takes a memory of single shots; where all are equal, counts do
        shots = max(one.shots for one in rounds)
        equal = all(one.shots == shots for one in rounds)
        what = f"powers {[one.power for one in rounds]}"
        result = self._job(circuits, shots, what, words=not equal)
        read = _hits_of_counts if equal else _hits_of_memory
        return tuple(read(result, index, one, shots) for index, one in enumerate(rounds))

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a phase register of `bits` qubits, one a shot.

        Raises:
            TooLarge: when the state or the circuit would not fit the machine.
        """
        what = f"{bits} phase bits"
        words = self._job([self.phase_circuit(bits)], shots, what, words=True).get_memory(0)
        _require_all(len(words), shots, what)
        return tuple(int(word, 2) for word in words)

    def _job(self, circuits: list[QuantumCircuit], shots: int, what: str, *, words: bool) -> Any:  # noqa: ANN401
        """Aer's result of the circuits under a fresh seed; `words` keeps each shot's outcome."""
        from qiskit.exceptions import QiskitError

        (seed,) = child_seeds(self.rng, 1)
        try:
            job = self._aer().run(circuits, shots=shots, seed_simulator=seed, memory=words)
            result = job.result()
        except (QiskitError, RuntimeError, ValueError, TypeError) as error:
            raise BackendFailed(f"Aer failed on {what}: {error}") from error
        if not result.success:
            raise BackendFailed(f"Aer ended with status {result.status!r} on {what}")
        return result

    def _forget_others(self, rounds: Sequence[Round]) -> None:
        """Drop circuits that this job does not run: unrolled powers are large, steers many."""
        asked = {(one.power, one.steer) for one in rounds}
        for key in self._circuits.keys() - asked:
            del self._circuits[key]
        for steer in self._parts.keys() - {one.steer for one in rounds} - {0.0}:
            del self._parts[steer]

    @property
    def max_power(self) -> float:
        """Largest power whose unrolled circuit would fit the machine."""
        state, grover, _ = self._compiled(0.0)
        room = memory.available_bytes() / memory.BYTES_AN_INSTRUCTION - state.size()
        return float(max(0.0, room / grover.size()))

    def circuit(self, power: int, steer: float = 0.0) -> QuantumCircuit:
        """A, then Q `power` times, then a measurement of the flag; compiled for Aer."""
        key = (power, steer)
        if key not in self._circuits:
            from qiskit.circuit import QuantumCircuit

            state, grover, flag = self._compiled(steer)
            _require_instructions(float(state.size()), power)
            circuit = QuantumCircuit(grover.num_qubits, 1)
            circuit.compose(state, range(state.num_qubits), inplace=True)
            for _ in range(power):
                circuit.compose(grover, inplace=True)
            circuit.measure(flag, 0)
            self._circuits[key] = circuit
        return self._circuits[key]

    def phase_circuit(self, bits: int) -> QuantumCircuit:
        """Phase estimation of Q with its register measured; compiled for Aer, built anew."""
        from qiskit.circuit import ClassicalRegister

        from qmc.circuits.phase import phase_circuit

        self.backend.require_state(self.problem.num_qubits + bits)
        state, _, _ = self._compiled(0.0)
        _require_instructions(float(state.size()), 2**bits - 1)
        circuit = phase_circuit(self.problem, bits, state)
        circuit.add_register(ClassicalRegister(bits))
        count = self.problem.num_qubits
        circuit.measure(range(count, count + bits), range(bits))
        return circuit

    def _compiled(self, steer: float) -> tuple[QuantumCircuit, QuantumCircuit, int]:
        if steer not in self._parts:
            from qmc.circuits.grover import grover_operator, steered_problem

            problem = steered_problem(self.problem, steer)
            state = _for_aer(problem.circuit)
            grover = _for_aer(grover_operator(problem, state, ancilla=self.backend.ancilla))
            self._parts[steer] = (state, grover, problem.flag)
        return self._parts[steer]

    def _aer(self) -> Any:  # noqa: ANN401
        if self._simulator is None:
            from qiskit_aer import AerSimulator

            small = self.problem.num_qubits < _QUBITS_FOR_THREADS
            self._simulator = AerSimulator(
                method="statevector",
                precision=self.backend.precision,
                max_parallel_threads=self.backend.threads or (1 if small else 0),
            )
        return self._simulator


def _hits_of_counts(result: Any, index: int, one: Round, shots: int) -> int:  # noqa: ANN401
    counts = result.get_counts(index)
    _require_all(sum(counts.values()), shots, f"power {one.power}")
    return int(counts.get("1", 0))


def _hits_of_memory(result: Any, index: int, one: Round, shots: int) -> int:  # noqa: ANN401
    outcomes = result.get_memory(index)
    _require_all(len(outcomes), shots, f"power {one.power}")
    return int(outcomes[: one.shots].count("1"))


def _require_all(seen: int, shots: int, what: str) -> None:
    if seen != shots:
        raise BackendFailed(f"Aer returned {seen} of {shots} shots at {what}")


def _require_instructions(size: float, power: int) -> None:
    """Refuse A Q^power before it is built, A having `size` instructions."""
    count = size * (2.0 * power + 1.0)
    memory.require(
        memory.BYTES_AN_INSTRUCTION * count,
        f"a circuit of {count:.3g} instructions (power {power})",
        "take fewer qubits, a larger tolerance, or the backend Ideal, which builds no circuit",
    )


def _for_aer(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit in Aer's gates; one that is so already is taken as it is.

    Aer applies `mcx` too, but qiskit's transpile refuses it as a basis gate.
    """
    if set(circuit.count_ops()) <= {*AER_GATES, "mcx"}:
        return circuit
    from qiskit import transpile

    return transpile(circuit, basis_gates=list(AER_GATES), optimization_level=1)
