"""Market data: the shipped stocks, a user's file, and every way a file can be wrong."""

import numpy as np
import pandas as pd
import pytest

from qmc.data import annualised_volatility, read_prices, simple_returns, sp500_stocks
from qmc.errors import InvalidProblem


@pytest.fixture
def prices():
    dates = pd.bdate_range("2024-01-01", periods=30, name="Date")
    rng = np.random.default_rng(4)
    values = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, (30, 2)), axis=0))
    return pd.DataFrame(values, index=dates, columns=["AAA", "BBB"])


def test_shipped_stocks():
    stocks = sp500_stocks()
    assert stocks.shape[1] == 20
    assert (stocks.index[0].year, stocks.index[-1].year) == (1990, 2022)
    some = sp500_stocks(["AAPL", "XOM"], start="2020-01-01", end="2020-12-31")
    assert list(some.columns) == ["AAPL", "XOM"]
    assert some.index[0] >= pd.Timestamp("2020-01-01")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"tickers": ["AAPL", "TSLA"]}, "TSLA"),
        ({"tickers": []}, "tickers"),
        ({"tickers": ["AAPL", "AAPL"]}, "once"),
        ({"start": "2030-01-01"}, "2030-01-01"),
        ({"start": "yesterday-ish"}, "start"),
    ],
)
def test_bad_choices_are_refused(arguments, named):
    with pytest.raises(InvalidProblem, match=named):
        sp500_stocks(**arguments)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_round_trip(prices, tmp_path, suffix):
    path = tmp_path / f"prices{suffix}"
    prices.to_csv(path) if suffix == ".csv" else prices.to_parquet(path)
    read = read_prices(path)
    np.testing.assert_allclose(read.to_numpy(), prices.to_numpy())
    assert list(read_prices(path, ["BBB"]).columns) == ["BBB"]
    prices.reset_index().to_parquet(tmp_path / "plain.parquet")
    np.testing.assert_allclose(read_prices(tmp_path / "plain.parquet"), prices)


def spoiled(prices, how):
    frame = prices.astype(object)
    if how == "unsorted":
        return frame.iloc[[1, 0, *range(2, 30)]]
    if how == "duplicate":
        return frame.iloc[[0, 1, 1, *range(2, 30)]]
    if how == "gap":
        return frame.drop(frame.index[5:16])
    if how == "short":
        return frame.iloc[:2]
    if how == "dates":
        return frame.set_axis([f"day {i}" for i in range(30)])
    if how == "no columns":
        return frame[[]]
    frame.iloc[3, 1] = {"empty": np.nan, "zero": 0.0, "negative": -1.0, "text": "n/a!"}[how]
    return frame


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ("unsorted", "2024-01-01 is earlier"),
        ("duplicate", "2024-01-02 occurs twice"),
        ("gap", "gap of more than 10 days"),
        ("short", "2 rows"),
        ("dates", "dates"),
        ("no columns", "0 tickers"),
        ("empty", "BBB on 2024-01-04"),
        ("zero", "BBB on 2024-01-04"),
        ("negative", "BBB on 2024-01-04"),
        ("text", "BBB on 2024-01-04"),
    ],
)
def test_bad_files_are_refused_by_date_and_ticker(prices, tmp_path, how, named):
    path = tmp_path / "prices.csv"
    with np.errstate(all="ignore"):
        spoiled(prices, how).to_csv(path, index_label="Date")
    with pytest.raises(InvalidProblem, match=named):
        read_prices(path)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(InvalidProblem, match="cannot read"):
        read_prices(tmp_path / "missing.csv")
    with pytest.raises(InvalidProblem, match="path"):
        read_prices(tmp_path / "prices.xlsx")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet")
    with pytest.raises(InvalidProblem, match="cannot read"):
        read_prices(broken)
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(InvalidProblem, match="cannot read"):
        read_prices(empty)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(InvalidProblem, match="prices file"):
        read_prices(binary)


def test_returns_and_volatility(prices):
    returns = simple_returns(prices)
    assert len(returns) == 29
    assert returns.iloc[0, 0] == pytest.approx(prices.iloc[1, 0] / prices.iloc[0, 0] - 1.0)
    assert len(simple_returns(prices, 10)) == 10
    logs = np.diff(np.log(prices["AAA"].to_numpy()))[-20:]
    assert annualised_volatility(prices, "AAA", 20) == pytest.approx(
        logs.std(ddof=1) * np.sqrt(252)
    )


def test_short_and_flat_histories_are_refused(prices):
    with pytest.raises(InvalidProblem, match=r"29 returns, 500 are needed"):
        simple_returns(prices, 500)
    with pytest.raises(InvalidProblem, match="does not move"):
        annualised_volatility(prices * 0.0 + 5.0, "AAA", 20)
    with pytest.raises(InvalidProblem, match="CCC"):
        annualised_volatility(prices, "CCC", 20)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("date,A,A\n2020-01-01,1,2\n2020-01-02,1,2\n2020-01-03,1,2\n", "'A' occurs twice"),
        ("date,A\n2020-01-01,True\n2020-01-02,True\n2020-01-03,False\n", "true and false"),
        ("date,A\n2020-01-01,1\n2020-01-02,\n2020-01-03,1\n", "A on 2020-01-02 is nan"),
    ],
)
def test_repeated_tickers_and_words_are_refused(tmp_path, text, named):
    path = tmp_path / "prices.csv"
    path.write_text(text)
    with pytest.raises(InvalidProblem, match=named):
        read_prices(path)
