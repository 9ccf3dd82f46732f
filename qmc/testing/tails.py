"""Ideal statistics of threshold rounds on a known law, in place of a circuit with a register."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.errors import InvalidProblem, Unsupported
from qmc.problem import Array
from qmc.quantile.protocols import ThresholdReply, ThresholdRound
from qmc.rng import RNGLike, generator
from qmc.rounds import draw_hits


class TailOracle:
    """An oracle of thresholds: the law of a circuit that holds this table of tails, no circuit.

    Attributes:
        tails: (edges,) probabilities P(loss > edge), from 1 at -inf down to 0 at +inf.
        decay: visibility exp(-decay * power).
        readout: whether it reads the value register where the flag is raised.
        queries: 2k+1 a shot at power k, summed over all run.

    >>> from qmc.rounds import Round
    >>> oracle = TailOracle([1.0, 0.5, 0.0], rng=1)
    >>> oracle.run([ThresholdRound(1, Round(1, 4), readout=True)])[0].hits, oracle.queries
    (2, 12)
    """

    def __init__(
        self,
        tails: ArrayLike,
        *,
        rng: RNGLike = None,
        decay: float = 0.0,
        readout: bool = True,
    ) -> None:
        """Refuse tails that rise or do not go from 1 to 0, and a negative decay."""
        self.tails: Array = checks.table("tails", tails, 1)
        ends = (float(self.tails[0]), float(self.tails[-1]))
        if ends != (1.0, 0.0) or bool(np.any(np.diff(self.tails) > 0.0)):
            raise checks.refuse("tails", tails, "falling from 1 at -inf to 0 at +inf")
        self.decay = checks.finite("decay", decay)
        if self.decay < 0.0:
            raise checks.refuse("decay", decay, "0 or above")
        self.readout, self.queries = bool(readout), 0
        self._rng, self._falling = generator(rng), -self.tails

    def run(self, rounds: Sequence[ThresholdRound]) -> tuple[ThresholdReply, ...]:
        """One reply a round; cells are exact draws of the loss beyond the edge.

        Raises:
            Unsupported: for cells, when the oracle reads none.
            InvalidProblem: for an edge that the table lacks.
        """
        return tuple(self._reply(one) for one in rounds)

    def _reply(self, one: ThresholdRound) -> ThresholdReply:
        if not 0 <= one.edge < self.tails.size:
            msg = f"edge={one.edge}: must be from 0 to {self.tails.size - 1}"
            raise InvalidProblem(msg)
        if one.readout and not (self.readout and self.decay == 0.0):
            msg = "this oracle reads no register: make it with readout=True and no decay"
            raise Unsupported(msg)
        tail = float(self.tails[one.edge])
        hits = draw_hits(tail, one.round, self._rng, self.decay)
        self.queries += one.queries
        if not one.readout:
            return ThresholdReply(hits)
        beyond = tail * self._rng.random(hits)
        # cell i holds the tails in [tails[i + 1], tails[i])
        cells = self._falling.searchsorted(-beyond, side="left") - 1
        return ThresholdReply(hits, tuple(np.maximum(cells, 0).tolist()))
