"""The check of an estimator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from qmc.estimators.misuse import check_misuse
from qmc.estimators.protocols import Estimator, replies
from qmc.problem import Goal
from qmc.result import Estimate
from qmc.rounds import PhaseRound, Reply, Request
from qmc.testing.binomial import BinomialOracle
from qmc.testing.values import check_value, stored

_MOST_ASKS = 100_000


def check_estimator(estimator: Estimator) -> None:
    """An estimator ends, repeats itself, can be stored, keeps its budget and refuses misuse."""
    assert isinstance(estimator, Estimator), f"{estimator!r} lacks a method of Estimator"
    assert isinstance(estimator.anytime_valid, bool), "anytime_valid must be a bool"
    kinds = ("proved", "asymptotic", "unproved")
    assert estimator.guarantee in kinds, f"guarantee must be one of {kinds}"
    check_value(estimator)
    goal = Goal(tolerance=0.02)
    for amplitude in (0.0, 1e-6, 0.3, 0.5, 1.0):
        first, _ = _run(estimator, goal, amplitude)
        _check_estimate(first, f"amplitude {amplitude}")
        again, _ = _run(estimator, goal, amplitude)
        assert first == again, f"the same seed gave {first} and {again}"
        restored, _ = _run(estimator, goal, amplitude, stored)
        assert first == restored, f"stored and restored states end at {restored}, not {first}"
        expected = estimator.expected_queries(goal, amplitude)
        assert 0.0 < expected < math.inf, f"expected_queries gave {expected}"
    for budget in (1, 10, 777):
        for limited in (Goal(queries=budget), Goal(tolerance=1e-3, queries=budget)):
            estimate, spent = _run(estimator, limited, 0.3)
            assert spent <= budget, f"{limited} was overspent: {spent} queries"
            _check_estimate(estimate, f"{limited}")
    _check_pooling(estimator, goal)
    check_misuse(estimator, goal, lambda: BinomialOracle(0.3, rng=11))


def _run(
    estimator: Estimator,
    goal: Goal,
    amplitude: float,
    between: Callable[[Any], Any] = lambda state: state,
) -> tuple[Estimate, int]:
    """`run_estimator` with a bound on rounds and something done to each state."""
    oracle, stream = BinomialOracle(amplitude, rng=11), np.random.default_rng(12)
    state = estimator.start(goal)
    for _ in range(_MOST_ASKS):
        rounds = estimator.ask(state, stream)
        if not rounds:
            return estimator.estimate(state), oracle.queries
        state = between(estimator.tell(state, rounds, replies(oracle, rounds)))
    msg = f"did not end within {_MOST_ASKS} asks at amplitude {amplitude} for {goal}"
    raise AssertionError(msg)


def _check_estimate(estimate: Estimate, where: str) -> None:
    interval = estimate.interval
    ordered = 0.0 <= interval.low <= estimate.value <= interval.high <= 1.0
    assert ordered, f"{where}: {estimate} must have 0 <= low <= value <= high <= 1"
    allowed = ("converged", "budget_exhausted", "unresolved")
    assert estimate.status in allowed, f"{where}: ended with status {estimate.status!r}"


def _check_pooling(estimator: Estimator, goal: Goal) -> None:
    """A round told as two halves gives what the whole gives."""
    state = estimator.start(goal)
    rounds = estimator.ask(state, np.random.default_rng(0))
    if any(each.shots == 1 for each in rounds):
        return
    parts: list[Request] = []
    part_replies: list[Reply] = []
    whole_replies: list[Reply] = []
    for each in rounds:
        halves, told, together = _halves(each)
        parts += halves
        part_replies += told
        whole_replies.append(together)
    whole = estimator.estimate(estimator.tell(state, rounds, whole_replies))
    split = estimator.estimate(estimator.tell(state, parts, part_replies))
    assert whole == split, f"the same shots in two rounds gave {split}, in one {whole}"


def _halves(request: Request) -> tuple[tuple[Request, Request], tuple[Reply, Reply], Reply]:
    """A request in two parts, made-up replies to them, and the reply to the whole."""
    first, second = request.shots // 2, request.shots - request.shots // 2
    if isinstance(request, PhaseRound):
        below, above = (request.power // 4,) * first, (request.power // 3,) * second
        parts = (PhaseRound(request.bits, first), PhaseRound(request.bits, second))
        return parts, (below, above), (*below, *above)
    few, more = first // 3, first // 2
    return (replace(request, shots=first), replace(request, shots=second)), (few, more), few + more
