"""Published quantum prices beside the contract's true price and ours, with real circuits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.published_cases import Published, published
from classical_baseline import Analytic
from qmc import Call, Goal, LawGrid, Price, Problem, Quantum, UniformGrid
from qmc.backends import Aer
from qmc.estimators import Certified
from qmc.grids import Grid
from qmc.models import BlackScholes

_TOLERANCE = 0.01
_SEED = 7
_SIZES = (3, 6, 9, 12)


def run(_seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row a published case; then the window mean +- 3 deviations against cells of a law."""
    known = {row["case"] for row in done}
    for name, case in published().items():
        if name not in known:
            yield {"case": name} | _solved(case)
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
        "error of the printed exact": case.exact / truth.value - 1.0,
    }


def _windows(qubits: int) -> Iterator[dict[str, Any]]:
    """What a grid's own sum misses the price by, without any sampling."""
    market = BlackScholes(spot=2.0, vol=0.4, rate=0.0, dividend_yield=-0.05)
    problem = Problem(market, Call(strike=1.896, expiry=40.0 / 365.0), Price())
    truth = Analytic().solve(problem, Goal(tolerance=1.0)).value
    grids: dict[str, Grid] = {
        "window": UniformGrid(qubits=qubits),
        "law": LawGrid(qubits=qubits),
    }
    for name, grid in grids.items():
        mean = grid.discretise(problem).mean()
        yield {
            "case": f"call, {name}, {qubits} qubits",
            "printed exact": mean,
            "printed estimate": "",
            "truth": truth,
            "source": "closed form",
            "printed covers": "",
            "ours": "",
            "covers": "",
            "queries": 0,
            "residual paths": 0,
            "error of the printed exact": mean / truth - 1.0,
        }
