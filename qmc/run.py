"""One solve in progress: its cells, its parts, its random stream, and the meter of its queries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from qmc.backends import Backend, Oracle
from qmc.backends.answers import decay_of, hits_of, made_oracle, require_outcomes
from qmc.backends.failures import chained
from qmc.circuits import AmplitudeProblem, Encoding
from qmc.errors import TooLarge
from qmc.estimators import Estimator, run_estimator
from qmc.estimators.protocols import phases
from qmc.grids import CellTable
from qmc.measures import Functional, Mean
from qmc.problem import Goal, Problem
from qmc.result import BudgetLine, Estimate, Interval, Status
from qmc.rounds import PhaseRound, Request, Round

# estimators read powers up to about .1 / tolerance; a tenth of that is still within reach
_LEAST_REACH = 0.01


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
    """An oracle, anybody's, whose rounds are counted and whose answers are checked.

    Its methods raise `BackendFailed` when the oracle raises or answers something else than was
    asked; the library's own errors and Ctrl-C pass.
    """

    oracle: Oracle
    meter: Meter

    @property
    def decay(self) -> float:
        """Visibility lost per power."""
        return decay_of(self.oracle)

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Run and count."""
        hits = hits_of(self.oracle, rounds)
        self.meter.count(rounds)
        return hits

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Run phase estimation and count it; `Unsupported` when the oracle has no register."""
        asked = PhaseRound(bits, shots)
        with chained(f"{type(self.oracle).__name__}.phases failed on {bits} bits"):
            outcomes = phases(self.oracle, bits, shots)
        outcomes = require_outcomes(outcomes, asked)
        self.meter.count([asked])
        return outcomes


@runtime_checkable
class LimitsPower(Protocol):
    """An oracle that has room for powers up to a largest one."""

    @property
    def max_power(self) -> float:
        """Largest power whose circuit would fit the machine."""
        ...


def _require_power(oracle: Oracle, goal: Goal) -> None:
    """Refuse a tolerance that takes powers far beyond the machine, before anything runs."""
    if goal.tolerance is None or goal.queries is not None:
        return
    with chained(f"{type(oracle).__name__}.max_power cannot be read"):
        if not isinstance(oracle, LimitsPower):
            return
        most = float(oracle.max_power)
    if (2.0 * most + 1.0) * goal.tolerance < _LEAST_REACH:
        msg = (
            f"a half-width of {goal.tolerance:.3g} in amplitude takes powers of about "
            f"{0.1 / goal.tolerance:.3g}, the machine has room for {most:.3g}; take a "
            "larger tolerance, or the backend Ideal, which builds no circuit"
        )
        raise TooLarge(msg)


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
        encoded: the circuit A that was run last, for the summary.
        residual_paths: classical paths that the grid's correction took.
    """

    problem: Problem
    goal: Goal
    table: CellTable
    encoding: Encoding
    estimator: Estimator
    backend: Backend
    rng: np.random.Generator
    meter: Meter = field(default_factory=Meter)
    encoded: AmplitudeProblem | None = None
    residual_paths: int = 0

    def queries_left(self) -> int | None:
        """Queries left of the goal's budget; None without a budget."""
        return None if self.goal.queries is None else self.goal.queries - self.meter.queries

    def estimate(self, functional: Functional, goal: Goal) -> tuple[AmplitudeProblem, Estimate]:
        """Encode one functional of the outcome and run the estimator to a goal in its unit."""
        encoded = self.encoding.encode(self.table, functional)
        bias = self.table.known_bias if functional == Mean() else 0.0
        return encoded, self.amplify(encoded, encoded.amplitude_goal(goal, bias))

    def amplify(
        self, encoded: AmplitudeProblem, one: Goal, excludes: float | None = None
    ) -> Estimate:
        """Run the estimator on one circuit to a goal of its amplitude.

        `excludes` stops it early once the number's interval excludes this value, if the
        estimator's interval may be read at any round.
        """
        self.encoded = encoded
        oracle_rng, estimator_rng = self.rng.spawn(2)
        made = made_oracle(self.backend, encoded, oracle_rng)
        _require_power(made, one)
        oracle = MeteredOracle(made, self.meter)
        stop: Callable[[Estimate], bool] | None = None
        if excludes is not None and self.estimator.anytime_valid:

            def stop(estimate: Estimate) -> bool:
                return not number(encoded, estimate).interval.contains(excludes)

        return run_estimator(self.estimator, oracle, one, stop=stop, rng=estimator_rng)


def number(encoded: AmplitudeProblem, estimate: Estimate) -> Estimate:
    """An estimate of the amplitude as one of the wanted number, with the encoding's bias bound."""
    sampled, bound = estimate.interval.mapped(encoded.offset, encoded.scale), encoded.bias_bound
    interval = Interval(sampled.low - bound, sampled.high + bound, sampled.confidence)
    return replace(estimate, value=encoded.value(estimate.value), interval=interval)


def grid_line(table: CellTable) -> BudgetLine:
    """What the grid itself adds to the width."""
    if table.bias == "exact":
        return BudgetLine("grid", "exact", 0.0, 0.0, "exact cell means and edge probabilities")
    if table.bias == "bounded":
        return BudgetLine("grid", "bound", table.bias_bound)
    return BudgetLine("grid", "unknown", math.inf, 0.0, "not covered by the interval")
