"""Seconds for the losses of 50 assets, and for VaR and ES of a million, ours and peers in turn."""

from __future__ import annotations

import importlib
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks import risk_cases
from classical_baseline import revalue
from classical_baseline.book_kernels import BookKernel, Layout
from classical_baseline.normals import NormalStream
from qmc.errors import InvalidProblem
from qmc.losses import tail_risk

LEVEL = 0.99
_MANY, _SMALL = 1_000_000, 40_000
# whole arrays of 50 assets take memory
_PLAIN = 100_000
_REPEATS, _SMALL_REPEATS = 9, 2
_BLOCK = 1_024


class Contender(NamedTuple):
    """One way to a number; `run` gives the losses or the pair (VaR, ES)."""

    who: str
    precision: str
    scenarios: int
    run: Callable[[], Any] | None


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """Rows of four tables: stocks, full revaluation, delta-gamma, VaR and ES.

    Seconds are of one thread's processor time, the median of repeats in which all contenders of a
    table take their turns; "times the last" is the rate over that of the table's last row.
    """
    repeats = min(seeds, _SMALL_REPEATS if small else _REPEATS)
    known = {row["what"] for row in done}
    with _one_thread():
        for what, contenders in _tables(_SMALL if small else _MANY).items():
            if what not in known:
                yield from _rows(what, contenders, repeats)


def _tables(scenarios: int) -> dict[str, list[Contender]]:
    model = risk_cases.market()
    stocks = risk_cases.book(model, risk_cases.stocks(model))
    both = risk_cases.book(model, stocks.positions + risk_cases.options(model))
    shortcut = both.delta_gamma()
    few = min(scenarios, _PLAIN)
    tables = {}
    for what, contract in (
        ("50 stocks", stocks),
        ("50 stocks, 50 options, full revaluation", both),
        ("50 stocks, 50 options, delta-gamma", shortcut),
    ):
        ours = [
            Contender("revalue", name, scenarios, partial(
                revalue, contract, model, scenarios, dtype=dtype, block=_BLOCK, rng=1))
            for name, dtype in (("float64", np.float64), ("float32", np.float32))
        ]  # fmt: skip
        plain = partial(risk_cases.plain_losses, contract, model, few, np.random.default_rng(1))
        tables[what] = [*ours, Contender("model and contract, whole", "float64", few, plain)]
    textbook = partial(risk_cases.textbook_losses, shortcut, model, few, np.random.default_rng(1))
    tables[what].append(Contender("multivariate_normal, whole", "float64", few, textbook))
    tables["pieces of full revaluation"] = _pieces(both, model)
    tables["VaR and ES"] = _measures(revalue(both, model, scenarios, rng=1))
    return tables


def _pieces(book: Any, model: Any) -> list[Contender]:  # noqa: ANN401
    """The parts of a block, and what is done once; scenarios of one block."""
    contenders = []
    for name, dtype in (("float64", np.float64), ("float32", np.float32)):
        make = partial(BookKernel, book, model, 1.0, Layout(dtype, _BLOCK))
        kernel, stream = make(), NormalStream(1)
        block = np.ones((kernel.factors + 1, _BLOCK), dtype=dtype)
        stream.fill(block[1:])
        root = np.tril(np.ones((risk_cases.ASSETS, kernel.factors + 1), dtype=dtype))
        contenders += [
            Contender("tables, made once", name, _BLOCK, make),
            Contender("normals", name, _BLOCK, partial(stream.fill, block[1:].copy())),
            Contender("one whole product", name, _BLOCK, partial(np.matmul, root, block)),
            Contender("product and tables", name, _BLOCK, partial(kernel.losses, block)),
        ]
    return contenders


def _measures(losses: Any) -> list[Contender]:  # noqa: ANN401
    size = losses.size
    single = losses.astype(np.float32)
    return [
        Contender("qmc.losses.tail_risk", "float64", size, partial(tail_risk, losses, LEVEL)),
        Contender("qmc.losses.tail_risk", "float32", size, partial(tail_risk, single, LEVEL)),
        Contender("numpy.partition", "float64", size, partial(_by_partition, losses)),
        Contender("riskfolio", "float64", size, _riskfolio(-losses)),
        Contender("skfolio", "float64", size, _skfolio(-losses)),
    ]


def _by_partition(losses: Any) -> tuple[float, float]:  # noqa: ANN401
    """Two lines that most people write; the fraction of an observation is left out."""
    rank = math.ceil(losses.size * LEVEL)
    parted = np.partition(losses, rank - 1)
    return float(parted[rank - 1]), float(parted[rank:].mean())


def _skfolio(returns: Any) -> Callable[[], Any] | None:  # noqa: ANN401
    theirs = _module("skfolio.measures")
    if theirs is None:
        return None
    return lambda: (theirs.value_at_risk(returns, LEVEL), theirs.cvar(returns, LEVEL))


def _riskfolio(returns: Any) -> Callable[[], Any] | None:  # noqa: ANN401
    theirs = _module("riskfolio.src.RiskFunctions")
    if theirs is None:
        return None
    rest = 1.0 - LEVEL
    return lambda: (theirs.VaR_Hist(returns, rest), theirs.CVaR_Hist(returns, rest))


def _module(name: str) -> Any:  # noqa: ANN401
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _rows(what: str, contenders: list[Contender], repeats: int) -> Iterator[dict[str, Any]]:
    taken: list[list[float]] = [[] for _ in contenders]
    found: list[Any] = [None for _ in contenders]
    for repeat in range(repeats + 1):
        for place, one in enumerate(contenders):
            if one.run is not None:
                begin = time.thread_time()
                found[place] = one.run()
                # the first turn warms up
                taken[place] += [time.thread_time() - begin] if repeat else []
    rates = [
        one.scenarios / statistics.median(times) if times else math.nan
        for one, times in zip(contenders, taken, strict=True)
    ]
    for one, times, rate, numbers in zip(contenders, taken, rates, found, strict=True):
        yield {
            "what": what,
            "who": one.who if times else f"{one.who}: not installed",
            "precision": one.precision,
            "scenarios": one.scenarios,
            "repeats": len(times),
            "seconds": one.scenarios / rate,
            "fastest": min(times, default=math.nan),
            "slowest": max(times, default=math.nan),
            "a second": rate,
            "times the last": rate / rates[-1] if "pieces" not in what else math.nan,
            **_risk(numbers, what),
        }


def _risk(numbers: Any, what: str) -> dict[str, float]:  # noqa: ANN401
    """VaR and ES at 99 %, so that a table shows that its rows agree."""
    if numbers is None or "pieces" in what:
        return {"VaR": math.nan, "ES": math.nan}
    pair = numbers if isinstance(numbers, tuple) else tail_risk(numbers, LEVEL)
    return {"VaR": float(pair[0]), "ES": float(pair[1])}


def _one_thread() -> AbstractContextManager[Any]:
    """Hold BLAS to one thread, or ask for the variable that does."""
    limits = _module("threadpoolctl")
    if limits is not None:
        return limits.threadpool_limits(limits=1)  # type: ignore[no-any-return]
    if os.environ.get("OMP_NUM_THREADS") != "1":
        msg = "OMP_NUM_THREADS is not set: must be 1 for times of one core; set it and run again"
        raise InvalidProblem(msg)
    return nullcontext()
