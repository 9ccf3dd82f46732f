"""Slopes of error against queries, quantum and classical, for a price, VaR and ES."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.cases import prices, risks
from classical_baseline import Analytic, MonteCarlo
from qmc import LawGrid, Problem, Quantum, convergence
from qmc.backends import Ideal
from qmc.estimators import Iterative
from qmc.result import Engine

_SMALL_SEEDS = 8


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row a problem, engine and budget; the slope stands in every row of its engine."""
    del done
    seeds = _SMALL_SEEDS if small else min(seeds, 200)
    budgets = [2_000, 8_000] if small else [1_000, 4_000, 16_000, 64_000, 256_000]
    cases: dict[str, tuple[Problem, int]] = {"call": (prices()["call"], 5)}
    cases |= {name: (risks()[name], 10) for name in ("VaR 99 %, normal", "ES 97.5 %, normal")}
    for name, (problem, qubits) in cases.items():
        engines: list[Engine] = [
            MonteCarlo(),
            Quantum(grid=LawGrid(qubits=qubits), estimator=Iterative(), backend=Ideal()),
        ]
        table = convergence(problem, engines, budgets, seeds, reference=Analytic())
        for row in table.summary().to_dict("records"):
            slope = table.slope(table.problems[0], row["engine"])
            yield {"case": name} | {
                "engine": row["engine"],
                "budget": row["budget"],
                "runs": row["runs"],
                "error 95 %": row["error_95"],
                "rmse": row["rmse"],
                "half-width": row["half_width"],
                "coverage": row["coverage"],
                "slope": slope.value,
                "slope low": slope.interval.low,
                "slope high": slope.interval.high,
            }
