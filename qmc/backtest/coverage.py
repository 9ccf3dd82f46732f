"""Tests of VaR by its breaches: how many, and whether they come in clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qmc import checks

Zone: TypeAlias = Literal["green", "yellow", "red"]

SIGNIFICANCE = 0.05
BASEL_DAYS = 250
_YELLOW, _RED = 0.95, 0.9999
# the supervisor's additions to the multiplier 3, for 250 days at 99 %
_ADDITIONS = {5: 0.40, 6: 0.50, 7: 0.65, 8: 0.75, 9: 0.85}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastTest:
    """One test of a forecast.

    Attributes:
        name: of the test.
        statistic: its value; NaN where there is nothing to compare.
        p_value: probability of such a value or a worse one when the forecast is right.
        significance: below which the forecast is rejected.
    """

    name: str
    statistic: float
    p_value: float
    significance: float = SIGNIFICANCE

    @property
    def passed(self) -> bool:
        """True when the p-value is above the significance."""
        return self.p_value > self.significance

    def __str__(self) -> str:
        """Name, statistic, p-value, verdict."""
        verdict = "passed" if self.passed else "rejected"
        return (
            f"{self.name}: statistic {self.statistic:.4g}, p {self.p_value:.3g}, {verdict} at "
            f"{100.0 * self.significance:g} %"
        )


def kupiec(
    breaches: ArrayLike, level: float, *, significance: float = SIGNIFICANCE
) -> ForecastTest:
    """Unconditional coverage: is the share of breaches 1 - level?

    Twice the log likelihood ratio of the observed share against 1 - level, chi-square with 1 degree
    of freedom (Kupiec 1995, doi:10.3905/jod.1995.407942, eq. 5).

    Args:
        breaches: (days,) of True and False.
        level: of VaR.
        significance: below which the forecast is rejected.

    Raises:
        InvalidProblem: for no days, other values, and levels out of range.

    >>> print(kupiec([True] * 10 + [False] * 240, 0.99))
    Kupiec: statistic 12.96, p 0.000319, rejected at 5 %
    """
    hits = _checked(breaches)
    ratio = _coverage_ratio(hits, checks.fraction("level", level))
    return _chi_square("Kupiec", ratio, 1, significance)


def independence(breaches: ArrayLike, *, significance: float = SIGNIFICANCE) -> ForecastTest:
    """Independence: is a breach as likely the day after a breach as after any other day?

    Against a first-order Markov chain, chi-square with 1 degree of freedom (Christoffersen 1998,
    doi:10.2307/2527341, eq. 10). Without breaches there is nothing to compare and p is 1.

    Args:
        breaches: (days,) of True and False, in order.
        significance: below which the forecast is rejected.

    Raises:
        InvalidProblem: for no days and other values.
    """
    return _chi_square("independence", _chain_ratio(_checked(breaches)), 1, significance)


def christoffersen(
    breaches: ArrayLike, level: float, *, significance: float = SIGNIFICANCE
) -> ForecastTest:
    """Conditional coverage: the right share of breaches, and no clusters of them.

    The sum of Kupiec's and the independence ratio, chi-square with 2 degrees of freedom
    (Christoffersen 1998, doi:10.2307/2527341, eq. 13; the share is that of all days, the chain's of
    all but the first).

    Args:
        breaches: (days,) of True and False, in order.
        level: of VaR.
        significance: below which the forecast is rejected.

    Raises:
        InvalidProblem: for no days, other values, and levels out of range.
    """
    hits = _checked(breaches)
    ratio = _coverage_ratio(hits, checks.fraction("level", level)) + _chain_ratio(hits)
    return _chi_square("Christoffersen", ratio, 2, significance)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficLight:
    """The supervisor's verdict on a number of breaches.

    Attributes:
        breaches, days: counted.
        level: of VaR.
        probability: P(that many breaches or fewer) when the level is right.
        zone: green below 95 %, yellow below 99.99 %, else red.
    """

    breaches: int
    days: int
    level: float
    probability: float
    zone: Zone

    @property
    def passed(self) -> bool:
        """True in the green zone."""
        return self.zone == "green"

    @property
    def addition(self) -> float | None:
        """What the Basel table adds to the multiplier 3; None but for 250 days at 99 %."""
        if (self.days, self.level) != (BASEL_DAYS, 0.99):
            return None
        return _ADDITIONS.get(self.breaches, 0.0 if self.zone == "green" else 1.0)

    def __str__(self) -> str:
        """Zone and count."""
        return (
            f"{self.zone}: {self.breaches} breaches in {self.days} days at {100 * self.level:g} %, "
            f"P(as many or fewer) {self.probability:.4%}"
        )


def traffic_light(breaches: ArrayLike, level: float) -> TrafficLight:
    """Basel's zones, from the binomial law of the number of breaches.

    Basel Committee on Banking Supervision (1996), "Supervisory framework for the use of
    backtesting", table 2: of 250 days at 99 %, yellow begins with 5 breaches and red with 10.

    Args:
        breaches: (days,) of True and False; the framework takes the last 250.
        level: of VaR.

    Raises:
        InvalidProblem: for no days, other values, and levels out of range.

    >>> print(traffic_light([True] * 5 + [False] * 245, 0.99))
    yellow: 5 breaches in 250 days at 99 %, P(as many or fewer) 95.8817%
    """
    hits = _checked(breaches)
    count = int(hits.sum())
    probability = float(special.bdtr(count, hits.size, 1.0 - checks.fraction("level", level)))
    zone: Zone = "red"
    if probability < _RED:
        zone = "green" if probability < _YELLOW else "yellow"
    return TrafficLight(
        breaches=count, days=hits.size, level=level, probability=probability, zone=zone
    )


def most_breaches(breaches: ArrayLike, days: int = BASEL_DAYS) -> int:
    """The most breaches in so many consecutive days, or in all when there are fewer."""
    total = np.concatenate([[0], np.cumsum(_checked(breaches))])
    span = min(checks.whole("days", days, 1), total.size - 1)
    return int((total[span:] - total[:-span]).max())


def _coverage_ratio(hits: NDArray[np.bool_], level: float) -> float:
    days, count = hits.size, int(hits.sum())
    share = count / days
    said = special.xlogy(count, 1.0 - level) + special.xlogy(days - count, level)
    seen = special.xlogy(count, share) + special.xlogy(days - count, 1.0 - share)
    return max(float(2.0 * (seen - said)), 0.0)


def _chain_ratio(hits: NDArray[np.bool_]) -> float:
    before, after = hits[:-1], hits[1:]
    counts = np.array(
        [[np.sum((before == one) & (after == other)) for other in (0, 1)] for one in (0, 1)]
    )
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(rows, 1)
    together = counts.sum(axis=0)
    said = special.xlogy(together, together / max(int(counts.sum()), 1)).sum()
    return max(float(2.0 * (special.xlogy(counts, shares).sum() - said)), 0.0)


def _chi_square(name: str, ratio: float, degrees: int, significance: float) -> ForecastTest:
    checks.fraction("significance", significance)
    p_value = float(special.chdtrc(degrees, ratio))
    return ForecastTest(name=name, statistic=ratio, p_value=p_value, significance=significance)


def _checked(breaches: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(breaches)
    if array.ndim != 1 or array.size == 0 or not np.isin(array, (0, 1)).all():
        given = f"array of shape {array.shape} and type {array.dtype}"
        raise checks.refuse("breaches", given, "(days,) of True and False", "days in order")
    return array.astype(bool)
