"""Forecasters: from the losses of a window before each day to the law of that day's loss.

A forecaster is a frozen value with a `window` and `laws(windows)`: row r of `windows` holds the
losses of the `window` days before day r, oldest first, and nothing later; the r-th law is said of
day r. `rolling` makes the windows, so a row-by-row forecaster cannot look ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.backtest.laws import BLOCK, PredictiveLaws, SampleLaws
from qmc.models import ewma_volatility
from qmc.models.filters import DECAY
from qmc.problem import Array

WINDOW = 500
_LEAST_WINDOW = 2


@runtime_checkable
class Forecaster(Protocol):
    """What `rolling` asks for."""

    @property
    def window(self) -> int:
        """Days of losses that a forecast is made of."""
        ...

    def laws(self, windows: Array) -> PredictiveLaws:
        """One law a row for windows (days, window) of losses; row r may use rows <= r."""
        ...


@dataclass(frozen=True, kw_only=True)
class Historical:
    """Historical simulation: tomorrow's loss is one of the window's, each as likely.

    Attributes:
        window: days, at least 2.
        add_worst: count tomorrow among the days by a second copy of the worst loss. VaR is then the
            loss of rank ceil((window + 1) level), which exchangeable losses exceed with probability
            <= 1 - level; without it that is (window + 1 - ceil(window level)) / (window + 1), 1.2 %
            at 99 % of 500 days (split conformal prediction: Lei et al. 2018,
            doi:10.1080/01621459.2017.1307116, eq. 5).

    Raises:
        InvalidProblem: for a window below 2.
    """

    window: int = WINDOW
    add_worst: bool = False

    def __post_init__(self) -> None:
        """Refuse a window out of range."""
        require_window(self.window)

    def laws(self, windows: Array) -> SampleLaws:
        """The windows themselves."""
        return SampleLaws(samples=completed(windows, add_worst=self.add_worst))


@dataclass(frozen=True, kw_only=True)
class FilteredHistorical:
    """Filtered historical simulation with EWMA volatilities.

    Each loss is divided by the volatility known the day before and multiplied by the forecast for
    tomorrow (Hull and White 1998, doi:10.21314/JOR.1998.001). The filter runs inside the window, as
    in `qmc.FilteredReturns`, but on the portfolio's losses, not asset by asset.

    Attributes:
        window: days, at least 2.
        decay: lambda of variance = decay * variance + (1 - decay) * loss^2, in (0, 1).
        asymmetry: in [0, 1): a loss's square counts 1 + asymmetry, a profit's 1 - asymmetry, since
            volatility rises more after losses (Glosten, Jagannathan and Runkle 1993,
            doi:10.1111/j.1540-6261.1993.tb05128.x).
        add_worst: as in `Historical`.

    Raises:
        InvalidProblem: for fields out of range, and windows in which nothing moves.
    """

    window: int = WINDOW
    decay: float = DECAY
    asymmetry: float = 0.0
    add_worst: bool = False

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        require_window(self.window)
        object.__setattr__(self, "decay", checks.fraction("decay", self.decay))
        asymmetry = checks.finite("asymmetry", self.asymmetry)
        if not 0.0 <= asymmetry < 1.0:
            raise checks.refuse("asymmetry", asymmetry, "0 or above and below 1")
        object.__setattr__(self, "asymmetry", asymmetry)

    def laws(self, windows: Array) -> SampleLaws:
        """The windows, rescaled block by block."""
        samples = np.empty((len(windows), self.window + self.add_worst))
        for rows in blocks(len(windows)):
            losses = windows[rows]
            vols = window_volatility(self._weighted(losses), self.decay)
            scaled = losses / vols[:, :-1] * vols[:, -1:]
            samples[rows] = completed(scaled, add_worst=self.add_worst)
        return SampleLaws(samples=samples)

    def _weighted(self, losses: Array) -> Array:
        """Losses whose squares count as the asymmetry says."""
        if self.asymmetry == 0.0:
            return losses
        return np.asarray(losses * np.sqrt(1.0 + self.asymmetry * np.sign(losses)))


@dataclass(frozen=True, kw_only=True)
class OwnForecast:
    """A function of yours: losses (window,) before a day, oldest first, to a sample of that day's.

    It is called once a day and sees that day's window alone.

    Attributes:
        function: losses (window,) -> sample (m,), the same m on every day.
        window: days, at least 2.

    Raises:
        InvalidProblem: for what is no function or gives no finite sample.
    """

    function: Callable[[Array], ArrayLike]
    window: int = WINDOW

    def __post_init__(self) -> None:
        """Refuse what cannot be called."""
        require_window(self.window)
        if not callable(self.function):
            allowed = "a function of losses (window,) that gives a sample (m,)"
            raise checks.refuse("function", self.function, allowed)

    def laws(self, windows: Array) -> SampleLaws:
        """One call a day."""
        rows = [checks.table("function(losses)", self.function(one), 1) for one in windows]
        sizes = {row.size for row in rows}
        if len(sizes) > 1:
            raise checks.refuse("function(losses)", f"{sorted(sizes)} losses", "always as many")
        return SampleLaws(samples=np.stack(rows))


def require_window(window: object) -> None:
    """Refuse a window that is no whole number >= 2."""
    checks.whole("window", window, _LEAST_WINDOW)


def blocks(days: int) -> Iterator[slice]:
    """The days in blocks."""
    for start in range(0, days, BLOCK):
        yield slice(start, start + BLOCK)


def window_volatility(losses: Array, decay: float) -> Array:
    """EWMA volatilities (rows, window + 1) inside each row's window, tomorrow's last.

    Raises:
        InvalidProblem: when a window's losses are all 0.
    """
    # one column a window for the filter
    vols = ewma_volatility(np.ascontiguousarray(losses.T), decay).T
    require_moves(vols)
    return vols


def require_moves(deviations: Array) -> None:
    """Refuse windows without a deviation above 0."""
    if not np.all(deviations > 0.0):
        given = "no moves in a window"
        raise checks.refuse("losses", given, "moving in every window", "take a longer window")


def completed(samples: Array, *, add_worst: bool) -> Array:
    """The samples (days, m), with the worst loss twice if asked."""
    if not add_worst:
        return samples
    return np.concatenate([samples, samples.max(axis=1, keepdims=True)], axis=1)
