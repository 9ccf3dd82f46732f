"""What every `tell` checks before it believes anything: one place, one wording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.rounds import Request, Round

Circuit: TypeAlias = tuple[type, int, float]


class Asks(Protocol):
    """What the check needs of an estimator."""

    def ask(self, state: Any, rng: np.random.Generator) -> Sequence[Request]:  # noqa: ANN401
        """The next rounds."""
        ...


def require_told(
    owner: Asks,
    state: Any,  # noqa: ANN401
    kind: type,
    rounds: Sequence[Any],
    hits: Sequence[Any],
    *,
    most: int | None = None,
) -> None:
    """Refuse what is no answer to this state of this estimator; called first in `tell`.

    A round may be told in parts, each of fewer shots.

    Args:
        owner: the estimator.
        state: as handed to `tell`.
        kind: of the states that the estimator makes; one that names another owner is refused too.
        rounds: what was run.
        hits: one a round: a whole number from 0 to its shots, or an outcome a shot of a
            `PhaseRound`.
        most: of an estimator that draws what it asks, which cannot be asked again: any `Round` up
            to this power is taken.

    Raises:
        InvalidProblem: for a state of another estimator or one that is finished, for no rounds,
            for another number of answers, for a circuit that was not asked for or more shots of
            it, and for an answer that such a round cannot give.

    >>> from qmc import Goal
    >>> from qmc.estimators import Sampling
    >>> Sampling().tell(Sampling().start(Goal(tolerance=0.1)), [Round(0, 10)], [3, 4])
    Traceback (most recent call last):
    qmc.errors.InvalidProblem: hits=[3, 4]: must be one answer for each of 1 rounds
    """
    _require_state(owner, state, kind)
    for name, given in (("rounds", rounds), ("hits", hits)):
        if not hasattr(given, "__len__") or isinstance(given, str):
            raise checks.refuse(name, given, "a sequence with one entry a round")
    if len(rounds) == 0:
        raise checks.refuse("rounds", rounds, "what ask gave, one round or more")
    if len(hits) != len(rounds):
        raise checks.refuse("hits", hits, f"one answer for each of {len(rounds)} rounds")
    if most is None:
        _require_asked(rounds, owner.ask(state, np.random.default_rng(0)))
    else:
        _require_power(rounds, most)
    for each, answer in zip(rounds, hits, strict=True):
        _require_answer(each, answer)


def _require_asked(rounds: Sequence[Any], asked: Sequence[Request]) -> None:
    """Rounds of circuits that were asked for, of no more shots together."""
    left: Counter[Circuit] = Counter()
    for one in asked:
        left[_circuit(one)] += one.shots
    for each in rounds:
        if not isinstance(each, Request) or (circuit := _circuit(each)) not in left:
            msg = f"{each}: must be {' or '.join(map(str, asked))}, as asked"
            raise InvalidProblem(msg)
        left[circuit] -= each.shots
        if left[circuit] < 0:
            most = sum(one.shots for one in asked if _circuit(one) == circuit)
            msg = f"{each}: must have {most} shots or fewer, with its other parts, as asked"
            raise InvalidProblem(msg)


def _require_power(rounds: Sequence[Any], most: int) -> None:
    for each in rounds:
        if not isinstance(each, Round) or each.power > most:
            msg = f"{each}: must be a Round of power {most} or less, as asked"
            raise InvalidProblem(msg)


def _require_state(owner: Asks, state: Any, kind: type) -> None:  # noqa: ANN401
    name = type(owner).__name__
    if not isinstance(state, kind):
        raise checks.refuse("state", state, f"a {kind.__name__}, from {name}.start")
    run: Any = getattr(state, "ladder", state)
    if getattr(run, "owner", "") not in ("", name):
        raise checks.refuse("state", f"begun by {run.owner}", f"one that {name}.start began")
    if run.finished:
        raise checks.refuse("state", f"finished, {run.status}", "one that still asks")


def _require_answer(each: Request, answer: Any) -> None:  # noqa: ANN401
    """An answer that such a round can give."""
    if isinstance(each, Round):
        checks.whole("hits", answer, 0, each.shots)
        return
    if not hasattr(answer, "__len__") or len(answer) != each.shots:
        raise checks.refuse("hits", answer, f"{each.shots} outcomes, one a shot of {each}")
    for outcome in answer:
        checks.whole("outcome", outcome, 0, each.power)


def _circuit(one: Request) -> Circuit:
    return type(one), one.power, getattr(one, "steer", 0.0)
