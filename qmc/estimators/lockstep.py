"""Many runs of `Adaptive` at once: the same numbers as one by one, in a fraction of the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmc import checks
from qmc.estimators.adaptive import FLOOR, SMALLEST, Adaptive, reached, read
from qmc.estimators.candidates import DRAWS, propose
from qmc.estimators.posterior import Cells, Shots, first_cells, update
from qmc.problem import Array, Goal
from qmc.rounds import hit_probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What many runs ended with, (runs,) each.

    Attributes:
        value, low, high: of the amplitude.
        queries: 2k+1 a shot; powers: k a shot, the literature's count.
        rounds, shots, max_power: of each run.
        converged: whether the tolerance was met.
    """

    value: Array
    low: Array
    high: Array
    queries: NDArray[np.int64]
    powers: NDArray[np.int64]
    rounds: NDArray[np.int64]
    shots: NDArray[np.int64]
    max_power: NDArray[np.int64]
    converged: NDArray[np.bool_]


def run_lockstep(
    estimator: Adaptive,
    amplitudes: ArrayLike,
    goal: Goal,
    *,
    seeds: Sequence[int],
    decay: float = 0.0,
) -> Runs:
    """Run the estimator on simulated shots of each amplitude, all runs side by side.

    Run i gives the bits of `run_estimator(estimator, BinomialOracle(amplitudes[i], rng=first,
    decay=decay), goal, rng=second)` with `first, second =
    np.random.default_rng(seeds[i]).spawn(2)`.

    Args:
        estimator: its settings.
        amplitudes: (runs,), the truth of each.
        goal: with a tolerance and no query budget.
        seeds: one a run.
        decay: of the shots, known to the estimator.

    Raises:
        InvalidProblem: for a goal with a budget, and amplitudes and seeds of different lengths.
    """
    amplitude = np.array(checks.vector("amplitudes", amplitudes))
    if len(seeds) != amplitude.size:
        raise checks.refuse(
            "seeds", f"{len(seeds)} seeds", f"one for each of {amplitude.size} runs"
        )
    if goal.queries is not None:
        raise checks.refuse("goal", goal, "one with a tolerance and no query budget")
    batch = _Batch(estimator, amplitude, goal, seeds, decay)
    while batch.active.size:
        batch.step()
    return batch.runs


class _Batch:
    """The runs that are not finished, packed, and the results of those that are."""

    def __init__(
        self,
        estimator: Adaptive,
        amplitude: Array,
        goal: Goal,
        seeds: Sequence[int],
        decay: float,
    ) -> None:
        count = amplitude.size
        self.estimator, self.amplitude, self.goal, self.decay = estimator, amplitude, goal, decay
        pairs = [np.random.default_rng(seed).spawn(2) for seed in seeds]
        self.oracles, self.choosers = (list(side) for side in zip(*pairs, strict=True))
        self.active = np.arange(count)
        ends = np.zeros(count), np.full(count, 0.5 * np.pi)
        self.cells = first_cells(*ends, estimator.cells)
        empty = np.empty((count, 0))
        self.shots = Shots(factor=empty, steer=empty, contrast=empty, ones=empty, zeros=empty)
        whole = [np.zeros(count, dtype=np.int64) for _ in range(5)]
        self.runs = Runs(
            value=np.full(count, 0.5),
            low=np.zeros(count),
            high=np.ones(count),
            queries=whole[0],
            powers=whole[1],
            rounds=whole[2],
            shots=whole[3],
            max_power=whole[4],
            converged=np.zeros(count, dtype=bool),
        )
        self._decide()

    def step(self) -> None:
        """One round of every active run."""
        live, shots = self.active, self.estimator.shots
        draws = np.array([self.choosers[i].random(DRAWS) for i in live])
        most = np.full(live.size, self.estimator.largest(self.decay, None))
        decay = np.full(live.size, self.decay)
        power, steer = propose(self.cells, self.cells.weights, most, decay, draws)
        hits = np.array(
            [
                self.oracles[i].binomial(
                    shots,
                    min(max(hit_probability(self.amplitude[i], int(k), s, self.decay), 0.0), 1.0),
                )
                for i, k, s in zip(live, power, steer.tolist(), strict=True)
            ],
            dtype=np.float64,
        )
        new = Shots(
            factor=2.0 * power[:, None] + 1.0,
            steer=steer[:, None],
            contrast=np.exp(-self.decay * power)[:, None],
            ones=hits[:, None],
            zeros=(shots - hits)[:, None],
        )
        self.shots = self.shots.followed_by(new)
        self.cells = update(self.cells, new, self.shots.of, FLOOR)
        self._count(power.astype(np.int64))
        self._decide()

    def _count(self, power: NDArray[np.int64]) -> None:
        runs, live, shots = self.runs, self.active, self.estimator.shots
        runs.queries[live] += shots * (2 * power + 1)
        runs.powers[live] += shots * power
        runs.rounds[live] += 1
        runs.shots[live] += shots
        runs.max_power[live] = np.maximum(runs.max_power[live], power)

    def _decide(self) -> None:
        """Read every active run; drop those that are finished."""
        runs, error = self.runs, 1.0 - self.goal.confidence
        going = []
        for row, run in enumerate(self.active):
            met = runs.converged[run] = reached(self.cells, row, self.goal, error)
            stuck = self.cells.width[row] < SMALLEST
            if not (met or stuck or runs.rounds[run] >= self.estimator.max_rounds):
                going.append(row)
                continue
            value, low, high = read(self.cells, row, self.goal, error)
            runs.value[run], runs.low[run], runs.high[run] = value, low, high
        rows = np.array(going, dtype=np.intp)
        self.active = self.active[rows]
        self.cells = Cells(
            theta=self.cells.theta[rows],
            log_likelihood=self.cells.log_likelihood[rows],
            width=self.cells.width[rows],
        )
        self.shots = self.shots.of(rows)
