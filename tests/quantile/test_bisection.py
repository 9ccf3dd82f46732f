"""Bisection behind the same interface, the oracle of tails, and the suite's rows."""

import json
import math

import numpy as np
import pytest

from benchmarks.quantile_laws import laws, tie
from benchmarks.suites import quantiles
from qmc import Goal
from qmc.errors import InvalidProblem, Unsupported
from qmc.estimators import Adaptive, Iterative
from qmc.plots import plot_quantile_queries
from qmc.quantile import Bisection, QuantileTask, ThresholdRound, ThresholdSearch, run_search
from qmc.rounds import Round
from qmc.testing import TailOracle

INNER = np.linspace(0.0, 1.0, 63)
TAILS = np.concatenate([[1.0], 0.999 * np.exp(-6.0 * INNER), [0.0]])
EDGES = np.concatenate([[-np.inf], INNER, [np.inf]])
TASK = QuantileTask(EDGES, 0.97, Goal(relative_tolerance=0.05))
QUANTILE = math.log(0.999 / 0.03) / 6.0


def test_early_stops_save_most_of_a_textbook_bisection():
    spent = {}
    for early in (True, False):
        search = Bisection(early_stop=early)
        assert isinstance(search, ThresholdSearch)
        oracle = TailOracle(TAILS, rng=3, readout=False)
        found = run_search(search, oracle, TASK, rng=4)
        assert found.status == "converged"
        assert found.interval.contains(QUANTILE)
        assert all(interval.contains(TAILS[edge]) for edge, interval in found.tails)
        spent[early] = oracle.queries
    assert spent[True] < 0.3 * spent[False]


def test_only_a_textbook_bisection_takes_an_estimator_read_at_its_end():
    with pytest.raises(Unsupported, match="early_stop=False"):
        Bisection(estimator=Adaptive())
    search = Bisection(estimator=Adaptive(), early_stop=False)
    found = run_search(search, TailOracle(TAILS, rng=5, readout=False), TASK, rng=6)
    assert found.interval.contains(QUANTILE)
    assert search.guarantee == "unproved"


def test_bisection_keeps_its_budget_and_says_so():
    task = QuantileTask(EDGES, 0.97, Goal(relative_tolerance=0.05, queries=5000))
    oracle = TailOracle(TAILS, rng=1, readout=False)
    found = run_search(Bisection(), oracle, task, rng=1)
    assert oracle.queries <= 5000
    assert found.status == "budget_exhausted"
    assert TAILS[found.low] > 0.03 >= TAILS[found.high]


def test_bisection_refuses_what_is_not_its_own():
    search = Bisection(estimator=Iterative())
    state = search.start(TASK)
    with pytest.raises(InvalidProblem, match="of edge 32"):
        search.tell(state, [ThresholdRound(5, Round(0, 10))], [])
    with pytest.raises(InvalidProblem, match=r"from Bisection\.start"):
        search.tell(None, [], [])


def test_read_cells_follow_the_law_beyond_the_edge():
    oracle = TailOracle([1.0, 0.6, 0.2, 0.0], rng=1)
    reply = oracle.run([ThresholdRound(1, Round(0, 20_000), readout=True)])[0]
    assert reply.hits == pytest.approx(12_000, abs=300)
    counts = np.bincount(reply.cells, minlength=3) / reply.hits
    assert counts == pytest.approx([0.0, 2 / 3, 1 / 3], abs=0.02)
    assert oracle.queries == 20_000


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda: TailOracle([1.0, 0.2, 0.4, 0.0]), InvalidProblem, "falling from 1"),
        (lambda: TailOracle([0.9, 0.0]), InvalidProblem, "falling from 1"),
        (lambda: TailOracle(TAILS, decay=-1.0), InvalidProblem, "decay"),
        (
            lambda: TailOracle(TAILS, decay=0.1).run(
                [ThresholdRound(0, Round(0, 1), readout=True)]
            ),
            Unsupported,
            "reads no register",
        ),
        (
            lambda: TailOracle(TAILS).run([ThresholdRound(99, Round(0, 1))]),
            InvalidProblem,
            "edge=99",
        ),
    ],
)
def test_an_oracle_of_tails_refuses(made, error, message):
    with pytest.raises(error, match=message):
        made()


@pytest.mark.parametrize("level", [0.99, 0.999])
def test_the_suite_knows_the_quantiles_of_its_laws(level):
    for law in laws(level):
        above = int(np.argmax(law.tails <= (1.0 - level) * (1.0 + 1e-12)))
        assert law.edges[above - 1] < law.quantile(level) <= law.edges[above]
        assert np.all(np.diff(law.tails) <= 1e-15)
    assert tie("", 0.01).quantile(0.99) == 3.0
    assert tie("", 0.010006).quantile(0.99) == 4.0


def test_the_suite_makes_rows_and_a_picture(tmp_path):
    rows = [next(quantiles.run(2, True))]
    for tolerance in (0.08, 0.04):
        rows += quantiles.curve(laws(0.99)[1], 0.99, tolerance, 1)
    assert all(list(row) == list(rows[0]) for row in rows)
    assert json.loads(json.dumps(rows[0]))["rule"] == "passes"
    assert rows[0]["classical / ours"] > 10.0
    figure = quantiles.picture(rows)
    assert len(figure.axes[0].lines) == 5
    figure.savefig(tmp_path / "quantiles.png")
    with pytest.raises(InvalidProblem, match="lacks level"):
        plot_quantile_queries([{"case": "a"}])
