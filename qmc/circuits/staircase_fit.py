"""Fit layers of two-qubit rotations on neighbouring qubits to a real state, by local sweeps."""

from __future__ import annotations

import numpy as np

from qmc.problem import Array

# stop when a sweep takes away less than this share of the infidelity
_STALLED = 1e-5
# an infidelity no larger is rounding: the state is reached
_REACHED = 1e-14
# up to so many columns a tall matrix times a small one is faster than many small products; in
# blocks of so many rows, because more would wake threads that cost more than they save
_FEW_COLUMNS = 8
_BLOCK = 256


class StaircaseFit:
    """Gates (layers * (n - 1), 4, 4) in SO(4), improved one at a time.

    The gates of a layer act on bits (n-1, n-2), then (n-2, n-3), down to (1, 0); a gate's index is
    2 * (higher bit) + (lower bit).

    A gate's best value, the others fixed, is known: the overlap with the target is the trace of
    gate^T E, E a 4 x 4 matrix of the target pulled back to the gate against the state before it,
    and the rotation that makes it largest is the polar factor of E (Evenbly and Vidal 2009,
    arXiv:0707.1454, section IV; for layers of gates on a vector Rudolph et al. 2022,
    arXiv:2209.00595). Sweeps go back and forth through the circuit, so the overlap never falls.

    Args:
        target: (2**n,) real unit vector, n >= 2.
        layers: repetitions of the staircase.
    """

    def __init__(self, target: Array, layers: int) -> None:
        """Start from layers that undo the target one after another."""
        self.target = target
        self.pairs = target.size.bit_length() - 2
        self.gates = _start(target, layers)
        self._before = self._states()

    def run(self, sweeps: int) -> None:
        """Sweep back and forth until the infidelity stalls, at most `sweeps` times."""
        infidelity = np.inf
        for _ in range(sweeps):
            last, infidelity = infidelity, self.sweep()
            if infidelity <= _REACHED or infidelity > (1.0 - _STALLED) * last:
                return

    def sweep(self) -> float:
        """Improve every gate twice, from the last to the first and back; 1 - overlap."""
        count = len(self.gates)
        after, wanted = [self.target] * count, self.target
        for index in reversed(range(count)):
            after[index] = wanted
            self._improve(index, wanted, self._before[index])
            wanted = _apply(wanted, self.gates[index].T, self._above(index))
        state = _zero_state(self.target.size)
        for index in range(count):
            self._before[index] = state
            self._improve(index, after[index], state)
            state = _apply(state, self.gates[index], self._above(index))
        return 1.0 - float(state @ self.target)

    def state(self) -> Array:
        """The state (2**n,) that the gates make from |0...0>."""
        last = len(self.gates) - 1
        return _apply(self._states()[last], self.gates[last], self._above(last))

    def _states(self) -> list[Array]:
        """The state before each gate."""
        states = [_zero_state(self.target.size)]
        for index in range(len(self.gates) - 1):
            states.append(_apply(states[-1], self.gates[index], self._above(index)))
        return states

    def _above(self, index: int) -> int:
        """Bits above the pair of a gate."""
        return index % self.pairs

    def _improve(self, index: int, wanted: Array, state: Array) -> None:
        self.gates[index] = _nearest_rotation(_environment(wanted, state, self._above(index)))


def _zero_state(size: int) -> Array:
    state = np.zeros(size)
    state[0] = 1.0
    return state


def _apply(state: Array, gate: Array, above: int) -> Array:
    """Apply a 4 x 4 gate to two neighbouring bits with `above` bits over them."""
    rows = 2**above
    columns = state.size // (4 * rows)
    if columns <= _FEW_COLUMNS:
        wide = np.kron(gate, np.eye(columns))
        return np.asarray(np.matmul(_blocks(state, rows, columns), wide.T)).ravel()
    return np.asarray(np.matmul(gate, state.reshape(rows, 4, columns))).ravel()


def _environment(wanted: Array, state: Array, above: int) -> Array:
    """E[i, j] = sum over the other bits of wanted[.., i, ..] state[.., j, ..], (4, 4)."""
    rows = 2**above
    columns = state.size // (4 * rows)
    if columns <= _FEW_COLUMNS:
        left, right = _blocks(wanted, rows, columns), _blocks(state, rows, columns)
        wide = np.matmul(left.transpose(0, 2, 1), right).sum(axis=0)
        return np.asarray(np.einsum("iaja->ij", wide.reshape(4, columns, 4, columns)))
    left, right = wanted.reshape(rows, 4, columns), state.reshape(rows, 4, columns)
    return np.asarray(np.matmul(left, right.transpose(0, 2, 1)).sum(axis=0))


def _blocks(state: Array, rows: int, columns: int) -> Array:
    return state.reshape(-1, min(rows, _BLOCK), 4 * columns)


def _nearest_rotation(matrix: Array) -> Array:
    """The rotation G of determinant 1 with the largest trace of G^T matrix."""
    left, _, right = np.linalg.svd(matrix)
    if np.linalg.det(left) * np.linalg.det(right) < 0.0:
        left[:, -1] *= -1.0
    return np.asarray(left @ right)


def _start(target: Array, layers: int) -> Array:
    """Layer after layer, the one that prepares what is left to prepare best at bond dimension 2.

    Its inverse takes the target nearer to |0...0>, and the next one prepares the remainder (Ran
    2020, arXiv:1908.07958, section III).
    """
    gates: list[Array] = []
    left = target
    for _ in range(layers):
        layer = _bond_two_layer(left)
        for above in reversed(range(len(layer))):
            left = _apply(left, layer[above].T, above)
        gates = layer + gates
    return np.array(gates)


def _bond_two_layer(target: Array) -> list[Array]:
    """Gates, top pair first, that make the target's matrix product state of bond dimension 2.

    Each gate takes (bond, 0) on its two bits to (value of the upper bit, next bond).
    """
    tensors = _bond_two_tensors(target)
    # the last two bits share a gate
    tensors[-2:] = [np.einsum("abc,cd->abd", tensors[-2], tensors[-1][:, :, 0])]
    gates = []
    for tensor in tensors:
        incoming, _, outgoing = tensor.shape
        columns = np.zeros((4, incoming))
        columns.reshape(2, 2, incoming)[:, :outgoing] = tensor.transpose(1, 2, 0)
        gates.append(_completed(columns))
    return gates


def _bond_two_tensors(target: Array) -> list[Array]:
    """Tensors (bond, 2, next bond), top bit first, orthonormal but for rounding."""
    tensors: list[Array] = []
    rest, bond = target, 1
    for _ in range(target.size.bit_length() - 2):
        left, weights, right = np.linalg.svd(rest.reshape(-1, 2 * bond), full_matrices=False)
        kept = min(2, weights.size)
        tensors.append(right[:kept].reshape(kept, 2, bond))
        rest, bond = left[:, :kept] * weights[:kept], kept
    top = rest.reshape(1, 2, bond)
    tensors.append(top / np.linalg.norm(top))
    return tensors[::-1]


def _completed(columns: Array) -> Array:
    """A rotation whose columns 0 and 2 (lower bit 0) are those given, (4, 1 or 2)."""
    given = columns.shape[1]
    # the left singular vectors past the rank span what the columns leave
    rest = np.linalg.svd(columns)[0][:, given:]
    gate = np.empty((4, 4))
    gate[:, [0, 2][:given]] = columns
    gate[:, [1, 3, 2][: 4 - given]] = rest
    if np.linalg.det(gate) < 0.0:
        gate[:, 1] *= -1.0
    return gate
