"""`FactorGrid`: cells of the directions of the normals that move the payoff most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from qmc import checks
from qmc.errors import Unsupported
from qmc.grids.allocation import allocate, chosen_cells
from qmc.grids.cell_table import CellTable, check_qubits, require_table_memory
from qmc.grids.directions import find_directions, leading_frame, path_slopes
from qmc.grids.factor_cells import Worth, cell_values, has_mean_prices
from qmc.grids.pilot import draw_pilot
from qmc.measures import ES, VaR
from qmc.problem import Problem

Cells: TypeAlias = Literal["auto", "prices", "nodes", "learned"]

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
    least variance. The table's mean is near the true mean and no more: `Quantum` adds the
    residual's mean from fresh paths.

    Attributes:
        qubits: of all registers together, 1 or more; never lowered on your behalf.
        cells: "auto", "prices", "nodes" or "learned".
        pilot_paths: power of two, 64 or more.
        pilot_seed: seed of the pilot, so that discretising twice gives the same bits.

    Raises:
        Unsupported: from `discretise`, for VaR and ES, and for "prices" under a model without
            Gaussian log prices.
        TooLarge: from `discretise`, before allocating, when cells or pilot do not fit.
    """

    qubits: int = 8
    cells: Cells = "auto"
    pilot_paths: int = 4096
    pilot_seed: int = 20_260_103

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        check_qubits(self.qubits)
        if self.cells not in _CELLS:
            raise checks.refuse("cells", self.cells, f"one of {', '.join(map(repr, _CELLS))}")
        checks.whole("pilot_paths", self.pilot_paths, 64)
        if self.pilot_paths & (self.pilot_paths - 1):
            raise checks.refuse("pilot_paths", self.pilot_paths, "a power of two", "4096")
        checks.whole("pilot_seed", self.pilot_seed, 0)

    def discretise(self, problem: Problem) -> CellTable:
        """Return the cell table, with `origin` saying how it was made."""
        if isinstance(problem.measure, VaR | ES):
            msg = (
                f"FactorGrid orders no cells by loss, which {type(problem.measure).__name__} "
                "needs: take LawGrid where a law is known, or classical_baseline.MonteCarlo"
            )
            raise Unsupported(msg)
        require_table_memory(self.qubits)
        slopes = path_slopes(problem)
        frame = leading_frame(slopes)
        pilot = draw_pilot(problem, frame, self.pilot_paths, _REPLICATES, self.pilot_seed)
        directions = find_directions(slopes, frame, pilot)
        trials = tuple(
            allocate(problem, pilot, directions, self.qubits, worth)
            for worth in self._kinds(problem)
        )
        best = min(trials, key=lambda one: one.residual_share)
        cells = chosen_cells(directions, best.bits)
        return CellTable(
            registers=cells.bits,
            marginals=cells.marginals,
            values=cell_values(problem, cells, best.worth, pilot),
            bias="unknown",
            bias_bound=np.inf,
            pilot_paths=self.pilot_paths,
            pilot_mean=float(pilot.values.mean()),
            locator=cells,
        )

    def _kinds(self, problem: Problem) -> tuple[Worth, ...]:
        if self.cells != "auto":
            return (self.cells,)
        if has_mean_prices(problem):
            return ("prices", "learned")
        return ("nodes", "learned")
