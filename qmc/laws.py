"""One-dimensional laws with exact cell masses and partial means.

A cell (low, high] of a law has a probability and a conditional mean; both come from `cdf` and
`partial_mean` in the lower half and from `sf` and `upper_partial_mean` in the upper half, so that
neither tail loses digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.problem import Array

_SQRT_2PI = math.sqrt(2.0 * math.pi)


@runtime_checkable
class Law(Protocol):
    """A distribution of a real number; arguments and returns are arrays of one shape."""

    @property
    def mean(self) -> float:
        """E[X]."""
        ...

    def cdf(self, x: ArrayLike) -> Array:
        """P(X <= x)."""
        ...

    def sf(self, x: ArrayLike) -> Array:
        """P(X > x), accurate in the upper tail."""
        ...

    def ppf(self, p: ArrayLike) -> Array:
        """Smallest x with cdf(x) >= p."""
        ...

    def partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X <= x]."""
        ...

    def upper_partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X > x], accurate in the upper tail."""
        ...

    def negated(self) -> Law:
        """The law of -X."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalLaw:
    """Normal law. `location` is the mean, `scale` the standard deviation (> 0)."""

    location: float
    scale: float

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        object.__setattr__(self, "location", checks.finite("location", self.location))
        object.__setattr__(self, "scale", checks.positive("scale", self.scale))

    @property
    def mean(self) -> float:
        """E[X]."""
        return self.location

    def _z(self, x: ArrayLike) -> Array:
        return (np.asarray(x, dtype=np.float64) - self.location) / self.scale

    def cdf(self, x: ArrayLike) -> Array:
        """P(X <= x)."""
        return np.asarray(special.ndtr(self._z(x)))

    def sf(self, x: ArrayLike) -> Array:
        """P(X > x)."""
        return np.asarray(special.ndtr(-self._z(x)))

    def ppf(self, p: ArrayLike) -> Array:
        """Smallest x with cdf(x) >= p."""
        return np.asarray(
            self.location + self.scale * special.ndtri(np.asarray(p, dtype=np.float64))
        )

    def partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X <= x] = location cdf(x) - scale pdf(z), z = (x - location) / scale."""
        z = self._z(x)
        return np.asarray(self.location * special.ndtr(z) - self.scale * _normal_pdf(z))

    def upper_partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X > x] = location sf(x) + scale pdf(z)."""
        z = self._z(x)
        return np.asarray(self.location * special.ndtr(-z) + self.scale * _normal_pdf(z))

    def negated(self) -> NormalLaw:
        """The law of -X."""
        return NormalLaw(location=-self.location, scale=self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentTLaw:
    """Student t law. `scale` > 0 is no standard deviation; `degrees_of_freedom` > 1."""

    location: float
    scale: float
    degrees_of_freedom: float

    def __post_init__(self) -> None:
        """Refuse numbers out of range; below two finite moments there is no mean."""
        object.__setattr__(self, "location", checks.finite("location", self.location))
        object.__setattr__(self, "scale", checks.positive("scale", self.scale))
        nu = checks.positive("degrees_of_freedom", self.degrees_of_freedom)
        if nu <= 1.0:
            raise checks.refuse("degrees_of_freedom", nu, "above 1", "below that there is no mean")
        object.__setattr__(self, "degrees_of_freedom", nu)

    @property
    def mean(self) -> float:
        """E[X]."""
        return self.location

    def _z(self, x: ArrayLike) -> Array:
        return (np.asarray(x, dtype=np.float64) - self.location) / self.scale

    def cdf(self, x: ArrayLike) -> Array:
        """P(X <= x)."""
        return np.asarray(special.stdtr(self.degrees_of_freedom, self._z(x)))

    def sf(self, x: ArrayLike) -> Array:
        """P(X > x)."""
        return np.asarray(special.stdtr(self.degrees_of_freedom, -self._z(x)))

    def ppf(self, p: ArrayLike) -> Array:
        """Smallest x with cdf(x) >= p."""
        return np.asarray(
            self.location
            + self.scale * special.stdtrit(self.degrees_of_freedom, np.asarray(p, dtype=np.float64))
        )

    def _tail_moment(self, z: Array) -> Array:
        """E[T; T > z] for the standard law = pdf(z) (nu + z^2) / (nu - 1)."""
        nu = self.degrees_of_freedom
        # of Gamma((nu + 1) / 2) / Gamma(nu / 2), by a form that keeps its digits for large nu
        log_constant = special.gammaln(0.5) - special.betaln(0.5 * nu, 0.5)
        # pdf(z) (nu + z^2) with the powers merged, so that z = +-inf gives 0 and not nan
        log_moment = (
            log_constant
            - 0.5 * math.log(math.pi * nu)
            + math.log(nu / (nu - 1.0))
            - 0.5 * (nu - 1.0) * np.log1p(z * z / nu)
        )
        return np.asarray(np.exp(log_moment))

    def partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X <= x]."""
        z = self._z(x)
        below = special.stdtr(self.degrees_of_freedom, z)
        return np.asarray(self.location * below - self.scale * self._tail_moment(z))

    def upper_partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X > x]."""
        z = self._z(x)
        above = special.stdtr(self.degrees_of_freedom, -z)
        return np.asarray(self.location * above + self.scale * self._tail_moment(z))

    def negated(self) -> StudentTLaw:
        """The law of -X."""
        return StudentTLaw(
            location=-self.location, scale=self.scale, degrees_of_freedom=self.degrees_of_freedom
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogNormalLaw:
    """Log-normal law. `mean` = E[X] > 0 (the forward), `log_sd` > 0 = sd of log X.

    The mean, not the log's mean, is the parameter: over long times E[X] from the log's mean and
    variance loses digits that option prices need.
    """

    mean: float
    log_sd: float

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        object.__setattr__(self, "mean", checks.positive("mean", self.mean))
        object.__setattr__(self, "log_sd", checks.positive("log_sd", self.log_sd))

    def _z(self, x: ArrayLike) -> Array:
        with np.errstate(divide="ignore", over="ignore"):
            ratio = np.maximum(np.asarray(x, dtype=np.float64), 0.0) / self.mean
            return np.asarray(np.log(ratio) / self.log_sd + 0.5 * self.log_sd)

    def cdf(self, x: ArrayLike) -> Array:
        """P(X <= x)."""
        return np.asarray(special.ndtr(self._z(x)))

    def sf(self, x: ArrayLike) -> Array:
        """P(X > x)."""
        return np.asarray(special.ndtr(-self._z(x)))

    def ppf(self, p: ArrayLike) -> Array:
        """Smallest x with cdf(x) >= p."""
        z = special.ndtri(np.asarray(p, dtype=np.float64))
        return np.asarray(self.mean * np.exp(self.log_sd * (z - 0.5 * self.log_sd)))

    def partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X <= x] = mean Phi(z - log_sd) (Black and Scholes 1973)."""
        return np.asarray(self.mean * special.ndtr(self._z(x) - self.log_sd))

    def upper_partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X > x] = mean Phi(log_sd - z)."""
        return np.asarray(self.mean * special.ndtr(self.log_sd - self._z(x)))

    def negated(self) -> NegatedLaw:
        """The law of -X."""
        return NegatedLaw(law=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class NegatedLaw:
    """The law of -X for a law of X without atoms."""

    law: Law

    @property
    def mean(self) -> float:
        """E[-X]."""
        return -self.law.mean

    def cdf(self, x: ArrayLike) -> Array:
        """P(-X <= x) = P(X > -x), X having no atoms."""
        return self.law.sf(-np.asarray(x))

    def sf(self, x: ArrayLike) -> Array:
        """P(-X > x)."""
        return self.law.cdf(-np.asarray(x))

    def ppf(self, p: ArrayLike) -> Array:
        """Smallest x with cdf(x) >= p."""
        return -self.law.ppf(1.0 - np.asarray(p, dtype=np.float64))

    def partial_mean(self, x: ArrayLike) -> Array:
        """E[-X; -X <= x]."""
        return -self.law.upper_partial_mean(-np.asarray(x))

    def upper_partial_mean(self, x: ArrayLike) -> Array:
        """E[-X; -X > x]."""
        return -self.law.partial_mean(-np.asarray(x))

    def negated(self) -> Law:
        """The law of X."""
        return self.law


@dataclass(frozen=True, kw_only=True)
class EmpiricalLaw:
    """Atoms at `samples` with `weights` (equal when None; normalised to sum 1).

    Raises:
        InvalidProblem: for empty, NaN or infinite samples, and weights that are negative, all
            zero or not as many as the samples.
    """

    samples: tuple[float, ...]
    weights: tuple[float, ...] | None = None
    _sorted: Array = field(init=False, repr=False, compare=False)
    _cumulative: Array = field(init=False, repr=False, compare=False)
    _moments: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, sort and accumulate once."""
        samples = checks.table("samples", self.samples, 1)
        object.__setattr__(self, "samples", tuple(samples.tolist()))
        order = np.argsort(samples, kind="stable")
        # integer ranks over n keep F = 0.99 exact where a running sum of 1/n would drift
        cumulative = np.arange(samples.size + 1) / samples.size
        mass = np.full(samples.size, 1.0 / samples.size)
        if self.weights is not None:
            weights = checks.table("weights", self.weights, 1)
            object.__setattr__(self, "weights", tuple(weights.tolist()))
            if weights.size != samples.size or np.any(weights < 0.0) or weights.sum() <= 0.0:
                msg = (
                    f"weights has {weights.size} entries, smallest {weights.min():g}, for "
                    f"{samples.size} samples: must be one >= 0 a sample, not all 0"
                )
                raise InvalidProblem(msg)
            if np.ptp(weights) > 0.0:
                # raw weights, divided once: whole numbers stay exact
                running = np.concatenate([[0.0], np.cumsum(weights[order])])
                mass, cumulative = weights[order] / running[-1], running / running[-1]
        object.__setattr__(self, "_sorted", samples[order])
        object.__setattr__(self, "_cumulative", cumulative)
        moments = np.concatenate([[0.0], np.cumsum(mass * samples[order])])
        object.__setattr__(self, "_moments", moments)

    @property
    def mean(self) -> float:
        """E[X]."""
        return float(self._moments[-1])

    def _rank(self, x: ArrayLike) -> NDArray[np.intp]:
        return np.searchsorted(self._sorted, np.asarray(x, dtype=np.float64), side="right")

    def cdf(self, x: ArrayLike) -> Array:
        """P(X <= x)."""
        return np.asarray(self._cumulative[self._rank(x)])

    def sf(self, x: ArrayLike) -> Array:
        """P(X > x)."""
        return 1.0 - self.cdf(x)

    def ppf(self, p: ArrayLike) -> Array:
        """Smallest sample x with cdf(x) >= p."""
        index = np.searchsorted(self._cumulative[1:], np.asarray(p, dtype=np.float64), side="left")
        return np.asarray(self._sorted[np.minimum(index, self._sorted.size - 1)])

    def partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X <= x]."""
        return np.asarray(self._moments[self._rank(x)])

    def upper_partial_mean(self, x: ArrayLike) -> Array:
        """E[X; X > x]."""
        return self.mean - self.partial_mean(x)

    def negated(self) -> EmpiricalLaw:
        """The law of -X."""
        return EmpiricalLaw(samples=tuple(-s for s in self.samples), weights=self.weights)

    def __repr__(self) -> str:
        """Short: the number of samples and their range."""
        return (
            f"EmpiricalLaw({len(self.samples)} samples from {self._sorted[0]:g} "
            f"to {self._sorted[-1]:g})"
        )


def cell_masses(law: Law, edges: Array) -> Array:
    """P(edges[i] < X <= edges[i+1]), shape (m,) for (m + 1,) increasing edges."""
    return _differences(law.cdf(edges), law.sf(edges), 1.0)


def cell_partial_means(law: Law, edges: Array) -> Array:
    """E[X; edges[i] < X <= edges[i+1]], shape (m,) for (m + 1,) increasing edges."""
    lower, upper = law.partial_mean(edges), law.upper_partial_mean(edges)
    return _differences(lower, upper, law.mean, law.cdf(edges))


def _differences(lower: Array, upper: Array, total: float, cdf: Array | None = None) -> Array:
    """Cell integrals from both running integrals, each where it is the smaller one."""
    position = lower if cdf is None else cdf
    high_side = position > 0.5
    from_below = np.diff(lower)
    from_above = upper[:-1] - upper[1:]
    straddles = total - lower[:-1] - upper[1:]
    result = np.where(high_side[:-1], from_above, from_below)
    return np.where(~high_side[:-1] & high_side[1:], straddles, result)


def _normal_pdf(z: Array) -> Array:
    return np.asarray(np.exp(-0.5 * z * z) / _SQRT_2PI)
