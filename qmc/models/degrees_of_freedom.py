"""The tails of a multivariate Student t, fitted by maximum likelihood."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from qmc.errors import InvalidProblem
from qmc.problem import Array

LEAST, MOST = 2.05, 1_000.0
# eigenvalues of a covariance that are 0 but for rounding
_NULL = 1e-12


def fitted_degrees_of_freedom(history: Array, mean: Array, covariance: Array) -> float:
    """The degrees of freedom of largest likelihood, mean and covariance being given.

    The covariance is the returns' own, so the scale matrix is covariance * (nu - 2) / nu and a row
    x of p assets has the log density (Kotz and Nadarajah 2004, doi:10.1017/CBO9780511550683, eq.
    1.1) ln G((nu + p) / 2) - ln G(nu / 2) - (p ln(pi (nu - 2)) + ln |covariance|) / 2
    - (nu + p) / 2 ln(1 + d / (nu - 2)), d = (x - mean)' covariance^-1 (x - mean).

    Args:
        history: (days, assets) simple returns.
        mean: (assets,).
        covariance: (assets, assets); where it is singular, the likelihood is that of the directions
            in which it is not.

    Returns:
        From 2.05 to 1,000, at which the law is normal in all but name.

    Raises:
        InvalidProblem: when nothing moves.
    """
    from scipy import optimize

    distances, directions = _distances(history, mean, covariance)

    def misfit(log_excess: float) -> float:
        return -_log_likelihood(2.0 + math.exp(log_excess), distances, directions)

    # in ln(nu - 2) the likelihood is as smooth near 2 as it is far out
    ends = (math.log(LEAST - 2.0), math.log(MOST - 2.0))
    found = optimize.minimize_scalar(misfit, bounds=ends, method="bounded")
    return 2.0 + math.exp(float(found.x))


def _log_likelihood(nu: float, distances: Array, directions: int) -> float:
    """Mean over the days, but for what does not depend on nu."""
    constant = (
        special.gammaln(0.5 * (nu + directions))
        - special.gammaln(0.5 * nu)
        - 0.5 * directions * math.log(nu - 2.0)
    )
    spread = np.log1p(distances / (nu - 2.0)).mean()
    return float(constant - 0.5 * (nu + directions) * spread)


def _distances(history: Array, mean: Array, covariance: Array) -> tuple[Array, int]:
    """Squared Mahalanobis distances (days,), and in how many directions they are taken."""
    values, vectors = np.linalg.eigh(covariance)
    live = values > _NULL * max(float(values[-1]), 0.0)
    if not live.any():
        msg = "returns do not move: degrees_of_freedom cannot be fitted; give a number above 2"
        raise InvalidProblem(msg)
    moves = (history - mean) @ vectors[:, live]
    return np.asarray((np.square(moves) / values[live]).sum(axis=1)), int(live.sum())
