"""How a circuit's size grows with qubits and dates: counts, fitted laws and a picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from qmc import checks
from qmc.circuits import AmplitudeProblem
from qmc.errors import InvalidProblem
from qmc.problem import Array
from qmc.resources.counts import GateCounts
from qmc.resources.fits import Growth, Law, Variable, fitted
from qmc.resources.report import resources
from qmc.tables import TextTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from qiskit.circuit import QuantumCircuit

Maker: TypeAlias = "Callable[..., AmplitudeProblem | QuantumCircuit]"

QUANTITIES = (
    "qubits", "depth", "two_qubit_gates", "rotations", "rotation_depth", "toffolis", "t_gates",
    "t_count", "t_depth",
)  # fmt: skip
_HEADS = {
    "depth": "depth",
    "two_qubit_gates": "CX",
    "rotations": "rotations",
    "toffolis": "Toffolis",
    "t_gates": "T gates",
    "t_count": "T count",
    "t_depth": "T depth",
}
_VARIABLES: tuple[Variable, ...] = ("qubits", "dates")
_FEWEST_POINTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRow:
    """The size of A or Q at one size of the problem; `dates` is None where it was not varied."""

    qubits: int | None
    dates: int | None
    counts: GateCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingTable:
    """Counts over sizes; rows of A and of Q in turn, in the order of the sizes."""

    rows: tuple[ScalingRow, ...]

    @property
    def circuits(self) -> tuple[str, ...]:
        """Names of the circuits, such as A and Q."""
        return tuple(dict.fromkeys(row.counts.name for row in self.rows))

    def counts(
        self,
        quantity: str,
        circuit: str = "",
        *,
        against: Variable | None = None,
        fixed: int | None = None,
    ) -> tuple[Array, Array]:
        """Sizes (n,) and counts (n,) of one circuit.

        Args:
            quantity: a count of `GateCounts`, e.g. "two_qubit_gates".
            circuit: its name; the last one, Q, when empty.
            against: "qubits" or "dates"; the one that varies when None.
            fixed: where both vary, the value of the other.

        Raises:
            InvalidProblem: for a quantity, circuit or variable that the table does not have.
        """
        checks.choice("quantity", quantity, QUANTITIES)
        circuit = checks.choice("circuit", circuit or self.circuits[-1], self.circuits)
        against = self._variable(against)
        other = "dates" if against == "qubits" else "qubits"
        rows = [row for row in self.rows if row.counts.name == circuit]
        values = sorted({getattr(row, other) for row in rows} - {None})
        if fixed not in values and (len(values) > 1 or fixed is not None):
            raise checks.refuse("fixed", fixed, f"one of the {other} {values}")
        rows = [row for row in rows if fixed is None or getattr(row, other) == fixed]
        sizes = np.array([getattr(row, against) for row in rows], dtype=np.float64)
        return sizes, np.array([getattr(row.counts, quantity) for row in rows], dtype=np.float64)

    def _variable(self, against: str | None) -> Variable:
        varied = [
            one for one in _VARIABLES if len({getattr(row, one) for row in self.rows} - {None}) > 1
        ]
        if against is None and varied:
            return varied[0]
        for one in varied:
            if one == against:
                return one
        if not varied:
            hint = "call scaling with more sizes, such as qubits=range(3, 9)"
            raise checks.refuse("sizes", self._sizes(), "two or more, three for a fit", hint)
        allowed = "one of " + ", ".join(map(repr, varied)) + ", which have several sizes"
        raise checks.refuse("against", against, allowed)

    def _sizes(self) -> dict[str, list[int]]:
        """Sizes of each variable that was given."""
        found = {one: {getattr(row, one) for row in self.rows} - {None} for one in _VARIABLES}
        return {one: sorted(sizes) for one, sizes in found.items() if sizes}

    def fit(
        self,
        quantity: str,
        circuit: str = "",
        *,
        law: Law | None = None,
        against: Variable | None = None,
        fixed: int | None = None,
        confidence: float = 0.95,
    ) -> Growth:
        """The law of growth of a count by least squares on its logarithm.

        Args:
            quantity: a count of `GateCounts`.
            circuit: its name; the last one, Q, when empty.
            against: "qubits" or "dates"; the one that varies when None.
            fixed: where both vary, the value of the other.
            law: "power" or "exponential"; the one with the smaller residual when None.
            confidence: of the exponent's interval.

        Raises:
            InvalidProblem: with fewer than three sizes, or a count of 0.
        """
        against = self._variable(against)
        circuit = circuit or self.circuits[-1]
        sizes, counts = self.counts(quantity, circuit, against=against, fixed=fixed)
        if len(sizes) < _FEWEST_POINTS or np.any(counts <= 0.0):
            msg = (
                f"{quantity} of {circuit} is {counts.tolist()}: must be {_FEWEST_POINTS} or more "
                f"counts above 0 for a fit; call scaling with more {against}, or fit another count"
            )
            raise InvalidProblem(msg)
        return fitted(law, (against, quantity, circuit), sizes, counts, confidence)

    def table(self) -> TextTable:
        """A row a size and circuit; a size that was not varied has no column."""
        sizes = [one for one in _VARIABLES if any(getattr(row, one) for row in self.rows)]
        columns = (*sizes, "circuit", *_HEADS.values())
        rows = tuple(
            (
                *(str(getattr(row, one)) for one in sizes),
                row.counts.name,
                *(f"{getattr(row.counts, name):,}" for name in _HEADS),
            )
            for row in self.rows
        )
        spare = ("Toffolis", "T gates", "rotations")
        return TextTable("Size of the circuits", columns, rows, ("circuit",), spare)

    def __str__(self) -> str:
        """One line a row."""
        return "\n".join(
            f"qubits {row.qubits or '-'}, dates {row.dates or '-'}: {row.counts}"
            for row in self.rows
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict; `qmc.from_dict` reads it back."""
        from qmc.serialise import to_dict

        return to_dict(self)

    def plot(
        self,
        quantity: str = "two_qubit_gates",
        *,
        against: Variable | None = None,
        fixed: int | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """A count of each circuit over the size, with its fitted law; returns the axes."""
        from qmc.plots import new_axes

        axes = new_axes(ax)
        against = self._variable(against)
        for circuit, colour in zip(self.circuits, ("#0b5394", "#b45f06") * 9, strict=False):
            sizes, counts = self.counts(quantity, circuit, against=against, fixed=fixed)
            axes.plot(sizes, counts, "o", color=colour, label=circuit)
            if len(sizes) >= _FEWEST_POINTS and np.all(counts > 0.0):
                fit = self.fit(quantity, circuit, against=against, fixed=fixed)
                steps = np.linspace(sizes.min(), sizes.max(), 100)
                law = [fit.at(float(size)) for size in steps]
                axes.plot(steps, law, "-", lw=1, color=colour, label=str(fit).split(", res")[0])
        axes.set_yscale("log")
        axes.set_xlabel(against)
        axes.set_ylabel(_HEADS.get(quantity, quantity.replace("_", " ")))
        axes.legend(fontsize=8)
        return axes


def scaling(
    make: Maker,
    *,
    qubits: Iterable[int] | None = None,
    dates: Iterable[int] | None = None,
    precision: float = 1e-10,
    toffoli_t: int = 4,
) -> ScalingTable:
    """Count A and Q over sizes of a problem.

    Args:
        make: an amplitude problem (or a bare circuit) of a size: called as make(qubits),
            make(dates), or make(qubits, dates) where both vary.
        qubits: numbers of grid qubits, increasing.
        dates: numbers of dates, increasing.
        precision: of each rotation's synthesis, as of `count_gates`.
        toffoli_t: T gates a Toffoli gate, 4 or 7.

    Raises:
        InvalidProblem: when `make` is no function, neither size is given, or a list is empty or
            not increasing.

    >>> from qmc import BlackScholes, Call, LawGrid, MultiplexedRotation, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.20, rate=0.05)
    >>> call = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> def make(qubits):
    ...     return MultiplexedRotation().encode(LawGrid(qubits=qubits).discretise(call))
    >>> fit = scaling(make, qubits=range(3, 8)).fit("two_qubit_gates", "A")
    >>> fit.law, round(fit.exponent, 6)
    ('exponential', 1.0)
    """
    if not callable(make):
        hint = "it makes an AmplitudeProblem or a QuantumCircuit"
        raise checks.refuse("make", make, "a function of the size", hint)
    if qubits is None and dates is None:
        raise checks.refuse("qubits", None, "given, or dates=", "such as qubits=range(3, 9)")
    first, second = _sizes("qubits", qubits), _sizes("dates", dates)
    rows: list[ScalingRow] = []
    for count in first:
        for date in second:
            made = make(*(size for size in (count, date) if size is not None))
            found = resources(made, precision=precision, toffoli_t=toffoli_t)
            rows += [
                ScalingRow(qubits=count, dates=date, counts=one)
                for one in (found.state, found.grover)
                if one is not None
            ]
    return ScalingTable(rows=tuple(rows))


def _sizes(name: str, given: Iterable[int] | None) -> Sequence[int | None]:
    if given is None:
        return (None,)
    allowed, hint = "a non-empty increasing list", "such as range(3, 9)"
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise checks.refuse(name, given, allowed, hint)
    sizes = [checks.whole(name, one, 1) for one in given]
    if not sizes or any(after <= before for before, after in itertools.pairwise(sizes)):
        raise checks.refuse(name, sizes, allowed, hint)
    return sizes
