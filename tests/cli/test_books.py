"""Books from a file: VaR and ES under a model of prices and under one of returns."""

from pathlib import Path

import pytest

from classical_baseline import revalue
from qmc.losses import tail_risk
from qmc.specification import Specification, read_toml

BOOK = Path(__file__).resolve().parents[2] / "examples" / "book.toml"
UNDER_RETURNS = """
[model]
kind = "{kind}"
tickers = ["AAPL", "JPM"]
[contract]
kind = "book"
on = "returns"
spots = [100.0, 90.0]
horizon = 0.0396825
[[contract.positions]]
kind = "stock"
asset = 0
quantity = 200.0
[[contract.positions]]
kind = "option"
side = "call"
asset = 0
strike = 100.0
expiry = 0.25
vol = 0.25
quantity = -300.0
[measure]
kind = "both"
[run]
seed = 7
"""


def true_tails(path):
    """VaR 99 % and ES 97.5 % of a million revaluations, which share no engine's search."""
    problem = Specification.from_mapping(read_toml(path)).problems()[0]
    losses = revalue(problem.contract, problem.model, 1_000_000, rng=5)
    return float(tail_risk(losses, 0.99)[0]), float(tail_risk(losses, 0.975)[1])


def require_right(data, true):
    for engine in ("quantum", "monte-carlo"):
        rows = [row["result"] for row in data["results"] if row["engine"] == engine]
        assert len(rows) == 2
        for row, value in zip(rows, true, strict=True):
            assert row["status"] == "converged"
            # the truth itself is known to within half a per cent
            low, high = row["interval"]["low"], row["interval"]["high"]
            assert low - 0.005 * value <= value <= high + 0.005 * value
            assert high - low <= 0.2 * value


def test_the_example_asks_var_and_es_of_a_book(answer):
    data = answer("risk", "--file", BOOK)
    require_right(data, true_tails(BOOK))
    assert "data_error" not in data
    assert data["notes"] == ["No data error: MultiAsset is no model of returns"]


@pytest.mark.parametrize("kind", ["historical", "normal"])
@pytest.mark.parametrize("qubits", [[], ["--qubits", "7"]], ids=["plan", "given"])
def test_a_book_under_returns(answer, problem_file, kind, qubits):
    path = problem_file(UNDER_RETURNS.format(kind=kind))
    data = answer("risk", "--file", path, "--backend", "ideal", *qubits)
    require_right(data, true_tails(path))
    # a history revalues the book in its days; a fitted law would need the law of a book
    assert ("data_error" in data) == (kind == "historical")
    notes = data.get("notes", [])
    assert all(note.startswith("No data error: NormalReturns knows the law") for note in notes)
    assert len(notes) == (kind == "normal")


@pytest.mark.parametrize(
    "extra", [["--contributions"], ["--stressed", "250"], ["--scenarios", "none.csv"]]
)
def test_what_is_of_portfolios_is_refused(refusal, extra):
    line = refusal("risk", "--file", BOOK, *extra)
    assert line == f"option {extra[0]}: must be left out for a Book; it is of a portfolio's weights"


def test_other_spots_than_the_models_name_the_file(refusal, problem_file):
    text = BOOK.read_text(encoding="utf-8")
    head, model, contract = text.partition("[contract]")
    path = problem_file(head.replace("[100.0, 90.0]", "[100.0, 91.0]") + model + contract)
    line = refusal("risk", "--file", path)
    assert "Book(spots=(100.0, 90.0)) under MultiAsset(spots=(100.0, 91.0))" in line


def test_convergence_of_a_tail_without_a_closed_form_is_against_that_tail(answer, monkeypatch):
    monkeypatch.setattr("qmc.cli.solving._TAIL_PATHS", 2**19)
    given = ["--budgets", "2000", "--seeds", "2", "--backend", "ideal"]
    data = answer("converge", "--file", BOOK, *given)
    references = dict.fromkeys(row["reference"] for row in data["rows"])
    assert list(references) == pytest.approx(true_tails(BOOK), rel=0.015)
    assert all("measured by 524,288 paths" in note for note in data["notes"])
    assert all(row["covered"] for row in data["rows"] if row["engine"] == "Quantum")
