"""The error budget of a result, as a table and inside a few lines of text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from qmc.tables import TextTable

if TYPE_CHECKING:
    from qmc.result import Result

_WIDTH = 110


def budget_table(result: Result) -> TextTable:
    """The error budget as a table: a row per source and a total."""
    asked = result.provenance.problem.measure
    measure = getattr(asked, "greek", type(asked).__name__)
    engine = result.provenance.engine.split("(")[0]
    rows: list[tuple[str, ...]] = [
        (line.source, line.kind, f"{line.amount:.3g}", f"{line.error_share:.3g}", line.note)
        for line in result.budget.lines
    ]
    share = sum(line.error_share for line in result.budget.lines)
    rows.append(("total", "", f"{result.budget.total:.3g}", f"{share:.3g}", ""))
    return TextTable(
        f"Error budget of {measure} by {engine}",
        ("source", "kind", "half-width", "error share", "how"),
        tuple(rows),
        ("source", "kind", "how"),
    )


def explain(result: Result) -> str:
    """The result in a few lines of text: summary, error budget, cost, circuit, provenance."""
    from rich.console import Console

    buffer = io.StringIO()
    # rich would write into the notebook's cell instead of the buffer
    console = Console(
        file=buffer, width=_WIDTH, color_system=None, highlight=False, force_jupyter=False
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
