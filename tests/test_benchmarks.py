"""The benchmark suites in their small versions."""

import json

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.suites import SUITES
from benchmarks.suites.estimators import estimators

RUNNER = CliRunner()


def rows_of(folder, suite):
    done = RUNNER.invoke(app, ["run", suite, "--small", "--seeds", "60", "--output", str(folder)])
    assert done.exit_code == 0, done.output
    assert (folder / f"{suite}.md").read_text().startswith(f"# {suite}")
    return [json.loads(line) for line in (folder / f"{suite}.jsonl").read_text().splitlines()]


def test_coverage_suite_passes_its_rule(tmp_path):
    rows = rows_of(tmp_path, "coverage")
    assert len(rows) == 2 * 10
    assert {row["rule"] for row in rows if row["engine"] == "Quantum"} == {"passes"}
    assert {row["rule"] for row in rows if row["engine"] == "MonteCarlo"} == {"reported"}


def test_convergence_suite_has_a_row_per_engine_and_budget(tmp_path):
    rows = rows_of(tmp_path, "convergence")
    assert len(rows) == 3 * 2 * 2
    assert {row["engine"] for row in rows} == {"MonteCarlo", "Quantum"}


@pytest.mark.filterwarnings("ignore")  # qiskit-finance and what it imports warn
def test_peers_suite_has_the_smaller_circuit_and_the_covering_interval(tmp_path):
    rows = rows_of(tmp_path, "peers")
    assert rows[0]["ours"] == "8 CX, 4 qubits"
    assert rows[0]["ratio"] > 5.0
    assert rows[-1]["ours"] == "1"


def test_list_and_a_wrong_name():
    assert all(name in RUNNER.invoke(app, ["list"]).output for name in SUITES)
    wrong = RUNNER.invoke(app, ["run", "speed"])
    assert wrong.exit_code == 2
    assert "coverage, convergence, peers" in wrong.output


def test_estimators_suite_measures_each_and_goes_on_where_it_stopped(tmp_path):
    rows = rows_of(tmp_path, "estimators")
    assert [row["estimator"] for row in rows[1:] if row["cap"] < 0] == list(estimators())
    deepest = {row["cap"]: row["max power"] for row in rows[1:] if row["cap"] >= 0}
    assert list(deepest) == [16]
    assert deepest[16] <= 16
    assert (tmp_path / "estimators.png").stat().st_size > 10_000
    for row in rows[1:]:
        assert 0.0 < row["NQ x eps"] < 0.5 * row["NA x eps"]
        assert row["wilson low"] <= row["coverage"] <= row["wilson high"]
    proved = ("Iterative", "Iterative, Chernoff", "ModifiedIterative", "RealAmplitude")
    found = {row["estimator"]: row for row in rows if row["cap"] < 0}
    assert min(found[name]["coverage"] for name in proved) >= 0.8  # of 24 runs
    assert found["Adaptive"]["NA x eps"] < found["Iterative"]["NA x eps"]
    lines = tmp_path / "estimators.jsonl"
    kept = lines.read_text().splitlines()[:-1]
    lines.write_text("\n".join(kept) + "\n")
    again = ["run", "estimators", "--small", "--output", str(tmp_path), "--resume"]
    assert RUNNER.invoke(app, again).exit_code == 0
    after = lines.read_text().splitlines()
    assert after[:-1] == kept
    assert json.loads(after[-1])["estimator"] == rows[-1]["estimator"]


def test_rows_of_another_size_are_not_gone_on_with(tmp_path):
    rows_of(tmp_path, "amplitudes")
    again = ["run", "amplitudes", "--small", "--output", str(tmp_path), "--resume"]
    other = RUNNER.invoke(app, [*again, "--seeds", "61"])
    assert other.exit_code == 2
    assert "--seeds" in other.output
    lines = tmp_path / "amplitudes.jsonl"
    whole = lines.read_text()
    lines.write_text(whole[:-40])
    assert RUNNER.invoke(app, [*again, "--seeds", "60"]).exit_code == 0
    assert [json.loads(line) for line in lines.read_text().splitlines()]


def test_amplitudes_suite_holds_ours_to_the_rule(tmp_path):
    rows = rows_of(tmp_path, "amplitudes")
    assert {row["estimator"] for row in rows} == {"Adaptive", "Certified", "Iterative"}
    assert {row["amplitude"] for row in rows} == {"1/2", ".0259"}
    assert {row["rule"] for row in rows} == {"passes"}
    assert {row["runs"] for row in rows} == {60}


@pytest.mark.filterwarnings("ignore")  # qiskit-algorithms and what it imports warn
def test_algorithms_suite_needs_fewer_queries_on_the_same_circuit(tmp_path):
    rows = {row["estimator"]: row for row in rows_of(tmp_path, "algorithms")}
    ours = rows["qmc Iterative, beside IQAE, Clopper-Pearson"]
    theirs = rows["qiskit-algorithms IQAE, Clopper-Pearson"]
    assert ours["queries, peer / this"] == theirs["queries"] / ours["queries"] > 3.0
    assert ours["half-width"] <= 0.01
    assert 0.0 < theirs["ms statistics"] < theirs["ms whole"]


def test_large_suite_plans_and_solves_in_processes_of_their_own(tmp_path):
    plan, solve = rows_of(tmp_path, "large")
    assert (plan["what"], solve["what"]) == ("plan", "solve")
    assert solve["half-width / price"] <= 1e-3
    assert 0.0 < plan["MiB"] < 2048.0
