"""`LogNormalMixture`: a finite mixture of log-normal laws."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.laws import NegatedLaw
from qmc.problem import Array

# bisection halves the bracket of logs to neighbouring numbers
_HALVINGS = 64


@dataclass(frozen=True, kw_only=True)
class LogNormalMixture:
    """Log-normal of mean `means[k]` and log deviation `log_sds[k]` with probability `weights[k]`.

    Attributes:
        weights: (parts,) >= 0, normalised to sum 1.
        means: (parts,) E[X | part], each > 0.
        log_sds: (parts,) sd of log X given the part, each > 0.

    Raises:
        InvalidProblem: for NaN, infinite, mis-shaped or out-of-range input.

    >>> law = LogNormalMixture(weights=(0.5, 0.5), means=(1.0, 3.0), log_sds=(0.1, 0.2))
    >>> law.mean
    2.0
    >>> round(float(law.cdf(law.ppf(0.3))), 12)
    0.3
    """

    weights: tuple[float, ...]
    means: tuple[float, ...]
    log_sds: tuple[float, ...]
    _parts: tuple[Array, Array, Array] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, and keep the parts as arrays."""
        for name in ("weights", "means", "log_sds"):
            object.__setattr__(self, name, checks.vector(name, getattr(self, name)))
        if not len(self.weights) == len(self.means) == len(self.log_sds):
            msg = (
                f"{len(self.weights)} weights, {len(self.means)} means and {len(self.log_sds)} "
                "log_sds: must be as many of each, one a part"
            )
            raise InvalidProblem(msg)
        for name in ("means", "log_sds"):
            for place, value in enumerate(getattr(self, name)):
                checks.positive(f"{name}[{place}]", value)
        weights = np.asarray(self.weights)
        if weights.min() < 0.0 or weights.sum() <= 0.0:
            raise checks.refuse("weights", float(weights.min()), ">= 0 each and not all 0")
        parts = (weights / weights.sum(), np.asarray(self.means), np.asarray(self.log_sds))
        object.__setattr__(self, "_parts", parts)

    @property
    def mean(self) -> float:
        """E[X]."""
        weights, means, _ = self._parts
        return math.fsum(weights * means)

    def _z(self, x: ArrayLike) -> Array:
        """Standardised log x of each part, shape (*x.shape, parts)."""
        _, means, log_sds = self._parts
        with np.errstate(divide="ignore", over="ignore"):
            ratio = np.maximum(np.asarray(x, dtype=np.float64), 0.0)[..., None] / means
            return np.asarray(np.log(ratio) / log_sds + 0.5 * log_sds)

    def cdf(self, x: ArrayLike) -> Array:
        """P(X <= x)."""
        return np.asarray(special.ndtr(self._z(x)) @ self._parts[0])

    def sf(self, x: ArrayLike) -> Array:
        """P(X > x)."""
        return np.asarray(special.ndtr(-self._z(x)) @ self._parts[0])

    def partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X <= x] = sum of weight mean Phi(z - log_sd)."""
        weights, means, log_sds = self._parts
        return np.asarray(special.ndtr(self._z(x) - log_sds) @ (weights * means))

    def upper_partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X > x] = sum of weight mean Phi(log_sd - z)."""
        weights, means, log_sds = self._parts
        return np.asarray(special.ndtr(log_sds - self._z(x)) @ (weights * means))

    def ppf(self, p: ArrayLike) -> Array:
        """Smallest x with cdf(x) >= p, by bisection of log x between the parts' quantiles."""
        levels = np.asarray(p, dtype=np.float64)
        weights, means, log_sds = self._parts
        used = weights > 0.0
        scores = special.ndtri(levels)[..., None]
        quantiles = np.log(means) + log_sds * (scores - 0.5 * log_sds)
        low = np.min(quantiles[..., used], axis=-1)
        high = np.max(quantiles[..., used], axis=-1)
        open_ended = ~np.isfinite(scores[..., 0])
        upper = levels > 0.5
        with np.errstate(invalid="ignore"):
            for _ in range(_HALVINGS):
                middle = 0.5 * (low + high)
                x = np.exp(middle)
                # the smaller tail keeps the digits
                below = np.where(upper, self.sf(x) > 1.0 - levels, self.cdf(x) < levels)
                low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(np.exp(np.where(open_ended, scores[..., 0], high)))

    def negated(self) -> NegatedLaw:
        """The law of -X."""
        return NegatedLaw(law=self)
