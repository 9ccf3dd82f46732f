"""Measures (which number of a contract) and the three functionals that an engine knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from qmc import checks

Parameter: TypeAlias = Literal["spot", "vol", "rate", "strike", "time"]
PARAMETERS: tuple[Parameter, ...] = ("spot", "vol", "rate", "strike", "time")

_FIRST_STEP, _SECOND_STEP = 0.01, 0.02
_LARGEST_STEP = 0.25
_GREEKS = {
    ("spot", 1): "delta",
    ("spot", 2): "gamma",
    ("vol", 1): "vega",
    ("rate", 1): "rho",
    ("time", 1): "theta",
}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TailConditionalExpectation:
    """The mean loss beyond the value at risk: E[L | L > VaR], or E[L | L >= VaR].

    Rockafellar and Uryasev (2002, doi:10.1016/S0378-4266(02)00271-6) call them CVaR+ and CVaR-,
    and ES lies between: CVaR- <= ES <= CVaR+, with equality where the loss has no atom at the VaR.
    At an atom ES counts the part of it that lies beyond the level, the strict one leaves the atom
    out and the other takes all of it; neither is subadditive (Acerbi and Tasche 2002,
    doi:10.1016/S0378-4266(02)00283-2). With losses 0 and 10, each of probability 1/2, VaR 40 % is
    0, ES 40 % is 8.33, the strict mean is 10 and the other is 5.

    Attributes:
        level: of the VaR, in (0, 1).
        strict: leave out losses that equal the VaR. Where no loss lies above it, the number does
            not exist, and engines that can tell refuse it.
    """

    level: float
    strict: bool = True
    on_loss = True

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1) and a `strict` that is no truth value."""
        object.__setattr__(self, "level", checks.fraction("level", self.level))
        if not isinstance(self.strict, bool):
            raise checks.refuse("strict", self.strict, "True or False")


@dataclass(frozen=True, slots=True, kw_only=True)
class EconomicCapital:
    """Capital for what is worse than expected: VaR less the mean loss.

    Bluhm, Overbeck and Wagner, An Introduction to Credit Risk Modeling (2003), section 1.2.1.
    """

    level: float
    on_loss = True

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1)."""
        object.__setattr__(self, "level", checks.fraction("level", self.level))


# measures that look for a quantile of the loss first
TailMeasure: TypeAlias = VaR | ES | TailConditionalExpectation | EconomicCapital


@dataclass(frozen=True, slots=True)
class ExpectedLoss:
    """The mean loss: minus the mean of the present value."""

    on_loss = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """A derivative of the price: delta, gamma, vega, rho, strike slope or theta.

    Engines that sample average the central difference quotient, (V(x + h) - V(x - h)) / 2h or
    (V(x + h) - 2 V(x) + V(x - h)) / h^2, path by path on the same normals (Glasserman 2003,
    doi:10.1007/978-0-387-21617-1, section 7.1), so a path costs two or three payoffs. What the
    step h adds is measured at twice and at half the step, and is a line of the error budget. All
    other fields of model and contract stay as they are given: a volatility that a model ties to its
    spot (`CEV`) or to moneyness (`LocalVolatility`) moves with it.

    The unit is money per unit of the parameter: `vol=0.2` and `rate=0.05` are units of 1, so a
    vega a point of volatility is a hundredth. `Curve`s shift in parallel. **"time" is calendar
    time in years: theta is minus the slope in expiry**, all times of the contract come nearer by
    the same amount, and the model keeps its terms as functions of the time from today.

    Attributes:
        to: "spot", "vol" (`Heston`: the square root of v0), "rate", "strike" or "time".
        order: 1, or 2 for "spot".
        step: h as a share of the parameter, above 0 and at most 0.25; of a `Curve` the share of its
            smallest value, of time that of the contract's first. For "rate", which may be 0, h
            itself. None is 0.01, and 0.02 at order 2, whose variance grows as the step shrinks.
        asset: whose spot or vol, counted from 0, under a model of several assets.

    Raises:
        InvalidProblem: for an unknown parameter, an order it has not, a step out of range.

    >>> Sensitivity(to="spot", order=2).greek
    'gamma'
    """

    to: Parameter
    order: int = 1
    step: float | None = None
    asset: int | None = None
    on_loss = False

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        checks.choice("to", self.to, PARAMETERS)
        order = checks.whole("order", self.order, 1, 2)
        if order == 2 and self.to != "spot":
            allowed = f'1 for to="{self.to}"'
            raise checks.refuse("order", order, allowed, 'the second order is that of to="spot"')
        object.__setattr__(self, "order", order)
        if self.step is not None:
            object.__setattr__(self, "step", _checked_step(self.step))
        if self.asset is not None:
            object.__setattr__(self, "asset", checks.whole("asset", self.asset, 0))
            if self.to not in {"spot", "vol"}:
                allowed = f'None for to="{self.to}"'
                raise checks.refuse("asset", self.asset, allowed, "an asset has a spot and a vol")

    @property
    def share(self) -> float:
        """The step, by default 0.01, or 0.02 at order 2."""
        default = _FIRST_STEP if self.order == 1 else _SECOND_STEP
        return default if self.step is None else self.step

    @property
    def greek(self) -> str:
        """Its usual name, such as "vega"."""
        return _GREEKS.get((self.to, self.order), f"{self.to} slope")


def _checked_step(step: float) -> float:
    number = checks.positive("step", step, "0.01 is 1 % of the parameter")
    if number > _LARGEST_STEP:
        hint = "it is a share of the parameter, and twice of it has to stay well inside"
        raise checks.refuse("step", number, f"above 0 and at most {_LARGEST_STEP:g}", hint)
    return number


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
