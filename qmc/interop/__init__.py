"""Other people's code: OpenQASM 3, qiskit-algorithms' problems, estimators and results.

What `from_estimation_problem` gives is an `AmplitudeProblem` as any other: `qmc.estimate(problem,
goal)` takes it to its number.
"""

from qmc.interop.adapter import AsAmplitudeEstimator
from qmc.interop.estimation import from_estimation_problem, to_estimation_problem
from qmc.interop.peers import PeerEstimator, PeerRun
from qmc.interop.qasm import to_qasm3

__all__ = [
    "AsAmplitudeEstimator",
    "PeerEstimator",
    "PeerRun",
    "from_estimation_problem",
    "to_estimation_problem",
    "to_qasm3",
]
