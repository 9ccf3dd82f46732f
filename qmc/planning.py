"""What a quantum solve would need and cost, before anything runs.

A plan may look at the grid's own numbers, which it could add up; an estimate may not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmc.backends import Backend
from qmc.circuits import AmplitudeProblem, Encoding
from qmc.classical_cost import classical_paths
from qmc.dress_rehearsal import Rehearsal
from qmc.errors import Unsupported
from qmc.estimators import Estimator
from qmc.grids import CellTable, Residual
from qmc.measures import Mean, Sensitivity, Tail, TailMeasure
from qmc.memory import BYTES_AN_AMPLITUDE, BYTES_AN_INSTRUCTION
from qmc.problem import Goal, Problem
from qmc.quantile import ThresholdSearch
from qmc.rounds import PhaseRound, Request
from qmc.split import Split, circuit_goal, needs_residual, planned_split
from qmc.step_error import step_error

if TYPE_CHECKING:
    from qmc.resources import Machine, RunResources

# an order of magnitude, from the rows "Aer" and "Ideal" of `python -m benchmarks run plans`, on one
# core of a small server that had other work too: seconds of a solve, of a path of the grid's pilot
# (cells are tried on it, for grids of two sizes), of a normal of the residual, of a round with what
# the estimator thinks before it, of a gate, and of an amplitude in a gate
_SECONDS_A_SOLVE = 0.3
_SECONDS_A_PILOT_PATH = 4e-4
_SECONDS_A_NORMAL = 1e-7
_SECONDS_A_ROUND = 1.5e-2
_SECONDS_A_GATE = 1e-6
_SECONDS_AN_AMPLITUDE = 1e-9
# a number is told from 0 by queries in proportion to the largest cell's value over it
_NEARLY_NOTHING = 1e-6
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
        residual_paths: classical paths to measure what the grid leaves out, its pilot's and a
            step's counted as in `Cost.residual_paths`; 0 without.
        pilot_paths: those of them whose number is known beforehand.
        classical_paths: plain Monte Carlo paths for the same half-width, from a pilot's variance.
        memory_bytes: of the simulated state and the largest circuit.
        seconds: order of magnitude on a simulator, one core.
        split: how tolerance and error probability are shared between circuit and residual; None
            without a residual.
        run: gates of a whole run, and on a machine physical qubits and runtime; None unless a
            machine was named.
        warnings: why the goal would not be reached, found before anything is paid.
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
    pilot_paths: float = 0.0
    split: Split | None = None
    run: RunResources | None = None
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        """A line of sizes and costs, one of the parts, one of the machine, one a warning."""
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
        return "\n".join([*lines, *self.warnings])


@dataclass(frozen=True, slots=True)
class Parts:
    """What an engine is made of, every part chosen."""

    encoding: Encoding
    estimator: Estimator
    backend: Backend
    residual: Residual | None
    search: ThresholdSearch | None = None

    @property
    def decay(self) -> float:
        """Visibility lost per power that the backend states."""
        return float(getattr(self.backend, "decay", 0.0))


@dataclass(frozen=True, slots=True)
class _Solve:
    """One solve as it is expected: its circuit, rounds and paths.

    Attributes:
        encoded: the circuit A.
        requests: rounds of all circuits.
        residual_paths: the residual's, its pilot and a step's measurement counted.
        pilot_paths: of these the pilot's and the step's.
        split: between circuit and residual.
    """

    encoded: AmplitudeProblem
    requests: tuple[Request, ...]
    residual_paths: float = 0.0
    pilot_paths: float = 0.0
    split: Split | None = None

    @property
    def queries(self) -> float:
        """Of all rounds."""
        return float(sum(one.queries for one in self.requests))

    @property
    def ancillas(self) -> int:
        """Qubits beside A's: a clean one for the reflection, one to steer, or a phase register."""
        bits = max((one.bits for one in self.requests if isinstance(one, PhaseRound)), default=0)
        steered = any(getattr(one, "steer", 0.0) != 0.0 for one in self.requests)
        return 1 + max(bits, int(steered))

    @property
    def powers(self) -> float:
        """Sum of 2k+1 over the circuits: each power's is made once and kept."""
        powers = {one.power for one in self.requests}
        return float(sum(2 * power + 1 for power in powers))


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
        Unsupported: for a measure of the tail on a grid without edges.
    """
    from qmc.circuits.grover import summary

    search = isinstance(problem.measure, TailMeasure)
    solve = (_search if search else _mean)(problem, goal, table, parts)
    size = summary(solve.encoded)
    gates_of_a = max(size.depth, 1) * _GATES_A_DEPTH
    return Plan(
        grid=repr(grid),
        encoding=repr(parts.encoding),
        estimator=repr(parts.estimator),
        backend=repr(parts.backend),
        qubits=solve.encoded.num_qubits + solve.ancillas,
        depth=size.depth,
        two_qubit_gates=size.two_qubit_gates,
        expected_queries=solve.queries,
        residual_paths=solve.residual_paths,
        classical_paths=classical_paths(problem, goal),
        memory_bytes=_bytes(solve, parts.backend, gates_of_a),
        seconds=_seconds(problem, table, solve, parts, gates_of_a),
        pilot_paths=solve.pilot_paths,
        split=solve.split,
        run=None if search else _on_machine(solve, parts, goal, table, machine),
        warnings=() if search else tuple(_out_of_reach(goal, table, solve, parts)),
    )


def _out_of_reach(goal: Goal, table: CellTable, solve: _Solve, parts: Parts) -> Iterator[str]:
    """What no queries can mend: a bias beyond the goal, or paths that end before it."""
    allowed = goal.allowed_half_width(table.mean())
    bias = solve.encoded.bias_bound + table.known_bias
    mean, largest = abs(table.mean() - goal.origin), float(np.abs(table.values).max())
    if goal.tolerance is None and allowed is not None and mean < _NEARLY_NOTHING * largest:
        yield (
            f"out of reach, perhaps: the cells are worth {mean:.3g} in all, beside {largest:.3g} "
            "the largest, of which no share is small enough for a relative tolerance; give "
            "tolerance= or queries="
        )
    if allowed is not None and 0.0 < bias >= allowed:
        yield (
            f"out of reach: encoding and grid state a bias of up to {bias:.3g}, the goal allows "
            f"{allowed:.3g}; no queries reach it, take MultiplexedRotation() with an exact loader, "
            "bias='measured', or more qubits"
        )
    if solve.split is None or parts.residual is None:
        return
    most = parts.residual.max_paths
    if allowed is not None and 2.0 * (solve.residual_paths - solve.pilot_paths) > most:
        yield (
            f"out of reach, perhaps: the residual may take more than its max_paths={most:,}; take "
            "a larger tolerance, more qubits, or Residual(max_paths=...)"
        )


def _search(problem: Problem, goal: Goal, table: CellTable, parts: Parts) -> _Solve:
    """A threshold search, and the excess of an ES; its circuit is a test's in the middle."""
    if table.edges is None:
        msg = "the grid made no edges for a quantile: take LawGrid or FactorGrid"
        raise Unsupported(msg)
    found = _rehearsal(problem, goal, table, parts).searched()
    middle = float(table.edges[len(table.edges) // 2])
    return _Solve(parts.encoding.encode(table, Tail(middle)), found.requests, found.paths)


def _mean(problem: Problem, goal: Goal, table: CellTable, parts: Parts) -> _Solve:
    """A mean, and the residual beside it."""
    encoded, paths, split = parts.encoding.encode(table, Mean()), 0.0, None
    if isinstance(problem.measure, Sensitivity):
        step = step_error(problem)
        goal, paths = step.goal(goal), float(step.paths)
    rehearsal, residual = _rehearsal(problem, goal, table, parts), parts.residual
    if residual is None or not needs_residual(table):
        return _Solve(encoded, rehearsal.average().requests, paths, paths)
    bar = residual.pilot(problem, table)
    split = planned_split(problem, goal, table, encoded, parts.estimator, residual, bar)
    found = rehearsal.corrected(residual, bar, split)
    paths += residual.pilot_paths
    return _Solve(encoded, found.requests, paths + found.paths, paths, split)


def _rehearsal(problem: Problem, goal: Goal, table: CellTable, parts: Parts) -> Rehearsal:
    return Rehearsal(
        problem,
        goal,
        table,
        parts.encoding,
        parts.estimator,
        parts.decay,
        residual=parts.residual,
        search=parts.search,
        reads=bool(getattr(parts.backend, "reads", False)),
    )


def _on_machine(
    solve: _Solve, parts: Parts, goal: Goal, table: CellTable, machine: Machine | None
) -> RunResources | None:
    if machine is None:
        return None
    from qmc.resources.runs import Circuits, run_resources

    encoded = solve.encoded
    return run_resources(
        Circuits(encoded),
        parts.estimator,
        circuit_goal(goal, solve.split),
        min(max((table.mean() - encoded.offset) / encoded.scale, 0.0), 1.0),
        grid_bias=table.known_bias,
        machine=machine,
    )


def _draws_only(backend: Backend) -> bool:
    """Whether a backend samples the law of the flag and builds no circuit."""
    return not getattr(backend, "builds_circuits", True)


def _bytes(solve: _Solve, backend: Backend, gates: float) -> float:
    """The state, and the largest circuit unrolled where one is built."""
    encoded = solve.encoded
    if _draws_only(backend):
        cells = 0 if encoded.flags is None else encoded.flags.size
        return 16.0 * cells if encoded.amplitude is None else 0.0
    largest = 2.0 * max((one.power for one in solve.requests), default=0) + 1.0
    state = BYTES_AN_AMPLITUDE * 2.0 ** (encoded.num_qubits + solve.ancillas)
    return state + BYTES_AN_INSTRUCTION * largest * gates


def _seconds(
    problem: Problem, table: CellTable, solve: _Solve, parts: Parts, gates: float
) -> float:
    """The grid, the residual's normals, rounds, and the gates of their circuits."""
    normals = solve.residual_paths * problem.num_factors
    seconds = _SECONDS_A_SOLVE + table.pilot_paths * _SECONDS_A_PILOT_PATH
    seconds += normals * _SECONDS_A_NORMAL + len(solve.requests) * _SECONDS_A_ROUND
    if _draws_only(parts.backend):
        return seconds
    per_gate = _SECONDS_A_GATE + _SECONDS_AN_AMPLITUDE * 2.0**solve.encoded.num_qubits
    return seconds + solve.powers * gates * per_gate
