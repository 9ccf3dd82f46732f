"""One-dimensional laws with exact cell masses and partial means."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from qmc.problem import Array


@runtime_checkable
class Law(Protocol):
    """A distribution of a real number; all arguments and returns broadcast as float64 arrays."""

    @property
    def mean(self) -> float:
        """E[X]."""
        ...

    def cdf(self, x: Array) -> Array:
        """P(X <= x)."""
        ...

    def sf(self, x: Array) -> Array:
        """P(X > x), accurate in the upper tail."""
        ...

    def ppf(self, p: Array) -> Array:
        """Smallest x with cdf(x) >= p."""
        ...

    def partial_mean(self, x: Array) -> Array:
        """E[X; X <= x]."""
        ...

    def upper_partial_mean(self, x: Array) -> Array:
        """E[X; X > x], accurate in the upper tail."""
        ...
