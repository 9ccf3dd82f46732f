"""From a dataclass's annotations to what a problem file may hold in their place.

A file has numbers, words, lists and tables. A `Curve` is a table of times and values, evenly spaced
dates are a table of count and last, and a contract within a contract, or a position within a book,
is a table with a kind.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import Discriminator, Field, Tag

from qmc import checks
from qmc.models import Curve
from qmc.specification.refusals import naming
from qmc.specification.section import Section

# a tag ends in a refusal's path, where no field begins with this sign
_NUMBER, _LIST, _CURVE, _DATES = "<number>", "<list>", "<curve>", "<dates>"
_MOST_DATES = 100_000


class CurveSection(Section):
    """A `Curve`: `rate = {times = [0.5], values = [0.02, 0.03]}`."""

    times: list[float]
    values: list[float]

    def made(self, path: str) -> Curve:
        """The curve; what is out of range is refused by `path`."""
        with naming(path):
            return Curve(times=tuple(self.times), values=tuple(self.values))


class DatesSection(Section):
    """Dates at equal distances up to `last`: `times = {count = 252, last = 1.0}`.

    >>> DatesSection(count=4, last=1.0).made("contract.times")
    (0.25, 0.5, 0.75, 1.0)
    """

    count: int
    last: float

    def made(self, path: str) -> tuple[float, ...]:
        """The dates in years; what is out of range is refused by `path`."""
        with naming(path):
            count = checks.whole("count", self.count, 1, _MOST_DATES)
            last = checks.positive("last", self.last)
        return tuple(last * place / count for place in range(1, count + 1))


def _number_or_curve(value: object) -> str:
    """What is no table is refused as a number would be."""
    return _CURVE if isinstance(value, dict | CurveSection) else _NUMBER


def _list_or_dates(value: object) -> str:
    return _DATES if isinstance(value, dict | DatesSection) else _LIST


def _number_or_list(value: object) -> str:
    return _LIST if isinstance(value, list | tuple) else _NUMBER


_Number = Annotated[float, Tag(_NUMBER)]
_Numbers = Annotated[list[float], Tag(_LIST)]
_TERM: Any = Annotated[
    _Number | Annotated[CurveSection, Tag(_CURVE)], Discriminator(_number_or_curve)
]
_TIMES: Any = Annotated[
    _Numbers | Annotated[DatesSection, Tag(_DATES)], Discriminator(_list_or_dates)
]
_EACH: Any = Annotated[_Number | _Numbers, Discriminator(_number_or_list)]


def shape(annotation: object, parts: Mapping[Any, Any]) -> Any:  # noqa: ANN401
    """The type of a file's field for the annotation of a dataclass's.

    Args:
        annotation: resolved, such as `tuple[float, ...] | None`.
        parts: what stands for the annotations that are nouns themselves, such as `Contract`.

    Raises:
        TypeError: for an annotation that no file can hold.

    >>> shape(tuple[float, ...] | None, {})
    list[float] | None
    """
    if annotation in parts:
        return parts[annotation]
    if annotation in {float, int, bool, str, type(None)}:
        return annotation
    inner = get_args(annotation)
    if get_origin(annotation) is tuple:
        return list[shape(inner[0], parts)]  # type: ignore[misc]
    if get_origin(annotation) in {Union, types.UnionType}:
        some = tuple(one for one in inner if one is not type(None))
        if len(some) < len(inner):
            return shape(Union[some], parts) | None  # noqa: UP007
        if set(some) == {float, Curve}:
            return _TERM
        if set(some) == {float, tuple[float, ...]}:
            return _EACH
    msg = f"{annotation} cannot stand in a problem file: take floats, words and tuples of them"
    raise TypeError(msg)


def times_shape() -> Any:  # noqa: ANN401
    """The type of a contract's times: a list of years, or evenly spaced dates."""
    return _TIMES


def default_of(value: object) -> Any:  # noqa: ANN401
    """A default as a file would write it; lists are made anew for each section."""
    return Field(default_factory=lambda: list(value)) if isinstance(value, tuple) else value


def tables() -> dict[str, tuple[str, ...]]:
    """Fields of the tables that stand for a value."""
    return {"curve": tuple(CurveSection.model_fields), "dates": tuple(DatesSection.model_fields)}
