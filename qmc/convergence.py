"""Error against queries for any engines, in one call."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qmc import checks
from qmc.capabilities import ValueLaw
from qmc.errors import InvalidProblem, Unsupported
from qmc.grids import LawGrid
from qmc.measures import TailMeasure
from qmc.problem import Array, Goal, Problem
from qmc.result import Engine, Interval, Result, law_lines
from qmc.tail_laws import tail_number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_RESAMPLES = 400
_PERCENTILE = 95.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvergenceRow:
    """One solve: an engine on a problem with a budget and a seed.

    Attributes:
        problem, engine: labels.
        budget: queries allowed; `queries` those spent.
        seed: of the solve.
        value, reference, error: estimate, true number, |value - reference|, measure's unit.
        half_width: of the interval; infinite where one end is.
        covered: True when the interval contains the reference.
        seconds: wall time.
        status: of the result.
    """

    problem: str
    engine: str
    budget: int
    seed: int
    queries: int
    value: float
    reference: float
    error: float
    half_width: float
    covered: bool
    seconds: float
    status: str


@dataclass(frozen=True, slots=True)
class Slope:
    """Slope of log error against log queries, with a 95 % bootstrap interval over seeds."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class ConvergenceTable:
    """The rows of a convergence study, and what follows from them.

    Attributes:
        rows: one a solve, in order.
        interrupted: True when Ctrl-C ended the study; the rows are those finished before.
    """

    rows: tuple[ConvergenceRow, ...]
    interrupted: bool = False

    def engines(self, problem: str | None = None) -> tuple[str, ...]:
        """Labels of the engines, in order, of one problem or of all."""
        named = (r.engine for r in self.rows if problem in {None, r.problem})
        return tuple(dict.fromkeys(named))

    @functools.cached_property
    def problems(self) -> tuple[str, ...]:
        """Labels of the problems, in order."""
        return tuple(dict.fromkeys(row.problem for row in self.rows))

    def to_frame(self) -> pd.DataFrame:
        """All rows as a pandas table."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows])

    def summary(self) -> pd.DataFrame:
        """A row per problem, engine and budget.

        Columns: runs, median queries, median, RMSE and 95th-percentile error, median half-width,
        coverage of the interval, median seconds.
        """
        groups = self.to_frame().groupby(["problem", "engine", "budget"], sort=False)
        return groups.agg(
            runs=("seed", "size"),
            queries=("queries", "median"),
            median_error=("error", "median"),
            rmse=("error", lambda e: float(np.sqrt(np.mean(np.square(e))))),
            error_95=("error", lambda e: float(np.percentile(e, _PERCENTILE))),
            half_width=("half_width", "median"),
            coverage=("covered", "mean"),
            seconds=("seconds", "median"),
        ).reset_index()

    def curve(self, problem: str, engine: str) -> tuple[Array, Array]:
        """Queries (budgets, seeds) and errors (budgets, seeds) of one engine on one problem.

        A budget that an interruption left with fewer seeds is not part of the curve.

        Raises:
            InvalidProblem: for a problem or an engine that the table does not have.
        """
        rows = self._whole_budgets(problem, engine)
        queries = np.array([[row.queries for row in group] for group in rows], dtype=float)
        errors = np.array([[row.error for row in group] for group in rows], dtype=float)
        return queries, errors

    def informative(self, problem: str, engine: str) -> NDArray[np.bool_]:
        """Of each budget of the curve: whether its intervals say more than the number's size.

        A budget too small for a search leaves intervals that cover everything; what stands in
        their middle is no estimate, and a slope through it would be too steep.
        """
        rows = self._whole_budgets(problem, engine)
        limits = [abs(group[0].reference) for group in rows]
        widths = [float(np.median([row.half_width for row in group])) for group in rows]
        return np.array(
            [w <= limit or limit == 0.0 for w, limit in zip(widths, limits, strict=True)]
        )

    def slope(self, problem: str, engine: str) -> Slope:
        """Fitted slope of the 95th-percentile error; -1/2 is classical, -1 the quantum limit.

        Informative budgets only. The interval resamples seeds (percentile bootstrap, fixed seed).
        NaN with fewer than two budgets or with errors of exactly zero.

        Raises:
            InvalidProblem: for a problem or an engine that the table does not have.
        """
        queries, errors = self.curve(problem, engine)
        told = self.informative(problem, engine)
        queries, errors = queries[told], errors[told]
        if len(queries) < 2:
            return Slope(math.nan, Interval(-math.inf, math.inf, 0.95))
        rng = np.random.default_rng(0)
        picks = rng.integers(errors.shape[1], size=(_RESAMPLES, errors.shape[1]))
        fits = [_fit(queries[:, pick], errors[:, pick]) for pick in picks]
        value = _fit(queries, errors)
        if not (math.isfinite(value) and np.all(np.isfinite(fits))):
            return Slope(math.nan, Interval(-math.inf, math.inf, 0.95))
        low, high = np.percentile(fits, [2.5, 97.5])
        return Slope(value, Interval(float(low), float(high), 0.95))

    def _whole_budgets(self, problem: str, engine: str) -> list[list[ConvergenceRow]]:
        """The rows of each budget with all its seeds."""
        mine = [r for r in self.rows if r.problem == problem and r.engine == engine]
        if not mine:
            pairs = "; ".join(f"{p}: {', '.join(self.engines(p))}" for p in self.problems)
            raise checks.refuse("problem, engine", (problem, engine), f"in the table ({pairs})")
        budgets = tuple(dict.fromkeys(row.budget for row in mine))
        groups = [[row for row in mine if row.budget == budget] for budget in budgets]
        whole = max(map(len, groups))
        return [group for group in groups if len(group) == whole]

    def __str__(self) -> str:
        """The summary."""
        return str(self.summary().to_string(index=False))

    def _repr_html_(self) -> str:
        """The summary, as a notebook shows it."""
        return str(self.summary().to_html(index=False))

    def plot(self, problem: str | None = None, *, ax: Axes | None = None) -> Axes:
        """Error against queries, log-log, with guide lines and fitted slopes; returns the axes."""
        from qmc.plots import plot_convergence

        return plot_convergence(self, problem, ax=ax)


def convergence(
    problems: Sequence[Problem] | Problem,
    engines: Sequence[Engine] | Engine,
    queries: Sequence[int] | int,
    seeds: Sequence[int] | int,
    *,
    reference: Engine | Sequence[float] | None = None,
    confidence: float = 0.95,
) -> ConvergenceTable:
    """Solve every problem by every engine with every budget and seed.

    Args:
        problems: one or several.
        engines: one or several; classical ones spend paths as queries.
        queries: one budget or several, each >= 1.
        seeds: seeds, or how many (0, 1, ...).
        reference: an exact engine such as `classical_baseline.Analytic()`, or one true number a
            problem; None where the problem's law is known, which then gives it.
        confidence: of every interval.

    Raises:
        InvalidProblem: for empty lists, budgets below 1, or too few references.
        KeyboardInterrupt: when stopped before one row was finished; later, the rows finished so
            far are returned.

    >>> from classical_baseline import MonteCarlo
    >>> from qmc import BlackScholes, Call, Price, Problem, convergence
    >>> market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    >>> problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> table = convergence(problem, MonteCarlo(), [1_000, 4_000], 3)
    >>> len(table.rows)
    6
    """
    problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
    engines = (engines,) if isinstance(engines, Engine) else tuple(engines)
    for engine in engines:
        checks.interface("engines", engine, Engine)
    queries = (queries,) if isinstance(queries, int) else tuple(queries)
    seeds = range(checks.whole("seeds", seeds, 1)) if isinstance(seeds, int) else tuple(seeds)
    lists = {"problems": problems, "engines": engines, "queries": queries, "seeds": seeds}
    for name, given in lists.items():
        if len(given) == 0:
            raise checks.refuse(name, given, "a non-empty list")
    goals = [Goal(queries=budget, confidence=confidence) for budget in queries]
    truths = _references(problems, reference)
    names = _labels(
        [f"{type(p.measure).__name__} of {type(p.contract).__name__}" for p in problems]
    )
    labels = _labels([type(engine).__name__ for engine in engines])
    plan = [
        _Solve(problem, name, truth, engine, label, goal, seed)
        for problem, name, truth in zip(problems, names, truths, strict=True)
        for engine, label in zip(engines, labels, strict=True)
        for goal in goals
        for seed in seeds
    ]
    return _run(plan)


@dataclass(frozen=True, slots=True)
class _Solve:
    """One solve of a study."""

    problem: Problem
    name: str
    truth: float
    engine: Engine
    label: str
    goal: Goal
    seed: int

    def row(self, result: Result) -> ConvergenceRow:
        """The row of its result."""
        return ConvergenceRow(
            problem=self.name,
            engine=self.label,
            budget=self.goal.queries or 0,
            seed=self.seed,
            queries=result.cost.queries,
            value=result.value,
            reference=self.truth,
            error=abs(result.value - self.truth),
            half_width=result.interval.half_width,
            covered=result.interval.contains(self.truth),
            seconds=result.cost.seconds,
            status=result.status,
        )


def _run(plan: Sequence[_Solve]) -> ConvergenceTable:
    """Solve one after the other; Ctrl-C keeps the rows that are finished."""
    rows: list[ConvergenceRow] = []
    try:
        for one in plan:
            result = one.engine.solve(one.problem, one.goal, rng=one.seed)
            if result.status == "interrupted":
                raise KeyboardInterrupt  # noqa: TRY301
            rows.append(one.row(result))
    except KeyboardInterrupt:
        if not rows:
            raise
        return ConvergenceTable(tuple(rows), interrupted=True)
    return ConvergenceTable(tuple(rows))


def _references(
    problems: Sequence[Problem], reference: Engine | Sequence[float] | None
) -> tuple[float, ...]:
    if reference is None:
        return tuple(map(_from_law, problems))
    if isinstance(reference, Engine):
        goal = Goal(tolerance=1e-12)
        return tuple(reference.solve(problem, goal, rng=0).value for problem in problems)
    truths = checks.vector("reference", reference)
    if len(truths) != len(problems):
        raise checks.refuse("reference", reference, f"one number for each of {len(problems)}")
    return truths


def _from_law(problem: Problem) -> float:
    """The exact number from the problem's own law."""
    measure = problem.measure
    for line in law_lines(problem.model, problem.contract.times):
        msg = f"reference=None: {line.note}; give reference= an engine or the true numbers"
        raise InvalidProblem(msg)
    if isinstance(measure, TailMeasure) and isinstance(problem.model, ValueLaw):
        return tail_number(problem.model.value_law(problem.contract).negated(), measure)
    try:
        return LawGrid(qubits=1).discretise(problem).mean()
    except Unsupported as error:
        msg = f"reference=None: {error}; give reference= an exact engine or the true numbers"
        raise InvalidProblem(msg) from error


def _labels(names: Sequence[str]) -> tuple[str, ...]:
    """The names, numbered from the second of a kind on."""
    seen: dict[str, int] = {}
    labels = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        labels.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return tuple(labels)


def _fit(queries: Array, errors: Array) -> float:
    """Least-squares slope of log 95th-percentile error on log mean queries."""
    if len(queries) < 2:
        return math.nan
    heights = np.percentile(errors, _PERCENTILE, axis=1)
    if np.any(heights <= 0.0):
        return math.nan
    return float(np.polyfit(np.log(queries.mean(axis=1)), np.log(heights), 1)[0])
