"""`MultiplexedRotation`: a table of values becomes the amplitude of a flag, cell by cell."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.circuits.loaders import LoadedLaw, Loader, as_loader
from qmc.circuits.multiplexed import Truncation, append_walk, flag_coefficients, truncate
from qmc.errors import InvalidProblem, Unsupported
from qmc.grids.cell_table import CellTable, DiscreteProblem
from qmc.measures import Functional, Mean
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplexedRotation:
    """Rotate the flag by each cell's own angle: P(flag = 1 | cell) = (value - offset) / scale.

    With an exact loader and `negligible=0`: zero bias, offset + scale * P(flag = 1) is the grid's
    exact expectation. The affine shift, offset = the smallest value, takes values of any sign, and
    the smaller the scale the fewer the queries. Costs 2**n CX. A 0/1 table (a tail) is the same
    construction with angles 0 and pi.

    Otherwise the bias is bounded, and the bound widens the interval of a result: a loader that
    prepares q in place of p moves the expectation of values within [low, high] by at most
    TV(p, q) (high - low), TV the total variation distance; small Walsh coefficients of the angles
    that are left out, with their CX, move the amplitude by at most `negligible`
    (`multiplexed.truncate` proves it).

    Attributes:
        loader: how the cells' probabilities are loaded, each register on its own: a `Loader`
            such as `Hadamards()`, `Tree()` or `Staircase(layers=3)`; "auto" (Hadamards where
            probabilities are equal, else the tree) or "tree"; or a tuple, one a register.
        negligible: the most that the amplitude may move for a shorter rotation, in [0, 1).

    Raises:
        InvalidProblem: for another loader, and from `encode` when a tuple of them does not fit.
        Unsupported: from `encode`, for anything but a `CellTable`.

    >>> from qmc import BlackScholes, Call, LawGrid, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    >>> cells = LawGrid(qubits=6).discretise(
    ...     Problem(market, Call(strike=105.0, expiry=1.0), Price())
    ... )
    >>> exact, short = (
    ...     MultiplexedRotation(negligible=share).encode(cells) for share in (0.0, 0.005)
    ... )
    >>> exact.bias_bound, 0.0 < short.bias_bound <= 0.005 * short.scale
    (0.0, True)
    >>> short.circuit.count_ops()["cx"] < exact.circuit.count_ops()["cx"]
    True
    """

    loader: Loader | str | tuple[Loader | str, ...] = "auto"
    negligible: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an unknown loader and a share that is none."""
        loaders = self.loader if isinstance(self.loader, tuple) else (self.loader,)
        if not loaders:
            raise checks.refuse("loader", self.loader, "a loader, or a tuple of one a register")
        for loader in loaders:
            as_loader("loader", loader)
        negligible = checks.finite("negligible", self.negligible)
        if not 0.0 <= negligible < 1.0:
            hint = "0 leaves nothing out, 0.001 is a thousandth of the values' range"
            raise checks.refuse("negligible", self.negligible, "at least 0 and below 1", hint)
        object.__setattr__(self, "negligible", negligible)

    def encode(self, problem: DiscreteProblem, functional: Functional = Mean()) -> AmplitudeProblem:
        """The amplitude problem of a functional of the table's outcome."""
        if not isinstance(problem, CellTable):
            msg = (
                f"MultiplexedRotation encodes a CellTable, not a {type(problem).__name__}: take a "
                "grid that makes one, such as LawGrid"
            )
            raise Unsupported(msg)
        values = problem.outcomes(functional)
        offset = float(values.min())
        span = float(values.max()) - offset
        # where every value is the same the offset alone is the number, any scale encodes it
        scale = span if span > 0.0 else 1.0
        loaders = self._loaders(problem)
        probabilities, distance, gates = _loaded(problem, loaders)
        wanted = np.clip((values - offset) / scale, 0.0, 1.0)
        short = truncate(wanted, probabilities, self.negligible) if self.negligible else None
        return AmplitudeProblem(
            registers=problem.registers,
            flag=problem.num_qubits,
            num_qubits=problem.num_qubits + 1,
            offset=offset,
            scale=scale,
            build=functools.partial(_build, problem, loaders, wanted, short),
            probabilities=probabilities,
            flags=wanted if short is None else short.flags,
            bias_bound=span * distance + (0.0 if short is None else scale * short.error),
            most_two_qubit_gates=gates + int(values.size),
        )

    def _loaders(self, table: CellTable) -> tuple[Loader, ...]:
        """One loader a register."""
        count = len(table.registers)
        given = self.loader if isinstance(self.loader, tuple) else (self.loader,) * count
        if len(given) != count:
            msg = (
                f"loader has {len(given)} entries for {count} registers: must be one a register, "
                "or a single loader for all"
            )
            raise InvalidProblem(msg)
        return tuple(as_loader("loader", one) for one in given)


def _loaded(table: CellTable, loaders: Sequence[Loader]) -> tuple[Array, float, int]:
    """What the loaders prepare over all cells, (2**n,), its total variation distance, their CX."""
    laws = [one.loaded(law) for one, law in zip(loaders, table.marginals, strict=True)]
    gates = sum(law.two_qubit_gates for law in laws)
    joint = functools.reduce(_outer, laws, np.ones(1))
    if all(law.total_variation == 0.0 for law in laws):
        return joint, 0.0, gates
    return joint, 0.5 * float(np.abs(joint - table.probabilities).sum()), gates


def _outer(joint: Array, law: LoadedLaw) -> Array:
    return np.multiply.outer(law.probabilities, joint).ravel()


def _build(
    table: CellTable, loaders: Sequence[Loader], flags: Array, short: Truncation | None
) -> QuantumCircuit:
    from qiskit.circuit import QuantumCircuit

    count = table.num_qubits
    circuit = QuantumCircuit(count + 1, name="A")
    start = 0
    for qubits, loader, law in zip(table.registers, loaders, table.marginals, strict=True):
        loader.append(circuit, range(start, start + qubits), law)
        start += qubits
    coefficients = flag_coefficients(flags) if short is None else short.coefficients
    append_walk(circuit, coefficients, range(count), count)
    return circuit
