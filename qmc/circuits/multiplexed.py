"""Multiplexed RY: one angle for each value of the controls, as a walk over Walsh coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# a coefficient no larger is rounding: N of them move an angle by sqrt(N) * 4e-16 on average
_ROUNDING = 2.0**-51
# the nearest-first order takes the square of this many steps
_SORTED_TERMS = 2048
# numbers of coefficients to leave out that are tried
_TRIALS = 256


def multiplexed_ry(
    circuit: QuantumCircuit, angles: Array, controls: Sequence[int], target: int
) -> None:
    """Append RY(angles[c]) on `target` for each value c of the controls, by at most 2**n CX.

    Args:
        circuit: to append to.
        angles: (2**n,), index little-endian in the controls.
        controls: n qubits, lowest bit first.
        target: the rotated qubit.
    """
    append_walk(circuit, walsh_coefficients(angles), controls, target)


def append_walk(
    circuit: QuantumCircuit, coefficients: Array, controls: Sequence[int], target: int
) -> None:
    """Append the multiplexed RY whose angles have these Walsh coefficients (2**n,).

    Between CX from the controls of a set k, RY(w_k) turns by w_k (-1)**(c . k). The rotations
    commute, so they may be taken in any order; in Gray-code order one CX leads from one to the
    next (Mottonen et al. 2004, arXiv:quant-ph/0404089, section 2). A coefficient of 0 has no
    rotation, and of the CX around it those that meet cancel.
    """
    parity = 0
    for term in walk(coefficients):
        _change_parity(circuit, parity ^ term, controls, target)
        circuit.ry(float(coefficients[term]), target)
        parity = term
    _change_parity(circuit, parity, controls, target)


def _change_parity(
    circuit: QuantumCircuit, changed: int, controls: Sequence[int], target: int
) -> None:
    for bit, control in enumerate(controls):
        if changed >> bit & 1:
            circuit.cx(control, target)


def walk(coefficients: Array) -> tuple[int, ...]:
    """Indices of the coefficients that are not 0, in an order that takes few CX.

    The better of Gray-code order, best when nothing is left out, and nearest first.

    >>> walk(np.array([0.1, 0.2, 0.3, 0.4])), walk(np.array([0.1, 0.2, 0.0, 0.0]))
    ((0, 1, 3, 2), (0, 1))
    """
    steps = np.arange(coefficients.size)
    gray = steps ^ (steps >> 1)
    terms = gray[np.abs(coefficients[gray]) > _ROUNDING]
    if terms.size < coefficients.size and terms.size <= _SORTED_TERMS:
        nearest = _nearest_first(terms)
        terms = min(terms, nearest, key=_walk_length)
    return tuple(terms.tolist())


def cx_count(coefficients: Array) -> int:
    """CX that `append_walk` appends."""
    return _walk_length(np.array(walk(coefficients), dtype=np.int64))


def _walk_length(terms: NDArray[np.int64]) -> int:
    """Controls that change along a walk from 0 through the terms and back to 0."""
    path = np.concatenate([[0], terms, [0]])
    return int(np.bitwise_count(path[1:] ^ path[:-1]).sum())


def _nearest_first(terms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Always on to the term that differs in fewest controls; ties by the given order."""
    left, order, parity = terms.copy(), np.empty_like(terms), 0
    for step in range(terms.size):
        best = int(np.argmin(np.bitwise_count(left ^ parity)))
        parity = int(left[best])
        order[step] = parity
        left = np.delete(left, best)
    return order


def walsh_coefficients(angles: Array) -> Array:
    """The w, (2**n,), with angles[c] = sum over k of w_k (-1)**popcount(c & k)."""
    return walsh_hadamard(angles) / angles.size


def walsh_hadamard(values: Array) -> Array:
    """Sum over j of (-1)**popcount(i & j) values[j], (2**n,), in n 2**n additions."""
    result = np.asarray(values, dtype=np.float64)
    for bit in range(values.size.bit_length() - 1):
        pairs = result.reshape(-1, 2, 2**bit)
        result = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).ravel()
    return result


def flag_coefficients(flags: Array) -> Array:
    """Walsh coefficients (2**n,) of the angles that make P(flag = 1 | cell) these flags."""
    return walsh_coefficients(2.0 * np.arcsin(np.sqrt(flags)))


@dataclass(frozen=True, slots=True, eq=False)
class Truncation:
    """A multiplexed rotation with small coefficients left out.

    Attributes:
        coefficients: (2**n,), those left out are 0.
        flags: (2**n,) what the shorter circuit does, sin^2 of half its angle in each cell.
        error: expected |flags - wanted flags| over the cells, a bound on the amplitude's error.
    """

    coefficients: Array
    flags: Array
    error: float


def truncate(flags: Array, probabilities: Array, negligible: float) -> Truncation:
    """Leave out as many small Walsh coefficients of the angles as the bound allows.

    Write f_c for the wanted flag of cell c, g_c for the shorter circuit's and q_c for the cell's
    probability. The amplitude moves by |sum_c q_c (g_c - f_c)| <= sum_c q_c |g_c - f_c|, and that
    sum, taken over the table itself, is the `error`, at most `negligible`. It is never more than
    half the sum of the left-out |w_k|: each angle moves by no more than their sum, and
    sin^2(x / 2) has slope sin(x) / 2. Smallest coefficients go first.

    Args:
        flags: (2**n,) wanted P(flag = 1 | cell), within [0, 1].
        probabilities: (2**n,) of the cells, as the circuit loads them.
        negligible: the most that the amplitude may move, > 0.
    """
    coefficients = flag_coefficients(flags)
    order = np.argsort(np.abs(coefficients), kind="stable")

    def without(count: int) -> Truncation:
        kept = coefficients.copy()
        kept[order[:count]] = 0.0
        done = np.sin(0.5 * walsh_hadamard(kept)) ** 2
        return Truncation(kept, done, float(probabilities @ np.abs(done - flags)))

    # the error does not quite grow with the number left out: try from the most down
    for count in np.linspace(order.size, 1, min(order.size, _TRIALS), dtype=np.int64):
        tried = without(int(count))
        if tried.error <= negligible:
            return tried
    return Truncation(coefficients, flags, 0.0)
