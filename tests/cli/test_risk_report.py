"""`qmc risk` beside the engines: weights and scenarios of files, methods, data error, pictures."""

import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from qmc import ES, Diversification, FilteredReturns, Portfolio, Problem, VaR
from qmc.cli.solving import solve_until_stopped
from qmc.data import read_prices, simple_returns, sp500_stocks
from qmc.report import losses_figure
from qmc.specification import Specification

ROOT = Path(__file__).resolve().parents[2]
MANUAL = (ROOT / "docs" / "howto" / "market_risk.md").read_text(encoding="utf-8")
COMMANDS = [line for line in MANUAL.splitlines() if line.startswith("qmc risk ")]
WINDOW = "110"
LEVEL = ["--level", "0.95"]


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.toml"
    path.write_text("[weights]\nC = 0.2\nA = 0.5\nB = 0.3\n", encoding="utf-8")
    return path


@pytest.fixture
def scenarios(tmp_path):
    path = tmp_path / "scenarios.csv"
    path.write_text("scenario,A,B,C\ncrash,-0.2,-0.1,-0.3\nup,0.1,0,0\n", encoding="utf-8")
    return path


@pytest.fixture
def base(prices):
    return ["risk", "--prices", prices, "--window", WINDOW, "--engine", "analytic", "--seed", "1"]


def value(data, place=0):
    return data["results"][place]["result"]["value"]


def test_the_whole_command(run, answer, base, weights, scenarios, tmp_path):
    """The command of the manual, its JSON against the package, its text and its pictures."""
    given = [*base, "--weights", weights, "--method", "filtered", *LEVEL, "--contributions"]
    given += ["--scenarios", scenarios, "--value", "1000"]
    data = answer(*given)
    returns = simple_returns(read_prices(base[2]), int(WINDOW))
    portfolio = Portfolio(weights=(0.5, 0.3, 0.2), value=1000.0)
    model = FilteredReturns(returns=returns)
    for place, measure in enumerate((VaR(level=0.95), ES(level=0.95))):
        own = Diversification.of(Problem(model, portfolio, measure), names=("A", "B", "C"))
        assert value(data, place) == pytest.approx(own.joint)
        assert data["contributions"][place]["contributions"] == pytest.approx(own.contributions)
        assert data["contributions"][place]["names"] == ["A", "B", "C"]
        line = data["data_error"]["lines"][place]
        assert line["value"] == pytest.approx(own.joint)
        assert line["interval"]["low"] < own.joint < line["interval"]["high"]
    assert data["scenarios"]["totals"] == pytest.approx([-190.0, 50.0])
    code, out, err = run(*given, "--plot", tmp_path / "pictures")
    assert (code, err) == (0, "")
    for words in (
        "Data error: what the history itself does not know",
        "Contributions to VaR 95 %",
        "Contributions to ES 95 %",
        "Profit in each scenario",
        "benefit",
        "on top of an engine's",
    ):
        assert words in " ".join(out.split())
    for name in ("contributions-var.png", "contributions-es.svg", "var.png", "losses.png"):
        assert (tmp_path / "pictures" / name).stat().st_size > 1000


@pytest.fixture(scope="module")
def manual_folder(tmp_path_factory):
    """The files that the manual makes."""
    folder = tmp_path_factory.mktemp("manual")
    prices = sp500_stocks(start="2018-01-01")
    prices.to_csv(folder / "prices.csv")
    shutil.copy(ROOT / "examples" / "weights.toml", folder)
    names = ",".join(map(str, prices.columns))
    text = f"scenario,{names}\nfall" + ",-0.2" * len(prices.columns) + "\n"
    (folder / "scenarios.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_manual(run, manual_folder, monkeypatch, command):
    monkeypatch.chdir(manual_folder)
    code, out, err = run(*shlex.split(command)[1:], "--engine", "analytic", "--seed", "1")
    assert (code, err) == (0, "")
    assert "data_error" in out or "Data error" in out


def test_the_manual_has_commands():
    assert len(COMMANDS) == 6


@pytest.mark.parametrize(
    ("method", "model"),
    [
        ("history", ["--model", "historical"]),
        ("filtered", ["--model", "filtered"]),
        ("garch", ["--model", "filtered", "--filter", "garch"]),
        ("normal", ["--model", "normal"]),
        ("t", ["--model", "student-t"]),
        ("historical", ["--model", "historical"]),
        ("student-t", ["--model", "student-t"]),
    ],
)
def test_methods_are_models(answer, base, method, model):
    by_name = answer(*base, *LEVEL, "--method", method, "--measure", "var")
    by_model = answer(*base, *LEVEL, *model, "--measure", "var")
    assert value(by_name) == value(by_model)
    assert by_name["data_error"] == by_model["data_error"]
    assert by_name["data_error"]["days"] == int(WINDOW)


def test_ten_days_are_riskier_than_one_and_keep_their_data_error(answer, base):
    for method in ("filtered", "normal"):
        short, long = (
            answer(*base, *LEVEL, "--measure", "var", "--method", method, "--horizon", days)
            for days in ("1", "10")
        )
        assert 1.5 * value(short) < value(long) < 6.0 * value(short)
        line = long["data_error"]["lines"][0]
        assert line["value"] == pytest.approx(value(long))
        assert line["interval"]["low"] < value(long) < line["interval"]["high"]


def test_a_law_of_fixed_paths_is_not_called_exact(run, base):
    """Over ten days of a filter the closed form is that of 16,384 paths: no engine misses it."""
    given = [*base, *LEVEL, "--measure", "var", "--method", "filtered"]
    rows = [run(*given, "--horizon", days)[1].splitlines()[4] for days in ("1", "10")]
    cells = [[cell.strip() for cell in row.split("│")] for row in rows]
    assert [row[4] for row in cells] == ["exact", "exact for fixed paths"]
    given[given.index("analytic")] = "all"
    table = run(*given, "--horizon", "10", "--backend", "ideal")[1].splitlines()[4:7]
    inside = [row.split("│")[5].strip() for row in table]
    assert inside == ["-", "-", "-"]


def test_the_picture_of_the_loss_has_var_and_es_of_the_exact_engine(prices):
    """Of three engines the exact one; of two the last; without VaR and ES there is no picture."""
    spec = Specification.from_mapping({
        "model": {"kind": "normal", "prices": str(prices), "window": 110},
        "contract": {"kind": "portfolio"}, "measure": {"kind": "both"},
        "quantum": {"backend": "ideal"}, "run": {"seed": 1},
    })  # fmt: skip
    solved, _ = solve_until_stopped(spec, spec.problems())
    for engine, left in (("analytic", solved), ("quantum", [solved[1], solved[2], *solved[4:]])):
        axes = losses_figure(left)
        values = [one.result.value for one in solved if one.engine == engine]
        assert len(values) == 2
        assert [line.get_xdata()[0] for line in axes.lines] == values
    assert losses_figure([]) is None


def test_a_window_of_dates_takes_these_days(answer, base, prices):
    dates = "2024-02-01:2024-04-30"
    given = [*base, "--method", "history", "--measure", "var", "--level", "0.9"]
    data = answer(*given, "--window", dates)
    returns = simple_returns(read_prices(prices)).loc["2024-02-01":"2024-04-30"]
    losses = np.sort(-returns.mean(axis=1))
    assert data["problem"]["model"]["window"] == dates
    assert data["data_error"]["days"] == len(returns)
    assert value(data) == pytest.approx(losses[int(np.ceil(0.9 * len(losses))) - 1])
    data = answer("risk", "--window", "2008-01-01:2009-12-31", "--engine", "analytic", *given[7:])
    calm = answer("risk", "--window", "2004-01-01:2005-12-31", "--engine", "analytic", *given[7:])
    assert value(data) > 2.0 * value(calm)


def test_a_file_may_name_weights_beside_it(answer, prices, weights, problem_file):
    path = problem_file(
        f'[model]\nkind = "historical"\nprices = "{prices.name}"\n'
        'window = "2024-02-01:2024-05-31"\n'
        f'[contract]\nkind = "portfolio"\nweights = "{weights.name}"\n[measure]\nkind = "var"\n'
        'level = 0.9\n[run]\nengine = "analytic"\n'
    )
    by_file = answer("risk", "--file", path)
    given = ["--prices", prices, "--window", "2024-02-01:2024-05-31", "--weights", "0.5,0.3,0.2"]
    by_option = answer(
        "risk", *given, "--engine", "analytic", "--method", "history", "--measure", "var",
        "--level", "0.9",
    )  # fmt: skip
    assert value(by_file) == value(by_option)


def test_the_stressed_window_is_the_worst_of_all_prices(answer, run, base):
    """Three bad weeks before the window that is asked about."""
    path = base[2]
    rows = path.read_text(encoding="utf-8").splitlines()
    falls = np.cumprod(np.where(np.arange(120) < 15, np.where(np.arange(120) % 2, 0.9, 1.08), 1.0))
    mended = [rows[0]]
    for row, fall in zip(rows[1:], falls, strict=True):
        date, *cells = row.split(",")
        mended.append(",".join([date, *(f"{fall * float(cell):.6f}" for cell in cells)]))
    path.write_text("\n".join(mended) + "\n", encoding="utf-8")
    given = [*base, "--window", "90", "--method", "history", "--level", "0.9", "--stressed", "30"]
    data = answer(*given)
    losses = -simple_returns(read_prices(path)).mean(axis=1)
    for place, row in enumerate(data["stressed"]):
        assert row["first"] <= "2024-01-03"
        inside = np.sort(losses.loc[row["first"] : row["last"]])
        assert len(inside) == 30
        # of 30 losses 3 lie beyond 90 %
        assert row["value"] == pytest.approx((inside[26], inside[27:].mean())[place])
        assert row["value"] > 3.0 * value(data, place)
    assert "Stressed window of 30 days" in run(*given)[1]
    longer = answer(*given, "--horizon", "5")["stressed"]
    assert longer[0]["first"] == data["stressed"][0]["first"]


def test_only_tails_have_a_data_error(answer, base):
    data = answer(*base, "--measure", "expected-loss")
    assert "data_error" not in data
    assert "notes" not in data


def test_without_arch_the_rest_is_answered(answer, base, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "arch", None)
    data = answer(*base, *LEVEL)
    assert len(data["results"]) == 2
    (note,) = data["notes"]
    assert note.startswith("No data error: data_error needs the package arch")


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        (["--method", "garch2"], "option --method='garch2': must be one of history, filtered, "),
        (
            ["--method", "t", "--model", "normal"],
            "options --model, --method='t': must not be given both; leave one out",
        ),
        (
            ["--method", "t", "--filter", "garch"],
            "options --filter, --method='t': must not be given both; leave one out",
        ),
        (["--window", "2024-02-01:x"], "option --window='2024-02-01:x': must be two dates with"),
        (
            ["--window", "2024-03-01:2024-02-01"],
            "option --window='2024-03-01:2024-02-01': must be two dates, the first one first",
        ),
        (
            ["--window", "2030-01-01:2031-01-01"],
            "option --window='2030-01-01:2031-01-01': must be dates with 2 daily returns or more; "
            "the prices run from 2024-01-01 to",
        ),
        (["--window", "half"], "option --window='half': must be a whole number of days, such as"),
        (["--weights", "none.toml"], "cannot read weights file 'none.toml'"),
        (["--stressed", "500"], "option --stressed=500: must be a whole number of days from 2 to"),
        (
            ["--stressed", "5"],
            "option --stressed=5: must be at least 100 days for VaR 99 % over 1 of them",
        ),
        (["--scenarios", "none.csv"], "cannot read scenarios file 'none.csv'"),
        (
            ["--measure", "expected-loss", "--contributions"],
            "option --contributions: must be left out without VaR or ES; give --measure both",
        ),
    ],
)
def test_refused(refusal, base, extra, line):
    assert refusal(*base, *extra).startswith(line)


def test_scenarios_without_a_held_asset_are_refused(refusal, base, tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("scenario,A,B\ncrash,-0.2,-0.1\n", encoding="utf-8")
    assert "scenarios have no column for C, which the portfolio holds" in refusal(
        *base, "--scenarios", path
    )


def test_weights_of_an_unknown_asset_are_refused(refusal, base, weights):
    weights.write_text("[weights]\nA = 0.5\nB = 0.5\nX = 0.1\n", encoding="utf-8")
    assert "'X' is no asset of the prices (A, B, C)" in refusal(*base, "--weights", weights)


def test_weights_of_a_file_may_sum_to_nothing_where_it_is_said(answer, refusal, base, tmp_path):
    path = tmp_path / "neutral.toml"
    path.write_text("[weights]\nC = -1.0\nA = 0.5\nB = 0.5\n", encoding="utf-8")
    given = [*base, "--weights", path, *LEVEL]
    assert "--market-neutral" in refusal(*given)
    assert answer(*given, "--market-neutral")["results"]


def test_a_book_is_solved_and_told_what_is_not_known_of_it(answer, refusal, tmp_path):
    data = answer("risk", "--file", ROOT / "examples" / "book.toml", "--engine", "monte-carlo")
    assert [row["result"]["value"] > 0.0 for row in data["results"]] == [True, True]
    assert data["notes"] == ["No data error: MultiAsset is no model of returns"]
    path = tmp_path / "book.toml"
    path.write_text(
        """
[model]
kind = "historical"
tickers = ["AAPL", "JPM"]
[contract]
kind = "book"
on = "returns"
spots = [130.0, 134.0]
horizon = 0.003968253968253968
[[contract.positions]]
kind = "stock"
quantity = 10.0
[[contract.positions]]
kind = "option"
side = "put"
asset = 1
strike = 120.0
expiry = 0.5
vol = 0.3
quantity = -5.0
[measure]
kind = "both"
""",
        encoding="utf-8",
    )
    data = answer("risk", "--file", path, "--engine", "analytic")
    assert [one["result"]["covers"] for one in data["results"]] == ["continuous"] * 2
    assert 0.0 < value(data) < 10.0 * 130.0
    line = data["data_error"]["lines"][0]
    assert line["value"] == pytest.approx(value(data))
    assert line["interval"]["low"] < value(data) < line["interval"]["high"]
    line = refusal("risk", "--file", path, "--contributions")
    assert line.startswith("option --contributions: must be left out for a Book")


def test_an_ewma_far_ahead_is_named(answer, base):
    near, far = (answer(*base, *LEVEL, "--horizon", days) for days in ("10", "100"))
    assert "notes" not in near
    assert far["notes"][0].startswith("An EWMA volatility has no level to return to: over 100 days")


@pytest.mark.parametrize("method", ["filtered", "garch"])
def test_a_ticker_that_does_not_move_is_named(refusal, base, method):
    rows = base[2].read_text(encoding="utf-8").splitlines()
    still = [",".join([*row.split(",")[:2], "100.0", row.split(",")[3]]) for row in rows[1:]]
    base[2].write_text("\n".join([rows[0], *still]) + "\n", encoding="utf-8")
    assert refusal(*base, "--method", method).startswith("the prices of B do not move")
