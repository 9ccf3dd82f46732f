"""The check of an engine."""

from __future__ import annotations

import math
from typing import Any

from qmc.problem import Goal, Problem
from qmc.result import Result
from qmc.testing.values import stored


def check_engine(engine: Any, problem: Problem, goal: Goal) -> None:  # noqa: ANN401
    """An engine gives a Result with an ordered interval, repeats itself, and can be stored."""
    first = engine.solve(problem, goal, rng=5)
    assert isinstance(first, Result), f"solve gave a {type(first).__name__}: must be a Result"
    assert math.isfinite(first.value), f"value={first.value}"
    assert first.interval.low <= first.interval.high, f"{first.interval} is reversed"
    ends = (first.interval.low, first.interval.high)
    assert first.status != "converged" or all(map(math.isfinite, ends)), (
        f"converged with an infinite interval {first.interval}"
    )
    second = engine.solve(problem, goal, rng=5)
    assert (first.value, first.interval, first.status) == (
        second.value,
        second.interval,
        second.status,
    ), f"the same seed gave {first} and {second}"
    assert "\n" not in str(first), "str(result) must be one line"
    assert str(stored(first)) == str(first), "the stored result reads otherwise"
