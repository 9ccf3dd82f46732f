"""`Sampler`: draws one solve's paths, block by block, and fixes how many from a pilot."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from classical_baseline.intervals import nearest_to
from qmc.errors import InvalidProblem
from qmc.problem import Array, Goal, Problem
from qmc.result import BudgetLine, Interval, Kind, Status, status_for

T = TypeVar("T")
S = TypeVar("S")

_FIRST_PILOT = 4_096
_PILOT_BLOCKS = 8
# a pilot costs at most this share of the paths that it plans
_PILOT_SHARE = 8
# below this many paths in all there is nothing to plan
_MIN_PLANNED = 512
_BLOCKS_IN_FLIGHT = 4
# an interrupted sample of fewer blocks than this is not worth an answer
_FEWEST_BLOCKS = 2


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a sample says: estimate, interval, its kind, how it was found.

    Attributes:
        value: the estimate.
        interval: of the measure.
        kind: "sampling" where it covers at every size of sample, "exact" where nothing is random,
            else "asymptotic".
        note: how it was found.
        relied_upon: False when the sample itself shows that it is too small for its interval.
        lines: of the budget, beside the sampling's own; their amounts are in the interval.
        pilot_paths: that were spent on these lines.
    """

    value: float
    interval: Interval
    kind: Kind
    note: str
    relied_upon: bool = True
    lines: tuple[BudgetLine, ...] = ()
    pilot_paths: int = 0


@dataclass(slots=True, kw_only=True)
class Sampler:
    """The state of one solve: the stream, the workers and what was spent.

    Attributes:
        problem: what is sampled.
        goal: when to stop.
        rng: parent of the blocks' streams.
        pool: of `workers` threads.
        workers: blocks drawn at once.
        block: paths of a block.
        antithetic: True when a sample is the mean of a path and its mirror image.
        max_paths: the most paths of the run.
        outcomes: what is averaged, of normals; the problem's outcomes by default.
        paths: drawn so far.
        blocks: drawn so far.
        capped: True when fewer paths are drawn than the goal asks for.
        interrupted: True when Ctrl-C ended the sample.
    """

    problem: Problem
    goal: Goal
    rng: np.random.Generator
    pool: ThreadPoolExecutor
    workers: int
    block: int
    antithetic: bool
    max_paths: int
    outcomes: Callable[[Array], Array] | None = None
    paths: int = 0
    blocks: int = 0
    capped: bool = False
    interrupted: bool = False
    factors: int = field(init=False)

    def __post_init__(self) -> None:
        """Ask once for the number of normals a path needs."""
        self.factors = self.problem.num_factors

    @property
    def paths_a_sample(self) -> int:
        """Two for an antithetic pair."""
        return 2 if self.antithetic else 1

    def left(self) -> int:
        """Samples that may still be drawn."""
        queries = self.goal.queries
        cap = self.max_paths if queries is None else min(queries, self.max_paths)
        return (cap - self.paths) // self.paths_a_sample

    def collect(
        self,
        samples: int,
        summarise: Callable[[Array], S],
        merge: Callable[[T, S], T],
        start: T,
        pilot: Sequence[Array] = (),
    ) -> tuple[T, int]:
        """Draw samples and merge the blocks' summaries in order, a pilot's first.

        Ctrl-C leaves the blocks that were merged before it. When it comes owes nothing to their
        values, so they are a sample of fixed size like any other.

        Returns:
            All merged, and of how many samples.

        Raises:
            KeyboardInterrupt: when it left fewer than two blocks.
        """
        done = (start, 0, 0)
        parts = itertools.chain(
            ((part.size, summarise(part)) for part in pilot), self.draw(samples, summarise)
        )
        try:
            for size, part in parts:
                total, count, blocks = done
                # one assignment, so that an interrupt finds all three of one block
                done = (merge(total, part), count + size, blocks + 1)
        except KeyboardInterrupt:
            if done[2] < _FEWEST_BLOCKS:
                raise
            self.interrupted = True
        return done[0], done[1]

    def draw(self, samples: int, summarise: Callable[[Array], S]) -> Iterator[tuple[int, S]]:
        """Draw samples block by block; yield each block's size and summary, in order."""
        a_block = self.block // self.paths_a_sample
        sizes = (min(a_block, samples - start) for start in range(0, samples, a_block))
        while part := list(itertools.islice(sizes, _BLOCKS_IN_FLIGHT * self.workers)):
            streams = self.rng.spawn(len(part))
            done = self.pool.map(lambda s, n: summarise(self._sample(s, n)), streams, part)
            for size, summary in zip(part, done, strict=True):
                self.blocks += 1
                self.paths += size * self.paths_a_sample
                yield size, summary

    def _sample(self, stream: np.random.Generator, size: int) -> Array:
        """Outcomes (size,), pair means when antithetic."""
        normals = stream.standard_normal((size, self.factors))
        of = self.outcomes or self.problem.outcomes
        outcomes = of(normals)
        if self.antithetic:
            outcomes = 0.5 * (outcomes + of(-normals))
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
        """The pilot's blocks, and how many more samples to draw, fixed by the pilot alone.

        Args:
            needed: samples that the goal asks for, as seen from a pilot's outcomes.
            pooled: True when the pilot counts among these samples.
        """
        left = self.left()
        if left < 1:
            msg = f"{self.goal} leaves no path: antithetic=True needs queries= of at least 2"
            raise InvalidProblem(msg)
        if self.goal.allowed_half_width(1.0) is None or left < _MIN_PLANNED:
            queries = self.goal.queries
            self.capped = queries is None or queries > self.max_paths or left < _MIN_PLANNED
            return [], left
        pilot, need = self._pilot(needed, left // _PILOT_SHARE)
        if pooled:
            need = max(need - sum(part.size for part in pilot), 0.0)
        self.capped = need > self.left()
        return pilot, self.left() if self.capped else math.ceil(need)

    def _pilot(self, needed: Callable[[Array], float], most: int) -> tuple[list[Array], float]:
        """The pilot's blocks and what is needed in their light, from at most `most` samples."""
        first = min(_FIRST_PILOT, most)
        pilot = [part for _, part in self.draw(first, lambda values: values)]
        need = needed(np.concatenate(pilot))
        limit = _PILOT_BLOCKS * self.block // self.paths_a_sample
        second = int(min(limit, need / _PILOT_SHARE, most))
        if second > first:
            pilot += [part for _, part in self.draw(second - first, lambda values: values)]
            need = needed(np.concatenate(pilot))
        return pilot, need

    def allowed(self, interval: Interval) -> float:
        """The tightest half-width that the goal may ask for at a value in the interval."""
        at = nearest_to(interval, self.goal.origin)
        return self.goal.allowed_half_width(at) or 0.0

    def status(self, sampled: Sampled) -> Status:
        """Status of the finished run: an interval that is not relied upon meets no goal."""
        if self.interrupted:
            return "interrupted"
        half_width = sampled.interval.half_width if sampled.relied_upon else math.inf
        if self.goal.allowed_half_width(sampled.value) is None and self.capped:
            queries = self.goal.queries
            if queries is not None and queries > self.max_paths:
                return "budget_exhausted"
        return status_for(self.goal, sampled.value, half_width, spent=self.capped)
