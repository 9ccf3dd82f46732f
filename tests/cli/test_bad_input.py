"""Bad input, by option and by file: one line on stderr, exit code 2, nothing on stdout."""

import pathlib

import pytest

CALL = {
    "model": {"kind": '"black-scholes"', "spot": "100.0", "vol": "0.2"},
    "contract": {"kind": '"call"', "strike": "105.0", "expiry": "1.0"},
}
RISK = {"model": {"kind": '"filtered"', "window": "60"}, "contract": {"kind": '"portfolio"'}}
PRICE_OPTIONS = {"spot": "100", "vol": "0.2", "strike": "105", "expiry": "1"}


def flags(values):
    pairs = [(f"--{name.replace('_', '-')}", value) for name, value in values.items()]
    return [one for pair in pairs for one in pair]


def toml(sections, *changes):
    """The text of a file; each change is (path, TOML literal), or (path, None) to leave out."""
    table = {name: dict(fields) for name, fields in sections.items()}
    for path, literal in changes:
        section, name = path.split(".")
        table.setdefault(section, {})[name] = literal
    lines = []
    for section, fields in table.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {value}" for name, value in fields.items() if value is not None]
    return "\n".join(lines) + "\n"


@pytest.fixture
def problem_file(tmp_path):
    def write(text):
        path = tmp_path / "problem.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


# field, values that are refused both as an option and as a TOML literal, what is allowed
POSITIVE = ("nan", "inf", "-1.0", "0.0")
PRICE_FIELDS = [
    ("model.spot", POSITIVE, "must be a finite number above 0"),
    ("model.vol", POSITIVE, "must be a finite number above 0; a volatility of 20 % is vol=0.2"),
    ("model.vol", ("20.0",), "must be above 0 and at most 10; a volatility of 20 % is vol=0.2"),
    ("model.rate", ("nan", "-inf"), "must be a finite number"),
    ("model.rate", ("50.0",), "must be from -10 to 10; 5 % is 0.05"),
    ("model.dividend_yield", ("nan", "inf"), "must be a finite number"),
    ("contract.strike", POSITIVE, "must be a finite number above 0; a strike is a price"),
    ("contract.strike", ("1000000000.0", "1e-09"), "from 0.0001 to 1e+08"),
    ("contract.expiry", POSITIVE, "must be a finite number above 0; years, three months are"),
    ("goal.tolerance", POSITIVE, "must be a finite number above 0"),
    ("goal.relative_tolerance", POSITIVE, "must be a finite number above 0"),
    ("goal.queries", ("0", "-5"), "must be a whole number >= 1"),
    ("goal.confidence", ("nan", "0.0", "1.0", "-0.5"), "must be strictly between 0 and 1"),
    ("goal.confidence", ("95.0",), "if you mean 95 per cent, write 0.95"),
    ("quantum.qubits", ("0", "-3"), "must be a whole number >= 1"),
    ("run.seed", ("-1",), "must be a whole number >= 0"),
]
RISK_FIELDS = [
    ("measure.level", ("nan", "0.0", "1.0", "-0.1"), "must be strictly between 0 and 1"),
    ("measure.level", ("95.0", "1.5"), "if you mean"),
    ("model.window", ("1", "0", "-5"), "must be a whole number >= 2"),
    ("model.window", ("80", "100000"), "must be a whole number from 2 to 79, the daily returns"),
    ("model.decay", ("nan", "0.0", "1.0"), "must be strictly between 0 and 1"),
    ("contract.value", POSITIVE, "must be a finite number above 0"),
]


def cases(fields):
    return [(path, value, allowed) for path, values, allowed in fields for value in values]


def flag_of(path):
    return "--" + path.split(".")[1].replace("_", "-")


@pytest.mark.parametrize(("path", "value", "allowed"), cases(PRICE_FIELDS))
def test_price_options_are_refused_by_name(refusal, path, value, allowed):
    line = refusal("price", *flags({**PRICE_OPTIONS, path.split(".")[1]: value}))
    assert line.startswith(f"option {flag_of(path)}={value}: ")
    assert allowed in line


@pytest.mark.parametrize(("path", "value", "allowed"), cases(PRICE_FIELDS))
def test_price_fields_of_a_file_are_refused_by_name(refusal, problem_file, path, value, allowed):
    file = problem_file(toml(CALL, (path, value)))
    line = refusal("price", "--file", file)
    assert line.startswith(f"{file}: field {path}={value}: ")
    assert allowed in line


@pytest.mark.parametrize(("path", "value", "allowed"), cases(RISK_FIELDS))
def test_risk_options_are_refused_by_name(refusal, prices, path, value, allowed):
    values = {"prices": str(prices), "window": "60", path.split(".")[1]: value}
    line = refusal("risk", *flags(values))
    assert line.startswith(f"option {flag_of(path)}={value}: ")
    assert allowed in line


@pytest.mark.parametrize(("path", "value", "allowed"), cases(RISK_FIELDS))
def test_risk_fields_of_a_file_are_refused_by_name(
    refusal, problem_file, prices, path, value, allowed
):
    changes = [("model.prices", f'"{prices.name}"'), (path, value)]
    file = problem_file(toml(RISK, *changes))
    line = refusal("risk", "--file", file)
    assert line.startswith(f"{file}: field {path}={value}: ")
    assert allowed in line


@pytest.mark.parametrize("command", ["plan", "converge"])
@pytest.mark.parametrize(("name", "value"), [("vol", "nan"), ("strike", "0"), ("confidence", "1")])
def test_the_other_commands_refuse_the_same(refusal, command, name, value):
    line = refusal(command, *flags({**PRICE_OPTIONS, name: value}))
    assert line.startswith(f"option --{name}=")
    assert "must be" in line


@pytest.mark.parametrize("command", ["price", "plan", "converge"])
def test_200_qubits_are_refused_before_they_are_allocated(refusal, command):
    extra = ["--engine", "quantum"] if command == "price" else []
    line = refusal(command, *flags({**PRICE_OPTIONS, "qubits": "200"}), *extra)
    assert "qubits=200" in line
    assert "available; take fewer qubits" in line


def test_200_qubits_of_a_file(refusal, problem_file):
    text = toml(CALL, ("quantum.qubits", "200"), ("run.engine", '"quantum"'))
    assert "take fewer qubits" in refusal("price", "--file", problem_file(text))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("vol", "abc", "must be a number, such as 0.05"),
        ("vol", "20%", "must be a number, such as 0.05"),
        ("strike", "", "must be a number, such as 0.05"),
        ("qubits", "5.0", "must be a whole number, such as 7"),
        ("queries", "1e6", "must be a whole number, such as 7"),
        ("seed", "x", "must be a whole number, such as 7"),
    ],
)
def test_text_where_a_number_belongs(refusal, name, value, allowed):
    line = refusal("price", *flags({**PRICE_OPTIONS, name: value}))
    assert line == f"option --{name}={value!r}: {allowed}"


@pytest.mark.parametrize(
    ("command", "name", "allowed"),
    [
        ("price", "contract", "must be one of call, put, digital, spread"),
        ("price", "measure", "must be one of price, expected-loss, probability"),
        ("price", "engine", "must be 'quantum', 'monte-carlo', 'analytic' or 'all'"),
        ("price", "backend", "must be 'aer' or 'ideal'"),
        ("price", "grid", "must be 'law' or 'uniform'"),
        ("price", "estimator", "must be 'iterative' or 'sampling'"),
        ("risk", "model", "must be one of black-scholes, historical, normal, filtered"),
    ],
)
def test_unknown_words(refusal, command, name, allowed):
    given = PRICE_OPTIONS if command == "price" else {}
    line = refusal(command, *flags({**given, name: "nope"}))
    assert line.startswith(f"option --{name}='nope': ")
    assert allowed in line


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ({"contract": "digital", "side": "up"}, "option --side='up': must be 'call' or 'put'"),
        ({"contract": "digital", "pays": "x"}, "option --pays='x': must be 'cash' or 'asset'"),
        (
            {"contract": "digital", "cash": "0"},
            "option --cash=0.0: must be a finite number above 0",
        ),
        (
            {"high_strike": "120"},
            "option --high-strike=120.0: unknown here; call takes strike, expiry",
        ),
        (
            {"contract": "spread", "high_strike": "105"},
            "option --high-strike=105.0: must be above low_strike=105.0",
        ),
        ({"threshold": "5"}, "option --threshold=5.0: unknown here; price takes no other field"),
        (
            {"measure": "probability", "threshold": "nan"},
            "option --threshold=nan: must be a finite number",
        ),
        (
            {"rate": "9", "expiry": "100"},
            "option --expiry=100.0: must be small enough that |drift * time| < 300.0",
        ),
    ],
)
def test_fields_that_do_not_fit_the_kind(refusal, extra, line):
    assert refusal("price", *flags({**PRICE_OPTIONS, **extra})) == line


def test_a_spread_names_its_low_strike(refusal):
    line = refusal(
        "price", *flags({**PRICE_OPTIONS, "strike": "-1", "high_strike": "1"}), "--contract=spread"
    )
    assert line.startswith("option --strike=-1.0: must be a finite number above 0")


@pytest.mark.parametrize("name", PRICE_OPTIONS)
def test_a_missing_option(refusal, name):
    rest = {key: value for key, value in PRICE_OPTIONS.items() if key != name}
    line = refusal("price", *flags(rest))
    assert line == f"option --{name}: missing; give it, or a problem file with --file"


@pytest.mark.parametrize("command", ["price", "plan", "converge"])
def test_all_missing_options_at_once(refusal, command):
    assert refusal(command) == (
        "options --spot, --vol, --strike, --expiry: missing; give them, or a problem file with "
        "--file"
    )


@pytest.mark.parametrize(
    ("values", "beginning"),
    [
        ({"tickers": "A,NOPE"}, "option --tickers=['A', 'NOPE']: unknown ['NOPE'] in prices file"),
        ({"tickers": "A,A"}, "option --tickers=['A', 'A']: must be each ticker once"),
        ({"tickers": "A,,B"}, "option --tickers='A,,B': must be names with commas"),
        ({"weights": "0.5,0.5"}, "option --weights=[0.5, 0.5]: must be 3 numbers, one a ticker"),
        ({"weights": "1,nan,1"}, "option --weights[1]=nan: must be a finite number"),
        ({"weights": "1,x,1"}, "option --weights='1,x,1': must be numbers with commas"),
        ({"start": "2024-02-01"}, "option --start='2024-02-01': must be absent beside prices"),
        (
            {"model": "normal", "decay": "0.9"},
            "option --decay=0.9: unknown here; normal takes prices, tickers, start, end, window",
        ),
        (
            {"model": "student-t", "degrees_of_freedom": "2"},
            "option --degrees-of-freedom=2.0: must be above 2",
        ),
    ],
)
def test_portfolio_options(refusal, prices, values, beginning):
    line = refusal("risk", *flags({"prices": str(prices), "window": "60", **values}))
    assert line.startswith(beginning)


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"tickers": "NOPE"}, "unknown ['NOPE'] in sp500_stocks(); choose among AAPL"),
        ({"start": "soon"}, "must be dates such as '2020-01-31'"),
        ({"start": "2022-12-01"}, "must be a whole number from 2 to "),
    ],
)
def test_built_in_stocks(refusal, values, part):
    assert part in refusal("risk", *flags(values))


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
    ("text", "complaint"),
    [
        ("", "fields model.spot, model.vol, contract.strike, contract.expiry: missing; add them"),
        ("spot = 100", "field spot=100: unknown here; file takes model, contract, measure, goal"),
        ("model = 3", "field model=3: must be a section of fields"),
        ("[model]\nkind = 3", "field model.kind='3': must be one of black-scholes"),
        (toml(CALL, ("model.kind", '"x"')), "field model.kind='x': must be one of black-scholes"),
        (toml(CALL, ("model.kind", '["x"]')), "field model.kind="),
        (toml(CALL, ("contract.kind", '"swap"')), "field contract.kind='swap': must be one of"),
        (toml(CALL, ("contract.strik", "1.0")), "field contract.strik=1.0: unknown here; call"),
        (toml(CALL, ("modle.spot", "1.0")), "field modle={'spot': 1.0}: unknown here; file takes"),
        (toml(CALL, ("model.vol", None)), "field model.vol: missing; add it to the file"),
        (toml(CALL, ("model.vol", '"20%"')), "field model.vol='20%': must be a number"),
        (toml(CALL, ("model.vol", "true")), "field model.vol=True: must be a number"),
        (toml(CALL, ("model.vol", "[0.2]")), "field model.vol=[0.2]: must be a number"),
        (toml(CALL, ("model.spot", "1" + 400 * "0")), "field model.spot=1000"),
        (toml(CALL, ("quantum.qubits", "5.0")), "field quantum.qubits=5.0: must be a whole number"),
        (toml(CALL, ("quantum.grid", '"x"')), "field quantum.grid='x': must be 'law' or 'uniform'"),
        (toml(CALL, ("goal.tolerence", "1.0")), "field goal.tolerence=1.0: unknown here; goal"),
        (toml(CALL, ("measure.kind", '"delta"')), "field measure.kind='delta': must be one of"),
        (toml(CALL, ("measure.level", "0.9")), "field measure.level=0.9: unknown here; price"),
        (toml(CALL, ("measure.kind", '"probability"')), "field measure.threshold: missing"),
        (toml(CALL, ("run.engine", '"gpu"')), "field run.engine='gpu': must be 'quantum'"),
        (
            toml(CALL, ("contract.kind", '"portfolio"'), ("model.kind", None)),
            "`qmc price` is not for this problem",
        ),
        (
            toml(CALL, ("model.spot", '"a"'), ("model.vol", '"b"')),
            "field model.spot='a': must be a number (and 1 more)",
        ),
    ],
)
def test_files_of_another_shape(refusal, problem_file, text, complaint):
    file = problem_file(text)
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
    file = problem_file(toml(RISK, ("model.prices", f'"{prices.name}"'), (path, literal)))
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
    file = problem_file(toml(CALL))
    line = refusal("price", "--file", file, "--vol", "-1")
    assert line.startswith("option --vol=-1.0: must be")


def test_the_wrong_command_names_the_right_one(refusal, problem_file, prices):
    line = refusal("risk", "--file", problem_file(toml(CALL)))
    assert line.endswith("use `qmc price`")
    line = refusal("price", "--file", problem_file(toml(RISK)))
    assert line.endswith("use `qmc risk`")
    mixed = problem_file(toml({**RISK, "contract": CALL["contract"]}))
    assert refusal("risk", "--file", mixed).startswith(
        f"{mixed}: field contract.kind='call': must be portfolio under model.kind='filtered'"
    )


def test_a_measure_that_no_part_treats(refusal):
    line = refusal("plan", *flags(PRICE_OPTIONS), "--measure", "var")
    assert "LawGrid cannot place cells for VaR of Call" in line


@pytest.mark.parametrize("budgets", ["", "10,x", "0,10", "-5", "1.5", "100,10", "10,10", "10,"])
def test_malformed_budgets(refusal, budgets):
    line = refusal("converge", *flags(PRICE_OPTIONS), "--budgets", budgets)
    assert line == (
        f"option --budgets={budgets!r}: must be increasing whole numbers >= 1 with commas, "
        "such as 1000,10000"
    )


@pytest.mark.parametrize("seeds", ["0", "-1", "x"])
def test_malformed_seeds(refusal, seeds):
    line = refusal("converge", *flags(PRICE_OPTIONS), "--seeds", seeds)
    assert line.startswith(f"option --seeds={seeds!r}: must be a whole number")


@pytest.mark.parametrize("seed", ["-1", "x"])
def test_a_malformed_seed_of_doctor(refusal, seed):
    assert refusal("doctor", "--seed", seed).startswith(f"option --seed={seed!r}: must be a whole")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["prcie"], "No such command 'prcie'. Did you mean 'price'? See `qmc --help`."),
        (["--nope"], "No such option: --nope. See `qmc --help`."),
        (["price", "--spt", "1"], "No such option: --spt"),
        (["price", "extra"], "Got unexpected extra argument"),
        (["price", "--spot"], "Option '--spot' requires an argument. See `qmc --help`."),
        (["demo", "--seed", "x"], "Invalid value for '--seed'"),
    ],
)
def test_usage_errors_point_to_the_help(refusal, arguments, line):
    got = refusal(*arguments)
    assert got.startswith(line)
    assert got.endswith("--help`.")


@pytest.mark.parametrize("command", ["price", "risk", "plan", "converge", "doctor"])
def test_a_plot_folder_that_cannot_be_written(refusal, tmp_path, prices, command):
    taken = tmp_path / "taken"
    taken.touch()
    given = {
        "risk": ["--prices", prices, "--window", "60"],
        "doctor": [],
    }.get(command, flags(PRICE_OPTIONS))
    for folder in (taken, taken / "below"):
        line = refusal(command, *given, "--plot", folder)
        assert line.startswith(f"option --plot={str(folder)!r}: must be a folder that can be")
        assert line.endswith("give another one")
