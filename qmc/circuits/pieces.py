"""Lines between breakpoints: found in values, and as rotations switched on by comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qmc.circuits.comparison import append_chain, chain_ancillas
from qmc.circuits.linearisation import Linearisation
from qmc.circuits.parity_walk import append_parity_ry
from qmc.circuits.sign_polynomials import SignPolynomial, add, affine, multiply, substitute
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


class Piece(NamedTuple):
    """value = intercept + slope * index, from `start` to the next piece's start."""

    start: int
    intercept: float
    slope: float


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
