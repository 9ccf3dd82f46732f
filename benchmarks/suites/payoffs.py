"""How often 95 % intervals contain the true price of every contract, under models of every kind."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from benchmarks import store
from benchmarks.payoff_cases import Case, cases, small_cases
from benchmarks.truths import Truth, monte_carlo, true_price
from qmc import Goal
from qmc.average import Kept, average
from qmc.backends import Ideal
from qmc.circuits import MultiplexedRotation
from qmc.estimators import Adaptive, Certified, Estimator, Iterative
from qmc.grids import CellTable, Residual
from qmc.grids.residual import student
from qmc.grids.residual_paths import ResidualPaths
from qmc.problem import Array
from qmc.run import Answer, Run
from qmc.split import needs_residual

_CONFIDENCE = 0.95
_FALSE_ALARM = 1e-3
_SMALL_SEEDS = 60
# the truth's own half-width is at most this share of the interval's
_TRUTH_SHARE = 0.05
_CLASSICAL_RUNS = 5
_CLASSICAL_SEED = 1_000_000
# points a replicate at which the residual's own interval is looked at: the fewest, and the pilot's
_POINTS = (2, 128)
ESTIMATORS: dict[str, Estimator] = {
    "Iterative": Iterative(),
    "Adaptive": Adaptive(),
    "Certified": Certified(),
}


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row a case and estimator: coverage of the true price by the DESIGN 7 rule, and its cost.

    A case's cells, pilot and residual points are made once for all three estimators; the numbers
    are those of `Quantum.solve` with `run_rng(case, seed)`, bit for bit.
    """
    seeds = min(seeds, _SMALL_SEEDS) if small else seeds
    store.require_size(done, seeds)
    known = {(row["case"], row["estimator"]) for row in done}
    every = small_cases() if small else cases()
    for name, case in every.items():
        missing = {k: e for k, e in ESTIMATORS.items() if (name, k) not in known}
        if missing:
            yield from _rows(name, case, missing, seeds, len(every) * len(ESTIMATORS))


def run_rng(name: str, seed: int) -> np.random.Generator:
    """The generator of one run of a case."""
    return np.random.default_rng([zlib.crc32(name.encode()), seed])


@dataclass(slots=True)
class Study:
    """One case with what its runs share."""

    name: str
    case: Case
    table: CellTable
    residual: Residual = field(default_factory=Residual)
    pilot: float = 0.0
    _seed: int = -1
    _streams: Sequence[ResidualPaths] = ()

    @classmethod
    def of(cls, name: str, case: Case) -> Study:
        """Discretise, and run the residual's pilot."""
        study = cls(name, case, case.grid.discretise(case.problem))
        if needs_residual(study.table):
            study.pilot = study.residual.pilot(case.problem, study.table)
        return study

    def solve(self, estimator: Estimator, seed: int) -> tuple[Answer, Run]:
        """One run, on the residual points of its seed."""
        run = Run(
            problem=self.case.problem,
            goal=Goal(relative_tolerance=self.case.tolerance, confidence=_CONFIDENCE),
            table=self.table,
            encoding=MultiplexedRotation(),
            estimator=estimator,
            backend=Ideal(),
            rng=run_rng(self.name, seed),
        )

        def streams(rng: np.random.Generator) -> Sequence[ResidualPaths]:
            if self._seed != seed:
                self._seed = seed
                self._streams = self.residual.streams(self.case.problem, self.table, rng)
            return self._streams

        return average(run, self.residual, Kept(self.pilot, streams)), run

    def residual_alone(self) -> list[tuple[float, float]]:
        """The residual's own 95 % intervals of the last seed, about the cells' exact sum."""
        found = []
        for points in _POINTS if self._streams else ():
            means = np.array([one.after(points).mean for one in self._streams])
            error_bar = float(means.std(ddof=1)) / math.sqrt(means.size)
            width = student(means.size, 1.0 - _CONFIDENCE) * error_bar
            middle = self.table.mean() + float(means.mean())
            found.append((middle - width, middle + width))
        return found

    def paths_alone(self, half_width: float) -> float:
        """Sobol paths with which the cells' own sum and the residual reach a half-width."""
        if not needs_residual(self.table):
            return 0.0
        error = 1.0 - _CONFIDENCE
        first = int(self.residual.expected_paths(self.pilot, half_width, error))
        taken = [
            self.residual.correct(
                self.case.problem,
                self.table,
                lambda _, width: width <= half_width,
                error=error,
                first_paths=first,
                rng=run_rng(self.name, _CLASSICAL_SEED + seed),
            ).paths
            for seed in range(_CLASSICAL_RUNS)
        ]
        return float(np.median(taken))


@dataclass(slots=True)
class Tally:
    """What the runs of one estimator gave."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    queries: list[float] = field(default_factory=list)
    paths: list[float] = field(default_factory=list)
    converged: int = 0
    seconds: float = 0.0

    def add(self, answer: Answer, run: Run, seconds: float) -> None:
        """Count one run."""
        self.low.append(answer.interval.low)
        self.high.append(answer.interval.high)
        self.queries.append(run.meter.queries)
        self.paths.append(run.residual_paths)
        self.converged += answer.status == "converged"
        self.seconds += seconds

    @property
    def half_width(self) -> float:
        """Mean half-width."""
        return 0.5 * float(np.mean(np.subtract(self.high, self.low)))


def _rows(
    name: str, case: Case, estimators: dict[str, Estimator], seeds: int, tests: int
) -> Iterator[dict[str, Any]]:
    study = Study.of(name, case)
    tallies = {each: Tally() for each in estimators}
    alone = []
    for seed in range(seeds):
        for each, estimator in estimators.items():
            begin = time.perf_counter()
            answer, run = study.solve(estimator, seed)
            tallies[each].add(answer, run, time.perf_counter() - begin)
        alone.append(study.residual_alone())
    least = min(one.half_width for one in tallies.values())
    truth = true_price(case.problem, _TRUTH_SHARE * least)
    other = monte_carlo(case.problem, run_rng(name, _CLASSICAL_SEED))
    residual = _alone(np.asarray(alone), truth.value)
    for each, tally in tallies.items():
        width = tally.half_width
        yield {
            "case": name,
            "estimator": each,
            **_coverage(tally, truth, tests),
            **residual,
            **_costs(tally),
            "Sobol paths alone": study.paths_alone(width),
            "plain paths": (stats.norm.isf(0.025) * other.deviation / width) ** 2,
            **_truth(truth, width),
            "z of Monte Carlo": (other.mean - truth.value) / math.hypot(other.error, truth.error),
        }


def _coverage(tally: Tally, truth: Truth, tests: int) -> dict[str, Any]:
    low, high = np.asarray(tally.low), np.asarray(tally.high)
    hits = int(np.sum((low <= truth.value) & (truth.value <= high)))
    wilson = stats.binomtest(hits, low.size).proportion_ci(method="wilson")
    chance = float(stats.binom.cdf(hits, low.size, _CONFIDENCE))
    return {
        "runs": int(low.size),
        "coverage": hits / low.size,
        "wilson low": wilson.low,
        "wilson high": wilson.high,
        "rule": "passes" if chance >= _FALSE_ALARM / tests else "FAILS",
        "above": int(np.sum(low > truth.value)),
        "below": int(np.sum(high < truth.value)),
        "converged": tally.converged / low.size,
    }


def _alone(intervals: Array, truth: float) -> dict[str, Any]:
    """Coverage of the residual's own intervals (seeds, points, 2), without any circuit."""
    names = [f"residual alone, {16 * points} paths" for points in _POINTS]
    if intervals.size == 0:
        return dict.fromkeys(names, "")
    hits = (intervals[..., 0] <= truth) & (truth <= intervals[..., 1])
    return dict(zip(names, hits.mean(axis=0).tolist(), strict=True))


def _costs(tally: Tally) -> dict[str, Any]:
    runs = len(tally.low)
    return {
        "half-width": tally.half_width,
        "queries": float(np.mean(tally.queries)),
        "residual paths": float(np.mean(tally.paths)),
        "seconds a run": tally.seconds / runs,
    }


def _truth(truth: Truth, half_width: float) -> dict[str, Any]:
    enough = truth.error <= _TRUTH_SHARE * half_width
    return {
        "truth": truth.value,
        "its error": truth.error,
        "source": truth.source if enough else f"{truth.source}, NOT REACHED",
    }
