"""What a quantum solve would need and cost, before anything runs.

A plan may look at the grid's own numbers, which it could add up; an estimate may not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmc.average import Split, circuit_goal, needs_residual, planned_split
from qmc.backends import Backend
from qmc.circuits import AmplitudeProblem, Encoding
from qmc.classical_cost import classical_paths
from qmc.errors import Unsupported
from qmc.estimators import Estimator
from qmc.grids import CellTable, Residual
from qmc.measures import ES, Excess, Mean, Tail, VaR
from qmc.memory import BYTES_AN_AMPLITUDE, BYTES_AN_INSTRUCTION
from qmc.problem import Goal, Problem
from qmc.quantile import (
    find_bracket,
    max_tests,
    narrow_enough,
    require_visible_tail,
    resolution,
)
from qmc.rehearsal import rehearse
from qmc.result import Estimate, Interval
from qmc.rounds import PhaseRound, Request
from qmc.tail_risk import tail_bias

if TYPE_CHECKING:
    from qmc.resources import Machine, RunResources

# an early-stopped test ends when its half-width is about this share of the gap it has to see
_STOP_SHARE = 0.5
# measured on one core of a small server, see `python -m benchmarks run plans`: seconds of a
# circuit, of a gate, and of an amplitude in a gate
_SECONDS_A_CIRCUIT = 1.5e-3
_SECONDS_A_GATE = 2e-6
_SECONDS_AN_AMPLITUDE = 1e-9
_CIRCUITS_A_TEST = 6.0
# A in Aer's gates against its depth in cx, rz, sx, x: a rotation is one gate there
_GATES_A_DEPTH = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Parts, size and expected cost of a solve.

    Attributes:
        grid, encoding, estimator, backend: the parts, as they print.
        qubits: A's, a clean ancilla for the Grover operator, one for steering or a phase register
            where the estimator asks for them.
        depth, two_qubit_gates: of A in cx, rz, sx, x.
        expected_queries: uses of A or its inverse, of a rehearsed run.
        residual_paths: classical paths to measure what the grid leaves out; 0 without.
        classical_paths: plain Monte Carlo paths for the same half-width, from a pilot's variance.
        memory_bytes: of the simulated state and the largest circuit.
        seconds: order of magnitude on a simulator, one core.
        split: how tolerance and error probability are shared between circuit and residual; None
            without a residual.
        run: gates of a whole run, and on a machine physical qubits and runtime; None unless a
            machine was named.
    """

    grid: str
    encoding: str
    estimator: str
    backend: str
    qubits: int
    depth: int
    two_qubit_gates: int
    expected_queries: float
    residual_paths: float
    classical_paths: float
    memory_bytes: float
    seconds: float
    split: Split | None = None
    run: RunResources | None = None

    def __str__(self) -> str:
        """A line of sizes and costs, one of the parts, one of the machine."""
        residual = f" and {self.residual_paths:,.0f} residual paths" if self.residual_paths else ""
        lines = [
            f"{self.qubits} qubits, A depth {self.depth} with {self.two_qubit_gates} CX, about "
            f"{self.expected_queries:,.0f} queries{residual} ({self.classical_paths:,.0f} "
            f"classical paths), {self.memory_bytes / 2**20:.3g} MiB, about {self.seconds:.2g} s on "
            "a simulator",
            f"by {self.estimator} on {self.grid}, {self.encoding}, {self.backend}",
        ]
        if self.run is not None and self.run.physical is not None:
            lines.append(
                f"on {self.run.physical.machine}: {self.run.physical.qubits:,} physical qubits, "
                f"{self.run.seconds:.3g} s, {self.run.t_count:.3g} T gates in all"
            )
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Parts:
    """What an engine is made of, every part chosen."""

    encoding: Encoding
    estimator: Estimator
    backend: Backend
    residual: Residual | None

    @property
    def decay(self) -> float:
        """Visibility lost per power that the backend states."""
        return float(getattr(self.backend, "decay", 0.0))


@dataclass(frozen=True, slots=True)
class _Stage:
    """One run of the estimator: queries, and the sum of 2k+1 over its circuits."""

    queries: float
    powers: float
    circuits: float = _CIRCUITS_A_TEST


def make_plan(
    problem: Problem,
    goal: Goal,
    grid: object,
    table: CellTable,
    parts: Parts,
    machine: Machine | None,
) -> Plan:
    """Plan a solve on a table of cells.

    Raises:
        Unsupported: for VaR or ES on a grid without edges.
    """
    from qmc.circuits.grover import summary

    split: Split | None = None
    run: RunResources | None = None
    extra = 1
    if isinstance(problem.measure, VaR | ES):
        encoded, stages = _tail_stages(problem.measure, goal, table, parts)
    else:
        encoded = parts.encoding.encode(table, Mean())
        if parts.residual is not None and needs_residual(table):
            split = planned_split(problem, goal, table, encoded, parts.estimator, parts.residual)
        one = encoded.amplitude_goal(circuit_goal(goal, split), table.known_bias)
        amplitude = min(max((table.mean() - encoded.offset) / encoded.scale, 0.0), 1.0)
        requests = rehearse(parts.estimator, one, amplitude, parts.decay)
        stages, extra = [_rehearsed(requests)], _ancillas(requests)
        run = _on_machine(encoded, parts, circuit_goal(goal, split), table, amplitude, machine)
    size = summary(encoded)
    queries = math.fsum(stage.queries for stage in stages)
    gates_of_a = max(size.depth, 1) * _GATES_A_DEPTH
    return Plan(
        grid=repr(grid),
        encoding=repr(parts.encoding),
        estimator=repr(parts.estimator),
        backend=repr(parts.backend),
        qubits=encoded.num_qubits + extra,
        depth=size.depth,
        two_qubit_gates=size.two_qubit_gates,
        expected_queries=queries if goal.queries is None else min(queries, float(goal.queries)),
        residual_paths=0.0 if split is None else split.paths,
        classical_paths=classical_paths(problem, goal),
        memory_bytes=_bytes(encoded, parts.backend, stages, gates_of_a, extra),
        seconds=_seconds(encoded, parts.backend, stages, gates_of_a),
        split=split,
        run=run,
    )


def _on_machine(
    encoded: AmplitudeProblem,
    parts: Parts,
    goal: Goal,
    table: CellTable,
    amplitude: float,
    machine: Machine | None,
) -> RunResources | None:
    if machine is None:
        return None
    from qmc.resources.runs import Circuits, run_resources

    return run_resources(
        Circuits(encoded),
        parts.estimator,
        goal,
        amplitude,
        grid_bias=table.known_bias,
        machine=machine,
    )


def _rehearsed(requests: Sequence[Request]) -> _Stage:
    """What a rehearsal asked for: each power's circuit is made once and kept."""
    powers = {one.power for one in requests}
    return _Stage(
        queries=float(sum(one.queries for one in requests)),
        powers=float(sum(2 * power + 1 for power in powers)),
        circuits=float(len(requests)),
    )


def _ancillas(requests: Sequence[Request]) -> int:
    """Qubits beside A's: a clean one for the reflection, one to steer, or a phase register."""
    bits = max((one.bits for one in requests if isinstance(one, PhaseRound)), default=0)
    steered = any(getattr(one, "steer", 0.0) != 0.0 for one in requests)
    return 1 + max(bits, int(steered))


def _draws_only(backend: Backend) -> bool:
    """Whether a backend samples the law of the flag and builds no circuit."""
    return not getattr(backend, "builds_circuits", True)


def _bytes(
    encoded: AmplitudeProblem, backend: Backend, stages: Sequence[_Stage], gates: float, extra: int
) -> float:
    """The state, and the largest circuit unrolled where one is built."""
    if _draws_only(backend):
        cells = 0 if encoded.flags is None else encoded.flags.size
        return 16.0 * cells if encoded.amplitude is None else 0.0
    largest = max((stage.powers for stage in stages), default=1.0) * gates
    state = BYTES_AN_AMPLITUDE * 2.0 ** (encoded.num_qubits + extra)
    return state + BYTES_AN_INSTRUCTION * largest


def _seconds(
    encoded: AmplitudeProblem, backend: Backend, stages: Sequence[_Stage], gates: float
) -> float:
    circuits = math.fsum(stage.circuits for stage in stages)
    if _draws_only(backend):
        return circuits * _SECONDS_A_CIRCUIT
    per_gate = _SECONDS_A_GATE + _SECONDS_AN_AMPLITUDE * 2.0**encoded.num_qubits
    powers = math.fsum(stage.powers for stage in stages)
    return circuits * _SECONDS_A_CIRCUIT + powers * gates * per_gate


def _tail_stages(
    measure: VaR | ES, goal: Goal, table: CellTable, parts: Parts
) -> tuple[AmplitudeProblem, list[_Stage]]:
    """The tests of a search that sees the true tails, then the excess of an ES."""
    if table.edges is None:
        msg = "the grid made no edges for a quantile: take LawGrid"
        raise Unsupported(msg)
    encoding, estimator = parts.encoding, parts.estimator
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
        stages.append(_Stage(float(goal.queries), goal.queries / 30.0))
    return encoded, stages


def _stage(estimator: Estimator, goal: Goal, amplitude: float) -> _Stage:
    amplitude = min(max(amplitude, 0.0), 1.0)
    queries = estimator.expected_queries(goal, amplitude)
    half_width = goal.allowed_half_width(amplitude)
    # powers double up to about 1 / half-width
    powers = queries / 30.0 if half_width is None else 1.0 / max(half_width, 1e-12)
    return _Stage(queries, min(queries, powers))
