"""The linearised payoff: sin^2(pi/4 + y) is near 1/2 + y, and how near is computed here."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.problem import Array

DEGREES = (1, 3, 5)
# what `scaling=None` allows: bias over the range of values, whatever their law
_WORST_SHARE = 1e-3
_ROUNDING = 16.0 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linearisation:
    """Values in [centre - width/2, centre + width/2] as rotations, amplitudes as values.

    A value v stands at u = scaling (v - centre) / width, its half-angle is pi/4 + y(u), and
    sin^2(pi/4 + y(u)) is near 1/2 + u (Woerner and Egger 2019, npj Quantum Information 5:15,
    arXiv:1806.06893; Stamatopoulos et al. 2020, arXiv:1905.02666). y(u) = u at degree 1; degrees
    3 and 5 add terms of the Taylor series of y(u) = arcsin(2u) / 2, at which the map would be
    exact.

    The references write c (2x - 1) for x in [0, 1], so their c is scaling / 2; qiskit's
    `rescaling_factor` is 2 / pi times `scaling`.

    Values of two kinds, as of a tail, need no linearisation: `chord` reads them exactly, along
    the chord through both ends of the range instead of the tangent at its centre.
    """

    centre: float
    width: float
    scaling: float
    degree: int = 1
    chord: bool = False

    @classmethod
    def of(cls, values: Array, scaling: float, degree: int = 1) -> Linearisation:
        """Of the range of values; a single value stands at the centre."""
        low, high = float(values.min()), float(values.max())
        return cls(
            centre=0.5 * (low + high),
            width=high - low if high > low else 1.0,
            scaling=scaling,
            degree=degree,
            chord=high > low and bool(np.all((values == low) | (values == high))),
        )

    @property
    def scale(self) -> float:
        """Values a unit of amplitude."""
        if not self.chord:
            return self.width / self.scaling
        high, low = self.flags(np.array([0.5, -0.5]) * self.scaling)
        return float(self.width / (high - low))

    @property
    def offset(self) -> float:
        """The value at amplitude 0."""
        return self.centre - 0.5 * self.scale

    def standing(self, values: Array) -> Array:
        """Where each value stands: its u."""
        return self.scaling / self.width * (values - self.centre)

    @property
    def half_angle_coefficients(self) -> tuple[float, ...]:
        """Coefficients of pi/4 + y(u) in powers of u."""
        return (0.25 * math.pi, *_arcsine_coefficients(self.degree))

    def half_angles(self, standing: Array) -> Array:
        """pi/4 + y(u)."""
        return np.asarray(
            np.polynomial.polynomial.polyval(standing, self.half_angle_coefficients),
            dtype=np.float64,
        )

    def flags(self, standing: Array) -> Array:
        """sin^2(pi/4 + y(u)): P(flag = 1)."""
        return np.asarray(np.sin(self.half_angles(standing)) ** 2)

    def exact_bias(self, probabilities: Array, flags: Array, values: Array) -> float:
        """|offset + scale * sum p flag - sum p value|, rounded outward.

        Args:
            probabilities: (cells,).
            flags: (cells,), P(flag = 1 | cell).
            values: (cells,), what each cell is really worth.
        """
        amplitude = math.fsum(probabilities * flags)
        mean = math.fsum(probabilities * values)
        rounding = abs(self.offset) + self.scale + float(np.max(np.abs(values)))
        return float(abs(self.offset + self.scale * amplitude - mean) + _ROUNDING * rounding)


def worst_share(scaling: float, degree: int) -> float:
    """The largest bias a unit of width: |sin^2(pi/4 + y(u)) - 1/2 - u| / scaling at u = scaling/2.

    >>> round(worst_share(0.25, 1), 6), round(worst_share(0.25, 3), 6)
    (0.005192, 0.000147)
    """
    end = 0.5 * scaling
    half_angle = np.polynomial.polynomial.polyval(end, (0.0, *_arcsine_coefficients(degree)))
    return abs(0.5 * math.sin(2.0 * float(half_angle)) - end) / scaling


def _arcsine_coefficients(degree: int) -> tuple[float, ...]:
    """arcsin(2u) / 2 to `degree`, without its zero constant: coefficients of u, u^2, ..."""
    result = [0.0] * degree
    for k in range((degree + 1) // 2):
        result[2 * k] = math.comb(2 * k, k) / (2 * k + 1)
    return tuple(result)


@functools.cache
def default_scaling(degree: int) -> float:
    """The largest scaling whose bias is at most 1e-3 of the range of values under any law.

    >>> [round(default_scaling(degree), 3) for degree in (1, 3, 5)]
    [0.11, 0.403, 0.59]
    """
    from scipy.optimize import brentq

    return float(brentq(lambda scaling: worst_share(scaling, degree) - _WORST_SHARE, 1e-3, 1.0))


def check_scaling(scaling: object, degree: int = 1) -> float:
    """Refuse a scaling whose half-angles leave [0, pi/2], or the arcsine's domain."""
    number = checks.positive("scaling", scaling, "0.25 is customary")
    most, word = (0.5 * math.pi, "pi / 2") if degree == 1 else (1.0, "1")
    if number > most:
        raise checks.refuse("scaling", scaling, f"at most {word}", "0.25 is customary")
    return number


def check_degree(degree: object) -> int:
    """Refuse a degree that is not 1, 3 or 5."""
    whole = isinstance(degree, int | np.integer) and not isinstance(degree, bool)
    if not whole or degree not in DEGREES:
        raise checks.refuse("degree", degree, "one of 1, 3, 5", "1 is the references' choice")
    return int(degree)
