"""What encodings of a `CellTable` share: the check of their input and the law's preparation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmc.circuits.loaders import load
from qmc.errors import Unsupported
from qmc.grids.cell_table import CellTable

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


def require_table(encoding: object, problem: object) -> CellTable:
    """The problem, or `Unsupported` when it is no `CellTable`."""
    if not isinstance(problem, CellTable):
        msg = (
            f"{type(encoding).__name__} encodes a CellTable, not a {type(problem).__name__}: take "
            "a grid that makes one, such as LawGrid"
        )
        raise Unsupported(msg)
    return problem


def load_law(circuit: QuantumCircuit, table: CellTable) -> None:
    """Append the table's law on qubits 0..n-1, each register by its own loader."""
    start = 0
    for qubits, marginal in zip(table.registers, table.marginals, strict=True):
        load(circuit, range(start, start + qubits), marginal)
        start += qubits
