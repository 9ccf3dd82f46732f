"""The convergence table: rows, summary, slopes, plot, refusals."""

import dataclasses
import math

import numpy as np
import pytest

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Call,
    ExpectedLoss,
    HistoricalReturns,
    InvalidProblem,
    LawGrid,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    Quantum,
    VaR,
    convergence,
)
from qmc.backends import Ideal
from qmc.convergence import ConvergenceRow, ConvergenceTable
from qmc.plots import plot_budget, plot_cells, plot_intervals, plot_losses
from qmc.problem import Goal

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())


def synthetic(exponent, seeds=40):
    rng = np.random.default_rng(1)
    rows = []
    for budget in (100, 1_000, 10_000):
        for seed in range(seeds):
            error = abs(rng.normal()) * budget**exponent
            rows.append(
                ConvergenceRow(
                    problem="p",
                    engine="e",
                    budget=budget,
                    seed=seed,
                    queries=budget,
                    value=error,
                    reference=0.0,
                    error=error,
                    half_width=1.0,
                    covered=True,
                    seconds=0.1,
                    status="converged",
                )
            )
    return ConvergenceTable(tuple(rows))


@pytest.mark.parametrize("exponent", [-0.5, -1.0])
def test_slope_finds_the_exponent_within_its_interval(exponent):
    slope = synthetic(exponent).slope("p", "e")
    assert slope.interval.contains(exponent)
    assert slope.interval.width < 0.4
    assert slope.interval.contains(slope.value)


def test_classical_and_quantum_in_one_call():
    engines = [MonteCarlo(), Quantum(grid=LawGrid(qubits=3), backend=Ideal())]
    table = convergence(CALL, engines, [1_000, 8_000, 64_000], 24, reference=Analytic())
    assert len(table.rows) == 2 * 3 * 24
    assert table.engines() == ("MonteCarlo", "Quantum")
    summary = table.summary()
    assert list(summary["runs"]) == [24] * 6
    assert summary["coverage"].min() >= 0.75  # P(Binomial(24, .95) <= 17) < 1e-4
    for row in table.rows:
        assert row.queries <= row.budget
    classical, quantum = (table.slope(table.problems[0], e).value for e in table.engines())
    assert -0.8 < classical < -0.25
    assert quantum < classical  # the point of the exercise
    axes = table.plot()
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert "slope" in axes.get_legend_handles_labels()[1][0]


def test_two_engines_of_one_kind_are_told_apart():
    engines = [MonteCarlo(), MonteCarlo(antithetic=True)]
    table = convergence([CALL], engines, [2_000], [1, 2], reference=[8.021352235143176])
    assert table.engines() == ("MonteCarlo", "MonteCarlo 2")
    assert math.isnan(table.slope(table.problems[0], "MonteCarlo").value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"queries": []}, "queries"),
        ({"engines": []}, "engines"),
        ({"problems": []}, "problems"),
        ({"seeds": 0}, "seeds"),
        ({"seeds": ()}, "seeds"),
        ({"reference": [1.0, 2.0]}, "reference"),
        ({"engines": "q"}, "engines='q'.*lacks solve"),
        ({"confidence": 1.0}, "confidence"),
    ],
)
def test_bad_studies_are_refused(changes, named):
    arguments = {
        "problems": [CALL],
        "engines": [MonteCarlo()],
        "queries": [1_000],
        "seeds": 1,
        "reference": [8.0],
    } | changes
    with pytest.raises(InvalidProblem, match=named):
        convergence(**arguments)


def test_pictures_draw_what_they_are_given():
    engine = Quantum(grid=LawGrid(qubits=3), backend=Ideal())
    result = engine.solve(CALL, Goal(tolerance=0.5), rng=1)
    assert len(plot_cells(engine.discrete_problem(CALL)).patches) == 8
    axes = plot_intervals([result, result], ["a", "b"], truth=8.02)
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"]
    assert len(plot_budget(result).patches) == len(result.budget.lines)
    assert plot_losses(np.arange(100.0), [("VaR", 90.0)], ax=axes) is axes


class Stopping:
    """An engine that Ctrl-C stops at its third solve, by exception or inside the result."""

    def __init__(self, how):
        self.how, self.calls = how, 0

    def solve(self, problem, goal, *, rng=None):
        self.calls += 1
        result = MonteCarlo().solve(problem, goal, rng=rng)
        if self.calls < 3:
            return result
        if self.how == "raises":
            raise KeyboardInterrupt
        return dataclasses.replace(result, status="interrupted")


@pytest.mark.parametrize("how", ["raises", "returns"])
def test_ctrl_c_keeps_the_rows_that_are_finished(how):
    table = convergence(CALL, Stopping(how), [500, 1_000], 2, reference=Analytic())
    assert table.interrupted
    assert [(row.budget, row.seed) for row in table.rows] == [(500, 0), (500, 1)]


def test_ctrl_c_before_the_first_row_is_not_swallowed():
    engine = Stopping("raises")
    engine.calls = 2
    with pytest.raises(KeyboardInterrupt):
        convergence(CALL, engine, [500], 1, reference=Analytic())


def test_a_ragged_stop_still_has_a_curve_a_slope_and_a_picture():
    rows = synthetic(-0.5, seeds=10).rows
    table = ConvergenceTable(rows[:27], interrupted=True)
    queries, _ = table.curve("p", "e")
    assert queries.shape == (2, 10)
    assert table.plot("p").get_title() == "p"


def test_budgets_whose_intervals_say_nothing_are_not_fitted():
    rows = [dataclasses.replace(row, reference=2.0) for row in synthetic(-1.0).rows]
    vague = [
        dataclasses.replace(row, half_width=math.inf, error=1e6) if row.budget == 100 else row
        for row in rows
    ]
    table = ConvergenceTable(tuple(vague))
    assert table.informative("p", "e").tolist() == [False, True, True]
    assert table.slope("p", "e").interval.contains(-1.0)
    assert "not fitted" in " ".join(table.plot("p").get_legend_handles_labels()[1])


def test_the_law_gives_the_reference_where_it_is_known():
    normal = NormalReturns(mean=(0.001,), covariance=((1e-4,),))
    history = HistoricalReturns(returns=[[0.01], [-0.02], [0.03], [-0.01]] * 3)
    portfolio = Portfolio(weights=(1.0,), value=100.0)
    problems = [CALL] + [
        Problem(model, portfolio, measure)
        for model in (normal, history)
        for measure in (VaR(level=0.9), ES(level=0.9), ExpectedLoss(), Probability(threshold=1.0))
    ]
    table = convergence(problems, MonteCarlo(), 1_000, 1)
    for row, problem in zip(table.rows, problems, strict=True):
        exact = Analytic().solve(problem, Goal(tolerance=1.0)).value
        assert row.reference == pytest.approx(exact, rel=1e-12, abs=1e-14)


def test_a_table_shows_its_summary_and_names_what_it_has():
    table = synthetic(-0.5)
    assert "error_95" in str(table)
    assert "<table" in table._repr_html_()
    with pytest.raises(InvalidProblem, match="p: e"):
        table.slope("p", "nobody")
