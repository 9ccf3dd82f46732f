"""A table's law on qubits: the one way in which encodings load it and account for its error."""

from __future__ import annotations

import functools
import math
import numbers
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from qmc import checks
from qmc.circuits.loaders import LoadedLaw, Loader, as_loader, load
from qmc.errors import InvalidProblem, Unsupported
from qmc.grids.cell_table import CellTable
from qmc.measures import Excess, Functional, Mean, Tail
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# what the field `loader` of an encoding takes: one for all registers, or one a register
Loaders: TypeAlias = Loader | str | tuple[Loader | str, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TableLaw:
    """The law of a table's cells as loaders prepare it, each register on its own.

    Attributes:
        table: whose law is asked for.
        loaders: one a register.
        probabilities: (2**n,) of the cells, as prepared.
        total_variation: half the sum of |prepared - asked| over the cells, 0 for exact loaders.
        two_qubit_gates: CX of all loaders.

    >>> table = CellTable(
    ...     registers=(1,), marginals=(np.array([0.25, 0.75]),), values=np.array([0.0, 8.0]),
    ...     bias="exact", bias_bound=0.0,
    ... )
    >>> from qmc.circuits import Hadamards
    >>> law = TableLaw.of(table, Hadamards())
    >>> law.total_variation, law.bias_bound(table.values)
    (0.25, 2.0)
    """

    table: CellTable
    loaders: tuple[Loader, ...]
    probabilities: Array
    total_variation: float
    two_qubit_gates: int

    @classmethod
    def of(cls, table: CellTable, loader: Loaders) -> TableLaw:
        """Ask the loaders what they prepare.

        Raises:
            InvalidProblem: for a tuple that has not one loader a register, and for a loader whose
                answer is no law of its register.
        """
        loaders = _one_a_register(table, loader)
        laws = [_loaded(one, law) for one, law in zip(loaders, table.marginals, strict=True)]
        joint = functools.reduce(_outer, laws, np.ones(1))
        exact = all(law.total_variation == 0.0 for law in laws)
        return cls(
            table=table,
            loaders=loaders,
            probabilities=joint,
            total_variation=(
                0.0 if exact else 0.5 * float(np.abs(joint - table.probabilities).sum())
            ),
            two_qubit_gates=sum(law.two_qubit_gates for law in laws),
        )

    def bias_bound(self, values: Array) -> float:
        """How far the expectation of values (2**n,) is at most from that under the asked law."""
        return self.total_variation * float(np.ptp(values))

    def append(self, circuit: QuantumCircuit) -> None:
        """Append the preparation on qubits 0..n-1, the first register lowest."""
        start = 0
        for qubits, loader, marginal in zip(
            self.table.registers, self.loaders, self.table.marginals, strict=True
        ):
            load(circuit, range(start, start + qubits), marginal, loader)
            start += qubits


def _one_a_register(table: CellTable, loader: Loaders) -> tuple[Loader, ...]:
    count = len(table.registers)
    given = loader if isinstance(loader, tuple) else (loader,) * count
    if len(given) != count:
        msg = (
            f"loader has {len(given)} entries for {count} registers: must be one a register, "
            "or a single loader for all"
        )
        raise InvalidProblem(msg)
    return tuple(as_loader("loader", one) for one in given)


def _loaded(loader: Loader, marginal: Array) -> LoadedLaw:
    law = loader.loaded(marginal)
    if isinstance(law, LoadedLaw) and law.probabilities.shape == marginal.shape:
        return law
    given = (
        f"probabilities of shape {law.probabilities.shape}" if isinstance(law, LoadedLaw) else law
    )
    allowed = f"a LoadedLaw with {marginal.size} probabilities"
    raise checks.refuse(f"{type(loader).__name__}.loaded(probabilities)", given, allowed)


def _outer(joint: Array, law: LoadedLaw) -> Array:
    return np.multiply.outer(law.probabilities, joint).ravel()


def check_loader(given: object) -> None:
    """Refuse what is no loader, no word for one and no tuple of these.

    Raises:
        InvalidProblem: naming the field `loader`.
    """
    if isinstance(given, tuple) and not given:
        raise checks.refuse("loader", given, "a loader, or a tuple of one a register")
    for one in given if isinstance(given, tuple) else (given,):
        as_loader("loader", one)


def require_table(encoding: object, problem: object) -> CellTable:
    """The problem, or `Unsupported` when it is no `CellTable`."""
    if not isinstance(problem, CellTable):
        msg = (
            f"{type(encoding).__name__} encodes a CellTable, not a {type(problem).__name__}: take "
            "a grid that makes one, such as LawGrid(qubits=5).discretise(problem)"
        )
        raise Unsupported(msg)
    return problem


def require_functional(functional: object) -> Functional:
    """The functional, its threshold a plain float.

    Raises:
        InvalidProblem: for anything but `Mean()`, `Tail(threshold)` and `Excess(threshold)`, and
            for a threshold that is no number, or for which the excess is infinite.
    """
    if isinstance(functional, Mean):
        return functional
    if not isinstance(functional, Tail | Excess):
        allowed = "Mean(), Tail(threshold) or Excess(threshold) of qmc.measures"
        raise checks.refuse("functional", functional, allowed, "the mean is the default")
    threshold, hint = functional.threshold, "table.edges has them"
    real = isinstance(threshold, numbers.Real) and not isinstance(threshold, bool)
    try:
        number = float(threshold) if real else math.nan
    except OverflowError:
        number = math.nan
    if math.isnan(number):
        raise checks.refuse("threshold", threshold, "an edge of the table", hint)
    if isinstance(functional, Excess) and number == -math.inf:
        allowed = "an edge of the table above -inf, over which the excess is infinite"
        raise checks.refuse("threshold", threshold, allowed, hint)
    return replace(functional, threshold=number)
