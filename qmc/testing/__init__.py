"""Checks for parts that others write: one call a part, a helpful AssertionError when it fails.

Every kind of part has one: `check_model`, `check_contract`, `check_measure`, `check_grid`,
`check_loader`, `check_encoding`, `check_backend`, `check_estimator`, `check_engine`.
"""

from qmc.estimators.protocols import run_estimator
from qmc.testing.backends import check_backend
from qmc.testing.binomial import BinomialOracle, assert_coverage
from qmc.testing.circuits import check_encoding, check_loader
from qmc.testing.engines import check_engine
from qmc.testing.estimators import check_estimator
from qmc.testing.problems import check_contract, check_grid, check_measure, check_model
from qmc.testing.tails import TailOracle

__all__ = [
    "BinomialOracle",
    "TailOracle",
    "assert_coverage",
    "check_backend",
    "check_contract",
    "check_encoding",
    "check_engine",
    "check_estimator",
    "check_grid",
    "check_loader",
    "check_measure",
    "check_model",
    "run_estimator",
]
