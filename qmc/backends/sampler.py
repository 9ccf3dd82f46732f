"""`Sampler`: any `BaseSamplerV2`, a device's or a simulator's, runs the circuits."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmc import checks, memory
from qmc.backends import calibration, outcomes
from qmc.backends.failures import chained, require_fresh_seeds, require_used_seeds
from qmc.backends.isa import RoutedCircuits
from qmc.backends.phases import PHASE_REGISTER, measured_phases
from qmc.backends.powers import REGISTER, ComposedCircuits, Key, PowerCircuits
from qmc.backends.protocols import Oracle
from qmc.circuits.amplitude_problem import AmplitudeProblem, require_problem
from qmc.errors import BackendFailed
from qmc.rng import child_seeds, generator
from qmc.rounds import PhaseRound, Round

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit
    from qiskit.transpiler import PassManager

# the state, what the last gate made of it, and its probabilities
_COPIES = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """Run A Q^k by a sampler of Qiskit's primitives.

    With a `pass_manager` (`qiskit.generate_preset_pass_manager(backend=device)`), circuits reach
    the sampler in the device's own gates and qubit pairs, as devices require. A and Q are compiled
    once and composed where Q leaves every qubit in its place; where routing moves qubits each
    power is compiled as a whole.

    **Seeds.** A simulator's sampler with one fixed seed returns the same shots at every call, and
    the same for circuits of one call that have the same number of shots: what looks like new
    evidence repeats the old. So a sampler with a fixed seed is refused. For
    reproducible runs give a function of a seed, `lambda seed: StatevectorSampler(seed=seed)`:
    it is called with a fresh seed for every circuit of every job, and once more at the first, to
    see that the sampler's seed changes with the one it is given, where the sampler shows its seed.

    Attributes:
        sampler: a `BaseSamplerV2` without a fixed seed, or a function that makes one of a seed.
        pass_manager: compiles circuits; None hands them over as they are.
        decay: visibility lost per power that estimators are told.
        batch: circuits of one job; 0 sets no limit.
        ancilla: build reflections on a clean ancilla; without it a device's compiler takes several
            times as many gates.
        noisy: False states that the sampler makes no errors, as a state-vector simulator; else
            no result claims to cover the true number, since it cannot be known from outside.

    Raises:
        InvalidProblem: for a sampler with a fixed seed; at the first run for a function that gives
            samplers the same seed whatever seed it is given, or that makes no sampler.
        TooLarge: at a run, when qiskit's StatevectorSampler would make a state beyond the machine.
        BackendFailed: when the pass manager or the sampler raises, or the sampler returns another
            number of circuits or shots, or no register "flag" of one bit.

    >>> from qiskit.primitives import StatevectorSampler
    >>> from qmc.backends import Sampler
    >>> backend = Sampler(sampler=lambda seed: StatevectorSampler(seed=seed))
    """

    sampler: Any
    pass_manager: PassManager | None = None
    decay: float = 0.0
    batch: int = 0
    ancilla: bool = True
    noisy: bool = True

    def __post_init__(self) -> None:
        """Refuse what is no sampler, and one that repeats its shots."""
        if isinstance(self.sampler, type) or not (_runs(self.sampler) or _takes_one(self.sampler)):
            allowed = "a BaseSamplerV2, with run(pubs), or a function of a seed that makes one"
            hint = "such as sampler=lambda seed: StatevectorSampler(seed=seed)"
            raise checks.refuse("sampler", self.sampler, allowed, hint)
        if self.pass_manager is not None and not _runs(self.pass_manager):
            allowed = "a qiskit PassManager, with run(circuit), or None"
            raise checks.refuse("pass_manager", self.pass_manager, allowed)
        require_fresh_seeds(self.sampler)
        if not isinstance(self.noisy, bool):
            raise checks.refuse("noisy", self.noisy, "True or False")
        checks.whole("batch", self.batch, 0)
        object.__setattr__(self, "decay", calibration.checked_decay(self.decay))

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> Oracle:
        """The oracle of one amplitude problem; runs nothing yet."""
        require_problem(problem)
        return SamplerOracle(problem, self, generator(rng))

    # a method: the backend is the first argument of `qmc.backends.calibrate`
    calibrate = calibration.calibrate


@dataclass(slots=True)
class SamplerOracle:
    """Circuits of one amplitude problem, compiled when first needed and kept."""

    problem: AmplitudeProblem
    backend: Sampler
    rng: np.random.Generator
    _circuits: PowerCircuits | None = None
    _uses_seeds: bool = False

    @property
    def decay(self) -> float:
        """Visibility lost per power, as the backend was told."""
        return self.backend.decay

    @property
    def circuits(self) -> PowerCircuits:
        """What makes the circuits."""
        if self._circuits is None:
            passes, ancilla = self.backend.pass_manager, self.backend.ancilla
            if passes is None:
                self._circuits = ComposedCircuits(self.problem, lambda one: one, ancilla)
            else:
                self._circuits = RoutedCircuits(self.problem, passes, ancilla)
        return self._circuits

    def circuit(self, power: int, steer: float = 0.0) -> QuantumCircuit:
        """What the sampler is given for a round: A, Q `power` times, the flag measured."""
        asked = Round(power, 1, steer)
        return self.circuits.circuit(asked.power, asked.steer)

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits of the flag, one a round; steered or not, of any shots, all in one job.

        Rounds of the same power and steer share one circuit and are dealt its shots in turn.

        Raises:
            BackendFailed: when the sampler fails or answers something else than was asked.
        """
        shots = outcomes.shots_of(rounds)
        self.circuits.keep(shots)
        keys = list(shots)
        seeded = not _runs(self.backend.sampler)
        most = 1 if seeded else self.backend.batch
        seen: dict[Key, str | int] = {}
        for job in outcomes.batches(keys, [0] * len(keys), most, 0):
            seen |= self._run_job(job, shots)
        return outcomes.deal(rounds, seen)

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a phase register of `bits` qubits, one a shot.

        Raises:
            TooLarge: when the circuit would not fit the machine.
            BackendFailed: when the sampler fails or answers something else than was asked.
        """
        asked = PhaseRound(bits, shots)
        what = f"{bits} phase bits"
        (result,) = self._results([(self.phase_circuit(bits), None, asked.shots)], what)
        words = _words(result, PHASE_REGISTER, bits, shots, what)
        return tuple(int(word, 2) for word in words)

    def phase_circuit(self, bits: int) -> QuantumCircuit:
        """Phase estimation of Q with its register measured, as the sampler is given it."""
        circuit = measured_phases(self.problem, bits, self.problem.circuit)
        passes = self.backend.pass_manager
        if passes is None:
            return circuit
        with chained(f"the pass manager failed on {circuit.num_qubits} qubits"):
            return passes.run(circuit)

    def _run_job(self, keys: Sequence[Key], shots: dict[Key, int]) -> dict[Key, str | int]:
        pubs = [(self.circuit(*key), None, shots[key]) for key in keys]
        results = self._results(pubs, outcomes.described(keys))
        return {
            key: "".join(_words(result, REGISTER, 1, shots[key], f"power {key[0]}"))
            for key, result in zip(keys, results, strict=True)
        }

    def _results(self, pubs: Sequence[Any], what: str) -> list[Any]:
        """One result a circuit of one job."""
        with chained(f"the sampler failed on {what}"):
            sampler = self._made()
        _require_state(sampler, max(pub[0].num_qubits for pub in pubs))
        with chained(f"the sampler failed on {what}"):
            result = sampler.run(pubs).result()
        found = outcomes.read(lambda: len(result), what)
        if found != len(pubs):
            raise BackendFailed(f"the sampler returned {found} of {len(pubs)} circuits: {what}")
        return [result[index] for index in range(found)]

    def _made(self) -> Any:  # noqa: ANN401
        """The user's sampler, or one made with a fresh seed."""
        given = self.backend.sampler
        if _runs(given):
            return given
        make: Callable[[int], Any] = given
        (seed,) = child_seeds(self.rng, 1)
        made = make(seed)
        _require_sampler(made)
        if not self._uses_seeds:
            # a second one, for comparison only, takes nothing of the oracle's stream
            require_used_seeds(made, make(*child_seeds(generator(seed), 1)))
            self._uses_seeds = True
        return made


def _require_sampler(made: object) -> None:
    """Refuse what a function of a seed made, if it is no sampler."""
    if not _runs(made):
        allowed = "a function of a seed that makes a BaseSamplerV2, with run(pubs)"
        raise checks.refuse("sampler", made, allowed)


def _require_state(sampler: object, qubits: int) -> None:
    """Raise `TooLarge` where qiskit's own simulator would make a state beyond the machine."""
    from qiskit.primitives import StatevectorSampler

    if isinstance(sampler, StatevectorSampler):
        memory.require(
            _COPIES * memory.BYTES_AN_AMPLITUDE * 2.0**qubits,
            f"StatevectorSampler's state of {qubits} qubits, a device's idle ones among them,",
            "compile for a device of fewer qubits, or take qiskit_aer's SamplerV2 or "
            "Aer(noise=DeviceNoise(...)), which leave idle qubits out",
        )


def _runs(part: object) -> bool:
    return callable(getattr(part, "run", None))


def _takes_one(make: object) -> bool:
    """Whether it can be called with a seed; what tells no signature is tried when it is needed."""
    if not callable(make):
        return False
    try:
        inspect.signature(make).bind(0)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _words(result: Any, register: str, width: int, shots: int, what: str) -> list[str]:  # noqa: ANN401
    """Outcomes of a register, one a shot."""
    bits = outcomes.read(lambda: result.data[register], what)
    found, seen = outcomes.read(lambda: (bits.num_bits, bits.num_shots), what)
    if found != width:
        msg = f"the sampler returned {found} bits at {what}: must be {width}, register {register!r}"
        raise BackendFailed(msg)
    outcomes.require_all(seen, shots, what)
    return list(outcomes.read(bits.get_bitstrings, what))
