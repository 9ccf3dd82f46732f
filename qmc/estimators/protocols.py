"""The ask-and-tell protocol of estimators and the one loop that drives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from qmc.errors import BackendFailed, TooLarge, Unsupported
from qmc.estimators.progress import Progress, bar
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval
from qmc.rng import RNGLike, generator
from qmc.rounds import PhaseRound, Reply, Request, Round


class RunsRounds(Protocol):
    """What the loop needs of an oracle.

    `decay` is the visibility lost per power, 0 when ideal; the estimator is told it.
    """

    @property
    def decay(self) -> float:
        """Visibility lost per power."""
        ...

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, one a round."""
        ...


@runtime_checkable
class SupportsPhase(Protocol):
    """An oracle that can run phase estimation of the Grover operator."""

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a register of `bits`, one a shot; costs 2^(bits + 1) - 1 queries each."""
        ...


@runtime_checkable
class Estimator(Protocol):
    """A pure state machine over frozen states: asks for rounds, is told hits.

    A `Round` is answered by its hits, a `PhaseRound` by the tuple of its outcomes.

    `anytime_valid` says whether its interval may be read after any round; a threshold test that
    stops early requires it. States are frozen values: print them, store them, go on tomorrow.
    """

    @property
    def guarantee(self) -> Guarantee:
        """What stands behind the interval: a proof, one for many shots, or measurements alone."""
        ...

    @property
    def anytime_valid(self) -> bool:
        """True when the interval holds at every round at once."""
        ...

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> Any:  # noqa: ANN401
        """The first state for an amplitude goal."""
        ...

    def ask(self, state: Any, rng: np.random.Generator) -> tuple[Request, ...]:  # noqa: ANN401
        """The next rounds; () when finished."""
        ...

    def tell(self, state: Any, rounds: Sequence[Any], hits: Sequence[Any]) -> Any:  # noqa: ANN401
        """The state after the rounds' replies."""
        ...

    def estimate(self, state: Any) -> Estimate:  # noqa: ANN401
        """Amplitude and interval so far."""
        ...

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries that a run at this amplitude is expected to spend, for planning."""
        ...


def phases(oracle: object, bits: int, shots: int) -> tuple[int, ...]:
    """Outcomes of the phase register, if the oracle has one.

    Raises:
        Unsupported: when it has none.
    """
    if not isinstance(oracle, SupportsPhase):
        msg = (
            f"{type(oracle).__name__} has no phases(bits, shots), which phase estimation needs: "
            "take the backend Aer or Ideal, or an estimator other than Canonical"
        )
        raise Unsupported(msg)
    return oracle.phases(bits, shots)


def asks_phases(estimator: Estimator) -> bool:
    """Whether it begins with a `PhaseRound`, which no threshold search can pass on."""
    begun = estimator.start(Goal(tolerance=0.1))
    asked = estimator.ask(begun, generator(0))
    return any(isinstance(one, PhaseRound) for one in asked)


def replies(oracle: RunsRounds, requests: Sequence[Request]) -> tuple[Reply, ...]:
    """One reply a request: all rounds in one job, phase rounds one by one.

    Raises:
        Unsupported: when a phase round meets an oracle without a phase register.
    """
    rounds = [one for one in requests if isinstance(one, Round)]
    counts = oracle.run(rounds) if rounds else ()
    if len(counts) != len(rounds):
        msg = f"the oracle answered {len(counts)} of {len(rounds)} rounds: nothing of it is used"
        raise BackendFailed(msg)
    hits = iter(counts)
    return tuple(
        phases(oracle, one.bits, one.shots) if isinstance(one, PhaseRound) else next(hits)
        for one in requests
    )


def _require_fit(estimator: Estimator, oracle: RunsRounds, *, early: bool) -> None:
    """Refuse to stop early what is read at its end, and a sign that the oracle has not."""
    if early and not estimator.anytime_valid:
        msg = f"stop: the interval of {estimator!r} may only be read at its end"
        raise Unsupported(msg)
    if getattr(estimator, "signed", False) and not getattr(oracle, "signed", False):
        msg = f"{estimator!r} needs an oracle with shifts: wrap one in qmc.estimators.Shifted"
        raise Unsupported(msg)


def run_estimator(
    estimator: Estimator,
    oracle: RunsRounds,
    goal: Goal,
    *,
    prior: Interval = UNIT,
    stop: Callable[[Estimate], bool] | None = None,
    progress: Progress | bool = False,
    rng: RNGLike = None,
) -> Estimate:
    """Drive an estimator with an oracle until it is finished or `stop` says so.

    Ctrl-C ends the loop with status "interrupted" and what was learnt so far; so does a round that
    would not fit the machine, with status "unresolved", unless it is the first. `stop` is looked
    at after every round; only estimators that are `anytime_valid` allow it.

    Args:
        estimator: asks.
        oracle: answers; its `decay` is told to the estimator.
        goal: of the amplitude.
        prior: an interval that holds the amplitude at its own confidence.
        stop: ends the run early when true of the estimate so far.
        progress: True for a bar on stderr (on a terminal or in a notebook), or a function of the
            estimate and the queries so far, called after every round.
        rng: of the estimator's own choices.

    Raises:
        BackendFailed: when the oracle answers another number of rounds than it was asked.
        Unsupported: when the estimator asks for a `PhaseRound` and the oracle has no `phases`, is
            signed and the oracle is not, or is not `anytime_valid` and `stop` is given.

    >>> from qmc import Goal
    >>> from qmc.estimators import Iterative, run_estimator
    >>> from qmc.testing import BinomialOracle
    >>> oracle = BinomialOracle(0.3, rng=1)
    >>> estimate = run_estimator(Iterative(), oracle, Goal(tolerance=0.01), rng=2)
    >>> estimate.interval.half_width <= 0.01
    True
    """
    if progress is True:
        with bar(goal) as shown:
            return run_estimator(
                estimator, oracle, goal, prior=prior, stop=stop, progress=shown, rng=rng
            )
    _require_fit(estimator, oracle, early=stop is not None)
    stream, spent = generator(rng), 0
    state = first = estimator.start(goal, prior, oracle.decay)
    try:
        while rounds := estimator.ask(state, stream):
            state = estimator.tell(state, rounds, replies(oracle, rounds))
            spent += sum(each.queries for each in rounds)
            if progress:
                progress(estimator.estimate(state), spent)
            if stop is not None and stop(estimator.estimate(state)):
                break
    except KeyboardInterrupt:
        # what was told so far stays valid: hand it back, marked as unfinished
        return replace(estimator.estimate(state), status="interrupted")
    except TooLarge:
        if state is first:
            raise
        return replace(estimator.estimate(state), status="unresolved")
    return estimator.estimate(state)
