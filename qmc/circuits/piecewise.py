"""`PiecewiseRotation`: payoffs linear between breakpoints, by comparators and few rotations."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qmc import checks
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.circuits.comparator import append_chain, chain_ancillas
from qmc.circuits.linearisation import (
    Linearisation,
    check_degree,
    check_scaling,
    default_scaling,
)
from qmc.circuits.parity_rotations import (
    SignPolynomial,
    add,
    affine,
    append_parity_ry,
    multiply,
    substitute,
)
from qmc.circuits.table_law import load_law, require_table
from qmc.errors import Unsupported
from qmc.grids.cell_table import CellTable, DiscreteProblem
from qmc.measures import Functional, Mean
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


class Piece(NamedTuple):
    """value = intercept + slope * index, from `start` to the next piece's start."""

    start: int
    intercept: float
    slope: float


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

    Raises:
        InvalidProblem: for fields out of range.
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

    def encode(self, problem: DiscreteProblem, functional: Functional = Mean()) -> AmplitudeProblem:
        """The amplitude problem of a functional of the table's outcome."""
        table = require_table(self, problem)
        values = table.outcomes(functional)
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
            build=functools.partial(_build, table, pieces, line),
            probabilities=table.probabilities,
            flags=flags,
            bias_bound=line.exact_bias(table.probabilities, flags, values),
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


def linear_pieces(
    values: Array, tolerance: float = 1e-9, most_pieces: int | None = None
) -> tuple[Piece, ...]:
    """Lines in the index through the first value of each piece, as few as such lines can be.

    Each piece is as long as some slope keeps within tolerance * (max - min) of all its values.

    Args:
        values: (cells,).
        tolerance: as a share of the range of values.
        most_pieces: stop once there are more.

    >>> linear_pieces(np.array([0.0, 0.0, 0.5, 1.5, 2.5]))
    (Piece(start=0, intercept=0.0, slope=0.0), Piece(start=2, intercept=-1.5, slope=1.0))
    """
    slack = tolerance * float(np.ptp(values))
    pieces: list[Piece] = []
    start = 0
    while start < values.size and (most_pieces is None or len(pieces) <= most_pieces):
        length, slope = _longest_line(values[start:], slack)
        pieces.append(Piece(start, float(values[start]) - slope * start, slope))
        start += length
    return tuple(pieces)


def _longest_line(values: Array, slack: float) -> tuple[int, float]:
    """Cells that one slope through the first value fits, and that slope."""
    if values.size == 1:
        return 1, 0.0
    steps = np.arange(1, values.size)
    rises = values[1:] - values[0]
    low = np.maximum.accumulate((rises - slack) / steps)
    high = np.minimum.accumulate((rises + slack) / steps)
    # the narrowing interval of slopes is empty from the first misfit on
    fits = int(np.count_nonzero(low <= high))
    return fits + 1, float(0.5 * (low[fits - 1] + high[fits - 1]))


def piece_values(pieces: Sequence[Piece], cells: int) -> Array:
    """The pieces' values at each index, (cells,)."""
    index = np.arange(cells)
    which = np.searchsorted([piece.start for piece in pieces], index, side="right") - 1
    intercepts = np.array([piece.intercept for piece in pieces])
    slopes = np.array([piece.slope for piece in pieces])
    return np.asarray(intercepts[which] + slopes[which] * index)


def rotation_ancillas(qubits: int, pieces: Sequence[Piece]) -> int:
    """Clean ancillas that `append_piecewise_rotation` needs."""
    return max((chain_ancillas(qubits, piece.start) for piece in pieces[1:]), default=0)


def append_piecewise_rotation(
    circuit: QuantumCircuit,
    register: Sequence[int],
    pieces: Sequence[Piece],
    line: Linearisation,
    flag: int,
    ancillas: Sequence[int],
) -> None:
    """Rotate `flag` from 0 to P(flag = 1 | i) = sin^2(half-angle of the pieces' value at i).

    Args:
        circuit: to append to.
        register: n qubits holding the integer i, lowest bit first.
        pieces: the first starts at 0.
        line: the map from values to half-angles.
        flag: a qubit at 0.
        ancillas: `rotation_ancillas` or more qubits at 0; they return to 0.
    """
    if len(pieces) == 1:
        masks = [1 << bit for bit in range(len(register))]
        append_parity_ry(circuit, _angle(pieces[0], line, masks), register, flag)
    for number in range(1, len(pieces)):
        chain = circuit.copy_empty_like()
        reached = append_chain(chain, register, pieces[number].start, ancillas)
        # the comparison's qubit first, so that terms with and without it are neighbours
        controls = tuple(dict.fromkeys((reached, *register)))
        masks = [1 << controls.index(qubit) for qubit in register]
        angle = _switched(pieces, number, line, masks)
        circuit.compose(chain, inplace=True)
        append_parity_ry(circuit, angle, controls, flag)
        circuit.compose(chain.reverse_ops(), inplace=True)


def _switched(
    pieces: Sequence[Piece], number: int, line: Linearisation, masks: Sequence[int]
) -> SignPolynomial:
    """What piece `number` adds to the angle where its comparison, bit 0, holds.

    bit (new - old) = (new - old) / 2 - sign (new - old) / 2. The first comparison also carries the
    first piece's angle.
    """
    old, new = (_angle(pieces[each], line, masks) for each in (number - 1, number))
    half = add(multiply({0: 0.5}, new), multiply({0: -0.5}, old))
    switched = add(half, multiply({1: -1.0}, half))
    return add(switched, old) if number == 1 else switched


def _angle(piece: Piece, line: Linearisation, masks: Sequence[int]) -> SignPolynomial:
    """Twice the half-angle of the piece's line."""
    factor = line.scaling / line.width
    standing = affine(factor * (piece.intercept - line.centre), factor * piece.slope, masks)
    return multiply({0: 2.0}, substitute(line.half_angle_coefficients, standing))


def _build(table: CellTable, pieces: Sequence[Piece], line: Linearisation) -> QuantumCircuit:
    from qiskit.circuit import QuantumCircuit

    count = table.num_qubits
    ancillas = range(count + 1, count + 1 + rotation_ancillas(count, pieces))
    circuit = QuantumCircuit(count + 1 + len(ancillas), name="A")
    load_law(circuit, table)
    append_piecewise_rotation(circuit, range(count), pieces, line, count, ancillas)
    return circuit
