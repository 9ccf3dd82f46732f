"""Options of the wrong type, kind or number: one line that names the option."""

import pytest

PRICE_OPTIONS = {"spot": "100", "vol": "0.2", "strike": "105", "expiry": "1"}


def flags(values):
    pairs = [(f"--{name.replace('_', '-')}", value) for name, value in values.items()]
    return [one for pair in pairs for one in pair]


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
        ("price", "grid", "must be 'factor', 'law' or 'uniform'"),
        ("price", "estimator", "must be one of adaptive, bayesian, canonical, certified"),
        ("risk", "model", "must be one of black-scholes, bond-rates, cev, heston, local-"),
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
        ({"contract": "digital", "side": "up"}, "option --side='up': must be one of 'call', 'put'"),
        ({"contract": "digital", "pays": "x"}, "option --pays='x': must be one of 'cash', 'asset'"),
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
        (
            {"greek": "speed"},
            "option --greek='speed': must be 'delta', 'gamma', 'vega', 'rho', 'theta' or 'strike'",
        ),
        ({"measure": "greek"}, "option --greek: missing; give it, or a problem file with --file"),
        ({"step": "0.1"}, "option --step=0.1: unknown here; price takes no other field"),
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
    line = refusal("risk", *flags({"prices": str(prices), "window": "100", **values}))
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


def test_a_measure_that_no_part_treats(refusal):
    line = refusal("plan", *flags(PRICE_OPTIONS), "--measure", "var", "--grid", "law")
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
        "risk": ["--prices", prices, "--window", "100"],
        "doctor": [],
    }.get(command, flags(PRICE_OPTIONS))
    for folder in (taken, taken / "below"):
        line = refusal(command, *given, "--plot", folder)
        assert line.startswith(f"option --plot={str(folder)!r}: must be a folder that can be")
        assert line.endswith("give another one")
