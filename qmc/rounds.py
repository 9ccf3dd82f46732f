"""`Round` and `PhaseRound`: what an estimator asks for; what it costs and the law of its answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from qmc import checks, memory
from qmc.errors import InvalidProblem
from qmc.problem import Array

_MOST_BITS = 40
_BYTES_AN_OUTCOME = 32.0


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


@dataclass(frozen=True, slots=True)
class PhaseRound:
    """Run phase estimation of the Grover operator `shots` times and read the phase register.

    The answer is one outcome a shot, each a whole number in [0, 2^bits).

    Attributes:
        bits: >= 1, qubits of the phase register.
        shots: >= 1.
    """

    bits: int
    shots: int

    def __post_init__(self) -> None:
        """Refuse an empty register and no shots."""
        checks.whole("bits", self.bits, 1, _MOST_BITS)
        checks.whole("shots", self.shots, 1)

    @property
    def power(self) -> int:
        """Grover operators of one circuit: 2^bits - 1."""
        return int(2**self.bits) - 1

    @property
    def queries(self) -> int:
        """Uses of A or its inverse: (2^(bits + 1) - 1) * shots."""
        return (2 * self.power + 1) * self.shots


Request: TypeAlias = Round | PhaseRound
Reply: TypeAlias = int | tuple[int, ...]


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


def phase_kernel(distance: Array, outcomes: int) -> Array:
    """P(outcome) at `distance` = outcome - outcomes * phase, elementwise, for a pure phase.

    sin^2(pi d) / (M^2 sin^2(pi d / M)): Brassard, Hoyer, Mosca and Tapp (2002),
    arXiv:quant-ph/0005055, theorem 11.
    """
    below = outcomes * np.sin(np.pi * distance / outcomes)
    above = np.sin(np.pi * (distance - np.rint(distance)))
    near = np.abs(below) < 1e-9  # whole turns off: certain
    ratio = np.divide(above, below, out=np.ones_like(below), where=~near)
    return np.asarray(ratio**2)


def phase_probabilities(amplitude: float, bits: int, decay: float = 0.0) -> Array:
    """The law of the phase register's outcome, (2^bits,).

    A prepares both eigenstates of Q with probability one half; their phases are +-theta / pi of
    a turn, amplitude = sin^2 theta. With visibility exp(-decay * (2^bits - 1)), else uniform.

    Raises:
        TooLarge: when the table would not fit the machine.
    """
    outcomes = 2**bits
    memory.require(
        _BYTES_AN_OUTCOME * outcomes, f"the law of {bits} phase bits", "take fewer phase bits"
    )
    turns = math.asin(math.sqrt(min(max(amplitude, 0.0), 1.0))) / math.pi
    nearest = round(turns * outcomes)
    away = nearest - turns * outcomes
    steps = np.arange(outcomes, dtype=np.float64)
    plus = phase_kernel(steps + away, outcomes)
    minus = plus[::-1]
    law = 0.5 * (np.roll(plus, nearest) + np.roll(minus, 1 - nearest))
    visible = math.exp(-decay * (outcomes - 1))
    law = visible * law / law.sum() + (1.0 - visible) / outcomes
    return np.asarray(law / law.sum())


def draw_hits(amplitude: float, one: Round, rng: np.random.Generator, decay: float = 0.0) -> int:
    """Hits of one round drawn from their law, Binomial(shots, hit_probability)."""
    chance = hit_probability(amplitude, one.power, one.steer, decay)
    return int(rng.binomial(one.shots, min(max(chance, 0.0), 1.0)))


def draw_phases(
    amplitude: float, bits: int, shots: int, rng: np.random.Generator, decay: float = 0.0
) -> tuple[int, ...]:
    """Outcomes of the phase register drawn from their law, one a shot."""
    law = phase_probabilities(amplitude, bits, decay)
    return tuple(rng.choice(law.size, size=shots, p=law).tolist())
