"""What the command line and the demo show: tables, verdicts, pictures, the HTML report."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmc.measures import ES, Measure, VaR
from qmc.result import Interval, Result, package_versions
from qmc.tables import TextTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from qmc.convergence import ConvergenceTable
    from qmc.planning import Plan

_PNG_DPI = 120


@dataclass(frozen=True, slots=True)
class Solved:
    """A result and the name of the engine that made it."""

    engine: str
    result: Result


@dataclass(frozen=True, slots=True)
class Verdict:
    """Quantum against plain Monte Carlo at the half-width that the quantum run reached.

    Attributes:
        measure: in words.
        half_width: of the quantum interval.
        quantum_queries, quantum_seconds: spent.
        paths, path_seconds: what Monte Carlo needs for that half-width: its own run, scaled by
            (its half-width / this half-width)^2; infinite or NaN where that is unknown.
    """

    measure: str
    half_width: float
    quantum_queries: int
    quantum_seconds: float
    paths: float
    path_seconds: float

    @property
    def known(self) -> bool:
        """True when both sides reached a finite, positive half-width."""
        return math.isfinite(self.paths) and self.paths > 0.0

    @property
    def queries_winner(self) -> str:
        """Who needs fewer queries or paths."""
        if not self.known:
            return "undecided"
        return "quantum" if self.quantum_queries < self.paths else "classical"

    @property
    def seconds_winner(self) -> str:
        """Who needs fewer seconds."""
        if not self.known:
            return "undecided"
        return "quantum" if self.quantum_seconds < self.path_seconds else "classical"

    def __str__(self) -> str:
        """Both comparisons, in words."""
        if not self.known:
            return f"{self.measure}: no comparison, one side reached no finite half-width."
        return (
            f"{self.measure} at half-width {self.half_width:,.4g}: "
            f"{self.quantum_queries:,} quantum queries against {self.paths:,.0f} classical paths "
            f"(its own run, scaled), so {self.queries_winner} wins on queries; "
            f"{self.quantum_seconds:.3g} s of simulation against {self.path_seconds:.3g} s, so "
            f"{self.seconds_winner} wins on seconds."
        )


def compare(quantum: Result, classical: Result) -> Verdict:
    """Compare at the half-width that the quantum run reached."""
    reached, half = quantum.interval.half_width, classical.interval.half_width
    finite = math.isfinite(reached) and math.isfinite(half) and reached > 0.0
    ratio = (half / reached) ** 2 if finite else math.nan
    return Verdict(
        measure=describe_measure(quantum),
        half_width=reached,
        quantum_queries=quantum.cost.queries,
        quantum_seconds=quantum.cost.seconds,
        paths=classical.cost.queries * ratio,
        path_seconds=classical.cost.seconds * ratio,
    )


RESULT_COLUMNS = (
    "measure", "engine", "value", "interval", "exact inside", "status", "queries", "qubits",
    "depth", "seconds",
)  # fmt: skip


def results_table(solved: Sequence[Solved], title: str = "Results") -> TextTable:
    """A row per engine and measure."""
    exact = {describe_measure(one.result): one.result.value for one in solved if is_exact(one)}
    rows = tuple(_result_cells(one, exact.get(describe_measure(one.result))) for one in solved)
    words, spare = (
        ("measure", "engine", "status"),
        ("depth", "qubits", "seconds", "status", "queries"),
    )
    return TextTable(title, RESULT_COLUMNS, rows, words, spare)


def is_exact(one: Solved) -> bool:
    """True for a closed form of the problem itself, not of scenarios that stand for its law."""
    return one.engine == "analytic" and one.result.covers == "continuous"


def misses(solved: Sequence[Solved]) -> int:
    """How many intervals do not contain the exact value of their measure."""
    column = RESULT_COLUMNS.index("exact inside")
    return sum(row[column] == "no" for row in results_table(solved).rows)


def _result_cells(one: Solved, exact: float | None) -> tuple[str, ...]:
    result = one.result
    circuit = result.circuit
    status = result.status.replace("_", " ")
    inside = "-"
    if exact is not None and one.engine != "analytic":
        inside = "yes" if result.interval.contains(exact) else "no"
    return (
        describe_measure(result),
        one.engine,
        number(result.value),
        _interval_cell(one),
        inside,
        status if result.covers == "continuous" else f"{status}, grid only",
        f"{result.cost.queries:,}",
        "-" if circuit is None else str(circuit.qubits),
        "-" if circuit is None else str(circuit.depth),
        f"{result.cost.seconds:.3g}",
    )


def _interval_cell(one: Solved) -> str:
    if one.engine == "analytic":
        return "exact" if is_exact(one) else "exact for fixed paths"
    return interval_text(one.result.interval)


def describe_measure(result: Result) -> str:
    """The measure with its level, such as "VaR 99 %"."""
    measure = result.provenance.problem.measure
    level = getattr(measure, "level", None)
    name = getattr(measure, "greek", type(measure).__name__)
    return name if level is None else f"{name} {100.0 * level:g} %"


def number(value: float) -> str:
    """Seven significant digits, five for small numbers; thousands get commas and two decimals."""
    if abs(value) >= 1e4:
        return f"{value:,.2f}"
    return f"{value:.7g}" if abs(value) >= 0.1 else f"{value:.5g}"


def interval_text(interval: Interval) -> str:
    """Both ends."""
    return f"[{number(interval.low)}, {number(interval.high)}]"


def convergence_table(table: ConvergenceTable) -> TextTable:
    """Error, half-width, coverage and seconds for each engine and budget."""
    columns = (
        "problem", "engine", "budget", "queries", "error, 95th pct", "half-width", "coverage",
        "seconds",
    )  # fmt: skip
    rows = tuple(
        (
            str(row["problem"]),
            str(row["engine"]),
            f"{row['budget']:,}",
            f"{row['queries']:,.0f}",
            f"{row['error_95']:.4g}",
            f"{row['half_width']:.4g}",
            f"{100.0 * row['coverage']:.0f} %",
            f"{row['seconds']:.3g}",
        )
        for row in table.summary().to_dict("records")
    )
    spare = ("seconds", "coverage", "half-width", "queries")
    return TextTable("Convergence", columns, rows, ("problem", "engine"), spare)


def save_figure(axes: Axes, folder: Path, name: str) -> tuple[Path, Path]:
    """Write the figure of some axes as name.png and name.svg into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    figure = axes.get_figure(root=True)
    if figure is None:
        msg = f"the axes for {name} belong to no figure"
        raise ValueError(msg)
    figure.savefig(png, dpi=_PNG_DPI, metadata={"Software": "qmc"})
    figure.savefig(svg, metadata={"Date": None})
    return png, svg


def intervals_figure(solved: Sequence[Solved]) -> Axes:
    """The intervals of several engines for one measure, the exact value as a line."""
    from qmc.plots import plot_intervals

    exact = [one.result.value for one in solved if is_exact(one)]
    sampled = [one for one in solved if one.engine != "analytic"] if exact else list(solved)
    return plot_intervals(
        [one.result for one in sampled or solved],
        [one.engine for one in sampled or solved],
        truth=exact[0] if exact else None,
    )


def losses_figure(solved: Sequence[Solved]) -> Axes | None:
    """The law of the loss with VaR and ES, each by its exact engine or the last that solved it.

    None without VaR and ES.
    """
    from qmc.plots import plot_loss_law

    found: dict[Measure, Solved] = {}
    for one in solved:
        measure = one.result.provenance.problem.measure
        known = found.get(measure)
        is_known = known is not None and is_exact(known)
        if isinstance(measure, VaR | ES) and math.isfinite(one.result.value) and not is_known:
            found[measure] = one
    if not found:
        return None
    results = [one.result for one in found.values()]
    return plot_loss_law(results[0].provenance.problem, results)


def size_figure(plans: Mapping[str, Plan]) -> Axes:
    """Expected queries and classical paths of plans, as dots."""
    from qmc.plots import new_axes

    axes = new_axes(height=1.4 + 0.6 * len(plans))
    rows = range(len(plans))
    # dots: a bar on a log axis would begin nowhere
    axes.plot([p.expected_queries for p in plans.values()], rows, "o", ms=9, label="queries")
    axes.plot([p.classical_paths for p in plans.values()], rows, "s", ms=8, label="classical paths")
    axes.set_yticks(rows, list(plans))
    axes.set_ylim(-0.7, len(plans) - 0.3)
    axes.set_xscale("log")
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("expected queries, and classical paths for the same half-width")
    axes.legend()
    return axes


def machine() -> dict[str, str]:
    """What a timing depends on."""
    return {
        "platform": platform.platform(),
        "processor": platform.machine(),
        "processors": str(os.cpu_count()),
        **dict(package_versions()),
    }


def render_html(context: Mapping[str, Any]) -> str:
    """The HTML report from `templates/report.html.j2`; values are escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("qmc"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(**context)
