"""A small table of text: drawn by rich on a screen, by the template in the HTML report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows of text under a caption.

    Attributes:
        caption: the title.
        columns: their names.
        rows: one tuple of cells a row, as long as `columns`.
        left: the columns that are words, set to the left; the others are numbers.
        spare: columns that a narrow screen leaves out, first one first.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table as rich draws it, without spare columns that the screen has no room for."""
        from rich.measure import Measurement

        dropped: list[str] = []
        for name in (*self.spare, None):
            table = self._drawn(dropped)
            fits = Measurement.get(console, options.update(max_width=10_000), table).maximum
            if fits <= options.max_width or name is None:
                break
            dropped.append(name)
        yield table
        if dropped:
            yield f"(left out for want of width: {', '.join(dropped)})"

    def _drawn(self, dropped: Sequence[str]) -> Table:
        """All columns but some; a rule wherever a group of rows ends."""
        from rich.table import Table

        table = Table(title=self.caption, title_justify="left")
        kept = [i for i, name in enumerate(self.columns) if name not in dropped]
        for index in kept:
            words = self.columns[index] in self.left
            table.add_column(
                self.columns[index], justify="left" if words else "right", overflow="fold"
            )
        for before, row in zip((None, *self.rows), self.rows, strict=False):
            if before is not None and self._starts_group(before, row):
                table.add_section()
            table.add_row(*(row[index] for index in kept))
        return table

    def _starts_group(self, before: Sequence[str], row: Sequence[str]) -> bool:
        """True for a new first cell where first cells repeat, and before a total."""
        firsts = [one[0] for one in self.rows]
        grouped = len(set(firsts)) < len(firsts)
        return (grouped and before[0] != row[0]) or row[0] == "total"
