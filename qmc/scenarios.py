"""Named scenarios of returns, and what a portfolio would make or lose in each.

A file of scenarios is CSV: the first row names the assets, the first column the scenarios, and each
cell is a simple return over the scenario (-0.2 is minus 20 per cent):

    scenario,AAPL,JPM,XOM
    1987 crash,-0.25,-0.22,-0.20
    rates up,-0.05,0.04,0.01
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.contracts import Portfolio
from qmc.errors import InvalidProblem
from qmc.models.one_period import as_rows
from qmc.problem import Array
from qmc.risk_text import column
from qmc.serialise import to_dict
from qmc.tables import TextTable, as_text

_LARGEST = 1 << 24
# positions that a scenario's row names: the largest losses
_WORST = 3


@dataclass(frozen=True, kw_only=True, repr=False)
class Scenarios:
    """Named scenarios of simple returns.

    Attributes:
        names: (scenarios,), each once.
        assets: (assets,), each once.
        returns: (scenarios, assets), each at least -1.

    Raises:
        InvalidProblem: for names that repeat, returns that are NaN, infinite or below -1, and a
            table that does not fit the names.
    """

    names: tuple[str, ...]
    assets: tuple[str, ...]
    returns: ArrayLike
    _table: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, and keep the returns as an array."""
        for name in ("names", "assets"):
            given = tuple(map(str, getattr(self, name)))
            twice = [one for one in given if given.count(one) > 1]
            if twice or not given:
                raise checks.refuse(name, twice[0] if twice else given, "non-empty, each once")
            object.__setattr__(self, name, given)
        table = checks.table("returns", self.returns, 2, "give (scenarios, assets)")
        shape = (len(self.names), len(self.assets))
        if table.shape != shape:
            raise checks.refuse("returns", f"array of shape {table.shape}", f"of shape {shape}")
        bad = np.argwhere(table < -1.0)
        if len(bad):
            row, place = bad[0].tolist()
            where = f"return of {self.assets[place]} in {self.names[row]!r}"
            hint = "-0.2 is minus 20 per cent"
            raise checks.refuse(where, float(table[row, place]), "-1 or above", hint)
        table.setflags(write=False)
        object.__setattr__(self, "returns", as_rows(table))
        object.__setattr__(self, "_table", table)

    def profits(self, portfolio: Portfolio, assets: Sequence[str]) -> ScenarioProfits:
        """Profit of each position in each scenario.

        Args:
            portfolio: with one weight for each of `assets`.
            assets: the names that the weights belong to; scenarios may know more than these.

        Raises:
            InvalidProblem: for an asset that the scenarios do not know, unless its weight is 0.
        """
        weights = portfolio.matched_weights(len(assets))
        held = [place for place, weight in enumerate(weights) if weight != 0.0]
        missing = [assets[place] for place in held if assets[place] not in self.assets]
        if missing:
            known = ", ".join(self.assets[:12]) + (", ..." if len(self.assets) > 12 else "")
            msg = (
                f"scenarios have no column for {', '.join(missing)}, which the portfolio holds; "
                f"they have {known}: add a column, or give that asset the weight 0"
            )
            raise InvalidProblem(msg)
        positions = tuple(assets[place] for place in held)
        columns = [self.assets.index(name) for name in positions]
        money = portfolio.value * weights[held] * self._table[:, columns]
        return ScenarioProfits(names=self.names, positions=positions, profits=as_rows(money))

    def __repr__(self) -> str:
        """Short: how many."""
        return f"Scenarios({len(self.names)} scenarios x {len(self.assets)} assets)"


@dataclass(frozen=True, kw_only=True)
class ScenarioProfits:
    """Profit and loss of each position in each scenario; a loss is negative.

    Attributes:
        names: of the scenarios.
        positions: their names.
        profits: (scenarios, positions), in money.
    """

    names: tuple[str, ...]
    positions: tuple[str, ...]
    profits: tuple[tuple[float, ...], ...]

    @property
    def totals(self) -> tuple[float, ...]:
        """Profit of the whole portfolio in each scenario."""
        return tuple(sum(row) for row in self.profits)

    def table(self) -> TextTable:
        """A row a scenario: the total, and the positions that lose most."""
        totals = column(self.totals)
        rows = [
            (name, total, self._worst(row))
            for name, total, row in zip(self.names, totals, self.profits, strict=True)
        ]
        return TextTable(
            "Profit in each scenario (a loss is negative)",
            ("scenario", "profit", "largest losses"),
            tuple(rows),
            ("scenario", "largest losses"),
        )

    def _worst(self, row: Sequence[float]) -> str:
        order = sorted(range(len(row)), key=row.__getitem__)[:_WORST]
        texts = column(row[place] for place in order)
        named = [
            f"{self.positions[place]} {text}"
            for place, text in zip(order, texts, strict=True)
            if row[place] < 0.0
        ]
        return ", ".join(named) or "none"

    def __str__(self) -> str:
        """The table."""
        return as_text(self.table())

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict, with the totals."""
        return {**to_dict(self), "totals": list(self.totals)}


def read_scenarios(path: str | os.PathLike[str]) -> Scenarios:
    """Scenarios of a CSV file, as this module's text describes it.

    Raises:
        InvalidProblem: for a file that cannot be read or is too large, and a cell that is empty or
            no number; the message names the file, the scenario and the asset.
    """
    where = f"scenarios file {os.fspath(path)!r}"
    rows = _rows(Path(path), where)
    if len(rows) < 2 or len(rows[0]) < 2:
        allowed = "must have a first row of assets, such as scenario,AAPL,JPM, and a row a scenario"
        raise InvalidProblem(f"{where}: {allowed}")
    assets = tuple(name.strip() for name in rows[0][1:])
    names = tuple(row[0].strip() for row in rows[1:])
    if "" in assets or "" in names:
        raise InvalidProblem(f"{where}: an asset or a scenario has no name; give every one its own")
    table = [_numbers(row, name, assets, where) for row, name in zip(rows[1:], names, strict=True)]
    try:
        return Scenarios(names=names, assets=assets, returns=table)
    except InvalidProblem as error:
        raise InvalidProblem(f"{where}: {error}") from error


def _rows(path: Path, where: str) -> list[list[str]]:
    """The rows that are not empty."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise InvalidProblem(f"cannot read {where}: more than 16 MiB; give fewer scenarios")
        rows = list(csv.reader(content.splitlines(keepends=True), strict=True))
        return [row for row in rows if any(cell.strip() for cell in row)]
    except (OSError, ValueError, csv.Error) as error:
        if isinstance(error, InvalidProblem):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InvalidProblem(f"cannot read {where}: {reason}; give a CSV file") from error


def _numbers(row: Sequence[str], name: str, assets: Sequence[str], where: str) -> list[float]:
    if len(row) != len(assets) + 1:
        msg = (
            f"{where}: {name!r} has {len(row) - 1} returns for {len(assets)} assets; give one each"
        )
        raise InvalidProblem(msg)
    found = []
    for asset, cell in zip(assets, row[1:], strict=True):
        try:
            found.append(float(cell))
        except ValueError as error:
            hint = "write 5 per cent as 0.05"
            msg = f"{where}: {asset} in {name!r} is {cell!r}: must be a number; {hint}"
            raise InvalidProblem(msg) from error
        checks.finite(f"{where}: {asset} in {name!r}", found[-1])
    return found
