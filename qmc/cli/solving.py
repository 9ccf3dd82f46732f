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


def converge_problems(spec: Specification, budgets: Sequence[int], seeds: int) -> ConvergenceTable:
    """Quantum and Monte Carlo on every problem of a specification, against the exact value."""
    from classical_baseline import Analytic, MonteCarlo
    from qmc.convergence import convergence

    first = spec.run.seed or 0
    return convergence(
        spec.problems(),
        (spec.make_quantum(), MonteCarlo()),
        budgets,
        tuple(range(first, first + seeds)),
        reference=Analytic(),
        confidence=spec.make_goal().confidence,
    )
