"""How often 95 % intervals contain the continuous truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.cases import prices, risks
from classical_baseline import Analytic
from qmc import Goal, LawGrid, Problem, Quantum
from qmc.backends import Ideal
from qmc.estimators import Iterative

_CONFIDENCE = 0.95
_FALSE_ALARM = 1e-3
_SMALL_SEEDS = 60


def run(seeds: int, small: bool) -> Iterator[dict[str, Any]]:
    """A row a case: coverage with its Wilson interval, and whether it passes the DESIGN 7 rule."""
    seeds = min(seeds, _SMALL_SEEDS) if small else seeds
    cases = [(name, one, 5, 0.01) for name, one in prices().items()]
    cases += [(name, one, 7, 0.1) for name, one in risks().items()]
    for name, problem, qubits, tolerance in cases:
        yield {"case": name} | _row(problem, qubits, tolerance, seeds, len(cases))


def _row(problem: Problem, qubits: int, tolerance: float, seeds: int, cases: int) -> dict[str, Any]:
    truth = Analytic().solve(problem, Goal(tolerance=1.0)).value
    engine = Quantum(grid=LawGrid(qubits=qubits), estimator=Iterative(), backend=Ideal())
    goal = Goal(relative_tolerance=tolerance, confidence=_CONFIDENCE)
    results = [engine.solve(problem, goal, rng=seed) for seed in range(seeds)]
    hits = sum(result.interval.contains(truth) for result in results)
    wilson = stats.binomtest(hits, seeds).proportion_ci(method="wilson")
    return {
        "qubits": qubits,
        "runs": seeds,
        "hits": hits,
        "coverage": hits / seeds,
        "wilson low": wilson.low,
        "wilson high": wilson.high,
        "median half-width": float(np.median([r.interval.half_width for r in results])),
        "median queries": float(np.median([r.cost.queries for r in results])),
        "passes": bool(stats.binom.cdf(hits, seeds, _CONFIDENCE) >= _FALSE_ALARM / cases),
    }
