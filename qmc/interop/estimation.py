"""qiskit-algorithms' `EstimationProblem` to our `AmplitudeProblem` and back."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qmc import checks
from qmc.backends.isa import preset_passes
from qmc.circuits import AmplitudeProblem
from qmc.circuits.grover import grover_operator
from qmc.errors import Unsupported
from qmc.interop.theirs import algorithms, quiet

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit
    from qiskit_algorithms import EstimationProblem

# without `u`, whose three rotations cost thrice; without `multiplexer`, see `qmc.backends.aer`
_GATES = (
    "cx", "cz", "ccx", "swap", "h", "x", "y", "z", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz",
)  # fmt: skip
_PROBES = (1.0 / 3.0, 0.5, 0.9)
_SAME = 1e-9
_MOST_OBJECTIVES = 10


def from_estimation_problem(problem: EstimationProblem) -> AmplitudeProblem:
    """An `AmplitudeProblem` with the same A, the same amplitude and the same number.

    A one-qubit objective is the flag itself. Several qubits, or an `is_good_state`, raise a new
    flag, one multi-controlled X a good word (an AND for the default, all ones). Their
    `post_processing` becomes offset and scale. A custom `grover_operator` is left out: Q is built
    from A and the flag. `qmc.estimate` takes it to the number.

    Raises:
        InvalidProblem: when it is no estimation problem, lacks A or objective qubits, or its
            objective qubits are none of A's.
        Unsupported: when `post_processing` is not affine or not defined on [0, 1], when it is
            constant, when A is not unitary or qiskit cannot compile it, or with more than ten
            objective qubits beside an `is_good_state`.

    >>> from qiskit import QuantumCircuit
    >>> from qiskit_algorithms import EstimationProblem
    >>> circuit = QuantumCircuit(1)
    >>> _ = circuit.ry(1.0, 0)
    >>> theirs = EstimationProblem(circuit, 0, post_processing=lambda a: 3.0 * a - 1.0)
    >>> ours = from_estimation_problem(theirs)
    >>> ours.offset, ours.scale
    (-1.0, 3.0)
    """
    state, objectives = checked(problem)
    with quiet():
        offset, scale = affine(problem.post_processing)
    return amplitude_problem(problem, state, objectives, offset, scale)


def amplitude_problem(
    problem: Any,  # noqa: ANN401
    state: QuantumCircuit,
    objectives: Sequence[int],
    offset: float = 0.0,
    scale: float = 1.0,
) -> AmplitudeProblem:
    """Their circuit and good states with our value map."""
    count = state.num_qubits
    words = _good_words(problem, len(objectives))
    direct = words == ("1",)
    return AmplitudeProblem(
        registers=(),
        flag=objectives[0] if direct else count,
        num_qubits=count if direct else count + 1,
        offset=offset,
        scale=scale,
        build=functools.partial(_build, state, objectives, () if direct else words),
    )


def checked(problem: Any) -> tuple[QuantumCircuit, tuple[int, ...]]:  # noqa: ANN401
    """A over plain gates and the objective qubits of an estimation problem."""
    if not isinstance(problem, algorithms().EstimationProblem):
        raise checks.refuse("problem", problem, "a qiskit_algorithms.EstimationProblem")
    if problem.state_preparation is None or not problem.objective_qubits:
        allowed = "given, with at least one objective qubit"
        raise checks.refuse("state_preparation, objective_qubits", None, allowed)
    from qiskit.circuit import QuantumCircuit

    if not isinstance(problem.state_preparation, QuantumCircuit):
        raise checks.refuse("state_preparation", problem.state_preparation, "a QuantumCircuit")
    state = _compiled(problem.state_preparation)
    objectives = tuple(
        checks.whole("objective_qubits", one, 0, state.num_qubits - 1)
        for one in problem.objective_qubits
    )
    if len(set(objectives)) < len(objectives):
        raise checks.refuse("objective_qubits", objectives, "distinct")
    return state, objectives


def _compiled(given: QuantumCircuit) -> QuantumCircuit:
    """A over plain gates: nothing of theirs is left to warn, or to fail when inverted."""
    from qiskit.circuit import QuantumCircuit
    from qiskit.exceptions import QiskitError

    try:
        with quiet():
            compiled = preset_passes(_GATES, 1).run(given)
    except QiskitError as error:
        msg = (
            f"qiskit cannot compile state_preparation ({given.name}): {error}; smooth densities on "
            "7 or more qubits break its loader: take qmc.circuits' own"
        )
        raise Unsupported(msg) from error
    other = set(compiled.count_ops()) - set(_GATES) - {"barrier"}
    if other:
        msg = f"state_preparation has {sorted(other)}: A must be unitary, without measurements"
        raise Unsupported(msg)
    plain = QuantumCircuit(compiled.num_qubits, name="A", global_phase=compiled.global_phase)
    for one in compiled.data:
        if one.operation.name != "barrier":
            plain.append(one.operation, [compiled.find_bit(bit).index for bit in one.qubits])
    return plain


def _good_words(problem: Any, count: int) -> tuple[str, ...]:  # noqa: ANN401
    """Good words of the objective qubits, the last qubit's bit first, as counts have them."""
    if not problem.has_good_state:
        return ("1" * count,)
    if count > _MOST_OBJECTIVES:
        msg = (
            f"is_good_state on {count} objective qubits has 2**{count} words to try: at most "
            f"{_MOST_OBJECTIVES} qubits; put the condition into the circuit instead"
        )
        raise Unsupported(msg)
    words = map("".join, itertools.product("01", repeat=count))
    good = tuple(word for word in words if problem.is_good_state(word))
    if not good:
        raise checks.refuse("is_good_state", "no word", "true of at least one word")
    return good


def _build(
    state: QuantumCircuit, objectives: Sequence[int], words: Sequence[str]
) -> QuantumCircuit:
    """A, and a new last qubit raised where the objective qubits spell one of the words."""
    from qiskit.circuit import QuantumCircuit

    if not words:
        return state
    circuit = QuantumCircuit(state.num_qubits + 1, name="A")
    circuit.compose(state, range(state.num_qubits), inplace=True)
    for word in words:
        zeros = [one for one, bit in zip(objectives, reversed(word), strict=True) if bit == "0"]
        if zeros:
            circuit.x(zeros)
        circuit.mcx(list(objectives), state.num_qubits)
        if zeros:
            circuit.x(zeros)
    return circuit


def affine(function: Callable[[float], Any]) -> tuple[float, float]:
    """Offset and scale of a function of [0, 1] that is affine, checked at three inner points.

    Raises:
        Unsupported: when it is not affine, constant, or has no finite value somewhere.
    """
    name = getattr(function, "__qualname__", type(function).__name__)
    try:
        ends = float(function(0.0)), float(function(1.0))
        inner = [float(function(point)) for point in _PROBES]
    except (ArithmeticError, TypeError, ValueError) as error:
        msg = f"post_processing {name} fails on [0, 1]: {error}"
        raise Unsupported(msg) from error
    offset, scale = ends[0], ends[1] - ends[0]
    size = max(map(abs, (*ends, *inner)))
    off = [abs(y - offset - scale * x) for x, y in zip(_PROBES, inner, strict=True)]
    if not math.isfinite(size) or max(off) > _SAME * size or scale == 0.0:
        kind = "constant" if scale == 0.0 and max(off) == 0.0 else "not affine"
        msg = (
            f"post_processing {name} is {kind}: it gives {ends[0]} at 0, {ends[1]} at 1 and "
            f"{inner} at {_PROBES}; estimate the amplitude without it and map the interval yourself"
        )
        raise Unsupported(msg)
    return offset, scale


def to_estimation_problem(problem: AmplitudeProblem) -> EstimationProblem:
    """qiskit-algorithms' problem with our A, our Grover operator and our value map.

    Q takes no ancilla, one multi-controlled X; its sign is that of Brassard et al. 2002,
    arXiv:quant-ph/0005055, which their phase estimation reads. Theirs has no place for a
    `bias_bound`: their intervals do not hold it.

    Raises:
        InvalidProblem: for something else than an `AmplitudeProblem`.
        Unsupported: when qiskit-algorithms is missing.
    """
    return estimation_problem(problem, mapped=True)


def estimation_problem(problem: object, *, mapped: bool) -> EstimationProblem:
    """Theirs with our A and Q, and with our value map or without."""
    if not isinstance(problem, AmplitudeProblem):
        raise checks.refuse("problem", problem, "an AmplitudeProblem")
    grover = grover_operator(problem, ancilla=False)
    grover.global_phase += math.pi
    with quiet():
        made: EstimationProblem = algorithms().EstimationProblem(
            problem.circuit,
            objective_qubits=[problem.flag],
            grover_operator=grover,
            post_processing=problem.value if mapped else None,
        )
    return made
