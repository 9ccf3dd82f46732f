"""`Round`: one request of an estimator, and its two laws (query cost, hit probability)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qmc import checks
from qmc.errors import InvalidProblem


@dataclass(frozen=True, slots=True)
class Round:
    """Run A and `power` Grover operators `shots` times and count the flag.

    Attributes:
        power: k >= 0, the number of Grover operators.
        shots: >= 1.
        steer: s in (-1, 1); one ancilla turns amplitude a into (1 - |s|) a + max(-s, 0).
    """

    power: int
    shots: int
    steer: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a negative power, no shots, and a steer outside (-1, 1)."""
        checks.whole("power", self.power, 0)
        checks.whole("shots", self.shots, 1)
        if not -1.0 < self.steer < 1.0:
            msg = f"steer={self.steer}: must be strictly between -1 and 1"
            raise InvalidProblem(msg)

    @property
    def queries(self) -> int:
        """Uses of A or its inverse: (2 * power + 1) * shots."""
        return (2 * self.power + 1) * self.shots


def steered(amplitude: float, steer: float) -> float:
    """The amplitude that a round with this steer amplifies."""
    return (1.0 - abs(steer)) * amplitude + max(-steer, 0.0)


def hit_probability(amplitude: float, power: int, steer: float = 0.0, decay: float = 0.0) -> float:
    """P(flag = 1) after `power` Grover operators: sin^2((2k+1) theta), sin^2 theta = a.

    Brassard, Hoyer, Mosca and Tapp (2002), arXiv:quant-ph/0005055, eq. 8; with visibility
    exp(-decay * power) about 1/2.
    """
    theta = math.asin(math.sqrt(min(max(steered(amplitude, steer), 0.0), 1.0)))
    ideal = math.sin((2 * power + 1) * theta) ** 2
    return 0.5 + (ideal - 0.5) * math.exp(-decay * power)
