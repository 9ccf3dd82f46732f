"""`FilteredReturns`: past days at today's volatility, one by one to the horizon."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.laws import EmpiricalLaw
from qmc.models.filters import DECAY, EWMA, Recursion, VolatilityFilter
from qmc.models.garch import unmoved
from qmc.models.history import days_of, law_of
from qmc.models.one_period import DAY, as_rows, checked_history, periods_to
from qmc.problem import Array, Contract

# paths walked together: their volatilities stay in the processor's cache
_BLOCK = 1024


@dataclass(frozen=True, kw_only=True, repr=False)
class FilteredReturns:
    """Filtered historical simulation: a volatility filter and a bootstrap of standardised days.

    Each day's return is divided by the volatility that was known the day before. Tomorrow is a
    standardised day, each as likely, times the volatility forecast for tomorrow, asset by asset,
    the days staying whole (Hull and White 1998, doi:10.21314/JOR.1998.001). h days are h such
    draws, one normal each, compounded; after each draw the filter takes the new return in and
    forecasts the next day's volatility (Barone-Adesi, Giannopoulos and Vosper 1999,
    doi:10.1002/(SICI)1096-9934(199908)19:5<583::AID-FUT5>3.0.CO;2-S).

    **What the law is.** Over one day `value_law` is exact: the law of n equally likely days. Over
    h > 1 days there are n^h paths, so it is the law of `scenario_count` of them, made by a
    scrambled Sobol sequence of its own seed. Engines that take it (`Analytic`, `Quantum` on a
    `LawGrid`) answer for these scenarios, and say `covers == "discretised"`; `MonteCarlo` draws
    fresh paths by `paths`, and its interval covers the number of the model.

    **Far ahead.** An EWMA's variance has no level to return to, and a wild day makes wilder days:
    beyond a quarter of a year its paths run away, gains of single assets first. Take `GARCH()`.

    Attributes:
        returns: (days, assets) simple returns, each above -1; at least 2 days.
        decay: of the filter `EWMA(decay=decay)`, when no other filter is given.
        filter: `EWMA`, `GARCH` or a `VolatilityFilter` of your own; kept as fitted to the returns,
            so that its parameters can be read, stored and used again.
        period: years from one row to the next; a trading day unless given.
        scenario_count: paths in the law over more than one period, a power of two.
        scenario_seed: of these.

    Raises:
        InvalidProblem: as `HistoricalReturns`, where an asset never moves, for a decay beside
            another filter, and as the filter's fit; when used, over a horizon at which a path
            leaves the range of numbers.
    """

    returns: ArrayLike
    decay: float = DECAY
    filter: VolatilityFilter | None = None
    period: float = DAY
    scenario_count: int = 2**14
    scenario_seed: int = 20_260_101
    _standardised: Array = field(init=False, repr=False, compare=False)
    _ordered: Array = field(init=False, repr=False, compare=False)
    _tomorrow: Array = field(init=False, repr=False, compare=False)
    _recursion: Recursion = field(init=False, repr=False, compare=False)
    _kept: dict[int, Array] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check, fit the filter, and filter once."""
        object.__setattr__(self, "decay", checks.fraction("decay", self.decay))
        object.__setattr__(self, "period", checks.positive("period", self.period))
        self._check_scenarios()
        history = checked_history(self.returns)
        object.__setattr__(self, "returns", as_rows(history))
        fitted = self._filter().fitted(history)
        object.__setattr__(self, "filter", fitted)
        if isinstance(fitted, EWMA):
            object.__setattr__(self, "decay", fitted.decay)
        recursion = fitted.recursion(history)
        vols = recursion.volatilities(history)
        if np.any(vols <= 0.0):
            raise unmoved(int(np.argwhere(vols <= 0.0)[0][1]))
        object.__setattr__(self, "_recursion", recursion)
        self._keep(history / vols[:-1], vols[-1])

    def _keep(self, standardised: Array, tomorrow: Array) -> None:
        """Keep the standardised days (days, assets) and tomorrow's volatilities (assets,)."""
        object.__setattr__(self, "_standardised", standardised)
        object.__setattr__(self, "_ordered", standardised[_from_worst_to_best(standardised)])
        object.__setattr__(self, "_tomorrow", tomorrow)
        # a rescaled loss may not exceed the whole position
        object.__setattr__(self, "_kept", {1: np.maximum(standardised * tomorrow, -1.0)})

    def _check_scenarios(self) -> None:
        count = checks.whole("scenario_count", self.scenario_count, 2, 1 << 20)
        if count & (count - 1):
            raise checks.refuse("scenario_count", count, "a power of two", "as Sobol points are")
        checks.whole("scenario_seed", self.scenario_seed, 0)

    def _filter(self) -> VolatilityFilter:
        """The filter that was asked for, by word or by its decay."""
        if self.filter is None:
            return EWMA(decay=self.decay)
        checks.interface("filter", self.filter, VolatilityFilter, "such as EWMA() or GARCH()")
        if self.decay not in {DECAY, getattr(self.filter, "decay", None)}:
            hint = "write filter=EWMA(decay=...)"
            raise checks.refuse("decay", self.decay, "left out beside filter", hint)
        return self.filter

    def scenarios(self, periods: int = 1) -> Array:
        """Equally likely return vectors over that many periods.

        Returns:
            (days, assets) over one period; (scenario_count, assets), fixed, over more.
        """
        kept = self._kept.get(checks.whole("periods", periods, 1))
        if kept is None:
            from scipy.stats import qmc as low_discrepancy

            rng = np.random.default_rng(self.scenario_seed)
            sequence = low_discrepancy.Sobol(periods, scramble=True, rng=rng)
            kept = self._walk(sequence.random(self.scenario_count)) - 1.0
            kept.setflags(write=False)
            self._kept[periods] = kept
        return kept

    def sampled_law(self, times: Sequence[float]) -> str | None:
        """None over one period; over more, which scenarios stand for the law."""
        periods = periods_to(self, times)
        if periods == 1:
            return None
        return f"the law is that of {self.scenario_count:,} fixed paths of {periods} periods"

    def observations(self, times: Sequence[float]) -> int:
        """Days of the history; over more than one period no more than the scenarios."""
        days = len(self._standardised)
        return days if periods_to(self, times) == 1 else min(days, self.scenario_count)

    def num_factors(self, times: Sequence[float]) -> int:
        """One normal picks each day to the horizon."""
        return periods_to(self, times)

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        """Normals (n, days to the horizon) to gross returns (n, 1, assets) along picked days.

        Over one period a normal picks a day in the order of the history; over more, from the days
        of the worst returns by calm ones to those of the best.
        """
        uniforms = special.ndtr(normals)
        if periods_to(self, times) == 1:
            picked = days_of(uniforms[:, 0], len(self._standardised))
            return np.asarray(1.0 + self.scenarios()[picked])[:, None, :]
        return self._walk(uniforms)[:, None, :]

    def _walk(self, uniforms: Array) -> Array:
        """Uniforms (n, periods) to gross returns (n, assets), volatilities updated on the way."""
        picked = days_of(uniforms, len(self._ordered))
        gross = np.ones((len(picked), self._tomorrow.size))
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(picked), _BLOCK):
                part = slice(start, start + _BLOCK)
                self._compound(gross[part], picked[part])
        if not np.isfinite(gross).all():
            raise self._run_away(picked.shape[1])
        return gross

    def _run_away(self, periods: int) -> InvalidProblem:
        """The error for volatilities that feed on themselves until no double holds them."""
        name = f"EWMA(decay={self.decay})" if isinstance(self.filter, EWMA) else repr(self.filter)
        return InvalidProblem(
            f"over {periods} periods volatilities of {name} run away beyond the range of numbers: "
            "take a shorter horizon, a decay nearer to 1 or a filter that returns to a level, GARCH"
        )

    def redrawn(self, days: NDArray[np.intp], factor: Array) -> FilteredReturns:
        """What other data would have given: some days again, others not, other volatilities.

        Its `returns` are still these, so it is for the error of the data alone, not to be stored.

        Args:
            days: (n,) the standardised days that it has, as rows of these.
            factor: (assets,) on tomorrow's volatilities.
        """
        other = copy.copy(self)
        other._keep(self._standardised[days], self._tomorrow * factor)
        return other

    def _compound(self, gross: Array, picked: NDArray[np.intp]) -> None:
        """Multiply the returns of picked days (n, periods) into gross (n, assets)."""
        variance = np.square(self._tomorrow)
        for days in picked.T:
            moves = self._ordered[days] * np.sqrt(variance)
            np.maximum(moves, -1.0, out=moves)
            gross *= 1.0 + moves
            variance = self._recursion.step(variance, moves)

    def discount(self, times: Sequence[float]) -> Array:
        """Ones: a horizon is not discounted."""
        return np.ones(len(times))

    def value_law(self, contract: Contract) -> EmpiricalLaw:
        """Law of the present value of any contract with one time; see the class for h > 1."""
        return law_of(self.scenarios(periods_to(self, contract.times)), contract)

    def __repr__(self) -> str:
        """Short: the size of the history and the filter."""
        days, assets = self._standardised.shape
        by = f"decay={self.decay}" if isinstance(self.filter, EWMA) else type(self.filter).__name__
        return f"FilteredReturns({days} days x {assets} assets, {by})"


def _from_worst_to_best(standardised: Array) -> NDArray[np.intp]:
    """An order of the days (days, assets) by the size of their moves, losses first.

    The calmest days are in the middle, so that the path of middle normals is a calm one; a wild
    day again and again would leave the range of doubles. It also makes a normal a market factor.
    """
    size = np.sqrt(np.square(standardised).mean(axis=1))
    return np.argsort(np.sign(standardised.mean(axis=1)) * size, kind="stable")
