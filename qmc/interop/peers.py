"""qiskit-algorithms' estimators run on our problems, their queries counted as ours are."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmc import checks
from qmc.backends.aer import AER_GATES
from qmc.backends.failures import chained, require_fresh_seeds
from qmc.backends.isa import preset_passes
from qmc.circuits import AmplitudeProblem
from qmc.errors import BackendFailed, Unsupported
from qmc.interop.estimation import estimation_problem
from qmc.interop.stopwatch import Stopwatch
from qmc.interop.theirs import algorithms, quiet
from qmc.problem import Goal
from qmc.result import Cost, Estimate, Interval
from qmc.rng import RNGLike, child_seeds, generator

METHODS = ("iterative", "maximum_likelihood", "canonical", "faster")
_KINDS = {
    "iterative": "IterativeAmplitudeEstimation",
    "maximum_likelihood": "MaximumLikelihoodAmplitudeEstimation",
    "canonical": "AmplitudeEstimation",
    "faster": "FasterAmplitudeEstimation",
}
_MOST_EVALUATIONS = 40
_WIDEST = 0.5
# how theirs make circuits, one or another of them
_BUILDERS = ("construct_circuit", "construct_circuits")


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRun:
    """What one of their estimators found, and what it cost.

    Attributes:
        estimate: of the amplitude, with their interval; "converged" when they finished.
        cost: queries 2k+1 a shot at power k, where they count k; a phase shot 2^(bits + 1) - 1.
        statistics_seconds: of `cost.seconds`, those outside the sampler, circuit building and
            compiling: what their estimator itself takes.
    """

    estimate: Estimate
    cost: Cost
    statistics_seconds: float


@dataclass(frozen=True, kw_only=True)
class PeerEstimator:
    """One of qiskit-algorithms' amplitude estimators, to run on our problems.

    Attributes:
        peer: their object, copied before it runs: `IterativeAmplitudeEstimation`,
            `MaximumLikelihoodAmplitudeEstimation`, `AmplitudeEstimation` or
            `FasterAmplitudeEstimation`.
        shots: of each of their circuits, where their estimator does not say itself.
        confidence: of the interval, for the two that take none: maximum likelihood and canonical.
        interval: its kind for these two: "likelihood_ratio", or "fisher", their default for
            maximum likelihood, which under-covers.
        sampler: runs their circuits; Aer's behind a transpiler, with a fresh seed a job, when
            None. (With one fixed seed Aer's returns the same shots at every call.)

    >>> from qmc import BlackScholes, Call, Goal, LawGrid, MultiplexedRotation, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.20, rate=0.05)
    >>> call = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> problem = MultiplexedRotation().encode(LawGrid(qubits=1).discretise(call))
    >>> peer = PeerEstimator.sized("iterative", Goal(tolerance=0.01), shots=100)
    >>> run = peer.run(problem, rng=5)
    >>> run.estimate.interval.half_width < 0.01, run.cost.queries > run.cost.shots
    (True, True)
    """

    peer: Any
    shots: int = 1024
    confidence: float = 0.95
    interval: str = "likelihood_ratio"
    sampler: Any = None

    def __post_init__(self) -> None:
        """Refuse what is none of their estimators."""
        self._method()
        if self.sampler is not None and not callable(getattr(self.sampler, "run", None)):
            allowed = "a BaseSamplerV2, with run(pubs), or None"
            raise checks.refuse("sampler", self.sampler, allowed)
        require_fresh_seeds(self.sampler)
        checks.whole("shots", self.shots, 1)
        checks.fraction("confidence", self.confidence)
        checks.choice("interval", self.interval, ("likelihood_ratio", "fisher"))

    @classmethod
    def sized(cls, method: str, goal: Goal, *, shots: int = 1024) -> PeerEstimator:
        """Theirs with its defaults, sized for an amplitude goal's tolerance and confidence.

        The iterative one takes the tolerance itself. Maximum likelihood gets as many powers as
        bring its half-width below the tolerance at amplitude 1/2, canonical as many bits as its
        likelihood interval needs, a sixteenth of a cell pi / 2^bits; faster as many
        steps as its last angle needs, the chance of failure shared among them.

        Raises:
            InvalidProblem: for an unknown method, no shots, or a goal without a tolerance or with
                one above 1/2.
        """
        checks.choice("method", method, METHODS)
        shots = checks.whole("shots", shots, 1)
        if not isinstance(goal, Goal) or goal.tolerance is None:
            raise checks.refuse("goal", goal, "a goal with tolerance=, of the amplitude")
        if goal.tolerance > _WIDEST:
            allowed = f"at most {_WIDEST:g}, the half-width of all amplitudes"
            raise checks.refuse("tolerance", goal.tolerance, allowed)
        with quiet():
            peer = _sized(method, goal.tolerance, 1.0 - goal.confidence, shots)
        return cls(peer=peer, shots=shots, confidence=goal.confidence)

    def run(self, problem: AmplitudeProblem, *, rng: RNGLike = None) -> PeerRun:
        """Estimate the amplitude of a problem.

        Raises:
            BackendFailed: when their estimator or its sampler fails.
        """
        method, watch = self._method(), Stopwatch()
        peer = copy.copy(self.peer)
        sampler = _Sampler(self.sampler, self.shots, generator(rng), watch)
        peer.sampler = sampler
        for part in _BUILDERS:
            if hasattr(peer, part):
                setattr(peer, part, watch.watched(getattr(peer, part)))
        powers = _watch_powers(peer) if method in {"iterative", "faster"} else []
        # without a map of the amplitude: two of theirs apply it to their intervals unasked
        asked = estimation_problem(problem, mapped=False)
        theirs, begin = algorithms(), time.perf_counter()
        with quiet(), chained(f"{type(peer).__name__} failed"):
            try:
                found = peer.estimate(asked)
            except theirs.AlgorithmError as error:
                msg = f"{type(peer).__name__} failed: {error.__cause__ or error}"
                raise BackendFailed(msg) from error
            interval = self._interval(method, peer, found)
        seconds = time.perf_counter() - begin
        if method == "maximum_likelihood":
            powers = list(found.evaluation_schedule)
        if method == "canonical":
            powers = [2**found.num_evaluation_qubits - 1]
        value = float(found.mle if method == "canonical" else found.estimation)
        return PeerRun(
            estimate=_estimate(value, interval),
            cost=_cost(powers, sampler.shots, seconds),
            statistics_seconds=seconds - watch.seconds,
        )

    def _method(self) -> str:
        theirs = algorithms()
        for method, kind in _KINDS.items():
            if isinstance(self.peer, getattr(theirs, kind)):
                return method
        raise checks.refuse("peer", self.peer, "an instance of " + ", ".join(_KINDS.values()))

    def _interval(self, method: str, peer: Any, found: Any) -> Interval:  # noqa: ANN401
        low, high = found.confidence_interval
        confidence = self.confidence
        if method in {"maximum_likelihood", "canonical"}:
            alpha = 1.0 - confidence
            low, high = peer.compute_confidence_interval(found, alpha, self.interval)
        elif method == "iterative":
            confidence = 1.0 - float(found.alpha)
        else:
            # a union bound, below zero where it says nothing
            confidence = max(0.0, float(found.success_probability))
        low, high = sorted((float(low), float(high)))
        return Interval(low, high, confidence)


def _estimate(value: float, interval: Interval) -> Estimate:
    """Within [0, 1]; a value outside its own interval, which theirs can give, is moved in."""
    inside = interval.clipped(0.0, 1.0)
    return Estimate(min(max(value, inside.low), inside.high), inside, "converged")


def _cost(powers: list[int], shots: list[int], seconds: float) -> Cost:
    if len(powers) != len(shots):
        msg = f"their estimator built {len(powers)} circuits and ran {len(shots)}"
        raise BackendFailed(msg)
    return Cost(
        queries=sum((2 * power + 1) * count for power, count in zip(powers, shots, strict=True)),
        shots=sum(shots),
        rounds=len(shots),
        max_power=max(powers, default=0),
        seconds=seconds,
    )


def _watch_powers(peer: Any) -> list[int]:  # noqa: ANN401
    """Keep the power of each circuit that an adaptive one of theirs builds."""
    powers: list[int] = []
    build: Callable[..., Any] = peer.construct_circuit

    def watched(problem: Any, k: int = 0, *given: Any, **named: Any) -> Any:  # noqa: ANN401
        powers.append(int(k))
        return build(problem, k, *given, **named)

    peer.construct_circuit = watched
    return powers


def _sized(method: str, tolerance: float, alpha: float, shots: int) -> Any:  # noqa: ANN401
    theirs = algorithms()
    kind = getattr(theirs, _KINDS[method])
    if method == "iterative":
        return kind(tolerance, alpha)
    if method == "canonical":
        return kind(max(1, math.ceil(math.log2(math.pi / tolerance / 16.0))))
    if method == "faster":
        # rescaled by a quarter: da <= 8 dtheta, and the last dtheta is pi / 3 over 2^(steps+1) + 2;
        # its chance of failure is that of a step times at most 2 steps
        steps = max(1, math.ceil(math.log2(4.0 * math.pi / 3.0 / tolerance)))
        return kind(alpha / (2 * steps), steps)
    from scipy import special

    z = float(special.ndtri(1.0 - 0.5 * alpha))
    for count in range(1, _MOST_EVALUATIONS):
        powers = [0, *(2**j for j in range(count))]
        information = shots * sum((2 * power + 1) ** 2 for power in powers)
        if 0.5 * z / math.sqrt(information) <= tolerance:
            return kind(count)
    raise checks.refuse("tolerance", tolerance, f"reached with {_MOST_EVALUATIONS} powers")


@dataclass(slots=True)
class _Sampler:
    """A sampler that keeps the shots of each circuit; Aer's own behind a transpiler."""

    inner: Any
    default_shots: int
    rng: np.random.Generator
    watch: Stopwatch
    shots: list[int] = field(default_factory=list)

    def run(self, pubs: Any, *, shots: int | None = None) -> Any:  # noqa: ANN401
        """The job, waited for."""
        return self.watch.watched(self._finished)(pubs, shots)

    def _finished(self, pubs: Any, shots: int | None) -> Any:  # noqa: ANN401
        job = self._started([pub if isinstance(pub, tuple) else (pub,) for pub in pubs], shots)
        for one in job.result():
            if "shots" not in one.metadata:
                msg = "the sampler does not tell its shots: take a SamplerV2, or sampler=None"
                raise Unsupported(msg)
            self.shots.append(int(one.metadata["shots"]))
        return job

    def _started(self, pubs: list[tuple[Any, ...]], shots: int | None) -> Any:  # noqa: ANN401
        shots = self.default_shots if shots is None else shots
        if self.inner is not None:
            return self.inner.run(pubs, shots=shots)
        from qiskit_aer.primitives import SamplerV2

        passes = preset_passes(AER_GATES, 0)
        (seed,) = child_seeds(self.rng, 1)
        compiled = [(passes.run(circuit), *rest) for circuit, *rest in pubs]
        return SamplerV2(default_shots=shots, seed=seed).run(compiled, shots=shots)
