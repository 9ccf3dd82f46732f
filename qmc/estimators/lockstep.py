"""Many runs of one estimator at once: the bits of single runs, in a fraction of the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmc import checks
from qmc.errors import Unsupported
from qmc.estimators import adaptive_steps as steps
from qmc.estimators.adaptive import Adaptive
from qmc.estimators.candidates import DRAWS
from qmc.estimators.posterior import Cells, Shots, update
from qmc.estimators.priors import checked_decay, prior_angles
from qmc.estimators.protocols import Estimator
from qmc.problem import Array, Goal
from qmc.result import UNIT, Interval
from qmc.rounds import Reply, Request, Round, draw_hits, draw_phases

_ROUNDING = 1e-12
Seed: TypeAlias = int | Sequence[int]


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

    def holds(self, amplitudes: ArrayLike) -> NDArray[np.bool_]:
        """(runs,) whether each interval contains its amplitude, but for rounding."""
        truth = np.asarray(amplitudes, dtype=np.float64)
        return np.asarray((self.low - _ROUNDING <= truth) & (truth <= self.high + _ROUNDING))


def run_lockstep(
    estimator: Estimator,
    amplitudes: ArrayLike,
    goal: Goal,
    *,
    seeds: Sequence[Seed],
    decay: float = 0.0,
    told: float | None = None,
    prior: Interval = UNIT,
) -> Runs:
    """Run the estimator on simulated shots of each amplitude, all runs side by side.

    Run i gives the bits of `run_estimator(estimator, BinomialOracle(amplitudes[i], rng=first,
    decay=decay), goal, prior=prior, rng=second)` with `first, second =
    np.random.default_rng(seeds[i]).spawn(2)`. `Adaptive` goes by arrays over the runs. All others
    draw nothing themselves: runs that were told the same stand at the same state, and that is
    computed once; it pays where many runs share an amplitude, and at the first rounds.

    Args:
        estimator: its settings.
        amplitudes: (runs,), the truth of each, in [0, 1]; or one number for all.
        goal: of each run.
        seeds: one a run.
        decay: of the shots.
        told: the decay that the estimator is told; None for that of the shots.
        prior: the same for every run.

    Raises:
        InvalidProblem: for amplitudes outside [0, 1], a negative decay, and amplitudes and seeds
            of different lengths.
        Unsupported: for an estimator, other than `Adaptive`, that draws random numbers.
    """
    if np.ndim(amplitudes) == 0:
        amplitudes = np.full(len(seeds), amplitudes)
    amplitude = np.array(checks.vector("amplitudes", amplitudes))
    if len(seeds) != amplitude.size:
        raise checks.refuse(
            "seeds", f"{len(seeds)} seeds", f"one for each of {amplitude.size} runs"
        )
    if amplitude.size and not 0.0 <= amplitude.min() <= amplitude.max() <= 1.0:
        raise checks.refuse("amplitudes", amplitudes, "from 0 to 1")
    decay = checked_decay(decay)
    told = decay if told is None else checked_decay(told)
    streams = [np.random.default_rng(seed).spawn(2) for seed in seeds]
    if isinstance(estimator, Adaptive):
        batch = _Batch(estimator, amplitude, goal, streams, (decay, told), prior)
        while batch.active.size:
            batch.step()
        return batch.runs
    oracles = [pair[0] for pair in streams]
    return _shared(estimator, amplitude, oracles, decay, estimator.start(goal, prior, told))


def _no_runs(count: int) -> Runs:
    """Zeros for so many runs."""
    whole = [np.zeros(count, dtype=np.int64) for _ in range(5)]
    return Runs(
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


def _shared(
    estimator: Estimator,
    amplitude: Array,
    streams: Sequence[np.random.Generator],
    decay: float,
    start: Any,  # noqa: ANN401
) -> Runs:
    """Step every distinct state once, with all runs that stand there."""
    runs = _no_runs(amplitude.size)
    waiting = [(start, list(range(amplitude.size)))]
    while waiting:
        state, members = waiting.pop()
        requests = _asked(estimator, state)
        if not requests:
            found = estimator.estimate(state)
            runs.value[members] = found.value
            runs.low[members], runs.high[members] = found.interval.low, found.interval.high
            runs.converged[members] = found.status == "converged"
            continue
        told: dict[tuple[Reply, ...], list[int]] = {}
        for run in members:
            chance = float(amplitude[run])
            answer = tuple(_reply(chance, one, streams[run], decay) for one in requests)
            told.setdefault(answer, []).append(run)
        for one in requests:
            _count(runs, np.array(members), one.power, one.shots)
        for answer, same in told.items():
            waiting.append((estimator.tell(state, requests, answer), same))
    return runs


def _asked(estimator: Estimator, state: Any) -> tuple[Request, ...]:  # noqa: ANN401
    """What the estimator asks for in this state, if that is fixed."""
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    requests = estimator.ask(state, rng)
    if rng.bit_generator.state != before:
        msg = (
            f"{type(estimator).__name__} draws random numbers: run it by run_estimator, one by one"
        )
        raise Unsupported(msg)
    return requests


def _reply(amplitude: float, request: Request, rng: np.random.Generator, decay: float) -> Reply:
    """Simulated shots of one request."""
    if isinstance(request, Round):
        return draw_hits(amplitude, request, rng, decay)
    return draw_phases(amplitude, request.bits, request.shots, rng, decay)


def _count(
    runs: Runs,
    live: NDArray[np.intp],
    power: int | NDArray[np.int64],
    shots: int | NDArray[np.int64],
) -> None:
    """Add a round of each of these runs to their counts."""
    runs.queries[live] += shots * (2 * power + 1)
    runs.powers[live] += shots * power
    runs.rounds[live] += 1
    runs.shots[live] += shots
    runs.max_power[live] = np.maximum(runs.max_power[live], power)


class _Batch:
    """The runs that are not finished, packed, and the results of those that are."""

    def __init__(
        self,
        estimator: Adaptive,
        amplitude: Array,
        goal: Goal,
        streams: Sequence[Sequence[np.random.Generator]],
        decays: tuple[float, float],
        prior: Interval,
    ) -> None:
        count = amplitude.size
        self.estimator, self.amplitude, self.goal = estimator, amplitude, goal
        self.true_decay, self.decay = decays
        self.oracles = [pair[0] for pair in streams]
        self.choosers = [pair[1] for pair in streams]
        self.active = np.arange(count)
        low, high, self.error = prior_angles(goal, prior)
        self.cells = steps.begun(low, high, count, estimator.cells)
        self.limits = estimator.limits(goal)
        empty = np.empty((count, 0))
        self.shots = Shots(factor=empty, steer=empty, contrast=empty, ones=empty, zeros=empty)
        self.runs = _no_runs(count)
        self._decide()

    def step(self) -> None:
        """One round of every active run."""
        live = self.active
        draws = np.array([self.choosers[i].random(DRAWS) for i in live])
        spent = self.runs.queries[live]
        power, shots, steer = steps.chosen(self.cells, self.limits, spent, self.decay, draws)
        rounds = zip(live, power.tolist(), shots.tolist(), steer.tolist(), strict=True)
        hits = np.array(
            [
                draw_hits(
                    float(self.amplitude[i]), Round(k, n, s), self.oracles[i], self.true_decay
                )
                for i, k, n, s in rounds
            ],
            dtype=np.float64,
        )
        new = steps.measured(
            power[:, None], steer[:, None], shots[:, None], hits[:, None], self.decay
        )
        self.shots = self.shots.followed_by(new)
        self.cells = update(self.cells, new, self.shots.of, steps.FLOOR)
        _count(self.runs, live, power, shots)
        self._decide()

    def _decide(self) -> None:
        """Read every active run; drop those that are finished."""
        runs, error, going = self.runs, self.error, []
        for row, run in enumerate(self.active):
            reached = steps.reached(self.cells, row, self.goal, error)
            spent, rounds = int(runs.queries[run]), int(runs.rounds[run])
            width = float(self.cells.width[row])
            status = self.limits.ending(reached=reached, spent=spent, rounds=rounds, width=width)
            if status == "interrupted":
                going.append(row)
                continue
            runs.converged[run] = status == "converged"
            ends = steps.read(self.cells, row, self.goal, error, status)
            runs.value[run], runs.low[run], runs.high[run] = ends
        rows = np.array(going, dtype=np.intp)
        self.active = self.active[rows]
        self.cells = Cells(
            theta=self.cells.theta[rows],
            log_likelihood=self.cells.log_likelihood[rows],
            width=self.cells.width[rows],
        )
        self.shots = self.shots.of(rows)
