"""A small table of text: drawn by rich on a screen, by the template in the HTML report."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
    from rich.table import Table

# beside sentences, on a screen of fewer columns, other columns fold after so many characters
_WORD, _ROOM = 10, 100


# columns of a table in plain text
_PLAIN_WIDTH = 110


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows of text under a caption.

    Attributes:
        caption: the title.
        columns: their names.
        rows: one tuple of cells a row, as long as `columns`.
        left: the columns that are words, set to the left; the others are numbers.
        spare: columns that a narrow screen moves into a second table, first one first.
        prose: the column of sentences, for which the others fold on a narrow screen.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()
    prose: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table as rich draws it; where there is no room, spare columns follow below it."""
        moved: list[str] = []
        width = options.max_width
        for name in self.spare:
            table = self._drawn(self.caption, [c for c in self.columns if c not in moved], width)
            if _width(table, console, options) <= options.max_width:
                break
            moved.append(name)
        yield self._drawn(self.caption, [c for c in self.columns if c not in moved], width)
        if moved:
            kept = [name for name in self.columns if name in moved or name in self.left]
            yield self._drawn(f"{self.caption}, continued", kept, width)

    def _drawn(self, caption: str, names: Sequence[str], width: int) -> Table:
        """Some columns on a screen of some width; a rule wherever a group of rows ends."""
        from rich.table import Table

        table = Table(title=caption, title_justify="left")
        kept = [self.columns.index(name) for name in names]
        for name in names:
            justify: JustifyMethod = "left" if name in self.left else "right"
            most = _WORD if self.prose and name != self.prose and width < _ROOM else None
            table.add_column(name, justify=justify, overflow="fold", max_width=most)
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


def _width(table: Table, console: Console, options: ConsoleOptions) -> int:
    from rich.measure import Measurement

    return Measurement.get(console, options.update(max_width=10_000), table).maximum


def as_text(table: TextTable) -> str:
    """A table as plain text."""
    from rich.console import Console

    buffer = io.StringIO()
    # rich would write into the notebook's cell instead of the buffer
    Console(
        file=buffer, width=_PLAIN_WIDTH, color_system=None, highlight=False, force_jupyter=False
    ).print(table)
    return buffer.getvalue().rstrip()
