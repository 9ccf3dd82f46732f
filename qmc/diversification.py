"""Diversification: what each position brings to a portfolio's risk, alone and among the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.capabilities import HasScenarios
from qmc.contracts import Portfolio
from qmc.errors import InvalidProblem, Unsupported
from qmc.euler import scenario_weights
from qmc.laws import NormalLaw, StudentTLaw
from qmc.losses import risk_of_losses
from qmc.measures import ES, VaR
from qmc.models import NormalReturns, StudentTReturns
from qmc.models.one_period import periods_to
from qmc.problem import Array, Problem
from qmc.risk_text import column, measure_name, money
from qmc.rng import RNGLike, generator
from qmc.serialise import to_dict
from qmc.tables import TextTable, as_text
from qmc.tail_laws import tail_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PATHS = 2**17


@dataclass(frozen=True, kw_only=True)
class Diversification:
    """A portfolio's VaR or ES, and what each position has to do with it. Money; a loss is positive.

    Attributes:
        measure: VaR or ES, with its level.
        names: of the positions.
        sizes: what each position's loss is proportional to: a portfolio's weights, or ones.
        joint: risk of the whole.
        contributions: Euler contributions, which sum to `joint`; negative where a position hedges.
        marginal: derivative of `joint` by each size; contribution = size x marginal.
        stand_alone: risk of each position without the others.
        incremental: `joint` less the risk without the position, its money held in cash.
        method: how they were found, in words.
    """

    measure: VaR | ES
    names: tuple[str, ...]
    sizes: tuple[float, ...]
    joint: float
    contributions: tuple[float, ...]
    marginal: tuple[float, ...]
    stand_alone: tuple[float, ...]
    incremental: tuple[float, ...]
    method: str

    @classmethod
    def from_losses(
        cls,
        losses: ArrayLike,
        measure: VaR | ES,
        *,
        names: Sequence[str] | None = None,
        sizes: Sequence[float] | None = None,
        neighbours: int | None = None,
    ) -> Self:
        """From equally likely scenarios of each position's loss.

        ES contributions are exact means over the tail. The VaR's single scenario says little of a
        position, so its neighbours in rank are averaged with it (`qmc.euler.scenario_weights`).

        Args:
            losses: (n, positions); per unit of size where `sizes` is given.
            measure: VaR or ES.
            names: of the positions; "position 1" and so on when None.
            sizes: (positions,); ones when None.
            neighbours: ranks on each side of the VaR's own; as many as lie beyond it when None.

        Raises:
            InvalidProblem: for losses that are NaN, infinite or mis-shaped, too few for the level,
                and for another number of names or sizes than positions.
        """
        units = checks.table("losses", losses, 2, "give (scenarios, positions)")
        _require_measure(measure)
        if neighbours is not None:
            checks.whole("neighbours", neighbours, 0, units.shape[0])
        held = _sizes(sizes, units.shape[1])
        moved = units * held
        whole = moved.sum(axis=1)
        weights = scenario_weights(whole, measure, neighbours)
        joint, marginal = float(risk_of_losses(whole, measure)), weights @ units
        without = np.array([risk_of_losses(whole - moved[:, i], measure) for i in range(held.size)])
        return cls(
            measure=measure,
            names=_names(names, held.size),
            sizes=tuple(held.tolist()),
            joint=joint,
            contributions=tuple((held * marginal).tolist()),
            marginal=tuple(marginal.tolist()),
            stand_alone=tuple(risk_of_losses(moved.T, measure).tolist()),
            incremental=tuple((joint - without).tolist()),
            method=f"{units.shape[0]:,} scenarios",
        )

    @classmethod
    def of(
        cls,
        problem: Problem,
        *,
        names: Sequence[str] | None = None,
        neighbours: int | None = None,
        paths: int = _PATHS,
        rng: RNGLike = None,
    ) -> Self:
        """Of a `Portfolio` under a model of returns.

        In closed form for `NormalReturns` and `StudentTReturns`; from its own scenarios for a model
        that is a history; else from sampled ones.

        Args:
            problem: a portfolio's VaR or ES.
            names: of the assets.
            neighbours: as `from_losses`.
            paths: scenarios to draw where the model has neither a closed form nor its own.
            rng: for those.

        Raises:
            Unsupported: for another contract or measure.
            InvalidProblem: as `from_losses`.
        """
        portfolio, measure = problem.contract, problem.measure
        if not isinstance(portfolio, Portfolio):
            msg = (
                f"Diversification.of takes a Portfolio, not {type(portfolio).__name__}: give the "
                "losses of its positions to Diversification.from_losses"
            )
            raise Unsupported(msg)
        if not isinstance(measure, VaR | ES):
            msg = f"Diversification.of takes VaR and ES, not {type(measure).__name__}"
            raise Unsupported(msg)
        model = problem.model
        if isinstance(model, NormalReturns | StudentTReturns):
            return cls._closed(model, portfolio, measure, names)
        losses = -portfolio.value * _scenarios(problem, paths, rng)
        sizes = portfolio.matched_weights(losses.shape[1]).tolist()
        return cls.from_losses(losses, measure, names=names, sizes=sizes, neighbours=neighbours)

    @classmethod
    def _closed(
        cls,
        model: NormalReturns | StudentTReturns,
        portfolio: Portfolio,
        measure: VaR | ES,
        names: Sequence[str] | None,
    ) -> Self:
        """Of an elliptical law: risk = mean loss + factor x standard deviation of the loss."""
        periods = periods_to(model, portfolio.times)
        mean = periods * np.asarray(model.mean)
        covariance = periods * np.asarray(model.covariance)
        weights = portfolio.matched_weights(mean.size)
        factor, value = tail_number(_standard(model), measure), portfolio.value
        deviation = _deviation(weights, covariance)
        steep = covariance @ weights / deviation if deviation > 0.0 else np.zeros(mean.size)
        marginal = value * (factor * steep - mean)
        joint = value * (factor * deviation - float(mean @ weights))
        alone = factor * np.abs(weights) * np.sqrt(np.diag(covariance)) - weights * mean
        return cls(
            measure=measure,
            names=_names(names, mean.size),
            sizes=tuple(weights.tolist()),
            joint=joint,
            contributions=tuple((weights * marginal).tolist()),
            marginal=tuple(marginal.tolist()),
            stand_alone=tuple((value * alone).tolist()),
            incremental=tuple(
                joint - value * (factor * _deviation(rest, covariance) - float(mean @ rest))
                for rest in weights * (1.0 - np.eye(mean.size))
            ),
            method=f"closed form of {type(model).__name__}",
        )

    @property
    def benefit(self) -> float:
        """Sum of the stand-alone risks less the joint one; for VaR it can be negative."""
        return sum(self.stand_alone) - self.joint

    @property
    def ratio(self) -> float:
        """Joint risk over the sum of the stand-alone ones: 1 is no diversification; NaN over 0."""
        total = sum(self.stand_alone)
        return self.joint / total if total != 0.0 else float("nan")

    def table(self) -> TextTable:
        """A row a position, and the total."""
        total = sum(self.stand_alone)
        share = [part / self.joint if self.joint else float("nan") for part in self.contributions]
        cells = zip(
            (*self.names, "total"),
            (*(f"{size:.6g}" for size in self.sizes), ""),
            column((*self.stand_alone, total)),
            column((*self.contributions, self.joint)),
            (*(f"{100.0 * part:.1f} %" for part in share), "100.0 %"),
            (*column(self.marginal), ""),
            (*column(self.incremental), ""),
            strict=True,
        )
        return TextTable(
            f"Contributions to {measure_name(self.measure)}",
            ("position", "size", "stand-alone", "contribution", "share", "marginal", "incremental"),
            tuple(cells),
            ("position",),
            ("marginal", "size", "incremental"),
        )

    def __str__(self) -> str:
        """The table, and the benefit in a sentence."""
        return f"{as_text(self.table())}\n{self.sentence}"

    @property
    def sentence(self) -> str:
        """Benefit and ratio in words."""
        return (
            f"Together {money(self.joint)} instead of {money(sum(self.stand_alone))}: benefit "
            f"{money(self.benefit)}, ratio {self.ratio:.3f} ({self.method})."
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict, with the benefit and the ratio."""
        return {**to_dict(self), "benefit": self.benefit, "ratio": self.ratio}

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Contribution beside stand-alone risk, a row a position."""
        from qmc.plots.contributions import plot_contributions

        return plot_contributions(self, ax=ax)


def _require_measure(measure: object) -> None:
    if not isinstance(measure, VaR | ES):
        raise checks.refuse("measure", measure, "VaR(level=...) or ES(level=...)")


def _scenarios(problem: Problem, paths: int, rng: RNGLike) -> Array:
    """Simple returns (n, assets) over the portfolio's period."""
    model, times = problem.model, problem.contract.times
    if isinstance(model, HasScenarios):
        return model.scenarios(periods_to(model, times))
    count = checks.whole("paths", paths, 1)
    normals = generator(rng).standard_normal((count, model.num_factors(times)))
    return np.asarray(model.paths(times, normals)[:, -1, :] - 1.0)


def _standard(model: NormalReturns | StudentTReturns) -> NormalLaw | StudentTLaw:
    """The law of a loss of mean 0 and standard deviation 1 under a model."""
    if isinstance(model, NormalReturns):
        return NormalLaw(location=0.0, scale=1.0)
    nu = model.degrees_of_freedom
    return StudentTLaw(location=0.0, scale=((nu - 2.0) / nu) ** 0.5, degrees_of_freedom=nu)


def _deviation(weights: Array, covariance: Array) -> float:
    return float(np.sqrt(max(float(weights @ covariance @ weights), 0.0)))


def _sizes(sizes: Sequence[float] | None, positions: int) -> Array:
    if sizes is None:
        return np.ones(positions)
    held = np.array(checks.vector("sizes", sizes))
    if held.size != positions:
        raise checks.refuse("sizes", sizes, f"{positions} numbers, one a position")
    return held


def _names(names: Sequence[str] | None, positions: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"position {place + 1}" for place in range(positions))
    given = tuple(map(str, names))
    if len(given) != positions or len(set(given)) != positions or isinstance(names, str):
        msg = f"names={given[:5]!r}: must be {positions} different names, one a position"
        raise InvalidProblem(msg)
    return given
