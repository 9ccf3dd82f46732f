"""The Grover operator, the steering ancilla, and a circuit's size."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.circuits.amplitude_problem import AmplitudeProblem, require_problem
from qmc.circuits.multiplexed import multiplexed_ry
from qmc.result import CircuitSummary
from qmc.rounds import steered

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit
    from qiskit.transpiler import PassManager

# beyond this many value qubits a table's circuit is not built only to be counted
_BUILT_QUBITS = 12
_DEPTH_A_CX = 5
# with fewer controls a multi-controlled X is as cheap without an ancilla
_CONTROLS_FOR_ANCILLA = 3
BASIS = ("cx", "rz", "sx", "x")


def grover_operator(
    problem: AmplitudeProblem, state: QuantumCircuit | None = None, *, ancilla: bool = True
) -> QuantumCircuit:
    """Q = A S_0 A^dagger S_flag on num_qubits + 1 qubits; the last one is a clean ancilla.

    S_flag turns the sign where the flag is 1, S_0 where all qubits of A are 0 (Brassard et al.
    2002, arXiv:quant-ph/0005055, eq. 1, up to a global phase), so that A and then Q^k raises the
    flag with probability sin^2((2k+1) theta). The ancilla returns to 0; with it the reflection's
    multi-controlled X has linear size (Khattar and Gidney 2024, arXiv:2407.17966).

    Args:
        problem: gives A and the flag.
        state: a compiled version of A to use instead of `problem.circuit`.
        ancilla: False leaves out the ancilla and keeps one multi-controlled X, a gate that
            simulators apply at once and devices do not have.

    Raises:
        InvalidProblem: for anything but an `AmplitudeProblem`.
    """
    from qiskit.circuit import QuantumCircuit

    require_problem(problem)
    state = problem.circuit if state is None else state
    qubits = range(problem.num_qubits)
    circuit = QuantumCircuit(problem.num_qubits + ancilla, name="Q")
    circuit.z(problem.flag)
    circuit.compose(state.inverse(), qubits, inplace=True)
    circuit.x(qubits)
    _append_controlled_z(circuit, problem.num_qubits, ancilla=ancilla)
    circuit.x(qubits)
    circuit.compose(state, qubits, inplace=True)
    return circuit


def _append_controlled_z(circuit: QuantumCircuit, count: int, *, ancilla: bool) -> None:
    """Turn the sign of |1...1> on qubits 0..count-1; qubit `count` may be a clean ancilla."""
    from qiskit.synthesis import synth_mcx_1_clean_kg24

    controls, target = count - 1, count - 1
    if controls == 0:
        circuit.z(target)
        return
    circuit.h(target)
    if ancilla and controls >= _CONTROLS_FOR_ANCILLA:
        circuit.compose(synth_mcx_1_clean_kg24(controls), range(count + 1), inplace=True)
    else:
        circuit.mcx(list(range(controls)), target)
    circuit.h(target)


def steered_problem(problem: AmplitudeProblem, steer: float) -> AmplitudeProblem:
    """The problem whose flag, one ancilla, has amplitude (1 - |steer|) a + max(-steer, 0).

    The ancilla is rotated by one angle where the old flag is 1 and by another where it is 0.

    Raises:
        InvalidProblem: for anything but an `AmplitudeProblem`, and a steer outside (-1, 1).
    """
    require_problem(problem)
    if not abs(checks.finite("steer", steer)) < 1.0:
        raise checks.refuse("steer", steer, "above -1 and below 1", "0 leaves the amplitude")
    if steer == 0.0:
        return problem
    given_miss = _given_miss(steer)
    flags = None
    if problem.flags is not None:
        flags = (1.0 - abs(steer)) * problem.flags + given_miss
    return AmplitudeProblem(
        registers=problem.registers,
        flag=problem.num_qubits,
        num_qubits=problem.num_qubits + 1,
        offset=problem.offset - problem.scale * given_miss / (1.0 - abs(steer)),
        scale=problem.scale / (1.0 - abs(steer)),
        build=functools.partial(_build_steered, problem, steer),
        probabilities=problem.probabilities,
        flags=flags,
        bias_bound=problem.bias_bound,
        amplitude=None if problem.amplitude is None else steered(problem.amplitude, steer),
    )


def _build_steered(problem: AmplitudeProblem, steer: float) -> QuantumCircuit:
    return steered_state(problem.circuit, problem.flag, steer)


def steered_state(state: QuantumCircuit, flag: int, steer: float) -> QuantumCircuit:
    """A, compiled or not, and one qubit more, rotated by two angles: A of `steered_problem`.

    Steers differ by these four gates only: what was compiled of A is kept.

    Args:
        state: A on its qubits; the ancilla is added after the last one.
        flag: index of A's flag qubit.
        steer: in (-1, 1), not 0.
    """
    from qiskit.circuit import QuantumCircuit

    count = state.num_qubits
    circuit = QuantumCircuit(count + 1, name="A steered")
    circuit.compose(state, range(count), inplace=True)
    raised = np.array([_given_miss(steer), _given_hit(steer)])
    multiplexed_ry(circuit, 2.0 * np.arcsin(np.sqrt(raised)), (flag,), count)
    return circuit


def _given_miss(steer: float) -> float:
    """P(ancilla = 1) where the flag is 0."""
    return max(-steer, 0.0)


def _given_hit(steer: float) -> float:
    """P(ancilla = 1) where the flag is 1."""
    return 1.0 - max(steer, 0.0)


def summary(problem: AmplitudeProblem) -> CircuitSummary:
    """Qubits, depth and CX of A after transpilation to cx, rz, sx, x, all-to-all.

    A table on many qubits is counted by its problem's own bound instead, with rz sx rz sx rz
    between two CX.

    Raises:
        InvalidProblem: for anything but an `AmplitudeProblem`.
    """
    require_problem(problem)
    gates = problem.most_two_qubit_gates
    if gates is not None and sum(problem.registers) > _BUILT_QUBITS:
        return CircuitSummary(
            qubits=problem.num_qubits, depth=_DEPTH_A_CX * gates, two_qubit_gates=gates
        )
    compiled = _passes().run(problem.circuit)
    return CircuitSummary(
        qubits=problem.num_qubits,
        depth=compiled.depth(),
        two_qubit_gates=compiled.count_ops().get("cx", 0),
    )


@functools.cache
def _passes() -> PassManager:
    """Built once: making the passes costs more than running them on a small circuit."""
    from qiskit import generate_preset_pass_manager

    return generate_preset_pass_manager(1, basis_gates=list(BASIS))
