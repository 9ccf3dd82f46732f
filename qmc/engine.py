"""`Quantum`: the engine that runs the whole chain, and the meter that counts its queries."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qmc import checks
from qmc.backends import Aer, Backend, Oracle
from qmc.circuits import AmplitudeProblem, Encoding, MultiplexedRotation
from qmc.errors import Unsupported
from qmc.estimators import Estimator, Iterative, run_estimator
from qmc.grids import CellTable, DiscreteProblem, Grid, LawGrid
from qmc.measures import ES, Excess, ExpectedLoss, Functional, Mean, Price, Probability, Tail, VaR
from qmc.planning import Plan, classical_paths, plan_estimate
from qmc.problem import Array, Goal, Problem
from qmc.quantile import Bracket, find_bracket, interpolate, max_tests
from qmc.result import (
    Budget,
    BudgetLine,
    CircuitSummary,
    Cost,
    Covers,
    Estimate,
    Interval,
    Provenance,
    Result,
    Status,
    describe_seed,
    status_for,
)
from qmc.rng import RNGLike, generator
from qmc.rounds import Round

# an edge whose tail probability is this close to 1 - level, relatively, counts as a tie
TIE_RESOLUTION = 0.02
# share of 1 - confidence that an expected shortfall spends on finding its threshold
_SEARCH_SHARE = 0.4
# share of a query budget that an expected shortfall may spend on finding its threshold
_SEARCH_QUERIES = 0.5
# beyond this many qubits a table's circuit is not built only to be counted
_SUMMARY_QUBITS = 14


@dataclass(slots=True)
class Meter:
    """Counts what oracles are asked for: the one place where queries are added up."""

    queries: int = 0
    shots: int = 0
    rounds: int = 0
    max_power: int = 0

    def count(self, rounds: Sequence[Round]) -> None:
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


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one measure's method found, before cost and provenance are added."""

    value: float
    interval: Interval
    status: Status
    lines: tuple[BudgetLine, ...]


@dataclass(slots=True)
class _Run:
    """The state of one solve: parts made so far, meter, random stream."""

    problem: Problem
    goal: Goal
    table: CellTable
    rng: np.random.Generator
    meter: Meter = field(default_factory=Meter)
    first: AmplitudeProblem | None = None

    def left(self) -> int | None:
        """Queries left of the goal's budget; None without a budget."""
        return None if self.goal.queries is None else self.goal.queries - self.meter.queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantum:
    """Amplitude estimation on a grid: problem -> cells -> circuit -> oracle -> estimate.

    The interval of a result covers the true number of the continuous problem when the grid's bias
    is exact or bounded (`result.covers == "continuous"`).

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
            if isinstance(part, type) or not isinstance(part, kind):
                raise checks.refuse(name, part, f"an instance of a {kind.__name__}")

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
            Unsupported: when a part cannot treat the problem.
            TooLarge: when the grid or the simulated state would not fit the machine.
            BackendFailed: when the simulator or device fails.
        """
        begin = time.perf_counter()
        run = _Run(problem, goal, self.discrete_problem(problem), generator(rng))
        answer = self._answer(run)
        cost = Cost(
            queries=run.meter.queries,
            shots=run.meter.shots,
            rounds=run.meter.rounds,
            max_power=run.meter.max_power,
            pilot_paths=run.table.pilot_paths,
            seconds=time.perf_counter() - begin,
        )
        covers: Covers = "discretised" if run.table.bias == "unknown" else "continuous"
        return Result(
            value=answer.value,
            interval=answer.interval,
            covers=covers,
            status=answer.status,
            budget=Budget(answer.lines + _grid_lines(run.table)),
            cost=cost,
            provenance=Provenance(
                problem=problem, goal=goal, engine=repr(self), seed=describe_seed(rng)
            ),
            circuit=self._summary(run),
        )

    def plan(self, problem: Problem, goal: Goal) -> Plan:
        """Qubits, gates, expected queries, memory and seconds of a solve; runs nothing.

        The expected queries use the grid's own mean as the guess of the amplitude, which a plan
        may do and an estimate may not.
        """
        table = self.discrete_problem(problem)
        measure = problem.measure
        if isinstance(measure, VaR | ES):
            tau = 1.0 - measure.level
            middle = float(table.edges[table.edges.size // 2]) if table.edges is not None else 0.0
            amplitude_problem = self.encoding.encode(table, Tail(middle))
            # early stops: a typical test needs to tell tau from tau times e**+-1
            one = Goal(tolerance=0.5 * tau, confidence=goal.confidence)
            paths = classical_paths(problem, goal, goal.tolerance)
            tests = max_tests(np.asarray(table.edges))
            return plan_estimate(
                amplitude_problem, self.estimator, one, amplitude=tau, tests=tests, paths=paths
            )
        amplitude_problem = self.encoding.encode(table, Mean())
        one = amplitude_goal(goal, amplitude_problem, table.bias_bound)
        amplitude = (table.mean() - amplitude_problem.offset) / amplitude_problem.scale
        allowed = goal.allowed_half_width(table.mean())
        return plan_estimate(
            amplitude_problem,
            self.estimator,
            one,
            amplitude=min(max(amplitude, 0.0), 1.0),
            tests=1,
            paths=classical_paths(problem, goal, allowed),
        )

    def _summary(self, run: _Run) -> CircuitSummary | None:
        if run.first is None or run.first.num_qubits > _SUMMARY_QUBITS:
            return None
        from qmc.circuits.grover import summary

        return summary(run.first)

    def _answer(self, run: _Run) -> _Answer:
        measure = run.problem.measure
        if isinstance(measure, VaR):
            return self._value_at_risk(run, measure.level)
        if isinstance(measure, ES):
            return self._expected_shortfall(run, measure.level)
        if isinstance(measure, Price | Probability | ExpectedLoss):
            return self._mean(run)
        msg = (
            f"Quantum does not know the measure {type(measure).__name__}: it treats Price, "
            "Probability, ExpectedLoss, VaR and ES; see which engine your measure names"
        )
        raise Unsupported(msg)

    def _estimate(
        self,
        run: _Run,
        functional: Functional,
        goal: Goal,
        excludes: float | None = None,
    ) -> tuple[AmplitudeProblem, Estimate]:
        """Run the estimator on one functional; stop early once its interval excludes a value."""
        encoded = self.encoding.encode(run.table, functional)
        run.first = run.first or encoded
        one = amplitude_goal(goal, encoded, _finite(run.table.bias_bound) + encoded.bias_bound)
        oracle_rng, estimator_rng = run.rng.spawn(2)
        oracle = MeteredOracle(self.backend.oracle(encoded, rng=oracle_rng), run.meter)
        stop = None
        if excludes is not None and self.estimator.anytime_valid:
            target = (excludes - encoded.offset) / encoded.scale
            stop = lambda estimate: not estimate.interval.contains(target)  # noqa: E731
        estimate = run_estimator(
            self.estimator, oracle, one, decay=oracle.decay, stop=stop, rng=estimator_rng
        )
        return encoded, estimate

    def _mean(self, run: _Run) -> _Answer:
        encoded, estimate = self._estimate(run, Mean(), run.goal)
        sampled = replace(
            estimate.interval.mapped(encoded.offset, encoded.scale),
            confidence=run.goal.confidence,
        )
        bound = _finite(run.table.bias_bound) + encoded.bias_bound
        interval = Interval(sampled.low - bound, sampled.high + bound, sampled.confidence)
        value = encoded.value(estimate.value)
        status = estimate.status
        if status != "interrupted":
            spent = status == "budget_exhausted"
            status = status_for(run.goal, value, interval.half_width, spent=spent)
        note = f"{type(self.estimator).__name__}, scale {encoded.scale:.6g} a unit of amplitude"
        share = 1.0 - run.goal.confidence
        lines = [BudgetLine("amplitude estimation", "sampling", sampled.half_width, share, note)]
        if encoded.bias_bound > 0.0:
            lines.append(BudgetLine("encoding", "bound", encoded.bias_bound))
        return _Answer(value, interval, status, tuple(lines))

    def _search(self, run: _Run, level: float, goal: Goal, reserve: int) -> Bracket:
        """Bracket the quantile at `goal.confidence`, leaving `reserve` queries untouched."""
        if run.table.edges is None:
            msg = (
                f"{type(self.grid).__name__} made no edges for a quantile: take LawGrid, or "
                "classical_baseline.MonteCarlo"
            )
            raise Unsupported(msg)
        edges, tau = run.table.edges, 1.0 - level
        confidence = 1.0 - (1.0 - goal.confidence) / max_tests(edges)

        def test(edge: int) -> Estimate:
            left = run.left()
            budget = None if left is None else left - reserve
            if budget is not None and budget < 1:
                return Estimate(0.5, Interval(0.0, 1.0, confidence), "budget_exhausted")
            one = Goal(tolerance=TIE_RESOLUTION * tau, queries=budget, confidence=confidence)
            return self._estimate(run, Tail(float(edges[edge])), one, excludes=tau)[1]

        def enough(low: int, high: int) -> bool:
            half = 0.5 * float(edges[high] - edges[low])
            value = Interval(float(edges[low]), float(edges[high])).midpoint
            return math.isfinite(half) and goal.met(value, half)

        return find_bracket(edges, tau, test, enough)

    def _value_at_risk(self, run: _Run, level: float) -> _Answer:
        bracket = self._search(run, level, run.goal, reserve=0)
        edges = np.asarray(run.table.edges)
        confidence = run.goal.confidence
        interval = Interval(float(edges[bracket.low]), float(edges[bracket.high]), confidence)
        value = interpolate(edges, bracket, 1.0 - level)
        note = (
            f"edges {bracket.low} to {bracket.high} of {edges.size - 1}, tests {len(bracket.tests)}"
        )
        line = BudgetLine(
            "threshold search", "sampling", interval.half_width, 1.0 - confidence, note
        )
        return _Answer(value, interval, _search_status(bracket, run.goal, value, interval), (line,))

    def _expected_shortfall(self, run: _Run, level: float) -> _Answer:
        """Both sides of h(q) - |q - VaR| |F(q) - level| / (1 - level) <= ES <= h(q).

        h(q) = q + E[(L - q)+] / (1 - level) is convex with its minimum, ES, at q = VaR and slope
        (F(q) - level) / (1 - level) (Rockafellar and Uryasev 2002,
        doi:10.1016/S0378-4266(02)00271-6, theorem 10). The edge q is fixed by the search before
        the excess is sampled afresh.
        """
        goal, tau, share = run.goal, 1.0 - level, 1.0 - run.goal.confidence
        reserve = 0 if goal.queries is None else int((1.0 - _SEARCH_QUERIES) * goal.queries)
        resolve = Goal(queries=goal.queries or 2**62, confidence=1.0 - _SEARCH_SHARE * share)
        bracket = self._search(run, level, resolve, reserve)
        edges = np.asarray(run.table.edges)
        threshold, slack = _threshold_and_slack(edges, bracket, tau)
        q = float(edges[threshold])
        encoded, estimate = self._excess(run, q, slack, tau)
        excess = estimate.interval.mapped(encoded.offset, encoded.scale)
        value_at_risk_low = float(edges[bracket.low])
        high = q + excess.high / tau
        low = min(max(q + excess.low / tau - slack, value_at_risk_low), high)
        interval = Interval(low, high, goal.confidence)
        value = min(max(q + encoded.value(estimate.value) / tau, low), high)
        status = estimate.status
        if "interrupted" in {status, bracket.ended}:
            status = "interrupted"
        elif not math.isfinite(interval.half_width):
            status = "unresolved"
        else:
            spent = "budget_exhausted" in {status, bracket.ended}
            status = status_for(goal, value, interval.half_width, spent=spent)
        lines = (
            BudgetLine(
                "excess over the threshold",
                "sampling",
                excess.half_width / tau,
                (1.0 - _SEARCH_SHARE) * share,
                f"threshold {q:.6g}",
            ),
            BudgetLine(
                "threshold is not the VaR",
                "bound",
                0.5 * slack,
                _SEARCH_SHARE * share,
                f"|q - VaR| |F(q) - level| / (1 - level), edges {bracket.low} to {bracket.high}",
            ),
        )
        return _Answer(value, interval, status, lines)

    def _excess(
        self, run: _Run, q: float, slack: float, tau: float
    ) -> tuple[AmplitudeProblem, Estimate]:
        """Sample E[(L - q)+] so that the interval of ES meets the goal, if the slack allows."""
        goal, left = run.goal, run.left()
        # h's half-width may be the tolerance less half the slack; never chase a lost cause
        usable = 0.5 * slack if math.isfinite(slack) else 0.0
        tolerance = goal.allowed_half_width(q)
        if goal.relative_tolerance is not None and q <= goal.origin:
            tolerance = goal.tolerance
        if tolerance is not None:
            tolerance = max(tolerance - usable, 0.25 * tolerance) * tau
        if tolerance is None and left is None:
            tolerance = 0.01 * abs(q) * tau
        one = Goal(
            tolerance=tolerance,
            queries=None if left is None else max(left, 1),
            confidence=1.0 - (1.0 - _SEARCH_SHARE) * (1.0 - goal.confidence),
        )
        return self._estimate(run, Excess(q), one)


def amplitude_goal(goal: Goal, encoded: AmplitudeProblem, bias_bound: float) -> Goal:
    """The goal in units of amplitude: tolerance less the bias bound, over the scale."""
    scale = abs(encoded.scale)
    tolerance = goal.tolerance
    if tolerance is not None:
        # a bound beyond the tolerance cannot be sampled away; the status will say so
        tolerance = max(tolerance - _finite(bias_bound), 0.1 * tolerance) / scale
    origin = (goal.origin - encoded.offset) / encoded.scale
    return replace(goal, tolerance=tolerance, origin=origin)


def _threshold_and_slack(edges: Array, bracket: Bracket, tau: float) -> tuple[int, float]:
    """The finite end of the bracket whose bound |q - VaR| |T(q) - tau| / tau is smaller."""
    last = edges.size - 1
    width = float(edges[bracket.high] - edges[bracket.low])
    choices = []
    for edge in (bracket.low, bracket.high):
        if math.isfinite(float(edges[edge])):
            tail = bracket.tail_interval(edge, last)
            distance = max(abs(tail.low - tau), abs(tail.high - tau)) / tau
            choices.append((width * distance, edge))
    if not choices:
        middle = edges.size // 2
        return middle, math.inf
    slack, edge = min(choices)
    return edge, slack


def _search_status(bracket: Bracket, goal: Goal, value: float, interval: Interval) -> Status:
    if bracket.ended == "interrupted":
        return "interrupted"
    if not math.isfinite(interval.half_width) and bracket.ended != "budget_exhausted":
        return "unresolved"
    spent = bracket.ended == "budget_exhausted"
    if goal.allowed_half_width(value) is None and spent:
        return "budget_exhausted"
    return status_for(goal, value, interval.half_width, spent=spent)


def _grid_lines(table: CellTable) -> tuple[BudgetLine, ...]:
    if table.bias == "exact":
        return (BudgetLine("grid", "exact", 0.0, 0.0, "exact cell means and edge probabilities"),)
    if table.bias == "bounded":
        return (BudgetLine("grid", "bound", table.bias_bound),)
    return (BudgetLine("grid", "unknown", math.inf, 0.0, "not covered by the interval"),)


def _finite(bound: float) -> float:
    """A bias bound as far as it can be added: an unknown bias is reported, not added."""
    return bound if math.isfinite(bound) else 0.0
