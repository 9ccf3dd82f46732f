"""Resources of a whole estimate: all shots of a rehearsed run of an estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qmc import checks
from qmc.circuits import AmplitudeProblem
from qmc.circuits.grover import grover_operator, steered_problem
from qmc.circuits.phase import controlled_grover
from qmc.estimators import Estimator
from qmc.problem import Goal
from qmc.rehearsal import rehearse
from qmc.resources.counts import GateCounts, count_gates
from qmc.resources.machine import Machine, PhysicalResources, physical
from qmc.rounds import PhaseRound, Request, Round

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# any steer takes the same gates
_STEER = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResources:
    """What a whole estimate takes.

    The schedule of powers and shots is a rehearsal's: the estimator runs on binomial numbers of
    the true amplitude, and of five runs the one with the median number of queries counts. A plan
    may know the amplitude; an estimate may not.

    Attributes:
        estimator: its name.
        goal: in the number's unit.
        amplitude: that the rehearsal was given.
        expected_queries: the estimator's own forecast.
        queries: uses of A or its inverse, 2k+1 a shot, of the rehearsal.
        shots, rounds: of the rehearsal.
        max_power: the deepest circuit is A Q^max_power.
        deepest: its size, an upper bound: no gates cancel between A and Q.
        two_qubit_gates, rotations, t_count: of all shots together.
        physical: of the deepest circuit; None without a machine.
        seconds: of all shots one after the other, each power on its own best layout; None without
            a machine.
    """

    estimator: str
    goal: Goal
    amplitude: float
    expected_queries: float
    queries: int
    shots: int
    rounds: int
    max_power: int
    deepest: GateCounts
    two_qubit_gates: int
    rotations: int
    t_count: int
    physical: PhysicalResources | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        """One line."""
        where = ""
        if self.physical is not None and self.seconds is not None:
            where = f", {self.physical.qubits:,} physical qubits, {self.seconds:.3g} s"
        return (
            f"{self.estimator} at {self.goal}: {self.queries:,} uses of A in {self.shots:,} shots, "
            f"deepest power {self.max_power}, {self.two_qubit_gates:.3g} CX, "
            f"{self.t_count:.3g} T gates in all{where}"
        )


@dataclass(slots=True)
class Circuits:
    """Sizes of the circuits of a problem, each kind counted once.

    Attributes:
        problem: gives A and the flag.
        precision, toffoli_t: as of `count_gates`.
    """

    problem: AmplitudeProblem
    precision: float = 1e-10
    toffoli_t: int = 4
    _found: dict[tuple[str, int], GateCounts] = field(default_factory=dict)

    def state(self, *, steered: bool = False) -> GateCounts:
        """A, with a steering ancilla or without."""
        return self._count("A steered" if steered else "A")

    def grover(self, *, steered: bool = False) -> GateCounts:
        """Q on a clean ancilla, steered or not."""
        return self._count("Q steered" if steered else "Q")

    def asked(self, request: Request) -> GateCounts:
        """The circuit of a round with its measurement: A Q^k, or phase estimation."""
        if isinstance(request, PhaseRound):
            name, count = f"phase estimation, {request.bits} bits", request.bits
            whole = self.state().then(self._count("controlled Q"), request.power)
            whole = whole.then(self._count("inverse QFT", request.bits), name=name)
            qubits = self.problem.num_qubits + request.bits
        else:
            steered, name, count = request.steer != 0.0, f"A Q^{request.power}", 1
            whole = self.state(steered=steered)
            whole = whole.then(self.grover(steered=steered), request.power, name=name)
            qubits = whole.qubits
        return replace(whole, qubits=qubits, measurements=count)

    def _count(self, kind: str, bits: int = 0) -> GateCounts:
        if (kind, bits) not in self._found:
            self._found[kind, bits] = count_gates(
                self._built(kind, bits),
                precision=self.precision,
                toffoli_t=self.toffoli_t,
                name=kind,
            )
        return self._found[kind, bits]

    def _built(self, kind: str, bits: int) -> QuantumCircuit:
        from qiskit.synthesis import synth_qft_full

        if kind == "inverse QFT":
            return synth_qft_full(bits, inverse=True)
        if kind == "controlled Q":
            count = self.problem.num_qubits
            return controlled_grover(self.problem, self.problem.circuit, count, count + 1)
        steered = kind.endswith("steered")
        problem = steered_problem(self.problem, _STEER if steered else 0.0)
        return problem.circuit if kind.startswith("A") else grover_operator(problem)


def run_resources(
    circuits: Circuits,
    estimator: Estimator,
    goal: Goal,
    amplitude: float,
    *,
    grid_bias: float = 0.0,
    machine: Machine | None = None,
) -> RunResources:
    """Resources of a whole estimate of the problem's number to `goal`, at a known amplitude.

    Args:
        circuits: of the problem.
        estimator: rehearsed at `amplitude`.
        goal: in the number's unit.
        amplitude: P(flag = 1) after A.
        grid_bias: bound on the grid's own bias, taken off the tolerance.
        machine: adds physical qubits and runtime.

    Raises:
        InvalidProblem: for an estimator of signed amplitudes.
    """
    if getattr(estimator, "signed", False):
        allowed = "an estimator of a probability; a signed one needs an oracle with shifts"
        raise checks.refuse("estimator", estimator, allowed, "leave signed=False")
    inner = circuits.problem.amplitude_goal(goal, grid_bias)
    asked = rehearse(estimator, inner, amplitude)
    sizes = {one: circuits.asked(one) for one in dict.fromkeys(_kinds(asked))}
    shots = dict.fromkeys(sizes, 0)
    for one, kind in zip(asked, _kinds(asked), strict=True):
        shots[kind] += one.shots
    deepest = max(sizes, key=lambda one: (one.power, sizes[one].qubits))
    laid_out = {one: physical(sizes[one], machine) for one in sizes} if machine else {}
    return RunResources(
        estimator=type(estimator).__name__,
        goal=goal,
        amplitude=amplitude,
        expected_queries=estimator.expected_queries(inner, amplitude),
        queries=sum(one.queries for one in asked),
        shots=sum(shots.values()),
        rounds=len(asked),
        max_power=deepest.power,
        deepest=sizes[deepest],
        two_qubit_gates=sum(shots[one] * sizes[one].two_qubit_gates for one in sizes),
        rotations=sum(shots[one] * sizes[one].rotations for one in sizes),
        t_count=sum(shots[one] * sizes[one].t_count for one in sizes),
        physical=laid_out.get(deepest),
        seconds=math.fsum(shots[one] * laid_out[one].seconds for one in sizes) if machine else None,
    )


def _kinds(asked: Sequence[Request]) -> list[Request]:
    """The kind of circuit of each round: power and whether it is steered, or phase bits."""
    return [
        PhaseRound(one.bits, 1)
        if isinstance(one, PhaseRound)
        else Round(one.power, 1, _STEER if one.steer else 0.0)
        for one in asked
    ]
