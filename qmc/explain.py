"""The error budget of a result, as a table and inside a few lines of text."""

from __future__ import annotations

import io
import math
import os
import sys
from typing import TYPE_CHECKING

from qmc.tables import TextTable

if TYPE_CHECKING:
    from qmc.result import Budget, BudgetLine, Result

_WIDTH = 110


def budget_table(result: Result) -> TextTable:
    """The error budget as a table: a row per source and a total."""
    asked = result.provenance.problem.measure
    measure = getattr(asked, "greek", type(asked).__name__)
    engine = result.provenance.engine.split("(")[0]
    rows: list[tuple[str, ...]] = [
        (line.source, line.kind, _amount(line), f"{line.error_share:.3g}", line.note)
        for line in result.budget.lines
    ]
    share = sum(line.error_share for line in result.budget.lines)
    rows.append(("total", "", *_total(result.budget, f"{share:.3g}")))
    return TextTable(
        f"Error budget of {measure} by {engine}",
        ("source", "kind", "half-width", "error share", "how"),
        tuple(rows),
        ("source", "kind", "how"),
        prose="how",
    )


def _amount(line: BudgetLine) -> str:
    return "unknown" if _is_unknown(line) else f"{line.amount:.3g}"


def _is_unknown(line: BudgetLine) -> bool:
    """Whether nobody can say how much a line adds; an infinite amount of another kind is known."""
    return line.kind == "unknown" and math.isinf(line.amount)


def _total(budget: Budget, share: str) -> tuple[str, str, str]:
    """Half-width, error share and how, with what is not known named and not added."""
    unknown = [line.source for line in budget.lines if _is_unknown(line)]
    known = math.fsum(line.amount for line in budget.lines if not _is_unknown(line))
    if not unknown:
        return f"{known:.3g}", share, ""
    return f"{known:.3g} + unknown", share, f"unknown: {', '.join(unknown)}"


def explain(result: Result) -> str:
    """The result in a few lines of text: summary, error budget, cost, circuit, provenance."""
    from rich.console import Console

    buffer = io.StringIO()
    # rich would write into the notebook's cell instead of the buffer
    console = Console(
        file=buffer, width=_width(), color_system=None, highlight=False, force_jupyter=False
    )
    cost, provenance = result.cost, result.provenance
    console.print(str(result))
    console.print(budget_table(result))
    target = (
        "the continuous problem"
        if result.covers == "continuous"
        else "its discretised version only"
    )
    if any(line.source == "noise" for line in result.budget.lines):
        target = "a noise-free circuit at most: errors of the device are not covered"
    console.print(f"The interval covers the true number of {target}.")
    console.print(
        f"Cost: {cost.queries:,} queries, {cost.shots:,} shots, {cost.rounds} rounds, largest "
        f"power {cost.max_power}, {cost.pilot_paths:,} pilot paths, "
        f"{cost.residual_paths:,} residual paths, {cost.seconds:.3g} s."
    )
    if result.circuit is not None:
        circuit = result.circuit
        console.print(
            f"Circuit A: {circuit.qubits} qubits, depth {circuit.depth}, "
            f"{circuit.two_qubit_gates} CX."
        )
    console.print(f"Made by {provenance.engine} with rng {provenance.seed}, {provenance.goal}.")
    return buffer.getvalue().rstrip()


def _width() -> int:
    """Columns of the text: those of the terminal it is for where that is narrower."""
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError, AttributeError):
        # no terminal: a notebook, a pipe, a file
        return _WIDTH
    return min(_WIDTH, columns) if columns > 0 else _WIDTH
