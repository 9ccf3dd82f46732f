"""`Quantum`: the engine that runs the whole chain."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qmc import checks
from qmc.average import average
from qmc.backends import Aer, Backend, Oracle
from qmc.choosing import Choice, choose, grids_for
from qmc.circuits import AmplitudeProblem, Encoding, MultiplexedRotation
from qmc.errors import Unsupported
from qmc.estimators import Estimator
from qmc.estimators.protocols import asks_phases
from qmc.grids import CellTable, DiscreteProblem, Grid, Residual
from qmc.measures import (
    ExpectedLoss,
    Functional,
    Mean,
    Price,
    Probability,
    Sensitivity,
    TailMeasure,
)
from qmc.planning import Parts, Plan, make_plan
from qmc.problem import Goal, Problem, check_request
from qmc.quantile import Bisection, QuantileSearch, ThresholdSearch
from qmc.result import (
    Budget,
    BudgetLine,
    CircuitSummary,
    Cost,
    Covers,
    Provenance,
    Result,
    describe_seed,
    scheme_lines,
)
from qmc.rng import RNGLike, generator
from qmc.run import Answer, Run
from qmc.slope import slope
from qmc.split import needs_residual
from qmc.tail_points import TailPoints, of_loss, require_increasing
from qmc.tail_risk import require_early_reading, require_no_search, tail_answer, tail_points

if TYPE_CHECKING:
    from qmc.resources import Machine

# parts that a plan chooses when they are left open
_PLANNED = ("grid", "estimator", "search")
# for which a curve's grid is chosen where it is left open
_CURVE_TOLERANCE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantum:
    """Amplitude estimation on a grid: problem -> cells -> circuit -> oracle -> estimate.

    The interval of a result covers the true number of the continuous problem when the grid's bias
    is exact or bounded (`result.covers == "continuous"`) and the backend has no noise.

    Attributes:
        grid: turns a problem into cells; None lets the plan choose: `LawGrid()` where a law is
            known, else the `FactorGrid` with the least expected queries and paths.
        encoding: turns cells into a circuit; `MultiplexedRotation()`.
        estimator: decides powers and shots; None lets the plan choose, among those whose interval
            is proved, the one with the least expected queries.
        backend: runs circuits; `Aer()`, real circuits and real shots.
        residual: measures what a grid without a bias bound leaves out, on fresh paths; None
            leaves it out, and the interval covers the grid's number only.
        search: of the quantile that VaR, ES, TailConditionalExpectation and EconomicCapital need,
            on a grid whose tails are exact. None takes `QuantileSearch()`; where an estimator is
            given, bisection by that, each threshold's test stopped early, as for an encoding whose
            flag is not the threshold's own, such as `LinearRotation`. On a `FactorGrid`,
            whose tails are corrected by paths, the estimator tests a band, and a search is refused.

    >>> from qmc import BlackScholes, Call, Goal, Price, Problem, Quantum
    >>> from qmc.backends import Ideal
    >>> market = BlackScholes(spot=100.0, vol=0.20, rate=0.05)
    >>> problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> result = Quantum(backend=Ideal()).solve(problem, Goal(tolerance=0.05), rng=7)
    >>> result.interval.contains(8.021352235), result.covers
    (True, 'continuous')
    """

    grid: Grid | None = None
    encoding: Encoding = field(default_factory=MultiplexedRotation)
    estimator: Estimator | None = None
    backend: Backend = field(default_factory=Aer)
    residual: Residual | None = field(default_factory=Residual)
    search: ThresholdSearch | None = None

    def __post_init__(self) -> None:
        """Check each part's interface."""
        for name, kind, hint in (
            ("grid", Grid, "such as LawGrid(qubits=5), or None"),
            ("encoding", Encoding, "such as MultiplexedRotation() or LinearRotation()"),
            ("estimator", Estimator, "such as qmc.estimators.Certified(), or None"),
            ("backend", Backend, "such as qmc.backends.Aer() or Ideal()"),
            ("search", ThresholdSearch, "such as qmc.quantile.QuantileSearch(), or None"),
        ):
            part = getattr(self, name)
            if part is not None or name not in _PLANNED:
                checks.interface(name, part, kind, hint)
        if self.residual is not None and not isinstance(self.residual, Residual):
            raise checks.refuse("residual", self.residual, "a Residual() or None")
        if getattr(self.estimator, "signed", False):
            allowed = "an estimator of a probability; a signed one needs an oracle with shifts"
            raise checks.refuse("estimator", self.estimator, allowed, "leave signed=False")

    def chosen(self, problem: Problem, goal: Goal) -> Quantum:
        """This engine with every part that was left open chosen for a problem and a goal."""
        check_request(problem, goal)
        return self._chosen(problem, goal)[0]

    def _chosen(self, problem: Problem, goal: Goal) -> tuple[Quantum, Choice]:
        choice = choose(problem, goal, self.grid, self.estimator, self.encoding, self.residual)
        search = self._search(problem, choice.table)
        made = replace(self, grid=choice.grid, estimator=choice.estimator, search=search)
        return made, choice

    def _run(self, problem: Problem, goal: Goal, choice: Choice, rng: RNGLike) -> Run:
        return Run(
            problem=problem,
            goal=goal,
            table=choice.table,
            encoding=self.encoding,
            estimator=choice.estimator,
            backend=self.backend,
            rng=generator(rng),
            residual=self.residual,
            search=self._search(problem, choice.table),
        )

    def _search(self, problem: Problem, table: CellTable) -> ThresholdSearch | None:
        """Of the quantile that a measure needs: as given, by a given estimator, or our own.

        None where the table's tails are corrected by a band, which locates the quantile itself.
        """
        if not isinstance(problem.measure, TailMeasure):
            return self.search
        if self.residual is not None and needs_residual(table):
            require_no_search(self.search)
            return None
        if self.search is not None:
            return self.search
        if self.estimator is None:
            return QuantileSearch()
        require_early_reading(self.estimator)
        if asks_phases(self.estimator):
            return None  # tests of single thresholds can run its registers
        return Bisection(estimator=self.estimator, early_stop=True)

    @property
    def _noisy(self) -> bool:
        return bool(getattr(self.backend, "noisy", False))

    def discrete_problem(self, problem: Problem) -> DiscreteProblem:
        """The cells of a problem; with the grid left open, of the largest that needs no goal."""
        grid = grids_for(problem)[-1] if self.grid is None else self.grid
        return grid.discretise(problem)

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
        engine, choice = self._chosen(problem, goal)
        run = self._run(problem, goal, choice, rng)
        answer = _answer(run)
        cost = _cost(run, begin)
        lines = answer.lines + scheme_lines(problem.model) + _noise_lines(noisy=self._noisy)
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
                problem=problem, goal=goal, engine=repr(engine), seed=describe_seed(rng)
            ),
            circuit=_summary(run),
        )

    def tail_points(
        self,
        problem: Problem,
        goal: Goal,
        thresholds: Sequence[float] | None = None,
        *,
        rng: RNGLike = None,
    ) -> TailPoints:
        """P(loss > threshold) at edges of the grid, with intervals that hold together.

        1 - confidence is shared equally among the thresholds. An estimator whose interval may be
        read early stops once a tail is surely below 1e-4.

        Args:
            problem: whose loss is asked about.
            goal: tolerances in units of probability; queries of all thresholds together.
            thresholds: edges of the grid, increasing; None takes 31 of them or as many as it has.
            rng: seed or generator; the same seed gives the same bits.

        Raises:
            InvalidProblem: for thresholds that are no edges.
            Unsupported: when a part cannot treat the problem.
        """
        check_request(problem, goal)
        given = None if thresholds is None else require_increasing(thresholds)
        begin, problem = time.perf_counter(), of_loss(problem)
        _, choice = self._chosen(problem, Goal(relative_tolerance=_CURVE_TOLERANCE))
        run = self._run(problem, goal, choice, rng)
        points = tail_points(run, given)
        unsure = scheme_lines(problem.model) or _noise_lines(noisy=self._noisy)
        covers: Covers = "discretised" if unsure else points.covers
        return replace(points, cost=_cost(run, begin), covers=covers)

    def plan(self, problem: Problem, goal: Goal, *, machine: Machine | None = None) -> Plan:
        """Parts, qubits, gates, queries, paths, memory and seconds of a solve; runs no circuit.

        The solve is rehearsed a few times with fixed seeds on the grid's own amplitudes, which a
        plan may know and an estimate may not, and on the residual's first paths. How near plans
        come: docs/results/plans.md.

        Args:
            problem: what to find.
            goal: when to stop.
            machine: adds the gates of a whole run and its physical qubits and runtime, such as
                `qmc.resources.Machine()`; needs the extra `resources`.
        """
        check_request(problem, goal)
        engine, choice = self._chosen(problem, goal)
        parts = Parts(self.encoding, choice.estimator, self.backend, self.residual, engine.search)
        return make_plan(problem, goal, engine.grid, choice.table, parts, machine)


def _cost(run: Run, begin: float) -> Cost:
    return Cost(
        queries=run.meter.queries,
        shots=run.meter.shots,
        rounds=run.meter.rounds,
        max_power=run.meter.max_power,
        pilot_paths=run.table.pilot_paths,
        residual_paths=run.residual_paths,
        seconds=time.perf_counter() - begin,
    )


def _answer(run: Run) -> Answer:
    measure, residual = run.problem.measure, run.residual
    if isinstance(measure, TailMeasure):
        return tail_answer(run, measure)
    if isinstance(measure, Price | Probability | ExpectedLoss):
        return average(run, residual)
    if isinstance(measure, Sensitivity):
        return slope(run, residual)
    msg = (
        f"Quantum does not know the measure {type(measure).__name__}: it treats Price, "
        "Probability, ExpectedLoss, VaR, ES, TailConditionalExpectation, EconomicCapital and "
        "Sensitivity; see which engine your measure names"
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
