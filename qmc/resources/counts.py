"""Gates of one circuit: in cx, rz, sx, x, and in Clifford gates, T gates and rotations."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qmc import checks, memory
from qmc.backends.isa import preset_passes
from qmc.circuits.grover import BASIS

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# gates that are counted as they stand; everything else is taken apart into these
_COUNTED = (
    "cx", "cy", "cz", "swap", "ccx", "ccz", "h", "x", "y", "z", "s", "sdg", "sx", "sxdg",
    "t", "tdg", "rx", "ry", "rz",
)  # fmt: skip
_ROTATIONS = ("rx", "ry", "rz")
_TOFFOLIS = ("ccx", "ccz")
# T depth of a Toffoli gate by its T count
_TOFFOLI_T_DEPTH = {4: 1, 7: 3}
# an angle this near to a multiple of pi / 4 is one, in units of pi / 4
_SAME_ANGLE = 1e-9
_FINEST = 1e-30


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCounts:
    """Size of one circuit.

    Attributes:
        name: of the circuit.
        qubits: ancillas included.
        depth, two_qubit_gates: after transpilation to cx, rz, sx, x, all-to-all.
        rotations: RX, RY and RZ whose angle is no multiple of pi / 4.
        rotation_depth: the most rotations one after the other.
        toffolis: CCX and CCZ gates; a multi-controlled X built of T gates is in `t_gates`.
        t_gates: T gates as they stand, and rotations by an odd multiple of pi / 4.
        measurements: of single qubits.
        t_count: t_gates + toffoli_t * toffolis + T gates a rotation * rotations.
        t_depth: the most T gates one after the other.
        precision: of each rotation's synthesis, operator norm.
        toffoli_t: T gates a Toffoli gate: 4 with a measurement, 7 without.
    """

    name: str
    qubits: int
    depth: int
    two_qubit_gates: int
    rotations: int
    rotation_depth: int
    toffolis: int
    t_gates: int
    measurements: int
    t_count: int
    t_depth: int
    precision: float
    toffoli_t: int

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.name}: {self.qubits} qubits, depth {self.depth:,}, "
            f"{self.two_qubit_gates:,} CX, {self.rotations:,} rotations, T count "
            f"{self.t_count:,}, T depth {self.t_depth:,} (rotations to {self.precision:g})"
        )

    def then(self, after: GateCounts, times: int = 1, name: str = "") -> GateCounts:
        """Size of this circuit followed by `times` of another, an upper bound: no gates cancel.

        Raises:
            InvalidProblem: for something else than counts, or `times` below 0.
        """
        if not isinstance(after, GateCounts):
            raise checks.refuse("after", after, "GateCounts", "count_gates(circuit) makes them")
        times = checks.whole("times", times, 0)
        added = {
            field: getattr(self, field) + times * getattr(after, field)
            for field in (
                "depth", "two_qubit_gates", "rotations", "rotation_depth", "toffolis", "t_gates",
                "measurements", "t_count", "t_depth",
            )
        }  # fmt: skip
        qubits = max(self.qubits, after.qubits) if times else self.qubits
        return replace(self, name=name or self.name, qubits=qubits, **added)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict; `qmc.from_dict` reads it back."""
        from qmc.serialise import to_dict

        return to_dict(self)


def t_per_rotation(precision: float) -> int:
    """T gates of one rotation about z to `precision` (operator norm): 3 log2(1/eps) + 2.

    Ross and Selinger 2014, arXiv:1403.2975: 3 log2(1/eps) + O(log log(1/eps)) T gates on a typical
    angle, no ancilla, no measurement. The 2 stands for the second term; qiskit's `gridsynth_rz`
    takes 30.3, 61.7 and 101.8 on average at 1e-3, 1e-6 and 1e-10.

    >>> t_per_rotation(1e-10)
    102
    """
    return math.ceil(3.0 * math.log2(1.0 / checks.fraction("precision", precision)) + 2.0)


def count_gates(
    circuit: QuantumCircuit, *, precision: float = 1e-10, toffoli_t: int = 4, name: str = ""
) -> GateCounts:
    """Count the gates of a circuit.

    Depth and CX are those of the transpiled circuit (optimization level 1, all-to-all). T gates
    are counted on the circuit taken apart gate by gate without merging: an RY is one rotation,
    a Clifford gate none.

    Args:
        circuit: without free parameters.
        precision: operator norm to which each rotation is synthesised (`t_per_rotation`).
        toffoli_t: T gates of a Toffoli gate: 4 at T depth 1 with a measurement and an ancilla
            (Jones 2013, arXiv:1212.5069), 7 at T depth 3 without (Amy et al. 2013,
            arXiv:1206.0758). Microsoft's estimator always takes 4.
        name: of the result; the circuit's own when empty.

    Raises:
        InvalidProblem: for no circuit, free parameters, a precision outside (0, 1), another
            `toffoli_t`.
        TooLarge: when the circuit taken apart would not fit the machine.

    >>> from qiskit import QuantumCircuit
    >>> circuit = QuantumCircuit(3)
    >>> _ = circuit.ry(0.3, 0), circuit.t(1), circuit.ccx(0, 1, 2)
    >>> sizes = count_gates(circuit)
    >>> sizes.rotations, sizes.t_gates, sizes.toffolis, sizes.t_count
    (1, 1, 1, 107)
    """
    _check(circuit)
    each = t_per_rotation(_precision(precision))
    if isinstance(toffoli_t, bool) or toffoli_t not in tuple(_TOFFOLI_T_DEPTH):
        raise checks.refuse("toffoli_t", toffoli_t, "4 (with a measurement) or 7 (without)")
    device, apart = preset_passes(BASIS, 1).run(circuit), preset_passes(_COUNTED, 0).run(circuit)
    gates = [(_kind(one.operation), one.qubits) for one in apart.data]
    kinds = [kind for kind, _ in gates]
    t_gates, toffolis = kinds.count("t"), kinds.count("toffoli")
    weights = {"rotation": each, "t": 1, "toffoli": _TOFFOLI_T_DEPTH[toffoli_t]}
    return GateCounts(
        name=name or circuit.name,
        qubits=circuit.num_qubits,
        depth=device.depth(),
        two_qubit_gates=device.count_ops().get("cx", 0),
        rotations=kinds.count("rotation"),
        rotation_depth=_longest(gates, {"rotation": 1}),
        toffolis=toffolis,
        t_gates=t_gates,
        measurements=kinds.count("measure"),
        t_count=t_gates + toffoli_t * toffolis + each * kinds.count("rotation"),
        t_depth=_longest(gates, weights),
        precision=float(precision),
        toffoli_t=int(toffoli_t),
    )


def _check(circuit: QuantumCircuit) -> None:
    from qiskit.circuit import QuantumCircuit

    if not isinstance(circuit, QuantumCircuit):
        hint = "an AmplitudeProblem has one, problem.circuit; `resources` counts all of it"
        raise checks.refuse("circuit", circuit, "a QuantumCircuit", hint)
    if circuit.parameters:
        free = ", ".join(sorted(one.name for one in circuit.parameters))
        raise checks.refuse("circuit", free, "without free parameters", "assign them first")
    memory.require(
        memory.BYTES_AN_INSTRUCTION * float(circuit.size()),
        f"a circuit of {circuit.size():,} instructions",
        "count a smaller one and take `scaling`",
    )


def _precision(precision: float) -> float:
    if checks.fraction("precision", precision) < _FINEST:
        raise checks.refuse("precision", precision, f"from {_FINEST:g} to below 1", "try 1e-10")
    return float(precision)


def _kind(operation: Any) -> str:  # noqa: ANN401
    """What a gate costs: "rotation", "t", "toffoli", "measure", or "free" for Clifford gates."""
    if operation.name in _TOFFOLIS:
        return "toffoli"
    if operation.name in {"t", "tdg"}:
        return "t"
    if operation.name in _ROTATIONS:
        eighths = float(operation.params[0]) / (0.25 * math.pi)
        if abs(eighths - round(eighths)) > _SAME_ANGLE:
            return "rotation"
        return "t" if round(eighths) % 2 else "free"
    return "measure" if operation.name == "measure" else "free"


def _longest(gates: Iterable[tuple[str, Any]], weights: dict[str, int]) -> int:
    """The heaviest chain of gates that wait for each other."""
    reached: dict[Any, int] = {}
    for kind, qubits in gates:
        end = max((reached.get(one, 0) for one in qubits), default=0) + weights.get(kind, 0)
        reached.update(dict.fromkeys(qubits, end))
    return max(reached.values(), default=0)
