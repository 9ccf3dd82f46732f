"""Our estimators where qiskit-algorithms expects an `AmplitudeEstimator`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qmc import checks
from qmc.backends import Aer, Backend
from qmc.backends.answers import made_oracle
from qmc.estimators import Estimator, Iterative, run_estimator
from qmc.interop.estimation import amplitude_problem, checked
from qmc.interop.theirs import algorithms, quiet
from qmc.problem import Goal
from qmc.rng import RNGLike, generator
from qmc.run import Meter, MeteredOracle

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
        meter = Meter()
        oracle = MeteredOracle(made_oracle(self.backend, problem, rng), meter)
        found = run_estimator(self.estimator, oracle, self.goal, rng=rng)
        result = algorithms().AmplitudeEstimatorResult()
        result.estimation = found.value
        result.confidence_interval = (found.interval.low, found.interval.high)
        result.post_processing = estimation_problem.post_processing
        with quiet():
            ends = [float(result.post_processing(one)) for one in result.confidence_interval]
            result.estimation_processed = float(result.post_processing(found.value))
        result.confidence_interval_processed = (min(ends), max(ends))
        result.shots, result.queries = meter.shots, meter.queries
        # 2k+1 a shot less one, halved: k
        result.num_oracle_queries = (meter.queries - meter.shots) // 2
        return result
