"""TextTable on wide and narrow screens."""

import io

import pytest
from rich.console import Console

from qmc.tables import TextTable

TABLE = TextTable(
    "Numbers",
    ("name", "value", "d", "s"),
    (("first", "1.25", "160", "0.01"), ("second", "2.5", "320", "0.02")),
    left=("name",),
    spare=("s", "d"),
)


def drawn(table, width):
    screen = io.StringIO()
    Console(file=screen, width=width).print(table)
    return screen.getvalue()


def test_a_wide_screen_shows_every_column():
    text = drawn(TABLE, 80)
    for word in ("Numbers", *TABLE.columns, *TABLE.rows[0], *TABLE.rows[1]):
        assert word in text
    assert "continued" not in text


@pytest.mark.parametrize(("width", "moved"), [(26, ["s"]), (23, ["s", "d"])])
def test_a_narrow_screen_moves_spare_columns_below(width, moved):
    lines = drawn(TABLE, width).splitlines()
    second = next(i for i, line in enumerate(lines) if "continued" in line)
    heads = lines[2], lines[second + 2]
    for name in TABLE.columns:
        assert (f" {name} " in heads[0]) == (name not in moved)
        assert (f" {name} " in heads[1]) == (name in moved or name == "name")
    assert "0.02" in "".join(lines[second:])


def test_a_rule_stands_before_a_new_group_and_before_a_total():
    groups = TextTable("t", ("a", "b"), (("x", "1"), ("x", "2"), ("y", "3")))
    assert drawn(groups, 40).count("├") == 1
    total = TextTable("t", ("a", "b"), (("x", "1"), ("y", "2"), ("total", "3")))
    assert drawn(total, 40).count("├") == 1
    assert drawn(TABLE, 80).count("├") == 0


def test_an_empty_table_is_drawn():
    assert "nothing" in drawn(TextTable("nothing", ("a wide column",), ()), 40)


def test_beside_sentences_other_columns_fold_on_a_narrow_screen():
    """Whole words of ten letters, and a table no wider than 80 columns."""
    sentence = "a sentence that is longer than any of the words which stand before it in this row"
    cells = ("amplitude estimation", "asymptotic", "0.104 + unknown", "0.025", sentence)
    names = ("source", "kind", "half-width", "error share", "how")
    table = TextTable("t", names, (cells,), ("source", "kind", "how"), prose="how")
    lines = drawn(table, 80).splitlines()
    assert max(map(len, lines)) <= 80
    body = "\n".join(lines)
    for word in (*" ".join(cells[:4]).split(), *sentence.split(), *" ".join(names).split()):
        assert word in body
    assert "amplitude estimation" in drawn(table, 170)
