"""The table of a back-test: what it counts, how it prints, what an interruption leaves."""

import json

import numpy as np
import pytest

from qmc.backtest import (
    Forecasts,
    Historical,
    NormalForecast,
    StudentTForecast,
    assess,
    backtest,
    christoffersen,
    independence,
    kupiec,
    quantile_loss,
    report,
    rolling,
)
from qmc.errors import InvalidProblem

RETURNS = np.random.default_rng(2).normal(0.0, 0.01, (500, 2))
WEIGHTS = (0.5, 0.5)
LEVELS = {"level": 0.95, "es_level": 0.9}


@pytest.fixture(scope="module")
def table():
    methods = {"long": Historical(window=200), "short": NormalForecast(window=100)}
    return backtest(RETURNS, WEIGHTS, methods, **LEVELS, simulations=200, rng=1)


def test_rows_are_the_tests_of_the_same_days(table):
    assert [(row.method, row.days, row.first) for row in table.rows] == [
        ("long", 300, 200), ("short", 300, 200),
    ]  # fmt: skip
    found = rolling(RETURNS, WEIGHTS, NormalForecast(window=100), **LEVELS, first=200)
    row = table.rows[1]
    assert row.breaches == found.breaches.sum()
    assert row.expected == pytest.approx(15.0)
    assert row.kupiec == kupiec(found.breaches, 0.95)
    assert row.independence == independence(found.breaches)
    assert row.christoffersen == christoffersen(found.breaches, 0.95)
    assert row.light.days == 250
    assert row.passed == (
        row.kupiec.passed and row.independence.passed and row.christoffersen.passed
    )
    assert [test.name for test in row.shortfall] == ["Z1", "Z2", "Z3"]


def test_the_quantile_loss_is_smallest_near_the_quantile():
    losses = np.random.default_rng(3).standard_normal(20_000)

    def at(value):
        flat = np.full(losses.size, value)
        return quantile_loss(
            Forecasts(days=tuple(range(losses.size)), losses=losses, value_at_risk=flat,
                      expected_shortfall=flat, value_at_es_level=flat, level=0.95, es_level=0.95)
        )  # fmt: skip

    values = np.linspace(1.2, 2.2, 41)
    assert values[np.argmin([at(value) for value in values])] == pytest.approx(1.645, abs=0.06)
    # by hand: 0.95 of what is above, 0.05 of what is below
    expected = np.where(losses > 1.0, 0.95 * (losses - 1.0), 0.05 * (1.0 - losses)).mean()
    assert at(1.0) == pytest.approx(expected, rel=1e-12)


def test_printed_forms(table):
    assert str(table).startswith("Back-test of VaR 95 % and ES 90 %, 300 days from 200 to 499")
    assert f"{table.rows[1].kupiec.p_value:.3g}" in str(table)
    assert "<table" in table._repr_html_()
    assert repr(table) == "Backtest(long, short: 300 days)"
    text = table.table()
    assert text.caption == "Back-test of VaR 95 % and ES 90 %, 300 days from 200 to 499"
    assert len(text.columns) == len(text.rows[0])
    assert str(table.rows[0].kupiec).startswith("Kupiec: statistic ")
    assert str(table.rows[0].light).startswith(table.rows[0].light.zone)


def test_it_is_json(table):
    data = json.loads(json.dumps(table.to_dict()))
    assert data["interrupted"] is False
    row = data["rows"][1]
    assert row["kupiec"]["p_value"] == table.rows[1].kupiec.p_value
    assert row["passed"] == table.rows[1].passed
    assert len(row["shortfall"]) == 3


def test_simulations_can_be_left_out_and_have_a_seed():
    one = Historical(window=200)
    quick = backtest(RETURNS, WEIGHTS, one, **LEVELS, simulations=0)
    assert quick.rows[0].shortfall == ()
    assert quick.table().rows[0].count("-") == 3
    runs = [
        backtest(RETURNS, WEIGHTS, one, **LEVELS, simulations=200, rng=seed).rows[0].shortfall
        for seed in (4, 4, 5)
    ]
    assert runs[0] == runs[1] != runs[2]


def test_forecasts_from_elsewhere_are_assessed_without_laws():
    made = rolling(RETURNS, WEIGHTS, Historical(window=200), **LEVELS)
    given = Forecasts(**{**vars(made), "laws": None})
    row = assess(given, "mine")
    assert (row.method, row.shortfall) == ("mine", ())
    assert row.kupiec == assess(made, simulations=0).kupiec


def test_labels_of_a_sequence():
    several = [Historical(window=200), NormalForecast(window=100), Historical(window=100)]
    found = backtest(RETURNS, WEIGHTS, several, **LEVELS, simulations=0)
    assert list(found.forecasts) == ["Historical", "NormalForecast", "Historical 2"]


def test_ctrl_c_keeps_the_methods_that_are_finished(monkeypatch):
    whole = report.of_losses

    def stopped(losses, one, **words):
        if isinstance(one, StudentTForecast):
            raise KeyboardInterrupt
        return whole(losses, one, **words)

    monkeypatch.setattr(report, "of_losses", stopped)
    methods = [NormalForecast(window=200), StudentTForecast(window=200), Historical(window=200)]
    found = backtest(RETURNS, WEIGHTS, methods, **LEVELS, simulations=0)
    assert (found.interrupted, [row.method for row in found.rows]) == (True, ["NormalForecast"])
    assert list(found.forecasts) == ["NormalForecast"]
    with pytest.raises(KeyboardInterrupt):
        backtest(RETURNS, WEIGHTS, methods[1:], **LEVELS, simulations=0)


@pytest.mark.parametrize(
    ("forecasters", "named"),
    [
        ([], "one or more"),
        ({"a": "history"}, r"forecasters\['a'\]='history'"),
        ([Historical], "Forecaster"),
        ([NormalForecast(window=500)], "more than the window, 500"),
    ],
)
def test_no_forecasters(forecasters, named):
    with pytest.raises((InvalidProblem, TypeError), match=named):
        backtest(RETURNS, WEIGHTS, forecasters, **LEVELS)
