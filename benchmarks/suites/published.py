"""Published quantum prices beside the contract's true price and ours, with real circuits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.published_cases import Published, published
from classical_baseline import Analytic
from qmc import Goal, LawGrid, Problem, Quantum, UniformGrid
from qmc.backends import Aer
from qmc.backends.ideal import flag_probability
from qmc.circuits import LinearRotation
from qmc.estimators import Certified
from qmc.grids import Grid

_TOLERANCE = 0.01
_SEED = 7
_SIZES = (3, 6, 9, 12)


def run(_seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row a published case; then circuits and windows, against cells of a law.

    The last column is of the printed "exact" number, or of a circuit's or grid's own number.
    """
    known = {row["case"] for row in done}
    for name, case in published().items():
        if name not in known:
            yield {"case": name} | _solved(case)
    for name in ("call", "put", "bull spread"):
        row = _circuits(name, published()[name].problem)
        if row["case"] not in known:
            yield row
    for qubits in _SIZES[:1] if small else _SIZES:
        if f"call, window, {qubits} qubits" not in known:
            yield from _windows(qubits)


def _solved(case: Published) -> dict[str, Any]:
    engine = Quantum(grid=case.grid, estimator=Certified(), backend=Aer())
    result = engine.solve(case.problem, Goal(relative_tolerance=_TOLERANCE), rng=_SEED)
    truth = case.truth()
    return {
        "printed exact": case.exact,
        "printed estimate": f"{case.estimate:.4f} [{case.low:.4f}, {case.high:.4f}]",
        "truth": truth.value,
        "source": truth.source,
        "printed covers": case.low <= truth.value <= case.high,
        "ours": f"{result.value:.4f} [{result.interval.low:.4f}, {result.interval.high:.4f}]",
        "covers": result.interval.contains(truth.value),
        "queries": result.cost.queries,
        "residual paths": result.cost.residual_paths,
        "error": case.exact / truth.value - 1.0,
    }


def _circuits(name: str, problem: Problem) -> dict[str, Any]:
    """What the tutorial's rotation with c = .25 reads of its own window, with endless shots."""
    table = UniformGrid(qubits=3).discretise(problem)
    encoded = LinearRotation(scaling=math.pi / 8.0).encode(table)
    read = encoded.value(flag_probability(encoded))
    return _row(f"{name}, its circuit on its window", read, table.mean(), "the window's sum")


def _windows(qubits: int) -> Iterator[dict[str, Any]]:
    """What a grid's own sum misses the price by, without any sampling."""
    problem = published()["call"].problem
    truth = Analytic().solve(problem, Goal(tolerance=1.0)).value
    grids: dict[str, Grid] = {
        "window": UniformGrid(qubits=qubits),
        "law": LawGrid(qubits=qubits),
    }
    for name, grid in grids.items():
        mean = grid.discretise(problem).mean()
        yield _row(f"call, {name}, {qubits} qubits", mean, truth, "closed form")


def _row(case: str, value: float, truth: float, source: str) -> dict[str, Any]:
    """A row of the same columns for a number without shots."""
    return {
        "case": case,
        "printed exact": value,
        "printed estimate": "",
        "truth": truth,
        "source": source,
        "printed covers": "",
        "ours": "",
        "covers": "",
        "queries": 0,
        "residual paths": 0,
        "error": value / truth - 1.0,
    }
