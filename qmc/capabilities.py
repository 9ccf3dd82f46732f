"""Capabilities: what a model or contract may offer beside its own interface, asked by `isinstance`.

Each is looked for in one place; nothing is registered and nothing subclassed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from qmc.affine import AffinePiece
    from qmc.laws import Law
    from qmc.problem import Array, Contract

Side: TypeAlias = Literal["low", "high"]


@runtime_checkable
class TerminalPayoff(Protocol):
    """A contract that pays a piecewise affine function of one price at `expiry`."""

    @property
    def expiry(self) -> float:
        """Years to the payment."""
        ...

    def pieces(self) -> tuple[AffinePiece, ...]:
        """The payoff's pieces in increasing price; where none applies it pays 0."""
        ...


@runtime_checkable
class TerminalLaw(Protocol):
    """A model that knows the law of its one asset's price at a time."""

    def terminal_law(self, time: float) -> Law:
        """Law of the price at `time` (years)."""
        ...


@runtime_checkable
class ValueLaw(Protocol):
    """A model that knows the law of a contract's present value itself."""

    def value_law(self, contract: Contract) -> Law:
        """Law of the contract's present value; `Unsupported` for a contract it cannot treat."""
        ...


@runtime_checkable
class SampledLaw(ValueLaw, Protocol):
    """A model whose `value_law` may be that of scenarios fixed beforehand, not of its own paths."""

    def sampled_law(self, times: Sequence[float]) -> str | None:
        """How the scenarios were made; None where the law is exact."""
        ...


@runtime_checkable
class OfPeriods(Protocol):
    """A model of returns: known for one period, its paths are gross returns and no prices."""

    @property
    def period(self) -> float:
        """Years."""
        ...


@runtime_checkable
class HasScenarios(OfPeriods, Protocol):
    """A model of returns that is a list of equally likely scenarios."""

    def scenarios(self, periods: int = 1) -> Array:
        """Simple returns (n, assets) over that many periods."""
        ...


@runtime_checkable
class Observed(Protocol):
    """A model that knows no more than a number of past observations."""

    def observations(self, times: Sequence[float]) -> int:
        """How many there are of what happens over `times`."""
        ...


@runtime_checkable
class GaussianLogPrices(Protocol):
    """A model whose log prices are jointly normal, as a map of the normals that `paths` takes."""

    def log_prices(self, times: Sequence[float]) -> tuple[Array, Array]:
        """Means (times, columns) and loadings (times, columns, factors).

        `paths(times, normals)` is exp(means + loadings @ normals), path by path.
        """
        ...


@dataclass(frozen=True, slots=True)
class LinearPayoff:
    """(sign (X - strike))+ paid at the last time, X = sum of weights times prices.

    Attributes:
        weights: (times, columns).
        strike: in the currency of X.
        sign: 1 for a call, -1 for a put.
    """

    weights: tuple[tuple[float, ...], ...]
    strike: float
    sign: float


@runtime_checkable
class LinearExposure(Protocol):
    """A contract that may be an option on one sum that is linear in prices."""

    def linear_payoff(self) -> LinearPayoff | None:
        """The payoff in that form; None where these fields make it another."""
        ...


@runtime_checkable
class SupportsExtremes(Protocol):
    """A model that draws what its prices did between the times, given the prices at the times."""

    def extremes(self, times: Sequence[float], paths: Array, normals: Array, side: Side) -> Array:
        """The lowest or highest price of each step, (n, times, columns).

        A step runs from the time before (from 0 for the first) to its own, ends included.

        Args:
            times: years, increasing.
            paths: (n, times, columns) from `paths`.
            normals: (n, times, columns), independent of those behind `paths`.
            side: "low" for minima, "high" for maxima.
        """
        ...


@runtime_checkable
class SteppedPaths(Protocol):
    """A model whose paths are a scheme of small steps: its mean differs from the model's own."""

    @property
    def scheme(self) -> str:
        """Name and step of the scheme, for the error budget."""
        ...
