"""The suite `risk_speed` in its small version: every row is a way to the same numbers."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import risk_cases
from benchmarks.__main__ import app
from benchmarks.suites import risk_speed
from classical_baseline import revalue
from classical_baseline.book_kernels import BookKernel, Layout
from qmc.errors import InvalidProblem
from qmc.losses import tail_risk

TABLES = {
    "50 stocks": 3,
    "50 stocks, 50 options, full revaluation": 3,
    "50 stocks, 50 options, delta-gamma": 4,
    "pieces of full revaluation": 8,
    "VaR and ES": 5,
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    args = ["run", "risk_speed", "--small", "--seeds", "1", "--output", str(folder)]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in (folder / "risk_speed.jsonl").read_text().splitlines()]


def test_every_table_has_its_contenders(rows):
    whats = [row["what"] for row in rows]
    assert {what: whats.count(what) for what in whats} == TABLES
    for row in rows:
        assert row["repeats"] == (0 if "not installed" in row["who"] else 1)


def test_the_ways_of_a_table_agree(rows):
    for what in TABLES:
        values = np.array([(row["VaR"], row["ES"]) for row in rows if row["what"] == what])
        values = values[np.isfinite(values[:, 0])]
        if what == "VaR and ES":
            # of one sample; only the partition leaves out the fraction of a loss
            assert values == pytest.approx(np.broadcast_to(values[0], values.shape), rel=1e-6)
        elif len(values):
            # of 40,000 scenarios each; the error of such a VaR is about 1 %
            assert np.all(np.abs(values / values.mean(axis=0) - 1.0) < 0.05)


def test_a_table_that_is_done_is_not_run_again(rows):
    others = [row for row in rows if row["what"] != "VaR and ES"]
    again = list(risk_speed.run(1, True, others))
    assert {row["what"] for row in again} == {"VaR and ES"}


def test_the_book_is_tabulated_and_delta_gamma_is_near_it():
    model = risk_cases.market()
    book = risk_cases.book(model, risk_cases.stocks(model) + risk_cases.options(model))
    kernel = BookKernel(book, model, 1.0, Layout(np.float64, 64))
    assert len(kernel.tabulated) == risk_cases.ASSETS == kernel.factors
    full, short = (
        tail_risk(revalue(one, model, 40_000, rng=2), 0.99)[0] for one in (book, book.delta_gamma())
    )
    # the same normals: what differs is the shortcut, which is fair for a mixed book
    assert short == pytest.approx(full, rel=0.02)
    assert short != pytest.approx(full, rel=1e-4)


def test_without_a_way_to_one_thread_the_variable_is_asked_for(monkeypatch):
    monkeypatch.setattr(risk_speed, "_module", lambda _name: None)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with pytest.raises(InvalidProblem, match="set it and run again"):
        next(risk_speed.run(1, True))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    who = [row["who"] for row in risk_speed.run(1, True) if row["repeats"] == 0]
    assert who == ["riskfolio: not installed", "skfolio: not installed"]
