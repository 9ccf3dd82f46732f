"""The commands that succeed: tables, JSON, pictures, problem files, seeds."""

import shlex
from pathlib import Path

import pytest

from qmc.cli import catalogue

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CALL = ["--spot", "100", "--vol", "0.2", "--strike", "105", "--expiry", "1"]
FAST = ["--backend", "ideal", "--seed", "1"]
TRUTH = 5.905593471555732  # Black-Scholes call at rate 0


def by_engine(rows):
    return {row["engine"]: row["result"] for row in rows}


def covered(result, truth):
    return result["interval"]["low"] <= truth <= result["interval"]["high"]


def without_seconds(data):
    """The data less wall times, which no seed fixes."""
    if isinstance(data, dict):
        return {key: without_seconds(value) for key, value in data.items() if key != "seconds"}
    return [without_seconds(one) for one in data] if isinstance(data, list) else data


@pytest.fixture
def portfolio(prices):
    # of 61 days no usual level is an exact share, so no quantile is a tie
    return ["--prices", str(prices), "--window", "61", "--qubits", "8", *FAST]


def test_price_by_every_engine(answer):
    data = answer("price", *CALL, *FAST, "--tolerance", "0.2")
    assert list(data) == ["command", "problem", "results"]
    assert data["command"] == "price"
    assert data["problem"]["model"]["spot"] == 100.0
    results = by_engine(data["results"])
    assert list(results) == ["analytic", "monte-carlo", "quantum"]
    assert results["analytic"]["value"] == pytest.approx(TRUTH, rel=1e-12)
    for name in ("monte-carlo", "quantum"):
        assert results[name]["status"] == "converged"
        assert results[name]["covers"] == "continuous"
        assert covered(results[name], TRUTH)
        width = results[name]["interval"]["high"] - results[name]["interval"]["low"]
        assert 0.0 < width <= 0.4
    assert set(results["quantum"]) == {
        "schema", "type", "value", "interval", "covers", "status", "budget", "cost", "circuit",
        "provenance",
    }  # fmt: skip
    assert results["quantum"]["circuit"]["qubits"] == 6


def test_price_on_real_circuits(answer):
    data = answer("price", *CALL, "--engine", "quantum", "--tolerance", "0.3", "--qubits", "3")
    (row,) = data["results"]
    assert "Aer(" in row["result"]["provenance"]["engine"]
    assert row["result"]["circuit"]["qubits"] == 4
    assert row["result"]["status"] == "converged"


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ([], "Call"),
        (["--contract", "put", "--dividend-yield", "0.01"], "Put"),
        (["--contract", "spread", "--high-strike", "120"], "CallSpread"),
        (["--contract", "digital", "--side", "put", "--cash", "10"], "Digital"),
        (["--contract", "digital", "--pays", "asset", "--rate", "-0.01"], "Digital"),
    ],
)
def test_contracts(answer, extra, kind):
    data = answer("price", *CALL, *FAST, "--tolerance", "0.5", *extra)
    results = by_engine(data["results"])
    for name in ("monte-carlo", "quantum"):
        assert covered(results[name], results["analytic"]["value"])
    assert data["problem"]["contract"]["kind"] in kind.lower()


def test_parts_of_the_engine(answer):
    parts = ["--grid", "uniform", "--estimator", "sampling", "--qubits", "4"]
    data = answer("price", *CALL, *FAST, *parts, "--engine", "quantum", "--tolerance", "0.5")
    (row,) = data["results"]
    assert row["result"]["covers"] == "discretised"
    assert row["result"]["cost"]["max_power"] == 0
    assert "UniformGrid(qubits=4" in row["result"]["provenance"]["engine"]


def test_a_probability(answer):
    given = ["--measure", "probability", "--threshold", "10"]
    data = answer("price", *CALL, *FAST, *given)
    results = by_engine(data["results"])
    assert data["results"][0]["measure"] == {"type": "qmc.measures.Probability", "threshold": 10.0}
    assert covered(results["quantum"], results["analytic"]["value"])
    assert 0.0 < results["analytic"]["value"] < 0.5


def test_var_and_es(answer, portfolio):
    data = answer("risk", *portfolio, "--value", "1000", "--level", "0.9", "--tolerance", "1")
    measures = [row["measure"]["type"].rpartition(".")[2] for row in data["results"]]
    assert measures == ["VaR"] * 3 + ["ES"] * 3
    assert {row["measure"]["level"] for row in data["results"]} == {0.9}
    var, es = by_engine(data["results"][:3]), by_engine(data["results"][3:])
    for results in (var, es):
        for name in ("monte-carlo", "quantum"):
            assert covered(results[name], results["analytic"]["value"])
    assert es["analytic"]["value"] >= var["analytic"]["value"] > 0.0
    assert "model" not in str(data["results"][0]["result"]["provenance"])


@pytest.mark.parametrize("model", ["filtered", "historical", "normal", "student-t"])
def test_models_of_returns(answer, portfolio, model):
    var = ["--measure", "var", "--level", "0.9", "--tolerance", "0.001"]
    data = answer("risk", *portfolio, "--model", model, *var)
    results = by_engine(data["results"])
    assert covered(results["quantum"], results["analytic"]["value"])
    assert data["problem"]["model"]["kind"] == model


def test_options_of_a_portfolio_matter(answer, portfolio):
    base = ["risk", *portfolio, "--engine", "analytic", "--measure", "var"]

    def value(*extra):
        return answer(*base, *extra)["results"][0]["result"]["value"]

    plain = value()
    assert value("--value", "1000") == pytest.approx(1000.0 * plain)
    third = "0.3333333333333333"
    assert value("--weights", f"{third},{third},{third}") == pytest.approx(plain)
    assert value("--weights", "1,0,0") == pytest.approx(value("--tickers", "A"))
    for extra in (["--weights", "-1,0,0"], ["--window", "30"], ["--decay", "0.8"]):
        assert value(*extra) != pytest.approx(plain)
    heavy = value("--model", "student-t", "--degrees-of-freedom", "2.1")
    assert heavy != pytest.approx(value("--model", "student-t"))


def test_expected_loss(answer, portfolio):
    data = answer("risk", *portfolio, "--measure", "expected-loss", "--tolerance", "0.005")
    results = by_engine(data["results"])
    assert covered(results["quantum"], results["analytic"]["value"])


def test_built_in_stocks_between_dates(answer):
    given = ["--tickers", "AAPL,JPM", "--start", "2020-01-01", "--end", "2020-12-31"]
    data = answer("risk", *given, "--window", "200", "--engine", "analytic")
    assert [row["result"]["value"] > 0.0 for row in data["results"]] == [True, True]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_examples_run_by_their_own_command(answer, path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    program, command, flag, given = shlex.split(first.partition("Run: ")[2])
    assert (program, flag, given) == ("qmc", "--file", f"examples/{path.name}")
    data = answer(command, "--file", path, "--backend", "ideal")
    for row in data["results"]:
        assert row["result"]["status"] == "converged"
    assert data["problem"]["run"]["seed"] == 7


def test_a_file_and_options_say_the_same(answer):
    given = ["--spot", "100", "--vol", "0.2", "--rate", "0.05", "--strike", "105", "--expiry", "1"]
    by_option = answer("price", *given, "--tolerance", "0.1", "--seed", "7", "--backend", "ideal",
                       "--qubits", "5")  # fmt: skip
    by_file = answer("price", "--file", EXAMPLES / "call.toml", "--backend", "ideal")
    assert without_seconds(by_file) == without_seconds(by_option)


def test_options_win_over_a_file(answer):
    file = ["--file", EXAMPLES / "call.toml", "--engine", "analytic"]
    low = answer("price", *file, "--strike", "120")["results"][0]["result"]["value"]
    high = answer("price", *file)["results"][0]["result"]["value"]
    assert low < high


def test_a_file_may_leave_the_usual_kinds_out(answer, tmp_path, prices):
    path = tmp_path / "short.toml"
    path.write_text(f'[model]\nprices = "{prices.name}"\nwindow = 60\n', encoding="utf-8")
    data = answer("risk", "--file", path, "--engine", "analytic")
    assert len(data["results"]) == 2
    assert data["problem"]["contract"]["kind"] == "portfolio"
    path.write_text("[contract]\nstrike = 105\nexpiry = 1\n", encoding="utf-8")
    data = answer("price", "--file", path, "--spot", "100", "--vol", "0.2", "--engine", "analytic")
    assert data["results"][0]["result"]["value"] == pytest.approx(TRUTH)


def test_dates_of_a_file_need_no_quotes(answer, tmp_path):
    path = tmp_path / "dates.toml"
    path.write_text(
        '[model]\nkind = "historical"\ntickers = ["AAPL"]\nend = 2000-12-29\n', encoding="utf-8"
    )
    data = answer("risk", "--file", path, "--engine", "analytic")
    assert data["problem"]["model"]["end"] == "2000-12-29"


@pytest.mark.parametrize("command", ["price", "risk", "converge"])
def test_the_seed_fixes_the_numbers(answer, portfolio, command):
    base = {
        "price": ["price", *CALL, *FAST, "--tolerance", "0.2"],
        "risk": ["risk", *portfolio, "--measure", "es", "--level", "0.9", "--tolerance", "0.002"],
        "converge": ["converge", *CALL, *FAST, "--budgets", "500", "--seeds", "2"],
    }[command]
    first, again, other = (without_seconds(answer(*base, "--seed", n)) for n in (7, 7, 8))
    key = "rows" if command == "converge" else "results"
    assert first == again
    assert first[key] != other[key]


def test_the_table_on_a_pipe(run):
    code, out, err = run("price", *CALL, *FAST, "--tolerance", "0.2")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    for word in ("analytic", "monte-carlo", "quantum", "converged", "Error budget of Price"):
        assert word in out


def test_infinite_ends_are_no_bare_tokens(answer, portfolio):
    coarse = ["--measure", "var", "--level", "0.999", "--engine", "quantum", "--qubits", "1"]
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
    assert out.startswith("Price: 7 qubits")


def test_plan_takes_what_risk_takes(answer, portfolio):
    assert list(answer("plan", *portfolio)["plans"]) == ["VaR", "ES"]
    assert list(answer("plan", "--file", EXAMPLES / "own_prices.toml")["plans"]) == ["VaR"]


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
    from qmc.specification.sections import KINDS, SINGLE, fields

    table = fields()
    known = {f"{section}.{name}" for section in SINGLE for name in table[section]}
    for section in KINDS:
        for kind in table[f"{section}.kind"]:
            known |= {f"{section}.{name}" for name in table[kind]}
    assert set(catalogue.FLAGS) == known


def test_options_offer_the_words_of_the_sections():
    from typing import get_args

    from qmc.specification.sections import DigitalSection, QuantumSection, RunSection, fields

    table = {path: set(words) for path, words in fields().items() if path.endswith(".kind")}
    for section in (DigitalSection, QuantumSection, RunSection):
        name = section.__name__.removesuffix("Section").lower().replace("digital", "contract")
        for field, info in section.model_fields.items():
            table.setdefault(f"{name}.{field}", set(get_args(info.annotation)))
    for one in catalogue.OPTIONS:
        if one.words:
            assert set(one.words) <= table[one.path], one.name
    shown = {word for one in (*catalogue.OPTIONS, *catalogue.RISK_MEASURE) for word in one.words}
    assert {"quantum", "aer", "law", "iterative", "asset", "es", "spread", "student-t"} <= shown
