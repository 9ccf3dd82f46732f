"""Term structures: a rate, yield or volatility that changes with time, piecewise flat."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.problem import Array

RATE_HINT = "5 % is 0.05"
VOL_HINT = "a volatility of 20 % is vol=0.2"
_MOST = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A piecewise flat function of time: instantaneous forward values.

    `values[0]` holds from time 0 to `times[0]` inclusive, `values[i]` after `times[i - 1]` up to
    `times[i]` inclusive, the last one ever after. A rate or yield integrates; a volatility is a
    forward volatility whose square integrates (Rebonato 2004, Volatility and Correlation, ch. 3).

    Attributes:
        times: (n,) years, increasing, each > 0; empty for a constant.
        values: (n + 1,) per annum.

    Raises:
        InvalidProblem: for NaN, infinite, unsorted or mis-shaped input.

    >>> rate = Curve(times=(0.5, 1.0), values=(0.02, 0.03, 0.035))
    >>> rate.at([0.5, 0.75, 9.0]).tolist()
    [0.02, 0.03, 0.035]
    >>> round(float(rate.integral([2.0])[0]), 6)
    0.06
    """

    times: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse times out of order and a wrong number of values."""
        times = checks.vector("times", self.times) if np.size(self.times) else ()
        values = checks.vector("values", self.values)
        for place, (earlier, later) in enumerate(itertools.pairwise((0.0, *times))):
            if later <= earlier:
                allowed = f"above {earlier:g}, as times are years from today, increasing"
                raise checks.refuse(f"times[{place}]", later, allowed)
        if len(values) != len(times) + 1:
            allowed = f"{len(times) + 1} numbers for {len(times)} times"
            hint = "one before each time and one after the last"
            raise checks.refuse("values", f"{len(values)} numbers", allowed, hint)
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)

    def at(self, times: ArrayLike) -> Array:
        """Values at `times`, in their shape."""
        index = np.searchsorted(self.times, np.asarray(times, dtype=np.float64), side="left")
        return np.asarray(np.asarray(self.values)[index])

    def integral(self, times: ArrayLike) -> Array:
        """Integrals from 0 to `times`, in their shape."""
        ends = np.asarray(times, dtype=np.float64)
        knots, values = np.array((0.0, *self.times)), np.asarray(self.values)
        index = np.searchsorted(self.times, ends, side="left")
        areas = np.concatenate([[0.0], np.cumsum(values[:-1] * np.diff(knots))])
        return np.asarray(areas[index] + values[index] * (ends - knots[index]))

    def squared(self) -> Curve:
        """The curve of squares: of a volatility, the forward variance."""
        return Curve(times=self.times, values=tuple(value * value for value in self.values))


Term: TypeAlias = float | Curve


def checked_term(name: str, value: object, low: float = -_MOST, hint: str = RATE_HINT) -> Term:
    """A number or a curve of numbers from `low` to 10."""
    if not isinstance(value, Curve):
        return between(name, value, low, _MOST, hint)
    for place, each in enumerate(value.values):
        between(f"{name}.values[{place}]", each, low, _MOST, hint)
    return value


def between(name: str, value: object, low: float, high: float, hint: str = "") -> float:
    """A number from `low` to `high` inclusive."""
    number = checks.finite(name, value, hint)
    if not low <= number <= high:
        raise checks.refuse(name, number, f"from {low:g} to {high:g}", hint)
    return number


def integral(term: Term, times: ArrayLike) -> Array:
    """Integrals of a number or curve from 0 to `times`, in their shape."""
    if isinstance(term, Curve):
        return term.integral(times)
    return np.asarray(term * np.asarray(times, dtype=np.float64))


def growth(rate: Term, dividend_yield: Term, times: ArrayLike) -> Array:
    """Integrals of rate - dividend_yield from 0 to `times`: logs of forward over spot."""
    if isinstance(rate, Curve) or isinstance(dividend_yield, Curve):
        return np.asarray(integral(rate, times) - integral(dividend_yield, times))
    return integral(rate - dividend_yield, times)


def variance(vol: Term, times: ArrayLike) -> Array:
    """Integrals of a volatility's square from 0 to `times`, in their shape."""
    return integral(vol.squared() if isinstance(vol, Curve) else vol * vol, times)


def discount(rate: Term, times: ArrayLike) -> Array:
    """exp(-integral of the rate), in the shape of `times`."""
    return np.asarray(np.exp(-integral(rate, times)))
