"""`--estimator` and its settings: every word through every command, or refused by name."""

import json

import pytest

from qmc.cli import catalogue
from qmc.specification.estimators import estimators, settings

WORDS = tuple(estimators())
EARLY = tuple(word for word, kind in estimators().items() if kind().anytime_valid)
LATE = tuple(word for word in WORDS if word not in EARLY)
CALL = ["--spot", "100", "--vol", "0.2", "--strike", "105", "--expiry", "1"]
IDEAL = ["--backend", "ideal", "--seed", "1"]
TRUTH = 5.905593471555732  # Black-Scholes call at rate 0
# room for the last bit of a half-width that an estimator fills to the brim
ROOM = 1.0 + 1e-9


def owners(name):
    return [word for word, kind in estimators().items() if name in settings(kind)]


def half_width(result):
    return 0.5 * (result["interval"]["high"] - result["interval"]["low"])


def solved(run_json, *arguments):
    """Results of a command, whose exit code says what their status says."""
    data, code = run_json(*arguments)
    results = [row["result"] for row in data["results"]]
    assert code == (0 if {one["status"] for one in results} == {"converged"} else 3)
    return results


@pytest.fixture
def run_json(run):
    """JSON and exit code of a run that prints nothing else."""

    def call(*arguments):
        code, out, err = run(*arguments, "--json")
        assert err == ""
        return json.loads(out), code

    return call


def test_the_help_lists_every_word(run):
    (option,) = (one for one in catalogue.OPTIONS if one.name == "estimator")
    assert option.words == WORDS
    code, out, _ = run("price", "--help")
    assert code == 0
    for part in ("low-depth", "--max-power", "--shots", "--shots-per-round"):
        assert part in out


@pytest.mark.parametrize("word", WORDS)
def test_price(run_json, word):
    given = [*CALL, *IDEAL, "--engine", "quantum", "--tolerance", "0.5"]
    (result,) = solved(run_json, "price", *given, "--estimator", word)
    assert f"estimator={estimators()[word].__name__}(" in result["provenance"]["engine"]
    # one run at confidence .95 may miss the truth, by a little
    assert abs(result["value"] - TRUTH) < 1.5
    assert half_width(result) <= 0.5 * ROOM
    assert result["status"] == "converged"


@pytest.mark.parametrize("word", WORDS)
def test_probability(run_json, word):
    given = [*CALL, *IDEAL, "--engine", "quantum", "--measure", "probability"]
    end = ["--threshold", "10", "--tolerance", "0.1", "--estimator", word]
    (result,) = solved(run_json, "price", *given, *end)
    assert half_width(result) <= 0.1 * ROOM


@pytest.mark.parametrize("word", EARLY)
def test_var_and_es(run_json, portfolio, word):
    tail = ["--level", "0.9", "--relative-tolerance", "0.5", "--engine", "quantum"]
    results = solved(run_json, "risk", *portfolio, *tail, "--qubits", "5", "--estimator", word)
    assert [one["status"] for one in results] == ["converged"] * 2
    var, es = results
    assert es["interval"]["high"] >= var["interval"]["low"] > 0.0


@pytest.mark.parametrize("command", ["risk", "plan", "converge"])
@pytest.mark.parametrize("word", LATE)
def test_a_threshold_search_refuses_what_is_read_at_the_end(refusal, portfolio, word, command):
    for measure in ("var", "es"):
        line = refusal(command, *portfolio, "--measure", measure, "--estimator", word)
        assert line.startswith(f"option --estimator={word!r}: must be one whose interval may be")
        assert f"by default those are {', '.join(EARLY)};" in line


def test_sampling_round_by_round_searches(run_json, portfolio):
    rounds = ["--estimator", "sampling", "--shots-per-round", "500"]
    tail = ["--measure", "var", "--level", "0.9", "--relative-tolerance", "0.5"]
    (var,) = solved(run_json, "risk", *portfolio, *tail, *rounds, "--engine", "quantum")
    assert var["status"] == "converged"
    assert var["cost"]["max_power"] == 0


@pytest.mark.parametrize("word", WORDS)
def test_expected_loss(run_json, portfolio, word):
    given = ["--measure", "expected-loss", "--tolerance", "0.01", "--engine", "quantum"]
    (result,) = solved(run_json, "risk", *portfolio, *given, "--estimator", word)
    assert half_width(result) <= 0.01 * ROOM


@pytest.mark.parametrize("word", WORDS)
def test_plan(answer, word):
    plans = [
        answer("plan", *CALL, *end, "--estimator", word)["plans"]["Price"]["expected_queries"]
        for end in (["--tolerance", "0.5"], ["--tolerance", "0.05"], ["--queries", "300"])
    ]
    assert 0.0 < plans[0] < plans[1]
    assert 0.0 <= plans[2] <= 300.0  # a rehearsed run ends at or before its budget


@pytest.mark.parametrize("word", EARLY)
def test_plan_of_risk(answer, portfolio, word):
    assert list(answer("plan", *portfolio, "--estimator", word)["plans"]) == ["VaR", "ES"]


@pytest.mark.parametrize("word", WORDS)
def test_converge(answer, word):
    study = ["--budgets", "100,400", "--seeds", "2", "--estimator", word]
    rows = answer("converge", *CALL, *IDEAL, *study)["rows"]
    mine = [row for row in rows if row["engine"] == "Quantum"]
    assert len(mine) == 4
    assert all(row["queries"] <= row["budget"] for row in mine)


@pytest.mark.parametrize("word", EARLY)
def test_converge_of_risk(answer, portfolio, word):
    study = ["--measure", "both", "--budgets", "300", "--seeds", "1", "--estimator", word]
    # four qubits hold no tail of a hundredth
    rows = answer("converge", *portfolio, *study, "--qubits", "4", "--level", "0.9")["rows"]
    assert {row["problem"] for row in rows} == {"VaR of Portfolio", "ES of Portfolio"}


@pytest.mark.parametrize("word", owners("max_power"))
def test_no_power_above_the_largest(run_json, word):
    given = [*CALL, *IDEAL, "--engine", "quantum", "--tolerance", "2", "--max-power", "3"]
    data, _ = run_json("price", *given, "--estimator", word)
    (row,) = data["results"]
    assert row["result"]["cost"]["max_power"] <= 3
    assert data["problem"]["estimator"] == {"max_power": 3}


@pytest.mark.parametrize("word", owners("shots"))
def test_shots(run_json, word):
    given = [*CALL, *IDEAL, "--engine", "quantum", "--tolerance", "2", "--shots", "8"]
    (result,) = solved(run_json, "price", *given, "--estimator", word)
    shown = "shots=(8,)" if word == "certified" else "shots=8"
    assert shown in result["provenance"]["engine"]
    assert half_width(result) <= 2.0 * ROOM


@pytest.mark.parametrize("name", ["max_power", "shots", "shots_per_round"])
def test_a_setting_of_others_is_refused_with_their_names(refusal, name):
    for word in set(WORDS) - set(owners(name)):
        flag = f"--{name.replace('_', '-')}"
        line = refusal("price", *CALL, "--estimator", word, flag, "5")
        takes = ", ".join(settings(estimators()[word]))
        others = ", ".join(owners(name))
        assert line == (
            f"option {flag}=5: unknown here; {word} takes {takes}; {name} is a setting of {others}"
        )


@pytest.mark.parametrize(
    ("flag", "value", "complaint"),
    [
        ("--max-power", "-1", "--max-power=-1: must be a whole number from 0 to"),
        ("--max-power", "x", "--max-power='x': must be a whole number, such as 7"),
        ("--shots", "0", "--shots=0: must be a whole number from 1 to 1099511627776"),
        ("--shots", "9" * 20, f"--shots={'9' * 20}: must be a whole number from 1 to"),
        ("--shots", "1.5", "--shots='1.5': must be a whole number, such as 30, or several"),
        ("--shots", "2,4", "--shots=[2, 4]: must be a whole number from 1 to"),
    ],
)
def test_settings_out_of_range(refusal, flag, value, complaint):
    for engine in ("quantum", "analytic"):
        line = refusal("price", *CALL, flag, value, "--engine", engine)
        assert line.startswith(f"option {complaint}")


FILE = {
    "model": {"kind": '"black-scholes"', "spot": "100.0", "vol": "0.2"},
    "contract": {"kind": '"call"', "strike": "105.0", "expiry": "1.0"},
    "goal": {"tolerance": "1.0"},
    "quantum": {"estimator": '"low-depth"', "backend": '"ideal"'},
    "estimator": {"max_power": "4", "beta": "0.5"},
    "run": {"engine": '"quantum"', "seed": "3"},
}


def test_settings_of_a_file_and_options_over_them(answer, problem_file):
    file = problem_file(FILE)
    for extra, power in ([], 4), (["--max-power", "2"], 2):
        (row,) = answer("price", "--file", file, *extra)["results"]
        part = f"LowDepth(max_power={power}, shots=30, beta=0.5)"
        assert part in row["result"]["provenance"]["engine"]


@pytest.mark.parametrize(
    ("path", "literal", "complaint"),
    [
        ("estimator.max_power", "64.0", "estimator.max_power=64.0: must be a whole number"),
        ("estimator.beta", "2.0", "estimator.beta=2.0: must be above 0 and at most 1"),
        ("estimator.name", '"x"', "estimator.name='x': unknown here; low-depth takes max_power"),
        ("quantum.estimator", "3", "quantum.estimator=3: must be text in quotes"),
        ("quantum.estimator", '"x"', "quantum.estimator='x': must be one of adaptive, bayesian"),
    ],
)
def test_files_are_refused_by_their_field(refusal, problem_file, path, literal, complaint):
    file = problem_file(FILE, (path, literal))
    assert refusal("price", "--file", file).startswith(f"{file}: field {complaint}")


def test_settings_are_a_section(refusal, problem_file):
    file = problem_file("estimator = 3")
    line = refusal("price", "--file", file, *CALL)
    assert line == f"{file}: field estimator=3: must be a section of fields"


@pytest.mark.parametrize("engine", ["analytic", "monte-carlo"])
@pytest.mark.parametrize(
    ("flag", "value", "shown"),
    [
        ("--estimator", "adaptive", "'adaptive'"),
        ("--max-power", "8", "8"),
        ("--shots", "8", "8"),
        ("--qubits", "4", "4"),
        ("--grid", "law", "'law'"),
        ("--backend", "ideal", "'ideal'"),
    ],
)
def test_a_setting_that_no_engine_reads_is_refused(refusal, engine, flag, value, shown):
    assert refusal("price", *CALL, "--engine", engine, flag, value) == (
        f"option {flag}={shown}: must be absent with engine {engine}, which has no such part; "
        "leave it out, or take engine quantum or all"
    )


def test_all_settings_that_no_engine_reads_are_named(refusal, prices):
    given = ["--prices", prices, "--window", "101", "--engine", "monte-carlo"]
    line = refusal("risk", *given, "--estimator", "certified", "--max-power", "8")
    assert line.startswith("options --estimator, --max-power: must be absent with engine monte")
    assert "leave them out" in line


def test_a_file_of_a_classical_engine_has_no_quantum_settings(refusal, problem_file):
    file = problem_file(FILE, ("run.engine", '"analytic"'))
    assert refusal("price", "--file", file).startswith(
        f"{file}: fields quantum.estimator, quantum.backend, estimator.max_power, estimator.beta: "
        "must be absent with engine analytic"
    )
    only = [("quantum.estimator", None), ("quantum.backend", None), ("estimator.beta", None)]
    file = problem_file(FILE, ("run.engine", '"monte-carlo"'), *only)
    line = refusal("price", "--file", file)
    assert line.startswith(f"{file}: field estimator.max_power=4: must be absent")


def test_another_engine_for_once_leaves_the_file_alone(answer, refusal, problem_file):
    """`--engine` over a file compares; an option beside it is still one that nothing reads."""
    file = problem_file(FILE)
    (row,) = answer("price", "--file", file, "--engine", "analytic")["results"]
    assert row["result"]["value"] == pytest.approx(TRUTH)
    line = refusal("price", "--file", file, "--engine", "analytic", "--max-power", "2")
    assert line.startswith("option --max-power=2: must be absent with engine analytic")
