"""Value at risk by a quantile search: coverage and cost on nine laws, beside its opponents."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from benchmarks import store
from benchmarks.quantile_laws import TUNED_ON, LossLaw, laws
from qmc import Goal
from qmc.estimators import Adaptive, run_lockstep
from qmc.problem import Array
from qmc.quantile import Bisection, QuantileSearch, QuantileTask, ThresholdSearch, run_search
from qmc.testing import TailOracle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONFIDENCE = 0.95
TOLERANCE = 0.01
LEVELS = (0.99, 0.999)
CURVE = (0.08, 0.04, 0.02, 0.01, 0.005)  # relative tolerances of the picture
# tuned on seeds below 10,000; judged from here on
FIRST_SEED = 10_000
_RATE = 1e-3  # false alarms of the suite's coverage rule
_SMALL_RUNS, _OTHERS, _CURVE_RUNS = 20, 100, 40
_ROUNDING = 1.0 + 1e-12
_POINT = ": "  # in the case of a row of the picture
_COLUMNS = (
    "tuned on", "runs", "coverage", "rule", "mean", "median", "p5", "p95", "resolved",
    "worst error", "Adaptive, known threshold", "ratio", "classical sample", "classical / ours",
    "plain, same bracket", "ours / plain", "early stop", "its coverage", "textbook", "ms a run",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What many runs of one search ended with, (runs,) each."""

    queries: Array
    covered: Array
    resolved: Array
    error: Array
    low: Array
    high: Array
    seconds: float


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row a level and law, then rows of the picture; rows that are `done` are not made again."""
    runs = min(seeds, _SMALL_RUNS) if small else seeds
    known = {(row["case"], row["level"], row["tolerance"]) for row in done}
    store.require_size([row for row in done if row["case"] in _names()], runs)
    for level in LEVELS[:1] if small else LEVELS:
        for law in laws(level):
            if (law.name, level, TOLERANCE) not in known:
                yield _row(law, level, runs)
    for tolerance in CURVE[:2] if small else CURVE:
        for row in curve(laws(LEVELS[0])[1], LEVELS[0], tolerance, min(runs, _CURVE_RUNS)):
            if (row["case"], row["level"], tolerance) not in known:
                yield row


def _names() -> set[str]:
    return {law.name for law in laws(LEVELS[0])}


def searched(
    search: ThresholdSearch, law: LossLaw, level: float, tolerance: float, runs: int
) -> Found:
    """Runs of a search on a law, each with its own seed."""
    goal = Goal(relative_tolerance=tolerance, confidence=CONFIDENCE)
    task = QuantileTask(law.edges, level, goal, readout=True)
    truth, tau, rows = law.quantile(level), 1.0 - level, []
    begin = time.process_time()
    for seed in range(runs):
        oracle = TailOracle(law.tails, rng=[FIRST_SEED + seed, 0])
        found = run_search(search, oracle, task, rng=[FIRST_SEED + seed, 1])
        covered = law.tails[found.low] > tau * _ROUNDING
        covered &= law.tails[found.high] <= tau * _ROUNDING
        error = abs(found.value - truth) / abs(truth)
        resolved = found.status == "converged"
        rows.append((oracle.queries, covered, resolved, error, found.low, found.high))
    seconds = (time.process_time() - begin) / runs
    queries, covered, resolved, error, low, high = np.array(rows, dtype=np.float64).T
    return Found(queries, covered, resolved, error, low, high, seconds)


def _row(law: LossLaw, level: float, runs: int) -> dict[str, Any]:
    """Ours in full; the others' mean queries, and ours over theirs."""
    ours = searched(QuantileSearch(), law, level, TOLERANCE, runs)
    few = min(runs, _OTHERS)
    early = searched(Bisection(), law, level, TOLERANCE, few)
    textbook = searched(Bisection(early_stop=False), law, level, TOLERANCE, min(few, 20))
    mean, hits = float(ours.queries.mean()), int(ours.covered.sum())
    known = known_threshold(law, level, TOLERANCE, few)
    sample = classical_sample(law, level, TOLERANCE)
    plain = plain_sampling(law, level, ours)
    rule = stats.binom.cdf(hits, runs, CONFIDENCE) >= _RATE / (len(LEVELS) * len(_names()))
    return {
        "case": law.name,
        "level": level,
        "tolerance": TOLERANCE,
        "tuned on": "yes" if law.name in TUNED_ON and level == LEVELS[0] else "no",
        "runs": runs,
        "coverage": hits / runs,
        "rule": "passes" if rule else "FAILS",
        "mean": mean,
        **_spread(ours.queries),
        "resolved": float(ours.resolved.mean()),
        "worst error": float(ours.error.max()),
        "Adaptive, known threshold": known,
        "ratio": mean / known,
        "classical sample": sample,
        "classical / ours": sample / mean,
        "plain, same bracket": plain,
        "ours / plain": mean / plain,
        "early stop": float(early.queries.mean()),
        "its coverage": float(early.covered.mean()),
        "textbook": float(textbook.queries.mean()),
        "ms a run": 1e3 * ours.seconds,
    }


def _spread(queries: Array) -> dict[str, float]:
    """Median, 5 and 95 % points."""
    low, middle, high = np.percentile(queries, [5.0, 50.0, 95.0])
    return {"median": float(middle), "p5": float(low), "p95": float(high)}


def tail_change(law: LossLaw, level: float, tolerance: float) -> float:
    """What the tail changes over the wanted half-width, at the quantile; NaN with atoms."""
    if law.density is None:
        return math.nan
    quantile = law.quantile(level)
    return law.density(quantile) * tolerance * abs(quantile)


def known_threshold(law: LossLaw, level: float, tolerance: float, runs: int) -> float:
    """Mean queries of one `Adaptive` that estimates the tail beyond the true quantile as finely."""
    change = tail_change(law, level, tolerance)
    if not math.isfinite(change):
        return math.nan
    goal = Goal(tolerance=change, confidence=CONFIDENCE)
    seeds = [[FIRST_SEED + seed, 2] for seed in range(runs)]
    found = run_lockstep(Adaptive(), np.full(runs, 1.0 - level), goal, seeds=seeds)
    return float(found.queries.mean())


def classical_sample(law: LossLaw, level: float, tolerance: float) -> float:
    """Samples whose order statistics give such an interval: (z / change)^2 tau (1 - tau)."""
    change = tail_change(law, level, tolerance)
    score = float(stats.norm.ppf(0.5 + 0.5 * CONFIDENCE))
    return (score / change) ** 2 * level * (1.0 - level)


def plain_sampling(law: LossLaw, level: float, ours: Found) -> float:
    """Samples whose order statistics prove the brackets that ours ended with, in the mean.

    The smallest n for which the expected counts beyond both ends are significant, binomially, at
    half of the error each; by normal quantiles.
    """
    tau, score = 1.0 - level, float(stats.norm.ppf(0.5 + 0.5 * CONFIDENCE))
    needed = []
    for low, high in zip(ours.low.astype(int), ours.high.astype(int), strict=True):
        gaps = [law.tails[low] - tau] if low > 0 else []
        gaps += [tau - law.tails[high]] if high < law.tails.size - 1 else []
        needed += [(score / gap) ** 2 * tau * level for gap in [min(gaps)] if gap > 0.0]
    return float(np.mean(needed)) if needed else math.nan


def curve(law: LossLaw, level: float, tolerance: float, runs: int) -> Iterator[dict[str, Any]]:
    """Queries at one tolerance: a row each for ours and its opponents."""
    searches: dict[str, ThresholdSearch] = {
        "quantile search": QuantileSearch(),
        "bisection, early stop": Bisection(),
        "textbook bisection": Bisection(early_stop=False),
    }
    spread = {
        name: searched(search, law, level, tolerance, runs).queries
        for name, search in searches.items()
    }
    change = tail_change(law, level, tolerance)
    goal, seeds = Goal(tolerance=change, confidence=CONFIDENCE), range(runs)
    known = run_lockstep(Adaptive(), np.full(runs, 1.0 - level), goal, seeds=list(seeds)).queries
    spread["Adaptive, known threshold"] = known.astype(np.float64)
    spread["classical order statistics"] = np.full(runs, classical_sample(law, level, tolerance))
    for name, queries in spread.items():
        row = {"case": f"{law.name}{_POINT}{name}", "level": level, "tolerance": tolerance}
        row |= dict.fromkeys(_COLUMNS, math.nan) | {"runs": runs, "tuned on": "", "rule": ""}
        yield row | {"mean": float(queries.mean())} | _spread(queries)


def points(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the picture."""
    return [row for row in rows if _POINT in row["case"]]


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The table of the picture's points."""
    names = ("case", "level", "tolerance", "runs", "mean", "median", "p5", "p95")
    return {"curve": [{name: row[name] for name in names} for row in points(rows)]}


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
    """Queries against the tolerance, all methods, spread over seeds."""
    from qmc.plots.quantiles import plot_quantile_queries

    axes = plot_quantile_queries(points(rows))
    figure: Figure = axes.figure  # type: ignore[assignment]
    return figure
