"""What a quantum solve would need and cost, before anything runs.

A plan may look at the grid's own numbers, which it could add up; an estimate may not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from qmc.circuits import AmplitudeProblem, Encoding
from qmc.errors import Unsupported
from qmc.estimators import Estimator
from qmc.grids import CellTable
from qmc.measures import ES, Excess, Mean, Probability, Tail, VaR
from qmc.memory import BYTES_AN_AMPLITUDE, BYTES_AN_INSTRUCTION
from qmc.problem import Array, Goal, Problem
from qmc.quantile import (
    find_bracket,
    max_tests,
    narrow_enough,
    require_visible_tail,
    resolution,
)
from qmc.result import Estimate, Interval
from qmc.tail_risk import tail_bias

_PILOT_PATHS = 2**14
_PILOT_SEED = 20_260_102
# a quantile's density is taken between these shares of its tail probability, above and below
_DENSITY_SHARES = (0.5, 1.5)
_PATHS_A_SKEWNESS = 50.0
# an early-stopped test ends when its half-width is about this share of the gap it has to see
_STOP_SHARE = 0.5
# measured on one core of a small server, see `python -m benchmarks run peers`: seconds of a
# circuit, of a gate, and of an amplitude in a gate
_SECONDS_A_CIRCUIT = 1.5e-3
_SECONDS_A_GATE = 2e-6
_SECONDS_AN_AMPLITUDE = 1e-9
_CIRCUITS_A_TEST = 6.0
# A in Aer's gates against its depth in cx, rz, sx, x: a rotation is one gate there
_GATES_A_DEPTH = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Size and expected cost of a solve.

    Attributes:
        qubits: A's, and the clean ancilla that the Grover operator takes on a device.
        depth, two_qubit_gates: of A in cx, rz, sx, x.
        expected_queries: uses of A or its inverse that the estimator is expected to need.
        classical_paths: plain Monte Carlo paths for the same half-width, from a pilot's variance.
        memory_bytes: of the simulated state and the largest circuit.
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


@dataclass(frozen=True, slots=True)
class _Stage:
    """One run of the estimator: expected queries, and the half-width of its amplitude."""

    queries: float
    half_width: float

    @property
    def powers(self) -> float:
        """Sum of 2k+1 over its circuits: it doubles up to about 1 / half-width."""
        return min(self.queries, 1.0 / max(self.half_width, 1e-12))


def make_plan(
    problem: Problem, goal: Goal, table: CellTable, encoding: Encoding, estimator: Estimator
) -> Plan:
    """Plan a solve on a table of cells.

    Raises:
        Unsupported: for VaR or ES on a grid without edges.
    """
    from qmc.circuits.grover import summary

    if isinstance(problem.measure, VaR | ES):
        encoded, stages = _tail_stages(problem.measure, goal, table, encoding, estimator)
    else:
        encoded, stages = _mean_stage(goal, table, encoding, estimator)
    queries = math.fsum(stage.queries for stage in stages)
    if goal.queries is not None:
        queries = min(queries, float(goal.queries))
    size = summary(encoded)
    qubits = encoded.num_qubits + 1
    gates_of_a = max(size.depth, 1) * _GATES_A_DEPTH
    gates = math.fsum(stage.powers for stage in stages) * gates_of_a
    # the largest circuit, unrolled, and the state
    largest = max((stage.powers for stage in stages), default=1.0) * gates_of_a
    circuits = len(stages) * _CIRCUITS_A_TEST
    per_gate = _SECONDS_A_GATE + _SECONDS_AN_AMPLITUDE * 2.0**encoded.num_qubits
    return Plan(
        qubits=qubits,
        depth=size.depth,
        two_qubit_gates=size.two_qubit_gates,
        expected_queries=queries,
        classical_paths=classical_paths(problem, goal),
        memory_bytes=BYTES_AN_AMPLITUDE * 2.0**qubits + BYTES_AN_INSTRUCTION * largest,
        seconds=circuits * _SECONDS_A_CIRCUIT + gates * per_gate,
    )


def classical_paths(problem: Problem, goal: Goal) -> float:
    """Plain Monte Carlo paths for the goal's half-width, (z sd / half-width)^2.

    At least 50 times the squared skewness of a path's value, where that is averaged: with fewer
    the central limit theorem's interval is not to be relied on (`classical_baseline.intervals`).

    The standard deviation a path, from a pilot of fixed seed, is that of the outcome for a mean,
    sqrt(p (1 - p)) / density for a quantile (Serfling 1980, section 2.3.3) and, for ES, that of
    (L - VaR)+ / (1 - level).
    """
    factors = problem.num_factors
    normals = np.random.default_rng(_PILOT_SEED).standard_normal((_PILOT_PATHS, factors))
    value, deviation, skewness = _value_and_spread(problem, problem.outcomes(normals))
    half_width = goal.allowed_half_width(value)
    if half_width is None or half_width <= 0.0:
        return float(goal.queries or 0)
    z = float(special.ndtri(0.5 + 0.5 * goal.confidence))
    return max(1.0, (z * deviation / half_width) ** 2, _PATHS_A_SKEWNESS * skewness**2)


def _value_and_spread(problem: Problem, outcomes: Array) -> tuple[float, float, float]:
    """The measure's value in the pilot, and deviation and skewness of what one path adds to it.

    The skewness is 0 where the interval is no central limit theorem's: quantiles and shares.
    """
    measure = problem.measure
    if not isinstance(measure, VaR | ES):
        skewness = 0.0 if isinstance(measure, Probability) else _skewness(outcomes)
        return float(outcomes.mean()), float(outcomes.std()), skewness
    tau = 1.0 - measure.level
    quantile = float(np.quantile(outcomes, measure.level))
    if isinstance(measure, ES):
        excess = np.maximum(outcomes - quantile, 0.0) / tau
        return quantile + float(excess.mean()), float(excess.std()), _skewness(excess)
    few, many = (share * tau for share in _DENSITY_SHARES)
    many = min(many, 0.5 * (1.0 + tau))
    low, high = np.quantile(outcomes, [1.0 - many, 1.0 - few])
    density = (many - few) / (high - low) if high > low else math.inf
    return quantile, math.sqrt(tau * measure.level) / density, 0.0


def _skewness(values: Array) -> float:
    deviation = float(values.std())
    if deviation == 0.0:
        return 0.0
    return float((((values - values.mean()) / deviation) ** 3).mean())


def _mean_stage(
    goal: Goal, table: CellTable, encoding: Encoding, estimator: Estimator
) -> tuple[AmplitudeProblem, list[_Stage]]:
    encoded = encoding.encode(table, Mean())
    one = encoded.amplitude_goal(goal, table.known_bias)
    amplitude = (table.mean() - encoded.offset) / encoded.scale
    return encoded, [_stage(estimator, one, amplitude)]


def _tail_stages(
    measure: VaR | ES, goal: Goal, table: CellTable, encoding: Encoding, estimator: Estimator
) -> tuple[AmplitudeProblem, list[_Stage]]:
    """The tests of a search that sees the true tails, then the excess of an ES."""
    if table.edges is None:
        msg = "the grid made no edges for a quantile: take LawGrid"
        raise Unsupported(msg)
    edges, tau = np.asarray(table.edges), 1.0 - measure.level
    tails = np.append(np.cumsum(table.probabilities[::-1])[::-1], 0.0)
    confidence = 1.0 - (1.0 - goal.confidence) / max_tests(edges)
    require_visible_tail(tau, tail_bias(encoding, table, edges.size // 2))
    stages: list[_Stage] = []

    def test(edge: int) -> Estimate:
        tail, bias = min(float(tails[edge]), 1.0), tail_bias(encoding, table, edge)
        seen = max(_STOP_SHARE * (abs(tail - tau) - bias), resolution(tau, bias))
        stages.append(_stage(estimator, Goal(tolerance=seen, confidence=confidence), tail))
        return Estimate(tail, Interval(tail - bias, tail + bias, confidence), "converged")

    search = goal if isinstance(measure, VaR) else Goal(queries=1)
    bracket = find_bracket(edges, tau, test, narrow_enough(edges, search))
    finite = [e for e in (bracket.low, bracket.high) if math.isfinite(float(edges[e]))]
    edge = finite[0] if finite else edges.size // 2
    if isinstance(measure, VaR):
        return encoding.encode(table, Tail(float(edges[edge]))), stages
    threshold = float(edges[edge])
    encoded = encoding.encode(table, Excess(threshold))
    mean = float(table.probabilities @ table.outcomes(Excess(threshold)))
    allowed = goal.allowed_half_width(threshold + mean / tau)
    if allowed is not None:
        one = encoded.amplitude_goal(Goal(tolerance=allowed * tau, confidence=goal.confidence), 0.0)
        stages.append(_stage(estimator, one, (mean - encoded.offset) / encoded.scale))
    elif goal.queries is not None:
        stages.append(_Stage(float(goal.queries), 30.0 / goal.queries))
    return encoded, stages


def _stage(estimator: Estimator, goal: Goal, amplitude: float) -> _Stage:
    amplitude = min(max(amplitude, 0.0), 1.0)
    queries = estimator.expected_queries(goal, amplitude)
    half_width = goal.allowed_half_width(amplitude)
    return _Stage(queries, 30.0 / queries if half_width is None else half_width)
