"""`qmc backtest`: answers, files, refusals, interruption."""

import numpy as np
import pytest

from qmc import Portfolio
from qmc.backtest import Historical, backtest
from qmc.cli.backtesting import ALIASES, METHODS
from qmc.cli.catalogue import BACKTEST
from qmc.cli.catalogue import METHODS as RISK_METHODS
from qmc.market_data import read_prices

QUICK = ["--level", "0.9", "--es-level", "0.8", "--window", "40", "--simulations", "200"]


@pytest.fixture
def weights(tmp_path):
    def write(text):
        path = tmp_path / "weights.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_words_of_the_option_are_the_methods():
    # a method of `qmc risk` has the same word here
    assert {ALIASES.get(one, one) for one in RISK_METHODS} <= set(METHODS)
    (method,) = (one for one in BACKTEST if one.name == "method")
    assert method.words == tuple(METHODS)
    assert set(ALIASES.values()) <= set(METHODS) & set(RISK_METHODS)


def test_a_file_of_prices_and_one_of_weights(answer, prices, weights):
    path = weights("[weights]\nB = 0.5\nA = 0.2\nC = 0.3\n")
    data = answer(
        "backtest", "--prices", prices, "--weights", path, *QUICK, "--method", "historical"
    )
    assert data["command"] == "backtest"
    assert data["weights"] == {"A": 0.2, "B": 0.5, "C": 0.3}
    read = read_prices(prices)
    expected = backtest(
        read.returns(), (0.2, 0.5, 0.3), {"history": Historical(window=40)},
        level=0.9, es_level=0.8, days=read.dates[1:], simulations=200, rng=0,
    ).to_dict()  # fmt: skip
    assert data["rows"][0]["kupiec"] == expected["rows"][0]["kupiec"]
    assert data["rows"][0]["shortfall"] == list(map(dict, expected["rows"][0]["shortfall"]))
    assert (data["rows"][0]["method"], data["rows"][0]["last"]) == ("history", read.dates[-1])


def test_several_methods_pictures_and_a_table(run, prices, tmp_path):
    folder = tmp_path / "pictures"
    methods = ["--method", "filtered", "--method", "normal", "--method", "normal"]
    code, out, err = run("backtest", "--prices", prices, *QUICK, *methods, "--plot", folder)
    assert (code, err) == (0, "")
    assert "Back-test of VaR 90 % and ES 80 %, 79 days from 2024-02-27 to" in out
    # columns that do not fit stand in a second table; a method asked for twice is run once
    assert out.count("│ normal") == out.count("│ filtered")
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "backtest-filtered.png", "backtest-filtered.svg", "backtest-normal.png",
        "backtest-normal.svg",
    ]  # fmt: skip


def test_the_shipped_stocks_by_default(answer, tmp_path):
    data = answer("backtest", "--method", "normal", "--simulations", "0", "--plot", tmp_path)
    (row,) = data["rows"]
    assert (row["days"], row["breaches"], row["shortfall"]) == (7_812, 184, [])
    assert (row["first"], row["last"]) == ("1991-12-24", "2022-12-28")
    assert (tmp_path / "backtest-breaches.png").exists()


def test_the_same_seed_gives_the_same_numbers(answer, prices):
    runs = [
        answer("backtest", "--prices", prices, *QUICK, "--seed", seed)["rows"][0]["shortfall"]
        for seed in ("3", "3", "4")
    ]
    assert runs[0] == runs[1] != runs[2]


@pytest.fixture
def year(tmp_path):
    """A CSV of one asset on 400 days."""
    moves = np.random.default_rng(4).standard_t(5, 400) * 0.01
    days = np.datetime64("2020-01-01") + np.arange(400)
    levels = 100.0 * np.exp(np.cumsum(moves))
    rows = [f"{day},{price:.6f}" for day, price in zip(days, levels, strict=True)]
    path = tmp_path / "one.csv"
    path.write_text("date,A\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs(answer, year, method):
    data = answer("backtest", "--prices", year, "--method", method, "--window", "120",
                  "--level", "0.95", "--es-level", "0.9", "--simulations", "0")  # fmt: skip
    (row,) = data["rows"]
    assert (row["method"], row["days"]) == (method, 279)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--method", "magic"], "option --method='magic': must be one of filtered, history, "),
        (["--level", "99"], "option --level=99.0: must be strictly between 0 and 1; if you mean"),
        (["--level", "x"], "option --level='x': must be a number"),
        (["--es-level", "1"], "option --es-level=1.0: must be strictly between 0 and 1"),
        (["--window", "1"], "option --window=1: must be a whole number >= 2"),
        (["--window", "2.5"], "option --window='2.5': must be a whole number"),
        (["--window", "119"], "the prices have 119 returns: filtered needs more than its window of "
                             "119; give a longer history or a smaller --window"),
        (["--window", "50"], "option --window=50: must be at least 100 for the level 0.99"),
        (["--simulations", "9"], "option --simulations=9: must be a whole number >= 100"),
        (["--seed", "-1"], "option --seed='-1': must be a whole number >= 0"),
        (["--method", "garch", "--window", "60"], "option --window=60: must be a whole number >= "),
    ],
)  # fmt: skip
def test_options_out_of_range(refusal, prices, arguments, line):
    level = [] if {"--level", "50"} & set(arguments) else ["--level", "0.9"]
    given = [*level, *arguments]
    assert refusal("backtest", "--prices", prices, *given).startswith(line)


def test_files_that_are_not_there(refusal, prices, tmp_path):
    for flag, rest, kind in (
        ("--prices", (), "prices file"), ("--weights", ("--prices", prices), "weights file"),
    ):  # fmt: skip
        path = tmp_path / ("none.csv" if flag == "--prices" else "none.toml")
        line = refusal("backtest", *rest, flag, path)
        assert line.startswith(f"cannot read {kind} {str(path)!r}: ")
        assert "give " in line


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[weights]\nA = 1\nB = 1\n", "has no weight for C"),
        ("[weights]\nA = 1\nB = 1\nC = 1\nD = 1\n", "'D' is no asset of the prices (A, B, C)"),
        ("[weights]\nA = 1\nB = -1\nC = 0\n", "of a sum other than 0"),
        ("[weights]\nA = 1\nB = inf\nC = 0\n", "B=inf: must be a finite number"),
        ("A = 1", "must hold one table [weights]"),
    ],
)
def test_spoiled_weights(refusal, prices, weights, text, named):
    assert named in refusal("backtest", "--prices", prices, "--weights", weights(text), *QUICK)


def test_spoiled_prices(refusal, prices):
    rows = prices.read_text(encoding="utf-8").splitlines()
    prices.write_text("\n".join([*rows[:5], rows[5].rpartition(",")[0] + ",", *rows[6:]]))
    line = refusal("backtest", "--prices", prices, *QUICK)
    assert "C on 2024-01-05 is nan: must be a finite price above 0" in line


def test_a_plot_folder_that_cannot_be_written(refusal, prices, tmp_path):
    taken = tmp_path / "taken"
    taken.touch()
    line = refusal("backtest", "--prices", prices, *QUICK, "--plot", taken)
    assert line.startswith(f"option --plot={str(taken)!r}: must be a folder that can be")


def test_ctrl_c_is_130_and_keeps_what_is_finished(run, prices, monkeypatch):
    from qmc.backtest import NormalForecast

    def stop(self, windows):
        raise KeyboardInterrupt

    monkeypatch.setattr(NormalForecast, "laws", stop)
    code, out, err = run("backtest", "--prices", prices, *QUICK, "--method", "normal")
    assert (code, out, err) == (130, "", "qmc: interrupted\n")
    methods = ["--method", "filtered", "--method", "normal"]
    code, out, err = run("backtest", "--prices", prices, *QUICK, *methods)
    assert (code, err) == (130, "qmc: interrupted\n")
    assert "filtered" in out


def test_the_words_of_risk_are_those_of_the_back_test(answer, prices):
    given = ["backtest", "--prices", prices, *QUICK]
    ours = answer(*given, "--method", "historical", "--method", "student-t")
    theirs = answer(*given, "--method", "history", "--method", "t")
    assert ours["rows"] == theirs["rows"]
    assert [row["method"] for row in theirs["rows"]] == ["history", "t"]


def test_weights_may_sum_to_nothing_where_it_is_said(answer, refusal, prices, weights):
    path = weights("[weights]\nA = 1.0\nB = -0.5\nC = -0.5\n")
    given = ["backtest", "--prices", prices, "--weights", path, *QUICK, "--method", "historical"]
    assert "--market-neutral" in refusal(*given)
    data = answer(*given, "--market-neutral")
    assert sum(data["weights"].values()) == 0.0
    read = read_prices(prices)
    held = Portfolio(weights=(1.0, -0.5, -0.5), market_neutral=True)
    own = backtest(
        read.returns(), held, {"historical": Historical(window=40)},
        level=0.9, es_level=0.8, days=read.dates[1:], simulations=200, rng=0,
    ).to_dict()  # fmt: skip
    assert data["rows"][0]["breaches"] == own["rows"][0]["breaches"]
    line = refusal("backtest", "--prices", prices, *QUICK, "--market-neutral")
    assert line.startswith("option --market-neutral: must be left out without --weights")


def test_the_help_says_what_is_filtered(run):
    text = " ".join(run("backtest", "--help")[1].replace("│", " ").split())
    assert "filter the portfolio's losses, where qmc risk filters asset by asset" in text
