"""`LinearRotation`: the literature's linearised payoff, biased, with its bias in the budget."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.circuits.linearisation import Linearisation, check_scaling
from qmc.circuits.multiplexed import as_polynomial, walsh_coefficients
from qmc.circuits.parity_walk import append_parity_ry, cx_count
from qmc.circuits.sign_polynomials import SignPolynomial
from qmc.circuits.table_law import (
    Loaders,
    TableLaw,
    check_loader,
    require_functional,
    require_table,
)
from qmc.grids.cell_table import DiscreteProblem
from qmc.measures import Functional, Mean

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearRotation:
    """Rotate by an angle linear in the value: P(flag = 1 | cell) = sin^2(pi/4 + scaling (x - 1/2)).

    x in [0, 1] is the cell's value from the smallest to the largest. Since sin^2(pi/4 + y) is
    near 1/2 + y, the number is read as offset + scale * amplitude (Woerner and Egger 2019, npj
    Quantum Information 5:15, arXiv:1806.06893; Stamatopoulos et al. 2020, arXiv:1905.02666). The
    error of that, which more queries do not remove, is computed from the table and stands in
    `bias_bound`. A small scaling has a small bias, of order scaling**2, and costs 1 / scaling
    times the queries of `MultiplexedRotation`, which has none. It is here to be compared with that.

    Two values, as of a `Tail`, are read without bias. Values affine in the bits of the cell index
    take 2n CX; others 2**n, as angles by cell.

    Attributes:
        scaling: in (0, pi/2]. The references' c is scaling / 2; qiskit's `rescaling_factor` is
            2 / pi times scaling, so the tutorials' 0.25 is pi / 8 here.
        loader: how the cells' probabilities are loaded, as in `MultiplexedRotation`; the error of
            an approximate one is added to `bias_bound`.

    Raises:
        InvalidProblem: for a scaling out of range or another loader, and from `encode` for
            another functional, a threshold that is no edge of the table, or a tuple of loaders
            that does not fit.
        Unsupported: from `encode`, for anything but a `CellTable`.

    >>> from qmc import BlackScholes, Call, LawGrid, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    >>> table = LawGrid(qubits=3).discretise(
    ...     Problem(market, Call(strike=105.0, expiry=1.0), Price())
    ... )
    >>> encoded = LinearRotation(scaling=0.25).encode(table)
    >>> read = encoded.value(encoded.probabilities @ encoded.flags)
    >>> round(table.mean(), 4), round(float(read), 4), round(encoded.bias_bound, 4)
    (8.0214, 8.1155, 0.0942)
    """

    scaling: float = 0.25
    loader: Loaders = "auto"

    def __post_init__(self) -> None:
        """Refuse a scaling out of range and an unknown loader."""
        check_loader(self.loader)
        object.__setattr__(self, "scaling", check_scaling(self.scaling))

    def encode(self, problem: DiscreteProblem, functional: Functional = Mean()) -> AmplitudeProblem:
        """The amplitude problem of a functional of the table's outcome."""
        table = require_table(self, problem)
        values = table.outcomes(require_functional(functional))
        law = TableLaw.of(table, self.loader)
        line = Linearisation.of(values, self.scaling)
        standing = line.standing(values)
        flags = line.flags(standing)
        angle = as_polynomial(walsh_coefficients(2.0 * line.half_angles(standing)))
        return AmplitudeProblem(
            registers=table.registers,
            flag=table.num_qubits,
            num_qubits=table.num_qubits + 1,
            offset=line.offset,
            scale=line.scale,
            build=functools.partial(_build, law, angle),
            probabilities=law.probabilities,
            flags=flags,
            bias_bound=line.exact_bias(law.probabilities, flags, values) + law.bias_bound(values),
            most_two_qubit_gates=law.two_qubit_gates + cx_count(angle),
        )


def _build(law: TableLaw, angle: SignPolynomial) -> QuantumCircuit:
    from qiskit.circuit import QuantumCircuit

    count = law.table.num_qubits
    circuit = QuantumCircuit(count + 1, name="A")
    law.append(circuit)
    append_parity_ry(circuit, angle, range(count), count)
    return circuit
