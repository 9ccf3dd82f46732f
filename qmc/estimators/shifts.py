"""Moving an amplitude by an ancilla before it is amplified: steers and shifts, and their angles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qmc.estimators.priors import QUADRANT, angle
from qmc.rounds import Round, steered


class SupportsShift(Protocol):
    """An oracle whose state has a real amplitude x in [-1, 1] at the flag."""

    def run_shifted(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, where `steer` is a shift b in [-1/2, 1/2].

        One ancilla turns the amplitude x into x / 2 + b, so that a hit at power k has the
        probability sin^2((2k+1) asin(x / 2 + b)).
        """
        ...


@dataclass(frozen=True, slots=True)
class Shifted:
    """An oracle with shifts, as `run_estimator` wants it: `steer` is the shift."""

    oracle: SupportsShift

    @property
    def signed(self) -> bool:
        """True: its amplitude has a sign."""
        return True

    @property
    def decay(self) -> float:
        """Visibility lost per power, where the oracle states one."""
        return float(getattr(self.oracle, "decay", 0.0))

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, one a round."""
        return self.oracle.run_shifted(rounds)


def shifted_angle(amplitude: float, steer: float, *, signed: bool) -> float:
    """The angle in [0, pi/2] that a round turns: asin(x / 2 + b), or asin sqrt of the steered a.

    An x / 2 + b below 0 gives 0: its sign would be hidden.
    """
    if signed:
        return math.asin(min(max(0.5 * amplitude + steer, 0.0), 1.0))
    return angle(steered(amplitude, steer))


def shifted_amplitude(turned: float, steer: float, *, signed: bool) -> float:
    """The inverse of `shifted_angle`, clipped to [-1, 1] or [0, 1].

    >>> round(shifted_amplitude(shifted_angle(-0.3, 0.2, signed=True), 0.2, signed=True), 12)
    -0.3
    """
    if signed:
        return min(max(2.0 * (math.sin(turned) - steer), -1.0), 1.0)
    amplitude = (math.sin(turned) ** 2 - max(-steer, 0.0)) / (1.0 - abs(steer))
    return min(max(amplitude, 0.0), 1.0)


def aligned(factor: int, low: float, high: float) -> float:
    """The steer that puts an end of the angle's interval on a border of K's quadrants.

    Below pi / 4 the upper end goes down, by less than a quadrant and with the interval not
    widened, so that K x interval then lies in one. Above, the same for the complement.
    """
    down = low + high <= QUADRANT
    end = high if down else QUADRANT - low
    border = math.floor(factor * end / QUADRANT) * QUADRANT / factor
    size = 1.0 - (math.sin(border) / math.sin(end)) ** 2
    return size if down else -size
