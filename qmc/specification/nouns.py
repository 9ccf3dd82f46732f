"""Sections made from the dataclasses of `qmc.models` and `qmc.contracts`, and back.

Every frozen dataclass there that is a model or a contract can be written: its word is its name with
dashes, its fields are the class's own. A new one is in files as soon as its package exports it.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, create_model

from qmc import checks, contracts, models
from qmc.contracts.book import Position
from qmc.errors import InvalidProblem
from qmc.problem import Contract, Model
from qmc.specification.refusals import InvalidField, naming
from qmc.specification.section import Section
from qmc.specification.shapes import (
    CurveSection,
    DatesSection,
    default_of,
    shape,
    times_shape,
)
from qmc.specification.words import dashed

LARGEST = 1e100
# a spread was a call spread in files before there were two assets
_WORDS = {
    "CallSpread": "spread",
    "Spread": "two-asset-spread",
    "StockPosition": "stock",
    "OptionPosition": "option",
}
# `kind` is the table's own word, so that of a class is its side
_RENAMED = {"kind": "side"}
_OF_A_CLASS = {"CallSpread": {"low_strike": "strike"}}
_DEFAULTS = {("BlackScholes", "rate"): 0.0}
# made of data, with sections of their own
_OF_DATA = ("HistoricalReturns", "FilteredReturns", "NormalReturns", "StudentTReturns", "Portfolio")
_FIRST = ("black-scholes", "call", "put", "digital", "spread")


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """A class of nouns, and the section that stands for it in a file.

    Attributes:
        word: the section's kind.
        noun: the class.
        section: its table, with `kind` first.
    """

    word: str
    noun: type[Any]
    section: type[Section]

    def fields(self) -> dict[str, str]:
        """The class's names of fields -> the section's."""
        special = _OF_A_CLASS.get(self.noun.__name__, {})
        names = (one.name for one in dataclasses.fields(self.noun) if one.init)
        return {name: special.get(name, _RENAMED.get(name, name)) for name in names}


def made(section: Section, path: str) -> Any:  # noqa: ANN401
    """The model or contract of a section.

    Args:
        section: made by this module.
        path: of the section in the file, such as "contract" or "contract.contracts[0]".

    Raises:
        InvalidField: naming what is out of range.
    """
    one = _BY_SECTION[type(section)]
    names = one.fields()
    given = {own: _made(getattr(section, name), f"{path}.{name}") for own, name in names.items()}
    try:
        with naming(path, **names):
            noun = one.noun(**given)
            for own, value in given.items():
                require_sized(own, value)
    except InvalidField:
        raise
    except InvalidProblem as error:  # of several fields together, such as a correlation
        raise InvalidField([f"{path}.kind"], f"={one.word!r}", str(error)) from error
    return noun


def written(noun: object) -> dict[str, Any]:
    """The table of a file that stands for a model or contract, ready for TOML or JSON.

    Fields that have their default are left out.

    Raises:
        InvalidProblem: for a class that files do not know, such as your own or one of returns.

    >>> from qmc import Digital
    >>> written(Digital(strike=105.0, expiry=1.0, kind="put"))
    {'kind': 'digital', 'strike': 105.0, 'expiry': 1.0, 'side': 'put'}
    """
    one = _BY_NOUN.get(type(noun))
    if one is None:
        allowed = f"one of {', '.join(kind.__name__ for kind in _BY_NOUN)}"
        raise checks.refuse("noun", noun, allowed, "a file knows the package's own classes only")
    table: dict[str, Any] = {"kind": one.word}
    defaults = {each.name: each.default for each in dataclasses.fields(one.noun)}
    for own, name in one.fields().items():
        value = getattr(noun, own)
        if value is not None and value != defaults[own]:
            table[name] = _written(value)
    return table


def _made(value: Any, path: str) -> Any:  # noqa: ANN401
    if isinstance(value, CurveSection | DatesSection):
        return value.made(path)
    if isinstance(value, Section):
        return made(value, path)
    if isinstance(value, list):
        return tuple(_made(one, f"{path}[{place}]") for place, one in enumerate(value))
    return value


def _written(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, models.Curve):
        return {"times": list(value.times), "values": list(value.values)}
    if isinstance(value, tuple):
        return [_written(one) for one in value]
    return written(value) if dataclasses.is_dataclass(value) else value


def require_sized(name: str, value: object) -> None:
    """Refuse finite numbers so large that their squares leave the range of doubles.

    Raises:
        InvalidProblem: naming the number, in tuples of tuples by its place.
    """
    if isinstance(value, tuple):
        for place, one in enumerate(value):
            require_sized(f"{name}[{place}]", one)
    elif isinstance(value, float | int) and LARGEST < abs(value) < math.inf:
        raise checks.refuse(name, value, f"from {-LARGEST:g} to {LARGEST:g}", "count in millions")


def _found(package: Any, kind: type) -> list[type[Any]]:  # noqa: ANN401
    """The package's dataclasses with every method of a protocol, the usual ones first."""
    asked = {*kind.__annotations__, *(one for one in dir(kind) if not one.startswith("_"))}
    some = [getattr(package, name) for name in package.__all__ if name not in _OF_DATA]
    fit: list[Any] = [one for one in some if dataclasses.is_dataclass(one) and _has(one, asked)]
    return sorted(fit, key=lambda one: (_place(_word(one)), _word(one)))


def _has(noun: Any, asked: set[str]) -> bool:  # noqa: ANN401
    names = {field.name for field in dataclasses.fields(noun)}
    return all(name in names or hasattr(noun, name) for name in asked)


def _place(word: str) -> int:
    return _FIRST.index(word) if word in _FIRST else len(_FIRST)


def _word(noun: type[Any]) -> str:
    return _WORDS.get(noun.__name__, dashed(noun.__name__))


def _section(noun: type[Any], parts: Mapping[Any, Any]) -> type[Section]:
    """A section with the fields of a class."""
    word, hints = _word(noun), typing.get_type_hints(noun)
    special = _OF_A_CLASS.get(noun.__name__, {})
    found: dict[str, Any] = {"kind": (Literal[word], ...)}
    for one in dataclasses.fields(noun):
        if not one.init:
            continue
        dates = one.name == "times" and hasattr(noun, "present_value")
        kind = times_shape() if dates else shape(hints[one.name], parts)
        default = ... if one.default is dataclasses.MISSING else default_of(one.default)
        default = _DEFAULTS.get((noun.__name__, one.name), default)
        found[special.get(one.name, _RENAMED.get(one.name, one.name))] = (kind, default)
    doc = f'`kind = "{word}"`: the fields of `{noun.__name__}`.'
    made: type[Section] = create_model(
        f"{noun.__name__}Section", __base__=Section, __doc__=doc, __module__=__name__, **found
    )
    return made


def _table(nouns: Iterable[type[Any]], parts: Mapping[Any, Any]) -> dict[str, Written]:
    found = (Written(_word(one), one, _section(one, parts)) for one in nouns)
    return {one.word: one for one in found}


def any_of(table: Mapping[str, Written]) -> Any:  # noqa: ANN401
    """The union of the sections of a table."""
    return typing.Union[tuple(one.section for one in table.values())]  # noqa: UP007


MODELS: Mapping[str, Written] = MappingProxyType(_table(_found(models, Model), {}))
POSITIONS: Mapping[str, Written] = MappingProxyType(
    _table((contracts.StockPosition, contracts.OptionPosition), {})
)
_POSITION: Any = typing.Annotated[any_of(POSITIONS), Field(discriminator="kind")]
# a contract within a contract: what it may be is known once all sections are made
CONTRACTS: Mapping[str, Written] = MappingProxyType(
    _table(_found(contracts, Contract), {Contract: "AnyOption", Position: _POSITION})
)
# profits of assets that are held: under a model of prices as under one of returns
BOOKS = ("book", "delta-gamma")
_ALL = (*MODELS.values(), *POSITIONS.values(), *CONTRACTS.values())
_BY_SECTION = {one.section: one for one in _ALL}
_BY_NOUN = {one.noun: one for one in _ALL}
_OPTION: Any = typing.Annotated[any_of(CONTRACTS), Field(discriminator="kind")]
for _each in CONTRACTS.values():
    _each.section.model_rebuild(_types_namespace={"AnyOption": _OPTION})
