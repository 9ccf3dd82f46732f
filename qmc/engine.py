"""`Quantum`: the engine that runs the whole chain."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from qmc import checks
from qmc.average import average
from qmc.backends import Aer, Backend, Oracle
from qmc.circuits import AmplitudeProblem, Encoding, MultiplexedRotation
from qmc.errors import Unsupported
from qmc.estimators import Estimator, Iterative
from qmc.grids import DiscreteProblem, Grid, LawGrid, Residual
from qmc.measures import (
    ES,
    ExpectedLoss,
    Functional,
    Mean,
    Price,
    Probability,
    Sensitivity,
    VaR,
)
from qmc.planning import Plan, make_plan
from qmc.problem import Goal, Problem, check_request
from qmc.result import (
    Budget,
    BudgetLine,
    CircuitSummary,
    Cost,
    Covers,
    Provenance,
    Result,
    describe_seed,
)
from qmc.rng import RNGLike, generator
from qmc.run import Answer, Run
from qmc.slope import slope
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
        residual: measures what a grid without a bias bound leaves out, on fresh paths; None
            leaves it out, and the interval covers the grid's number only.

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
    residual: Residual | None = field(default_factory=Residual)

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
        if self.residual is not None and not isinstance(self.residual, Residual):
            raise checks.refuse("residual", self.residual, "a Residual or None")
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
        answer = _answer(run, self.residual)
        cost = Cost(
            queries=run.meter.queries,
            shots=run.meter.shots,
            rounds=run.meter.rounds,
            max_power=run.meter.max_power,
            pilot_paths=run.table.pilot_paths,
            residual_paths=run.residual_paths,
            seconds=time.perf_counter() - begin,
        )
        noisy = bool(getattr(self.backend, "noisy", False))
        lines = answer.lines + _noise_lines(noisy=noisy)
        unknown = any(line.kind == "unknown" for line in lines)
        covers: Covers = "discretised" if unknown else "continuous"
        return Result(
            value=answer.value,
            interval=answer.interval,
            covers=covers,
            status=answer.status,
            budget=Budget(lines),
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


def _answer(run: Run, residual: Residual | None) -> Answer:
    measure = run.problem.measure
    if isinstance(measure, VaR):
        return value_at_risk(run, measure.level)
    if isinstance(measure, ES):
        return expected_shortfall(run, measure.level)
    if isinstance(measure, Price | Probability | ExpectedLoss):
        return average(run, residual)
    if isinstance(measure, Sensitivity):
        return slope(run, residual)
    msg = (
        f"Quantum does not know the measure {type(measure).__name__}: it treats Price, "
        "Probability, ExpectedLoss, VaR, ES and Sensitivity; see which engine your measure names"
    )
    raise Unsupported(msg)


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
