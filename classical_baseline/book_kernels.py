"""Losses of a block of scenarios for `Book` and `DeltaGamma` under log-normal prices.

A block is (factors + 1, n): a row of ones above independent standard normals, so that one matrix
product shifts, scales and correlates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from classical_baseline.normals import Floats, Precision
from classical_baseline.value_table import REACH, ValueTable, tabulated
from qmc.capabilities import GaussianLogPrices
from qmc.contracts import Book, DeltaGamma, OptionPosition
from qmc.problem import Array

OfArray: TypeAlias = Callable[[Array], Array]

# of the stock value of an asset's positions
TABLE_ERROR = 1e-8
# eigenvalues below this share of the largest are rounding
_NO_FACTOR = 1e-14
# of rows of a triangular root, each without the zeros that all its rows end with
_GROUPS, _FEWEST_ROWS = 4, 8


class Layout(NamedTuple):
    """What all blocks are."""

    dtype: Precision
    size: int

    def empty(self, rows: int) -> Floats:
        """Memory (rows, size)."""
        return np.empty((rows, self.size), dtype=self.dtype)


class Part(Protocol):
    """Losses of some assets."""

    def losses(self, block: Floats) -> Floats:
        """A block (factors + 1, n) to losses (n,), which the caller may overwrite."""
        ...


class Moves(NamedTuple):
    """Log moves of prices over a horizon: drifts (assets,) + root (assets, factors) @ normals.

    The root has zeros right of its diagonal.
    """

    drifts: Array
    root: Array

    @classmethod
    def of(cls, model: GaussianLogPrices, horizon: float, spots: Sequence[float]) -> Moves:
        """From today's spots, with as few normals as the covariance needs."""
        means, loadings = model.log_prices((horizon,))
        values, vectors = np.linalg.eigh(loadings[0] @ loadings[0].T)
        kept = values > _NO_FACTOR * max(float(values[-1]), 1e-300)
        root = vectors[:, kept] * np.sqrt(values[kept])
        # the same covariance by a root of which half is zeros, also where there is no Cholesky root
        triangular = np.asarray(np.linalg.qr(root.T, mode="r")).T
        return cls(means[0] - np.log(spots), triangular)

    @property
    def deviations(self) -> Array:
        """Standard deviations (assets,)."""
        return np.asarray(np.sqrt(np.square(self.root).sum(axis=1)))

    def some(self, assets: Sequence[int]) -> Moves:
        """Of some assets only."""
        return Moves(self.drifts[list(assets)], self.root[list(assets)])


class Product:
    """shifts + root @ normals of each block, into memory that is kept: new pages cost more."""

    def __init__(self, root: Array, shifts: Array, layout: Layout) -> None:
        """Prepare for blocks of one layout; zeros at the end of a group's rows are left out."""
        matrix = np.column_stack([shifts, root]).astype(layout.dtype)
        self._out = layout.empty(len(root))
        self._groups: list[tuple[slice, Floats]] = []
        step = max(math.ceil(len(matrix) / _GROUPS), _FEWEST_ROWS)
        for start in range(0, len(matrix), step):
            rows = slice(start, start + step)
            used = np.flatnonzero(np.any(matrix[rows] != 0.0, axis=0))
            width = int(used[-1]) + 1 if used.size else 1
            self._groups.append((rows, np.ascontiguousarray(matrix[rows, :width])))

    def __call__(self, block: Floats) -> Floats:
        """A block to (rows, n), overwritten by the next call."""
        for rows, matrix in self._groups:
            np.matmul(matrix, block[: matrix.shape[1]], out=self._out[rows])
        return self._out


class Exponentials:
    """slopes @ m + curves @ m^2 + constant of relative moves m = exp(log move) - 1."""

    def __init__(
        self, moves: Moves, slopes: Array, curves: Array | None, constant: float, layout: Layout
    ) -> None:
        """Prepare the product; `curves` None is none."""
        self._product = Product(moves.root, moves.drifts, layout)
        self._slopes = slopes.astype(layout.dtype)
        self._curves = None if curves is None else curves.astype(layout.dtype)
        self._constant = layout.dtype(constant)

    def losses(self, block: Floats) -> Floats:
        """A block (factors + 1, n) to losses (n,)."""
        moves = self._product(block)
        np.exp(moves, out=moves)
        moves -= 1
        total: Floats = self._slopes @ moves
        if self._curves is not None:
            moves *= moves
            total += self._curves @ moves
        total += self._constant
        return total


class Tables:
    """Assets whose losses are tabulated functions of a standard normal."""

    def __init__(self, moves: Moves, tables: Sequence[ValueTable], layout: Layout) -> None:
        """Prepare the product that gives every asset's position in its own table."""
        scales = np.array([table.cells_a_unit for table in tables])
        rows = moves.root * (scales / moves.deviations)[:, None]
        self._product = Product(rows, scales * REACH, layout)
        sizes = np.array([table.cells for table in tables])
        self._begins = (np.cumsum(sizes) - sizes)[:, None]
        self._left = np.concatenate([table.left for table in tables])
        self._slope = np.concatenate([table.slope for table in tables])
        self._bend = np.concatenate([table.bend for table in tables])
        self._ones = np.ones(len(tables), dtype=layout.dtype)
        self._values, self._part = layout.empty(len(tables)), layout.empty(len(tables))
        self._places = np.empty(self._values.shape, dtype=np.intp)

    def losses(self, block: Floats) -> Floats:
        """A block (factors + 1, n) to losses (n,)."""
        within, values, part, places = self._product(block), self._values, self._part, self._places
        np.floor(within, out=part)
        within -= part
        places[:] = part
        places += self._begins
        # no place is out of range; of the ways to make sure of that, this is the fastest
        np.take(self._bend, places, out=values, mode="wrap")
        values *= within
        values += np.take(self._slope, places, out=part, mode="wrap")
        values *= within
        values += np.take(self._left, places, out=part, mode="wrap")
        total: Floats = self._ones @ values
        return total


class Formulas:
    """Assets whose losses are computed as they stand, in float64."""

    def __init__(self, moves: Moves, losses: Sequence[OfArray], layout: Layout) -> None:
        """`losses` are functions of relative prices, price / spot."""
        self._product = Product(moves.root, moves.drifts, layout._replace(dtype=np.float64))
        self._losses = tuple(losses)

    def losses(self, block: Floats) -> Floats:
        """A block (factors + 1, n) to losses (n,)."""
        relative = np.exp(self._product(block.astype(np.float64, copy=False)))
        rows = (loss(row) for loss, row in zip(self._losses, relative, strict=True))
        return np.asarray(sum(rows), dtype=block.dtype)


class BookKernel:
    """Full revaluation: stocks by exponentials, assets with options by tables or the formula.

    Attributes:
        factors: normals that a scenario needs.
        tabulated, by_formula: places of the assets with options that are.
    """

    def __init__(
        self, book: Book, model: GaussianLogPrices, discount: float, layout: Layout
    ) -> None:
        """Tabulate each asset that options are on."""
        moves = Moves.of(model, book.horizon, book.spots)
        self.factors: int = moves.root.shape[1]
        optioned = {one.asset for one in book.positions if isinstance(one, OptionPosition)}
        tables, formulas = {}, {}
        for asset in sorted(optioned):
            loss = _asset_loss(book, asset, discount)
            found = _table(book, moves, asset, loss, layout)
            if found is None:
                formulas[asset] = loss
            else:
                tables[asset] = found
        self.tabulated, self.by_formula = tuple(tables), tuple(formulas)
        self._parts: list[Part] = []
        if plain := [asset for asset in book.assets_held if asset not in optioned]:
            slopes = -discount * _stock_values(book)[plain]
            self._parts.append(Exponentials(moves.some(plain), slopes, None, 0.0, layout))
        if tables:
            some = moves.some(self.tabulated)
            self._parts.append(Tables(some, tuple(tables.values()), layout))
        if formulas:
            some = moves.some(self.by_formula)
            self._parts.append(Formulas(some, tuple(formulas.values()), layout))

    def losses(self, block: Floats) -> Floats:
        """A block (factors + 1, n) to losses (n,)."""
        total = self._parts[0].losses(block)
        for part in self._parts[1:]:
            total += part.losses(block)
        return total


class DeltaGammaKernel:
    """The second-order profit, of exponentials."""

    def __init__(
        self, contract: DeltaGamma, model: GaussianLogPrices, discount: float, layout: Layout
    ) -> None:
        """Restate deltas and gammas for relative moves."""
        spots = np.asarray(contract.spots)
        deltas, gammas = np.asarray(contract.deltas), np.asarray(contract.gammas)
        held = np.flatnonzero((deltas != 0.0) | (gammas != 0.0)).tolist()
        moves = Moves.of(model, contract.horizon, spots.tolist())
        self.factors: int = moves.root.shape[1]
        slopes, curves = -discount * deltas * spots, -0.5 * discount * gammas * spots**2
        constant = -discount * contract.theta * contract.horizon
        some = None if not gammas.any() else curves[held]
        self._part = Exponentials(moves.some(held), slopes[held], some, constant, layout)

    def losses(self, block: Floats) -> Floats:
        """A block (factors + 1, n) to losses (n,)."""
        return self._part.losses(block)


def _stock_values(book: Book) -> Array:
    """Sums of quantity * spot over the stock positions (assets,)."""
    values = np.zeros(len(book.spots))
    for position in book.positions:
        if not isinstance(position, OptionPosition):
            values[position.asset] += position.quantity * book.spots[position.asset]
    return values


def _asset_loss(book: Book, asset: int, discount: float) -> OfArray:
    """The discounted loss on one asset, of relative prices (n,)."""
    spot = book.spots[asset]
    today = float(book.asset_value(asset, np.array([spot]), 0.0)[0])

    def loss(relative: Array) -> Array:
        return discount * (today - book.asset_value(asset, spot * relative, book.horizon))

    return loss


def _table(
    book: Book, moves: Moves, asset: int, loss: OfArray, layout: Layout
) -> ValueTable | None:
    """The loss as a table of the asset's own normal; None where it cannot be had."""
    drift, deviation = float(moves.drifts[asset]), float(moves.deviations[asset])
    if deviation == 0.0:
        return None
    held = sum(abs(one.quantity) for one in book.positions if one.asset == asset)
    allowed = TABLE_ERROR * held * book.spots[asset]
    return tabulated(lambda normal: loss(np.exp(drift + deviation * normal)), allowed, layout.dtype)
