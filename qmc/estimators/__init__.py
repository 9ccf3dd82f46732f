"""Estimators of an amplitude: pure state machines that ask for rounds and are told hits."""

from qmc.estimators.iterative import Iterative
from qmc.estimators.protocols import Estimator, run_estimator
from qmc.estimators.sampling import Sampling

__all__ = ["Estimator", "Iterative", "Sampling", "run_estimator"]
