"""`Ideal`: the noise-free law of the circuit, sampled as binomial shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmc import memory
from qmc.backends.outcomes import checked
from qmc.backends.protocols import Oracle, Reading
from qmc.circuits.amplitude_problem import AmplitudeProblem, require_problem
from qmc.problem import Array
from qmc.rng import generator
from qmc.rounds import PhaseRound, Round, draw_hits, draw_phases


@dataclass(frozen=True, slots=True)
class Ideal:
    """Draw hits from Binomial(shots, sin^2((2k+1) theta)) without simulating a circuit.

    The amplitude is sum over cells of P(cell) P(flag | cell), which is what A prepares; where no
    table is known it is read from the circuit's state vector.

    Raises:
        TooLarge: when a state vector would not fit the machine.
    """

    builds_circuits = False
    reads = True

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> Oracle:
        """The oracle of one amplitude problem; with value registers, one that reads them."""
        made = IdealOracle(flag_probability(problem), generator(rng))
        if not problem.registers or problem.probabilities is None or problem.flags is None:
            return made
        return IdealReadout(made, problem.probabilities, problem.flags)


@dataclass(frozen=True, slots=True)
class IdealOracle:
    """Binomial hits of a known amplitude."""

    amplitude: float
    rng: np.random.Generator
    decay: float = 0.0

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, one a round."""
        return tuple(draw_hits(self.amplitude, one, self.rng) for one in checked(rounds))

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a phase register, one a shot."""
        asked = PhaseRound(bits, shots)
        return draw_phases(self.amplitude, asked.bits, asked.shots, self.rng)


@dataclass(frozen=True, slots=True)
class IdealReadout:
    """Binomial hits, and cells drawn from the table's law given the flag.

    Attributes:
        oracle: of the flag.
        probabilities: (2**n,) of the cells.
        flags: (2**n,) P(flag = 1 | cell).
    """

    oracle: IdealOracle
    probabilities: Array
    flags: Array
    _laws: dict[float, Array] = field(default_factory=dict, repr=False)

    @property
    def amplitude(self) -> float:
        """P(flag = 1) after A."""
        return self.oracle.amplitude

    @property
    def decay(self) -> float:
        """Visibility lost per power: 0."""
        return self.oracle.decay

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, one a round."""
        return self.oracle.run(rounds)

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a phase register, one a shot."""
        return self.oracle.phases(bits, shots)

    def readout(self, rounds: Sequence[Round]) -> tuple[Reading, ...]:
        """Hits and their cells, one pair a round."""
        hits = self.oracle.run(rounds)
        return tuple(
            (count, self._cells(count, one.steer)) for count, one in zip(hits, rounds, strict=True)
        )

    def _cells(self, count: int, steer: float) -> tuple[int, ...]:
        """Draws of the cell given the steered flag, by inversion."""
        if not count:
            return ()
        if steer not in self._laws:
            given = (1.0 - abs(steer)) * self.flags + max(-steer, 0.0)
            self._laws[steer] = np.cumsum(self.probabilities * given)
        law = self._laws[steer]
        # below the total, so that no draw is a cell without probability behind the last
        at = np.minimum(self.oracle.rng.random(count) * law[-1], np.nextafter(law[-1], 0.0))
        return tuple(np.searchsorted(law, at, side="right").tolist())


def flag_probability(problem: AmplitudeProblem) -> float:
    """P(flag = 1) after A, without noise."""
    require_problem(problem)
    if problem.amplitude is not None:
        return problem.amplitude
    if problem.probabilities is not None and problem.flags is not None:
        return float(np.clip(problem.probabilities @ problem.flags, 0.0, 1.0))
    memory.require(
        memory.BYTES_AN_AMPLITUDE * 2.0**problem.num_qubits,
        f"a state of {problem.num_qubits} qubits",
        "take fewer qubits",
    )
    from qiskit.quantum_info import Statevector

    return float(Statevector(problem.circuit).probabilities([problem.flag])[1])
