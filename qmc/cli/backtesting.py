"""`qmc backtest`: from its options to the table, and the table's pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qmc.backtest import (
    Backtest,
    EwmaNormal,
    EwmaStudentT,
    FilteredHistorical,
    Forecaster,
    GarchFiltered,
    Historical,
    NormalForecast,
    StudentTForecast,
    backtest,
)
from qmc.backtest.assessment import require_settings
from qmc.backtest.coverage import BASEL_DAYS
from qmc.backtest.shortfall import SIMULATIONS
from qmc.cli.options import Given
from qmc.contracts import Portfolio
from qmc.errors import InvalidProblem
from qmc.market_data import equal_weights, read_prices, read_weights, stock_prices
from qmc.report import save_figure

METHODS: Mapping[str, Callable[..., Forecaster]] = {
    "filtered": FilteredHistorical,
    "history": Historical,
    "normal": NormalForecast,
    "t": StudentTForecast,
    "ewma-normal": EwmaNormal,
    "ewma-t": EwmaStudentT,
    "garch": GarchFiltered,
    "garch-asymmetric": lambda **fields: GarchFiltered(asymmetric=True, **fields),
}
# the kinds of models in files
ALIASES: Mapping[str, str] = {"historical": "history", "student-t": "t"}
# how a refusal names what is an option here
_FIELD = re.compile(r"(level|es_level|window|simulations|observations)(?==)")
_SETTINGS: Mapping[str, Any] = {"level": 0.99, "es_level": 0.975, "simulations": SIMULATIONS}


def table_of(given: Given) -> tuple[Backtest, dict[str, Any]]:
    """Run what the options ask for.

    Returns:
        The table, and what it is about: assets, days, weights.

    Raises:
        InvalidProblem: naming the option or the file.
    """
    methods = _methods(given.get("method", ("filtered",)))
    prices = read_prices(given["prices"]) if "prices" in given else stock_prices()
    weights = _weights(given, prices.names)
    is_neutral = given.get("market_neutral", False)
    held = Portfolio(weights=weights, market_neutral=is_neutral)
    fields = {"window": given["window"]} if "window" in given else {}
    settings = {name: given.get(name, default) for name, default in _SETTINGS.items()}
    with _named():
        require_settings(**settings)
        forecasters = {name: METHODS[name](**fields) for name in methods}
        _require_days(forecasters, len(prices.dates) - 1)
        table = backtest(
            prices.returns(), held, forecasters, days=prices.dates[1:],
            rng=given.get("seed", 0), **settings,
        )  # fmt: skip
    about = {
        "prices": str(given.get("prices", "20 built-in stocks")),
        "weights": dict(zip(prices.names, weights, strict=True)),
    }
    return table, about


def save_pictures(table: Backtest, folder: Path) -> None:
    """A picture a method, and one of the breaches in 250 days where there are as many."""
    from qmc.plots.backtest import plot_breaches

    for method in table.forecasts:
        save_figure(table.plot(method), folder, f"backtest-{method}")
    if all(len(one.days) >= BASEL_DAYS for one in table.forecasts.values()):
        save_figure(plot_breaches(table), folder, "backtest-breaches")


def _weights(given: Given, names: Sequence[str]) -> tuple[float, ...]:
    """Of the file, or equal ones."""
    is_neutral = given.get("market_neutral", False)
    if "weights" in given:
        return read_weights(given["weights"], names, market_neutral=is_neutral)
    if is_neutral:
        msg = "option --market-neutral: must be left out without --weights; equal ones sum to 1"
        raise InvalidProblem(msg)
    return equal_weights(names)


def _methods(given: tuple[str, ...]) -> tuple[str, ...]:
    """Each method once, in order."""
    names = [ALIASES.get(name, name) for name in given]
    unknown = [name for name in names if name not in METHODS]
    if unknown:
        words = ", ".join((*METHODS, *ALIASES))
        msg = f"option --method={unknown[0]!r}: must be one of {words}"
        raise InvalidProblem(msg)
    return tuple(dict.fromkeys(names))


def _require_days(forecasters: Mapping[str, Forecaster], days: int) -> None:
    method, window = max(
        ((name, one.window) for name, one in forecasters.items()), key=lambda pair: pair[1]
    )
    if days <= window:
        msg = (
            f"the prices have {days} returns: {method} needs more than its window of {window}; "
            "give a longer history or a smaller --window"
        )
        raise InvalidProblem(msg)


@contextmanager
def _named() -> Iterator[None]:
    """Let a refusal of a field name its option."""
    try:
        yield
    except InvalidProblem as error:
        text = str(error)
        if match := _FIELD.match(text):
            # a sample has as many observations as its window
            name = "window" if match[0] == "observations" else match[0].replace("_", "-")
            text = f"option --{name}{text[match.end() :]}"
        raise InvalidProblem(text) from error
