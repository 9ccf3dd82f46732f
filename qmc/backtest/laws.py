"""Predictive laws: what a forecaster says of each day's loss, one law a day.

VaR, ES and the simulated p-values of the tests all come from these. "Upper" probabilities count
from the worst loss down: the loss of upper probability .01 is the 99 % quantile.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qmc import checks
from qmc.laws import Law
from qmc.losses import tail_risk
from qmc.problem import Array

Days = NDArray[np.intp]
# days whose samples are looked at together: a few MB
BLOCK = 512
_NODES = 2_001
_LEAST = 1e-12


@runtime_checkable
class PredictiveLaws(Protocol):
    """One law of the loss a day, for some days."""

    def tail_risk(self, level: float) -> tuple[Array, Array]:
        """VaR and ES at a level, each (days,)."""
        ...

    def upper(self, losses: Array) -> Array:
        """P(loss of the day's law > the given one), (days,) for losses (days,)."""
        ...

    def quantile(self, days: Days, upper: Array) -> Array:
        """Losses (n,) of upper probabilities (n,), each by the law of a day (n,)."""
        ...

    def mean_quantile(self, upper: Array, divisors: Array) -> Array:
        """Mean over the days of quantile / divisor, (n,) for upper (n,) and divisors (days,)."""
        ...

    def weighted_quantile(self, share: Callable[[Array], Array]) -> Array:
        """Each day's mean quantile under weights, (days,).

        Args:
            share: the weight on upper probabilities <= u, as a distribution function of u.
        """
        ...

    def on(self, days: slice) -> PredictiveLaws:
        """The laws of some of the days."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SampleLaws:
    """Each day's loss is one of a sample, each as likely.

    Attributes:
        samples: (days, m) losses.

    Raises:
        InvalidProblem: for NaN, infinite or no losses.
    """

    samples: Array

    def __post_init__(self) -> None:
        """Refuse what is no table of finite losses; a large one is not copied."""
        found = self.samples
        fits = isinstance(found, np.ndarray) and found.ndim == 2 and found.size > 0
        if not fits or not np.all(np.isfinite(found)):
            given = f"array of shape {np.shape(found)}"
            raise checks.refuse("samples", given, "finite losses of shape (days, m)")

    @functools.cached_property
    def _worst_first(self) -> Array:
        return np.asarray(np.sort(self.samples, axis=1)[:, ::-1])

    @property
    def _size(self) -> int:
        return int(self.samples.shape[1])

    def tail_risk(self, level: float) -> tuple[Array, Array]:
        """Order statistic and Acerbi-Tasche mean (`qmc.losses.tail_risk`), block by block."""
        starts = range(0, len(self.samples), BLOCK)
        found = [tail_risk(self.samples[start : start + BLOCK], level) for start in starts]
        return np.concatenate([v for v, _ in found]), np.concatenate([e for _, e in found])

    def upper(self, losses: Array) -> Array:
        """Rank among the sample and the day itself, (worse + equal / 2 + 1/2) / (m + 1)."""
        given = losses[:, None]
        worse = (self.samples > given).sum(axis=1)
        equal = (self.samples == given).sum(axis=1)
        return np.asarray((worse + 0.5 * equal + 0.5) / (self._size + 1.0))

    def quantile(self, days: Days, upper: Array) -> Array:
        """The sample's losses."""
        return np.asarray(self._worst_first[days, self._place(upper)])

    def mean_quantile(self, upper: Array, divisors: Array) -> Array:
        """A step function of m steps."""
        steps = (self._worst_first / divisors[:, None]).mean(axis=0)
        return np.asarray(steps[self._place(upper)])

    def weighted_quantile(self, share: Callable[[Array], Array]) -> Array:
        """A weighted sum of the sample, worst first."""
        weights = np.diff(share(np.arange(self._size + 1) / self._size))
        return np.asarray(self._worst_first @ weights)

    def on(self, days: slice) -> SampleLaws:
        """The laws of some of the days."""
        return SampleLaws(samples=self.samples[days])

    def _place(self, upper: Array) -> Days:
        return np.minimum((upper * self._size).astype(np.intp), self._size - 1)

    def __repr__(self) -> str:
        """Short: how many days and losses."""
        return f"SampleLaws({len(self.samples)} days x {self._size} losses)"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ScaledLaws:
    """Each day's loss is location + scale X, X of one law.

    Attributes:
        base: the law of X, continuous.
        location, scale: (days,) losses; every scale above 0.

    Raises:
        InvalidProblem: for NaN, infinite or no numbers, scales <= 0, and different lengths.
    """

    base: Law
    location: Array
    scale: Array

    def __post_init__(self) -> None:
        """Check both arrays."""
        location = checks.table("location", self.location, 1)
        scale = checks.table("scale", self.scale, 1)
        if location.shape != scale.shape:
            given = f"{scale.size} numbers"
            raise checks.refuse("scale", given, f"as many as location, {location.size}")
        if np.any(scale <= 0.0):
            raise checks.refuse("scale", float(scale.min()), "above 0 on every day")

    def tail_risk(self, level: float) -> tuple[Array, Array]:
        """The base's quantile and tail mean, scaled: a continuous law has no atom at its VaR."""
        checks.fraction("level", level)
        quantile = float(self.base.ppf(level))
        beyond = float(self.base.upper_partial_mean(quantile)) / (1.0 - level)
        return self.location + self.scale * quantile, self.location + self.scale * beyond

    def upper(self, losses: Array) -> Array:
        """The base's survival function."""
        return self.base.sf((losses - self.location) / self.scale)

    def quantile(self, days: Days, upper: Array) -> Array:
        """Of the base, scaled."""
        return np.asarray(self.location[days] + self.scale[days] * self._base(upper))

    def mean_quantile(self, upper: Array, divisors: Array) -> Array:
        """Linear in the base's quantile."""
        shift, slope = (self.location / divisors).mean(), (self.scale / divisors).mean()
        return np.asarray(shift + slope * self._base(upper))

    def weighted_quantile(self, share: Callable[[Array], Array]) -> Array:
        """The base's, by the trapezoidal rule on 4,001 nodes, log-spaced towards 0 and 1."""
        half = np.geomspace(_LEAST, 0.5, _NODES)
        nodes = np.concatenate([half, 1.0 - half[-2::-1]])
        heights = self._base(nodes)
        mean = float(np.diff(share(nodes)) @ (0.5 * (heights[1:] + heights[:-1])))
        return np.asarray(self.location + self.scale * mean)

    def on(self, days: slice) -> ScaledLaws:
        """The laws of some of the days."""
        return ScaledLaws(base=self.base, location=self.location[days], scale=self.scale[days])

    def _base(self, upper: Array) -> Array:
        # -ppf of the mirrored law keeps the digits of a small upper probability
        return -self.base.negated().ppf(upper)

    def __repr__(self) -> str:
        """Short: the base and how many days."""
        return f"ScaledLaws({len(self.location)} days of {self.base!r})"
