"""`GARCH`: the volatility filter whose numbers are fitted by maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from qmc import checks
from qmc.errors import InvalidProblem, Unsupported
from qmc.models.filters import Recursion, first_mean_square
from qmc.problem import Array

Innovations: TypeAlias = Literal["normal", "t"]
# with fewer returns the likelihood is flat
LEAST_DAYS = 100
# a fit may lie on the boundary, where shocks to variance last
_STATIONARY = 1.0 + 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class GARCH:
    """GARCH(1,1) volatilities without a mean (Bollerslev 1986, doi:10.1016/0304-4076(86)90063-1).

    variance[d + 1] = omega + alpha * return[d]^2 + beta * variance[d]: volatility returns to a
    level of its own, at which sqrt(omega / (1 - alpha - beta)) is a day's. Each asset is fitted
    once, on its own, by the package arch; the fit is deterministic. A filter with parameters is not
    fitted again and needs no arch, which is what a stored model has.

    Attributes:
        innovations: "t" or "normal", the standardised days' law in the likelihood; the filter uses
            the fitted numbers alone and draws days from the history.
        parameters: a row (omega, alpha, beta) an asset, in units of returns squared, with the
            degrees of freedom as a fourth number for "t"; None until fitted.

    Raises:
        InvalidProblem: for a row that is out of range; when fitted, for fewer than 100 days, an
            asset that never moves, and a fit that does not converge.
        Unsupported: when fitted, without the package arch.
    """

    innovations: Innovations = "t"
    parameters: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        """Check the word and each row."""
        checks.choice("innovations", self.innovations, get_args(Innovations))
        if self.parameters is not None:
            rows = checks.table("parameters", self.parameters, 2)
            width = 4 if self.innovations == "t" else 3
            if rows.shape[1] != width:
                shape = f"array of shape {rows.shape}"
                names = "omega, alpha, beta" + (", degrees_of_freedom" if width == 4 else "")
                raise checks.refuse("parameters", shape, f"rows ({names})")
            _check_rows(rows)
            object.__setattr__(self, "parameters", tuple(map(tuple, rows.tolist())))

    def fitted(self, returns: Array) -> GARCH:
        """This filter with its parameters for returns (days, assets)."""
        if self.parameters is not None:
            return self
        days = len(returns)
        if days < LEAST_DAYS:
            hint = "take a longer history or EWMA()"
            raise checks.refuse("observations", days, f"at least {LEAST_DAYS} to fit GARCH", hint)
        rows = tuple(self._fit(column, asset) for asset, column in enumerate(returns.T))
        return replace(self, parameters=rows)

    def recursion(self, returns: Array) -> Recursion:
        """The recursion of the fitted numbers, started as the likelihood's."""
        rows = self._rows(returns.shape[1])
        omega, alpha, beta = rows[:, 0], rows[:, 1], rows[:, 2]
        start = omega + (alpha + beta) * first_mean_square(returns)
        return Recursion(constant=omega, reaction=alpha, decay=beta, start=start)

    def _rows(self, assets: int) -> Array:
        if self.parameters is None or len(self.parameters) != assets:
            given = None if self.parameters is None else f"{len(self.parameters)} rows"
            raise checks.refuse("parameters", given, f"{assets} rows, one an asset")
        return np.asarray(self.parameters)

    def _fit(self, returns: Array, asset: int) -> tuple[float, ...]:
        """The maximum of the likelihood of one asset's returns (days,)."""
        # counted in standard deviations: the optimiser sees the same problem at any scale
        variance = float(np.mean(np.square(returns)))
        if variance <= 0.0:
            raise unmoved(asset)
        scaled = returns / np.sqrt(variance)
        numbers, converged = _maximise(scaled, self.innovations)
        if not converged:
            msg = (
                f"GARCH does not converge on returns[:, {asset}] ({returns.size} days): give a "
                'longer history, innovations="normal", parameters= of your own, or take EWMA()'
            )
            raise InvalidProblem(msg)
        return (numbers[0] * variance, *numbers[1:])


def unmoved(asset: int) -> InvalidProblem:
    """The error for an asset without volatility."""
    return InvalidProblem(
        f"returns[:, {asset}] do not move: a filter needs a volatility above 0; drop the asset or "
        "use HistoricalReturns"
    )


def _maximise(scaled: Array, innovations: Innovations) -> tuple[Sequence[float], bool]:
    """omega, alpha, beta and, for a t, degrees of freedom; and whether the search ended well."""
    try:
        from arch import arch_model
    except ImportError as error:
        msg = 'GARCH needs the package arch: pip install "qmc[data]", or take EWMA()'
        raise Unsupported(msg) from error
    model = arch_model(scaled, mean="Zero", vol="GARCH", p=1, q=1, dist=innovations, rescale=False)
    start = float(first_mean_square(scaled[:, None])[0])
    # a search that stops short is told by its flag
    result = model.fit(disp="off", show_warning=False, backcast=start)
    return np.asarray(result.params).tolist(), result.convergence_flag == 0


def _check_rows(rows: Array) -> None:
    """Refuse numbers of which the variance would not stay above 0 or would explode."""
    for asset, row in enumerate(rows.tolist()):
        omega, alpha, beta = row[:3]
        fine = omega >= 0.0 and alpha >= 0.0 and beta >= 0.0 and alpha + beta <= _STATIONARY
        if not fine or (len(row) == 4 and row[3] <= 2.0):
            allowed = "omega, alpha, beta >= 0 with alpha + beta <= 1, degrees of freedom above 2"
            raise checks.refuse(f"parameters[{asset}]", tuple(row), allowed)
