"""The oracle of `Aer`: compiles, runs jobs, reads hits."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from qmc import memory
from qmc.backends import outcomes
from qmc.backends.evolution import LABEL, Evolution
from qmc.backends.failures import chained
from qmc.backends.isa import RoutedCircuits, preset_passes
from qmc.backends.phases import measured_phases
from qmc.backends.powers import (
    MOST_WORK,
    ComposedCircuits,
    Key,
    PowerCircuits,
    require_instructions,
)
from qmc.backends.protocols import Reading
from qmc.backends.readout import Read, require_registers
from qmc.backends.reflection import Reflection, label
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.errors import BackendFailed
from qmc.rng import child_seeds
from qmc.rounds import PhaseRound, Round

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from qmc.backends.aer import Aer

# Aer's own gates that every method has. `multiplexer` stays out: an inverted state preparation
# compiled to it crashes the process (DESIGN 6), and a plain cx, u basis simulates several times
# slower.
AER_GATES = (
    "ccx",
    "cp",
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
_LARGE_QUBITS = 14
# of one job, about 350 MB
_MOST_OPERATIONS = 500_000

T = TypeVar("T")


@dataclass(slots=True)
class AerOracle:
    """Circuits of one amplitude problem, compiled when first needed and kept."""

    problem: AmplitudeProblem
    backend: Aer
    rng: np.random.Generator
    _circuits: PowerCircuits | None = None
    _evolution: Evolution | Reflection | None = None
    _simulators: dict[str, Any] = field(default_factory=dict)

    @property
    def decay(self) -> float:
        """Visibility lost per power, as the backend was told."""
        return self.backend.decay

    @property
    def max_power(self) -> float:
        """Largest power whose unrolled circuit would fit; of kept states, that ends within hours.

        Kept states need no unrolled circuit, so `run` takes any power of them.
        """
        if (evolution := self.evolution()) is not None:
            return float(MOST_WORK / evolution.work(self._qubits))
        state, grover = self.circuits.operations
        room = memory.available_bytes() / memory.BYTES_AN_INSTRUCTION - state
        return float(max(0.0, room / grover))

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits of the flag, one a round; circuits that wait for no other's state share a job.

        Raises:
            TooLarge: when a circuit would not fit the machine.
            BackendFailed: when Aer fails or answers something else than was asked.
        """
        shots = outcomes.shots_of(rounds)
        if not shots:
            return ()
        alone = outcomes.alone(rounds)
        read = outcomes.counted if alone else outcomes.listed
        return outcomes.deal(rounds, self._seen(shots, Read(read, words=not alone)))

    def readout(self, rounds: Sequence[Round]) -> tuple[Reading, ...]:
        """Hits of the flag and the cell of each, from the same circuits with the register measured.

        Raises:
            Unsupported: when no qubits of the circuit hold a value.
            TooLarge: when a circuit would not fit the machine.
            BackendFailed: when Aer fails or answers something else than was asked.
        """
        require_registers(self.problem)
        bits = sum(self.problem.registers)
        shots = outcomes.shots_of(rounds)
        if not shots:
            return ()
        read = functools.partial(outcomes.cells_of, bits)
        return outcomes.deal_cells(rounds, self._seen(shots, Read(read, words=True, bits=bits)))

    def _seen(self, shots: Mapping[Key, int], how: Read[T]) -> dict[Key, T]:
        """What each circuit gave; those that wait for no other's state share a job."""
        seen: dict[Key, T] = {}
        steered = any(steer for _, steer in shots)
        self.backend.require_device(self._qubits - (not steered))
        self.circuits.keep(shots)
        if (evolution := self.evolution()) is None:
            require_instructions(float(self.circuits.operations[0]), max(shots)[0])
            for group in outcomes.grouped(shots, apart=self.backend.noise is not None):
                circuits = {key: how.measured(self.circuits.circuit(*key)) for key in group}
                seen |= self._run_circuits(circuits, group, how)
            return seen
        evolution.keep(shots)
        for wave in evolution.stops(list(shots)):
            circuits = {key: evolution.circuit(key, measured=key in shots) for key in wave}
            read = {
                key: how.measured(one) if key in shots else one for key, one in circuits.items()
            }
            seen |= self._run_circuits(read, shots, how)
        return seen

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a phase register of `bits` qubits, one a shot.

        Raises:
            TooLarge: when the state or the circuit would not fit the machine.
        """
        asked, what = PhaseRound(bits, shots), f"{bits} phase bits"
        result = self._job([self.phase_circuit(bits)], asked.shots, what, words=True)
        return outcomes.numbers(result, 0, asked.shots, asked.bits, what)

    def circuit(self, power: int, steer: float = 0.0) -> QuantumCircuit:
        """A, then Q `power` times, then a measurement of the flag; compiled for Aer."""
        asked = Round(power, 1, steer)
        return self.circuits.circuit(asked.power, asked.steer)

    def phase_circuit(self, bits: int) -> QuantumCircuit:
        """Phase estimation of Q with its register measured; compiled for Aer, built anew."""
        count, noise = self.problem.num_qubits, self.backend.noise
        bits = PhaseRound(bits, 1).bits  # as a whole number within its limits
        self.backend.require_state(count + bits)
        self.backend.require_device(count + bits)
        circuit = measured_phases(self.problem, bits, for_aer(self.problem.circuit))
        if noise is not None:
            return noise.pass_manager().run(circuit)
        # the state vector alone applies a multi-controlled X at once
        mcx = self.backend.method_for(circuit.num_qubits) == "statevector"
        return circuit if mcx else for_aer(circuit, mcx=False)

    @property
    def circuits(self) -> PowerCircuits:
        """What makes whole circuits."""
        if self._circuits is None:
            noise, ancilla = self.backend.noise, self.backend.with_ancilla
            if noise is not None and noise.routed:
                self._circuits = RoutedCircuits(self.problem, noise.pass_manager(), ancilla)
            else:
                mcx = self.backend.method_for(self._qubits) == "statevector"
                compiled = functools.partial(for_aer, mcx=mcx)
                if noise is not None:
                    compiled = noise.pass_manager().run
                self._circuits = ComposedCircuits(self.problem, compiled, ancilla)
        return self._circuits

    def evolution(self) -> Evolution | Reflection | None:
        """What makes circuits that go on from smaller powers; None where states are not kept."""
        circuits, qubits = self.circuits, self._qubits
        if not isinstance(circuits, ComposedCircuits) or not self.backend.reuses(qubits):
            return None
        if self._evolution is None:
            if self.backend.reflects(qubits):
                self._evolution = Reflection(circuits, self._saved)
            else:
                mixed = self.backend.method_for(qubits) == "density_matrix"
                self._evolution = Evolution(circuits, mixed=mixed)
        return self._evolution

    def _saved(self, circuit: QuantumCircuit, count: int) -> list[object]:
        """States that an unmeasured circuit saves; no shot is drawn, no seed taken."""
        what = f"the circuit {circuit.name}"
        result = self._result([circuit], 1, what, seed=0, words=False)
        return [outcomes.saved(result, 0, label(place), what) for place in range(count)]

    def _run_circuits(
        self, circuits: Mapping[Key, QuantumCircuit], shots: Mapping[Key, int], how: Read[T]
    ) -> dict[Key, T]:
        """What each measured circuit gave; states that were saved are kept."""
        seen: dict[Key, T] = {}
        # Aer takes one number of shots a job: circuits run the largest and give their first ones
        most = max(shots.values())
        evolution = self._evolution if isinstance(self._evolution, Evolution) else None
        new = {key for key in circuits if evolution and not evolution.knows(key)}
        for keys in self._jobs(circuits):
            what = outcomes.described(keys)
            result = self._job([circuits[key] for key in keys], most, what, words=how.words)
            for index, key in enumerate(keys):
                if key in shots:
                    seen[key] = how.read(result, index, most, f"power {key[0]}")
                if key in new and evolution is not None:
                    evolution.learn(key, outcomes.saved(result, index, LABEL, what))
        return seen

    def _jobs(self, circuits: Mapping[Key, QuantumCircuit]) -> Iterator[list[Key]]:
        """Circuits of each job: bounded in number and in operations."""
        sizes = [circuit.size() for circuit in circuits.values()]
        return outcomes.batches(list(circuits), sizes, self.backend.batch, _MOST_OPERATIONS)

    def _job(self, circuits: list[QuantumCircuit], shots: int, what: str, *, words: bool) -> Any:  # noqa: ANN401
        """Aer's result of the circuits under a fresh seed; `words` keeps each shot's outcome."""
        (seed,) = child_seeds(self.rng, 1)
        return self._result(circuits, shots, what, seed=seed, words=words)

    def _result(
        self, circuits: list[QuantumCircuit], shots: int, what: str, *, seed: int, words: bool
    ) -> Any:  # noqa: ANN401
        simulator = self._simulator(circuits)
        with chained(f"Aer failed on {what}"):
            job = simulator.run(circuits, shots=shots, seed_simulator=seed, memory=words)
            result = job.result()
        if not result.success:
            raise BackendFailed(f"Aer ended with status {outcomes.status(result)} on {what}")
        return result

    def _simulator(self, circuits: list[QuantumCircuit]) -> Any:  # noqa: ANN401
        """Aer with the method for the largest of the circuits.

        Raises:
            TooLarge: when its state would not fit the machine.
        """
        # routing may use more of a device's qubits than A has; idle ones are not simulated
        qubits = max(self._qubits, *(_active_qubits(circuit) for circuit in circuits))
        self.backend.require_state(qubits)
        method = self.backend.method_for(qubits)
        if method not in self._simulators:
            from qiskit_aer import AerSimulator

            noise = self.backend.noise
            self._simulators[method] = AerSimulator(
                method=method,
                precision=self.backend.precision,
                noise_model=None if noise is None else noise.model(),
                matrix_product_state_max_bond_dimension=self.backend.bond_dimension or None,
                max_parallel_threads=self.backend.threads or (1 if qubits < _LARGE_QUBITS else 0),
                # the order of shots, and so the bits, would depend on the number of threads
                max_parallel_shots=1,
            )
        return self._simulators[method]

    @property
    def _qubits(self) -> int:
        """Of the largest circuit: a steer's qubit and a reflection's on top of A."""
        return self.problem.num_qubits + 1 + self.backend.with_ancilla


def _active_qubits(circuit: QuantumCircuit) -> int:
    """Qubits that some operation touches."""
    return len({bit for one in circuit.data for bit in one.qubits})


def for_aer(circuit: QuantumCircuit, *, mcx: bool = True) -> QuantumCircuit:
    """The circuit in Aer's gates; one that is so already is taken as it is.

    A state vector takes `mcx` too, but qiskit's transpile refuses it as a basis gate.
    """
    if set(circuit.count_ops()) <= {*AER_GATES, *(("mcx",) if mcx else ())}:
        return circuit
    return preset_passes(AER_GATES, 1).run(circuit)
