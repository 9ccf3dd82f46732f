"""Problem files and price files that cannot be used: one line that names file and field."""

import pathlib

import pytest

CALL = {
    "model": {"kind": '"black-scholes"', "spot": "100.0", "vol": "0.2"},
    "contract": {"kind": '"call"', "strike": "105.0", "expiry": "1.0"},
}
RISK = {"model": {"kind": '"filtered"', "window": "100"}, "contract": {"kind": '"portfolio"'}}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "has 0 rows"),
        ("date,A\n", "has 0 rows"),
        ("date,A\n2024-01-01,1\n2024-01-02,\n2024-01-03,1\n2024-01-04,1\n", "A on 2024-01-02"),
        ("date,A\n2024-01-03,1\n2024-01-02,1\n2024-01-04,2\n", "is earlier than the row before"),
        ("date,A\nx,1\ny,1\nz,1\n", "the first column must hold dates"),
        ("date,A\n2024-01-01,1\n2024-01-02,-1\n2024-01-03,1\n", "must be a finite price above 0"),
    ],
)
def test_bad_price_data(refusal, tmp_path, text, part):
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    if not text:
        part = "cannot read prices file"
    line = refusal("risk", "--prices", path, "--window", "2")
    assert part in line
    assert "bad.csv" in line


def test_prices_that_are_no_table(refusal, tmp_path):
    line = refusal("risk", "--prices", tmp_path / "none.csv")
    assert "cannot read prices file" in line
    assert "give a readable CSV or Parquet file" in line
    line = refusal("risk", "--prices", tmp_path)
    assert line.startswith(f"option --prices={str(tmp_path)!r}: must be a .csv or .parquet file")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "fields model.spot, model.vol, contract.strike, contract.expiry: missing; add them"),
        ("spot = 100", "field spot=100: unknown here; file takes model, contract, measure, goal"),
        ("model = 3", "field model=3: must be a section of fields"),
        ("[model]\nkind = 3", "field model.kind='3': must be one of black-scholes"),
        ([("model.kind", '"x"')], "field model.kind='x': must be one of black-scholes"),
        ([("model.kind", '["x"]')], "field model.kind="),
        ([("contract.kind", '"swap"')], "field contract.kind='swap': must be one of"),
        ([("contract.strik", "1.0")], "field contract.strik=1.0: unknown here; call"),
        ([("modle.spot", "1.0")], "field modle={'spot': 1.0}: unknown here; file takes"),
        ([("model.vol", None)], "field model.vol: missing; add it to the file"),
        ([("model.vol", '"20%"')], "field model.vol='20%': must be a number"),
        ([("model.vol", "true")], "field model.vol=True: must be a number"),
        ([("model.vol", "[0.2]")], "field model.vol=[0.2]: must be a number"),
        ([("model.spot", "1" + 400 * "0")], "field model.spot=1000"),
        ([("quantum.qubits", "5.0")], "field quantum.qubits=5.0: must be a whole number"),
        ([("quantum.grid", '"x"')], "field quantum.grid='x': must be 'factor', 'law' or 'uniform'"),
        ([("goal.tolerence", "1.0")], "field goal.tolerence=1.0: unknown here; goal"),
        ([("measure.kind", '"delta"')], "field measure.kind='delta': must be one of"),
        ([("measure.level", "0.9")], "field measure.level=0.9: unknown here; price"),
        ([("measure.kind", '"probability"')], "field measure.threshold: missing"),
        ([("run.engine", '"gpu"')], "field run.engine='gpu': must be 'quantum'"),
        (
            [("contract.kind", '"portfolio"'), ("model.kind", None)],
            "`qmc price` is not for this problem",
        ),
        (
            [("model.spot", '"a"'), ("model.vol", '"b"')],
            "field model.spot='a': must be a number (and 1 more)",
        ),
    ],
)
def test_files_of_another_shape(refusal, problem_file, content, complaint):
    text = isinstance(content, str)
    file = problem_file(content) if text else problem_file(CALL, *content)
    line = refusal("price", "--file", file)
    assert line.removeprefix(f"{file}: ").startswith(complaint)


@pytest.mark.parametrize(
    ("path", "literal", "complaint"),
    [
        ("contract.weights", "[0.5, 0.5]", "contract.weights=[0.5, 0.5]: must be 3 numbers"),
        ("contract.weights", "[1.0, nan, 1.0]", "contract.weights[1]=nan: must be a finite number"),
        ("contract.weights", '[1.0, "x"]', "contract.weights[1]='x': must be a number"),
        ("contract.weights", "1.0", "contract.weights=1.0: must be a list"),
        ("model.tickers", '"A"', "model.tickers='A': must be a list"),
        ("model.tickers", "[1]", "model.tickers[0]=1: must be text in quotes"),
        ("model.tickers", "[]", "model.tickers=[]: unknown []"),
        ("model.tickers", '["A", "Z"]', "model.tickers=['A', 'Z']: unknown ['Z']"),
        ("model.window", "60.0", "model.window=60.0: must be a whole number"),
        ("model.start", "2024-02-01", "model.start='2024-02-01': must be absent beside prices"),
        ("model.decay", '"x"', "model.decay='x': must be a number"),
    ],
)
def test_portfolio_files(refusal, problem_file, prices, path, literal, complaint):
    file = problem_file(RISK, ("model.prices", f'"{prices.name}"'), (path, literal))
    assert refusal("risk", "--file", file).startswith(f"{file}: field {complaint}")


@pytest.mark.parametrize(
    "content",
    [b"[model", b"spot = ", b"[model]\nspot = 1\nspot = 2\n", b"kind = '\xff'", b"\x00\x01"],
)
def test_malformed_toml(refusal, tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    line = refusal("price", "--file", path)
    assert line.startswith(f"{path}: not a TOML file: ")
    assert line.endswith("see examples/ for a working one")


def test_files_that_cannot_be_read(refusal, tmp_path, monkeypatch):
    for path in (tmp_path, tmp_path / "none.toml", tmp_path / "a\x00b"):
        line = refusal("price", "--file", path)
        assert "cannot be read (" in line
        assert line.endswith("give an existing TOML file")
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * 2_000_000)
    assert "more than 1 MiB" in refusal("price", "--file", large)

    def refuse(*arguments, **words):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    assert "cannot be read (Permission denied)" in refusal("price", "--file", large)


def test_an_option_over_a_file_is_named_as_the_option(refusal, problem_file):
    file = problem_file(CALL)
    line = refusal("price", "--file", file, "--vol", "-1")
    assert line.startswith("option --vol=-1.0: must be")


def test_the_wrong_command_names_the_right_one(refusal, problem_file, prices):
    line = refusal("risk", "--file", problem_file(CALL))
    assert line.endswith("use `qmc price`")
    line = refusal("price", "--file", problem_file(RISK))
    assert line.endswith("use `qmc risk`")
    mixed = problem_file({**RISK, "contract": CALL["contract"]})
    assert refusal("risk", "--file", mixed).startswith(
        f"{mixed}: field contract.kind='call': must be portfolio, book, delta-gamma under "
        "model.kind='filtered'"
    )


HESTON = {
    "model": {
        "kind": '"heston"', "spot": "100.0", "rate": "0.02", "v0": "0.04", "kappa": "1.5",
        "theta": "0.04", "vol_of_vol": "0.3", "rho": "-0.6",
    },
    "contract": CALL["contract"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "sections", "grid", "lacking"),
    [
        ("price", HESTON, "law", "LawGrid needs a known one-dimensional law: model Heston lacks"),
        ("plan", HESTON, "law", "LawGrid needs a known one-dimensional law: model Heston lacks"),
        ("price", HESTON, "uniform", "UniformGrid treats Price of a contract on one terminal"),
        ("risk", RISK, "uniform", "UniformGrid treats"),
    ],
)
def test_a_grid_that_cannot_treat_the_problem_is_refused_by_its_field(
    refusal, problem_file, command, sections, grid, lacking
):
    file = problem_file(sections, ("quantum.grid", f'"{grid}"'))
    line = refusal(command, "--file", file)
    field = f"field quantum.grid={grid!r}: must be one that treats this problem; {lacking}"
    assert line.startswith(f"{file}: {field}")
    assert "take " in line.rpartition("; ")[2]


def test_a_grid_that_can_is_taken(answer, problem_file):
    file = problem_file(
        CALL, ("quantum.grid", '"factor"'), ("quantum.qubits", "3"), ("quantum.backend", '"ideal"')
    )
    assert "FactorGrid(qubits=3" in answer("plan", "--file", file)["plans"]["Price"]["grid"]
