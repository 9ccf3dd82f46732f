"""`PiecewiseRotation`: payoffs linear between breakpoints, by comparators and few rotations."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmc import checks
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.circuits.linearisation import (
    Linearisation,
    check_degree,
    check_scaling,
    default_scaling,
)
from qmc.circuits.pieces import (
    Piece,
    append_piecewise_rotation,
    linear_pieces,
    piece_values,
    rotation_ancillas,
)
from qmc.circuits.table_law import (
    Loaders,
    TableLaw,
    check_loader,
    require_functional,
    require_table,
)
from qmc.errors import Unsupported
from qmc.grids.cell_table import DiscreteProblem
from qmc.measures import Functional, Mean
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecewiseRotation:
    """Rotate by an angle that is linear in the cell index between breakpoints.

    Each breakpoint is a comparison of the register with a constant, which switches on a further
    rotation linear in the register (Woerner and Egger 2019, npj Quantum Information 5:15,
    arXiv:1806.06893; Stamatopoulos et al. 2020, arXiv:1905.02666). With one breakpoint
    A takes about 9n CX and n - 1 clean ancillas beside the law's preparation, where
    `MultiplexedRotation` takes 2**n. The payoff is linearised as in `LinearRotation`; the error of
    that and of the pieces is computed from the table and stands in `bias_bound`.

    Values of a call, put or spread on a `UniformGrid` are piecewise linear; those of the cells
    of a `LawGrid` are nearly so within a `tolerance` above 0.01.

    Attributes:
        scaling: in (0, pi/2] at degree 1, in (0, 1] above; None takes the largest whose bias is at
            most 1e-3 of the range of values, whatever their law.
        degree: 1, 3 or 5, of the angle as a polynomial in the value; 3 and 5 have a smaller bias
            at the same scaling, so fewer queries, for n**degree / degree! rotations.
        tolerance: a piece's largest distance from the values, as a share of their range, >= 0.
        most_pieces: a table that needs more is refused.
        loader: how the cells' probabilities are loaded, as in `MultiplexedRotation`; the error of
            an approximate one is added to `bias_bound`.

    Raises:
        InvalidProblem: for fields out of range or another loader, and from `encode` for another
            functional, a threshold that is no edge of the table, or a tuple of loaders that does
            not fit.
        Unsupported: from `encode`, for anything but a `CellTable`, or more pieces than allowed.

    >>> from qmc import BlackScholes, Call, Price, Problem, UniformGrid
    >>> market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    >>> table = UniformGrid(qubits=6).discretise(
    ...     Problem(market, Call(strike=105.0, expiry=1.0), Price())
    ... )
    >>> encoded = PiecewiseRotation(scaling=0.25).encode(table)
    >>> read = encoded.value(encoded.probabilities @ encoded.flags)
    >>> round(table.mean(), 3), round(float(read), 3), round(encoded.bias_bound, 3)
    (7.618, 7.828, 0.209)
    """

    scaling: float | None = None
    degree: int = 1
    tolerance: float = 1e-9
    most_pieces: int = 8
    loader: Loaders = "auto"

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "degree", check_degree(self.degree))
        if self.scaling is not None:
            object.__setattr__(self, "scaling", check_scaling(self.scaling, self.degree))
        tolerance = checks.finite("tolerance", self.tolerance)
        if not 0.0 <= tolerance < 1.0:
            allowed = "a share of the range of values, from 0 to below 1"
            raise checks.refuse("tolerance", self.tolerance, allowed, "1e-9 is rounding only")
        object.__setattr__(self, "tolerance", tolerance)
        checks.whole("most_pieces", self.most_pieces, 1)
        check_loader(self.loader)

    def encode(self, problem: DiscreteProblem, functional: Functional = Mean()) -> AmplitudeProblem:
        """The amplitude problem of a functional of the table's outcome."""
        table = require_table(self, problem)
        values = table.outcomes(require_functional(functional))
        law = TableLaw.of(table, self.loader)
        pieces = self._pieces(values)
        scaling = default_scaling(self.degree) if self.scaling is None else self.scaling
        line = Linearisation.of(values, scaling, self.degree)
        flags = line.flags(line.standing(piece_values(pieces, values.size)))
        count = table.num_qubits
        return AmplitudeProblem(
            registers=table.registers,
            flag=count,
            num_qubits=count + 1 + rotation_ancillas(count, pieces),
            offset=line.offset,
            scale=line.scale,
            build=functools.partial(_build, law, pieces, line),
            probabilities=law.probabilities,
            flags=flags,
            bias_bound=line.exact_bias(law.probabilities, flags, values) + law.bias_bound(values),
        )

    def _pieces(self, values: Array) -> tuple[Piece, ...]:
        pieces = linear_pieces(values, self.tolerance, self.most_pieces)
        if len(pieces) > self.most_pieces:
            msg = (
                f"PiecewiseRotation found more than most_pieces={self.most_pieces} linear pieces "
                f"in {values.size} cells within tolerance={self.tolerance:g} of their range: take "
                "a larger tolerance (its bias is computed and shown), UniformGrid, or "
                "MultiplexedRotation"
            )
            raise Unsupported(msg)
        return pieces


def _build(law: TableLaw, pieces: Sequence[Piece], line: Linearisation) -> QuantumCircuit:
    from qiskit.circuit import QuantumCircuit

    count = law.table.num_qubits
    ancillas = range(count + 1, count + 1 + rotation_ancillas(count, pieces))
    circuit = QuantumCircuit(count + 1 + len(ancillas), name="A")
    law.append(circuit)
    append_piecewise_rotation(circuit, range(count), pieces, line, count, ancillas)
    return circuit
