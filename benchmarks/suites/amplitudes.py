"""Coverage and cost of our estimators at each named amplitude, many runs each, and the rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from benchmarks import store
from benchmarks.suites.estimators import CONFIDENCE, FIRST_SEED, NAMED, Cell, judged
from qmc.estimators import Adaptive, Certified, Estimator, Iterative

# a share of the suite's false-alarm rate of 1e-3 for each of its rows, see `qmc.testing`
_RATE = 1e-3
_SUITE = 2  # first word of its seeds, so that no run is one of the arena's
# twice the tolerance .01 from an end is the worst place of `Adaptive`
_AMPLITUDES = NAMED | {".021": 0.021, ".979": 0.979}
_CELLS = (Cell(1e-2), Cell(1e-3), Cell(1e-3, decay=5e-3))
_SMALL = ("1/2", ".0259")
_UNIFORM = "uniform"


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row an estimator, cell and amplitude (one of uniform random ones), `seeds` runs each."""
    known = {(row["estimator"], row["epsilon"], row["decay"], row["amplitude"]) for row in done}
    store.require_size(done, seeds)
    names = _SMALL if small else (*_AMPLITUDES, _UNIFORM)
    cells = _CELLS[:1] if small else _CELLS
    ours: dict[str, Estimator] = {
        "Adaptive": Adaptive(),
        "Certified": Certified(),
        "Iterative": Iterative(),
    }
    rows = len(ours) * len(cells) * len(names)
    for cell in cells:
        for estimator, made in ours.items():
            for place, name in enumerate(names):
                head = {"estimator": estimator, "epsilon": cell.epsilon, "decay": cell.decay}
                if (*head.values(), name) not in known:
                    given = {"amplitude": name, "runs": seeds}
                    yield head | given | _figures(made, cell, name, place, seeds, rows)


def _figures(
    estimator: Estimator, cell: Cell, name: str, place: int, runs: int, rows: int
) -> dict[str, Any]:
    """Cost, coverage with Wilson bars and the rule at one amplitude."""
    uniform = np.random.default_rng([_SUITE, FIRST_SEED]).uniform(size=runs)
    truths = uniform if name == _UNIFORM else np.full(runs, _AMPLITUDES[name])
    seeds = [[_SUITE, FIRST_SEED + run, place] for run in range(runs)]
    found, held, seconds = judged(estimator, cell, truths, seeds)
    hits = int(held.sum())
    wilson = stats.binomtest(hits, runs).proportion_ci(method="wilson")
    chance = float(stats.binom.cdf(hits, runs, CONFIDENCE))
    return {
        "NA x eps": float(found.queries.mean()) * cell.epsilon,
        "coverage": hits / runs,
        "wilson low": float(wilson.low),
        "wilson high": float(wilson.high),
        "rule": "passes" if chance >= _RATE / rows else "fails",
        "converged": float(found.converged.mean()),
        "rounds": float(found.rounds.mean()),
        "max power": int(found.max_power.max()),
        "ms a run, lockstep": 1e3 * seconds / runs,
    }
