"""qiskit-algorithms' estimators on the circuits that ours run: queries, statistics' time, truth."""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmc import BlackScholes, Call, Goal, LawGrid, Price, Problem, Quantum
from qmc.backends import Aer
from qmc.backends.aer import AER_GATES
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
from qmc.rng import child_seeds

if TYPE_CHECKING:
    from qiskit_algorithms import EstimationProblem

_STRIKES = (90.0, 100.0, 105.0, 110.0, 120.0)
_EPSILONS = (1e-2, 1e-3)
_ALPHA = 0.05
_SHOTS = 1_024  # their samplers' default
_IQAE = "IQAE, Clopper-Pearson"
_PEERS = (_IQAE, "IQAE, Chernoff", "MLAE", "QPE", "FAE")
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


class _Watched:
    """Seconds inside some parts, nested calls counted once."""

    def __init__(self) -> None:
        self.seconds, self._depth = 0.0, 0

    def watch(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            begin, self._depth = time.perf_counter(), self._depth + 1
            try:
                return function(*given, **named)
            finally:
                self._depth -= 1
                self.seconds += 0.0 if self._depth else time.perf_counter() - begin

        return timed


def _ours(problem: AmplitudeProblem, estimator: Estimator, epsilon: float, seed: int) -> Run:
    """Our estimator on Aer; the time inside the oracle is not statistics."""
    told = _Watched()
    goal = Goal(tolerance=epsilon, confidence=1.0 - _ALPHA)
    shots, rng = np.random.default_rng(seed).spawn(2)
    queries, begin = 0, time.perf_counter()
    oracle = told.watch(Aer().oracle)(problem, rng=shots)
    state = estimator.start(goal)
    while rounds := estimator.ask(state, rng):
        answers = told.watch(replies)(oracle, rounds)
        queries += sum(each.queries for each in rounds)
        state = estimator.tell(state, rounds, answers)
    found = estimator.estimate(state).interval
    whole = time.perf_counter() - begin
    return Run(queries, found.low, found.high, whole, whole - told.seconds)


def _theirs(problem: AmplitudeProblem, name: str, epsilon: float, seed: int) -> Run:
    """Their estimator on the same A; simulator, circuit building and transpiling set aside."""
    told = _Watched()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = _peer(name, epsilon, _Sampler(seed, told))
        asked = _estimation_problem(problem)
        for part in ("construct_circuit", "construct_circuits"):
            if hasattr(estimator, part):
                setattr(estimator, part, told.watch(getattr(estimator, part)))
        begin = time.perf_counter()
        result = estimator.estimate(asked)
        if name == "MLAE":
            low, high = estimator.compute_confidence_interval(result, _ALPHA, "likelihood_ratio")
        else:
            low, high = result.confidence_interval
        whole = time.perf_counter() - begin
    queries = _queries(name, result)
    return Run(queries, float(low), float(high), whole, whole - told.seconds)


def _queries(name: str, result: Any) -> float:  # noqa: ANN401
    """2k+1 a shot, where they count k."""
    if name == "FAE":
        return float(result.num_oracle_queries)
    if name == "QPE":
        return float(result.shots * (2 ** (result.num_evaluation_qubits + 1) - 1))
    powers = result.evaluation_schedule if name == "MLAE" else result.powers[1:]
    return float(sum(_SHOTS * (2 * power + 1) for power in powers))


def _estimation_problem(problem: AmplitudeProblem) -> EstimationProblem:
    from qiskit_algorithms import EstimationProblem

    return EstimationProblem(problem.circuit, objective_qubits=[problem.flag])


def _peer(name: str, epsilon: float, sampler: _Sampler) -> Any:  # noqa: ANN401
    """Their estimator with its defaults, sized for the half-width where it takes none."""
    import qiskit_algorithms as theirs

    parts: dict[str, Any] = {"sampler": sampler}
    if name == "MLAE":
        # half-width 1.96 / 2 / sqrt(information) at the steepest amplitude
        sizes = range(1, 30)
        enough = (m for m in sizes if 0.98 / math.sqrt(_information(m)) <= epsilon)
        return theirs.MaximumLikelihoodAmplitudeEstimation(next(enough), **parts)
    if name == "QPE":
        # its likelihood interval of 1,024 shots is about a thirtieth of a cell pi / 2^m
        return theirs.AmplitudeEstimation(math.ceil(math.log2(math.pi / epsilon / 16.0)), **parts)
    if name == "FAE":
        steps = math.ceil(math.log2(1.0 / epsilon))
        return theirs.FasterAmplitudeEstimation(_ALPHA, steps, rescale=False, **parts)
    method = "chernoff" if "Chernoff" in name else "beta"
    return theirs.IterativeAmplitudeEstimation(epsilon, _ALPHA, method, **parts)


def _information(evaluations: int) -> float:
    """Fisher information of theta / 4 of their schedule 0, 1, 2, 4, ..."""
    powers = [0, *(2**j for j in range(evaluations))]
    return float(sum(_SHOTS * (2 * power + 1) ** 2 for power in powers))


class _Sampler:
    """Aer's sampler behind a pass manager; the time in both is told.

    (Their own `transpiler` option fails in `MaximumLikelihoodAmplitudeEstimation` 0.4.0, which
    hands it the first circuit alone.)
    """

    def __init__(self, seed: int, told: _Watched) -> None:
        from qiskit import generate_preset_pass_manager

        self._passes = generate_preset_pass_manager(0, basis_gates=list(AER_GATES))
        self._rng, self._told = np.random.default_rng([seed, 3]), told
        self.default_shots = _SHOTS

    def run(self, pubs: Any, *, shots: int | None = None) -> Any:  # noqa: ANN401
        """The job, waited for."""
        return self._told.watch(self._finished)(pubs, shots)

    def _finished(self, pubs: Any, shots: int | None) -> Any:  # noqa: ANN401
        from qiskit_aer.primitives import SamplerV2

        compiled = [(self._passes.run(circuit), *rest) for circuit, *rest in pubs]
        # with one seed for all calls, rounds at one power would repeat the same shots
        (fresh,) = child_seeds(self._rng, 1)
        job = SamplerV2(default_shots=_SHOTS, seed=fresh).run(compiled, shots=shots)
        job.result()
        return job
