"""Estimators of an amplitude: pure state machines that ask for rounds and are told hits."""

from qmc.estimators.adaptive import Adaptive
from qmc.estimators.bayesian import Bayesian
from qmc.estimators.canonical import Canonical
from qmc.estimators.certified import Certified
from qmc.estimators.chebyshev import Chebyshev
from qmc.estimators.faster import Faster
from qmc.estimators.iterative import Iterative
from qmc.estimators.lockstep import run_lockstep
from qmc.estimators.low_depth import LowDepth
from qmc.estimators.maximum_likelihood import MaximumLikelihood
from qmc.estimators.modified_iterative import ModifiedIterative
from qmc.estimators.protocols import Estimator, SupportsPhase, run_estimator
from qmc.estimators.real_amplitude import RealAmplitude
from qmc.estimators.sampling import Sampling
from qmc.estimators.shifts import Shifted, SupportsShift
from qmc.estimators.telling import require_told

__all__ = [
    "Adaptive",
    "Bayesian",
    "Canonical",
    "Certified",
    "Chebyshev",
    "Estimator",
    "Faster",
    "Iterative",
    "LowDepth",
    "MaximumLikelihood",
    "ModifiedIterative",
    "RealAmplitude",
    "Sampling",
    "Shifted",
    "SupportsPhase",
    "SupportsShift",
    "require_told",
    "run_estimator",
    "run_lockstep",
]
