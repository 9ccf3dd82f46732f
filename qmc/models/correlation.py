"""Correlation matrices: checked, rooted, and repaired by the nearest one."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.errors import InvalidProblem, Unsupported
from qmc.problem import Array

Rows = tuple[tuple[float, ...], ...]

_SYMMETRY = 1e-10
_PSD = -1e-10
# eigenvalues of a singular correlation that are 0 but for rounding
_NULL = 1e-14
_SHOWN = 4
# projections converge linearly: random matrices of 10 and of 100 assets are there after 100
_PROJECTIONS = 300


class InvalidCorrelation(InvalidProblem):
    """A correlation matrix with a negative eigenvalue.

    Attributes:
        nearest: the nearest correlation matrix, as tuples; None when statsmodels is not installed.
    """

    def __init__(self, message: str, nearest: Rows | None) -> None:
        """Store the message and the matrix that would do."""
        super().__init__(message)
        self.nearest = nearest


def nearest_correlation(matrix: ArrayLike) -> Rows:
    """The correlation matrix nearest to `matrix` in Frobenius norm (Higham 2002).

    Alternating projections by statsmodels' `corr_nearest` (doi:10.1093/imanum/22.3.329), then one
    clipping of eigenvalues and rescaling to a unit diagonal, so that the result is semidefinite to
    rounding.

    Args:
        matrix: (assets, assets), symmetric.

    Raises:
        InvalidProblem: for NaN, mis-shaped or asymmetric input.
        Unsupported: when statsmodels is not installed.

    >>> nearest_correlation([[1.0, 0.3], [0.3, 1.0]])
    ((1.0, 0.3), (0.3, 1.0))
    """
    given = symmetric(checks.table("matrix", matrix, 2), "matrix")
    if np.linalg.eigvalsh(given)[0] >= 0.0 and _is_unit(given):
        return as_correlation(given)
    try:
        tools = importlib.import_module("statsmodels.stats.correlation_tools")
    except ImportError as error:
        msg = 'nearest_correlation needs statsmodels: pip install "qmc[data]"'
        raise Unsupported(msg) from error
    with warnings.catch_warnings():
        # it says that alternating projections converge in the limit only; the clipping is below
        warnings.simplefilter("ignore")
        factor = max(1.0, _PROJECTIONS / len(given))
        projected = np.asarray(tools.corr_nearest(given, threshold=0.0, n_fact=factor))
    values, vectors = np.linalg.eigh(0.5 * (projected + projected.T))
    clipped = (vectors * np.maximum(values, 0.0)) @ vectors.T
    scale = np.sqrt(np.diag(clipped))
    return as_correlation(clipped / np.outer(scale, scale))


def checked_correlation(correlation: ArrayLike, assets: int) -> tuple[Rows, Array]:
    """The correlation as tuples, and its symmetric root R with R R^T = correlation.

    The symmetric root is unique, so paths do not depend on a library's choice of eigenvectors, and
    it exists for singular matrices, where Cholesky's fails.

    Raises:
        InvalidCorrelation: for a negative eigenvalue; carries the nearest correlation.
        InvalidProblem: for NaN, a wrong shape, asymmetry, a diagonal other than 1 and entries
            outside [-1, 1].
    """
    matrix = checks.table("correlation", correlation, 2)
    if matrix.shape != (assets, assets):
        shape = f"matrix of shape {matrix.shape}"
        allowed = f"of shape ({assets}, {assets}), a row and a column an asset"
        raise checks.refuse("correlation", shape, allowed)
    symmetric(matrix, "correlation")
    _check_entries(matrix)
    rows = as_correlation(matrix)
    values, vectors = np.linalg.eigh(np.asarray(rows))
    if values[0] < _PSD:
        raise _indefinite(matrix, float(values[0]))
    values = np.where(values > _NULL * assets, values, 0.0)
    return rows, np.asarray((vectors * np.sqrt(values)) @ vectors.T)


def as_correlation(matrix: Array) -> Rows:
    """Tuples with exactly 1 on the diagonal, exact symmetry and entries in [-1, 1]."""
    exact = np.clip(0.5 * (matrix + matrix.T), -1.0, 1.0)
    np.fill_diagonal(exact, 1.0)
    return tuple(map(tuple, exact.tolist()))


def symmetric(matrix: Array, name: str) -> Array:
    """The matrix, after refusing one that is not square or, but for rounding, not symmetric."""
    if matrix.shape[0] != matrix.shape[1]:
        raise checks.refuse(name, f"matrix of shape {matrix.shape}", "square")
    if np.any(np.abs(matrix - matrix.T) > _SYMMETRY * float(np.abs(matrix).max())):
        raise checks.refuse(name, "an asymmetric matrix", "symmetric", "use (C + C.T) / 2")
    return matrix


def _is_unit(matrix: Array) -> bool:
    return bool(np.all(np.abs(np.diag(matrix) - 1.0) <= _SYMMETRY))


def _check_entries(matrix: Array) -> None:
    if not _is_unit(matrix):
        worst = int(np.argmax(np.abs(np.diag(matrix) - 1.0)))
        hint = "is this a covariance? divide it by the volatilities"
        raise checks.refuse(f"correlation[{worst}, {worst}]", matrix[worst, worst], "1", hint)
    outside = np.argwhere(np.abs(matrix) > 1.0 + _SYMMETRY)
    if len(outside):
        row, column = outside[0].tolist()
        where = f"correlation[{row}, {column}]"
        raise checks.refuse(where, matrix[row, column], "from -1 to 1", "30 % is 0.3")


def _indefinite(matrix: Array, smallest: float) -> InvalidCorrelation:
    """The error that offers the nearest correlation."""
    where = "from nearest_correlation(matrix)"
    message, nearest = offer("correlation", smallest, lambda: nearest_correlation(matrix), where)
    return InvalidCorrelation(message, nearest)


def offer(
    name: str, smallest: float, repair: Callable[[], Rows], where: str
) -> tuple[str, Rows | None]:
    """What to say of a negative eigenvalue, and the nearest matrix without one.

    Args:
        name: of the field.
        smallest: eigenvalue.
        repair: the nearest matrix; it is printed when small.
        where: it is had.
    """
    start = f"{name} has eigenvalue {smallest:.3g}: must be positive semidefinite"
    try:
        nearest = repair()
    except Unsupported as error:
        return f"{start}; {error}", None
    digits = ", ".join(f"({', '.join(f'{c:.6g}' for c in row)})" for row in nearest)
    what = f"the nearest is ({digits})" if len(nearest) <= _SHOWN else "the nearest is in .nearest"
    return f"{start}; {what}, {where}", nearest
