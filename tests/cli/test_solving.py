"""`qmc price` and `qmc risk` that succeed: engines, contracts, models, files, seeds."""

import math
import shlex
from pathlib import Path

import pytest

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


# of that call, with d1 = log(S / K) / vol + vol / 2 (Black and Scholes 1973)
D1 = math.log(100.0 / 105.0) / 0.2 + 0.1
GAMMA = math.exp(-0.5 * D1**2) / math.sqrt(2.0 * math.pi) / 20.0
GREEKS = [
    ("delta", 0.5 * math.erfc(-D1 / math.sqrt(2.0))),
    ("gamma", GAMMA),
    ("theta", -0.5 * 20.0**2 * GAMMA),
]


@pytest.mark.parametrize(("greek", "truth"), GREEKS)
def test_a_greek_by_every_engine(answer, greek, truth):
    data = answer("price", *CALL, *FAST, "--greek", greek, "--relative-tolerance", "0.05")
    assert data["problem"]["measure"] == {"kind": "greek", "greek": greek, "step": None}
    results = by_engine(data["results"])
    assert results["analytic"]["value"] == pytest.approx(truth, rel=1e-6)
    assert all(covered(results[name], truth) for name in ("monte-carlo", "quantum"))


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
    assert data["results"][0]["measure"] == {"type": "qmc.Probability", "threshold": 10.0}
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
    var = ["--measure", "var", "--level", "0.9", "--tolerance", "0.002"]
    data = answer("risk", *portfolio, "--model", model, *var)
    results = by_engine(data["results"])
    assert covered(results["quantum"], results["analytic"]["value"])
    assert data["problem"]["model"]["kind"] == model


def test_options_of_a_portfolio_matter(answer, prices):
    base = ["risk", "--prices", prices, "--window", "101", "--engine", "analytic"]
    base += ["--measure", "var"]

    def value(*extra):
        return answer(*base, *extra)["results"][0]["result"]["value"]

    plain = value()
    assert value("--value", "1000") == pytest.approx(1000.0 * plain)
    third = "0.3333333333333333"
    assert value("--weights", f"{third},{third},{third}") == pytest.approx(plain)
    assert value("--weights", "1,0,0") == pytest.approx(value("--tickers", "A"))
    for extra in (["--weights", "-1,0,0"], ["--window", "110"], ["--decay", "0.8"]):
        assert value(*extra) != pytest.approx(plain)
    for extra in (["--filter", "garch"], ["--horizon", "5"]):
        assert value(*extra) != pytest.approx(plain)
    normal = value("--model", "normal")
    assert value("--model", "normal", "--horizon", "4") == pytest.approx(2.0 * normal, rel=0.5)
    assert value("--model", "normal", "--covariance", "oas") != pytest.approx(normal)
    book = ["--weights", "1,-1,0", "--market-neutral"]
    assert value(*book, "--model", "normal") > 0.0
    heavy = value("--model", "student-t", "--degrees-of-freedom", "2.1")
    assert heavy != pytest.approx(value("--model", "student-t"))
    assert value("--model", "student-t", "--tails", "fitted") != pytest.approx(heavy)


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
    assert (program, given) == ("qmc", f"examples/{path.name}")
    assert flag == ("--weights" if path.stem == "weights" else "--file")
    seed = ["--seed", "7"] if flag == "--weights" else []
    data = answer(command, flag, path, "--backend", "ideal", *seed)
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
    path.write_text(f'[model]\nprices = "{prices.name}"\nwindow = 100\n', encoding="utf-8")
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
