"""The suite of back-tests: the rule of choice by hand, and rows on a few years."""

from dataclasses import replace

import pytest

from benchmarks.backtest_choice import CANDIDATES, FIRST, Assessed, chosen
from benchmarks.suites.backtests import run
from qmc.backtest import BacktestRow, ForecastTest, TrafficLight
from qmc.errors import InvalidProblem


def row(p_value, loss):
    test = ForecastTest(name="test", statistic=0.0, p_value=p_value)
    light = TrafficLight(breaches=0, days=250, level=0.99, probability=0.1, zone="green")
    return BacktestRow(
        method="x", level=0.99, es_level=0.975, first=0, last=1, days=2, breaches=0, expected=0.0,
        kupiec=test, independence=replace(test, p_value=0.9), christoffersen=test, shortfall=(),
        light=light, most=0, quantile_loss=loss,
    )  # fmt: skip


def candidate(name, p_values, losses):
    rows = tuple(row(*pair) for pair in zip(p_values, losses, strict=True))
    return Assessed(name=name, rows=rows)


def test_the_rule_admits_by_every_p_value_and_chooses_by_the_first_levels_loss():
    rejected = candidate("rejected at 97.5 %", (0.9, 0.04), (1.0, 1.0))
    near = candidate("admitted", (0.06, 0.06), (2.0, 9.0))
    sure = candidate("admitted, larger loss", (0.9, 0.9), (3.0, 1.0))
    assert chosen([rejected, near, sure]) == "admitted"
    worse = candidate("worse", (0.01, 0.9), (0.5, 0.5))
    assert chosen([worse, rejected]) == "rejected at 97.5 %"


def test_every_candidate_has_the_days_that_it_needs():
    assert max(one.window for one in CANDIDATES.values()) == FIRST
    assert len(CANDIDATES) == len(set(CANDIDATES.values())) == 15


def test_the_first_rows_of_a_small_run():
    rows = run(100, True)
    first, second = next(rows), next(rows)
    assert [(one["case"], one["what"], one["level"]) for one in (first, second)] == [
        ("history", "all", 0.99), ("history", "all", 0.975),
    ]  # fmt: skip
    assert (first["days"], first["breaches"]) == (1_775, 21)
    # skfolio's VaR of the same windows is the same order statistic
    assert (first["peer breaches"], second["peer breaches"]) == (21, second["breaches"])
    assert first["peer"].startswith("skfolio ")
    rows.close()
    with pytest.raises(InvalidProblem, match="seeds=20"):
        next(run(20, True))
