"""`QuantileSearch`: a model says where to look, evidence without a model says what is proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.quantile import steps
from qmc.quantile.brackets import require_visible_tail
from qmc.quantile.protocols import (
    QuantileEstimate,
    QuantileTask,
    ThresholdReply,
    ThresholdRound,
)
from qmc.quantile.state import SearchState
from qmc.result import Guarantee

_MOST_POWER = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileSearch:
    """Search for a quantile by amplified threshold flags, with an interval that is proved.

    Algorithm: this project's. Plain draws and amplified draws further out (or, without readout,
    flags at a few edges) start a posterior of where the tail crosses tau = 1 - level and how fast
    it falls there; atoms show as cells that many draws share. Flags at the likeliest edge, at the
    power that tells most a query (Lindley 1956, doi:10.1214/aoms/1177728069), sharpen it until
    two edges stand clear of tau on either side; the flags at these two then have to prove it.

    Guarantee: proved, for every law of losses and whatever the model believed, at every round and
    for any rule of stopping: with the goal's confidence P(loss > edge_low) > tau >=
    P(loss > edge_high), so the quantile lies in (edge_low, edge_high]. The evidence at an edge is
    a likelihood ratio against every angle of the null, see `qmc.quantile.evidence`; edges of one
    pair share one error, as at most one of their two claims can be false; later pairs and the
    intervals of `tails` have shares of their own. Outside the proof: a decay other than the one
    told, and tails off by more than `tail_bias`.

    The interval is never finer than a cell. An edge whose tail is tau (a tie) cannot be proved by
    anyone: the search passes it over, and the wider interval is "unresolved".

    Cost: see `python -m benchmarks run quantiles` and docs/results/quantiles.md.

    Attributes:
        plain: draws of the first look, one query each.
        stage: shots of each further look.
        max_power: largest power.
        clear: the search begins to prove a pair when its own uncertainty is this share of the
            pair's distance from tau.
        first: share of the error that the first pair may spend; each later one, half of the rest.
        reopen: another pair is taken when it is foreseen to cost less than this share of the rest.
        max_rounds: after these it ends as "unresolved".

    >>> QuantileSearch().guarantee
    'proved'
    """

    plain: int = 100
    stage: int = 30
    max_power: int = 2**20
    clear: float = 0.7
    first: float = 0.6
    reopen: float = 0.6
    max_rounds: int = 3000

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        for name, least, most in (
            ("plain", 20, 10**6),
            ("stage", 10, 10**6),
            ("max_power", 0, _MOST_POWER),
            ("max_rounds", 1, 10**7),
        ):
            object.__setattr__(self, name, checks.whole(name, getattr(self, name), least, most))
        for name in ("first", "reopen"):
            object.__setattr__(self, name, checks.fraction(name, getattr(self, name)))
        object.__setattr__(self, "clear", checks.positive("clear", self.clear))

    @property
    def guarantee(self) -> Guarantee:
        """By likelihood ratios against every null."""
        return "proved"

    def start(self, task: QuantileTask) -> SearchState:
        """The first state.

        Raises:
            Unsupported: when the encoding's bias hides the tail.
        """
        require_visible_tail(task.tail_probability, task.tail_bias)
        return steps.first(self._rules, task)

    def ask(self, state: SearchState, rng: np.random.Generator) -> tuple[ThresholdRound, ...]:
        """The next rounds, all of one edge; () when finished. Draws nothing from `rng`."""
        del rng
        require_state(state)
        return () if state.finished else state.asked

    def tell(
        self,
        state: SearchState,
        rounds: Sequence[ThresholdRound],
        replies: Sequence[ThresholdReply],
    ) -> SearchState:
        """The state after the replies.

        Raises:
            InvalidProblem: for a finished state, for rounds other than those asked, and for
                replies that such rounds cannot give.
        """
        require_answers(state, rounds, replies)
        return steps.told(self._rules, state, rounds, replies)

    def estimate(self, state: SearchState) -> QuantileEstimate:
        """The proved edges so far; before anything is proved, the whole line."""
        require_state(state)
        return steps.estimated(state)

    @property
    def _rules(self) -> steps.Rules:
        return steps.Rules(
            plain=self.plain,
            stage=self.stage,
            largest=2.0 * self.max_power + 1.0,
            clear=self.clear,
            first=self.first,
            reopen=self.reopen,
            max_rounds=self.max_rounds,
        )


def require_state(state: object) -> None:
    """Refuse the state of another search."""
    if not isinstance(state, SearchState):
        raise checks.refuse("state", state, "a SearchState, from QuantileSearch.start")


def require_answers(
    state: SearchState,
    rounds: Sequence[ThresholdRound],
    replies: Sequence[ThresholdReply],
) -> None:
    """Refuse what does not answer a state's `ask`."""
    require_state(state)
    if state.finished:
        raise checks.refuse("state", f"finished, {state.status}", "one that still asks")
    if tuple(rounds) != state.asked:
        raise checks.refuse("rounds", rounds, f"{state.asked}, as asked")
    if len(replies) != len(rounds):
        raise checks.refuse("replies", replies, f"one for each of {len(rounds)} rounds")
    cells = np.asarray(state.task.edges).size - 1
    for one, reply in zip(rounds, replies, strict=True):
        # all losses lie above the first edge, so that its plain flag is always raised
        least = one.round.shots if one.edge == 0 and one.round.power == 0 else 0
        checks.whole("hits", reply.hits, least, one.round.shots)
        read = reply.hits if one.readout else 0
        if len(reply.cells) != read:
            msg = f"{len(reply.cells)} cells for {reply.hits} hits: must be {read}, one a hit read"
            raise InvalidProblem(msg)
        for cell in reply.cells:
            checks.whole("cell", cell, one.edge, cells - 1)
