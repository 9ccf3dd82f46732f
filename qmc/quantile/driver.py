"""The one loop between a threshold search and an oracle of thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from qmc.errors import BackendFailed
from qmc.quantile.protocols import (
    QuantileEstimate,
    QuantileTask,
    ThresholdReply,
    ThresholdRound,
    ThresholdSearch,
)
from qmc.rng import RNGLike, generator


@runtime_checkable
class RunsThresholds(Protocol):
    """Whatever answers threshold rounds: circuits, their ideal law, or a table."""

    def run(self, rounds: Sequence[ThresholdRound]) -> tuple[ThresholdReply, ...]:
        """One reply a round, in order."""
        ...


def run_search(
    search: ThresholdSearch, oracle: RunsThresholds, task: QuantileTask, *, rng: RNGLike = None
) -> QuantileEstimate:
    """Drive a threshold search with an oracle until it is finished.

    Ctrl-C ends the loop with status "interrupted" and what was proved so far.

    Args:
        search: asks.
        oracle: answers.
        task: edges, level, goal, and what the oracle can do.
        rng: of the search's own choices.

    Raises:
        BackendFailed: when the oracle answers another number of rounds than it was asked.

    >>> import numpy as np
    >>> from qmc import Goal
    >>> from qmc.quantile import QuantileSearch
    >>> from qmc.testing import TailOracle
    >>> edges = np.concatenate([[-np.inf], np.arange(1.0, 64.0), [np.inf]])
    >>> tails = np.exp(-0.1 * np.arange(65.0))
    >>> tails[-1] = 0.0
    >>> task = QuantileTask(edges, 0.99, Goal(relative_tolerance=0.05), readout=True)
    >>> found = run_search(QuantileSearch(), TailOracle(tails, rng=1), task)
    >>> found.interval.contains(46.05)
    True
    """
    stream = generator(rng)
    state = search.start(task)
    try:
        while rounds := search.ask(state, stream):
            replies = oracle.run(rounds)
            if len(replies) != len(rounds):
                counts = f"{len(replies)} of {len(rounds)} rounds"
                msg = f"the oracle answered {counts}: nothing of it is used"
                raise BackendFailed(msg)
            state = search.tell(state, rounds, replies)
    except KeyboardInterrupt:
        # what was proved so far stays proved
        return replace(search.estimate(state), status="interrupted")
    return search.estimate(state)
