"""A bar on stderr while an estimator runs; nothing where stderr is no terminal and no notebook."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from qmc.problem import Goal
from qmc.result import Estimate

Progress: TypeAlias = Callable[[Estimate, int], object]


def share_done(goal: Goal, estimate: Estimate, queries: int) -> float:
    """Share of a run that is done, 0 to 1: of the budget, or of the digits that were wanted.

    >>> from qmc.result import Interval
    >>> half = Estimate(0.5, Interval(0.4, 0.6, 0.95), "interrupted")
    >>> round(share_done(Goal(tolerance=0.02), half, 0), 6)
    0.5
    """
    shares = [0.0]
    if goal.queries is not None:
        shares.append(queries / goal.queries)
    allowed = goal.allowed_half_width(estimate.value)
    if allowed and allowed < 0.5:
        reached = max(estimate.interval.half_width, allowed)
        shares.append(math.log(0.5 / reached) / math.log(0.5 / allowed))
    return min(max(shares), 1.0)


@contextmanager
def bar(goal: Goal) -> Iterator[Progress]:
    """A bar that follows a run: call what it yields with the estimate and the queries so far."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    shown = console.is_terminal or console.is_jupyter
    with Bar(*columns, console=console, disable=not shown, transient=True) as view:
        task = view.add_task("no round yet", total=1.0)

        def update(estimate: Estimate, queries: int) -> None:
            width = estimate.interval.half_width
            text = f"{estimate.value:.6g} +- {width:.1g}, {queries:,} queries"
            view.update(task, completed=share_done(goal, estimate, queries), description=text)

        yield update
