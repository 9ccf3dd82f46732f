"""One solve in progress: its cells, its parts, its random stream, and the meter of its queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmc.backends import Backend, Oracle
from qmc.circuits import AmplitudeProblem, Encoding
from qmc.estimators import Estimator, run_estimator
from qmc.estimators.protocols import phases
from qmc.grids import CellTable
from qmc.measures import Functional
from qmc.problem import Goal, Problem
from qmc.result import BudgetLine, Estimate, Interval, Status
from qmc.rounds import PhaseRound, Request, Round


@dataclass(slots=True)
class Meter:
    """Counts what oracles are asked for: the one place where queries are added up."""

    queries: int = 0
    shots: int = 0
    rounds: int = 0
    max_power: int = 0

    def count(self, rounds: Sequence[Request]) -> None:
        """Add the rounds of one job."""
        self.rounds += 1
        for one in rounds:
            self.queries += one.queries
            self.shots += one.shots
            self.max_power = max(self.max_power, one.power)


@dataclass(frozen=True, slots=True)
class MeteredOracle:
    """An oracle whose rounds are counted."""

    oracle: Oracle
    meter: Meter

    @property
    def decay(self) -> float:
        """Visibility lost per power."""
        return self.oracle.decay

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Run and count."""
        hits = self.oracle.run(rounds)
        self.meter.count(rounds)
        return hits

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Run phase estimation and count it; `Unsupported` when the oracle has no register."""
        outcomes = phases(self.oracle, bits, shots)
        self.meter.count([PhaseRound(bits, shots)])
        return outcomes


@dataclass(frozen=True, slots=True)
class Answer:
    """What one measure's method found, before cost and provenance are added."""

    value: float
    interval: Interval
    status: Status
    lines: tuple[BudgetLine, ...]


@dataclass(slots=True, kw_only=True)
class Run:
    """The state of one solve.

    Attributes:
        problem, goal: what is asked.
        table: the cells.
        encoding, estimator, backend: the engine's parts.
        rng: spawns a stream for every oracle and every estimator.
        meter: of all oracles together.
        first: the first circuit A that was run, for the summary.
    """

    problem: Problem
    goal: Goal
    table: CellTable
    encoding: Encoding
    estimator: Estimator
    backend: Backend
    rng: np.random.Generator
    meter: Meter = field(default_factory=Meter)
    first: AmplitudeProblem | None = None

    def queries_left(self) -> int | None:
        """Queries left of the goal's budget; None without a budget."""
        return None if self.goal.queries is None else self.goal.queries - self.meter.queries

    def estimate(
        self, functional: Functional, goal: Goal, excludes: float | None = None
    ) -> tuple[AmplitudeProblem, Estimate]:
        """Run the estimator on one functional.

        Args:
            functional: of the outcome.
            goal: in the functional's unit.
            excludes: stop early once the interval excludes this value, if the estimator's
                interval may be read at any round.
        """
        encoded = self.encoding.encode(self.table, functional)
        self.first = self.first or encoded
        one = encoded.amplitude_goal(goal, self.table.known_bias)
        oracle_rng, estimator_rng = self.rng.spawn(2)
        oracle = MeteredOracle(self.backend.oracle(encoded, rng=oracle_rng), self.meter)
        stop = None
        if excludes is not None and self.estimator.anytime_valid:
            target = (excludes - encoded.offset) / encoded.scale
            stop = lambda estimate: not estimate.interval.contains(target)  # noqa: E731
        estimate = run_estimator(
            self.estimator, oracle, one, decay=oracle.decay, stop=stop, rng=estimator_rng
        )
        return encoded, estimate
