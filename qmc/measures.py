"""Measures (which number of a contract) and the three functionals that an engine knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from qmc import checks


@runtime_checkable
class Measure(Protocol):
    """A number asked of a contract's present value or of its loss."""

    @property
    def on_loss(self) -> bool:
        """True when the measure acts on the loss, minus the present value."""
        ...


@dataclass(frozen=True, slots=True)
class Price:
    """The mean of the contract's present value, in its currency."""

    on_loss = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probability:
    """P(present value > threshold). `threshold` in the contract's currency, present value."""

    threshold: float
    on_loss = False

    def __post_init__(self) -> None:
        """Refuse a threshold that is no finite number."""
        object.__setattr__(self, "threshold", checks.finite("threshold", self.threshold))


@dataclass(frozen=True, slots=True, kw_only=True)
class VaR:
    """Value at risk: the smallest x with P(loss <= x) >= level. Loss > 0 is bad."""

    level: float
    on_loss = True

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1)."""
        object.__setattr__(self, "level", checks.fraction("level", self.level))


@dataclass(frozen=True, slots=True, kw_only=True)
class ES:
    """Expected shortfall: the mean of VaR(u) over u in (level, 1).

    Acerbi and Tasche (2002, doi:10.1016/S0378-4266(02)00283-2, eq. 3), so it is right where the
    loss has atoms; equal to min over q of q + E[(loss - q)+] / (1 - level).
    """

    level: float
    on_loss = True

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1)."""
        object.__setattr__(self, "level", checks.fraction("level", self.level))


@dataclass(frozen=True, slots=True)
class ExpectedLoss:
    """The mean loss: minus the mean of the present value."""

    on_loss = True


@dataclass(frozen=True, slots=True)
class Mean:
    """E[value]."""


@dataclass(frozen=True, slots=True)
class Tail:
    """P(value > threshold)."""

    threshold: float


@dataclass(frozen=True, slots=True)
class Excess:
    """E[(value - threshold)+]."""

    threshold: float


Functional: TypeAlias = Mean | Tail | Excess
