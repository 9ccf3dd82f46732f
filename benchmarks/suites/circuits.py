"""Circuits side by side with qiskit-finance: loaders, Q, the cost of powers, the tutorial call."""

from __future__ import annotations

import functools
import math
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.cases import prices, tutorial_call
from benchmarks.suites.peers import peer_estimate, peer_problem, two_qubit_gates
from qmc import Goal, LawGrid, Quantum, UniformGrid
from qmc.backends import Aer, Backend, Ideal
from qmc.circuits import AmplitudeProblem, MultiplexedRotation, Staircase, Tree
from qmc.circuits.grover import BASIS, grover_operator
from qmc.errors import Unsupported
from qmc.estimators import Iterative
from qmc.problem import Array
from qmc.resources import PhysicalResources, count_gates, physical
from qmc.rounds import Round

_POWERS, _SHOTS, _GRID_QUBITS = range(33), 1_000, 8
_EPSILON = 0.001


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """Rows of counts, then of times: medians of `seeds` / 100 turns, at most 9."""
    del done
    turns = 1 if small else max(1, min(9, seeds // 100))
    yield from _loaders((6,) if small else (10, 12, 14))
    yield from _grover()
    if not small:
        yield from physical_rows(_GRID_QUBITS)
        yield from _powers(turns)
    for backend in (Ideal(),) if small else (Aer(), Ideal()):
        yield _tutorial(backend, turns)
    if not small:
        yield _first()


def _row(what: str, ours: str, theirs: str, ratio: float) -> dict[str, Any]:
    return {"what": what, "ours": ours, "theirs": theirs, "ratio": ratio}


def bell(qubits: int, reach: float = 4.0) -> Array:
    """Standard normal cell probabilities on equal cells of [-reach, reach], (2**qubits,)."""
    mass = np.diff(stats.norm.cdf(np.linspace(-reach, reach, 2**qubits + 1)))
    return np.asarray(mass / mass.sum())


def _loaders(sizes: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The staircase against the exact tree; whether qiskit's own preparation raises."""
    from qiskit.circuit import QuantumCircuit

    for qubits in sizes:
        law = bell(qubits)
        loader = Staircase()
        circuit = QuantumCircuit(qubits)
        loader.append(circuit, range(qubits), law)
        ours, tree = two_qubit_gates(circuit), Tree().loaded(law).two_qubit_gates
        distance = loader.loaded(law).total_variation
        yield _row(
            f"bell shape on {qubits} qubits, staircase of {loader.layers} layers",
            f"{ours} CX, total variation {distance:.2g}",
            f"tree {tree} CX, exact; StatePreparation {_stock(law)}",
            tree / ours,
        )


def _stock(law: Array) -> str:
    """What qiskit's own state preparation does with a law."""
    from qiskit.circuit.library import StatePreparation
    from qiskit.exceptions import QiskitError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            circuit = StatePreparation(np.sqrt(law)).definition
            return f"{two_qubit_gates(circuit)} CX"
        except (QiskitError, ValueError) as error:
            return f"raises ({str(error).splitlines()[0][:40]})"


def _call(qubits: int = _GRID_QUBITS) -> AmplitudeProblem:
    return Quantum(grid=LawGrid(qubits=qubits)).amplitude_problem(prices()["call"])


def _tree_call(qubits: int) -> AmplitudeProblem:
    """The call as the literature has it: a density on equal cells, loaded by a tree."""
    engine = Quantum(grid=UniformGrid(qubits=qubits), encoding=MultiplexedRotation(loader=Tree()))
    return engine.amplitude_problem(prices()["call"])


def physical_rows(qubits: int) -> Iterator[dict[str, Any]]:
    """Physical qubits and T gates of one Q of the call: a Hadamard loader, a tree, qiskit-finance.

    Without Microsoft's estimator, the extra `resources`, the T gates alone.
    """
    ours = count_gates(grover_operator(_call(qubits)), name="Q")
    others = {
        "tree of a density": count_gates(grover_operator(_tree_call(qubits)), name="Q, tree"),
        "qiskit-finance": count_gates(peer_problem(qubits).grover_operator, name="Q, peer"),
    }
    for name, theirs in others.items():
        what = f"one Q of the call on {qubits} grid qubits, {name}"
        ratio = theirs.t_count / ours.t_count
        yield _row(f"T gates, {what}", f"{ours.t_count:,}", f"{theirs.t_count:,}", ratio)
        try:
            mine, his = physical(ours), physical(theirs)
        except Unsupported as error:
            yield _row(f"physical qubits, {what}", str(error), "", math.nan)
            continue
        yield _row(
            f"physical qubits, {what}", _laid_out(mine), _laid_out(his), his.qubits / mine.qubits
        )


def _laid_out(found: PhysicalResources) -> str:
    return f"{found.qubits:,}, {1e3 * found.seconds:.3g} ms"


def _grover() -> Iterator[dict[str, Any]]:
    """CX of one Grover operator of the call, one clean ancilla, against qiskit-finance's.

    On our cells of equal probability, which need no CX to be loaded, and on the literature's
    window, where the same density is loaded as theirs is.
    """
    theirs = two_qubit_gates(peer_problem(_GRID_QUBITS).grover_operator)
    for cells, problem in (
        ("cells of equal probability", _call()),
        ("the same uniform window", _tree_call(_GRID_QUBITS)),
    ):
        ours = two_qubit_gates(grover_operator(problem))
        what = f"Q of the call on {_GRID_QUBITS} grid qubits, one clean ancilla, ours on {cells}"
        yield _row(what, f"{ours} CX", f"{theirs} CX", theirs / ours)


def _powers(turns: int) -> Iterator[dict[str, Any]]:
    """Powers 0..32 with shots: one oracle against a fresh circuit and transpilation a power.

    With `fusion=False` every gate of every Q is run: what keeping compiled parts and states saves.
    """
    problem = _call()

    def ours(backend: Aer) -> None:
        oracle = backend.oracle(problem, rng=np.random.default_rng(1))
        oracle.run([Round(power, _SHOTS) for power in _POWERS])

    def fresh() -> None:
        for power in _POWERS:
            _fresh(problem, power)

    jobs = (functools.partial(ours, Aer()), functools.partial(ours, Aer(fusion=False)), fresh)
    fused, gates, others = _medians(jobs, turns)
    what = f"powers 0 to {max(_POWERS)}, {_SHOTS} shots each, {_GRID_QUBITS} grid qubits"
    for name, mine in (("", fused), (", fusion=False", gates)):
        theirs = f"{others:.3g} s, made anew a power"
        yield _row(f"{what}{name}", f"{mine:.3g} s", theirs, others / mine)


def _fresh(problem: AmplitudeProblem, power: int) -> None:
    from qiskit import QuantumCircuit, transpile
    from qiskit_aer import AerSimulator

    grover = grover_operator(problem, ancilla=False)
    circuit = QuantumCircuit(grover.num_qubits, 1)
    circuit.compose(problem.circuit, range(problem.num_qubits), inplace=True)
    for _ in range(power):
        circuit.compose(grover, inplace=True)
    circuit.measure(problem.flag, 0)
    compiled = transpile(circuit, basis_gates=[*BASIS, "ry", "h", "u"], optimization_level=1)
    AerSimulator(max_parallel_threads=1).run(compiled, shots=_SHOTS).result().get_counts()


def _tutorial(backend: Backend, turns: int) -> dict[str, Any]:
    """The tutorial call, building circuits included, warm, against qiskit-finance on Aer."""
    mine, others = _medians(_tutorial_jobs(backend), turns)
    what = f"tutorial call, epsilon {_EPSILON}, {type(backend).__name__}, warm"
    return _row(what, f"{mine:.3g} s", f"{others:.3g} s on Aer", others / mine)


def _tutorial_jobs(backend: Backend) -> tuple[Callable[[], object], Callable[[], object]]:
    """Ours and theirs."""
    problem = tutorial_call()
    engine = Quantum(grid=LawGrid(qubits=3), backend=backend, estimator=Iterative())
    scale = engine.amplitude_problem(problem).scale
    goal = Goal(tolerance=_EPSILON * scale)
    return (
        functools.partial(engine.solve, problem, goal, rng=1),
        functools.partial(peer_estimate, 1, _EPSILON),
    )


def first_seconds(side: int) -> float:
    """Seconds of a process's first tutorial call on Aer: 0 for ours, 1 for theirs."""
    job = _tutorial_jobs(Aer())[side]
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def _first() -> dict[str, Any]:
    """The first tutorial call of a fresh process each, what it loads and builds once included."""
    code = "from benchmarks.suites.circuits import first_seconds as s; print(s({}))"
    mine, others = (
        float(subprocess.check_output([sys.executable, "-c", code.format(side)]).split()[-1])
        for side in range(2)
    )
    what = f"tutorial call, epsilon {_EPSILON}, Aer, first of a process"
    return _row(what, f"{mine:.3g} s", f"{others:.3g} s on Aer", others / mine)


def _medians(jobs: Sequence[Callable[[], object]], turns: int) -> list[float]:
    """Median seconds of each job, in turn, after one warm-up."""
    seconds: list[list[float]] = [[] for _ in jobs]
    for turn in range(turns + 1):
        for job, taken in zip(jobs, seconds, strict=True):
            begin = time.perf_counter()
            job()
            if turn:
                taken.append(time.perf_counter() - begin)
    return [statistics.median(taken) for taken in seconds]
