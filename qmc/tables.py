"""A small table of text: drawn by rich on a screen, by the template in the HTML report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.table


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows of text under a caption.

    Attributes:
        caption: the title.
        columns: their names.
        rows: one tuple of cells a row, as long as `columns`.
        left: the columns that are words, set to the left; the others are numbers.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: tuple[str, ...] = ()

    def __rich__(self) -> rich.table.Table:
        """The table as rich draws it; a rule wherever the first cell changes."""
        from rich.table import Table

        table = Table(title=self.caption, title_justify="left")
        for name in self.columns:
            words = name in self.left
            table.add_column(name, justify="left" if words else "right", overflow="fold")
        for before, row in zip((None, *self.rows), self.rows, strict=False):
            if before is not None and self._starts_group(before, row):
                table.add_section()
            table.add_row(*row)
        return table

    def _starts_group(self, before: Sequence[str], row: Sequence[str]) -> bool:
        """True for a new first cell where first cells repeat, and before a total."""
        firsts = [one[0] for one in self.rows]
        grouped = len(set(firsts)) < len(firsts)
        return (grouped and before[0] != row[0]) or row[0] == "total"
