"""VaR and ES of one series by several libraries: sign, level, which losses, and why they differ.

Every number is the library's own answer in this run; `rebuilt` says whether the rule in words,
written out here in a line of numpy, gives that answer to 12 digits. A library that is not installed
has a row that says so.
"""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import special

from qmc.data import simple_returns, sp500_stocks
from qmc.losses import tail_risk
from qmc.problem import Array

if TYPE_CHECKING:
    import pandas as pd

LEVELS = (0.95, 0.975, 0.99)
DAYS = 500
_SAME = 1e-12
# of losses (n,) in falling order and the level
_Rule: TypeAlias = Callable[[Array, float], float]


@dataclass(frozen=True, slots=True)
class Library:
    """A library: its name on the index, what is imported, and +1 where a loss is positive."""

    package: str
    module: str
    sign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One function of one library.

    Attributes:
        library: whose it is.
        call: what was called, `level` being ours.
        measure: "VaR" or "ES".
        answer: module, returns, level -> its number.
        rule: the same number as a positive loss, by our own line.
        words: the rule in words.
    """

    library: Library
    call: str
    measure: str
    answer: Callable[[ModuleType, pd.Series, float], float]
    rule: _Rule
    words: str


def _ours(measure: str) -> _Rule:
    return lambda losses, level: float(tail_risk(losses, level)[measure == "ES"])


def _count(losses: Array, level: float) -> float:
    """Losses beyond the level, n (1 - level), without the rounding of that product."""
    count = losses.size * (1.0 - level)
    return float(round(count)) if math.isclose(count, round(count), rel_tol=1e-9) else count


def _next_worst(losses: Array, level: float) -> float:
    return float(losses[math.ceil(_count(losses, level)) - 1])


def _interpolated(losses: Array, level: float) -> float:
    return float(np.quantile(losses, level))


def _mean_of_worst(losses: Array, level: float) -> float:
    return float(losses[: int((losses.size - 1) * (1.0 - level)) + 1].mean())


def _mean_to_interpolated(losses: Array, level: float) -> float:
    return float(losses[losses >= np.quantile(losses, level)].mean())


def _mean_beyond(losses: Array, level: float) -> float:
    return float(losses[losses > _ours("VaR")(losses, level)].mean())


def _normal(losses: Array, level: float) -> float:
    return float(losses.mean() + losses.std(ddof=1) * special.ndtri(level))


def _normal_shortfall(losses: Array, level: float) -> float:
    density = math.exp(-0.5 * special.ndtri(level) ** 2) / math.sqrt(2.0 * math.pi)
    return float(losses.mean() + losses.std(ddof=1) * density / (1.0 - level))


def _quantlib(library: ModuleType, returns: pd.Series, name: str, level: float) -> float:
    statistics = library.RiskStatistics()
    for value in returns.tolist():
        statistics.add(value)
    return float(getattr(statistics, name)(level))


_SKFOLIO = Library("skfolio", "skfolio.measures", 1)
_RISKFOLIO = Library("riskfolio-lib", "riskfolio.src.RiskFunctions", 1)
_EMPYRICAL = Library("empyrical-reloaded", "empyrical", -1)
_QUANTSTATS = Library("quantstats", "quantstats.stats", -1)
_QUANTLIB = Library("QuantLib", "QuantLib", 1)

PEERS = (
    Peer(
        library=_SKFOLIO, measure="VaR", call="value_at_risk(returns, beta=level)",
        answer=lambda m, r, p: float(m.value_at_risk(r.to_numpy(), beta=p)),
        rule=_ours("VaR"), words="order statistic of rank ceil(n level), as ours",
    ),
    Peer(
        library=_SKFOLIO, measure="ES", call="cvar(returns, beta=level)",
        answer=lambda m, r, p: float(m.cvar(r.to_numpy(), beta=p)),
        rule=_ours("ES"), words="mean of the worst n (1 - level), a part of one counting, as ours",
    ),
    Peer(
        library=_RISKFOLIO, measure="VaR", call="VaR_Hist(returns, alpha=1 - level)",
        answer=lambda m, r, p: float(m.VaR_Hist(r.to_numpy()[:, None], alpha=round(1 - p, 12))),
        rule=_next_worst,
        words="the ceil(n (1 - level))-th worst: one further out than ours where that is whole",
    ),
    Peer(
        library=_RISKFOLIO, measure="ES", call="CVaR_Hist(returns, alpha=1 - level)",
        answer=lambda m, r, p: float(m.CVaR_Hist(r.to_numpy()[:, None], alpha=round(1 - p, 12))),
        rule=_ours("ES"), words="its VaR and the excess over it: the same mean as ours",
    ),
    Peer(
        library=_EMPYRICAL, measure="VaR", call="value_at_risk(returns, cutoff=1 - level)",
        answer=lambda m, r, p: float(m.value_at_risk(r, cutoff=1.0 - p)),
        rule=_interpolated, words="between two order statistics, linear at (n - 1) level",
    ),
    Peer(
        library=_EMPYRICAL, measure="ES",
        call="conditional_value_at_risk(returns, cutoff=1 - level)",
        answer=lambda m, r, p: float(m.conditional_value_at_risk(r, cutoff=1.0 - p)),
        rule=_mean_of_worst,
        words="mean of the worst int((n - 1) (1 - level)) + 1, each counting whole",
    ),
    Peer(
        library=_QUANTSTATS, measure="VaR", call="value_at_risk(returns, confidence=level)",
        answer=lambda m, r, p: float(m.value_at_risk(r, confidence=p)),
        rule=_normal,
        words="of a normal law with the sample's mean and deviation, no order statistic",
    ),
    Peer(
        library=_QUANTSTATS, measure="ES", call="cvar(returns, confidence=level)",
        answer=lambda m, r, p: float(m.cvar(r, confidence=p)),
        rule=_normal_shortfall, words="of the same normal law",
    ),
    Peer(
        library=_QUANTSTATS, measure="ES",
        call='cvar(returns, confidence=level, method="historical")',
        answer=lambda m, r, p: float(m.cvar(r, confidence=p, method="historical")),
        rule=_mean_to_interpolated, words="mean of what is at or beyond the interpolated quantile",
    ),
    Peer(
        library=_QUANTLIB, measure="VaR", call="RiskStatistics().valueAtRisk(level)",
        answer=lambda m, r, p: _quantlib(m, r, "valueAtRisk", p),
        rule=_ours("VaR"), words="order statistic, as ours; never below 0, levels from 0.9 only",
    ),
    Peer(
        library=_QUANTLIB, measure="ES", call="RiskStatistics().expectedShortfall(level)",
        answer=lambda m, r, p: _quantlib(m, r, "expectedShortfall", p),
        rule=_mean_beyond, words="mean of what is strictly beyond VaR, whatever share that is",
    ),
)  # fmt: skip


def series() -> pd.Series:
    """Daily returns of the 20 stocks at equal weights, the last 500."""
    return simple_returns(sp500_stocks(), DAYS).mean(axis=1)


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row a function and level."""
    del seeds, done
    returns = series()
    losses = np.sort(-returns.to_numpy())[::-1]
    for peer in PEERS:
        library, version = _imported(peer)
        for level in LEVELS[1:2] if small else LEVELS:
            yield _row(peer, library, version, returns, losses, level)


def _row(
    peer: Peer,
    library: ModuleType | None,
    version: str,
    returns: pd.Series,
    losses: Array,
    level: float,
) -> dict[str, Any]:
    ours = _ours(peer.measure)(losses, level)
    row: dict[str, Any] = {
        "library": f"{peer.library.package} {version}",
        "measure": peer.measure,
        "level": level,
        "call": peer.call,
        "theirs": "not installed",
        "ours": f"{ours:.9f}",
        "difference": "-",
        "rebuilt": "-",
        "what it takes": peer.words,
    }
    if library is None:
        return row
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = peer.answer(library, returns, level)
    loss = peer.library.sign * theirs
    same = abs(loss - peer.rule(losses, level)) <= _SAME
    gap = loss / ours - 1.0
    return row | {
        "theirs": f"{theirs:.9f}",
        "difference": "none" if abs(gap) <= 1e-9 else f"{100.0 * gap:+.3f} %",
        "rebuilt": "yes" if same else "no",
    }


def _imported(peer: Peer) -> tuple[ModuleType | None, str]:
    """The module and the package's version; None where it is not installed."""
    try:
        version = metadata.version(peer.library.package)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(peer.library.module), version
    except ImportError:
        return None, ""
