"""`MultiplexedRotation`: a table of values becomes the amplitude of a flag, exactly."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.circuits.loaders import LOADERS, load, multiplexed_ry
from qmc.errors import Unsupported
from qmc.grids.cell_table import CellTable, DiscreteProblem
from qmc.measures import Functional, Mean
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplexedRotation:
    """Rotate the flag by each cell's own angle: P(flag = 1 | cell) = (value - offset) / scale.

    Zero bias: offset + scale * P(flag = 1) is the grid's exact expectation. The affine shift,
    offset = the smallest value, takes values of any sign, and the smaller the scale the fewer the
    queries. Costs 2**n CX. A 0/1
    table (a tail) is the same construction with angles 0 and pi.

    Attributes:
        loader: "auto" (Hadamards where probabilities are equal) or "tree".

    Raises:
        Unsupported: from `encode`, for anything but a `CellTable`.
    """

    loader: str = "auto"

    def __post_init__(self) -> None:
        """Refuse an unknown loader."""
        checks.choice("loader", self.loader, LOADERS)

    def encode(self, problem: DiscreteProblem, functional: Functional = Mean()) -> AmplitudeProblem:
        """The amplitude problem of a functional of the table's outcome."""
        if not isinstance(problem, CellTable):
            msg = (
                f"MultiplexedRotation encodes a CellTable, not a {type(problem).__name__}: take a "
                "grid that makes one, such as LawGrid"
            )
            raise Unsupported(msg)
        values = problem.outcomes(functional)
        offset = float(values.min())
        scale = float(values.max()) - offset
        if scale <= 0.0:
            # every value is the same: the offset alone is the number, any scale encodes it
            scale = 1.0
        flags = np.clip((values - offset) / scale, 0.0, 1.0)
        return AmplitudeProblem(
            registers=problem.registers,
            flag=problem.num_qubits,
            num_qubits=problem.num_qubits + 1,
            offset=offset,
            scale=scale,
            build=functools.partial(_build, problem, flags, self.loader),
            probabilities=problem.probabilities,
            flags=flags,
        )


def _build(problem: CellTable, flags: Array, loader: str) -> QuantumCircuit:
    from qiskit.circuit import QuantumCircuit

    count = problem.num_qubits
    circuit = QuantumCircuit(count + 1, name="A")
    start = 0
    for qubits, marginal in zip(problem.registers, problem.marginals, strict=True):
        load(circuit, range(start, start + qubits), marginal, loader)
        start += qubits
    multiplexed_ry(circuit, 2.0 * np.arcsin(np.sqrt(flags)), range(count), count)
    return circuit
