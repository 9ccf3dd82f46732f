"""`AmplitudeProblem`: a circuit A whose flag qubit's probability carries the wanted number."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from qmc import checks
from qmc.grids.cell_table import DiscreteProblem
from qmc.measures import Functional, Mean
from qmc.problem import Array, Goal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from qiskit.circuit import QuantumCircuit


@dataclass(frozen=True, eq=False, kw_only=True)
class AmplitudeProblem:
    """A state preparation A with P(flag = 1) = a, and the map from a to the wanted number.

    Attributes:
        registers: qubits of each value register; qubits 0..n-1 of the circuit, in order.
        flag: index of the flag qubit.
        num_qubits: qubits of A, clean ancillas of A included.
        offset, scale: number = offset + scale * a.
        bias_bound: bound on |offset + scale * a - the grid's exact number| (0: exact encoding).
        build: makes the circuit A on `num_qubits` qubits; called once, when first needed.
        most_two_qubit_gates: an upper bound on the CX of A, where the circuit may be too large to
            be built only to be counted.
        amplitude: P(flag = 1), where it is known without a table of cells or a state.
        probabilities, flags: (2**n,) cell probabilities and P(flag = 1 | cell), where a table is
            known; they give the noise-free amplitude without a circuit.
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

    @functools.cached_property
    def circuit(self) -> QuantumCircuit:
        """The circuit A."""
        return self.build()

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
