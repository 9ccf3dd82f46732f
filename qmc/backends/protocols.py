"""Interfaces between estimators and whatever runs circuits: rounds in, hits out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.rounds import Round

# hits of a round, and the cells that were read beside them, one a hit
Reading: TypeAlias = tuple[int, tuple[int, ...]]


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
class SupportsReadout(Protocol):
    """An oracle without noise that reads the value register beside the flag.

    Q turns the state within the plane of its raised and its lowered part (Brassard et al. 2002,
    arXiv:quant-ph/0005055, section 2), so at every power the cells of raised flags are draws of
    exactly P(cell | flag = 1) after A: a shot that is spent on a tail's probability draws a loss
    from that tail as well. Noise would mix in other cells, so a noisy oracle has no such method.
    """

    def readout(self, rounds: Sequence[Round]) -> tuple[Reading, ...]:
        """Hits of the (steered) flag, and the cell of each hit in the order of the shots."""
        ...


@runtime_checkable
class Backend(Protocol):
    """Makes an oracle for an amplitude problem."""

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> Oracle:
        """Return an oracle with its own random stream."""
        ...
