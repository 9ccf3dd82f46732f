"""What a run tells while it runs."""

import pytest

from qmc.estimators import Adaptive, Certified, Iterative, run_estimator
from qmc.estimators.progress import share_done
from qmc.problem import Goal
from qmc.testing import BinomialOracle


@pytest.mark.parametrize("estimator", [Adaptive(), Certified(), Iterative()], ids=repr)
@pytest.mark.parametrize("goal", [Goal(tolerance=0.01), Goal(queries=400)], ids=repr)
def test_every_round_is_told_and_nothing_else_changes(estimator, goal):
    told, oracle = [], BinomialOracle(0.3, rng=1)
    found = run_estimator(
        estimator, oracle, goal, rng=2, progress=lambda *now: told.append((*now, oracle.queries))
    )
    assert found == run_estimator(estimator, BinomialOracle(0.3, rng=1), goal, rng=2)
    assert told[-1][0] == found
    assert all(told_of == spent for _, told_of, spent in told)
    shares = [share_done(goal, estimate, spent) for estimate, spent, _ in told]
    assert shares[0] < shares[-1] == pytest.approx(1.0, abs=0.1)


def test_a_bar_prints_nothing_where_stderr_is_no_terminal(capsys):
    run_estimator(Iterative(), BinomialOracle(0.3, rng=1), Goal(tolerance=0.01), progress=True)
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_drawn_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    run_estimator(Iterative(), BinomialOracle(0.3, rng=1), Goal(tolerance=0.01), progress=True)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "queries" in printed.err


def test_a_relative_tolerance_at_its_origin_is_never_done():
    oracle, shares = BinomialOracle(0.0, rng=1), []
    goal = Goal(relative_tolerance=0.1)
    run_estimator(
        Iterative(max_power=8),
        oracle,
        goal,
        progress=lambda *now: shares.append(share_done(goal, *now)),
    )
    assert max(shares) < 1.0
