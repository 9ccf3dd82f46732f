"""`qmc plan`, `converge`, `doctor` and `demo`; pictures, help, the list of options."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest

from qmc.cli import catalogue
from qmc.specification.estimators import estimators, settings
from qmc.specification.nouns import CONTRACTS, MODELS
from qmc.specification.sections import (
    KINDS,
    SINGLE,
    FilteredSection,
    GreekSection,
    QuantumSection,
    RunSection,
    StudentTSection,
    fields,
)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CALL = ["--spot", "100", "--vol", "0.2", "--strike", "105", "--expiry", "1"]
FAST = ["--backend", "ideal", "--seed", "1"]
TRUTH = 5.905593471555732  # Black-Scholes call at rate 0
CALL_FOR_TWO = {"kind": '"exchange"', "expiry": "1.0"}


def test_infinite_ends_are_no_bare_tokens(answer, portfolio):
    coarse = ["--measure", "var", "--level", "0.99", "--engine", "quantum", "--qubits", "1"]
    data = answer("risk", *portfolio, *coarse, code=3)
    assert data["results"][0]["result"]["status"] == "unresolved"
    assert {"float": "inf"} in data["results"][0]["result"]["interval"].values()
    study = ["--measure", "var", "--budgets", "10", "--seeds", "1"]
    rows = answer("converge", *portfolio, *study)["rows"]
    assert "inf" in {row["half_width"] for row in rows}


def test_plan_of_a_price(answer, run):
    data = answer("plan", *CALL, "--tolerance", "0.1")
    assert list(data) == ["command", "plans"]
    assert list(data["plans"]) == ["Price"]
    coarse = data["plans"]["Price"]
    assert {"qubits", "depth", "two_qubit_gates", "memory_bytes", "seconds"} <= set(coarse)
    fine = answer("plan", *CALL, "--tolerance", "0.01")["plans"]["Price"]
    assert fine["expected_queries"] > 5.0 * coarse["expected_queries"]
    code, out, _ = run("plan", *CALL)
    assert code == 0
    # Certified steers by a qubit beside the circuit; Iterative does not
    assert out.startswith("Price: 8 qubits")
    assert "by Certified(" in out
    code, out, _ = run("plan", *CALL, "--estimator", "iterative")
    assert out.startswith("Price: 7 qubits")


def test_plan_takes_what_risk_takes(answer, portfolio):
    assert list(answer("plan", *portfolio)["plans"]) == ["VaR", "ES"]
    assert list(answer("plan", "--file", EXAMPLES / "own_prices.toml")["plans"]) == ["VaR"]


@pytest.mark.skipif(
    not (importlib.util.find_spec("qdk") or importlib.util.find_spec("qsharp")),
    reason="needs the extra resources",
)
def test_plan_adds_a_machine(answer, run):
    small = [*CALL, "--qubits", "2", "--tolerance", "1", "--physical"]
    found = answer("plan", *small)["plans"]["Price"]["run"]
    assert found["physical"]["qubits"] > 1_000
    assert found["physical"]["machine"]["qubit"] == "qubit_gate_ns_e3"
    code, out, err = run("plan", *small)
    assert (code, err) == (0, "")
    assert f"{found['physical']['qubits']:,} physical qubits" in out
    assert answer("plan", *small[:-1])["plans"]["Price"]["run"] is None


def test_plan_names_the_extra_that_a_machine_needs(refusal, monkeypatch):
    for name in ("qdk", "qdk.estimator", "qsharp", "qsharp.estimator"):
        monkeypatch.setitem(sys.modules, name, None)
    line = refusal("plan", *CALL, "--physical")
    assert line.startswith("option --physical: ")
    assert "pip install 'qmc[resources]', or leave it out" in line


def test_plan_refuses_a_machine_for_a_search(refusal, portfolio):
    line = refusal("plan", *portfolio, "--physical")
    assert line.startswith("option --physical: must be left out for VaR and ES")


def test_convergence_of_a_price(answer, run):
    study = ["--budgets", "200,800", "--seeds", "2"]
    data = answer("converge", *CALL, *FAST, *study)
    assert list(data) == ["command", "rows"]
    assert {(row["engine"], row["budget"]) for row in data["rows"]} == {
        (engine, budget) for engine in ("Quantum", "MonteCarlo") for budget in (200, 800)
    }
    assert {row["seed"] for row in data["rows"]} == {1, 2}
    assert all(row["queries"] <= row["budget"] for row in data["rows"])
    assert all(row["reference"] == pytest.approx(TRUTH) for row in data["rows"])
    code, out, err = run("converge", *CALL, *FAST, *study)
    assert (code, err) == (0, "")
    assert "coverage" in out


def test_convergence_of_var_and_es(answer, portfolio, tmp_path):
    study = ["--budgets", "200,800", "--seeds", "2", "--plot", tmp_path / "pictures"]
    rows = answer("converge", *portfolio, "--measure", "both", *study)["rows"]
    assert {row["problem"] for row in rows} == {"VaR of Portfolio", "ES of Portfolio"}
    names = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert names == {
        f"convergence-{measure}-of-portfolio.{end}"
        for measure in ("var", "es")
        for end in ("png", "svg")
    }


def test_doctor(answer, run, tmp_path):
    data = answer("doctor", "--plot", tmp_path)
    assert {"python", "qiskit", "memory", "a circuit on Aer"} <= {c["name"] for c in data["checks"]}
    assert all(check["passed"] for check in data["checks"])
    assert {path.name for path in tmp_path.iterdir()} == {"doctor.png", "doctor.svg"}


@pytest.fixture
def fake_demo(monkeypatch):
    """`run_demo` that solves one price and remembers what it was asked for."""
    import qmc.demo

    asked = {}
    solved = (SimpleNamespace(result=SimpleNamespace(status="converged")),)

    def run_demo(folder, *, seed, quick, tell):
        tell("a step")
        asked.update(folder=folder, seed=seed, quick=quick)
        return SimpleNamespace(
            folder=folder,
            solved=solved,
            renderables=lambda: iter(["a table"]),
            to_dict=lambda: {"seed": seed, "width": float("nan")},
        )

    monkeypatch.setattr(qmc.demo, "run_demo", run_demo)
    return asked


def test_demo(run, answer, fake_demo, tmp_path):
    code, out, err = run("demo", "--output", tmp_path / "report")
    assert (code, err) == (0, "")
    assert out.startswith("a table\n")
    assert out.endswith("index.html\n")
    assert fake_demo == {"folder": tmp_path / "report", "seed": 7, "quick": False}
    data = answer("demo", "--plot", tmp_path, "--seed", "3", "--quick")
    assert data == {"command": "demo", "seed": 3, "width": "nan"}
    assert fake_demo == {"folder": tmp_path, "seed": 3, "quick": True}


def test_demo_refuses_a_folder_that_cannot_be_written(refusal, fake_demo, tmp_path):
    (tmp_path / "taken").touch()
    line = refusal("demo", "--output", tmp_path / "taken")
    assert line.startswith("option --output=")
    assert fake_demo == {}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["price", *CALL, *FAST, "--tolerance", "0.5"], ["price"]),
        (["plan", *CALL], ["plan"]),
        (["converge", *CALL, *FAST, "--budgets", "200,400", "--seeds", "2"],
         ["convergence-price-of-call"]),
    ],
)  # fmt: skip
def test_pictures(run, tmp_path, arguments, names):
    folder = tmp_path / "a" / "b"
    code, _, err = run(*arguments, "--plot", folder)
    assert (code, err) == (0, "")
    expected = {f"{name}.{end}" for name in names for end in ("png", "svg")}
    assert {path.name for path in folder.iterdir()} == expected
    for path in folder.iterdir():
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG") if path.suffix == ".png" else b"<svg" in content


def test_version_and_help(run):
    code, out, err = run("--version")
    assert (code, err) == (0, "")
    assert out.startswith("qmc ")
    assert run() == run("--help")
    code, out, _ = run("--help")
    assert code == 0
    for command in ("price", "risk", "plan", "converge", "doctor", "demo"):
        assert command in out


@pytest.mark.parametrize("command", ["price", "risk", "plan", "converge", "doctor", "demo"])
def test_every_command_takes_json_seed_and_plot(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    for flag in ("--json", "--seed", "--plot"):
        assert flag in out


def test_options_stand_for_the_fields_of_a_file():
    table = fields()
    known = {f"{section}.{name}" for section in SINGLE for name in table[section]}
    # what has no word among the options stands in a file only
    in_files = {*MODELS, *CONTRACTS} - {"black-scholes", "call", "put", "digital", "spread"}
    for section in KINDS:
        for kind in set(table[f"{section}.kind"]) - in_files:
            known |= {f"{section}.{name}" for name in table[kind]}
    known.remove("contract.horizon")
    # other settings of estimators stand in a file only
    flags = {path for path in catalogue.FLAGS if not path.startswith("estimator.")}
    assert flags == known
    names = {name for kind in estimators().values() for name in settings(kind)}
    assert {path.split(".")[1] for path in set(catalogue.FLAGS) - flags} <= names


def test_options_offer_the_words_of_the_sections():
    table = {path: set(words) for path, words in fields().items() if path.endswith(".kind")}
    groups = {
        FilteredSection: "model",
        StudentTSection: "model",
        GreekSection: "measure",
        QuantumSection: "quantum",
        RunSection: "run",
    }
    for section, name in groups.items():
        for field, info in section.model_fields.items():
            inner = (get_args(one) or (one,) for one in get_args(info.annotation))
            table.setdefault(f"{name}.{field}", {word for words in inner for word in words})
    table |= {"contract.side": {"call", "put"}, "contract.pays": {"cash", "asset"}}
    table["quantum.estimator"] = set(estimators())
    for one in catalogue.OPTIONS:
        if one.words:
            assert set(one.words) <= table[one.path], one.name
    shown = {word for one in (*catalogue.OPTIONS, *catalogue.RISK_MEASURE) for word in one.words}
    assert {"quantum", "aer", "law", "iterative", "asset", "es", "spread", "student-t"} <= shown


def test_convergence_where_no_exact_value_is_known(answer, run, problem_file):
    market = {"kind": '"black-scholes"', "spot": "100.0", "vol": "0.2"}
    # of one date: the call whose price is known, though not to an engine that sees an average
    asian = {"kind": '"asian"', "strike": "105.0", "times": "[1.0]"}
    file = problem_file({"model": market, "contract": asian, "quantum": {"qubits": "4"}})
    study = ["converge", "--file", file, *FAST, "--budgets", "500,2000", "--seeds", "2"]
    data = answer(*study)
    (note,) = data["notes"]
    assert note.startswith("No exact value is known of Price of Asian: errors and coverage are")
    assert "(99 %)" in note
    (reference,) = {row["reference"] for row in data["rows"]}
    assert reference == pytest.approx(TRUTH, rel=1e-3)
    code, out, _ = run(*study)
    assert code == 0
    assert note in " ".join(out.split())


def test_a_file_of_any_payoff_is_planned_before_it_is_solved(answer):
    data = answer("plan", "--file", EXAMPLES / "basket_of_five.toml")
    assert "FactorGrid(" in data["plans"]["Price"]["grid"]
    assert data["plans"]["Price"]["residual_paths"] > 0


def test_kinds_may_be_spelled_with_underscores(answer, refusal, problem_file):
    market = {
        "kind": '"local_volatility"', "spot": "100.0", "times": "[1.0]",
        "log_moneyness": "[-0.2, 0.2]", "vols": "[[0.25, 0.2]]", "rate": "0.02",
        "steps_per_year": "4",
    }  # fmt: skip
    cliquet = {"kind": '"cliquet"', "times": "{count = 2, last = 1.0}", "local_cap": "0.05"}
    file = problem_file({"model": market, "contract": cliquet, "quantum": {"qubits": "3"}})
    assert "FactorGrid(qubits=3" in answer("plan", "--file", file)["plans"]["Price"]["grid"]
    assert "use `qmc price`" in refusal("risk", "--file", file)
    line = refusal("plan", "--file", problem_file({"model": market, "contract": CALL_FOR_TWO}))
    assert "field contract.kind='exchange': must fit model.kind='local-volatility'" in line
