"""`Quantum`: the engine that runs the whole chain."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from qmc import checks
from qmc.backends import Aer, Backend, Oracle
from qmc.circuits import AmplitudeProblem, Encoding, MultiplexedRotation
from qmc.errors import Unsupported
from qmc.estimators import Estimator, Iterative
from qmc.grids import CellTable, DiscreteProblem, Grid, LawGrid
from qmc.measures import ES, ExpectedLoss, Functional, Mean, Price, Probability, VaR
from qmc.planning import Plan, make_plan
from qmc.problem import Goal, Problem, check_request
from qmc.result import (
    Budget,
    BudgetLine,
    CircuitSummary,
    Cost,
    Covers,
    Interval,
    Kind,
    Provenance,
    Result,
    describe_seed,
    status_for,
)
from qmc.rng import RNGLike, generator
from qmc.run import Answer, Run, number
from qmc.tail_risk import expected_shortfall, require_early_reading, value_at_risk


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantum:
    """Amplitude estimation on a grid: problem -> cells -> circuit -> oracle -> estimate.

    The interval of a result covers the true number of the continuous problem when the grid's bias
    is exact or bounded (`result.covers == "continuous"`) and the backend has no noise.

    Attributes:
        grid: turns a problem into cells; `LawGrid(qubits=5)`.
        encoding: turns cells into a circuit; `MultiplexedRotation()`.
        estimator: decides powers and shots; `Iterative()`.
        backend: runs circuits; `Aer()`, real circuits and real shots.

    >>> from qmc import BlackScholes, Call, Goal, Price, Problem, Quantum
    >>> from qmc.backends import Ideal
    >>> market = BlackScholes(spot=100.0, vol=0.20, rate=0.05)
    >>> problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> result = Quantum(backend=Ideal()).solve(problem, Goal(tolerance=0.05), rng=7)
    >>> result.interval.contains(8.021352235), result.covers
    (True, 'continuous')
    """

    grid: Grid = field(default_factory=LawGrid)
    encoding: Encoding = field(default_factory=MultiplexedRotation)
    estimator: Estimator = field(default_factory=Iterative)
    backend: Backend = field(default_factory=Aer)

    def __post_init__(self) -> None:
        """Check each part's interface."""
        for name, kind in (
            ("grid", Grid),
            ("encoding", Encoding),
            ("estimator", Estimator),
            ("backend", Backend),
        ):
            part = getattr(self, name)
            checks.interface(name, part, kind)
        if getattr(self.estimator, "signed", False):
            allowed = "an estimator of a probability; a signed one needs an oracle with shifts"
            raise checks.refuse("estimator", self.estimator, allowed, "leave signed=False")

    def discrete_problem(self, problem: Problem) -> DiscreteProblem:
        """The cells of a problem."""
        return self.grid.discretise(problem)

    def amplitude_problem(
        self, problem: Problem, functional: Functional = Mean()
    ) -> AmplitudeProblem:
        """The circuit A for a functional of the problem's outcome; thresholds are edges."""
        return self.encoding.encode(self.discrete_problem(problem), functional)

    def oracle(
        self, problem: Problem, functional: Functional = Mean(), *, rng: RNGLike = None
    ) -> Oracle:
        """The oracle that an estimator is run on."""
        return self.backend.oracle(self.amplitude_problem(problem, functional), rng=generator(rng))

    def solve(self, problem: Problem, goal: Goal, *, rng: RNGLike = None) -> Result:
        """Find the number to the goal.

        Args:
            problem: what to find.
            goal: when to stop; tolerance in the measure's unit.
            rng: seed or generator; the same seed gives the same bits.

        Raises:
            InvalidProblem: when problem or goal is something else.
            Unsupported: when a part cannot treat the problem.
            TooLarge: when the grid or the simulated state would not fit the machine.
            BackendFailed: when the simulator or device fails.
        """
        check_request(problem, goal)
        begin = time.perf_counter()
        run = Run(
            problem=problem,
            goal=goal,
            table=self.discrete_problem(problem),
            encoding=self.encoding,
            estimator=self.estimator,
            backend=self.backend,
            rng=generator(rng),
        )
        answer = _answer(run)
        cost = Cost(
            queries=run.meter.queries,
            shots=run.meter.shots,
            rounds=run.meter.rounds,
            max_power=run.meter.max_power,
            pilot_paths=run.table.pilot_paths,
            seconds=time.perf_counter() - begin,
        )
        noisy = bool(getattr(self.backend, "noisy", False))
        unknown = noisy or run.table.bias == "unknown"
        covers: Covers = "discretised" if unknown else "continuous"
        return Result(
            value=answer.value,
            interval=answer.interval,
            covers=covers,
            status=answer.status,
            budget=Budget(answer.lines + _grid_lines(run.table) + _noise_lines(noisy=noisy)),
            cost=cost,
            provenance=Provenance(
                problem=problem, goal=goal, engine=repr(self), seed=describe_seed(rng)
            ),
            circuit=_summary(run),
        )

    def plan(self, problem: Problem, goal: Goal) -> Plan:
        """Qubits, gates, expected queries, memory and seconds of a solve; runs nothing.

        The expected queries use the grid's own numbers as guesses of the amplitudes, which a plan
        may do and an estimate may not.
        """
        check_request(problem, goal)
        if isinstance(problem.measure, VaR | ES):
            require_early_reading(self.estimator)
        table = self.discrete_problem(problem)
        return make_plan(problem, goal, table, self.encoding, self.estimator)


def _answer(run: Run) -> Answer:
    measure = run.problem.measure
    if isinstance(measure, VaR):
        return value_at_risk(run, measure.level)
    if isinstance(measure, ES):
        return expected_shortfall(run, measure.level)
    if isinstance(measure, Price | Probability | ExpectedLoss):
        return _mean(run)
    msg = (
        f"Quantum does not know the measure {type(measure).__name__}: it treats Price, "
        "Probability, ExpectedLoss, VaR and ES; see which engine your measure names"
    )
    raise Unsupported(msg)


def _mean(run: Run) -> Answer:
    goal = run.goal
    encoded, estimate = run.estimate(Mean(), goal)
    sampled = estimate.interval.mapped(encoded.offset, encoded.scale)
    found, bias = number(encoded, estimate).interval, run.table.known_bias
    interval = Interval(found.low - bias, found.high + bias, goal.confidence)
    if isinstance(run.problem.measure, Probability):
        interval = interval.clipped(0.0, 1.0)
    value = min(max(encoded.value(estimate.value), interval.low), interval.high)
    status = estimate.status
    untouched = status == "budget_exhausted" and run.meter.queries == 0
    if status in {"converged", "budget_exhausted"} and not untouched:
        spent = status == "budget_exhausted"
        status = status_for(goal, value, interval.half_width, spent=spent)
    note = f"{type(run.estimator).__name__}, scale {encoded.scale:.6g} a unit of amplitude"
    share = 1.0 - goal.confidence
    kind: Kind = "sampling" if run.estimator.guarantee == "proved" else run.estimator.guarantee
    lines = [BudgetLine("amplitude estimation", kind, sampled.half_width, share, note)]
    if encoded.bias_bound > 0.0:
        lines.append(
            BudgetLine("encoding", "bound", encoded.bias_bound, 0.0, _reach(goal, encoded))
        )
    return Answer(value, interval, status, tuple(lines))


def _reach(goal: Goal, encoded: AmplitudeProblem) -> str:
    """A hint where the encoding's own bias is more than the goal allows."""
    if goal.tolerance is None or encoded.bias_bound < goal.tolerance:
        return "stated by the encoding"
    return "beyond the tolerance: no queries reach it, take MultiplexedRotation() or more qubits"


def _grid_lines(table: CellTable) -> tuple[BudgetLine, ...]:
    if table.bias == "exact":
        return (BudgetLine("grid", "exact", 0.0, 0.0, "exact cell means and edge probabilities"),)
    if table.bias == "bounded":
        return (BudgetLine("grid", "bound", table.bias_bound),)
    return (BudgetLine("grid", "unknown", math.inf, 0.0, "not covered by the interval"),)


def _noise_lines(*, noisy: bool) -> tuple[BudgetLine, ...]:
    """What errors of a device leave unknown: a decay may be told, a contrast cannot."""
    if not noisy:
        return ()
    note = "not covered: estimators know at most a decay per power, see qmc.backends.Calibration"
    return (BudgetLine("noise", "unknown", math.inf, 0.0, note),)


def _summary(run: Run) -> CircuitSummary | None:
    if run.encoded is None:
        return None
    from qmc.circuits.grover import summary

    return summary(run.encoded)
