"""The estimators by the words of a problem file, made from the classes of `qmc.estimators`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from qmc.specification.refusals import InvalidField, naming, shown
from qmc.specification.words import dashed

if TYPE_CHECKING:
    from qmc.estimators import Estimator

# `signed` asks for an oracle with shifts; those of the quantum engine are probabilities
_NOT_OF_A_FILE = {"signed"}


@cache
def estimators() -> Mapping[str, type[Estimator]]:
    """Every estimator by its word.

    >>> estimators()["low-depth"]
    <class 'qmc.estimators.low_depth.LowDepth'>
    """
    from qmc import estimators as package

    asked = [name for name in dir(package.Estimator) if not name.startswith("_")]
    found: dict[str, type[Estimator]] = {}
    for name in package.__all__:
        one: Any = getattr(package, name)
        if dataclasses.is_dataclass(one) and all(hasattr(one, each) for each in asked):
            found[dashed(name)] = cast("type[Estimator]", one)
    return MappingProxyType(dict(sorted(found.items())))


def settings(kind: type[Estimator]) -> tuple[str, ...]:
    """The fields of an estimator that a file may set.

    >>> settings(estimators()["sampling"])
    ('shots_per_round',)
    """
    found = dataclasses.fields(cast("Any", kind))
    return tuple(one.name for one in found if one.name not in _NOT_OF_A_FILE)


def estimator(word: str, given: Mapping[str, Any]) -> Estimator:
    """The estimator of a word, with the settings of `[estimator]`.

    Raises:
        InvalidField: for an unknown word, a setting that it has not, or one out of range.
    """
    table = estimators()
    if word not in table:
        complaint = f"must be one of {', '.join(table)}"
        raise InvalidField(["quantum.estimator"], shown(word), complaint)
    kind = table[word]
    for name, value in given.items():
        if name not in settings(kind):
            complaint = f"unknown here; {word} takes {', '.join(settings(kind))}{_owners(name)}"
            raise InvalidField([f"estimator.{name}"], shown(value), complaint)
    with naming("estimator"):
        return kind(**{name: _fitted(kind, name, value) for name, value in given.items()})


def require_early_reading(word: str, one: Estimator) -> None:
    """Refuse an estimator that a threshold search cannot use.

    Raises:
        InvalidField: when its interval may only be read at the end.
    """
    if one.anytime_valid:
        return
    fit = ", ".join(word for word, kind in estimators().items() if kind().anytime_valid)
    complaint = (
        "must be one whose interval may be read early, for VaR and ES; by default those are "
        f"{fit}; sampling is one too with shots_per_round=1000"
    )
    raise InvalidField(["quantum.estimator"], shown(word), complaint)


def _owners(name: str) -> str:
    """Which estimators have a setting; empty when none has."""
    owners = [word for word, kind in estimators().items() if name in settings(kind)]
    return f"; {name} is a setting of {', '.join(owners)}" if owners else ""


def _fitted(kind: type[Estimator], name: str, value: object) -> object:
    """As it was given; where the class takes a tuple, a list or one number as a tuple."""
    if not isinstance(getattr(kind(), name), tuple):
        return value
    return tuple(value) if isinstance(value, list) else (value,)
