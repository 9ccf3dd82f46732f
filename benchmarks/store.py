"""Results on disk: rows as JSON lines while they are made, a Markdown table at the end."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qmc import checks
from qmc.result import package_versions


def append(path: Path, row: dict[str, Any]) -> None:
    """Append one row; what is written stays when the run is interrupted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of an earlier run; none where there is no file."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break  # a run was cut off in the middle of its last line
    return rows


def require_size(rows: Sequence[dict[str, Any]], runs: int) -> None:
    """Refuse to go on with rows that another number of runs made.

    Raises:
        InvalidProblem: naming both numbers.
    """
    others = {row["runs"] for row in rows if row["runs"] == row["runs"]} - {runs}
    if others:
        given = sorted(others)
        raise checks.refuse(
            "runs", given, f"{runs}, as now asked", "give the same --seeds, or leave out --resume"
        )


def write_markdown(path: Path, suite: str, rows: Sequence[dict[str, Any]]) -> None:
    """A table with the date, machine and versions under it."""
    columns = list(rows[0]) if rows else []
    lines = [f"# {suite}", "", "| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    lines += ["| " + " | ".join(cell(row[c]) for c in columns) + " |" for row in rows]
    versions = ", ".join(f"{name} {version}" for name, version in package_versions())
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    lines += ["", f"{today}, {os.cpu_count()} processors, {platform.machine()}; {versions}.", ""]
    path.write_text("\n".join(lines), encoding="utf-8")


def cell(value: object) -> str:
    """A number with four digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
