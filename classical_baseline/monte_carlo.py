"""`MonteCarlo`: blocks of independent paths, with intervals that may be believed."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from scipy import special

from classical_baseline.intervals import (
    PLANNING_QUANTILE,
    Moments,
    clopper_pearson,
    mean_interval,
    nearest_to,
    order_statistic_ranks,
    quantile_rank,
    shortfall,
    student_quantile,
)
from qmc import checks, memory
from qmc.errors import InvalidProblem, Unsupported
from qmc.measures import ES, ExpectedLoss, Price, Probability, VaR
from qmc.problem import Array, Goal, Problem
from qmc.result import (
    Budget,
    BudgetLine,
    Cost,
    Interval,
    Provenance,
    Result,
    Status,
    describe_seed,
    status_for,
)
from qmc.rng import RNGLike, generator

T = TypeVar("T")

_FIRST_PILOT = 4_096
_PILOT_BLOCKS = 8
# a pilot costs at most this share of the paths that it plans
_PILOT_SHARE = 8
# below this many paths in all there is nothing to plan
_MIN_PLANNED = 512
_MIN_PILOT_TAIL = 20
_BLOCKS_IN_FLIGHT = 4
# confidence of the pilot's two-sided interval: PLANNING_QUANTILE on either side
_PLANNING_CONFIDENCE = 0.998


@dataclass(frozen=True, slots=True, kw_only=True)
class MonteCarlo:
    """Plain or antithetic Monte Carlo on any model and contract.

    **Stopping.** With `Goal(queries=n)` alone, n paths are drawn. With a tolerance the number of
    paths is fixed in two stages (Stein 1945, doi:10.1214/aoms/1177731088): a pilot of 4,096 paths,
    extended up to 8 blocks while it stays below an eighth of what it asks for, gives upper 99.9 %
    limits of the spread; n follows from these and is not changed afterwards. Means pool the
    pilot with the rest, as Stein does; every other measure draws n fresh paths, so that given the
    pilot its interval is that of a fixed sample.

    **Intervals.** Price, ExpectedLoss: Student, by the central limit theorem, over paths or
    antithetic pairs. Probability: Clopper-Pearson. VaR: two order statistics, exact for every law,
    atoms included. ES: Acerbi-Tasche estimate, Student interval of q + (L - q)+ / (1 - level),
    which is asymptotic (`intervals.shortfall`).

    The same seed gives the same bits for any number of threads: each block has its own spawned
    stream and blocks are merged in order.

    Attributes:
        block: paths drawn at once, 1,024 to 1,048,576.
        threads: workers; None for one a core.
        antithetic: pair every path with its mirror image; Price and ExpectedLoss only.
        max_paths: the most paths of one solve.

    >>> from qmc import BlackScholes, Call, Goal, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.20, rate=0.05)
    >>> problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> result = MonteCarlo().solve(problem, Goal(tolerance=0.1), rng=7)
    >>> result.interval.contains(8.021352235), result.status
    (True, 'converged')
    """

    block: int = 32_768
    threads: int | None = None
    antithetic: bool = False
    max_paths: int = 100_000_000

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "block", checks.whole("block", self.block, 1024, 1 << 20))
        if self.threads is not None:
            object.__setattr__(self, "threads", checks.whole("threads", self.threads, 1))
        if not isinstance(self.antithetic, bool):
            raise checks.refuse("antithetic", self.antithetic, "True or False")
        object.__setattr__(self, "max_paths", checks.whole("max_paths", self.max_paths, 2))

    def solve(self, problem: Problem, goal: Goal, *, rng: RNGLike = None) -> Result:
        """Estimate the measure of the problem to the goal.

        Args:
            problem: what to find.
            goal: when to stop; queries are paths.
            rng: seed or generator; the same seed gives the same bits.

        Raises:
            Unsupported: for a measure that is not sampled, or not with antithetic paths.
            InvalidProblem: when a path's value is no finite number.
            TooLarge: when a block or the kept tail would not fit the machine.
        """
        begin = time.perf_counter()
        method = self._method(problem)
        workers = self.threads or len(os.sched_getaffinity(0))
        self._require_block(problem, workers)
        with ThreadPoolExecutor(workers) as pool:
            run = _Run(self, problem, goal, generator(rng), pool, workers)
            answer = method(run)
        share = 1.0 - goal.confidence
        line = BudgetLine("paths", "sampling", answer.interval.half_width, share, answer.note)
        return Result(
            value=answer.value,
            interval=answer.interval,
            covers="continuous",
            status=run.status(answer),
            budget=Budget((line,)),
            cost=Cost(
                queries=run.paths,
                shots=run.paths,
                rounds=run.blocks,
                seconds=time.perf_counter() - begin,
            ),
            provenance=Provenance(
                problem=problem, goal=goal, engine=repr(self), seed=describe_seed(rng)
            ),
        )

    def _method(self, problem: Problem) -> Callable[[_Run], _Answer]:
        measure = problem.measure
        if isinstance(measure, Price | ExpectedLoss):
            return _mean
        name = type(measure).__name__
        for kind, method in ((Probability, _probability), (VaR, _value_at_risk), (ES, _shortfall)):
            if isinstance(measure, kind):
                if self.antithetic:
                    msg = (
                        f"MonteCarlo(antithetic=True) treats Price and ExpectedLoss, not {name}, "
                        "whose interval needs independent paths; take MonteCarlo()"
                    )
                    raise Unsupported(msg)
                return method
        msg = (
            f"MonteCarlo does not know the measure {name}: it treats Price, Probability, "
            "ExpectedLoss, VaR and ES"
        )
        raise Unsupported(msg)

    def _require_block(self, problem: Problem, workers: int) -> None:
        times = problem.contract.times
        floats = 3 * problem.model.num_factors(times) + len(times) + 8
        what = f"{workers} blocks of {self.block:,} paths"
        memory.require(8.0 * floats * self.block * workers, what, "lower block= or threads=")


@dataclass(frozen=True, slots=True)
class _Answer:
    """Estimate, interval, and how it was found."""

    value: float
    interval: Interval
    note: str


@dataclass(slots=True)
class _Run:
    """The state of one solve: the stream, the workers and what was spent."""

    engine: MonteCarlo
    problem: Problem
    goal: Goal
    rng: np.random.Generator
    pool: ThreadPoolExecutor
    workers: int
    paths: int = 0
    blocks: int = 0
    capped: bool = False
    factors: int = field(init=False)

    def __post_init__(self) -> None:
        """Ask once for the number of normals a path needs."""
        self.factors = self.problem.model.num_factors(self.problem.contract.times)

    @property
    def paths_a_sample(self) -> int:
        """Two for an antithetic pair."""
        return 2 if self.engine.antithetic else 1

    def left(self) -> int:
        """Samples that may still be drawn."""
        queries = self.goal.queries
        cap = self.engine.max_paths if queries is None else min(queries, self.engine.max_paths)
        return (cap - self.paths) // self.paths_a_sample

    def draw(self, samples: int, summarise: Callable[[Array], T]) -> Iterator[T]:
        """Draw samples block by block; yield each block's summary, in order."""
        a_block = self.engine.block // self.paths_a_sample
        sizes = [a_block] * (samples // a_block)
        if samples % a_block:
            sizes.append(samples % a_block)
        wave = _BLOCKS_IN_FLIGHT * self.workers
        for start in range(0, len(sizes), wave):
            part = sizes[start : start + wave]
            streams = self.rng.spawn(len(part))
            yield from self.pool.map(lambda s, n: summarise(self._sample(s, n)), streams, part)
            self.blocks += len(part)
            self.paths += sum(part) * self.paths_a_sample

    def _sample(self, stream: np.random.Generator, size: int) -> Array:
        """Outcomes (size,), pair means when antithetic."""
        normals = stream.standard_normal((size, self.factors))
        outcomes = self.problem.outcomes(normals)
        if self.engine.antithetic:
            outcomes = 0.5 * (outcomes + self.problem.outcomes(-normals))
        bad = int(np.count_nonzero(~np.isfinite(outcomes)))
        if bad:
            msg = (
                f"{bad} of {size} paths have a value that is no finite number: "
                f"check {type(self.problem.model).__name__} and "
                f"{type(self.problem.contract).__name__} for overflow"
            )
            raise InvalidProblem(msg)
        return outcomes

    def plan(self, needed: Callable[[Array], float], *, pooled: bool) -> tuple[list[Array], int]:
        """The pilot's blocks, and how many more samples to draw, fixed by the pilot alone."""
        left = self.left()
        if left < 1:
            msg = f"{self.goal} leaves no path: antithetic=True needs queries= of at least 2"
            raise InvalidProblem(msg)
        if self.goal.allowed_half_width(1.0) is None or left < _MIN_PLANNED:
            queries = self.goal.queries
            self.capped = queries is None or queries > self.engine.max_paths or left < _MIN_PLANNED
            return [], left
        first = min(_FIRST_PILOT, left // _PILOT_SHARE)
        pilot = list(self.draw(first, _identity))
        need = needed(np.concatenate(pilot))
        limit = _PILOT_BLOCKS * self.engine.block // self.paths_a_sample
        second = int(min(limit, need / _PILOT_SHARE, left // _PILOT_SHARE))
        if second > first:
            pilot += self.draw(second - first, _identity)
            need = needed(np.concatenate(pilot))
        if pooled:
            need = max(need - sum(part.size for part in pilot), 0.0)
        self.capped = need > self.left()
        return pilot, self.left() if self.capped else math.ceil(need)

    def allowed(self, interval: Interval) -> float:
        """The tightest half-width that the goal may ask for at a value in the interval."""
        at = nearest_to(interval, self.goal.origin)
        return self.goal.allowed_half_width(at) or 0.0

    def status(self, answer: _Answer) -> Status:
        """Status of the finished run."""
        half_width = answer.interval.half_width
        if self.goal.allowed_half_width(answer.value) is None and self.capped:
            queries = self.goal.queries
            if queries is not None and queries > self.engine.max_paths:
                return "budget_exhausted"
        return status_for(self.goal, answer.value, half_width, spent=self.capped)


class _Top:
    """The largest `keep` of a stream of losses, in memory of a few times `keep`."""

    def __init__(self, keep: int) -> None:
        """Refuse a tail that does not fit the machine."""
        memory.require(32.0 * keep, f"a tail of {keep:,} losses", "lower queries= or raise level=")
        self.keep = keep
        self.parts: list[Array] = []
        self.size = 0

    def largest(self, losses: Array) -> Array:
        """The largest `keep` losses in any order; all when there are fewer."""
        if losses.size <= self.keep:
            return losses
        return np.partition(losses, losses.size - self.keep)[losses.size - self.keep :]

    def add(self, losses: Array) -> None:
        """Merge one block's losses."""
        self.parts.append(losses)
        self.size += losses.size
        if self.size > 2 * self.keep + losses.size:
            self.parts = [self.largest(np.concatenate(self.parts))]
            self.size = self.parts[0].size

    def increasing(self) -> Array:
        """The kept losses, sorted."""
        return np.sort(self.largest(np.concatenate(self.parts)))


def _identity(values: Array) -> Array:
    return values


def _mean(run: _Run) -> _Answer:
    """Mean by pooled block moments."""
    confidence = run.goal.confidence

    def needed(values: Array) -> float:
        moments = Moments.of(values)
        wide = mean_interval(moments, _PLANNING_CONFIDENCE)
        quantile = student_quantile(confidence, moments.count - 1.0)
        return _ratio(quantile * math.sqrt(moments.variance_limit()), run.allowed(wide)) ** 2

    pilot, more = run.plan(needed, pooled=True)
    moments = Moments()
    for part in pilot:
        moments = moments.merge(Moments.of(part))
    for one in run.draw(more, Moments.of):
        moments = moments.merge(one)
    pairs = ", antithetic pairs" if run.engine.antithetic else ""
    note = f"Student interval, sd {math.sqrt(moments.variance):.6g}{pairs}"
    return _Answer(moments.mean, mean_interval(moments, confidence), note)


def _probability(run: _Run) -> _Answer:
    """Share of values above the threshold."""
    measure, confidence = run.problem.measure, run.goal.confidence
    assert isinstance(measure, Probability)
    threshold = measure.threshold

    def hits_of(values: Array) -> int:
        return int(np.count_nonzero(values > threshold))

    def needed(values: Array) -> float:
        wide = clopper_pearson(hits_of(values), values.size, _PLANNING_CONFIDENCE)
        return _clopper_pearson_paths(nearest_to(wide, 0.5), run.allowed(wide), confidence)

    _, count = run.plan(needed, pooled=False)
    hits = sum(run.draw(count, hits_of))
    note = f"Clopper-Pearson, {hits:,} hits of {count:,} paths"
    return _Answer(hits / count, clopper_pearson(hits, count, confidence), note)


def _value_at_risk(run: _Run) -> _Answer:
    """Order statistic of the losses, kept from the interval's lower rank upwards."""
    measure, confidence = run.problem.measure, run.goal.confidence
    assert isinstance(measure, VaR)
    level = measure.level

    def needed(losses: Array) -> float:
        low, high = order_statistic_ranks(losses.size, level, confidence)
        if low < 1 or high > losses.size:
            return math.inf
        ordered = np.sort(losses)
        interval = Interval(float(ordered[low - 1]), float(ordered[high - 1]))
        # the width is the sum of high - low spacings, so its relative sd is one over their root
        inflated = interval.half_width * (1.0 + PLANNING_QUANTILE / math.sqrt(high - low))
        return max(losses.size * _ratio(inflated, run.allowed(interval)) ** 2, losses.size)

    _, count = run.plan(needed, pooled=False)
    low, high = order_statistic_ranks(count, level, confidence)
    rank = quantile_rank(count, level)
    first = min(max(low, 1), rank)
    top = _collect(run, count, first)
    interval = Interval(
        float(top[low - first]) if low >= 1 else -math.inf,
        float(top[high - first]) if high <= count else math.inf,
        confidence,
    )
    note = f"order statistics {low:,} and {high:,} of {count:,}"
    return _Answer(float(top[rank - first]), interval, note)


def _shortfall(run: _Run) -> _Answer:
    """Mean of the tail, from the sample's own VaR upwards."""
    measure, confidence = run.problem.measure, run.goal.confidence
    assert isinstance(measure, ES)
    level = measure.level

    def needed(losses: Array) -> float:
        top = np.sort(losses)[quantile_rank(losses.size, level) - 1 :]
        if top.size < _MIN_PILOT_TAIL:
            return math.inf
        _, wide = shortfall(top, losses.size, level, _PLANNING_CONFIDENCE)
        excess = Moments.of(np.maximum(losses - top[0], 0.0) / (1.0 - level))
        quantile = student_quantile(confidence, top.size - 2.0)
        half_width = quantile * math.sqrt(excess.variance_limit())
        return max(_ratio(half_width, run.allowed(wide)) ** 2, float(losses.size))

    _, count = run.plan(needed, pooled=False)
    top = _collect(run, count, quantile_rank(count, level))
    value, interval = shortfall(top, count, level, confidence)
    return _Answer(value, interval, f"Student interval, {top.size:,} losses from {top[0]:.6g} up")


def _collect(run: _Run, count: int, first: int) -> Array:
    """The losses of rank `first` to `count`, increasing."""
    top = _Top(count - first + 1)
    for part in run.draw(count, top.largest):
        top.add(part)
    return top.increasing()


def _clopper_pearson_paths(probability: float, allowed: float, confidence: float) -> float:
    """Paths whose Clopper-Pearson half-width at a probability is the allowed one."""
    z = float(special.ndtri(0.5 + 0.5 * confidence))
    spread = probability * (1.0 - probability)
    count = max(_ratio(z, allowed) ** 2 * spread, 1.0)
    while count < 2.0**52:
        hits = round(probability * count)
        half_width = clopper_pearson(hits, math.ceil(count), confidence).half_width
        if half_width <= allowed:
            return math.ceil(count)
        count = max(count * min((half_width / allowed) ** 2, 2.0), count + 1.0)
    return math.inf


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0.0 else math.inf
