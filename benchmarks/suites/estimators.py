"""Every estimator of an amplitude on the same amplitudes: cost, error, coverage, depth, seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from qmc import Goal
from qmc.estimators import (
    Adaptive,
    Bayesian,
    Canonical,
    Certified,
    Chebyshev,
    Estimator,
    Faster,
    Iterative,
    LowDepth,
    MaximumLikelihood,
    ModifiedIterative,
    RealAmplitude,
    run_estimator,
)
from qmc.problem import Array
from qmc.rounds import Reply, Request, Round
from qmc.testing import BinomialOracle

# tuned on seeds below 10,000; judged from here on
FIRST_SEED = 10_000
CONFIDENCE = 0.95
EPSILONS = (1e-2, 1e-3, 1e-4, 1e-5)
DECAYS = (1e-4, 1e-3, 5e-3)
_NAMED = (0.0, 1.0, 0.5, 0.25, 0.75, math.sin(math.pi / 8) ** 2, 0.505, 0.49, 0.001, 0.999, 0.0259)
_SMALL_AMPLITUDES, _SMALL_RUNS = 8, 3
# NA x eps of the best window with a fixed number of queries, uniform amplitudes (FIGURES 2)
WINDOW_BOUND = 2.013
_WINDOW = {"estimator": "window bound, fixed queries", "epsilon": 0.0, "decay": 0.0}


def estimators() -> dict[str, Estimator]:
    """The estimators of the arena, by name."""
    return {
        "Adaptive": Adaptive(),
        "Bayesian, 1 shot": Bayesian(shots=1),
        "Bayesian": Bayesian(),
        "Canonical": Canonical(),
        "Certified": Certified(),
        "Chebyshev": Chebyshev(),
        "Faster": Faster(),
        "Iterative": Iterative(),
        "Iterative, Chernoff": Iterative(interval="chernoff"),
        "LowDepth": LowDepth(),
        "MaximumLikelihood": MaximumLikelihood(),
        "ModifiedIterative": ModifiedIterative(),
        "RealAmplitude": RealAmplitude(),
    }


def amplitudes(count: int = 60) -> Array:
    """The named ones, then uniform random ones of a fixed seed, `count` in all."""
    drawn = np.random.default_rng(20_260_103).uniform(size=max(0, count - len(_NAMED)))
    return np.concatenate([np.array(_NAMED), drawn])[:count]


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row an estimator, half-width and decay; rows that are `done` are not made again.

    Each amplitude gets `seeds` / 50 runs, at least one.
    """
    known = {(row["estimator"], row["epsilon"], row["decay"]) for row in done}
    chosen = amplitudes(_SMALL_AMPLITUDES if small else 60)
    runs = _SMALL_RUNS if small else max(1, seeds // 50)
    cells = [(epsilon, 0.0) for epsilon in (EPSILONS[:1] if small else EPSILONS)]
    cells += [(1e-3, decay) for decay in (() if small else DECAYS)]
    if not known:
        blank = dict.fromkeys(COLUMNS, math.nan)
        yield _WINDOW | blank | {"NA x eps": WINDOW_BOUND}
    for epsilon, decay in cells:
        for name, estimator in estimators().items():
            if (name, epsilon, decay) not in known:
                head = {"estimator": name, "epsilon": epsilon, "decay": decay}
                yield head | cell(estimator, epsilon, decay, chosen, runs)


COLUMNS = (
    "runs", "NA x eps", "NQ x eps", "error 95 % x NA", "rmse x NA", "coverage", "wilson low",
    "wilson high", "worst coverage", "converged", "max power", "rounds", "shots", "ms a run",
)  # fmt: skip


@dataclass(slots=True)
class CountingOracle:
    """Binomial numbers, and what was asked of them."""

    inner: BinomialOracle
    powers: int = 0
    rounds: int = 0
    shots: int = 0
    max_power: int = 0

    @property
    def decay(self) -> float:
        """Visibility lost per power."""
        return self.inner.decay

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, one a round."""
        self._count(rounds)
        return self.inner.run(rounds)

    def phases(self, bits: int, shots: int) -> Reply:
        """Phase outcomes, one a shot; counted as power 2^bits - 1."""
        self.powers += shots * (2**bits - 1)
        self.rounds, self.shots = self.rounds + 1, self.shots + shots
        self.max_power = max(self.max_power, 2**bits - 1)
        return self.inner.phases(bits, shots)

    def _count(self, rounds: Sequence[Request]) -> None:
        for one in rounds:
            self.powers += one.power * one.shots
            self.rounds += 1
            self.shots += one.shots
            self.max_power = max(self.max_power, one.power)


def cell(
    estimator: Estimator, epsilon: float, decay: float, truths: Array, runs: int
) -> dict[str, Any]:
    """Figures of one estimator at one half-width, over all amplitudes and runs."""
    goal = Goal(tolerance=epsilon, confidence=CONFIDENCE)
    rows, begin = [], time.perf_counter()
    for index, truth in enumerate(truths):
        for repeat in range(runs):
            first, second = np.random.default_rng([FIRST_SEED + repeat, index]).spawn(2)
            oracle = CountingOracle(BinomialOracle(float(truth), rng=first, decay=decay))
            found = run_estimator(estimator, oracle, goal, rng=second)
            held = found.interval.low - 1e-12 <= truth <= found.interval.high + 1e-12
            rows.append(
                (oracle.inner.queries, oracle.powers, abs(found.value - truth), held,
                 found.status == "converged", oracle.max_power, oracle.rounds, oracle.shots)
            )  # fmt: skip
    seconds = time.perf_counter() - begin
    na, nq, error, covered, converged, power, rounds, shots = np.array(rows, dtype=float).T
    wilson = stats.binomtest(int(covered.sum()), len(rows)).proportion_ci(method="wilson")
    values = (
        len(rows),
        na.mean() * epsilon,
        nq.mean() * epsilon,
        np.percentile(error, 95.0) * na.mean(),
        math.sqrt(np.mean(np.square(error))) * na.mean(),
        covered.mean(),
        wilson.low,
        wilson.high,
        covered.reshape(truths.size, runs).mean(axis=1).min(),
        converged.mean(),
        power.max(),
        rounds.mean(),
        shots.mean(),
        1e3 * seconds / len(rows),
    )
    return dict(zip(COLUMNS, (float(value) for value in values), strict=True))
