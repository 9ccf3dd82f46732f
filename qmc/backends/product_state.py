"""Memory of a matrix product state: bounded by its largest bond dimension."""

from __future__ import annotations

import itertools

_BYTES_AN_AMPLITUDE = 16.0
# a shot's copy, and the work of splitting a pair; measured peaks from 12 to 18 qubits stay within
_COPIES = 2.0


def worst_bond(qubits: int) -> int:
    """The largest bond dimension that any state of so many qubits can need: 2^floor(n / 2).

    Vidal 2003, arXiv:quant-ph/0301063: the Schmidt rank of the cut in the middle.
    """
    return int(2 ** (qubits // 2))


def product_bytes(qubits: int, bond: int) -> float:
    """Of a product state whose bonds are at most `bond`, and of splitting its largest pair.

    Site i holds two matrices, bond i - 1 by bond i, and a bond i is at most 2^min(i, n - i).

    >>> product_bytes(2, 2) < product_bytes(30, 2) < product_bytes(30, 64)
    True
    """
    bonds = [min(2.0 ** min(cut, qubits - cut), float(bond)) for cut in range(qubits + 1)]
    sites = sum(2.0 * left * right for left, right in itertools.pairwise(bonds))
    return _COPIES * _BYTES_AN_AMPLITUDE * (sites + 4.0 * max(bonds) ** 2)
