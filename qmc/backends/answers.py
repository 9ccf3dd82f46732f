"""Anybody's backend is asked, and its answers are checked: nothing of a wrong one is used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qmc.backends.failures import chained
from qmc.backends.protocols import Backend, Oracle
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.errors import BackendFailed
from qmc.rounds import PhaseRound, Round


def made_oracle(backend: Backend, problem: AmplitudeProblem, rng: np.random.Generator) -> Oracle:
    """The oracle that a backend makes of a problem.

    Raises:
        BackendFailed: when it raises, or makes something else.
    """
    name = type(backend).__name__
    with chained(f"{name}.oracle failed"):
        made = backend.oracle(problem, rng=rng)
        fits = isinstance(made, Oracle) and not isinstance(made, type)
    if not fits:
        raise BackendFailed(
            f"{name}.oracle returned {made!r}: must be an Oracle, with decay and run"
        )
    return made


def decay_of(oracle: Oracle) -> float:
    """Visibility lost per power, as an oracle states it.

    Raises:
        BackendFailed: for anything but a finite number, 0 or above.
    """
    name = type(oracle).__name__
    with chained(f"{name}.decay cannot be read"):
        given = oracle.decay
        decay = float(given)
    if not 0.0 <= decay < np.inf:
        raise BackendFailed(f"{name}.decay is {given!r}: must be finite, 0 or above")
    return decay


def hits_of(oracle: Oracle, rounds: Sequence[Round]) -> tuple[int, ...]:
    """Hits of an oracle, one a round.

    Raises:
        BackendFailed: when it raises, or answers with another number of hits, or with hits that
            are no whole number from 0 to the round's shots.
    """
    what = f"{type(oracle).__name__}.run"
    with chained(f"{what} failed on {len(rounds)} rounds"):
        given = tuple(oracle.run(rounds))
    require_count(len(given), len(rounds), f"{what} answered", "rounds")
    return tuple(
        whole(one, asked.shots, f"{what} answered", f"hits of {asked}")
        for one, asked in zip(given, rounds, strict=True)
    )


def require_outcomes(outcomes: Sequence[int], asked: PhaseRound) -> tuple[int, ...]:
    """Outcomes of a phase register, one a shot.

    Raises:
        BackendFailed: for another number of shots, or no whole number that the register holds.
    """
    with chained("the outcomes of a phase register cannot be read"):
        given = tuple(outcomes)
    require_count(len(given), asked.shots, "phases answered", "shots")
    return tuple(whole(one, asked.power, "phases answered", f"{asked.bits} bits") for one in given)


def require_count(seen: int, asked: int, who: str, what: str) -> None:
    """Refuse an answer of another size than was asked for."""
    if seen != asked:
        raise BackendFailed(f"{who} {seen} of {asked} {what}: nothing of it is used")


def whole(given: object, most: int, who: str, what: str) -> int:
    """A whole number from 0 to `most`, or `BackendFailed`."""
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or not 0 <= given <= most:
        msg = f"{who} {given!r} as {what}: must be a whole number from 0 to {most:,}"
        raise BackendFailed(msg)
    return int(given)
