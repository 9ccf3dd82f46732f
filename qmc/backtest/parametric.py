"""Forecasters by a normal or a Student t law, of the window's moments or of its EWMA volatility."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.backtest.forecasters import (
    WINDOW,
    blocks,
    require_moves,
    require_window,
    window_volatility,
)
from qmc.backtest.laws import ScaledLaws
from qmc.laws import NormalLaw, StudentTLaw
from qmc.models.filters import DECAY
from qmc.problem import Array

_NORMAL = NormalLaw(location=0.0, scale=1.0)


@dataclass(frozen=True, kw_only=True)
class NormalForecast:
    """Normal law with the window's mean and standard deviation (delta-normal).

    Raises:
        InvalidProblem: for a window below 2, and windows in which nothing moves.
    """

    window: int = WINDOW

    def __post_init__(self) -> None:
        """Refuse a window out of range."""
        require_window(self.window)

    def laws(self, windows: Array) -> ScaledLaws:
        """By the moments of each window."""
        location, scale = _moments(windows)
        return ScaledLaws(base=_NORMAL, location=location, scale=scale)


@dataclass(frozen=True, kw_only=True)
class StudentTForecast:
    """Student t law with the window's mean and standard deviation and given tails.

    Attributes:
        window: days, at least 2.
        degrees_of_freedom: above 2.

    Raises:
        InvalidProblem: for fields out of range, and windows in which nothing moves.
    """

    window: int = WINDOW
    degrees_of_freedom: float = 4.0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        require_window(self.window)
        _require_variance(self.degrees_of_freedom)

    def laws(self, windows: Array) -> ScaledLaws:
        """By the moments of each window."""
        location, scale = _moments(windows)
        return ScaledLaws(base=_unit_t(self.degrees_of_freedom), location=location, scale=scale)


@dataclass(frozen=True, kw_only=True)
class EwmaNormal:
    """Normal law of mean 0 with the EWMA volatility (RiskMetrics 1996).

    Attributes:
        window: days that the filter runs over, at least 2.
        decay: in (0, 1).

    Raises:
        InvalidProblem: for fields out of range, and windows in which nothing moves.
    """

    window: int = WINDOW
    decay: float = DECAY

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        require_window(self.window)
        object.__setattr__(self, "decay", checks.fraction("decay", self.decay))

    def laws(self, windows: Array) -> ScaledLaws:
        """By tomorrow's volatility of each window."""
        scale = _tomorrow(windows, self.decay)
        return ScaledLaws(base=_NORMAL, location=np.zeros_like(scale), scale=scale)


@dataclass(frozen=True, kw_only=True)
class EwmaStudentT:
    """Student t law of mean 0 whose standard deviation is the EWMA volatility.

    Attributes:
        window: days that the filter runs over, at least 2.
        decay: in (0, 1).
        degrees_of_freedom: above 2.

    Raises:
        InvalidProblem: for fields out of range, and windows in which nothing moves.
    """

    window: int = WINDOW
    decay: float = DECAY
    degrees_of_freedom: float = 6.0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        require_window(self.window)
        object.__setattr__(self, "decay", checks.fraction("decay", self.decay))
        _require_variance(self.degrees_of_freedom)

    def laws(self, windows: Array) -> ScaledLaws:
        """By tomorrow's volatility of each window."""
        scale = _tomorrow(windows, self.decay)
        base = _unit_t(self.degrees_of_freedom)
        return ScaledLaws(base=base, location=np.zeros_like(scale), scale=scale)


def _tomorrow(windows: Array, decay: float) -> Array:
    found = [window_volatility(windows[rows], decay)[:, -1] for rows in blocks(len(windows))]
    return np.concatenate(found)


def _moments(windows: Array) -> tuple[Array, Array]:
    """Mean and standard deviation (n - 1) of each window."""
    means = [windows[rows].mean(axis=1) for rows in blocks(len(windows))]
    deviations = [windows[rows].std(axis=1, ddof=1) for rows in blocks(len(windows))]
    scale = np.concatenate(deviations)
    require_moves(scale)
    return np.concatenate(means), scale


def _unit_t(degrees_of_freedom: float) -> StudentTLaw:
    """Student t of variance 1."""
    scale = float(np.sqrt((degrees_of_freedom - 2.0) / degrees_of_freedom))
    return StudentTLaw(location=0.0, scale=scale, degrees_of_freedom=degrees_of_freedom)


def _require_variance(degrees_of_freedom: object) -> None:
    nu = checks.positive("degrees_of_freedom", degrees_of_freedom)
    if nu <= 2.0:
        hint = "below that there is no variance"
        raise checks.refuse("degrees_of_freedom", nu, "above 2", hint)
