"""`LawGrid`: cells of a known one-dimensional law, with exact masses and conditional means."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from qmc import checks
from qmc.affine import AffinePiece, exceeding
from qmc.capabilities import SampledLaw, TerminalLaw, TerminalPayoff, ValueLaw
from qmc.errors import Unsupported
from qmc.grids.cell_table import Bias, CellTable, check_qubits, require_table_memory
from qmc.laws import Law, cell_masses, cell_partial_means
from qmc.measures import Probability, Sensitivity, TailMeasure
from qmc.problem import Array, Problem
from qmc.sensitivity import stencil, weighted

# a cdf that exceeds an edge's rank by no more has no atom there
_ROUNDING = 1e-12
_WHOLE_LINE = (AffinePiece(-np.inf, np.inf, 0.0, 1.0),)

# cells of which two are left beside both ends; a tail this near to 1 - level may be it
_LEAST_CELLS, _TIED = 8, 1e-9
# losses that differ relatively by less, a cell, are one loss and rounding
_SAME = 1e-13


@dataclass(frozen=True, slots=True, kw_only=True)
class LawGrid:
    """Cells of the law of the terminal price, or of the contract's value itself.

    For means (price, probability, expected loss, sensitivity) the 2**qubits cells have equal
    probability, so a Hadamard a qubit loads them, and each cell's value is E[outcome | cell], split
    at the payoff's kinks: the grid's mean is the true mean at any number of qubits, tails included.
    A sensitivity's cells are the same ranks for every bumped law: the mean is the exact quotient's.
    For VaR and what needs one (ES, TailConditionalExpectation, EconomicCapital) the cells have
    equal width on the range of a pilot sample of losses, half-open (low, high], the end cells
    unbounded; P(loss <= edge) is exact. Of a model whose law is one of fixed scenarios
    (`SampledLaw`) the cells are exact for these, and the bias is "unknown".

    Attributes:
        qubits: resolution, 1 or more; never lowered on your behalf.
        pilot_paths: losses drawn to place the equal-width cells.
        pilot_seed: seed of the pilot, so that discretising twice gives the same bits.

    Raises:
        Unsupported: from `discretise`, when no law is known for the problem.
        TooLarge: from `discretise`, before allocating, when 2**qubits cells do not fit.

    >>> from qmc import BlackScholes, Call, LawGrid, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    >>> problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> round(LawGrid(qubits=1).discretise(problem).mean(), 9)
    8.021352235
    """

    qubits: int = 5
    pilot_paths: int = 4096
    pilot_seed: int = 20_260_101

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        check_qubits(self.qubits)
        checks.whole("pilot_paths", self.pilot_paths, 2)
        checks.whole("pilot_seed", self.pilot_seed, 0)

    def discretise(self, problem: Problem) -> CellTable:
        """Return the cell table of a problem whose law is known."""
        require_table_memory(self.qubits)
        if isinstance(problem.measure, TailMeasure):
            return self._equal_width(problem, _law_and_pieces(problem)[0])
        if isinstance(problem.measure, Sensitivity):
            values = weighted(stencil(problem), self._cell_means)
        else:
            values = self._cell_means(problem)
        uniform = np.full(2**self.qubits, 2.0**-self.qubits)
        bias, bound = _bias(problem)
        return CellTable(
            registers=(self.qubits,),
            marginals=(uniform,),
            values=values,
            bias=bias,
            bias_bound=bound,
        )

    def treats(self, problem: Problem) -> bool:
        """Whether a law is known for the problem."""
        try:
            self.require_treated(problem)
        except Unsupported:
            return False
        return True

    def require_treated(self, problem: Problem) -> None:
        """Refuse a problem whose law is not known, before any work.

        Raises:
            Unsupported: naming what is lacking.
        """
        _law_and_pieces(problem)

    def _cell_means(self, problem: Problem) -> Array:
        """E[outcome | cell] of cells of equal probability, (2**qubits,), in order of price.

        Cells are ranks: laws that differ by a bump are cut where the same normals are.
        """
        law, pieces = _law_and_pieces(problem)
        if isinstance(problem.measure, Probability):
            above = exceeding(pieces, problem.measure.threshold)
            pieces = tuple(AffinePiece(low, high, 1.0, 0.0) for low, high in above)
        edges = law.ppf(np.arange(2**self.qubits + 1) / 2**self.qubits)
        edges[0], edges[-1] = -np.inf, np.inf
        integrals = piece_integrals(law, pieces, edges)
        return np.asarray((integrals - _misplaced(law, pieces, edges)) * 2.0**self.qubits)

    def _equal_width(self, problem: Problem, law: Law) -> CellTable:
        factors = problem.num_factors
        normals = np.random.default_rng(self.pilot_seed).standard_normal(
            (self.pilot_paths, factors)
        )
        losses = problem.outcomes(normals)
        low, high = float(losses.min()), float(losses.max())
        cells = 2**self.qubits
        if high - low <= cells * _SAME * max(abs(low), abs(high)):
            # losses are the same up to rounding: put the atom inside a cell, not at its end
            margin = max(abs(high), 1.0) * 1e-6
            low, high = low - margin, high + margin
        edges = low + (high - low) * (np.arange(cells + 1) / cells)
        edges[0], edges[-1] = -np.inf, np.inf
        assert isinstance(problem.measure, TailMeasure)
        edges = _closed(law, problem.measure.level, edges)
        low, high = min(low, float(edges[1])), max(high, float(edges[-2]))
        masses = np.maximum(cell_masses(law, edges), 0.0)
        sums = cell_partial_means(law, edges)
        middle = np.clip(0.5 * (edges[:-1] + edges[1:]), low, high)
        safe = np.where(masses > 0.0, masses, 1.0)
        # rounding in sums / masses must not leave the cell
        means = np.clip(np.where(masses > 0.0, sums / safe, middle), edges[:-1], edges[1:])
        bias, bound = _bias(problem)
        return CellTable(
            registers=(self.qubits,),
            marginals=(masses / masses.sum(),),
            values=means,
            bias=bias,
            bias_bound=bound,
            edges=edges,
            pilot_paths=self.pilot_paths,
        )


def _closed(law: Law, level: float, edges: Array) -> Array:
    """The edges; or edges about all losses, where an end cell holds a quantile of a bounded law.

    The largest or smallest loss may be an atom, as of a bond that defaults or of a capped loss:
    with an inner edge on either side of all losses nothing lies in an unbounded cell.
    """
    cells, (least, most) = edges.size - 1, law.ppf(np.array([0.0, 1.0])).tolist()
    below, above = float(law.cdf(edges[1])), float(law.sf(edges[-2]))
    inside = below < level and above < (1.0 - level) * (1.0 - _TIED)
    if inside or cells < _LEAST_CELLS or not (math.isfinite(least) and least < most < math.inf):
        return edges
    inner = least + (most - least) * (np.arange(-1, cells - 2) / (cells - 3))
    inner[-1] = most  # not a rounding below it
    return np.concatenate([[-np.inf], inner, [np.inf]])


def piece_integrals(law: Law, pieces: tuple[AffinePiece, ...], edges: Array) -> Array:
    """E[payoff; cell] for each cell (edges[i], edges[i+1]], shape (cells,).

    Each piece adds intercept * P(cell and piece) + slope * E[X; cell and piece]; adjacent cells
    share the same running integrals, so the sum over cells telescopes to the exact mean.
    """
    total = np.zeros(edges.size - 1)
    for piece in pieces:
        clipped = np.clip(edges, piece.low, piece.high)
        if piece.intercept != 0.0:
            total += piece.intercept * cell_masses(law, clipped)
        if piece.slope != 0.0:
            total += piece.slope * cell_partial_means(law, clipped)
    return total


def _misplaced(law: Law, pieces: tuple[AffinePiece, ...], edges: Array) -> Array:
    """What each cell (edges[i], edges[i+1]] holds beyond its share 1 / cells, shape (cells,).

    An atom at an edge belongs to the cell below it in `piece_integrals`; of equal cells it belongs
    to the one above with the mass by which F(edge) exceeds the edge's rank. Zero without atoms.
    """
    ranks = np.arange(edges.size) / (edges.size - 1)
    excess = np.zeros(edges.size)
    excess[1:-1] = law.cdf(edges[1:-1]) - ranks[1:-1]
    excess[excess < _ROUNDING] = 0.0
    payoff = np.zeros(edges.size)
    for piece in pieces:
        inside = (edges > piece.low) & (edges <= piece.high) & (excess > 0.0)
        payoff[inside] += piece.intercept + piece.slope * edges[inside]
    return np.diff(payoff * excess)


def _law_and_pieces(problem: Problem) -> tuple[Law, tuple[AffinePiece, ...]]:
    """The law behind the outcome and the affine pieces from it to the outcome."""
    model, contract, measure = problem.model, problem.contract, problem.measure
    if isinstance(model, ValueLaw):
        law = model.value_law(contract)
        return (law.negated() if measure.on_loss else law), _WHOLE_LINE
    if isinstance(measure, TailMeasure):
        msg = (
            f"LawGrid cannot place cells for {type(measure).__name__} of "
            f"{type(contract).__name__} under {type(model).__name__}: the model lacks value_law; "
            "use classical_baseline.MonteCarlo, or a model of returns with a Portfolio"
        )
        raise Unsupported(msg)
    if isinstance(model, TerminalLaw) and isinstance(contract, TerminalPayoff):
        discount = float(model.discount((contract.expiry,))[0])
        sign = -discount if measure.on_loss else discount
        pieces = tuple(
            replace(p, intercept=sign * p.intercept, slope=sign * p.slope)
            for p in contract.pieces()
        )
        return model.terminal_law(contract.expiry), pieces
    lacking = (
        f"model {type(model).__name__} lacks terminal_law"
        if not isinstance(model, TerminalLaw)
        else f"contract {type(contract).__name__} lacks pieces() and expiry"
    )
    msg = (
        f"LawGrid needs a known one-dimensional law: {lacking}; take FactorGrid(), "
        "or leave the grid open"
    )
    raise Unsupported(msg)


def _bias(problem: Problem) -> tuple[Bias, float]:
    """None of a known law; of one that is itself a sample of the model, unknown."""
    model = problem.model
    if isinstance(model, SampledLaw) and model.sampled_law(problem.contract.times) is not None:
        return "unknown", np.inf
    return "exact", 0.0
