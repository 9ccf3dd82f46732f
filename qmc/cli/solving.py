"""Solve what a specification asks for, by the engines it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from qmc.errors import Unsupported
from qmc.report import Solved

if TYPE_CHECKING:
    from qmc.convergence import ConvergenceTable
    from qmc.problem import Problem
    from qmc.result import Engine
    from qmc.specification import Specification

# of a reference where no exact value is known: far below the errors that a study can show
_REFERENCE_PATHS = 2**18
_TAIL_PATHS = 2**22
_REFERENCE_ERROR = 1e-4
# none that a user's seeds reach
_REFERENCE_SEED = 20_260_721


def solve_until_stopped(
    spec: Specification, problems: Sequence[Problem]
) -> tuple[list[Solved], bool]:
    """Solve one after the other; Ctrl-C keeps what is finished and starts nothing new.

    Raises:
        Unsupported: when an engine that was asked for by name cannot.
    """
    solved: list[Solved] = []
    try:
        for problem in problems:
            for one in solve_all(spec, problem):
                solved.append(one)
                if one.result.status == "interrupted":
                    return solved, True
    except KeyboardInterrupt:
        return solved, True
    return solved, False


def solve_all(spec: Specification, problem: Problem) -> Iterator[Solved]:
    """Solve by every engine asked for; with "all", the exact one is left out where it cannot.

    Raises:
        Unsupported: when another engine cannot, or the exact one was asked for by name.
    """
    from classical_baseline import Analytic, MonteCarlo

    makers: dict[str, Callable[[], Engine]] = {
        "analytic": Analytic,
        "monte-carlo": MonteCarlo,
        "quantum": spec.make_quantum,
    }
    wanted = tuple(makers) if spec.run.engine == "all" else (spec.run.engine,)
    goal = spec.make_goal()
    for name in wanted:
        try:
            result = makers[name]().solve(problem, goal, rng=spec.run.seed)
        except Unsupported:
            if name == "analytic" and len(wanted) > 1:
                continue
            raise
        yield Solved(name, result)


def converge_problems(
    spec: Specification, budgets: Sequence[int], seeds: int
) -> tuple[ConvergenceTable, tuple[str, ...]]:
    """Quantum and Monte Carlo on every problem of a specification, against the exact value.

    Returns:
        The table, and a note on each reference that had to be measured.
    """
    from classical_baseline import MonteCarlo
    from qmc.convergence import convergence

    first, problems = spec.run.seed or 0, spec.problems()
    references = [_reference(problem) for problem in problems]
    table = convergence(
        problems,
        (spec.make_quantum(), MonteCarlo()),
        budgets,
        tuple(range(first, first + seeds)),
        reference=[value for value, _ in references],
        confidence=spec.make_goal().confidence,
    )
    return table, tuple(note for _, note in references if note)


def _reference(problem: Problem) -> tuple[float, str]:
    """The exact value, or where none is known one of many paths, with a note of its error."""
    from classical_baseline import Analytic
    from qmc.grids import FactorGrid, Residual
    from qmc.measures import TailMeasure
    from qmc.problem import Goal
    from qmc.rng import generator

    try:
        return Analytic().solve(problem, Goal(tolerance=1e-12), rng=0).value, ""
    except Unsupported:
        if isinstance(problem.measure, TailMeasure):
            return _tail_reference(problem)
        table = FactorGrid().discretise(problem)
    read = Residual(max_paths=_REFERENCE_PATHS).correct(
        problem,
        table,
        lambda mean, width: width <= _REFERENCE_ERROR * abs(table.mean() + mean),
        error=0.01,
        first_paths=_REFERENCE_PATHS // 16,
        rng=generator(_REFERENCE_SEED),
    )
    value = table.mean() + read.mean
    return value, _note(problem, value, read.half_width, f"{read.paths:,} Sobol paths")


def _tail_reference(problem: Problem) -> tuple[float, str]:
    """A quantile or a mean beyond it, by many independent paths."""
    from classical_baseline import MonteCarlo
    from qmc.problem import Goal

    goal = Goal(queries=_TAIL_PATHS, confidence=0.99)
    found = MonteCarlo().solve(problem, goal, rng=_REFERENCE_SEED)
    how = f"{found.cost.queries:,} paths"
    return found.value, _note(problem, found.value, found.interval.half_width, how)


def _note(problem: Problem, value: float, half_width: float, how: str) -> str:
    name = f"{type(problem.measure).__name__} of {type(problem.contract).__name__}"
    return (
        f"No exact value is known of {name}: errors and coverage are against {value:.8g} "
        f"+- {half_width:.2g} (99 %), measured by {how}"
    )
