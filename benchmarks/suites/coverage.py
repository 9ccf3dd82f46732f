"""How often 95 % intervals contain the continuous truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.cases import prices, risks
from classical_baseline import Analytic, MonteCarlo
from qmc import Goal, LawGrid, Quantum
from qmc.backends import Ideal
from qmc.estimators import Iterative
from qmc.result import Result

_CONFIDENCE = 0.95
_FALSE_ALARM = 1e-3
_SMALL_SEEDS = 60


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row an engine and case: coverage with its Wilson interval, and the DESIGN 7 rule.

    The quantum engine promises its confidence and is held to it; the classical one promises it for
    many paths only, so its rows are reported.
    """
    del done
    seeds = min(seeds, _SMALL_SEEDS) if small else seeds
    cases = [(name, one, 5, 0.01) for name, one in prices().items()]
    cases += [(name, one, 7, 0.1) for name, one in risks().items()]
    for name, problem, qubits, tolerance in cases:
        quantum = Quantum(grid=LawGrid(qubits=qubits), estimator=Iterative(), backend=Ideal())
        goal = Goal(relative_tolerance=tolerance, confidence=_CONFIDENCE)
        truth = Analytic().solve(problem, Goal(tolerance=1.0)).value
        for engine in (quantum, MonteCarlo()):
            label = f"{name} on {qubits} qubits" if engine is quantum else name
            row = _row([engine.solve(problem, goal, rng=seed) for seed in range(seeds)], truth)
            gate = row.pop("tail probability") >= _FALSE_ALARM / len(cases)
            verdict = ("passes" if gate else "FAILS") if engine is quantum else "reported"
            yield {"case": label, "engine": type(engine).__name__} | row | {"rule": verdict}


def _row(results: Sequence[Result], truth: float) -> dict[str, Any]:
    hits = sum(result.interval.contains(truth) for result in results)
    wilson = stats.binomtest(hits, len(results)).proportion_ci(method="wilson")
    return {
        "runs": len(results),
        "hits": hits,
        "coverage": hits / len(results),
        "wilson low": wilson.low,
        "wilson high": wilson.high,
        "median half-width": float(np.median([r.interval.half_width for r in results])),
        "median queries": float(np.median([r.cost.queries for r in results])),
        "tail probability": float(stats.binom.cdf(hits, len(results), _CONFIDENCE)),
    }
