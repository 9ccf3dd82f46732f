"""What a running `QuantileSearch` knows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from qmc.problem import Array
from qmc.quantile.evidence import Batch, Claim
from qmc.quantile.model import Model
from qmc.quantile.pairs import Pair
from qmc.quantile.pilot import Descent, Draws
from qmc.quantile.protocols import QuantileTask, ThresholdRound
from qmc.result import Status

Phase: TypeAlias = Literal["plain", "descend", "coarse", "model", "bisect"]


@dataclass(frozen=True, slots=True)
class Bet:
    """A batch that claims at its edge were told, with the log probabilities expected of it."""

    batch: Batch
    expected: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchState:
    """Everything a run knows; its arrays are never changed.

    Attributes:
        task: what to find.
        phase: plain draws, amplified draws further out ("descend"), flags at a few edges
            ("coarse", without readout), the model's lead, or bisection without any.
        asked: the next rounds.
        low, high: edges proved so far.
        error: what is left of the error that claims may spend.
        spent, rounds: queries and rounds so far.
        descent: how far the first look has come.
        draws: losses read.
        batches: all flags told beyond the first look.
        model: its belief.
        pair: the edges being proved; None while the model is still locating.
        pairs: how many were opened.
        claims: all claims, the open ones of other pairs too.
        bets: what the claims were told.
        attempt, since: how often the model started, and the queries when it did.
        limit: of the attempt's queries, once its first pair is known.
        tied: edges that bisection could not tell from tau.
        probed: edges that bisection tests or tested, the last one now.
        finished, status: whether it ends here, and how; "interrupted" while it runs.
    """

    task: QuantileTask
    phase: Phase = "plain"
    asked: tuple[ThresholdRound, ...] = ()
    low: int = 0
    high: int = 0
    error: float = 0.0
    spent: int = 0
    rounds: int = 0
    descent: Descent | None = None
    draws: tuple[Draws, ...] = ()
    batches: tuple[Batch, ...] = ()
    model: Model | None = None
    pair: Pair | None = None
    pairs: int = 0
    claims: tuple[Claim, ...] = ()
    bets: tuple[Bet, ...] = ()
    attempt: int = 0
    since: int = 0
    limit: float = math.inf
    tied: tuple[int, ...] = ()
    probed: tuple[int, ...] = ()
    finished: bool = False
    status: Status = "interrupted"

    @property
    def left(self) -> int | None:
        """Queries left; None without a budget."""
        limit = self.task.goal.queries
        return None if limit is None else limit - self.spent
