"""Results on disk: rows as JSON lines while they are made, a Markdown table at the end."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


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
