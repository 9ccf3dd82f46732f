"""Loaders: put the square roots of cell probabilities into a register, and say how exactly."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from qmc import checks
from qmc.circuits.multiplexed import as_polynomial, multiplexed_ry, walsh_coefficients
from qmc.circuits.parity_walk import cx_count
from qmc.errors import InvalidProblem
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

_UNIFORM = 1e-15
_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class LoadedLaw:
    """What a loader's circuit prepares when it is asked for a law.

    Attributes:
        probabilities: (2**n,) of the prepared state, sum 1.
        total_variation: half the sum of |prepared - asked|; 0 for an exact loader. The
            expectation of any f within [low, high] moves by at most this times (high - low).
        two_qubit_gates: CX that the loader appends.
    """

    probabilities: Array
    total_variation: float
    two_qubit_gates: int


@runtime_checkable
class Loader(Protocol):
    """Prepares sum_i sqrt(p_i) |i> on a zeroed register, little-endian; a pure function of p."""

    def loaded(self, probabilities: Array) -> LoadedLaw:
        """What the circuit for these probabilities (2**n,) really prepares."""
        ...

    def append(self, circuit: QuantumCircuit, qubits: Sequence[int], probabilities: Array) -> None:
        """Append that circuit on n qubits, lowest bit first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hadamards:
    """One Hadamard a qubit: every cell the same probability, no CX.

    Right for cells of equal probability (`LawGrid`); for others the total variation says how
    wrong it is.

    >>> Hadamards().loaded(np.array([0.25, 0.75])).total_variation
    0.25
    """

    def loaded(self, probabilities: Array) -> LoadedLaw:
        """Equal probabilities, whatever was asked for."""
        law = checked_law(probabilities)
        equal = np.full(law.size, 1.0 / law.size)
        distance = 0.0 if _is_uniform(law) else 0.5 * float(np.abs(law - equal).sum())
        return LoadedLaw(equal, distance, 0)

    def append(self, circuit: QuantumCircuit, qubits: Sequence[int], probabilities: Array) -> None:
        """Append the Hadamards."""
        fitting_law(circuit, qubits, probabilities)
        for qubit in qubits:
            circuit.h(qubit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Split probability from the highest bit down by multiplexed RY: any law, exactly.

    At most 2**n - 2 CX on n qubits (Mottonen et al. 2005, arXiv:quant-ph/0407010, section 2). It
    holds where library preparations raise on smooth bell shapes from 8 qubits on.

    >>> Tree().loaded(np.array([0.1, 0.2, 0.3, 0.4])).two_qubit_gates
    2
    """

    def loaded(self, probabilities: Array) -> LoadedLaw:
        """The law itself."""
        law = checked_law(probabilities)
        return LoadedLaw(law, 0.0, _tree_gates(law.tobytes()))

    def append(self, circuit: QuantumCircuit, qubits: Sequence[int], probabilities: Array) -> None:
        """Append the tree."""
        for level, angles in tree_angles(fitting_law(circuit, qubits, probabilities)):
            multiplexed_ry(circuit, angles, qubits[level + 1 :], qubits[level])


@dataclass(frozen=True, slots=True, kw_only=True)
class Automatic:
    """Hadamards where all probabilities are equal to 1e-15, the tree otherwise: always exact.

    Never more CX than `Tree`. An approximate loader is never chosen on your behalf; ask for one,
    such as `Staircase`.
    """

    def loaded(self, probabilities: Array) -> LoadedLaw:
        """The law itself."""
        return _pick(probabilities).loaded(probabilities)

    def append(self, circuit: QuantumCircuit, qubits: Sequence[int], probabilities: Array) -> None:
        """Append the picked circuit."""
        _pick(probabilities).append(circuit, qubits, probabilities)


_WORDS: dict[str, Loader] = {"auto": Automatic(), "tree": Tree()}


def as_loader(name: str, given: object) -> Loader:
    """A loader from a loader or a word.

    Raises:
        InvalidProblem: for anything but a `Loader`, "auto" (`Automatic()`) and "tree" (`Tree()`).
    """
    if isinstance(given, str) and given in _WORDS:
        return _WORDS[given]
    checks.interface(name, given, Loader, "take Staircase(), Tree(), Hadamards() or 'auto'")
    loader: Loader = given  # type: ignore[assignment]
    return loader


def load(
    circuit: QuantumCircuit,
    qubits: Sequence[int],
    probabilities: Array,
    loader: Loader | str = "auto",
) -> None:
    """Append a preparation of sum_i sqrt(p_i) |i> on zeroed qubits, little-endian.

    Args:
        circuit: to append to.
        qubits: n of them, lowest bit first.
        probabilities: (2**n,), >= 0, sum 1.
        loader: a `Loader`, "auto" (`Automatic()`) or "tree" (`Tree()`).
    """
    as_loader("loader", loader).append(circuit, qubits, probabilities)


@functools.lru_cache(maxsize=16)
def _tree_gates(law: bytes) -> int:
    """CX of the tree for a law's float64 bytes; a search encodes one law many times."""
    levels = tree_angles(np.frombuffer(law))
    return sum(cx_count(as_polynomial(walsh_coefficients(angles))) for _, angles in levels)


def tree_angles(law: Array) -> Iterator[tuple[int, Array]]:
    """The tree's levels from the highest bit down: the bit and its angles (2**(bits above),)."""
    count = law.size.bit_length() - 1
    for level in reversed(range(count)):
        halves = law.reshape(2 ** (count - 1 - level), 2, 2**level).sum(axis=2)
        yield level, 2.0 * np.arctan2(np.sqrt(halves[:, 1]), np.sqrt(halves[:, 0]))


def checked_law(probabilities: Array) -> Array:
    """The probabilities over their sum.

    Raises:
        InvalidProblem: unless they are 2**n numbers, n >= 1, none negative, with a sum of 1 to
            1e-9.
    """
    law = checks.table("probabilities", probabilities, 1)
    total, least, size = float(law.sum()), float(law.min()), law.size
    if size < 2 or size & (size - 1) or least < 0.0 or abs(total - 1.0) >= _SUM_TOLERANCE:
        msg = (
            f"probabilities: {size} numbers from {least:.6g} that sum to {total:.12g}: must be a "
            "power of two of them, at least 2, none negative, that sum to 1; divide weights by "
            "their sum, fill up with zeros"
        )
        raise InvalidProblem(msg)
    return np.asarray(law / total)


def fitting_law(circuit: QuantumCircuit, qubits: Sequence[int], probabilities: Array) -> Array:
    """The probabilities over their sum, for a register of a circuit.

    Raises:
        InvalidProblem: as `checked_law`, and unless the qubits are different ones of the circuit,
            n for 2**n probabilities.
    """
    law = checked_law(probabilities)
    available = getattr(circuit, "num_qubits", None)
    if not isinstance(available, int):
        hint = "QuantumCircuit(3) has room for 8 probabilities"
        raise checks.refuse("circuit", circuit, "a qiskit QuantumCircuit", hint)
    needed = law.size.bit_length() - 1
    allowed = f"{needed} different qubits of the circuit's {available}, one a bit"
    hint = f"{law.size} probabilities fill 2**{needed} states: take range({needed})"
    if not isinstance(qubits, Sequence | np.ndarray):
        raise checks.refuse("qubits", qubits, allowed, hint)
    given = [each.item() if isinstance(each, np.generic) else each for each in qubits]
    fits = all(type(each) is int and 0 <= each < available for each in given)
    if not fits or len(set(given)) != needed or len(given) != needed:
        raise checks.refuse("qubits", given, allowed, hint)
    return law


def _is_uniform(law: Array) -> bool:
    return bool(np.ptp(law) <= _UNIFORM)


def _pick(probabilities: Array) -> Loader:
    return Hadamards() if _is_uniform(checked_law(probabilities)) else Tree()
