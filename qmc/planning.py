"""What a quantum solve would need and cost, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.estimators.protocols import Estimator
from qmc.problem import Goal, Problem

_BYTES_AN_AMPLITUDE = 16.0
_PILOT_PATHS = 4096
_PILOT_SEED = 20_260_102
# measured on one core of a small server: see `python -m benchmarks run peers`
_SECONDS_SETUP = 0.3
_SECONDS_A_GATE = 5e-7
_SECONDS_AN_AMPLITUDE_AND_GATE = 2e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Size and expected cost of a solve.

    Attributes:
        qubits: of the circuits that run, ancillas of the Grover operator included.
        depth, two_qubit_gates: of A in cx, rz, sx, x.
        expected_queries: uses of A or its inverse that the estimator is expected to need.
        classical_paths: plain Monte Carlo paths for the same half-width, from a pilot's variance.
        memory_bytes: of the simulated state.
        seconds: order of magnitude on a simulator, one core.
    """

    qubits: int
    depth: int
    two_qubit_gates: int
    expected_queries: float
    classical_paths: float
    memory_bytes: float
    seconds: float

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.qubits} qubits, A depth {self.depth} with {self.two_qubit_gates} CX, about "
            f"{self.expected_queries:,.0f} queries ({self.classical_paths:,.0f} classical paths), "
            f"{self.memory_bytes / 2**20:.3g} MiB, about {self.seconds:.2g} s on a simulator"
        )


def classical_paths(problem: Problem, goal: Goal, half_width: float | None) -> float:
    """Plain Monte Carlo paths for a half-width of the mean: (z sd / half-width)^2, sd by pilot."""
    if half_width is None or half_width <= 0.0:
        return float(goal.queries or 0)
    factors = problem.model.num_factors(problem.contract.times)
    normals = np.random.default_rng(_PILOT_SEED).standard_normal((_PILOT_PATHS, factors))
    z = float(special.ndtri(0.5 + 0.5 * goal.confidence))
    return float((z * np.std(problem.outcomes(normals)) / half_width) ** 2)


def plan_estimate(
    amplitude_problem: AmplitudeProblem,
    estimator: Estimator,
    goal: Goal,
    *,
    amplitude: float,
    tests: int,
    paths: float,
) -> Plan:
    """Plan `tests` runs of an estimator on circuits of this size at about this amplitude.

    Args:
        amplitude_problem: the circuit A.
        estimator: asked for its expected queries.
        goal: the amplitude goal of one run.
        amplitude: a guess of the amplitude, in [0, 1].
        tests: how many runs (thresholds of a quantile search, or 1).
        paths: classical paths for the same aim.
    """
    from qmc.circuits.grover import summary

    size = summary(amplitude_problem)
    qubits = amplitude_problem.num_qubits + 1
    queries = tests * estimator.expected_queries(goal, amplitude)
    powers = tests * _power_sum(goal, queries / max(tests, 1))
    gates = max(size.depth, 1) * 3.0
    per_gate = _SECONDS_A_GATE + _SECONDS_AN_AMPLITUDE_AND_GATE * 2.0**qubits
    return Plan(
        qubits=qubits,
        depth=size.depth,
        two_qubit_gates=size.two_qubit_gates,
        expected_queries=queries,
        classical_paths=paths,
        memory_bytes=_BYTES_AN_AMPLITUDE * 2.0**qubits,
        seconds=tests * _SECONDS_SETUP + powers * gates * per_gate,
    )


def _power_sum(goal: Goal, queries: float) -> float:
    """Total 2k+1 over the circuits of a run: 2k+1 doubles up to about 1 / (2 tolerance)."""
    if goal.tolerance is None:
        return queries / 30.0
    return min(queries, 1.0 / goal.tolerance)
