"""prices.csv and weights.toml: what is read, and every way they can be wrong."""

import numpy as np
import pytest

from qmc.errors import InvalidProblem
from qmc.market_data import Prices, equal_weights, read_prices, read_weights, stock_prices

ROWS = ["date,A,BRK.B", "2024-01-02,100,50", "2024-01-03,101,49", "2024-01-04,102.01,51.45"]
WEIGHTS = '[weights]\n"BRK.B" = -0.25\nA = 1\n'
DATES = ("2024-01-02", "2024-01-03", "2024-01-04")


@pytest.fixture
def written(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_prices_and_returns(written):
    prices = read_prices(written("prices.csv", "\n".join(ROWS)))
    assert prices.names == ("A", "BRK.B")
    assert prices.dates == DATES
    np.testing.assert_allclose(prices.returns(), [[0.01, -0.02], [0.01, 0.05]], rtol=1e-12)
    assert repr(prices) == "Prices(2 assets, 3 days, 2024-01-02 to 2024-01-04)"
    assert hash(prices) == hash(read_prices(written("same.csv", "\n".join(ROWS))))


def test_weights_come_in_the_order_of_the_names(written):
    path = written("weights.toml", WEIGHTS)
    assert read_weights(path, ("A", "BRK.B")) == (1.0, -0.25)
    assert read_weights(path, ("BRK.B", "A")) == (-0.25, 1.0)
    assert sum(equal_weights("abcd")) == 1.0


def test_the_shipped_stocks():
    prices = stock_prices()
    assert len(prices.names) == 20
    assert (prices.dates[0][:4], prices.dates[-1][:4]) == ("1990", "2022")
    assert np.all(np.isfinite(prices.returns()))


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (["date,A,A", *ROWS[1:]], "'A' occurs twice"),
        ([*ROWS[:2], "2024-01-03,,49", ROWS[3]], "A on 2024-01-03 is nan"),
        ([*ROWS[:2], "2024-01-03,0,49", ROWS[3]], "A on 2024-01-03 is 0"),
        ([ROWS[0], ROWS[2], ROWS[1], ROWS[3]], "2024-01-02 is earlier"),
        ([*ROWS, ROWS[3]], "2024-01-04 occurs twice"),
        (ROWS[:3], "2 rows"),
        ([row.replace(",", ";") for row in ROWS], "0 tickers.*commas"),
        ([ROWS[0], *(f"2024-01-{day:02},100,50" for day in (5, 12, 19))], "rows are 7 days apart"),
        ([ROWS[0], *(f"{day:02}/01/2024,100,50" for day in (2, 3, 4))], "dates such as 2020-01-31"),
        ([row.split(",")[0] for row in ROWS], "0 tickers"),
    ],
)
def test_spoiled_prices(written, rows, named):
    with pytest.raises(InvalidProblem, match=named):
        read_prices(written("prices.csv", "\n".join(rows)))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[weights]\nA = 1\n", "no weight for BRK.B"),
        (WEIGHTS + "C = 1\n", "'C' is no asset of the prices"),
        ("[weights]\nA = 1\nBRK.B = 1\n", "in quotes"),
        (WEIGHTS + "A = 2\n", "is no TOML"),
        (WEIGHTS.replace("1", "0.25"), "of a sum other than 0"),
        (WEIGHTS.replace("1", "nan"), "A=nan: must be a finite number"),
        (WEIGHTS.replace("1", "true"), "A=True: must be a finite number"),
        ("A = 1\n", r"holds A: must hold one table \[weights\]"),
        (WEIGHTS + "[other]\n", "holds weights, other"),
        ("", "holds nothing"),
    ],
)
def test_spoiled_weights(written, text, named):
    with pytest.raises(InvalidProblem, match=named) as caught:
        read_weights(written("weights.toml", text), ("A", "BRK.B"))
    assert "weights.toml" in str(caught.value)


def test_weights_may_sum_to_nothing_where_it_is_said(written):
    path = written("weights.toml", WEIGHTS.replace("1", "0.25"))
    assert sum(read_weights(path, ("A", "BRK.B"), market_neutral=True)) == 0.0


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InvalidProblem, match=r"none\.csv"):
        read_prices(tmp_path / "none.csv")
    with pytest.raises(InvalidProblem, match=r"cannot read weights file .*none\.toml"):
        read_weights(tmp_path / "none.toml", ("A",))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"names": ("A", "A")}, "names='A'"),
        ({"names": ()}, "names"),
        ({"dates": ("2024-01-02", "2024-01-04", "2024-01-03")}, "later than"),
        ({"dates": ("2024-01-02", "soon", "2024-01-03")}, "dates='soon'"),
        ({"dates": DATES[:2]}, "at least 3"),
        ({"prices": [[1.0, 2.0]] * 2}, "shape"),
        ({"prices": [[1.0, 2.0], [1.0, -2.0], [1.0, 2.0]]}, "price of B on 2024-01-03=-2.0"),
        ({"prices": [[1.0, np.nan]] * 3}, r"prices\[0, 1\]=nan"),
    ],
)
def test_a_table_made_by_hand(change, named):
    good = {"names": ("A", "B"), "dates": DATES, "prices": [[1.0, 2.0]] * 3}
    assert Prices(**good).returns().shape == (2, 2)
    with pytest.raises(InvalidProblem, match=named):
        Prices(**{**good, **change})
