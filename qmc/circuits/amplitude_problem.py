"""`AmplitudeProblem`: a circuit A whose flag qubit's probability carries the wanted number."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from qmc import checks
from qmc.circuits.unitary import require_unitary
from qmc.grids.cell_table import DiscreteProblem
from qmc.measures import Functional, Mean
from qmc.problem import Array, Goal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from qiskit.circuit import QuantumCircuit

_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, kw_only=True)
class AmplitudeProblem:
    """A state preparation A with P(flag = 1) = a, and the map from a to the wanted number.

    Attributes:
        registers: qubits of each value register; qubits 0..n-1 of the circuit, in order; () where
            no qubits hold a value.
        flag: index of the flag qubit.
        num_qubits: qubits of A, clean ancillas of A included.
        offset, scale: number = offset + scale * a; the scale is not 0.
        bias_bound: bound on |offset + scale * a - the grid's exact number| (0: exact encoding).
        build: makes the circuit A on `num_qubits` qubits; called once, when first needed.
        most_two_qubit_gates: an upper bound on the CX of A, where the circuit may be too large to
            be built only to be counted.
        amplitude: P(flag = 1), where it is known without a table of cells or a state.
        probabilities, flags: (2**n,) cell probabilities and P(flag = 1 | cell), where a table is
            known; they give the noise-free amplitude without a circuit.

    Raises:
        InvalidProblem: for fields out of range or that do not fit each other; from `circuit`, when
            `build` makes something else than a unitary circuit on `num_qubits` qubits.

    A circuit of one's own, whose flag is up with probability .25, for a number in [10, 12]:

    >>> from qiskit.circuit import QuantumCircuit
    >>> def build():
    ...     circuit = QuantumCircuit(1)
    ...     circuit.ry(1.0471975511965976, 0)
    ...     return circuit
    >>> own = AmplitudeProblem(
    ...     registers=(), flag=0, num_qubits=1, offset=10.0, scale=2.0, build=build
    ... )
    >>> own.value(0.25), own.circuit.num_qubits
    (10.5, 1)
    """

    registers: tuple[int, ...]
    flag: int
    num_qubits: int
    offset: float
    scale: float
    build: Callable[[], QuantumCircuit] = field(repr=False)
    probabilities: Array | None = field(default=None, repr=False)
    flags: Array | None = field(default=None, repr=False)
    bias_bound: float = 0.0
    most_two_qubit_gates: int | None = None
    amplitude: float | None = None

    def __post_init__(self) -> None:
        """Refuse fields out of range, and those that do not fit each other."""
        count = checks.whole("num_qubits", self.num_qubits, 1)
        checks.whole("flag", self.flag, 0, count - 1, "it is one of the num_qubits")
        object.__setattr__(self, "registers", _checked_registers(self.registers, count))
        for name in ("offset", "scale", "bias_bound"):
            object.__setattr__(self, name, checks.finite(name, getattr(self, name)))
        if self.scale == 0.0:
            hint = "where the number is the offset alone, any scale encodes it"
            raise checks.refuse("scale", self.scale, "other than 0", hint)
        if self.bias_bound < 0.0:
            raise checks.refuse("bias_bound", self.bias_bound, "0 or above", "0: exact encoding")
        if not callable(self.build):
            allowed = "a function without arguments that makes the circuit A"
            raise checks.refuse("build", self.build, allowed, "such as build=lambda: circuit")
        if self.most_two_qubit_gates is not None:
            checks.whole("most_two_qubit_gates", self.most_two_qubit_gates, 0)
        known = self.amplitude
        if known is not None and not 0.0 <= checks.finite("amplitude", known) <= 1.0:
            raise checks.refuse("amplitude", known, "from 0 to 1, or None")
        _check_cells(self.probabilities, self.flags, self.registers)

    @functools.cached_property
    def circuit(self) -> QuantumCircuit:
        """The circuit A.

        Raises:
            InvalidProblem: when `build` makes something else than a unitary circuit on
                `num_qubits` qubits.
        """
        made = self.build()
        require_unitary("build()", made, self.num_qubits)
        return made

    def value(self, amplitude: float) -> float:
        """The wanted number for an amplitude a = P(flag = 1)."""
        return self.offset + self.scale * amplitude

    def amplitude_goal(self, goal: Goal, grid_bias: float) -> Goal:
        """The goal in units of amplitude: tolerance less the bias bounds, over the scale."""
        tolerance = goal.tolerance
        if tolerance is not None:
            left = max(tolerance - grid_bias - self.bias_bound, 0.1 * tolerance)
            if grid_bias + self.bias_bound >= tolerance:
                left = tolerance  # cannot be sampled away; the status says so, nothing is chased
            tolerance = left / abs(self.scale)
        origin = (goal.origin - self.offset) / self.scale
        return replace(goal, tolerance=tolerance, origin=origin)

    def draw(self, output: str = "mpl", *, ax: Axes | None = None) -> object:
        """Draw A with qiskit: `output` "mpl" (figure, or into `ax`), "text" or "latex_source"."""
        checks.choice("output", output, ("mpl", "text", "latex_source"))
        return self.circuit.draw(output, ax=ax) if ax is not None else self.circuit.draw(output)


def _checked_registers(given: object, count: int) -> tuple[int, ...]:
    allowed = f"a tuple of whole numbers >= 1 with a sum of at most num_qubits={count}"
    hint = "qubits of each value register, () for none"
    if not isinstance(given, tuple | list):
        raise checks.refuse("registers", given, allowed, hint)
    each = tuple(checks.whole(f"registers[{i}]", one, 1) for i, one in enumerate(given))
    if sum(each) > count:
        raise checks.refuse("registers", given, allowed, hint)
    return each


def _check_cells(probabilities: object, flags: object, registers: tuple[int, ...]) -> None:
    """Refuse a table that is half there, of another size, or no law of a flag."""
    if probabilities is None and flags is None:
        return
    if probabilities is None or flags is None:
        lacking = "probabilities" if probabilities is None else "flags"
        raise checks.refuse(lacking, None, "given where the other is", "or leave both out")
    law, raised = checks.table("probabilities", probabilities, 1), checks.table("flags", flags, 1)
    cells = 2 ** sum(registers) if registers else law.size
    if not law.size == raised.size == cells:
        given = f"{law.size} probabilities and {raised.size} flags"
        raise checks.refuse("probabilities, flags", given, f"{cells} of each, one a cell")
    if law.min() < 0.0 or abs(float(law.sum()) - 1.0) > _ROUNDING:
        raise checks.refuse("probabilities", float(law.sum()), "0 or above with a sum of 1")
    if raised.min() < -_ROUNDING or raised.max() > 1.0 + _ROUNDING:
        least, most = float(raised.min()), float(raised.max())
        raise checks.refuse("flags", (least, most), "from 0 to 1, a probability each")


def require_problem(problem: object) -> None:
    """Refuse what is no amplitude problem.

    Raises:
        InvalidProblem: saying how one is made.
    """
    if not isinstance(problem, AmplitudeProblem):
        hint = "engine.amplitude_problem(problem) makes one"
        raise checks.refuse("problem", problem, "an AmplitudeProblem", hint)


@runtime_checkable
class Encoding(Protocol):
    """Turns a discretised problem and a functional into an amplitude problem."""

    def encode(self, problem: DiscreteProblem, functional: Functional = Mean()) -> AmplitudeProblem:
        """Return the amplitude problem; `Unsupported` for a problem it cannot encode."""
        ...
