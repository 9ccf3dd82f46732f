"""`python -m benchmarks run SUITE`: run a suite, show a table, keep the rows in a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import store
from benchmarks.suites import PICTURES, SUITES, SUMMARIES, Row
from qmc.errors import InvalidProblem
from qmc.tables import TextTable

# columns of words, set to the left
_WORDS = ("case", "what", "who", "estimator", "engine", "amplitude")

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@app.command("list")
def list_suites() -> None:
    """Name the suites."""
    for name, suite in SUITES.items():
        typer.echo(f"{name}: {(sys.modules[suite.__module__].__doc__ or '').strip()}")


@app.command("run")
def run_suite(
    suite: Annotated[str, typer.Argument(help="one of the names that `list` prints")],
    small: Annotated[bool, typer.Option("--small", help="seconds instead of minutes")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="runs of each case")] = 1000,
    output: Annotated[Path, typer.Option(help="folder")] = Path("benchmark-results"),
    resume: Annotated[bool, typer.Option("--resume", help="go on where a run stopped")] = False,
) -> None:
    """Run one suite; Ctrl-C keeps the rows that are finished and exits 130."""
    if suite not in SUITES:
        typer.echo(f"suite={suite!r}: must be one of {', '.join(SUITES)}", err=True)
        raise typer.Exit(2)
    lines = output / f"{suite}.jsonl"
    rows = store.read(lines) if resume else []
    if lines.exists():
        lines.replace(lines.with_suffix(".jsonl.old"))
    for row in rows:
        store.append(lines, row)
    interrupted = False
    try:
        for row in SUITES[suite](seeds, small, tuple(rows)):
            store.append(lines, row)
            rows.append(row)
            if sys.stderr.isatty():
                typer.echo(", ".join(store.cell(value) for value in row.values()), err=True)
    except InvalidProblem as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        interrupted = True
    _show(suite, rows, output)
    for name, short in SUMMARIES[suite](rows).items() if suite in SUMMARIES else ():
        _show(f"{suite}-{name.lower()}", short, output)
    typer.echo(f"Rows: {lines}")
    if suite in PICTURES and len(rows) > 1:
        PICTURES[suite](rows).savefig(output / f"{suite}.png", dpi=150)
        typer.echo(f"Picture: {output / suite}.png")
    if interrupted:
        raise typer.Exit(130)


def _show(name: str, rows: Sequence[Row], output: Path) -> None:
    """Print rows as a table and keep it as Markdown."""
    cells = tuple(tuple(map(store.cell, row.values())) for row in rows)
    table = TextTable(name, tuple(rows[0]) if rows else (), cells, _WORDS)
    Console(width=None if sys.stdout.isatty() else 240).print(table)
    store.write_markdown(output / f"{name}.md", name, rows)


if __name__ == "__main__":
    app()
