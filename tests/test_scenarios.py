"""Scenarios of a file, and the profit of a portfolio in each."""

import json

import numpy as np
import pytest

from qmc import InvalidProblem, Portfolio
from qmc.scenarios import Scenarios, read_scenarios

TEXT = """scenario,A,B,C
crash,-0.2,-0.1,-0.3
"rates, up",0.05,-0.04,0

wipe-out,-1,0.5,2.5
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "scenarios.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_profit_of_each_position(file):
    found = read_scenarios(file(TEXT))
    assert found.names == ("crash", "rates, up", "wipe-out")
    portfolio = Portfolio(weights=(0.5, -0.25, 0.0), value=1000.0)
    profits = found.profits(portfolio, ("C", "A", "NOT THERE"))
    assert profits.positions == ("C", "A")
    expected = [[-150.0, 50.0], [0.0, -12.5], [1250.0, 250.0]]
    np.testing.assert_allclose(profits.profits, expected)
    assert profits.totals == pytest.approx((-100.0, -12.5, 1500.0))
    whole = portfolio.present_value(
        1.0 + np.array([[[-0.3, -0.2, 9.0]], [[0.0, 0.05, 9.0]]]), np.ones(1)
    )
    np.testing.assert_allclose(profits.totals[:2], whole)


def test_text_names_the_largest_losses(file):
    profits = read_scenarios(file(TEXT)).profits(Portfolio(weights=(0.2, 0.3, 0.5)), "ABC")
    text = str(profits)
    assert "C -0.150000, A -0.040000, B -0.030000" in text
    assert "none" not in text.splitlines()[3]
    data = json.loads(json.dumps(profits.to_dict()))
    assert data["totals"] == list(profits.totals)
    assert data["profits"][2][0] == -0.2


def test_a_mark_of_byte_order_is_no_name(file):
    path = file("")
    path.write_bytes(b"\xef\xbb\xbf,A\r\nup,0.1\r\n")
    assert read_scenarios(path).returns == ((0.1,),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must have a first row of assets"),
        ("scenario,A\n", "must have a first row of assets"),
        ("scenario\nup\n", "must have a first row of assets"),
        ("scenario,A,B\nup,0.1\n", "'up' has 1 returns for 2 assets"),
        ("scenario,A\nup,5 %\n", "A in 'up' is '5 %': must be a number; write 5 per cent as 0.05"),
        ("scenario,A\nup,\n", "A in 'up' is '': must be a number"),
        ("scenario,A\nup,nan\n", "A in 'up'=nan: must be a finite number"),
        ("scenario,A\ncrash,-20\n", "return of A in 'crash'=-20.0: must be -1 or above"),
        ("scenario,A\nup,0.1\nup,0.2\n", "names='up': must be non-empty, each once"),
        ("scenario,A,A\nup,0.1,0.1\n", "assets='A': must be non-empty, each once"),
        ("scenario,A\n ,0.1\n", "has no name"),
    ],
)
def test_files_refused(file, text, says):
    with pytest.raises(InvalidProblem, match=r"scenarios file '.*scenarios.csv'") as refused:
        read_scenarios(file(text))
    assert says in str(refused.value)


def test_unreadable_files_are_refused(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InvalidProblem, match=r"cannot read scenarios file .*; give a CSV"):
            read_scenarios(path)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00,")
    with pytest.raises(InvalidProblem, match="cannot read"):
        read_scenarios(binary)
    binary.write_text("x" * (1 << 24) + "xx", encoding="utf-8")
    with pytest.raises(InvalidProblem, match="more than 16 MiB"):
        read_scenarios(binary)


def test_an_asset_without_a_column_is_refused():
    found = Scenarios(names=("up",), assets=("A", "B"), returns=((0.1, 0.2),))
    with pytest.raises(InvalidProblem, match="no column for C, which the portfolio holds"):
        found.profits(Portfolio(weights=(0.5, 0.5)), ("A", "C"))
    with pytest.raises(InvalidProblem, match="2 weights for 1 assets"):
        found.profits(Portfolio(weights=(0.5, 0.5)), ("A",))
    with pytest.raises(InvalidProblem, match=r"returns='array of shape \(1, 2\)'"):
        Scenarios(names=("up",), assets=("A",), returns=((0.1, 0.2),))
