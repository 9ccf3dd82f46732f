"""Side by side with qiskit-finance and qiskit-algorithms: circuit sizes, then the tutorial call."""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.cases import tutorial_call
from classical_baseline import Analytic
from qmc import Goal, LawGrid, Quantum
from qmc.backends import Aer
from qmc.circuits.grover import BASIS, summary
from qmc.estimators import Iterative

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

_EPSILONS = (0.01, 0.001)
_RESCALING = 0.25
_STRIKE, _RATE, _YEARS = 1.896, 0.05, 40.0 / 365.0
_REPEATS = 25


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """Rows of circuit sizes, then of the timed tutorial call, ours and theirs in turn."""
    del done
    del seeds
    problem = tutorial_call()
    for qubits in (3,) if small else (3, 5, 8):
        ours = summary(Quantum(grid=LawGrid(qubits=qubits)).amplitude_problem(problem))
        theirs = _peer(qubits)[1]
        yield {
            "what": f"circuit A, {qubits} grid qubits",
            "ours": f"{ours.two_qubit_gates} CX, {ours.qubits} qubits",
            "theirs": f"{two_qubit_gates(theirs)} CX, {theirs.num_qubits} qubits",
            "ratio": two_qubit_gates(theirs) / ours.two_qubit_gates,
        }
    for epsilon in _EPSILONS[:1] if small else _EPSILONS:
        yield from _timed(epsilon, 1 if small else _REPEATS)


def _timed(epsilon: float, repeats: int) -> Iterator[dict[str, Any]]:
    """The same epsilon on the amplitude and the same confidence, on Aer, three grid qubits."""
    problem = tutorial_call()
    truth = Analytic().solve(problem, Goal(tolerance=1.0)).value
    engine = Quantum(grid=LawGrid(qubits=3), estimator=Iterative(), backend=Aer())
    scale = engine.amplitude_problem(problem).scale
    goal = Goal(tolerance=epsilon * scale, confidence=0.95)
    growth = math.exp(_RATE * _YEARS)
    engine.solve(problem, goal, rng=0)
    peer_estimate(0, epsilon)
    mine, theirs, covered, missed = [], [], 0, 0
    for seed in range(1, repeats + 1):
        begin = time.perf_counter()
        result = engine.solve(problem, goal, rng=seed)
        mine.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        low, high = peer_estimate(seed, epsilon)
        theirs.append(time.perf_counter() - begin)
        covered += result.interval.contains(truth)
        missed += not low <= truth * growth <= high
    ours_interval = f"[{result.interval.low:.4f}, {result.interval.high:.4f}]"
    yield {
        "what": f"tutorial call, epsilon {epsilon}, median seconds of {repeats}",
        "ours": f"{statistics.median(mine):.3g} s",
        "theirs": f"{statistics.median(theirs):.3g} s",
        "ratio": statistics.median(theirs) / statistics.median(mine),
    }
    yield {
        "what": f"epsilon {epsilon}: last interval, truth {truth:.6f}, or {truth * growth:.6f} "
        "undiscounted",
        "ours": ours_interval,
        "theirs": f"[{low:.4f}, {high:.4f}] undiscounted",
        "ratio": (high - low) / growth / result.interval.width,
    }
    yield {
        "what": f"epsilon {epsilon}: intervals that contain the truth, of {repeats}",
        "ours": str(covered),
        "theirs": str(repeats - missed),
        "ratio": math.nan,
    }


def peer_problem(qubits: int) -> Any:  # noqa: ANN401
    """qiskit-finance's estimation problem of the tutorial's call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _peer(qubits)[0].to_estimation_problem()


def _peer(qubits: int) -> tuple[Any, QuantumCircuit]:
    """qiskit-finance's pricing object with the tutorial's window, and its problem's circuit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qiskit_finance.applications.estimation import EuropeanCallPricing
        from qiskit_finance.circuit.library import (  # type: ignore[attr-defined]
            LogNormalDistribution,
        )

        mu = (_RATE - 0.5 * 0.4**2) * _YEARS + math.log(2.0)
        variance = 0.4**2 * _YEARS
        mean = math.exp(mu + 0.5 * variance)
        deviation = mean * math.sqrt(math.expm1(variance))
        bounds = (max(0.0, mean - 3.0 * deviation), mean + 3.0 * deviation)
        law = LogNormalDistribution(qubits, mu=mu, sigma=variance, bounds=bounds)
        pricing = EuropeanCallPricing(
            num_state_qubits=qubits,
            strike_price=_STRIKE,
            rescaling_factor=_RESCALING,
            bounds=bounds,
            uncertainty_model=law,
        )
        return pricing, pricing.to_estimation_problem().state_preparation


def peer_estimate(seed: int, epsilon: float) -> tuple[float, float]:
    """Their estimate from circuit building on, as in the tutorial; the interval of the payoff."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qiskit import generate_preset_pass_manager
        from qiskit_aer.primitives import SamplerV2
        from qiskit_algorithms import IterativeAmplitudeEstimation

        pricing, _ = _peer(3)
        gates = [*BASIS, "u", "h", "ry", "p", "cz", "cp", "ccx"]
        passes = generate_preset_pass_manager(1, basis_gates=gates)
        estimator = IterativeAmplitudeEstimation(
            epsilon_target=epsilon,
            alpha=0.05,
            sampler=SamplerV2(seed=seed),
            transpiler=passes,
        )
        result = estimator.estimate(pricing.to_estimation_problem())
        low, high = result.confidence_interval_processed
    return float(low), float(high)


def two_qubit_gates(circuit: QuantumCircuit) -> int:
    """CX after transpilation to cx, rz, sx, x at level 1."""
    from qiskit import transpile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = transpile(circuit, basis_gates=list(BASIS), optimization_level=1)
    return int(compiled.count_ops().get("cx", 0))
