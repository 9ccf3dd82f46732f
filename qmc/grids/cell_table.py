"""`CellTable`: cells of a grid, their probabilities and what the contract is worth in each."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qmc import checks, memory
from qmc.errors import InvalidProblem
from qmc.grids.factor_report import FactorReport
from qmc.measures import Excess, Functional, Mean
from qmc.problem import Array, Problem

Bias: TypeAlias = Literal["exact", "bounded", "unknown"]

_SUM_TOLERANCE = 1e-9
# of a tail that an end cell holds but for rounding
_ROUNDING = 1e-12
_NO_EDGES = "this table has no edges: take LawGrid with a risk measure for thresholds"
# far beyond any machine, and still a power of two that a float can hold
_MAX_QUBITS = 1000
# float64 arrays of one entry a cell that live at once while a table is made
_ARRAYS_A_CELL = 12


class Locator(Protocol):
    """Finds cells."""

    @property
    def frame(self) -> Array:
        """Orthonormal directions (factors, k), the cut ones first, then the most telling."""
        ...

    def locate(self, normals: Array) -> Array:
        """The cell of normals (n, factors), (n,)."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class CellTable:
    """A discretised problem: independent registers and one value a cell.

    Cell index i is little-endian over the registers: the first register holds the lowest bits.

    Attributes:
        registers: qubits of each register.
        marginals: one probability vector (2**qubits,) a register; registers are independent.
        values: (2**n,) E[outcome | cell], money at time 0 (a probability for `Probability`).
        bias: "exact" (mean() is the true mean), "bounded" (by `bias_bound`) or "unknown".
        bias_bound: bound on |mean() - true mean|; 0 when exact, infinite when unknown.
        edges: (2**n + 1,) cell limits in the outcome's unit, cells (low, high], when cells are
            ordered by value; else None. P(outcome <= edge) is exact. With `bins`, (m + 1,) limits
            of losses whatever the order of the cells; P(outcome <= edge) is near and no more.
        bins: (2**n,) between which edges each cell's value lies, (edges[bin], edges[bin + 1]];
            None where cell i lies between edges i and i + 1.
        pilot_paths: classical paths that were spent to place the cells.
        pilot_mean: the pilot's own mean of the outcome, where there was one: a guess for planning.
        locator: finds the cell of given normals, for the residual's mean; None where the grid
            needs no correction.
        report: why the cells are as they are, from `FactorGrid`.
    """

    registers: tuple[int, ...]
    marginals: tuple[Array, ...]
    values: Array
    bias: Bias
    bias_bound: float
    edges: Array | None = None
    bins: NDArray[np.intp] | None = None
    pilot_paths: int = 0
    pilot_mean: float | None = None
    locator: Locator | None = None
    report: FactorReport | None = None

    def __post_init__(self) -> None:
        """Check shapes and sums, and make the arrays read-only."""
        for name, marginal, qubits in zip(
            map("marginals[{}]".format, range(len(self.registers))),
            self.marginals,
            self.registers,
            strict=True,
        ):
            if marginal.shape != (2**qubits,):
                msg = f"{name} has shape {marginal.shape}: must be ({2**qubits},), 2**qubits"
                raise InvalidProblem(msg)
            if not (np.all(marginal >= 0.0) and abs(marginal.sum() - 1.0) < _SUM_TOLERANCE):
                msg = f"{name} sums to {marginal.sum()!r}: must be >= 0 everywhere and sum to 1"
                raise InvalidProblem(msg)
        if self.values.shape != (2**self.num_qubits,) or not np.all(np.isfinite(self.values)):
            msg = (
                f"values has shape {self.values.shape}: must be {2**self.num_qubits} finite values"
            )
            raise InvalidProblem(msg)
        self._check_edges()
        for array in (*self.marginals, self.values, self.edges, self.bins):
            if array is not None:
                array.setflags(write=False)

    def _check_edges(self) -> None:
        if self.edges is None:
            return
        if self.bins is None and self.edges.shape != (2**self.num_qubits + 1,):
            msg = f"edges has shape {self.edges.shape}: must be one longer than values"
            raise InvalidProblem(msg)
        if self.bins is not None and self.bins.shape != self.values.shape:
            msg = f"bins has shape {self.bins.shape}: must be that of values, {self.values.shape}"
            raise InvalidProblem(msg)

    @property
    def num_qubits(self) -> int:
        """Qubits of all registers together."""
        return sum(self.registers)

    @functools.cached_property
    def probabilities(self) -> Array:
        """Probability of each cell (2**n,): the product of the marginals."""
        joint = np.ones(1)
        for marginal in self.marginals:
            joint = np.multiply.outer(marginal, joint).ravel()
        return joint

    @property
    def known_bias(self) -> float:
        """The bias bound as far as it can be added; an unknown one is reported instead."""
        return self.bias_bound if math.isfinite(self.bias_bound) else 0.0

    def mean(self) -> float:
        """The exact expectation on the grid, in the outcome's unit."""
        return float(self.probabilities @ self.values)

    @property
    def end_masses(self) -> tuple[float, float]:
        """Probabilities of the cells before the first finite edge and beyond the last one.

        Raises:
            InvalidProblem: for a table without edges.
        """
        if self.edges is None:
            raise InvalidProblem(_NO_EDGES)
        bins = np.arange(self.values.size) if self.bins is None else self.bins
        masses = (self.probabilities[bins == end].sum() for end in (0, self.edges.size - 2))
        below, above = map(float, masses)
        return below, above

    def holds(self, level: float) -> bool:
        """Whether the quantile at a level lies between two finite edges, by the cells' numbers."""
        below, above = self.end_masses
        return below < level and above <= (1.0 - level) * (1.0 + _ROUNDING)

    def outcomes(self, functional: Functional) -> Array:
        """E[functional's integrand | cell], (2**n,), exact.

        Raises:
            InvalidProblem: for a threshold that is no edge of this table.
        """
        if isinstance(functional, Mean):
            return self.values
        index = self.edge_index(functional.threshold)
        bins = np.arange(self.values.size) if self.bins is None else self.bins
        above = bins >= index
        if isinstance(functional, Excess):
            return np.where(above, self.values - functional.threshold, 0.0)
        return above.astype(np.float64)

    def edge_index(self, threshold: float) -> int:
        """Index of the edge equal to `threshold`."""
        if self.edges is None:
            raise InvalidProblem(_NO_EDGES)
        index = int(np.searchsorted(self.edges, threshold))
        if index >= self.edges.size or self.edges[index] != threshold:
            near = self.edges[max(0, index - 1) : index + 1].tolist()
            raise checks.refuse("threshold", threshold, f"an edge of the table, e.g. one of {near}")
        return index


def check_qubits(qubits: object) -> None:
    """Refuse a grid's number of qubits that is no number of qubits."""
    checks.whole("qubits", qubits, 1, _MAX_QUBITS, "5 to 10 suffice for most problems")


def require_table_memory(qubits: int) -> None:
    """Refuse a table of 2**qubits cells that does not fit the machine."""
    memory.require(
        _ARRAYS_A_CELL * 8.0 * 2.0**qubits,
        f"a table of 2**{qubits} cells (qubits={qubits})",
        "take fewer qubits: 5 to 10 suffice for most one-dimensional problems",
    )


DiscreteProblem: TypeAlias = CellTable


@runtime_checkable
class Grid(Protocol):
    """Turns a problem into a table of cells; pure: twice the same bits."""

    def discretise(self, problem: Problem) -> DiscreteProblem:
        """Return the discretised problem."""
        ...
