"""Interfaces between estimators and whatever runs circuits: rounds in, hits out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.rounds import Round


@runtime_checkable
class Oracle(Protocol):
    """The only thing that samples: counts hits of the flag after A and k Grover operators."""

    @property
    def decay(self) -> float:
        """Visibility lost per power; 0 when ideal."""
        ...

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits of the (steered) flag, one a round; all rounds go in one job."""
        ...


@runtime_checkable
class Backend(Protocol):
    """Makes an oracle for an amplitude problem."""

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> Oracle:
        """Return an oracle with its own random stream."""
        ...
