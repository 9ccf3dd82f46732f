"""`Ideal`: the noise-free law of the circuit, sampled as binomial shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmc import memory
from qmc.backends.outcomes import checked
from qmc.backends.protocols import Oracle
from qmc.circuits.amplitude_problem import AmplitudeProblem, require_problem
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

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> Oracle:
        """The oracle of one amplitude problem."""
        return IdealOracle(flag_probability(problem), generator(rng))


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
