"""A whole solve rehearsed: circuits by their known law, the residual on its first paths.

A few runs with fixed seeds go through the very steps of a solve, so that rounds, looks and the
paths that a skewed residual asks for are those of a solve, and not a formula's. Paths beyond a cap
are not drawn: the fall of the error bar so far says how many more a solve would take.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qmc.average import Kept, average
from qmc.circuits import Encoding
from qmc.estimators import Estimator
from qmc.grids import CellTable, Residual
from qmc.grids.residual import LOOK_SHARE, student
from qmc.grids.residual_paths import ResidualPaths, pooled, power_of_two
from qmc.measures import TailMeasure
from qmc.problem import Goal, Problem
from qmc.quantile import ThresholdSearch
from qmc.rehearsal import RecordingBackend, rehearsal_streams
from qmc.rounds import Request
from qmc.run import Answer, Run
from qmc.split import Split
from qmc.tail_risk import tail_answer

# normals that one rehearsal may draw for the residual, and the paths that it may draw at any rate
_NORMALS = 2**22
_LEAST_PATHS, _MOST_PATHS = 2**14, 2**16
# normals that all rehearsals together may draw for the residual: beyond, they share its paths
_NORMALS_IN_ALL = 2**26
# the power of the number of points by which an error bar falls: of plain paths, of smooth ones
_RATES = (0.5, 1.0)
# doublings over which the fall is read
_DOUBLINGS = 4
# a search adds up many tests, so that fewer rehearsals of it tell as much
_SEARCHES = 3


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a solve is expected to ask for.

    Attributes:
        requests: the rounds of the rehearsal with the median number of queries.
        paths: of the residual without its pilot's, the geometric mean of the rehearsals.
    """

    requests: tuple[Request, ...]
    paths: float = 0.0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A solve, ready to be rehearsed.

    Attributes:
        problem, goal, table, encoding, estimator: as of the solve.
        decay: visibility lost per power that the backend states.
        residual: of the solve, for a search on a grid whose tails it corrects.
        search: of a quantile, as of the solve.
        reads: whether the backend reads the value register beside the flag.
    """

    problem: Problem
    goal: Goal
    table: CellTable
    encoding: Encoding
    estimator: Estimator
    decay: float = 0.0
    residual: Residual | None = None
    search: ThresholdSearch | None = None
    reads: bool = False

    def searched(self) -> Rehearsed:
        """The tests of a threshold search, what is sampled beyond it, and the band's paths."""
        measure, asked, paths = self.problem.measure, [], []
        assert isinstance(measure, TailMeasure)
        for rng in rehearsal_streams()[:_SEARCHES]:
            run, backend = self._begin(rng)
            tail_answer(run, measure)
            asked.append(backend.asked)
            paths.append(float(run.residual_paths))
        return Rehearsed(_median(asked), sorted(paths)[len(paths) // 2])

    def average(self) -> Rehearsed:
        """The circuit of a mean whose grid needs no residual."""
        asked = []
        for rng in rehearsal_streams():
            run, backend = self._begin(rng)
            average(run, None)
            asked.append(backend.asked)
        return Rehearsed(_median(asked))

    def corrected(self, residual: Residual, error_bar: float, split: Split) -> Rehearsed:
        """The circuit of a mean and the residual's looks.

        Each rehearsal has paths of its own as long as there are few enough normals; the last of
        them serves what rehearsals are left.

        Args:
            residual: of the solve.
            error_bar: of its pilot.
            split: of the solve.
        """
        few = replace(residual, max_paths=self._cap(residual))
        asked: list[tuple[Request, ...]] = []
        paths: list[float] = []
        streams: list[ResidualPaths] = []
        fresh = self._fresh(few)

        def keep(stream: np.random.Generator) -> Sequence[ResidualPaths]:
            if len(paths) < fresh:
                streams[:] = few.streams(self.problem, self.table, stream)
            return streams

        for rng in rehearsal_streams():
            run, backend = self._begin(rng)
            answer = average(run, few, Kept(error_bar, keep, split))
            taken = float(run.residual_paths - few.pilot_paths)
            if answer.status != "converged" and taken > few.max_paths / 2:
                taken = _further(self.goal, answer, residual, split, streams)
            asked.append(backend.asked)
            paths.append(taken)
        return Rehearsed(_median(asked), math.exp(float(np.mean(np.log(paths)))))

    def _begin(self, rng: np.random.Generator) -> tuple[Run, RecordingBackend]:
        backend = RecordingBackend(self.decay, self.reads)
        run = Run(
            problem=self.problem,
            goal=self.goal,
            table=self.table,
            encoding=self.encoding,
            estimator=self.estimator,
            backend=backend,
            rng=rng,
            search=self.search,
            residual=self.residual and replace(self.residual, max_paths=self._cap(self.residual)),
        )
        return run, backend

    def _fresh(self, few: Residual) -> int:
        """Rehearsals that may draw paths of their own for the residual, one at least."""
        normals = float(few.max_paths * max(self.problem.num_factors, 1))
        return max(1, int(_NORMALS_IN_ALL / normals))

    def _cap(self, residual: Residual) -> int:
        most = power_of_two(_NORMALS / max(self.problem.num_factors, 1))
        return min(residual.max_paths, max(_LEAST_PATHS, min(most, _MOST_PATHS)))


def _median(asked: list[tuple[Request, ...]]) -> tuple[Request, ...]:
    """Of an odd number of runs the one with the median queries."""
    return sorted(asked, key=lambda run: sum(one.queries for one in run))[len(asked) // 2]


def _further(
    goal: Goal, answer: Answer, residual: Residual, split: Split, streams: Sequence[ResidualPaths]
) -> float:
    """Paths of the look that would end `Residual.correct`, beyond those that were drawn."""
    circuit = math.fsum(one.amount for one in answer.lines if one.source != "grid residual")
    target = (goal.allowed_half_width(answer.value) or math.inf) - circuit
    fall = _Fall.of(streams)
    most = power_of_two(residual.max_paths / residual.replicates)
    if goal.queries is not None:
        most = min(most, power_of_two(goal.queries / residual.replicates))
    points = min(power_of_two(split.paths / residual.replicates), most)
    left = (1.0 - split.error) * (1.0 - goal.confidence)
    while points < most:
        width = fall.error_bar(points) * student(residual.replicates, LOOK_SHARE * left)
        if width <= target and points * residual.replicates >= fall.asked:
            break
        left *= 1.0 - LOOK_SHARE
        points *= 2
    return float(points * residual.replicates)


@dataclass(frozen=True, slots=True)
class _Fall:
    """Error bars at powers of two, and how they fall beyond the last."""

    bars: dict[int, float]
    rate: float
    asked: float

    @classmethod
    def of(cls, streams: Sequence[ResidualPaths]) -> _Fall:
        """Read what was drawn."""
        last = streams[0].sums.count
        points = [2**power for power in range(1, last.bit_length())]
        bars = {}
        for one in points:
            means = np.array([stream.after(one).mean for stream in streams])
            bars[one] = float(means.std(ddof=1)) / math.sqrt(means.size)
        some = [one for one in points if bars[one] > 0.0][-_DOUBLINGS - 1 :]
        rate = _RATES[0]
        if len(some) > 1:
            rate = -float(np.polyfit(np.log(some), np.log([bars[one] for one in some]), 1)[0])
        asked = pooled(stream.after(last) for stream in streams).asked
        return cls(bars, min(max(rate, _RATES[0]), _RATES[1]), asked)

    def error_bar(self, points: int) -> float:
        """As measured, or beyond as the last ones fall."""
        last = max(self.bars)
        if points <= last:
            return self.bars[points]
        return self.bars[last] * math.pow(last / points, self.rate)
