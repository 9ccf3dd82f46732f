"""TextTable on wide and narrow screens."""

import io

import pytest
from rich.console import Console

from qmc.tables import TextTable

TABLE = TextTable(
    "Numbers",
    ("name", "value", "depth", "seconds"),
    (("first", "1.25", "160", "0.01"), ("second", "2.5", "320", "0.02")),
    left=("name",),
    spare=("seconds", "depth"),
)


def drawn(table, width):
    screen = io.StringIO()
    Console(file=screen, width=width).print(table)
    return screen.getvalue()


def test_a_wide_screen_shows_every_column():
    text = drawn(TABLE, 80)
    for word in ("Numbers", *TABLE.columns, *TABLE.rows[0], *TABLE.rows[1]):
        assert word in text
    assert "left out" not in text


@pytest.mark.parametrize(("width", "dropped"), [(32, ["seconds"]), (22, ["seconds", "depth"])])
def test_a_narrow_screen_leaves_out_spare_columns_and_says_so(width, dropped):
    text = drawn(TABLE, width)
    head = text.splitlines()[2]
    for name in TABLE.columns:
        assert (name in head) == (name not in dropped)
    assert "0.02" not in text
    assert ", ".join(dropped) in " ".join(text.split())


def test_a_rule_stands_before_a_new_group_and_before_a_total():
    groups = TextTable("t", ("a", "b"), (("x", "1"), ("x", "2"), ("y", "3")))
    assert drawn(groups, 40).count("├") == 1
    total = TextTable("t", ("a", "b"), (("x", "1"), ("y", "2"), ("total", "3")))
    assert drawn(total, 40).count("├") == 1
    assert drawn(TABLE, 80).count("├") == 0


def test_an_empty_table_is_drawn():
    assert "nothing" in drawn(TextTable("nothing", ("a wide column",), ()), 40)
