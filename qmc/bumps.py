"""Problems with one parameter moved: what a sensitivity compares.

Parameters are fields of frozen values, found by their usual names, so a model or contract of one's
own takes part without any interface.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeVar, cast

import numpy as np

from qmc import checks
from qmc.errors import Unsupported
from qmc.measures import Price, Sensitivity
from qmc.problem import Array, Contract, Model, Problem

T = TypeVar("T")

_NOT_TIMED = "no times that could come nearer (times, or expiry)"


def size(problem: Problem, measure: Sensitivity) -> float:
    """What a step is a share of: the parameter, a curve's least value, the first time; 1 for rate.

    Raises:
        InvalidProblem: when it is 0, so that there is no share of it.
        Unsupported: when model or contract has no such parameter.
    """
    if measure.to == "rate":
        _field(problem.model, measure, "rate")
        return 1.0
    if measure.to == "time":
        _timed(problem.contract)
        found = float(problem.contract.times[0])
    elif measure.to == "strike":
        found = _strike(problem.contract)
    else:
        found = _least(_parameter(problem.model, measure))
    if not found > 0.0:
        name = "times[0]" if measure.to == "time" else measure.to
        allowed = f'above 0 for Sensitivity(to="{measure.to}")'
        raise checks.refuse(name, found, allowed, "the step is a share of it")
    return found


def bumped(problem: Problem, measure: Sensitivity, change: float) -> Problem:
    """The price problem with the measure's parameter moved by `change`, in its own unit.

    A positive change of time takes that many years off every time of the contract.

    Raises:
        Unsupported: when model or contract has no such parameter.
    """
    model, contract = problem.model, problem.contract
    if measure.to == "time":
        contract = _sooner(contract, change)
    elif measure.to == "strike":
        contract = _replaced(contract, strike=_strike(contract) + change)
    elif measure.to == "rate":
        model = _replaced(model, rate=_shifted(_field(model, measure, "rate"), change))
    else:
        model = _moved(model, measure, change)
        if measure.to == "spot" and hasattr(contract, "spots"):
            contract = _Held(contract)
    return Problem(model, contract, Price())


@dataclasses.dataclass(frozen=True, slots=True)
class _Held:
    """A book whose value today stays as it is while the model's spots move."""

    contract: Contract

    @property
    def times(self) -> tuple[float, ...]:
        return self.contract.times

    def present_value(self, paths: Array, discount: Array) -> Array:
        return self.contract.present_value(paths, discount)


def _parameter(model: Model, measure: Sensitivity) -> Any:  # noqa: ANN401
    """Spot or volatility, a number or a curve."""
    plural = getattr(model, f"{measure.to}s", None)
    if isinstance(plural, tuple) and all(isinstance(one, float) for one in plural):
        return plural[_asset(measure, len(plural))]
    _asset(measure, 1)
    if _has_variance(model, measure):
        return math.sqrt(_field(model, measure, "v0"))
    return _field(model, measure, measure.to)


def _moved(model: Model, measure: Sensitivity, change: float) -> Model:
    moved = _shifted(_parameter(model, measure), change)
    plural = getattr(model, f"{measure.to}s", None)
    if isinstance(plural, tuple):
        place = _asset(measure, len(plural))
        return _replaced(
            model, **{f"{measure.to}s": (*plural[:place], moved, *plural[place + 1 :])}
        )
    if _has_variance(model, measure):
        return _replaced(model, v0=moved**2)
    return _replaced(model, **{measure.to: moved})


def _has_variance(model: Model, measure: Sensitivity) -> bool:
    """Whether the model has a variance today where others have a volatility."""
    return measure.to == "vol" and not hasattr(model, "vol") and hasattr(model, "v0")


def _asset(measure: Sensitivity, assets: int) -> int:
    if assets == 1 and measure.asset is None:
        return 0
    if measure.asset is None or measure.asset >= assets:
        allowed = f"a whole number from 0 to {assets - 1} under a model of {assets} assets"
        raise checks.refuse("asset", measure.asset, allowed)
    return measure.asset


def _field(model: Model, measure: Sensitivity, name: str) -> Any:  # noqa: ANN401
    found = getattr(model, name, None)
    if not dataclasses.is_dataclass(model) or found is None:
        raise _lacking(model, measure, f"no field {name} to move")
    return found


def _strike(contract: Contract) -> float:
    found = getattr(contract, "strike", None)
    if not dataclasses.is_dataclass(contract) or not isinstance(found, float):
        raise _lacking(contract, Sensitivity(to="strike"), _instead_of_a_strike(contract))
    return found


def _instead_of_a_strike(contract: Contract) -> str:
    """What a contract without one strike has: several, those of its parts, or none."""
    names = sorted(
        name
        for name in _fields(contract)
        if "strike" in name and isinstance(getattr(contract, name), float)
    )
    if names:
        return f"{' and '.join(names)}, but no one field strike to move"
    if any(hasattr(part, "strike") for part in getattr(contract, "contracts", ())):
        return "parts with strikes of their own, but no one strike to move: ask it of a part"
    return "no strike to move"


def _timed(contract: Contract) -> None:
    """Refuse a contract none of whose fields says when."""
    for part in getattr(contract, "contracts", ()):
        _timed(part)
    names = {"times", "expiry", "contracts"}
    if names.isdisjoint(_fields(contract)):
        raise _lacking(contract, Sensitivity(to="time"), _NOT_TIMED)


def _sooner(contract: Contract, years: float) -> Contract:
    """The contract with every time `years` nearer; a window that has begun stays so."""
    _timed(contract)
    own = _fields(contract)
    if "contracts" in own:
        parts: tuple[Contract, ...] = contract.contracts  # type: ignore[attr-defined]
        return _replaced(contract, contracts=tuple(_sooner(part, years) for part in parts))
    changes: dict[str, Any] = {}
    if "times" in own:
        changes["times"] = tuple(time - years for time in contract.times)
    if "expiry" in own:
        changes["expiry"] = contract.expiry - years  # type: ignore[attr-defined]
    window = getattr(contract, "window", None)
    if window is not None:
        changes["window"] = tuple(time - years if time > 0.0 else time for time in window)
    return _replaced(contract, **changes)


def _fields(part: object) -> set[str]:
    """Names of the fields of a frozen value; none of anything else."""
    if not dataclasses.is_dataclass(part):
        return set()
    return {one.name for one in dataclasses.fields(part)}


def _replaced(part: T, **changes: object) -> T:
    return cast("T", dataclasses.replace(cast("Any", part), **changes))


def _shifted(term: Any, change: float) -> Any:  # noqa: ANN401
    """A number plus a change, or a curve in parallel."""
    if hasattr(term, "values"):
        return _replaced(term, values=tuple(value + change for value in term.values))
    return term + change


def _least(term: Any) -> float:  # noqa: ANN401
    return float(np.min(term.values)) if hasattr(term, "values") else float(term)


def _lacking(part: object, measure: Sensitivity, what: str) -> Unsupported:
    return Unsupported(
        f'Sensitivity(to="{measure.to}") of {type(part).__name__}: it has {what}; take another '
        "parameter, or the difference of two prices of your own"
    )
