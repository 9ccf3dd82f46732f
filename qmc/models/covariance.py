"""Covariances of returns: estimated by any estimator, checked, rooted, repaired by the nearest."""

from __future__ import annotations

import copy
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.errors import InvalidProblem, Unsupported
from qmc.models.correlation import Rows, nearest_correlation, offer, symmetric
from qmc.models.one_period import as_rows
from qmc.problem import Array

# estimators of skfolio.moments by word
ESTIMATORS = {
    "denoised": "DenoiseCovariance",
    "exponential": "EWCovariance",
    "gerber": "GerberCovariance",
    "ledoit-wolf": "LedoitWolf",
    "oas": "OAS",
    "shrunk": "ShrunkCovariance",
}
SAMPLE = "sample"
_PSD = -1e-10


@runtime_checkable
class CovarianceEstimator(Protocol):
    """As in scikit-learn: after `fit(X)` the estimate is the attribute `covariance_`."""

    def fit(self, X: Array) -> object:  # noqa: N803
        """Estimate the covariance of X (days, assets)."""
        ...


class InvalidCovariance(InvalidProblem):
    """A covariance matrix with a negative eigenvalue.

    Attributes:
        nearest: a covariance with the same variances and the nearest correlations, as tuples; None
            where there is none, or statsmodels is not installed.
    """

    def __init__(self, message: str, nearest: Rows | None) -> None:
        """Store the message and the matrix that would do."""
        super().__init__(message)
        self.nearest = nearest


def nearest_covariance(matrix: ArrayLike) -> Rows:
    """The covariance with the variances of `matrix` and its nearest correlation (Higham 2002).

    Variances are known better than correlations, so they stay as they are.

    Args:
        matrix: (assets, assets), symmetric, with variances >= 0 on the diagonal.

    Raises:
        InvalidProblem: for NaN, mis-shaped or asymmetric input and negative variances.
        Unsupported: when statsmodels is not installed.

    >>> nearest_covariance([[4.0, 1.0], [1.0, 1.0]])
    ((4.0, 1.0), (1.0, 1.0))
    """
    given = symmetric(checks.table("matrix", matrix, 2), "matrix")
    vols = np.sqrt(_variances(given, "matrix"))
    safe = np.where(vols > 0.0, vols, 1.0)
    correlation = given / np.outer(safe, safe)
    # an asset that does not move goes with no other
    correlation[vols == 0.0, :] = correlation[:, vols == 0.0] = 0.0
    np.fill_diagonal(correlation, 1.0)
    return as_rows(np.asarray(nearest_correlation(correlation)) * np.outer(vols, vols))


def estimated_covariance(history: Array, estimator: CovarianceEstimator | str) -> Array:
    """The covariance (assets, assets) of a history (days, assets) by an estimator.

    Args:
        history: simple returns.
        estimator: "sample"; a word of an estimator of skfolio, such as "ledoit-wolf"; or any object
            with `fit(X)` and then `covariance_`, of which a copy is fitted.

    Raises:
        InvalidProblem: for an unknown word, and an object that gives no such matrix.
        Unsupported: for a word when skfolio is not installed.
    """
    if isinstance(estimator, str):
        checks.choice("covariance", estimator, (SAMPLE, *ESTIMATORS))
        if estimator == SAMPLE:
            return np.atleast_2d(np.cov(history.T))
        estimator = _of_skfolio(estimator)
    hint = "such as skfolio.moments.LedoitWolf(), or a word such as 'ledoit-wolf'"
    checks.interface("covariance", estimator, CovarianceEstimator, hint)
    fitted = copy.deepcopy(estimator)
    fitted.fit(history)
    matrix = getattr(fitted, "covariance_", None)
    if matrix is None:
        raise checks.refuse("covariance", estimator, "an estimator that sets covariance_", hint)
    return checks.table("covariance", matrix, 2, f"as {type(estimator).__name__} estimated it")


def _of_skfolio(word: str) -> CovarianceEstimator:
    try:
        from skfolio import moments
    except ImportError as error:
        msg = f'covariance={word!r} needs the package skfolio: pip install "qmc[data]"'
        raise Unsupported(msg) from error
    made: CovarianceEstimator = getattr(moments, ESTIMATORS[word])()
    return made


def checked_covariance(covariance: ArrayLike, assets: int) -> tuple[Array, Array]:
    """The covariance and a root R with R R^T = covariance.

    Raises:
        InvalidCovariance: for a negative eigenvalue; carries the nearest covariance.
        InvalidProblem: for NaN, a wrong shape, asymmetry and negative variances.
    """
    matrix = checks.table("covariance", covariance, 2)
    if matrix.shape != (assets, assets):
        shape = f"matrix of shape {matrix.shape}"
        raise checks.refuse("covariance", shape, f"of shape ({assets}, {assets}), as mean")
    symmetric(matrix, "covariance")
    _variances(matrix, "covariance")
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < _PSD * max(float(np.abs(matrix).max()), 1e-300):
        raise _indefinite(matrix, float(values[0]))
    return matrix, np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _variances(matrix: Array, name: str) -> Array:
    variances = np.diag(matrix)
    negative = np.flatnonzero(variances < _PSD * float(np.abs(matrix).max()))
    if negative.size:
        place = int(negative[0])
        raise checks.refuse(f"{name}[{place}, {place}]", variances[place], "a variance, 0 or above")
    return np.maximum(variances, 0.0)


def _indefinite(matrix: Array, smallest: float) -> InvalidCovariance:
    """The error that offers the nearest covariance."""
    where = "from nearest_covariance(matrix), or re-estimate it from whole rows of data"
    message, nearest = offer("covariance", smallest, lambda: nearest_covariance(matrix), where)
    return InvalidCovariance(message, nearest)
