"""Our estimators where qiskit-algorithms expects an `AmplitudeEstimator`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qmc import checks
from qmc.backends import Aer, Backend, Oracle
from qmc.estimators import Estimator, Iterative, run_estimator
from qmc.estimators.protocols import phases
from qmc.interop.estimation import amplitude_problem, checked
from qmc.interop.theirs import algorithms, quiet
from qmc.problem import Goal
from qmc.rng import RNGLike, generator
from qmc.rounds import PhaseRound, Request, Round

if TYPE_CHECKING:
    from qiskit_algorithms import AmplitudeEstimatorResult, EstimationProblem


@dataclass(frozen=True, kw_only=True)
class AsAmplitudeEstimator:
    """One of our estimators as qiskit-algorithms' `AmplitudeEstimator`.

    An instance passes `isinstance(..., AmplitudeEstimator)`; nothing of theirs is imported before
    one is made.

    Attributes:
        estimator: decides powers and shots.
        backend: runs circuits.
        goal: of the amplitude, before their `post_processing`.
        rng: seed or generator of every `estimate`.

    >>> from qiskit import QuantumCircuit
    >>> from qiskit_algorithms import AmplitudeEstimator, EstimationProblem
    >>> from qmc import Goal
    >>> from qmc.estimators import Adaptive
    >>> circuit = QuantumCircuit(1)
    >>> _ = circuit.ry(1.0, 0)
    >>> ours = AsAmplitudeEstimator(estimator=Adaptive(), goal=Goal(tolerance=0.01), rng=3)
    >>> result = ours.estimate(EstimationProblem(circuit, objective_qubits=0))
    >>> isinstance(ours, AmplitudeEstimator), abs(result.estimation - 0.229849) < 0.01
    (True, True)
    """

    estimator: Estimator = field(default_factory=Iterative)
    backend: Backend = field(default_factory=Aer)
    goal: Goal
    rng: RNGLike = None

    def __post_init__(self) -> None:
        """Check each part's interface, and register with their abstract class."""
        checks.interface("estimator", self.estimator, Estimator)
        checks.interface("backend", self.backend, Backend)
        if getattr(self.estimator, "signed", False):
            allowed = "an estimator of a probability; a signed one needs an oracle with shifts"
            raise checks.refuse("estimator", self.estimator, allowed, "leave signed=False")
        if not isinstance(self.goal, Goal):
            raise checks.refuse("goal", self.goal, "a Goal", "such as Goal(tolerance=0.01)")
        algorithms().AmplitudeEstimator.register(AsAmplitudeEstimator)

    def estimate(self, estimation_problem: EstimationProblem) -> AmplitudeEstimatorResult:
        """Estimate the amplitude of their problem.

        Returns:
            Their result. `num_oracle_queries` counts as theirs do, k a shot at power k; the further
            attribute `queries` counts as ours, 2k+1. `post_processing`, which need not be affine,
            is applied to the estimate and to both ends of the interval, put in order.

        Raises:
            InvalidProblem, Unsupported: for a problem without a circuit that can be run, see
                `from_estimation_problem`.
        """
        state, objectives = checked(estimation_problem)
        problem = amplitude_problem(estimation_problem, state, objectives)
        rng = generator(self.rng)
        oracle = _Counted(self.backend.oracle(problem, rng=rng))
        found = run_estimator(self.estimator, oracle, self.goal, rng=rng)
        result = algorithms().AmplitudeEstimatorResult()
        result.estimation = found.value
        result.confidence_interval = (found.interval.low, found.interval.high)
        result.post_processing = estimation_problem.post_processing
        with quiet():
            ends = [float(result.post_processing(one)) for one in result.confidence_interval]
            result.estimation_processed = float(result.post_processing(found.value))
        result.confidence_interval_processed = (min(ends), max(ends))
        result.shots = sum(one.shots for one in oracle.asked)
        result.num_oracle_queries = sum(one.power * one.shots for one in oracle.asked)
        result.queries = sum(one.queries for one in oracle.asked)
        return result


@dataclass(slots=True)
class _Counted:
    """An oracle that keeps what it was asked."""

    inner: Oracle
    asked: list[Request] = field(default_factory=list)

    @property
    def decay(self) -> float:
        """Of the oracle inside."""
        return self.inner.decay

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, one a round."""
        self.asked += rounds
        return self.inner.run(rounds)

    def phases(self, bits: int, shots: int) -> Any:  # noqa: ANN401
        """Outcomes of a phase register, where the oracle inside has one."""
        self.asked.append(PhaseRound(bits, shots))
        return phases(self.inner, bits, shots)
