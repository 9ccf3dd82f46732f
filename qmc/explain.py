"""The error-budget table of a result, drawn by rich into plain text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from qmc.result import Result

_WIDTH = 110


def budget_table(result: Result) -> Table:
    """The error budget as a rich table: a row per source and a total."""
    from rich.table import Table

    measure = type(result.provenance.problem.measure).__name__
    table = Table(title=f"Error budget of {measure}", title_justify="left")
    table.add_column("source")
    table.add_column("kind")
    table.add_column("half-width", justify="right")
    table.add_column("error share", justify="right")
    table.add_column("how", overflow="fold")
    for line in result.budget.lines:
        table.add_row(
            line.source, line.kind, f"{line.amount:.3g}", f"{line.error_share:.3g}", line.note
        )
    table.add_section()
    share = sum(line.error_share for line in result.budget.lines)
    table.add_row("total", "", f"{result.budget.total:.3g}", f"{share:.3g}", "")
    return table


def explain(result: Result) -> str:
    """The result in a few lines of text: summary, error budget, cost, circuit, provenance."""
    from rich.console import Console

    buffer = io.StringIO()
    console = Console(file=buffer, width=_WIDTH, color_system=None, highlight=False)
    cost, provenance = result.cost, result.provenance
    console.print(str(result))
    console.print(budget_table(result))
    target = "the continuous problem" if result.covers == "continuous" else "its grid version only"
    console.print(f"The interval covers the true number of {target}.")
    console.print(
        f"Cost: {cost.queries:,} queries, {cost.shots:,} shots, {cost.rounds} rounds, largest "
        f"power {cost.max_power}, {cost.pilot_paths:,} pilot paths, {cost.seconds:.3g} s."
    )
    if result.circuit is not None:
        circuit = result.circuit
        console.print(
            f"Circuit A: {circuit.qubits} qubits, depth {circuit.depth}, "
            f"{circuit.two_qubit_gates} CX."
        )
    console.print(f"Made by {provenance.engine} with rng {provenance.seed}, {provenance.goal}.")
    return buffer.getvalue().rstrip()
