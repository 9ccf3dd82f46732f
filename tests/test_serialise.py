"""Values survive JSON; nothing foreign is loaded."""

import json
import math
from dataclasses import dataclass, field, make_dataclass

import numpy as np
import pytest

from qmc.errors import InvalidProblem
from qmc.estimators import Iterative, Sampling
from qmc.measures import ES, Price
from qmc.problem import Goal
from qmc.result import Budget, BudgetLine, Interval
from qmc.serialise import from_dict, from_json, to_dict, to_json


@dataclass(frozen=True)
class Derived:
    """A user's own class with a field that is computed."""

    side: float
    area: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "area", self.side**2)


@pytest.mark.parametrize(
    "value",
    [
        Price(),
        ES(level=0.99),
        Goal(tolerance=0.1, queries=10),
        Interval(-math.inf, math.inf, 0.9),
        Budget((BudgetLine("grid", "unknown", math.inf), BudgetLine("a", "sampling", 0.1, 0.05))),
        Iterative(interval="chernoff"),
        Sampling(),
        Iterative().start(Goal(relative_tolerance=0.01)),
        Derived(3.0),
    ],
)
def test_round_trip(value: object) -> None:
    assert from_dict(to_dict(value)) == value
    assert from_json(to_json(value)) == value
    assert hash(from_json(to_json(value))) == hash(value)


def test_form() -> None:
    assert to_dict(ES(level=0.9)) == {"schema": 1, "type": "qmc.ES", "level": 0.9}
    assert "area" not in to_dict(Derived(2.0))


@dataclass(frozen=True)
class Holder:
    """Anything in a tuple."""

    items: tuple[object, ...]


def test_special_numbers_are_strict_json() -> None:
    text = to_json(
        Holder((math.nan, math.inf, -math.inf, np.float64(2.0), {"a": 1}, np.arange(3.0)))
    )
    stored = json.loads(text, parse_constant=lambda _: pytest.fail("not strict"))
    assert stored["items"] == [
        {"float": "nan"},
        {"float": "inf"},
        {"float": "-inf"},
        2.0,
        {"dict": {"a": 1}},
        {"array": [0.0, 1.0, 2.0], "dtype": "float64"},
    ]
    nan, *infinite, number, words, array = from_json(text).items
    assert math.isnan(nan)
    assert [*infinite, number, words] == [math.inf, -math.inf, 2.0, {"a": 1}]
    assert type(number) is float
    np.testing.assert_array_equal(array, np.arange(3.0), strict=True)


def test_nan_and_arrays_come_back() -> None:
    row = to_dict(Derived(math.nan))
    assert math.isnan(from_dict(row).side)
    row["side"] = {"array": [1.0, 2.0], "dtype": "float64"}
    np.testing.assert_array_equal(from_dict(row).area, [1.0, 4.0])
    row["side"] = {"array": ["x"], "dtype": "float64"}
    with pytest.raises(InvalidProblem, match="dtype"):
        from_dict(row)
    row["side"] = {"odd": 1}
    with pytest.raises(InvalidProblem, match="odd"):
        from_dict(row)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ({"schema": 2, "type": "qmc.Price"}, "schema=2"),
        ([], "schema='list'"),
        ({"schema": 1}, "type is missing"),
        ({"schema": 1, "type": "qmc.Nope"}, "Nope"),
        ({"schema": 1, "type": "qmc.nowhere.Nope"}, "Nope"),
        ({"schema": 1, "type": "os.system", "command": "true"}, "os.system"),
        ({"schema": 1, "type": "antigravity.Thing"}, "antigravity"),
        ({"schema": 1, "type": "qmc.serialise.dataclasses.Field"}, "Field"),
        ({"schema": 1, "type": "qmc.ES"}, "missing field level"),
        ({"schema": 1, "type": "qmc.ES", "level": 0.9, "alpha": 1}, "unknown field alpha"),
        ({"schema": 1, "type": "qmc.ES", "level": 9.0}, "level"),
        ({"schema": 1, "type": "qmc.Interval", "low": "a", "high": 1, "confidence": 1}, "a"),
    ],
)
def test_refusals(data: object, match: str) -> None:
    with pytest.raises(InvalidProblem, match=match):
        from_dict(data)  # type: ignore[arg-type]


def local(name: str, module: str) -> type:
    """A frozen dataclass that no import finds."""
    kind = make_dataclass(name, [("strike", float)], frozen=True)
    kind.__module__, kind.__qualname__ = module, f"somewhere.<locals>.{name}"
    return kind


def test_types_of_one_s_own_are_handed_over() -> None:
    mine = local("Mine", "a_notebook")
    text = to_json(Holder((mine(1.0), Price())))
    with pytest.raises(InvalidProblem, match=r"hand it over, types=\(Mine,\)"):
        from_json(text)
    assert from_json(text, types=(mine,)) == Holder((mine(1.0), Price()))
    # stored by a script, read where the class has moved into a module
    moved = local("Mine", "a_module")
    assert from_json(text, types=(moved,)).items[0] == moved(1.0)
    # a name of qmc stays qmc's, whatever is handed over
    price = local("Price", "a_notebook")
    assert from_json(to_json(Price()), types=(price,)) == Price()
    for bad, told in (
        (mine, r"types=.*must be a tuple of dataclasses; a single one needs its comma"),
        ((mine(1.0),), r"types\[0\]=.*must be a dataclass, the type itself"),
        ((float,), r"types\[0\]"),
    ):
        with pytest.raises(InvalidProblem, match=told):
            from_json(text, types=bad)  # type: ignore[arg-type]


def test_what_cannot_be_stored() -> None:
    with pytest.raises(InvalidProblem, match=r"Derived\.side: a _Squares"):
        to_dict(Derived(_Squares()))  # type: ignore[arg-type]
    with pytest.raises(InvalidProblem, match="dataclass"):
        to_dict(3.0)
    with pytest.raises(InvalidProblem, match="JSON"):
        from_json("{")


class _Squares(set):  # type: ignore[type-arg]
    def __pow__(self, _: int) -> float:
        return 0.0
