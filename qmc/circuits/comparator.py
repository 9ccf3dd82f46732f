"""`Comparator`: a flag where a register's integer reaches a constant, at linear size."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.circuits.comparison import append_greater_equal, comparator_ancillas
from qmc.circuits.table_law import (
    Loaders,
    TableLaw,
    check_loader,
    require_functional,
    require_table,
)
from qmc.errors import Unsupported
from qmc.grids.cell_table import DiscreteProblem
from qmc.measures import Functional, Mean, Tail
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# two values nearer than this share of their span, or of their size, are one level
_SAME = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparator:
    """Flag the cells from one index on, by a comparison of the register instead of 2**n angles.

    It encodes exactly what is a step in the cell index: a `Tail` of any table with edges, the
    mean of a digital payoff on a `UniformGrid`. At most 6n CX and n - 2 clean ancillas beside
    the law's preparation, where `MultiplexedRotation` takes 2**n CX and none.

    Attributes:
        loader: how the cells' probabilities are loaded, as in `MultiplexedRotation`; the error of
            an approximate one stands in `bias_bound`.

    Raises:
        Unsupported: from `encode`, for anything but a `CellTable`, and for cells whose values are
            no step: they change more than once or, but for a `Tail`, never.
        InvalidProblem: for another loader, and from `encode` for another functional, a threshold
            that is no edge of the table, or a tuple of loaders that does not fit.

    >>> from qmc import LawGrid, NormalReturns, Portfolio, Problem, VaR
    >>> from qmc.measures import Tail
    >>> returns = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
    >>> table = LawGrid(qubits=4).discretise(
    ...     Problem(returns, Portfolio(weights=(1.0,)), VaR(level=0.99))
    ... )
    >>> encoded = Comparator().encode(table, Tail(float(table.edges[13])))
    >>> encoded.num_qubits, bool(encoded.flags[12]), bool(encoded.flags[13])
    (7, False, True)
    """

    loader: Loaders = "auto"

    def __post_init__(self) -> None:
        """Refuse an unknown loader."""
        check_loader(self.loader)

    def encode(self, problem: DiscreteProblem, functional: Functional = Mean()) -> AmplitudeProblem:
        """The amplitude problem of a functional that is a step in the table's cell index."""
        table = require_table(self, problem)
        functional = require_functional(functional)
        values = table.outcomes(functional)
        start = _step(values, functional)
        law = TableLaw.of(table, self.loader)
        low, span = float(values.min()), float(np.ptp(values))
        scale = span if span > 0.0 else 1.0
        flags = (values > low + 0.5 * scale).astype(np.float64)
        falling = bool(values[0] > values[-1])
        count = table.num_qubits
        rounding = float(np.abs(low + scale * flags - values).max())
        return AmplitudeProblem(
            registers=table.registers,
            flag=count,
            num_qubits=count + 1 + comparator_ancillas(count, start),
            offset=low,
            scale=scale,
            build=functools.partial(_build, law, start, falling),
            probabilities=law.probabilities,
            flags=flags,
            bias_bound=rounding + law.bias_bound(values),
        )


def _step(values: Array, functional: Functional) -> int:
    """The one cell index at which values (2**n,) change; 2**n for a tail of all cells or none.

    Raises:
        Unsupported: where they change more than once, or never and are no tail's.
    """
    low, high = float(values.min()), float(values.max())
    # values of one level may differ in their last bits
    changes = np.flatnonzero(np.abs(np.diff(values)) > _SAME * (high - low))
    constant = high - low <= _SAME * max(abs(low), abs(high))
    if constant and isinstance(functional, Tail):
        return values.size
    if not constant and changes.size == 1:
        return int(changes[0]) + 1
    found = (
        f"is {low:g} in every cell, the number itself: move strike or threshold into the grid, or "
        "take MultiplexedRotation"
        if constant
        else f"changes {changes.size} times: take PiecewiseRotation or MultiplexedRotation"
    )
    msg = (
        "Comparator encodes two values that change once in the cell index, as of a Tail; "
        f"{functional!r} of this table {found}"
    )
    raise Unsupported(msg)


def _build(law: TableLaw, start: int, falling: bool) -> QuantumCircuit:
    from qiskit.circuit import QuantumCircuit

    count = law.table.num_qubits
    ancillas = range(count + 1, count + 1 + comparator_ancillas(count, start))
    circuit = QuantumCircuit(count + 1 + len(ancillas), name="A")
    law.append(circuit)
    append_greater_equal(circuit, range(count), start, count, ancillas)
    if falling:
        circuit.x(count)
    return circuit
