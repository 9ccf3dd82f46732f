"""Market data: the stocks that skfolio ships, and a user's own table of prices."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem, Unsupported

if TYPE_CHECKING:
    import pandas as pd

MAX_GAP_DAYS = 10
# days between most rows; over a weekend there are three
MOST_TYPICAL_DAYS = 3
_MIN_ROWS = 3
_TRADING_DAYS = 252


def sp500_stocks(
    tickers: Sequence[str] | None = None, start: str | None = None, end: str | None = None
) -> pd.DataFrame:
    """Adjusted daily closes of 20 large US stocks, 1990 to 2022, shipped by skfolio; no network.

    Args:
        tickers: some of the columns; all when None.
        start: first date, such as "2020-01-01", inclusive.
        end: last date, inclusive.

    Returns:
        Prices (dates, tickers).

    Raises:
        Unsupported: when skfolio is not installed.
        InvalidProblem: for an unknown ticker or an empty range of dates.
    """
    try:
        from skfolio.datasets import load_sp500_dataset
    except ImportError as error:
        msg = "sp500_stocks() needs the package skfolio: install the extra, pip install 'qmc[data]'"
        raise Unsupported(msg) from error
    prices = _choose(load_sp500_dataset(), tickers, "sp500_stocks()")
    try:
        chosen = prices.loc[start:end]
    except (ValueError, TypeError, KeyError) as error:
        msg = f"start={start!r}, end={end!r}: must be dates such as '2020-01-31'"
        raise InvalidProblem(msg) from error
    if len(chosen) < _MIN_ROWS:
        first, last = prices.index[0].date(), prices.index[-1].date()
        msg = (
            f"start={start!r}, end={end!r} leave {len(chosen)} days: must leave at least "
            f"{_MIN_ROWS}; the data run from {first} to {last}"
        )
        raise InvalidProblem(msg)
    return chosen


def read_prices(path: str | os.PathLike[str], tickers: Sequence[str] | None = None) -> pd.DataFrame:
    """Prices from a CSV or Parquet file: the first column (or the index) dates, one a ticker.

    Args:
        path: a .csv or .parquet file.
        tickers: some of the columns; all when None.

    Returns:
        Prices (dates, tickers), float64.

    Raises:
        InvalidProblem: for a file that cannot be read, dates that are not increasing and unique,
            gaps of more than 10 days, rows that are mostly further apart than trading days, cells
            that are empty, no number or <= 0, unknown tickers, and fewer than 3 rows; the message
            names the date and the ticker.
    """
    import pandas as pd

    frame = _read(Path(path))
    where = f"prices file {os.fspath(path)!r}"
    if frame.shape[1] == 0 or len(frame) < _MIN_ROWS:
        msg = (
            f"{where} has {len(frame)} rows and {frame.shape[1]} tickers: must have >= 3 and >= 1, "
            "in columns separated by commas"
        )
        raise InvalidProblem(msg)
    try:
        frame.index = pd.to_datetime(frame.index, format="ISO8601")
    except (ValueError, TypeError) as error:
        # what follows the first clause is advice about pandas
        reason = str(error).split(". ")[0].splitlines()[0]
        msg = f"{where}: the first column must hold dates such as 2020-01-31; {reason}"
        raise InvalidProblem(msg) from error
    if frame.index.hasnans:
        msg = (
            f"{where}: row {int(np.argmax(frame.index.isna())) + 1} has no date; give every row one"
        )
        raise InvalidProblem(msg)
    _check_dates(frame, where)
    return _checked_numbers(_choose(frame, tickers, where), where)


def simple_returns(prices: pd.DataFrame, days: int | None = None) -> pd.DataFrame:
    """Simple daily returns (days, tickers), the last `days` of them, or all.

    Raises:
        InvalidProblem: when the history is shorter than `days` + 1 prices.
    """
    returns = prices / prices.shift(1) - 1.0
    returns = returns.iloc[1:]
    if days is None:
        return returns
    checks.whole("days", days, 2)
    if len(returns) < days:
        msg = (
            f"the history has {len(returns)} returns, {days} are needed: give a longer history or "
            "a smaller window"
        )
        raise InvalidProblem(msg)
    return returns.iloc[-days:]


def annualised_volatility(prices: pd.DataFrame, ticker: str, days: int = _TRADING_DAYS) -> float:
    """Standard deviation of the last `days` log returns, times sqrt(252): per annum.

    Raises:
        InvalidProblem: for an unknown ticker, a short history, and a price that never moves.
    """
    column = _choose(prices, [ticker], "prices")
    checks.whole("days", days, 2)
    logs = np.log1p(simple_returns(column, days).to_numpy()[:, 0])
    vol = float(logs.std(ddof=1) * np.sqrt(_TRADING_DAYS))
    if vol <= 0.0:
        msg = f"{ticker} does not move in the last {days} days: no volatility can be estimated"
        raise InvalidProblem(msg)
    return vol


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    readers = {".csv": _read_csv, ".parquet": _read_parquet, ".pq": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise checks.refuse("path", str(path), "a .csv or .parquet file")
    try:
        return reader(path)
    except InvalidProblem:
        raise
    except (OSError, ValueError, pa.ArrowException, pd.errors.ParserError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        msg = (
            f"cannot read prices file {str(path)!r}: {reason}; give a readable CSV or Parquet file"
        )
        raise InvalidProblem(msg) from error


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    # pandas renames a ticker that occurs twice
    with path.open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file), [])
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        msg = f"prices file {str(path)!r}: the ticker {repeated[0]!r} occurs twice; keep one column"
        raise InvalidProblem(msg)
    return pd.read_csv(path, index_col=0)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    frame = pd.read_parquet(path)
    return frame.set_index(frame.columns[0]) if isinstance(frame.index, pd.RangeIndex) else frame


def _choose(prices: pd.DataFrame, tickers: Sequence[str] | None, where: str) -> pd.DataFrame:
    if tickers is None:
        return prices
    wanted = list(tickers)
    unknown = [ticker for ticker in wanted if ticker not in prices.columns]
    if unknown or not wanted:
        known = ", ".join(map(str, prices.columns))
        msg = f"tickers={wanted!r}: unknown {unknown!r} in {where}; choose among {known}"
        raise InvalidProblem(msg)
    if len(set(wanted)) < len(wanted):
        raise checks.refuse("tickers", wanted, "each ticker once")
    return prices[wanted]


def _check_dates(prices: pd.DataFrame, where: str) -> None:
    index = prices.index
    steps = np.diff(index.to_numpy()) / np.timedelta64(1, "D")
    duplicated = index[index.duplicated()]
    if len(duplicated):
        msg = f"{where}: the date {duplicated[0].date()} occurs twice; keep one row a date"
        raise InvalidProblem(msg)
    for text, bad, mend in (
        ("is earlier than the row before it", steps < 0.0, "sort the rows by date"),
        (f"follows a gap of more than {MAX_GAP_DAYS} days", steps > MAX_GAP_DAYS, "fill the gap"),
    ):
        if np.any(bad):
            date = index[int(np.argmax(bad)) + 1].date()
            raise InvalidProblem(f"{where}: the date {date} {text}; {mend}")
    typical = float(np.median(steps))
    if typical > MOST_TYPICAL_DAYS:
        msg = (
            f"{where}: rows are {typical:g} days apart, most of them: must be of trading days; for "
            "other periods give a model of returns its `period` in Python"
        )
        raise InvalidProblem(msg)


def _checked_numbers(prices: pd.DataFrame, where: str) -> pd.DataFrame:
    import pandas as pd

    for name, kind in prices.dtypes.items():
        if kind.kind == "b":
            raise InvalidProblem(f"{where}: {name} holds true and false: must hold prices")
    numbers: pd.DataFrame = prices.apply(pd.to_numeric, errors="coerce").astype(np.float64)
    bad = np.argwhere(~(np.isfinite(numbers.to_numpy()) & (numbers.to_numpy() > 0.0)))
    if len(bad):
        row, column = bad[0].tolist()
        given = prices.iloc[row, column]
        given = given.item() if isinstance(given, np.generic) else given
        msg = (
            f"{where}: {prices.columns[column]} on {prices.index[row].date()} is {given!r}: must "
            "be a finite price above 0; mend or drop that date or ticker"
        )
        raise InvalidProblem(msg)
    return numbers
