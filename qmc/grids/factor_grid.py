"""`FactorGrid`: cells of the directions of the normals that move the payoff most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from qmc import checks
from qmc.certainty import is_certain
from qmc.errors import Unsupported
from qmc.grids.allocation import Allocation, allocate
from qmc.grids.bounds import BoundedValues, bounded_values, linear_payoff
from qmc.grids.cell_table import Bias, CellTable, check_qubits, require_table_memory
from qmc.grids.directions import find_directions, leading_frame, path_slopes
from qmc.grids.factor_cells import FactorCells, Ground, Worth, cell_values
from qmc.grids.factor_report import FactorReport
from qmc.grids.mean_prices import has_mean_prices
from qmc.grids.pilot import check_dimensions, draw_pilot
from qmc.grids.tail_band import bins_of, loss_edges
from qmc.measures import TailMeasure
from qmc.problem import Problem

Cells: TypeAlias = Literal["auto", "prices", "nodes", "learned"]
Treatment: TypeAlias = Literal["measured", "bounded"]

_BIASES = ("measured", "bounded")
_CELLS = ("auto", "prices", "nodes", "learned")
_REPLICATES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorGrid:
    """Cells of a few directions of the normals, for any contract under any model.

    A fixed pilot finds the payoff's own direction, E[payoff z] (by Stein's lemma the mean
    gradient); the paths' principal components follow. Each qubit goes to the direction where it
    removes most of the pilot's variance; each direction is cut into Lloyd-Max cells, an
    independent register with a small tree. A cell is worth the payoff on its conditional mean
    prices, on its mean normals' path, or the pilot's mean inside it; "auto" takes what leaves the
    least variance; the table's `report` says which and why. The table's mean is near the true mean
    and no more: `Quantum` adds the residual's mean from fresh paths.

    For the price of an option on one linear sum of log-normal prices, bias="bounded" states a bound
    that holds surely and takes no paths, `qmc.grids.bounds`; it is far wider than the residual.

    For a quantile of the loss the table also has edges, of equal width on the range of the pilot's
    losses, and says between which of them each cell's value lies. P(value > edge) is corrected at
    all edges at once by fresh paths, `qmc.grids.tail_band`.

    Attributes:
        qubits: of all registers together, 1 or more; never lowered on your behalf.
        cells: "auto", "prices", "nodes" or "learned".
        bias: "measured" by a residual on fresh paths, or "bounded", which takes cells "prices".
        pilot_paths: power of two, 64 or more.
        pilot_seed: seed of the pilot, so that discretising twice gives the same bits.

    Raises:
        Unsupported: from `discretise`, for "prices" under a model without Gaussian log prices, and
            for "bounded" with a payoff that is not of one linear sum, or a measure of the tail.
        TooLarge: from `discretise`, before allocating, when cells or pilot do not fit.
    """

    qubits: int = 8
    cells: Cells = "auto"
    bias: Treatment = "measured"
    pilot_paths: int = 4096
    pilot_seed: int = 20_260_103

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        check_qubits(self.qubits)
        checks.choice("cells", self.cells, _CELLS)
        checks.choice("bias", self.bias, _BIASES)
        if self.bias == "bounded" and self.cells not in {"auto", "prices"}:
            hint = "the bound is on conditional mean prices"
            raise checks.refuse("cells", self.cells, "'auto' or 'prices' for a bounded bias", hint)
        checks.whole("pilot_paths", self.pilot_paths, 64)
        if self.pilot_paths & (self.pilot_paths - 1):
            raise checks.refuse("pilot_paths", self.pilot_paths, "a power of two", "4096")
        checks.whole("pilot_seed", self.pilot_seed, 0)

    def discretise(self, problem: Problem) -> CellTable:
        """Return the cell table; its `report` says how it was made."""
        self.require_treated(problem)
        slopes = path_slopes(problem)
        frame = leading_frame(slopes)
        pilot = draw_pilot(problem, frame, self.pilot_paths, _REPLICATES, self.pilot_seed)
        directions = find_directions(slopes, frame, pilot)
        ground = Ground(problem, pilot, directions.columns)
        tried = tuple(allocate(ground, self.qubits, worth) for worth in self._kinds(problem))
        best = min(tried, key=lambda one: one.residual_share)
        cells = ground.cells(best.bits)
        valued = self._valued(ground, cells, best)
        edges = loss_edges(pilot.values) if isinstance(problem.measure, TailMeasure) else None
        return CellTable(
            registers=cells.bits,
            marginals=cells.marginals,
            values=valued.values,
            bias=_bias(valued.bound),
            bias_bound=valued.bound,
            edges=edges,
            bins=None if edges is None else bins_of(edges, valued.values),
            pilot_paths=self.pilot_paths,
            pilot_mean=float(pilot.values.mean()),
            locator=cells,
            report=FactorReport(
                rule=directions.rule, agreement=directions.agreement, chosen=best, tried=tried
            ),
        )

    def require_treated(self, problem: Problem) -> None:
        """Refuse what cannot be treated, before any work.

        Raises:
            Unsupported: for "bounded" with a measure of the tail or a payoff not of one sum.
            TooLarge: when cells do not fit, or normals have more dimensions than Sobol sequences.
        """
        if self.bias == "bounded" and isinstance(problem.measure, TailMeasure):
            msg = (
                f"FactorGrid(bias='bounded') bounds a price, not {type(problem.measure).__name__}: "
                "take bias='measured', whose correction covers every tail"
            )
            raise Unsupported(msg)
        if self.bias == "bounded":
            linear_payoff(problem)
        require_table_memory(self.qubits)
        check_dimensions(problem.num_factors)

    def _valued(self, ground: Ground, cells: FactorCells, best: Allocation) -> BoundedValues:
        if self.bias == "bounded":
            return bounded_values(ground, cells)
        if is_certain(ground.problem):
            return BoundedValues(np.full(cells.size, ground.pilot.values[0]), 0.0)
        return BoundedValues(cell_values(ground, cells, best.worth), np.inf)

    def _kinds(self, problem: Problem) -> tuple[Worth, ...]:
        if self.bias == "bounded":
            return ("prices",)
        if self.cells != "auto":
            return (self.cells,)
        if has_mean_prices(problem):
            return ("prices", "learned")
        return ("nodes", "learned")


def _bias(bound: float) -> Bias:
    if bound == 0.0:
        return "exact"
    return "bounded" if np.isfinite(bound) else "unknown"
