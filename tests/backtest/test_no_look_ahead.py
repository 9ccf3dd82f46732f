"""No forecast knows the day it is of, or a later one; a forecaster that does is caught."""

from dataclasses import dataclass

import numpy as np
import pytest

from qmc.backtest import (
    EwmaNormal,
    EwmaStudentT,
    FilteredHistorical,
    GarchFiltered,
    Historical,
    NormalForecast,
    OwnForecast,
    SampleLaws,
    ScaledLaws,
    StudentTForecast,
    require_no_look_ahead,
    rolling,
)
from qmc.errors import InvalidProblem
from qmc.laws import NormalLaw

RETURNS = np.random.default_rng(3).standard_t(4, (700, 2)) * 0.01
WEIGHTS = (0.6, 0.4)
WINDOW = 150


def normal(deviation):
    base = NormalLaw(location=0.0, scale=1.0)
    return ScaledLaws(base=base, location=np.zeros_like(deviation), scale=deviation)


@dataclass(frozen=True)
class Tomorrow:
    """Reads the next row: it knows the loss that it forecasts."""

    window: int = WINDOW

    def laws(self, windows):
        return normal(np.roll(windows, -1, axis=0).std(axis=1))


@dataclass(frozen=True)
class Today:
    """As `Tomorrow`, of the row that it should read."""

    window: int = WINDOW

    def laws(self, windows):
        return normal(windows.std(axis=1))


@dataclass(frozen=True)
class WholeSample:
    """Scales every forecast by a volatility of all days."""

    window: int = WINDOW

    def laws(self, windows):
        return normal(windows.std(axis=1) * windows.std())


@dataclass(frozen=True)
class Smoothed:
    """Smooths its volatilities over the days around each: a two-sided filter."""

    window: int = WINDOW

    def laws(self, windows):
        return normal(np.convolve(windows.std(axis=1), np.ones(3) / 3.0, mode="same"))


@dataclass(frozen=True)
class LastDayOnly:
    """Honest but on the last day but one, where it reads the last row."""

    window: int = WINDOW

    def laws(self, windows):
        found = windows.std(axis=1)
        found[-2] = found[-1]
        return normal(found)


@dataclass(frozen=True)
class SlowlyChanging:
    """Reads earlier rows too, which it may."""

    window: int = WINDOW

    def laws(self, windows):
        found = windows.std(axis=1)
        return normal(np.cumsum(found) / np.arange(1, found.size + 1))


@dataclass(frozen=True)
class OddRow:
    """Historical simulation, but one row's newest loss is that of its own day."""

    row: int
    window: int = WINDOW

    def laws(self, windows):
        samples = windows.copy()
        samples[self.row, 0] = windows[self.row + 1, -1]
        return SampleLaws(samples=samples)


@dataclass(frozen=True)
class OffByOne:
    """Historical simulation of windows that end on the day they are said of."""

    window: int = WINDOW

    def laws(self, windows):
        return SampleLaws(samples=np.concatenate([windows[1:], windows[-1:]]))


@dataclass(frozen=True)
class SignOfTheDay:
    """Its location has the sign of the day's own loss, whatever its size."""

    window: int = WINDOW

    def laws(self, windows):
        signs = np.sign(np.append(windows[1:, -1], 0.0))
        base = NormalLaw(location=0.0, scale=1.0)
        return ScaledLaws(base=base, location=1e-3 * signs, scale=windows.std(axis=1))


@dataclass(frozen=True)
class BodyOnly:
    """Sees its own day in the law's body alone: VaR and ES stay the same."""

    window: int = WINDOW

    def laws(self, windows):
        samples = np.sort(windows, axis=1)
        own = np.append(windows[1:, -1], 0.0)
        middle = self.window // 2
        samples[:, middle] = np.clip(own, samples[:, middle - 1], samples[:, middle + 1])
        return SampleLaws(samples=samples)


@pytest.mark.parametrize(
    "forecaster",
    [
        Historical(window=WINDOW),
        Historical(window=WINDOW, add_worst=True),
        FilteredHistorical(window=WINDOW, asymmetry=0.3),
        NormalForecast(window=WINDOW),
        StudentTForecast(window=WINDOW),
        EwmaNormal(window=WINDOW),
        EwmaStudentT(window=WINDOW),
        GarchFiltered(window=WINDOW, refit=200, asymmetric=True),
        OwnForecast(window=WINDOW, function=lambda losses: losses[-110:]),
        SlowlyChanging(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_ours_do_not_look_ahead(forecaster):
    days = 400 if isinstance(forecaster, GarchFiltered) else 700
    require_no_look_ahead(forecaster, RETURNS[:days], WEIGHTS)


@pytest.mark.parametrize(
    ("forecaster", "day"),
    [(Tomorrow(), 150), (WholeSample(), 150), (Smoothed(), 150), (LastDayOnly(), 698)],
)
def test_one_that_does_is_caught_and_the_day_is_named(forecaster, day):
    with pytest.raises(InvalidProblem, match=rf"looks ahead: its forecast for day {day} changes"):
        require_no_look_ahead(forecaster, RETURNS, WEIGHTS)


@pytest.mark.parametrize("row", [0, 1, 17, 63, 97])
def test_one_row_that_sees_its_own_day_is_found_by_as_many_cuts_as_forecasts(row):
    stretch = RETURNS[: WINDOW + 100]
    with pytest.raises(InvalidProblem, match=f"its forecast for day {WINDOW + row} changes"):
        require_no_look_ahead(OddRow(row), stretch, WEIGHTS, cuts=100)
    with pytest.raises(InvalidProblem, match=f"day {WINDOW + row} on"):
        require_no_look_ahead(OddRow(row), stretch, WEIGHTS, cuts=99)


@pytest.mark.parametrize("start", range(0, 500, 20))
@pytest.mark.parametrize("forecaster", [OffByOne(), SignOfTheDay(), BodyOnly()], ids=repr)
def test_windows_a_day_late_are_found_on_every_stretch(forecaster, start):
    stretch = RETURNS[start : start + WINDOW + 40]
    with pytest.raises(InvalidProblem, match=f"its forecast for day {WINDOW} changes"):
        require_no_look_ahead(forecaster, stretch, WEIGHTS)


def test_a_history_too_short_to_be_checked_is_refused():
    with pytest.raises(InvalidProblem, match="days=151: must be at least 152"):
        require_no_look_ahead(Today(), RETURNS[:151], WEIGHTS)


def test_looking_ahead_pays_so_that_the_check_matters():
    """The cheat's VaR rises on the day of a large loss: fewer breaches where it counts."""
    cheat = rolling(RETURNS, WEIGHTS, Tomorrow())
    honest = rolling(RETURNS, WEIGHTS, Today())
    worst = np.argsort(cheat.losses[:-1])[-10:]
    assert np.all(cheat.value_at_risk[worst] > honest.value_at_risk[worst])


def test_a_forecaster_is_handed_the_days_before_and_cannot_write_to_them():
    seen = []

    @dataclass(frozen=True)
    class Spy:
        window: int = 200

        def laws(self, windows):
            seen.append(windows)
            return normal(windows.std(axis=1))

    rolling(RETURNS, WEIGHTS, Spy())
    losses = -(RETURNS * np.asarray(WEIGHTS)).sum(axis=1)
    (windows,) = seen
    assert windows.shape == (500, 200)
    np.testing.assert_array_equal(windows[0], losses[:200])
    np.testing.assert_array_equal(windows[-1], losses[499:699])
    assert not np.isin(losses[-1], windows)
    with pytest.raises(ValueError, match="read-only"):
        windows[0, 0] = 0.0
