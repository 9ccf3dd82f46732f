"""Laws of growth fitted to counts by least squares on their logarithm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from qmc import checks
from qmc.problem import Array
from qmc.result import Interval

Law: TypeAlias = Literal["power", "exponential"]
Variable: TypeAlias = Literal["qubits", "dates"]

_LAWS: tuple[Law, ...] = ("power", "exponential")


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A fitted law of growth of one count.

    Attributes:
        law: "power", count = factor * size^exponent, a line on log-log axes; or "exponential",
            count = factor * 2^(exponent * size), a line on half-logarithmic axes.
        variable: the size, "qubits" or "dates".
        quantity, circuit: what was counted, of which circuit.
        exponent: by least squares on the logarithm.
        interval: of the exponent, Student's t on the residuals. Counts have no noise: it tells how
            well the law describes them.
        factor: of the law.
        residual: root mean square of log(count / law).
        points: sizes fitted.
    """

    law: Law
    variable: Variable
    quantity: str
    circuit: str
    exponent: float
    interval: Interval
    factor: float
    residual: float
    points: int

    def __str__(self) -> str:
        """The law and how well it holds."""
        size = {"power": f"{self.variable}^{self.exponent:.3g}"}.get(
            self.law, f"2^({self.exponent:.3g} {self.variable})"
        )
        return (
            f"{self.quantity} of {self.circuit} = {self.factor:.3g} x {size}, exponent "
            f"[{self.interval.low:.3g}, {self.interval.high:.3g}] at "
            f"{100.0 * self.interval.confidence:g} %, residual {self.residual:.2g}"
        )

    def at(self, size: float) -> float:
        """The law's count at a size above 0."""
        size = checks.positive("size", size)
        if self.law == "power":
            return float(self.factor * size**self.exponent)
        return float(self.factor * 2.0 ** (self.exponent * size))


def fitted(
    law: str | None,
    label: tuple[Variable, str, str],
    sizes: Array,
    counts: Array,
    confidence: float,
) -> Growth:
    """The law of these counts, the one with the smaller residual when `law` is None.

    Args:
        law: "power", "exponential" or None.
        label: variable, quantity and circuit, for the result.
        sizes: (n,), n >= 3.
        counts: (n,), above 0.
        confidence: of the exponent's interval.
    """
    laws = [one for one in _LAWS if law in {None, one}]
    if not laws:
        raise checks.refuse("law", law, f"one of {_LAWS}")
    checks.fraction("confidence", confidence)
    fits = [_line(one, label, sizes, counts, confidence) for one in laws]
    return min(fits, key=lambda one: one.residual)


def _line(
    law: Law, label: tuple[Variable, str, str], sizes: Array, counts: Array, confidence: float
) -> Growth:
    """Least squares of log count on log size, or on size in powers of two."""
    from scipy import stats

    scale = np.log(sizes) if law == "power" else sizes * math.log(2.0)
    line = stats.linregress(scale, np.log(counts))
    left = np.log(counts) - line.intercept - line.slope * scale
    reach = float(stats.t.ppf(0.5 + 0.5 * confidence, len(sizes) - 2)) * float(line.stderr)
    slope = float(line.slope)
    return Growth(
        law=law,
        variable=label[0],
        quantity=label[1],
        circuit=label[2],
        exponent=slope,
        interval=Interval(slope - reach, slope + reach, confidence),
        factor=float(np.exp(line.intercept)),
        residual=float(np.sqrt(np.mean(left**2))),
        points=len(sizes),
    )
