"""`GarchFiltered`: filtered historical simulation with GARCH volatilities, fitted by arch."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.backtest.forecasters import blocks, completed, require_moves
from qmc.backtest.laws import SampleLaws
from qmc.errors import BackendFailed, Unsupported
from qmc.models.filters import Recursion, first_mean_square
from qmc.problem import Array

_LEAST_WINDOW = 100
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of variance = constant + (news + bad_news 1{loss > 0}) loss^2 + persistence variance."""

    constant: float
    news: float
    bad_news: float
    persistence: float


@dataclass(frozen=True, kw_only=True)
class GarchFiltered:
    """Filtered historical simulation with a GARCH(1, 1) of mean 0 (Bollerslev 1986).

    The parameters are fitted by normal quasi-likelihood (the package arch) to the window before a
    day, kept for `refit` days, and filter every window anew; the residuals of the window times
    tomorrow's volatility are the sample (Barone-Adesi, Giannopoulos and Vosper 1999,
    doi:10.1002/(SICI)1096-9934(199908)19:5<583::AID-FUT5>3.0.CO;2-S).

    Attributes:
        window: days, at least 100; 1,000 is usual.
        refit: days between fits, at least 1.
        asymmetric: losses and profits move the volatility differently (Glosten, Jagannathan and
            Runkle 1993, doi:10.1111/j.1540-6261.1993.tb05128.x).
        add_worst: as in `Historical`.

    Raises:
        InvalidProblem: for fields out of range, and windows in which nothing moves.
        Unsupported: when used without arch.
        BackendFailed: when the first fit does not converge; a later one keeps the fit before it.
    """

    window: int = 1_000
    refit: int = 250
    asymmetric: bool = False
    add_worst: bool = False

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        checks.whole("window", self.window, _LEAST_WINDOW)
        checks.whole("refit", self.refit, 1)

    def laws(self, windows: Array) -> SampleLaws:
        """The windows, rescaled by volatilities of the fit that was last made before the day."""
        samples = np.empty((len(windows), self.window + self.add_worst))
        parameters: Parameters | None = None
        for start in range(0, len(windows), self.refit):
            parameters = fitted(windows[start], asymmetric=self.asymmetric) or parameters
            if parameters is None:
                msg = (
                    f"arch found no GARCH for the first {self.window} days: take a longer window, "
                    "or FilteredHistorical, which fits nothing"
                )
                raise BackendFailed(msg)
            mine = slice(start, min(start + self.refit, len(windows)))
            samples[mine] = self._scaled(windows[mine], parameters)
        return SampleLaws(samples=samples)

    def _scaled(self, windows: Array, parameters: Parameters) -> Array:
        parts = []
        for rows in blocks(len(windows)):
            vols = garch_volatility(windows[rows], parameters)
            scaled = windows[rows] / vols[:, :-1] * vols[:, -1:]
            parts.append(completed(scaled, add_worst=self.add_worst))
        return np.concatenate(parts)


def fitted(losses: Array, *, asymmetric: bool) -> Parameters | None:
    """A GARCH(1, 1) of losses (days,); None when the fit does not converge.

    Raises:
        Unsupported: when arch is not installed.
        InvalidProblem: when nothing moves.
    """
    try:
        from arch.univariate import GARCH, Normal, ZeroMean
    except ImportError as error:
        msg = "GarchFiltered needs the package arch: install the extra, pip install 'qmc[data]'"
        raise Unsupported(msg) from error
    size = losses.std()
    require_moves(size)
    # arch's asymmetric term is that of negative values: profits, of about unit size
    model = ZeroMean(-losses / size, rescale=False)
    model.volatility = GARCH(p=1, o=int(asymmetric), q=1)
    model.distribution = Normal()
    result = model.fit(disp="off", show_warning=False)
    found = result.params
    if result.convergence_flag != 0 or not np.all(np.isfinite(found)):
        _log.debug(
            "GARCH fit not converged (flag %s): the one before is kept", result.convergence_flag
        )
        return None
    return Parameters(
        constant=float(found["omega"]) * float(size) ** 2,
        news=float(found["alpha[1]"]),
        bad_news=float(found["gamma[1]"]) if asymmetric else 0.0,
        persistence=float(found["beta[1]"]),
    )


def garch_volatility(windows: Array, parameters: Parameters) -> Array:
    """Volatilities (rows, window + 1) inside each row's window, tomorrow's last.

    Started, as the EWMA's, from the mean square of the first 50 days.

    Raises:
        InvalidProblem: when nothing moves.
    """
    losses = np.ascontiguousarray(windows.T)
    slope = parameters.news + parameters.bad_news * (losses > 0.0)
    start = first_mean_square(losses)
    recursion = Recursion(
        constant=np.full_like(start, parameters.constant),
        reaction=np.ones_like(start),
        decay=np.full_like(start, parameters.persistence),
        start=start,
    )
    # a fit may leave the square of a profit a weight of 0, and by rounding one below it
    vols = recursion.volatilities(losses * np.sqrt(np.maximum(slope, 0.0))).T
    require_moves(vols)
    return vols
