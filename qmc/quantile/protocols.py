"""What a quantile search asks and is told: thresholds are edges of a grid, answers are hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from qmc import checks
from qmc.problem import Array, Goal
from qmc.result import Guarantee, Interval, Status
from qmc.rounds import Round


@dataclass(frozen=True, slots=True)
class ThresholdRound:
    """A round whose flag says that the loss lies above an edge.

    Attributes:
        edge: index into the edges. The flag of the first edge, -inf, is always raised: with the
            register read out, its round of power 0 is a set of plain draws.
        round: power, shots and steer.
        readout: also read the value register wherever the flag is raised.
    """

    edge: int
    round: Round
    readout: bool = False

    @property
    def queries(self) -> int:
        """Uses of A or its inverse."""
        return self.round.queries


@dataclass(frozen=True, slots=True)
class ThresholdReply:
    """The answer of one `ThresholdRound`.

    Attributes:
        hits: raised flags.
        cells: with `readout`, one cell (index from 0) a hit: exact draws of the loss given that it
            lies above the edge.
    """

    hits: int
    cells: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class QuantileTask:
    """What a search is told at its start.

    Attributes:
        edges: (m + 1,) increasing losses; the first is -inf, the last +inf. Cell i is
            (edges[i], edges[i + 1]].
        level: of the quantile, the smallest x with P(loss <= x) >= level.
        goal: tolerances in the loss's unit, query budget and confidence.
        decay: visibility lost per power.
        readout: whether the oracle reads the value register.
        tail_bias: each tail probability is known to within this.
    """

    edges: Array
    level: float
    goal: Goal
    decay: float = 0.0
    readout: bool = False
    tail_bias: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1), edges that enclose no loss, and what is no goal."""
        checks.fraction("level", self.level)
        if not isinstance(self.goal, Goal):
            raise checks.refuse("goal", self.goal, "a Goal")
        for name in ("decay", "tail_bias"):
            if checks.finite(name, getattr(self, name)) < 0.0:
                raise checks.refuse(name, getattr(self, name), "0 or above")
        edges = np.asarray(self.edges)
        fits = edges.ndim == 1 and edges.size >= 2 and bool(np.all(np.diff(edges) > 0.0))
        if not fits or edges[0] != -np.inf or edges[-1] != np.inf:
            hint = "of shape (cells + 1,), increasing, from -inf to +inf"
            raise checks.refuse("edges", f"an array of shape {edges.shape}", hint)

    @property
    def reads(self) -> bool:
        """Whether losses are read beside the flags: exact draws need a noise-free register."""
        return self.readout and self.decay == 0.0

    @property
    def tail_probability(self) -> float:
        """1 - level, written tau in formulas."""
        return 1.0 - self.level


@dataclass(frozen=True, slots=True)
class QuantileEstimate:
    """What a search knows: the quantile lies in (edges[low], edges[high]].

    Attributes:
        value: a point inside the interval.
        low, high: indices of the edges that are proved to enclose the quantile.
        interval: their losses, at the goal's confidence.
        status: as of any estimate.
        tails: (edge, interval of P(loss > edge)), valid together with `interval` at its confidence.
        tests: how many thresholds were tested.
    """

    value: float
    low: int
    high: int
    interval: Interval
    status: Status
    tails: tuple[tuple[int, Interval], ...] = ()
    tests: int = 0


@runtime_checkable
class ThresholdSearch(Protocol):
    """A pure state machine over frozen states: asks for threshold rounds, is told replies."""

    @property
    def guarantee(self) -> Guarantee:
        """What stands behind the interval."""
        ...

    def start(self, task: QuantileTask) -> Any:  # noqa: ANN401
        """The first state."""
        ...

    def ask(self, state: Any, rng: np.random.Generator) -> tuple[ThresholdRound, ...]:  # noqa: ANN401
        """The next rounds, all of one edge; () when finished."""
        ...

    def tell(
        self,
        state: Any,  # noqa: ANN401
        rounds: Sequence[ThresholdRound],
        replies: Sequence[ThresholdReply],
    ) -> Any:  # noqa: ANN401
        """The state after the replies."""
        ...

    def estimate(self, state: Any) -> QuantileEstimate:  # noqa: ANN401
        """The bracket so far."""
        ...
