"""The nouns of a question: model, contract, problem, goal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qmc import checks
from qmc.capabilities import (
    Observed,
    OfPeriods,
    Side,
    SupportsExtremes,
    TerminalLaw,
    TerminalPayoff,
)
from qmc.errors import InvalidProblem, Unsupported
from qmc.measures import Measure, Sensitivity
from qmc.present_values import present_values

Array: TypeAlias = NDArray[np.float64]

_FARTHEST = 1e6
# prices today that differ by a smaller share are the same
_SAME = 1e-9
_MOST_CONFIDENT = 1.0 - 1e-9
_STRIKES = ("strike", "low_strike", "high_strike")


@runtime_checkable
class Model(Protocol):
    """A map from independent standard normals to paths; a model never draws."""

    def num_factors(self, times: Sequence[float]) -> int:
        """Normals that one path over `times` needs."""
        ...

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Map normals (n, factors) to paths (n, times, columns)."""
        ...

    def discount(self, times: Sequence[float]) -> Array:
        """Discount factors (times,)."""
        ...


@runtime_checkable
class Contract(Protocol):
    """A map from paths to money at time 0. `times` are years, increasing."""

    @property
    def times(self) -> tuple[float, ...]:
        """Observation times in years, increasing."""
        ...

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Map paths (n, times, columns) and discount (times,) to present values (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Problem:
    """One number to find: `measure` of `contract` under `model`.

    A contract that is monitored continuously says `extremes = "low"` or `"high"`; its paths then
    have the lowest or highest prices of the steps as further columns, behind the prices, and each
    path needs one more normal a step and column.

    Raises:
        InvalidProblem: when a part is missing its interface, model and contract do not fit (a book
            of other spots than the model's), or a history is too short for the level: n
            observations with n (1 - level) < 1.
        Unsupported: when the contract asks for extremes and the model has none.

    >>> from qmc import BlackScholes, Call, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    >>> Problem(market, Call(strike=105.0, expiry=1.0), Price()).measure
    Price()
    """

    model: Model
    contract: Contract
    measure: Measure

    def __post_init__(self) -> None:
        """Check each part's interface and evaluate one path, so that misfits show here."""
        for name, part, kind in (
            ("model", self.model, Model),
            ("contract", self.contract, Contract),
            ("measure", self.measure, Measure),
        ):
            hint = "write Problem(model, contract, measure), each an instance such as Price()"
            checks.interface(name, part, kind, hint)
        self._check_kinks()
        self._check_kind_of_paths()
        self._check_spots()
        self._check_extremes()
        with np.errstate(over="ignore", invalid="ignore"):
            self.values(np.zeros((1, self.num_factors)))
        self._check_observations()
        if isinstance(self.measure, Sensitivity):
            from qmc.sensitivity import check_sensitivity

            check_sensitivity(self)

    def _check_kinks(self) -> None:
        """Refuse strikes that nobody means.

        A strike a million times off the forward is a slip (cents for units, an index for a stock),
        and its price is 0 or the forward's to the last digit.
        """
        model, contract = self.model, self.contract
        if not (isinstance(model, TerminalLaw) and isinstance(contract, TerminalPayoff)):
            return
        forward = model.terminal_law(contract.expiry).mean
        low, high = forward / _FARTHEST, forward * _FARTHEST
        for kink in (end for piece in contract.pieces() for end in (piece.low, piece.high)):
            if 0.0 < kink < math.inf and not low <= kink <= high:
                names = (name for name in _STRIKES if getattr(contract, name, None) == kink)
                allowed = (
                    f"from {low:.3g} to {high:.3g}, within a factor of a million of the forward"
                )
                hint = "check it against the spot"
                raise checks.refuse(next(names, "strike"), kink, allowed, hint)

    def _check_kind_of_paths(self) -> None:
        """Refuse a contract on prices under a model of returns, whose paths are near 1."""
        if getattr(self.contract, "on", None) == "prices" and isinstance(self.model, OfPeriods):
            allowed = f"'returns' under {type(self.model).__name__}, whose paths are gross returns"
            hint = "write on='returns', and the book's spots are multiplied by them"
            raise checks.refuse("on", "prices", allowed, hint)

    def _check_spots(self) -> None:
        """Refuse a contract on prices that counts from other prices today than the model's."""
        model, contract = self.model, self.contract
        name = "spots" if hasattr(model, "spots") else "spot"
        given, known = getattr(model, name, None), getattr(contract, "spots", None)
        if given is None or known is None or getattr(contract, "on", None) != "prices":
            return
        theirs, ours = (np.ravel(np.asarray(one, dtype=np.float64)) for one in (given, known))
        # another number of assets is refused where the contract is given a path
        if theirs.shape == ours.shape and np.any(np.abs(theirs - ours) > _SAME * np.abs(ours)):
            msg = (
                f"{type(contract).__name__}(spots={known}) under {type(model).__name__}"
                f"({name}={given}): must be the same prices today, from which the profit counts"
            )
            raise InvalidProblem(msg)

    def _check_extremes(self) -> None:
        """Refuse continuous monitoring under a model that knows its prices at the times only."""
        side = self.extremes
        checks.choice("extremes", "none" if side is None else side, ("none", "low", "high"))
        if side is not None and not isinstance(self.model, SupportsExtremes):
            msg = (
                f"{type(self.contract).__name__} is monitored continuously, and "
                f"{type(self.model).__name__} has no extremes (SupportsExtremes): take "
                'monitoring="discrete" with many times, or BlackScholes'
            )
            raise Unsupported(msg)

    def _check_observations(self) -> None:
        """Refuse a level beyond which a history has no observation, for every engine at once."""
        level = getattr(self.measure, "level", None)
        if level is not None and isinstance(self.model, Observed):
            from qmc.losses import require_observations

            require_observations(self.model.observations(self.contract.times), level)

    @property
    def extremes(self) -> Side | None:
        """The side on which the contract watches prices between its times; None for neither."""
        return getattr(self.contract, "extremes", None)

    @property
    def num_factors(self) -> int:
        """Normals that one path needs: the model's, then one a step and column for extremes."""
        times = self.contract.times
        factors = self.model.num_factors(times)
        if self.extremes is None:
            return factors
        with np.errstate(over="ignore", invalid="ignore"):
            middle = self.model.paths(times, np.zeros((1, factors)))
        return int(factors + len(times) * middle.shape[2])

    def paths(self, normals: Array) -> Array:
        """What the contract is given for normals (n, num_factors): prices, then extremes.

        Returns:
            (n, times, columns), or (n, times, 2 * columns) for a contract that asks for extremes.
        """
        times = self.contract.times
        side, model = self.extremes, self.model
        if side is None or not isinstance(model, SupportsExtremes):
            return model.paths(times, normals)
        factors = model.num_factors(times)
        prices = model.paths(times, normals[:, :factors])
        bridges = normals[:, factors:].reshape(prices.shape)
        return np.concatenate([prices, model.extremes(times, prices, bridges, side)], axis=2)

    def values(self, normals: Array) -> Array:
        """Present values (n,) of the contract for normals (n, num_factors)."""
        return self.values_of_paths(self.paths(normals))

    def values_of_paths(self, paths: Array) -> Array:
        """Present values (n,) of the contract on paths (n, times, columns).

        Raises:
            InvalidProblem: when the contract gives anything but one finite number a path.
        """
        discount = self.model.discount(self.contract.times)
        return present_values(self.contract, paths, discount)

    def outcomes(self, normals: Array) -> Array:
        """What the measure acts on, (n,): present values, losses, or their difference quotient."""
        if isinstance(self.measure, Sensitivity):
            from qmc.sensitivity import quotients

            return quotients(self, normals)
        values = self.values(normals)
        # 0 - x, so that no loss is 0 and not -0
        return 0.0 - values if self.measure.on_loss else values


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Goal:
    """When to stop. Give at least one of tolerance, relative_tolerance and queries.

    Attributes:
        tolerance: half-width of the reported interval, in the measure's unit.
        relative_tolerance: half-width as a share of |value - origin|.
        queries: the most queries (quantum) or paths (classical) that may be spent.
        confidence: of the reported interval, strictly between 0 and 1.
        origin: the zero from which a relative tolerance is measured; engines set it when they
            pass a goal on to an estimator of an amplitude.
    """

    tolerance: float | None = None
    relative_tolerance: float | None = None
    queries: int | None = None
    confidence: float = 0.95
    origin: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a goal without an end, and any number out of range."""
        if self.tolerance is None and self.relative_tolerance is None and self.queries is None:
            msg = (
                "Goal() has no end: give at least one of tolerance=, relative_tolerance= and "
                "queries=, for example Goal(tolerance=0.05)"
            )
            raise InvalidProblem(msg)
        for name in ("tolerance", "relative_tolerance"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, checks.positive(name, getattr(self, name)))
        if self.queries is not None:
            object.__setattr__(self, "queries", checks.whole("queries", self.queries, 1))
        object.__setattr__(self, "confidence", _confidence(self.confidence))
        object.__setattr__(self, "origin", checks.finite("origin", self.origin))

    def __repr__(self) -> str:
        """The fields that were given, and the confidence."""
        names = ("tolerance", "relative_tolerance", "queries")
        words = [f"{name}={getattr(self, name)!r}" for name in names if getattr(self, name)]
        words.append(f"confidence={self.confidence!r}")
        if self.origin != 0.0:
            words.append(f"origin={self.origin!r}")
        return f"Goal({', '.join(words)})"

    def allowed_half_width(self, value: float) -> float | None:
        """The widest half-width that meets the tolerances at `value`; None without tolerances."""
        limits = []
        if self.tolerance is not None:
            limits.append(self.tolerance)
        if self.relative_tolerance is not None:
            limits.append(self.relative_tolerance * abs(value - self.origin))
        return min(limits) if limits else None

    def met(self, value: float, half_width: float) -> bool:
        """True when tolerances exist and a half-width at `value` meets all of them."""
        allowed = self.allowed_half_width(value)
        return allowed is not None and half_width <= allowed


def _confidence(value: object) -> float:
    """A confidence that leaves something to share among tests and rounds."""
    confidence = checks.fraction("confidence", value)
    if confidence > _MOST_CONFIDENT:
        raise checks.refuse("confidence", confidence, "at most 1 - 1e-9", "0.95 is customary")
    return confidence


def check_request(problem: object, goal: object) -> None:
    """What every engine asks of its arguments.

    Raises:
        InvalidProblem: when they are no `Problem` and no `Goal`.
    """
    if not isinstance(problem, Problem):
        hint = "write solve(Problem(model, contract, measure), goal)"
        if hasattr(problem, "amplitude_goal"):
            hint = "an AmplitudeProblem goes to qmc.estimate(problem, goal)"
        raise checks.refuse("problem", problem, "a Problem", hint)
    if not isinstance(goal, Goal):
        raise checks.refuse("goal", goal, "a Goal", "such as Goal(tolerance=0.05)")
