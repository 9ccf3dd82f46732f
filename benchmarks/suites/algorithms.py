"""qiskit-algorithms' estimators on the circuits that ours run: queries, statistics' time, truth."""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmc import BlackScholes, Call, Goal, LawGrid, Price, Problem, Quantum
from qmc.backends import Aer
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.estimators import (
    Adaptive,
    Canonical,
    Certified,
    Estimator,
    Faster,
    Iterative,
    MaximumLikelihood,
)
from qmc.estimators.protocols import replies
from qmc.interop import PeerEstimator
from qmc.interop.stopwatch import Stopwatch

_STRIKES = (90.0, 100.0, 105.0, 110.0, 120.0)
_EPSILONS = (1e-2, 1e-3)
_ALPHA = 0.05
_IQAE = "IQAE, Clopper-Pearson"
_PEERS = (_IQAE, "IQAE, Chernoff", "MLAE", "QPE", "FAE")
_SIZED = {_IQAE: "iterative", "MLAE": "maximum_likelihood", "QPE": "canonical"}
# a register too deep, or a hundred million queries a run, at the finer half-width
_COARSE_ONLY = ("QPE", "FAE")
_OURS: dict[str, tuple[Estimator, str]] = {
    "Iterative": (Iterative(), _IQAE),
    "Iterative, Chernoff": (Iterative(interval="chernoff"), "IQAE, Chernoff"),
    "Adaptive": (Adaptive(), _IQAE),
    "Certified": (Certified(), _IQAE),
    "MaximumLikelihood": (MaximumLikelihood(), "MLAE"),
    "Canonical": (Canonical(), "QPE"),
    "Faster": (Faster(), "FAE"),
}


@dataclass(frozen=True, slots=True)
class Run:
    """One estimate: queries 2k+1 a shot, its interval, and its time.

    Attributes:
        whole: seconds from the problem to the interval.
        statistics: seconds outside simulator, circuit building and transpiling.
    """

    queries: float
    low: float
    high: float
    whole: float
    statistics: float


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """Rows of theirs and ours at each half-width, over five strikes; ratios theirs over ours."""
    del done
    strikes = _STRIKES[1:2] if small else _STRIKES
    repeats = 1 if small else max(1, min(seeds, 50) // len(strikes))
    made = [_problem(strike) for strike in strikes]
    jobs = [(problem, repeats * i + j) for i, problem in enumerate(made) for j in range(repeats)]
    truths = [_amplitude(problem) for problem, _ in jobs]
    for epsilon in _EPSILONS[:1] if small else _EPSILONS:
        theirs = {}
        for name in _PEERS:
            if name in _COARSE_ONLY and epsilon < _EPSILONS[0]:
                continue
            theirs[name] = [_theirs(problem, name, epsilon, seed) for problem, seed in jobs]
            yield _row(f"qiskit-algorithms {name}", epsilon, theirs[name], truths, theirs[name])
        for name, (mine, peer) in _OURS.items():
            if peer in theirs:
                found = [_ours(problem, mine, epsilon, seed) for problem, seed in jobs]
                yield _row(f"qmc {name}, beside {peer}", epsilon, found, truths, theirs[peer])


def _row(
    name: str,
    epsilon: float,
    found: Sequence[Run],
    truths: Sequence[float],
    peers: Sequence[Run],
) -> dict[str, Any]:
    held = [one.low <= truth <= one.high for one, truth in zip(found, truths, strict=True)]
    middle = {
        part: [statistics.median(getattr(one, part) for one in runs) for runs in (found, peers)]
        for part in ("queries", "whole", "statistics")
    }
    (queries, peer_queries), (whole, peer_whole), (numbers, peer_numbers) = middle.values()
    return {
        "estimator": name,
        "epsilon": epsilon,
        "runs": len(found),
        "held": sum(held),
        "queries": queries,
        "half-width": statistics.median(0.5 * (one.high - one.low) for one in found),
        "ms whole": 1e3 * whole,
        "ms statistics": 1e3 * numbers,
        "queries, peer / this": peer_queries / queries,
        "whole, peer / this": peer_whole / whole,
        "statistics, peer / this": peer_numbers / numbers,
    }


def _problem(strike: float) -> AmplitudeProblem:
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    problem = Problem(market, Call(strike=strike, expiry=1.0), Price())
    return Quantum(grid=LawGrid(qubits=3)).amplitude_problem(problem)


def _amplitude(problem: AmplitudeProblem) -> float:
    assert problem.probabilities is not None
    assert problem.flags is not None
    return float(problem.probabilities @ problem.flags)


def _ours(problem: AmplitudeProblem, estimator: Estimator, epsilon: float, seed: int) -> Run:
    """Our estimator on Aer; the time inside the oracle is not statistics."""
    told = Stopwatch()
    goal = Goal(tolerance=epsilon, confidence=1.0 - _ALPHA)
    shots, rng = np.random.default_rng(seed).spawn(2)
    queries, begin = 0, time.perf_counter()
    oracle = told.watched(Aer().oracle)(problem, rng=shots)
    state = estimator.start(goal)
    while rounds := estimator.ask(state, rng):
        answers = told.watched(replies)(oracle, rounds)
        queries += sum(each.queries for each in rounds)
        state = estimator.tell(state, rounds, answers)
    found = estimator.estimate(state).interval
    whole = time.perf_counter() - begin
    return Run(queries, found.low, found.high, whole, whole - told.seconds)


def _theirs(problem: AmplitudeProblem, name: str, epsilon: float, seed: int) -> Run:
    """Their estimator on the same A; simulator, circuit building and transpiling set aside."""
    found = _peer(name, epsilon).run(problem, rng=np.random.default_rng([seed, 3]))
    inside, cost = found.estimate.interval, found.cost
    return Run(cost.queries, inside.low, inside.high, cost.seconds, found.statistics_seconds)


def _peer(name: str, epsilon: float) -> PeerEstimator:
    """Their estimator with its defaults, sized for the half-width where it takes none."""
    goal = Goal(tolerance=epsilon, confidence=1.0 - _ALPHA)
    if name in _SIZED:
        return PeerEstimator.sized(_SIZED[name], goal)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import qiskit_algorithms as theirs

        if name == "FAE":
            steps = math.ceil(math.log2(1.0 / epsilon))
            peer = theirs.FasterAmplitudeEstimation(_ALPHA, steps, rescale=False)
        else:
            peer = theirs.IterativeAmplitudeEstimation(epsilon, _ALPHA, "chernoff")
    return PeerEstimator(peer=peer)
