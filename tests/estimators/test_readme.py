"""The README's table of estimators: all of them, at the costs that were measured."""

import re
from pathlib import Path

import pytest

from qmc.specification.estimators import estimators

ROOT = Path(__file__).parents[2]
NAMES = {kind.__name__: kind for kind in estimators().values()}


def rows(path):
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]


TABLE = {row[0].strip("`"): row for row in rows("README.md") if row[0].strip("`") in NAMES}
MEASURED = {
    row[0]: float(row[5])
    for row in rows("docs/results/estimators.md")
    if row[1:5] == ["0.001", "0", "0", "-1"]
}


def test_every_estimator_has_a_row():
    assert set(TABLE) == set(NAMES)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"Sampling"}))
def test_the_cost_is_the_measured_one(name):
    shown = float(TABLE[name][3].replace(",", ""))
    assert shown == float(f"{MEASURED[name]:.2g}")


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_guarantee_is_what_the_class_says(name):
    word = re.sub("measured|checked|none", "unproved", TABLE[name][2])
    assert word == NAMES[name]().guarantee
