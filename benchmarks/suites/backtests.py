"""VaR and ES of 20 stocks, every day from 1992 to 2022: methods, breaches, p-values, one choice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks import backtest_choice as choice
from qmc.backtest import (
    BacktestRow,
    Forecaster,
    Forecasts,
    assess,
    kupiec,
    portfolio_losses,
    rolling,
)
from qmc.errors import InvalidProblem
from qmc.market_data import Prices, equal_weights, stock_prices
from qmc.problem import Array

Row = dict[str, Any]

_ALL_FROM = 500
_SMALL = ("history", "normal", "filtered .94")
_SMALL_LAST, _SMALL_LAST_OF_CHOICE, _SMALL_FIRST = "1998", "1995", "1996"
_LEAST_SIMULATIONS = 100


def run(seeds: int, small: bool, done: Sequence[Row] = ()) -> Iterator[Row]:
    """A row a method, period and level; `seeds` histories simulate the p-values of Z1 to Z3.

    "all" are the days from the 500th on (the 1,000th where the window is that long); "choice" those
    of 1990 to 2004 from the 1,000th on, "after" those of 2005 to 2022. Seconds are of all days, for
    the peer too.
    """
    if seeds < _LEAST_SIMULATIONS:
        raise InvalidProblem(
            f"seeds={seeds}: must be >= 100 here, simulated histories of a p-value"
        )
    prices, methods = stock_prices(), choice.CANDIDATES
    if small:
        prices = _until(prices, _SMALL_LAST)
        methods = {name: methods[name] for name in _SMALL}
    known = {(row["case"], row["what"], row["level"]) for row in done}
    found = {name: _timed(prices, one) for name, one in methods.items()}
    periods = _periods(prices, small)
    name = _chosen({case: periods["choice"](one) for case, (one, _) in found.items()})
    for what, part in periods.items():
        for case, (forecasts, seconds) in found.items():
            for level in choice.LEVELS:
                if (case, what, level) in known:
                    continue
                row = assess(part(forecasts).at(level), case, simulations=seeds, rng=1)
                mark = "chosen" if case == name else ""
                yield _row(row, what, mark, seconds) | _peer(case, what, level, prices)


def _until(prices: Prices, year: str) -> Prices:
    count = sum(date[:4] <= year for date in prices.dates)
    table = np.asarray(prices.prices)[:count]
    return Prices(names=prices.names, dates=prices.dates[:count], prices=table)


def _timed(prices: Prices, forecaster: Forecaster) -> tuple[Forecasts, float]:
    """Every day that the window leaves, from the 500th on, and the seconds that it took."""
    begin = time.perf_counter()
    forecasts = rolling(
        prices.returns(), equal_weights(prices.names), forecaster, days=prices.dates[1:],
        first=max(_ALL_FROM, forecaster.window),
    )  # fmt: skip
    return forecasts, time.perf_counter() - begin


def _periods(prices: Prices, small: bool) -> dict[str, Callable[[Forecasts], Forecasts]]:
    """Names of periods and how each is cut; the choice's days are the same for every window."""
    last = _SMALL_LAST_OF_CHOICE if small else choice.LAST_OF_CHOICE
    after = _SMALL_FIRST if small else choice.FIRST_AFTER
    first = prices.dates[1:][choice.FIRST]
    return {
        "all": lambda one: one,
        "choice": lambda one: one.part(first=first, last=last),
        "after": lambda one: one.part(first=after),
    }


def _chosen(found: Mapping[str, Forecasts]) -> str:
    return choice.chosen(choice.before(found))


def _row(row: BacktestRow, what: str, mark: str, seconds: float) -> Row:
    first, second, third = (test.p_value for test in row.shortfall)
    return {
        "case": row.method,
        "what": what,
        "chosen": mark,
        "level": row.level,
        "days": row.days,
        "breaches": row.breaches,
        "expected": row.expected,
        "Kupiec p": row.kupiec.p_value,
        "independence p": row.independence.p_value,
        "Christoffersen p": row.christoffersen.p_value,
        "Z1 p": first,
        "Z2 p": second,
        "Z3 p": third,
        "most in 250": row.most,
        "quantile loss": row.quantile_loss,
        "seconds": seconds,
    }


def _peer(case: str, what: str, level: float, prices: Prices) -> Row:
    """Breaches, Kupiec's p and seconds of a peer on the same days, where one does the like."""
    names = {"history": ("skfolio", _skfolio), "GARCH, asymmetric": ("arch", _arch)}
    nothing = {"peer": "", "peer breaches": "", "peer Kupiec p": "", "peer seconds": ""}
    if what != "all" or case not in names:
        return nothing
    label, work = names[case]
    losses = portfolio_losses(prices.returns(), equal_weights(prices.names))
    begin = time.perf_counter()
    risk = work(losses, level)
    seconds = time.perf_counter() - begin
    hits = losses[-len(risk) :] > risk
    return {
        "peer": f"{label} {version(label)}",
        "peer breaches": int(hits.sum()),
        "peer Kupiec p": kupiec(hits, level).p_value,
        "peer seconds": seconds,
    }


def _skfolio(losses: Array, level: float) -> Array:
    """Historical VaR by skfolio of every window of 500 days, all in one call."""
    from skfolio.measures import value_at_risk

    windows = sliding_window_view(-losses[:-1], 500)
    return np.asarray(value_at_risk(np.ascontiguousarray(windows.T), beta=level))


def _arch(losses: Array, level: float) -> Array:
    """Volatility forecasts by arch itself, refitted every 250 days, by its residuals' quantile."""
    from arch.univariate import GARCH, Normal, ZeroMean

    scaled, window, refit = -100.0 * losses, 1_000, 250
    risk = []
    for start in range(window, losses.size, refit):
        stop = min(start + refit, losses.size)
        model = ZeroMean(scaled[:stop], volatility=GARCH(p=1, o=1, q=1), distribution=Normal())
        fit = model.fit(first_obs=start - window, last_obs=start, disp="off", show_warning=False)
        ahead = fit.forecast(start=start - 1, horizon=1, reindex=False).variance.to_numpy()[:, 0]
        residuals = np.asarray(fit.std_resid)[start - window : start]
        quantile = float(np.quantile(-residuals, level, method="inverted_cdf"))
        risk.append(quantile * np.sqrt(ahead[: stop - start]) / 100.0)
    return np.concatenate(risk)
