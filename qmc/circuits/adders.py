"""Integer addition in place, for registers of different widths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmc import checks

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


def adder_ancillas(addend: int, target: int) -> int:
    """Clean ancillas that `append_add` needs for registers of these many qubits.

    >>> adder_ancillas(3, 3), adder_ancillas(3, 4), adder_ancillas(3, 5)
    (1, 1, 2)
    """
    return 1 + max(0, target - 1 - addend)


def append_add(
    circuit: QuantumCircuit,
    addend: Sequence[int],
    target: Sequence[int],
    ancillas: Sequence[int],
) -> None:
    """Add one register to another, modulo 2**(qubits of the target); the addend stays.

    The ripple-carry adder of Cuccaro et al. 2004 (arXiv:quant-ph/0410184): carries
    run up through the addend's qubits by majorities and are undone on the way down, where the sums
    are left. Each majority's Toffoli has a relative phase that the way down takes back. 10 CX a
    bit. A shorter addend is padded with ancillas.

    Args:
        circuit: to append to.
        addend: qubits, lowest bit first, no more than the target's.
        target: qubits, lowest bit first.
        ancillas: `adder_ancillas` or more qubits at 0; they return to 0.

    Raises:
        InvalidProblem: for an addend longer than its target or too few ancillas.
    """
    needed = adder_ancillas(len(addend), len(target))
    if len(addend) > len(target):
        raise checks.refuse("addend", list(addend), f"at most {len(target)} qubits, the target's")
    if len(ancillas) < needed:
        raise checks.refuse("ancillas", list(ancillas), f"{needed} or more clean qubits")
    padded = [*addend, *ancillas[1:needed]]
    # the carry into bit 1 has a qubit of its own, the carry into bit i + 1 is left in addend i
    carries = [ancillas[0], *padded[1:]]
    if len(target) > 1:
        circuit.rccx(padded[0], target[0], ancillas[0])
    inner = range(1, len(target) - 1)
    for bit in inner:
        _majority(circuit, carries[bit - 1], target[bit], padded[bit])
    if len(target) > 1:
        circuit.cx(carries[len(target) - 2], target[-1])
    for bit in reversed(inner):
        _sum(circuit, carries[bit - 1], target[bit], padded[bit])
    if len(target) > 1:
        circuit.rccx(padded[0], target[0], ancillas[0])
        circuit.cx(padded[0], target[0])
    if len(padded) == len(target):
        circuit.cx(padded[-1], target[-1])


def _majority(circuit: QuantumCircuit, carry: int, target: int, addend: int) -> None:
    """Leave the outgoing carry in `addend`."""
    circuit.cx(addend, target)
    circuit.cx(addend, carry)
    circuit.rccx(carry, target, addend)


def _sum(circuit: QuantumCircuit, carry: int, target: int, addend: int) -> None:
    """Undo `_majority` and leave the sum in `target`."""
    circuit.rccx(carry, target, addend)
    circuit.cx(addend, carry)
    circuit.cx(carry, target)
