"""`MultiplexedRotation`: a table of values becomes the amplitude of a flag, cell by cell."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.circuits.multiplexed import Truncation, as_polynomial, flag_coefficients, truncate
from qmc.circuits.parity_walk import append_parity_ry, cx_count
from qmc.circuits.table_law import (
    Loaders,
    TableLaw,
    check_loader,
    require_functional,
    require_table,
)
from qmc.grids.cell_table import DiscreteProblem
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
        negligible: the most that the amplitude may move for a shorter rotation, in [0, 1): a
            probability, so a share of the range of the cells' values, and negligible * scale in
            the number's own unit. Values from 0.0005 to 0.01 are of use, see below: too small a
            one leaves nothing out (2**n CX, no bias), one as large as the amplitude everything.

    Raises:
        InvalidProblem: for another loader or a `negligible` out of range, and from `encode` for
            another functional, a threshold that is no edge of the table, a tuple of loaders that
            does not fit, or a mean of which `negligible` leaves out everything.
        Unsupported: from `encode`, for anything but a `CellTable`.

    A call worth 8.02 on 1,024 cells, whose values range over 92.9: CX, and the bias in money.

    >>> from qmc import BlackScholes, Call, LawGrid, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    >>> cells = LawGrid(qubits=10).discretise(
    ...     Problem(market, Call(strike=105.0, expiry=1.0), Price())
    ... )
    >>> for share in (0.0, 0.0001, 0.001, 0.003, 0.01):
    ...     encoded = MultiplexedRotation(negligible=share).encode(cells)
    ...     print(share, encoded.most_two_qubit_gates, round(encoded.bias_bound, 2))
    0.0 1024 0.0
    0.0001 1024 0.0
    0.001 488 0.09
    0.003 66 0.27
    0.01 18 0.7
    """

    loader: Loaders = "auto"
    negligible: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an unknown loader and a share that is none."""
        check_loader(self.loader)
        negligible = checks.finite("negligible", self.negligible)
        if not 0.0 <= negligible < 1.0:
            hint = "0 leaves nothing out, 0.001 moves the mean by a thousandth of the values' range"
            raise checks.refuse("negligible", self.negligible, "at least 0 and below 1", hint)
        object.__setattr__(self, "negligible", negligible)

    def encode(self, problem: DiscreteProblem, functional: Functional = Mean()) -> AmplitudeProblem:
        """The amplitude problem of a functional of the table's outcome."""
        table = require_table(self, problem)
        values = table.outcomes(require_functional(functional))
        law = TableLaw.of(table, self.loader)
        offset, span = float(values.min()), float(np.ptp(values))
        # where every value is the same the offset alone is the number, any scale encodes it
        scale = span if span > 0.0 else 1.0
        wanted = np.clip((values - offset) / scale, 0.0, 1.0)
        short = truncate(wanted, law.probabilities, self.negligible) if self.negligible else None
        # a search may ask for tails of any size, and is told the bound; of a mean nothing is left
        if isinstance(functional, Mean) and short is not None and not short.flags.any():
            self._refuse_nothing(float(law.probabilities @ wanted), scale)
        gates = values.size if short is None else cx_count(as_polynomial(short.coefficients))
        count = table.num_qubits
        return AmplitudeProblem(
            registers=table.registers,
            flag=count,
            num_qubits=count + 1,
            offset=offset,
            scale=scale,
            build=functools.partial(_build, law, wanted, short),
            probabilities=law.probabilities,
            flags=wanted if short is None else short.flags,
            bias_bound=law.bias_bound(values) + (0.0 if short is None else scale * short.error),
            most_two_qubit_gates=law.two_qubit_gates + gates,
        )

    def _refuse_nothing(self, amplitude: float, scale: float) -> None:
        """Refuse to leave out the whole rotation of an amplitude > 0."""
        if amplitude > 0.0:
            allowed = f"below the amplitude, {amplitude:.3g}, or the whole rotation is left out"
            small = 0.01 * amplitude
            hint = f"{small:.1g} moves the number by at most {small * scale:.1g}"
            raise checks.refuse("negligible", self.negligible, allowed, hint)


def _build(law: TableLaw, flags: Array, short: Truncation | None) -> QuantumCircuit:
    from qiskit.circuit import QuantumCircuit

    count = law.table.num_qubits
    circuit = QuantumCircuit(count + 1, name="A")
    law.append(circuit)
    coefficients = flag_coefficients(flags) if short is None else short.coefficients
    append_parity_ry(circuit, as_polynomial(coefficients), range(count), count)
    return circuit
