"""The error budget in words: what is not known is named, and not added up."""

import dataclasses
import io
import math
import os

import pytest
from rich.console import Console

from classical_baseline import MonteCarlo
from qmc import (
    Asian,
    BlackScholes,
    FactorGrid,
    Goal,
    Heston,
    Price,
    Problem,
    Quantum,
)
from qmc.backends import Ideal
from qmc.explain import budget_table, explain
from qmc.result import Budget, BudgetLine

HESTON = Heston(spot=100.0, rate=0.02, v0=0.04, kappa=1.5, theta=0.04, vol_of_vol=0.3, rho=-0.6)
ASIAN = Asian(strike=100.0, times=(0.5, 1.0))
GOAL = Goal(relative_tolerance=0.05)
ENGINES = (MonteCarlo(), Quantum(grid=FactorGrid(qubits=3), backend=Ideal()))


@pytest.mark.parametrize("engine", ENGINES, ids=lambda one: type(one).__name__)
def test_time_steps_are_unknown_beside_what_is_known(engine):
    result = engine.solve(Problem(HESTON, ASIAN, Price()), GOAL, rng=7)
    *lines, total = budget_table(result).rows
    assert lines[-1][:3] == ("time steps", "unknown", "unknown")
    known = math.fsum(one.amount for one in result.budget.lines if math.isfinite(one.amount))
    assert known == pytest.approx(result.interval.half_width)
    assert total == ("total", "", f"{known:.3g} + unknown", "0.05", "unknown: time steps")
    assert math.isinf(result.budget.total)
    screen = io.StringIO()
    Console(file=screen, width=80).print(budget_table(result))
    assert max(map(len, screen.getvalue().splitlines())) <= 80
    for text in (screen.getvalue(), explain(result)):
        assert "inf" not in text
        for word in ("asymptotic", "half-width", "quadratic-exponential,", "total"):
            assert word in text


def test_what_is_known_to_be_infinite_stays_so():
    solved = ENGINES[0].solve(
        Problem(BlackScholes(spot=100.0, vol=0.2, rate=0.0), ASIAN, Price()), GOAL, rng=7
    )
    assert budget_table(solved).rows[-1][2:] == (f"{solved.budget.total:.3g}", "0.05", "")
    lines = (
        BudgetLine("paths", "asymptotic", math.inf, 0.05),
        BudgetLine("grid", "unknown", math.inf),
        BudgetLine("noise", "unknown", math.inf),
        BudgetLine("step", "unknown", 0.5),
    )
    table = budget_table(dataclasses.replace(solved, budget=Budget(lines)))
    assert [row[2] for row in table.rows] == ["inf", "unknown", "unknown", "0.5", "inf + unknown"]
    assert table.rows[-1][-1] == "unknown: grid, noise"


@pytest.mark.parametrize(("columns", "width"), [(80, 80), (300, 110), (0, 110)])
def test_the_text_is_as_narrow_as_its_terminal(monkeypatch, columns, width):
    solved = ENGINES[1].solve(Problem(HESTON, ASIAN, Price()), GOAL, rng=7)

    class Screen(io.StringIO):
        def fileno(self):
            return 1

    monkeypatch.setattr("sys.stdout", Screen())
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    assert max(map(len, solved.explain().splitlines())) == width


def test_a_pipe_is_as_wide_as_columns_says(monkeypatch):
    from qmc.cli.output import console

    for given, width in (("80", 80), ("wide", 140), ("", 140), ("0", 140)):
        monkeypatch.setenv("COLUMNS", given)
        assert console().width == width
