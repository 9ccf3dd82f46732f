"""What `tell` must refuse, for the conformance check of an estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from qmc.errors import InvalidProblem
from qmc.estimators.protocols import Estimator, RunsRounds, replies
from qmc.problem import Goal
from qmc.rounds import PhaseRound, Reply, Request, Round

# what is wrong, and the state, rounds and answers
Misuse: TypeAlias = tuple[str, Any, Any, Any]

_FAR = 2**60, 40  # a power and a phase register that no estimator asks for
# what an unchecked `tell` raises by accident
_RAW = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def check_misuse(estimator: Estimator, goal: Goal, oracle: Callable[[], RunsRounds]) -> None:
    """`tell` refuses, as InvalidProblem, what answers no state of it or nothing it asked.

    Args:
        estimator: to check; it ends for this goal.
        goal: of the runs.
        oracle: makes one that answers.
    """
    for what, state, rounds, answers in _misuses(estimator, goal, oracle):
        try:
            estimator.tell(state, rounds, answers)
        except InvalidProblem:
            continue
        except _RAW as error:
            msg = f"tell gave {error!r} for {what}: must be InvalidProblem, see require_told"
            raise AssertionError(msg) from error
        msg = f"tell took {what}: must raise InvalidProblem, see qmc.estimators.require_told"
        raise AssertionError(msg)


def _misuses(
    estimator: Estimator, goal: Goal, oracle: Callable[[], RunsRounds]
) -> Iterator[Misuse]:
    state = estimator.start(goal)
    rounds = estimator.ask(state, np.random.default_rng(0))
    answers = replies(oracle(), rounds)
    (first, *rest), others = rounds, answers[1:]
    yield "no rounds", state, (), ()
    yield "an answer too few", state, rounds, answers[:-1]
    yield "an answer too many", state, rounds, (*answers, answers[0])
    yield "one number for all answers", state, rounds, 0
    yield "answers below 0", state, rounds, (_outside(first, below=True), *others)
    yield "answers beyond the largest", state, rounds, (_outside(first, below=False), *others)
    yield "answers that are no whole numbers", state, rounds, (0.5, *others)
    yield "a round of another kind", state, (_other_kind(first), *rest), answers
    yield "a power that was not asked", state, (_far(first), *rest), answers
    yield "a tuple for a round", state, ((0, 1), *rest), answers
    yield "a state of another estimator", goal, rounds, answers
    yield "a state that is finished", _ended(estimator, goal, oracle()), rounds, answers


def _outside(request: Request, *, below: bool) -> Reply:
    """A reply just outside what the request may give."""
    if isinstance(request, PhaseRound):
        return (-1 if below else request.power + 1,) * request.shots
    return -1 if below else request.shots + 1


def _other_kind(request: Request) -> Request:
    return Round(0, 1) if isinstance(request, PhaseRound) else PhaseRound(3, 1)


def _far(request: Request) -> Request:
    power, bits = _FAR
    return PhaseRound(bits, 1) if isinstance(request, PhaseRound) else Round(power, 1)


def _ended(estimator: Estimator, goal: Goal, oracle: RunsRounds) -> Any:  # noqa: ANN401
    """The last state of a run."""
    stream, state = np.random.default_rng(12), estimator.start(goal)
    while rounds := estimator.ask(state, stream):
        state = estimator.tell(state, rounds, replies(oracle, rounds))
    return state
