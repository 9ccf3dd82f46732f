"""`resources`: sizes of A, of Q and of a whole estimate, in one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmc import checks, memory
from qmc.backends.ideal import flag_probability
from qmc.circuits import AmplitudeProblem
from qmc.engine import Quantum
from qmc.errors import Unsupported
from qmc.estimators import Estimator, Iterative
from qmc.measures import TailMeasure
from qmc.problem import Goal, Problem
from qmc.resources.counts import GateCounts, count_gates, t_per_rotation
from qmc.resources.machine import Machine, PhysicalResources, checked_machine, physical
from qmc.resources.runs import Circuits, RunResources, run_resources
from qmc.tables import TextTable

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# a loader's and the table's rotations and CX, in A and twice in Q, and in their compiled copies
_INSTRUCTIONS_A_CELL = 24.0
_PHYSICAL = ("physical qubits", "seconds")
_COLUMNS = ("circuit", "qubits", "depth", "CX", "rotations", "T count", "T depth", *_PHYSICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Sizes of the circuits of an amplitude problem, and of a whole estimate.

    Attributes:
        state: of A; of the circuit itself where a circuit was given.
        grover: of Q on a clean ancilla; None where a circuit was given.
        run: of a whole estimate; None without a goal.
        state_physical, grover_physical: physical qubits and runtime of one run of A and of one Q;
            None without a machine.
    """

    state: GateCounts
    grover: GateCounts | None = None
    run: RunResources | None = None
    state_physical: PhysicalResources | None = None
    grover_physical: PhysicalResources | None = None

    def __str__(self) -> str:
        """One line a circuit, and one for the estimate."""
        parts = (self.state, self.grover, self.grover_physical, self.run)
        return "\n".join(str(part) for part in parts if part is not None)

    def table(self) -> TextTable:
        """A row for A, for Q, for the deepest circuit and for all shots of the estimate."""
        rows = [_row(self.state, self.state_physical)]
        if self.grover is not None:
            rows.append(_row(self.grover, self.grover_physical))
        if self.run is not None:
            rows += [_row(self.run.deepest, self.run.physical), _total(self.run)]
        caption = (
            f"Resources: rotations to {self.state.precision:g}, "
            f"{t_per_rotation(self.state.precision)} T each, {self.state.toffoli_t} T a Toffoli"
        )
        width = len(_COLUMNS) if self.state_physical else len(_COLUMNS) - len(_PHYSICAL)
        spare = ("rotations", "T depth", *_PHYSICAL) if self.state_physical else ("rotations",)
        cut = tuple(row[:width] for row in rows)
        return TextTable(caption, _COLUMNS[:width], cut, ("circuit",), spare)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict; `qmc.from_dict` reads it back."""
        from qmc.serialise import to_dict

        return to_dict(self)


def resources(
    problem: AmplitudeProblem | Problem | QuantumCircuit,
    goal: Goal | None = None,
    *,
    estimator: Estimator | None = None,
    engine: Quantum | None = None,
    amplitude: float | None = None,
    precision: float = 1e-10,
    toffoli_t: int = 4,
    machine: Machine | None = None,
) -> Resources:
    """Qubits, depth, two-qubit gates, rotations, T count and T depth; physical on a machine.

    Args:
        problem: an amplitude problem; a problem, which `engine` encodes; or any circuit, which is
            counted alone.
        goal: adds a whole estimate, in the number's unit.
        estimator: of the whole estimate; the engine's, or `Iterative()`.
        engine: encodes a problem; `Quantum()`.
        amplitude: that the estimate is rehearsed at, a guess; when None the true one, from the
            table or from the state vector of A.
        precision: of each rotation's synthesis, see `t_per_rotation`.
        toffoli_t: T gates a Toffoli gate, 4 with a measurement or 7 without.
        machine: adds physical qubits and runtime; needs the extra `resources`.

    Raises:
        InvalidProblem: for something else, or a goal with a bare circuit.
        Unsupported: for VaR and ES, which are a search over many amplitude problems; and for a
            machine without Microsoft's estimator.
        TooLarge: when a circuit or the state that gives the amplitude would not fit the machine.

    >>> from qmc import BlackScholes, Call, Goal, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.20, rate=0.05)
    >>> call = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> found = resources(call, Goal(tolerance=0.05))
    >>> found.state.two_qubit_gates, found.state.rotations, found.grover.qubits
    (32, 32, 7)
    """
    _require_parts(goal, estimator, engine)
    machine, bias = checked_machine(machine), 0.0
    if isinstance(problem, Problem):
        engine = Quantum() if engine is None else engine
        engine = engine if goal is None else engine.chosen(problem, goal)
        estimator = engine.estimator if estimator is None else estimator
        problem, bias = _encoded(problem, engine)
    if not isinstance(problem, AmplitudeProblem):
        return _circuit_alone(problem, goal, precision, toffoli_t, machine)
    _require_room(problem)
    circuits = Circuits(problem, precision, toffoli_t)
    state, grover, run = circuits.state(), circuits.grover(), None
    if goal is not None:
        run = run_resources(
            circuits,
            Iterative() if estimator is None else estimator,
            goal,
            flag_probability(problem) if amplitude is None else _share("amplitude", amplitude),
            grid_bias=bias,
            machine=machine,
        )
    return Resources(
        state=state,
        grover=grover,
        run=run,
        state_physical=physical(state, machine) if machine else None,
        grover_physical=physical(grover, machine) if machine else None,
    )


def _require_parts(goal: object, estimator: object, engine: object) -> None:
    """Refuse parts of another kind, before anything is encoded or counted."""
    if goal is not None and not isinstance(goal, Goal):
        raise checks.refuse("goal", goal, "a Goal, or None", "such as Goal(tolerance=0.05)")
    if estimator is not None:
        checks.interface("estimator", estimator, Estimator, "such as Iterative()")
    if engine is not None and not isinstance(engine, Quantum):
        hint = "no other engine has circuits"
        raise checks.refuse("engine", engine, "a Quantum engine, or None", hint)


def _share(name: str, value: float) -> float:
    if not 0.0 <= checks.finite(name, value) <= 1.0:
        raise checks.refuse(name, value, "from 0 to 1")
    return float(value)


def _require_room(problem: AmplitudeProblem) -> None:
    """Refuse a table's circuits that would not fit the machine, before A is built."""
    if problem.flags is not None:
        size = _INSTRUCTIONS_A_CELL * float(problem.flags.size)
        memory.require(
            memory.BYTES_AN_INSTRUCTION * size,
            f"circuits of {size:.3g} instructions",
            "count fewer qubits and take the law of `scaling`",
        )


def _encoded(problem: Problem, engine: Quantum) -> tuple[AmplitudeProblem, float]:
    """The amplitude problem of a mean, and the bound on the grid's bias."""
    if isinstance(problem.measure, TailMeasure):
        msg = (
            f"{type(problem.measure).__name__} is a search over many amplitude problems: give one "
            "of them, Quantum().amplitude_problem(problem, Tail(edge)), or take Quantum().plan"
        )
        raise Unsupported(msg)
    table = engine.discrete_problem(problem)
    return engine.encoding.encode(table), table.known_bias


def _circuit_alone(
    circuit: object, goal: Goal | None, precision: float, toffoli_t: int, machine: Machine | None
) -> Resources:
    from qiskit.circuit import QuantumCircuit

    if not isinstance(circuit, QuantumCircuit):
        allowed = "an AmplitudeProblem, a Problem or a QuantumCircuit"
        raise checks.refuse("problem", circuit, allowed)
    if goal is not None:
        allowed = "None for a bare circuit"
        raise checks.refuse("goal", goal, allowed, "an AmplitudeProblem says which flag to read")
    counts = count_gates(circuit, precision=precision, toffoli_t=toffoli_t)
    return Resources(state=counts, state_physical=physical(counts, machine) if machine else None)


def _row(counts: GateCounts, laid_out: PhysicalResources | None) -> tuple[str, ...]:
    numbers = (
        counts.qubits, counts.depth, counts.two_qubit_gates, counts.rotations, counts.t_count,
        counts.t_depth,
    )  # fmt: skip
    ends = ("", "") if laid_out is None else (f"{laid_out.qubits:,}", f"{laid_out.seconds:.3g}")
    return (counts.name, *(f"{number:,}" for number in numbers), *ends)


def _total(run: RunResources) -> tuple[str, ...]:
    seconds = "" if run.seconds is None else f"{run.seconds:.3g}"
    name = f"all {run.shots:,} shots, {run.queries:,} queries"
    sums = (run.two_qubit_gates, run.rotations, run.t_count)
    return (name, "", "", *(f"{number:.3g}" for number in sums), "", "", seconds)
