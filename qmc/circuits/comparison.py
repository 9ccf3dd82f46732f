"""Comparisons of a register with a constant, of linear size, on clean ancillas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from qmc import checks

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

# a Toffoli's two outcomes: the bit and what was reached so far, or either of them
Link: TypeAlias = tuple[int, bool]


def comparator_ancillas(qubits: int, constant: int) -> int:
    """Clean ancillas that `append_greater_equal` needs for a register of `qubits` qubits.

    >>> comparator_ancillas(5, 7), comparator_ancillas(5, 16)
    (3, 0)
    """
    return max(0, chain_ancillas(qubits, constant) - 1)


def chain_ancillas(qubits: int, constant: int) -> int:
    """Clean ancillas that `append_chain` needs: one more, for the outcome, unless a bit is it."""
    if not 0 < constant < 2**qubits:
        return 0
    return len(_links(range(qubits), constant)[1])


def append_greater_equal(
    circuit: QuantumCircuit,
    register: Sequence[int],
    constant: int,
    target: int,
    ancillas: Sequence[int] = (),
) -> None:
    """Flip `target` where the register's integer is at least `constant`.

    From the lowest set bit of the constant upwards, "the bits so far reach the constant's" is AND
    with the next bit where the constant has a 1, OR where it has a 0: the carry chain of an
    addition of 2**n - constant (Cuccaro et al. 2004, arXiv:quant-ph/0410184). Each link
    is a Toffoli; those on ancillas leave relative phases (Barenco et al. 1995,
    arXiv:quant-ph/9503016, section 6.2), which their reversal undoes. At most 6n CX.

    Args:
        circuit: to append to.
        register: n qubits, lowest bit first.
        constant: any integer; <= 0 always flips, >= 2**n never does.
        target: the flipped qubit, in any state.
        ancillas: `comparator_ancillas(n, constant)` or more qubits at 0; they return to 0.

    Raises:
        InvalidProblem: for too few ancillas or a constant that is no whole number.
    """
    if isinstance(constant, bool) or not isinstance(constant, int | np.integer):
        raise checks.refuse("constant", constant, "a whole number", "compare with a cell's index")
    if constant <= 0:
        circuit.x(target)
        return
    if constant >= 2 ** len(register):
        return
    first, links = _links(register, int(constant))
    _require(ancillas, len(links) - 1)
    inner = circuit.copy_empty_like()
    reached = _append_links(inner, first, links[:-1], ancillas)
    circuit.compose(inner, inplace=True)
    if links:
        _append_toffoli(circuit, links[-1], reached, target, relative=False)
    else:
        circuit.cx(reached, target)
    circuit.compose(inner.reverse_ops(), inplace=True)


def append_chain(
    circuit: QuantumCircuit, register: Sequence[int], constant: int, ancillas: Sequence[int]
) -> int:
    """Compute "register >= constant", 0 < constant < 2**n, and return the qubit that holds it.

    All gates are their own inverses: `reverse_ops` of what is appended undoes it, relative phases
    included, if in between these qubits are controls only.

    Args:
        circuit: to append to.
        register: n qubits, lowest bit first.
        constant: compared with the register.
        ancillas: `chain_ancillas(n, constant)` or more qubits at 0.

    Raises:
        InvalidProblem: for too few ancillas or another constant.
    """
    checks.whole("constant", constant, 1, 2 ** len(register) - 1)
    first, links = _links(register, constant)
    _require(ancillas, len(links))
    return _append_links(circuit, first, links, ancillas)


def _links(register: Sequence[int], constant: int) -> tuple[int, list[Link]]:
    """The first qubit of the chain, and (qubit, OR instead of AND) of each link."""
    lowest = (constant & -constant).bit_length() - 1
    links = [(register[bit], not constant >> bit & 1) for bit in range(lowest + 1, len(register))]
    return register[lowest], links


def _require(ancillas: Sequence[int], needed: int) -> None:
    if len(ancillas) < needed:
        raise checks.refuse("ancillas", list(ancillas), f"{needed} or more clean qubits")


def _append_links(
    circuit: QuantumCircuit, reached: int, links: Sequence[Link], ancillas: Sequence[int]
) -> int:
    for link, ancilla in zip(links, ancillas, strict=False):
        _append_toffoli(circuit, link, reached, ancilla, relative=True)
        reached = ancilla
    return reached


def _append_toffoli(
    circuit: QuantumCircuit, link: Link, reached: int, target: int, *, relative: bool
) -> None:
    """Flip `target` by AND, or by OR as NOT (NOT a AND NOT b)."""
    qubit, either = link
    if either:
        circuit.x([qubit, reached])
    (circuit.rccx if relative else circuit.ccx)(qubit, reached, target)
    if either:
        circuit.x([qubit, reached])
        circuit.x(target)
