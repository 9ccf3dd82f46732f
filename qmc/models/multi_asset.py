"""`MultiAsset`: correlated log-normal assets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmc import checks
from qmc.models import curves
from qmc.models.correlation import Rows, checked_correlation
from qmc.models.curves import Term
from qmc.problem import Array


@dataclass(frozen=True, kw_only=True)
class MultiAsset:
    """Correlated geometric Brownian motions under the pricing measure; one column an asset.

    Black, Scholes and Merton's model for many assets (Margrabe 1978,
    doi:10.1111/j.1540-6261.1978.tb03397.x; Stulz 1982). Lists and arrays become tuples.

    Attributes:
        spots: (assets,) prices today, each > 0.
        vols: (assets,) standard deviations of log returns per annum, each from 0 to 10; 0 is an
            asset that grows at its forward.
        rate: continuous, per annum; a number or a `Curve` of forward rates.
        correlation: (assets, assets) of log returns; positive semidefinite, so +-1 will do.
        dividend_yields: (assets,) continuous, per annum; None is 0 for each.

    Raises:
        InvalidCorrelation: for a correlation with a negative eigenvalue; its `nearest` is the
            nearest correlation matrix.
        InvalidProblem: for NaN, infinite, mis-shaped or out-of-range input.

    >>> pair = MultiAsset(
    ...     spots=(100.0, 90.0), vols=(0.2, 0.3), rate=0.05, correlation=((1.0, 0.5), (0.5, 1.0))
    ... )
    >>> pair.num_factors((0.5, 1.0))
    4
    """

    spots: tuple[float, ...]
    vols: tuple[float, ...]
    rate: Term
    correlation: Rows
    dividend_yields: tuple[float, ...] | None = None
    _root: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, and take the correlation's root once."""
        spots = checks.vector("spots", self.spots)
        object.__setattr__(self, "spots", spots)
        for place, spot in enumerate(spots):
            checks.positive(f"spots[{place}]", spot)
        vols = _in_range("vols", self.vols, len(spots), 0.0, "a volatility of 20 % is 0.2")
        object.__setattr__(self, "vols", vols)
        given = (0.0,) * len(spots) if self.dividend_yields is None else self.dividend_yields
        yields = _in_range("dividend_yields", given, len(spots), -10.0, curves.RATE_HINT)
        object.__setattr__(self, "dividend_yields", yields)
        object.__setattr__(self, "rate", curves.checked_term("rate", self.rate))
        rows, root = checked_correlation(self.correlation, len(spots))
        object.__setattr__(self, "correlation", rows)
        object.__setattr__(self, "_root", root)

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal an asset and time: the first time's assets come first."""
        return len(self.spots) * len(times)

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Exact log-normal steps: normals (n, times x assets) to prices (n, times, assets)."""
        drift, deviation = self._steps(times)
        # the root is symmetric: rows of normals times it are its product with each normal vector
        logs = normals.reshape(len(normals), len(times), len(self.spots)) @ self._root
        logs *= deviation
        logs += drift
        np.cumsum(logs, axis=1, out=logs)
        np.exp(logs, out=logs)
        logs *= np.asarray(self.spots)
        return np.asarray(logs)

    def discount(self, times: Sequence[float]) -> Array:
        """exp(-integral of the rate), shape (times,)."""
        return curves.discount(self.rate, times)

    def log_prices(self, times: Sequence[float]) -> tuple[Array, Array]:
        """Means (times, assets) and loadings (times, assets, times x assets) of log prices."""
        drift, deviation = self._steps(times)
        count, assets = drift.shape
        means = np.log(self.spots) + np.cumsum(drift, axis=0)
        moves = deviation[:, :, None] * self._root
        loadings = np.zeros((count, assets, count, assets))
        for step in range(count):
            loadings[step:, :, step, :] = moves[step]
        return means, loadings.reshape(count, assets, count * assets)

    def _steps(self, times: Sequence[float]) -> tuple[Array, Array]:
        """Drift and standard deviation of each step's log returns, both (times, assets)."""
        ends = np.asarray(times, dtype=np.float64)
        steps = np.diff(ends, prepend=0.0)[:, None]
        growth = np.diff(curves.integral(self.rate, ends), prepend=0.0)[:, None]
        vols = np.asarray(self.vols)
        drift = growth - (np.asarray(self.dividend_yields) + 0.5 * vols**2) * steps
        return drift, vols * np.sqrt(steps)


def _in_range(name: str, given: object, assets: int, low: float, hint: str) -> tuple[float, ...]:
    """One number an asset from `low` to 10."""
    values = checks.vector(name, given)
    if len(values) != assets:
        allowed = f"{assets} numbers, one an asset as in spots"
        raise checks.refuse(name, f"{len(values)} numbers", allowed)
    for place, value in enumerate(values):
        if not low <= value <= 10.0:
            raise checks.refuse(f"{name}[{place}]", value, f"from {low:g} to 10", hint)
    return values
