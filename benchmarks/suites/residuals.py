"""How often the residual's own intervals contain the truth, by paths and by what carries them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from benchmarks import store
from benchmarks.payoff_cases import cases
from benchmarks.suites.payoffs import Study, run_rng
from benchmarks.truths import true_price
from qmc.grids.residual import student
from qmc.grids.residual_paths import pooled

_CASES = ("digital", "call", "barrier up-and-out continuous", "autocallable, 2 assets")
_POINTS = (2, 8, 32, 128, 512)
_TRUTH_SHARE = 2e-4
_SMALL_SEEDS = 20


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row a case and number of paths of 16 replicates: coverage without any circuit.

    "asked" is the median of the paths from which on `Residual` relies upon the spread, 50 a squared
    skewness or kurtosis; "relied upon" the share of runs that had as many.
    """
    seeds = min(seeds, _SMALL_SEEDS) if small else seeds
    store.require_size(done, seeds)
    known = {row["case"] for row in done}
    for name in _CASES[:1] if small else _CASES:
        if name not in known:
            yield from _rows(name, seeds)


def _rows(name: str, seeds: int) -> Iterator[dict[str, Any]]:
    study = Study.of(name, cases()[name])
    problem, table = study.case.problem, study.table
    truth = true_price(problem, _TRUTH_SHARE * abs(table.mean()))
    hits, asked = np.zeros(len(_POINTS), dtype=int), np.zeros((seeds, len(_POINTS)))
    for seed in range(seeds):
        streams = study.residual.streams(problem, table, run_rng(name, seed))
        for place, points in enumerate(_POINTS):
            found = [one.after(points) for one in streams]
            means = np.array([one.mean for one in found])
            width = student(means.size, 0.05) * means.std(ddof=1) / np.sqrt(means.size)
            hits[place] += abs(table.mean() + means.mean() - truth.value) <= width
            asked[seed, place] = pooled(found).asked
    for points, hit, many in zip(_POINTS, hits.tolist(), asked.T, strict=True):
        wilson = stats.binomtest(hit, seeds).proportion_ci(method="wilson")
        yield {
            "case": name,
            "paths": points * study.residual.replicates,
            "runs": seeds,
            "coverage": hit / seeds,
            "wilson low": wilson.low,
            "wilson high": wilson.high,
            "asked": float(np.median(many)),
            "relied upon": float(np.mean(many <= points * study.residual.replicates)),
            "source": truth.source,
        }
