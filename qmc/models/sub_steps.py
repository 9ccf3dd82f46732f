"""Sub-steps of models that are simulated on a grid finer than the contract's times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from qmc.problem import Array

# a span longer than a whole number of steps by less is that number of steps
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class SubStep:
    """One step from `start` to `end`, in years; `time` is the place of a time that it ends at."""

    start: float
    end: float
    time: int | None

    @property
    def length(self) -> float:
        """Years."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """Time halfway, in years."""
        return 0.5 * (self.start + self.end)


def count(times: Sequence[float], steps_per_year: int) -> int:
    """Sub-steps that reach the last of `times`."""
    return sum(_counts(times, steps_per_year))


def sub_steps(times: Sequence[float], steps_per_year: int) -> Iterator[SubStep]:
    """Equal steps between neighbouring times, each of 1 / steps_per_year years or less.

    A time that is no later than the one before takes one step of length 0.

    >>> [(s.end, s.time) for s in sub_steps((0.5, 1.0), 4)]
    [(0.25, None), (0.5, 0), (0.75, None), (1.0, 1)]
    """
    begin = 0.0
    for place, (time, number) in enumerate(zip(times, _counts(times, steps_per_year), strict=True)):
        ends = np.linspace(begin, time, number + 1).tolist()
        for step in range(number):
            last = place if step == number - 1 else None
            yield SubStep(ends[step], ends[step + 1], last)
        begin = time


def as_prices(spot: float, growth: Array, logs: Array) -> Array:
    """Prices spot exp(growth + logs), in the memory of `logs` (n, times, 1); growth is (times,)."""
    logs += growth[:, None]
    np.exp(logs, out=logs)
    logs *= spot
    return logs


def _counts(times: Sequence[float], steps_per_year: int) -> list[int]:
    spans = np.diff(np.asarray(times, dtype=np.float64), prepend=0.0)
    return [max(1, math.ceil(span * steps_per_year - _ROUNDING)) for span in spans.tolist()]
