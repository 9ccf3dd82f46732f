"""The circuit whose flag is raised where another's is not."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from qmc.circuits.amplitude_problem import AmplitudeProblem, require_problem

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


def complemented(problem: AmplitudeProblem) -> AmplitudeProblem:
    """The same number by a flag that is raised with probability 1 - a: one X more.

    Raises:
        InvalidProblem: for anything but an `AmplitudeProblem`.

    >>> from qmc.circuits import AmplitudeProblem
    >>> def build():
    ...     from qiskit.circuit import QuantumCircuit
    ...     return QuantumCircuit(1)
    >>> never = AmplitudeProblem(
    ...     registers=(), flag=0, num_qubits=1, offset=1.0, scale=1.0, build=build, amplitude=0.0
    ... )
    >>> always = complemented(never)
    >>> always.amplitude, always.value(1.0) == never.value(0.0)
    (1.0, True)
    """
    require_problem(problem)
    return replace(
        problem,
        offset=problem.offset + problem.scale,
        scale=-problem.scale,
        build=functools.partial(_build, problem),
        flags=None if problem.flags is None else 1.0 - problem.flags,
        amplitude=None if problem.amplitude is None else 1.0 - problem.amplitude,
    )


def _build(problem: AmplitudeProblem) -> QuantumCircuit:
    circuit = problem.circuit.copy()
    circuit.x(problem.flag)
    return circuit
