"""A user's two files, prices.csv and weights.toml, as plain values.

`read_prices(path) -> Prices(names, dates, prices)` has `.returns()`; `read_weights(path, names) ->
tuple` has one weight a name, in the order of `names`:

    prices = read_prices(Path("prices.csv"))
    weights = read_weights(Path("weights.toml"), prices.names)
    profits = prices.returns() @ weights                     # (days,)
"""

from __future__ import annotations

import datetime
import itertools
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.contracts import Portfolio
from qmc.errors import InvalidProblem
from qmc.models.one_period import as_rows
from qmc.problem import Array

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 1 << 20


@dataclass(frozen=True, kw_only=True, repr=False)
class Prices:
    """Prices of some assets on some dates.

    Attributes:
        names: (assets,) each once.
        dates: (days,) such as "2020-01-31", increasing; at least 3.
        prices: (days, assets), each above 0, in any currency.

    Raises:
        InvalidProblem: for names or dates that repeat, dates out of order, prices that are NaN,
            infinite or <= 0, and a table that does not fit them.
    """

    names: tuple[str, ...]
    dates: tuple[str, ...]
    prices: ArrayLike
    _table: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, and keep the prices as an array."""
        object.__setattr__(self, "names", _once("names", self.names))
        object.__setattr__(self, "dates", _increasing(self.dates))
        table = checks.table("prices", self.prices, 2, "give (days, assets) prices")
        shape = (len(self.dates), len(self.names))
        if table.shape != shape:
            given = f"array of shape {table.shape}"
            raise checks.refuse("prices", given, f"of shape {shape}, dates by names")
        bad = np.argwhere(table <= 0.0)
        if len(bad):
            day, asset = bad[0].tolist()
            where = f"price of {self.names[asset]} on {self.dates[day]}"
            raise checks.refuse(where, float(table[day, asset]), "above 0")
        table.setflags(write=False)
        object.__setattr__(self, "prices", as_rows(table))
        object.__setattr__(self, "_table", table)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Self:
        """Of a pandas table with dates as its index and assets as its columns."""
        dates = tuple(str(date)[:10] for date in frame.index)
        names = tuple(map(str, frame.columns))
        return cls(names=names, dates=dates, prices=frame.to_numpy(dtype=np.float64))

    def returns(self) -> Array:
        """Simple returns (days - 1, assets); row d is from `dates[d]` to `dates[d + 1]`."""
        return np.asarray(self._table[1:] / self._table[:-1] - 1.0)

    def __repr__(self) -> str:
        """Short: how many, from when to when."""
        days, assets = self._table.shape
        return f"Prices({assets} assets, {days} days, {self.dates[0]} to {self.dates[-1]})"


def read_prices(path: str | os.PathLike[str]) -> Prices:
    """Prices of a CSV (or Parquet) file: the first column dates, one column an asset.

    Raises:
        InvalidProblem: for a file that cannot be read, names or dates that occur twice, dates out
            of order or more than 10 days apart, cells that are empty, no number or <= 0, and fewer
            than 3 rows; the message names the file, the date and the asset.
    """
    from qmc import data

    return Prices.from_frame(data.read_prices(path))


def stock_prices() -> Prices:
    """The 20 stocks 1990 to 2022 of `qmc.data.sp500_stocks`; no network.

    Raises:
        Unsupported: when skfolio is not installed.
    """
    from qmc import data

    return Prices.from_frame(data.sp500_stocks())


def equal_weights(names: Sequence[str]) -> tuple[float, ...]:
    """The same share of each name; they sum to 1."""
    return (1.0 / len(names),) * len(names)


def read_weights(
    path: str | os.PathLike[str], names: Sequence[str], *, market_neutral: bool = False
) -> tuple[float, ...]:
    """Weights of a TOML file with one table: `[weights]`, then `name = number` for every name.

    They are taken as they stand: shares of the portfolio's value, a negative one is short.

    Args:
        path: a .toml file.
        names: the assets that a weight is needed for, as `Prices.names`.
        market_neutral: whether they may sum to 0, as those of `Portfolio`.

    Returns:
        (assets,) weights in the order of `names`.

    Raises:
        InvalidProblem: for a file that cannot be read or is no TOML, another table or key, a weight
            that is missing, of an unknown asset, no finite number, and weights that `Portfolio`
            refuses.
    """
    where = f"weights file {os.fspath(path)!r}"
    table = _weights_table(Path(path), where)
    unknown = [name for name in table if name not in names]
    if unknown:
        hint = "a name with a dot is written in quotes" if _nested(table) else "drop it"
        msg = f"{where}: {unknown[0]!r} is no asset of the prices ({', '.join(names)}); {hint}"
        raise InvalidProblem(msg)
    missing = [name for name in names if name not in table]
    if missing:
        msg = f"{where} has no weight for {', '.join(missing)}: give one each, 0 for none"
        raise InvalidProblem(msg)
    weights = tuple(checks.finite(f"{where}: {name}", table[name]) for name in names)
    try:
        return Portfolio(weights=weights, market_neutral=market_neutral).weights
    except InvalidProblem as error:
        raise InvalidProblem(f"{where}: {error}") from error


def _weights_table(path: Path, where: str) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise InvalidProblem(f"cannot read {where}: more than 1 MiB; give a few lines")
        data = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{where} is no TOML: {error}; write [weights] and a line such as AAPL = 0.05 each"
        raise InvalidProblem(msg) from error
    except OSError as error:
        msg = f"cannot read {where}: {error.strerror or error}; give an existing TOML file"
        raise InvalidProblem(msg) from error
    table = data.get("weights")
    if not isinstance(table, dict) or len(data) > 1:
        found = ", ".join(data) or "nothing"
        msg = f"{where} holds {found}: must hold one table [weights] of name = number"
        raise InvalidProblem(msg)
    return table


def _nested(table: dict[str, Any]) -> bool:
    return any(isinstance(value, dict) for value in table.values())


def _once(name: str, given: Sequence[str]) -> tuple[str, ...]:
    found = tuple(given) if not isinstance(given, str) else ()
    repeated = [one for one in found if found.count(one) > 1]
    if not found or repeated:
        given = repeated[0] if repeated else given
        raise checks.refuse(name, given, "non-empty and each once")
    return found


def _increasing(given: Sequence[str]) -> tuple[str, ...]:
    dates = tuple(given) if not isinstance(given, str) else ()
    for date in dates:
        try:
            datetime.date.fromisoformat(date)
        except (TypeError, ValueError) as error:
            raise checks.refuse("dates", date, "dates such as '2020-01-31'") from error
    if len(dates) < 3:
        raise checks.refuse("dates", f"{len(dates)} dates", "at least 3")
    for before, after in itertools.pairwise(dates):
        if after <= before:
            raise checks.refuse("dates", after, f"later than the one before, {before}")
    return dates
