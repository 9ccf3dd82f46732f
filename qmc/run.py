"""One solve in progress: cells, parts, random stream, meter; `estimate` for a circuit alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from qmc import checks
from qmc.backends import Aer, Backend, Oracle
from qmc.backends.answers import decay_of, hits_of, made_oracle, require_outcomes
from qmc.backends.failures import chained
from qmc.backends.protocols import Reading
from qmc.backends.readout import readings_of
from qmc.circuits import AmplitudeProblem, Encoding
from qmc.circuits.amplitude_problem import require_problem
from qmc.errors import TooLarge
from qmc.estimators import Certified, Estimator, run_estimator
from qmc.estimators.protocols import phases
from qmc.grids import CellTable, Residual
from qmc.measures import Functional, Mean
from qmc.problem import Goal, Problem
from qmc.quantile import ThresholdSearch
from qmc.result import BudgetLine, Estimate, Interval, Status, status_for
from qmc.rng import RNGLike, generator
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

    def readout(self, rounds: Sequence[Round], cells: int) -> tuple[Reading, ...]:
        """Run, read one of so many cells a hit, and count; `Unsupported` without a register."""
        read = readings_of(self.oracle, rounds, cells)
        self.meter.count(rounds)
        return read


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
        residual: measures what a grid without a bias bound leaves out; None leaves it out.
        search: of a quantile among the grid's edges; None bisects by the estimator.
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
    residual: Residual | None = None
    search: ThresholdSearch | None = None
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
        self,
        encoded: AmplitudeProblem,
        one: Goal,
        decided: Callable[[Interval], bool] | None = None,
    ) -> Estimate:
        """Run the estimator on one circuit to a goal of its amplitude.

        `decided` stops it early once it says so of the number's interval, if the estimator's
        interval may be read at any round.
        """
        self.encoded = encoded
        stop: Callable[[Estimate], bool] | None = None
        if decided is not None and self.estimator.anytime_valid:

            def stop(found: Estimate) -> bool:
                return decided(number(encoded, found).interval)

        streams = self.rng.spawn(2)
        return _amplified(encoded, one, self.estimator, self.backend, self.meter, streams, stop)


def _amplified(
    encoded: AmplitudeProblem,
    one: Goal,
    estimator: Estimator,
    backend: Backend,
    meter: Meter,
    streams: Sequence[np.random.Generator],
    stop: Callable[[Estimate], bool] | None = None,
) -> Estimate:
    """The amplitude to a goal of its own; streams of the oracle and of the estimator."""
    oracle_rng, estimator_rng = streams
    made = made_oracle(backend, encoded, oracle_rng)
    _require_power(made, one)
    oracle = MeteredOracle(made, meter)
    return run_estimator(estimator, oracle, one, stop=stop, rng=estimator_rng)


def estimate(
    problem: AmplitudeProblem,
    goal: Goal,
    *,
    estimator: Estimator = Certified(),
    backend: Backend = Aer(),
    rng: RNGLike = None,
) -> Estimate:
    """The number of an amplitude problem of one's own, such as an arithmetic or imported circuit.

    `Quantum` makes its circuits itself and reports errors and costs line by line; this is the way
    from any other circuit to its number.

    Args:
        problem: such as `ArithmeticAsian(...).amplitude_problem()`, or what
            `qmc.interop.from_estimation_problem` gives.
        goal: when to stop; tolerances in the number's unit. A tolerance leaves room for
            `bias_bound`. One not above it is out of reach of any queries: as many are spent as
            without a bias, and the status is "unresolved". A relative tolerance makes no room.
        estimator: asks for rounds.
        backend: runs them.
        rng: seed or generator; the same seed gives the same bits.

    Returns:
        Value and interval in the number's unit; the interval is widened by `bias_bound`, so it
        covers the number that the bound refers to, on a backend without noise.

    Raises:
        InvalidProblem: for arguments of another type, and a `build` that makes no such circuit.
        Unsupported: when the estimator asks for what the oracle has not.
        TooLarge: when a state or a circuit would not fit the machine.
        BackendFailed: when the backend fails.

    >>> from qmc import Goal, estimate
    >>> from qmc.backends import Ideal
    >>> from qmc.circuits import ArithmeticAsian
    >>> option = ArithmeticAsian(
    ...     spot=100.0, strike=101.0, normal_vol=20.0, expiry=1.0, dates=3, qubits=2
    ... )
    >>> problem = option.amplitude_problem()
    >>> found = estimate(problem, Goal(tolerance=1.0), backend=Ideal(), rng=1)
    >>> found.interval.contains(option.price_on_grid()), found.status
    (True, 'converged')
    """
    require_problem(problem)
    checks.interface("estimator", estimator, Estimator, "such as qmc.estimators.Certified()")
    checks.interface("backend", backend, Backend, "such as qmc.backends.Aer()")
    if not isinstance(goal, Goal):
        raise checks.refuse("goal", goal, "a Goal", "such as Goal(tolerance=0.05)")
    meter = Meter()
    streams = generator(rng).spawn(2)
    one = problem.amplitude_goal(goal, 0.0)
    found = number(problem, _amplified(problem, one, estimator, backend, meter, streams))
    reached = whole_status(found.status, goal, found.value, found.interval.half_width, meter)
    return replace(found, status=reached)


def whole_status(
    status: Status, goal: Goal, value: float, half_width: float, meter: Meter
) -> Status:
    """The status that the whole width deserves, where the estimator came to its end.

    A budget too small for a single query stays what it is.
    """
    spent = status == "budget_exhausted"
    if status not in {"converged", "budget_exhausted"} or (spent and meter.queries == 0):
        return status
    return status_for(goal, value, half_width, spent=spent)


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
