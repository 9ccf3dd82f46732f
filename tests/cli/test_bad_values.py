"""Values out of range, by option and by file, are refused in the same words."""

import pytest

CALL = {
    "model": {"kind": '"black-scholes"', "spot": "100.0", "vol": "0.2"},
    "contract": {"kind": '"call"', "strike": "105.0", "expiry": "1.0"},
}
RISK = {"model": {"kind": '"filtered"', "window": "100"}, "contract": {"kind": '"portfolio"'}}
PRICE_OPTIONS = {"spot": "100", "vol": "0.2", "strike": "105", "expiry": "1"}


def flags(values):
    pairs = [(f"--{name.replace('_', '-')}", value) for name, value in values.items()]
    return [one for pair in pairs for one in pair]


# field, values that are refused both as an option and as a TOML literal, what is allowed
POSITIVE = ("nan", "inf", "-1.0", "0.0")
PRICE_FIELDS = [
    ("model.spot", POSITIVE, "must be a finite number above 0"),
    ("model.vol", ("nan", "inf"), "must be a finite number; a volatility of 20 % is vol=0.2"),
    ("model.vol", ("-1.0", "20.0"), "must be from 0 to 10; a volatility of 20 % is vol=0.2"),
    ("model.rate", ("nan", "-inf"), "must be a finite number"),
    ("model.rate", ("50.0",), "must be from -10 to 10; 5 % is 0.05"),
    ("model.dividend_yield", ("nan", "inf"), "must be a finite number"),
    ("contract.strike", POSITIVE, "must be a finite number above 0; a strike is a price"),
    ("contract.strike", ("1000000000.0", "1e-09"), "from 0.0001 to 1e+08"),
    ("contract.expiry", POSITIVE, "must be a finite number above 0; years, three months are"),
    ("goal.tolerance", POSITIVE, "must be a finite number above 0"),
    ("goal.relative_tolerance", POSITIVE, "must be a finite number above 0"),
    ("goal.tolerance", ("1e-200", "1e-300"), "must be 1e-100 or above"),
    ("goal.relative_tolerance", ("1e-200",), "must be 1e-100 or above"),
    ("goal.queries", ("0", "-5"), "must be a whole number >= 1"),
    ("goal.confidence", ("nan", "0.0", "1.0", "-0.5"), "must be strictly between 0 and 1"),
    ("goal.confidence", ("95.0",), "if you mean 95 per cent, write 0.95"),
    ("quantum.qubits", ("0", "-3", "9" * 20), "must be a whole number from 1 to 1000"),
    ("run.seed", ("-1",), "must be a whole number >= 0"),
]
RISK_FIELDS = [
    ("measure.level", ("nan", "0.0", "1.0", "-0.1"), "must be strictly between 0 and 1"),
    ("measure.level", ("95.0", "1.5"), "if you mean"),
    ("model.window", ("1", "0", "-5"), "must be a whole number >= 2"),
    ("model.window", ("120", "100000"), "must be a whole number from 2 to 119, the daily returns"),
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
    file = problem_file(CALL, (path, value))
    line = refusal("price", "--file", file)
    assert line.startswith(f"{file}: field {path}={value}: ")
    assert allowed in line


@pytest.mark.parametrize(("path", "value", "allowed"), cases(RISK_FIELDS))
def test_risk_options_are_refused_by_name(refusal, prices, path, value, allowed):
    values = {"prices": str(prices), "window": "100", path.split(".")[1]: value}
    line = refusal("risk", *flags(values))
    assert line.startswith(f"option {flag_of(path)}={value}: ")
    assert allowed in line


@pytest.mark.parametrize(("path", "value", "allowed"), cases(RISK_FIELDS))
def test_risk_fields_of_a_file_are_refused_by_name(
    refusal, problem_file, prices, path, value, allowed
):
    changes = [("model.prices", f'"{prices.name}"'), (path, value)]
    file = problem_file(RISK, *changes)
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
    changes = [("quantum.qubits", "200"), ("run.engine", '"quantum"')]
    assert "take fewer qubits" in refusal("price", "--file", problem_file(CALL, *changes))


@pytest.mark.parametrize(("name", "value"), [("qubits", "0"), ("tolerance", "nan")])
def test_values_that_the_engine_would_not_read_are_refused_too(refusal, name, value):
    line = refusal("price", *flags({**PRICE_OPTIONS, name: value}), "--engine", "analytic")
    assert line.startswith(f"option --{name}={value}: must be")


@pytest.mark.parametrize(
    "values",
    [
        {"spot": "1e200", "strike": "1e200"},
        {"contract": "digital", "cash": "1e300"},
        {"measure": "probability", "threshold": "-1e300"},
    ],
)
def test_money_whose_square_is_no_double(refusal, values):
    line = refusal("price", *flags({**PRICE_OPTIONS, **values}))
    assert "must be from -1e+100 to 1e+100; count in millions" in line
    assert line.startswith(tuple(f"option --{name}=" for name in values))


@pytest.mark.parametrize(("name", "value"), [("value", "1e200"), ("weights", "1,1e200,1")])
def test_portfolios_whose_square_is_no_double(refusal, prices, name, value):
    line = refusal("risk", "--prices", prices, "--window", "100", f"--{name}", value)
    assert line.startswith(f"option --{name}")
    assert "=1e+200: must be from -1e+100 to 1e+100" in line


def test_data_that_no_model_takes_is_refused_without_an_option_to_blame(refusal, tmp_path):
    path = tmp_path / "wild.csv"
    rows = [f"2024-01-0{day},{price}" for day, price in enumerate(["1", "1e300"] * 3, start=1)]
    path.write_text("\n".join(["date,A", *rows]), encoding="utf-8")
    line = refusal("risk", "--prices", path, "--window", "3", "--model", "normal")
    assert ": must " in line
    assert not line.startswith("option")
