"""`Specification`: a whole problem file, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.specification import build
from qmc.specification.estimators import require_early_reading
from qmc.specification.nouns import BOOKS, CONTRACTS
from qmc.specification.refusals import InvalidField, naming, refusal, shown
from qmc.specification.section import Section
from qmc.specification.sections import (
    AnyContract,
    AnyMeasure,
    AnyModel,
    EstimatorSection,
    GoalSection,
    MeanSection,
    PortfolioSection,
    QuantumSection,
    ReturnsSection,
    RunSection,
    TailSection,
    fields,
)
from qmc.specification.words import spelled

if TYPE_CHECKING:
    import pandas as pd

    from qmc.engine import Quantum
    from qmc.measures import Measure
    from qmc.problem import Array, Contract, Goal, Model, Problem

PRICE_TOLERANCE = 0.01
RISK_TOLERANCE = 0.1
# squares of smaller ones leave the range of doubles
LEAST_TOLERANCE = 1e-100
# the nouns' own names of what a file calls otherwise, or has in another section
_RENAMED = {
    "low_strike": "strike",
    "time": "expiry",
    "observations": "model.window",
}


class Specification(Section):
    """A whole problem file.

    >>> spec = Specification.from_mapping({
    ...     "model": {"kind": "black-scholes", "spot": 100, "vol": 0.2},
    ...     "contract": {"kind": "call", "strike": 105, "expiry": 1},
    ... })
    >>> [type(problem.measure).__name__ for problem in spec.problems()]
    ['Price']
    """

    model: AnyModel = Field(discriminator="kind")
    contract: AnyContract = Field(discriminator="kind")
    measure: AnyMeasure = Field(default=MeanSection(kind="price"), discriminator="kind")
    goal: GoalSection = GoalSection()
    quantum: QuantumSection = QuantumSection()
    estimator: EstimatorSection = EstimatorSection()
    run: RunSection = RunSection()

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> Specification:
        """Check a mapping of sections.

        Raises:
            InvalidField: naming the first wrong field, what it was and what is allowed; or every
                missing one.
        """
        try:
            return cls.model_validate(spelled(data))
        except ValidationError as error:
            raise refusal(error, fields()) from error

    @property
    def is_risk(self) -> bool:
        """True when the model is one of returns."""
        return isinstance(self.model, ReturnsSection)

    def problems(self) -> tuple[Problem, ...]:
        """The problems asked for: one, or VaR and ES.

        Raises:
            InvalidProblem: naming the field that is out of range.
        """
        self._require_fit()
        with naming("measure"):
            measures = build.measures(self.measure)
        with naming("model", path="prices", observations="window"):
            model, names = build.model(self.model)
        with naming("contract"):
            contract = build.contract(self.contract, names)
        return tuple(self._problem(model, contract, measure) for measure in measures)

    def daily_returns(self) -> tuple[tuple[str, ...], Array]:
        """Names (assets,) and simple daily returns (days, assets) that the model is made of.

        Raises:
            InvalidProblem: for a model of something else, and data that cannot be used.
        """
        with naming("model", path="prices"):
            return build.daily_returns(self._returns_section())

    def prices(self) -> pd.DataFrame:
        """All prices, dates x tickers, that the model's window is cut from.

        Raises:
            InvalidProblem: as `daily_returns`.
        """
        with naming("model", path="prices"):
            return build.prices_of(self._returns_section())

    def fitted(self, returns: Array) -> Model:
        """The same model of other returns (days, assets)."""
        return build.fitted(self._returns_section(), returns)

    def _returns_section(self) -> ReturnsSection:
        if isinstance(self.model, ReturnsSection):
            return self.model
        raise InvalidField(["model.kind"], f"={_kind(self.model)!r}", "must be one of returns")

    def _require_fit(self) -> None:
        """Refuse a portfolio under a market's model, and an option under one of returns."""
        fits_both = _kind(self.contract) in BOOKS
        if fits_both or self.is_risk == isinstance(self.contract, PortfolioSection):
            return
        allowed = ", ".join(("portfolio", *BOOKS) if self.is_risk else CONTRACTS)
        complaint = f"must be {allowed} under model.kind={_kind(self.model)!r}; change one of them"
        raise InvalidField(["contract.kind"], f"={_kind(self.contract)!r}", complaint)

    def _problem(self, model: Model, contract: Contract, measure: Measure) -> Problem:
        """The problem; what does not fit is said of the contract's kind."""
        from qmc.problem import Problem

        try:
            with naming("contract", **_RENAMED):
                return Problem(model, contract, measure)
        except InvalidField:
            raise
        except InvalidProblem as error:
            complaint = f"must fit model.kind={_kind(self.model)!r}: {error}"
            given = f"={_kind(self.contract)!r}"
            raise InvalidField(["contract.kind"], given, complaint) from error

    def make_goal(self) -> Goal:
        """The goal; without any end given, a relative tolerance that the default grid reaches."""
        from qmc.problem import Goal

        section = self.goal
        relative = section.relative_tolerance
        if section.tolerance is None and relative is None and section.queries is None:
            is_wide = self.is_risk or isinstance(self.measure, TailSection)
            relative = RISK_TOLERANCE if is_wide else PRICE_TOLERANCE
        with naming("goal"):
            for name, given in (("tolerance", section.tolerance), ("relative_tolerance", relative)):
                if given is not None and 0.0 < given < LEAST_TOLERANCE:
                    hint = "no run ends there"
                    raise checks.refuse(name, given, f"{LEAST_TOLERANCE:g} or above", hint)
            return Goal(
                tolerance=section.tolerance,
                relative_tolerance=relative,
                queries=section.queries,
                confidence=section.confidence,
            )

    def make_quantum(self) -> Quantum:
        """The quantum engine.

        Raises:
            InvalidField: naming what is out of range, a setting that the estimator has not, or an
                estimator that cannot search for a quantile where one is asked for.
        """
        with naming("quantum"):
            engine = build.quantum(
                self.quantum,
                self.estimator,
                lambda: self.problems()[0],
                is_risk=self.is_risk,
                is_portfolio=isinstance(self.contract, PortfolioSection),
            )
        if isinstance(self.measure, TailSection) and engine.estimator is not None:
            word = self.quantum.estimator or build.DEFAULT_ESTIMATOR
            require_early_reading(word, engine.estimator)
        return engine

    def unused(self) -> tuple[str, ...]:
        """The fields given of the quantum engine when another one alone shall solve.

        >>> spec = Specification.from_mapping({
        ...     "model": {"kind": "black-scholes", "spot": 100, "vol": 0.2},
        ...     "contract": {"kind": "call", "strike": 105, "expiry": 1},
        ...     "quantum": {"estimator": "adaptive"}, "run": {"engine": "analytic"},
        ... })
        >>> spec.unused()
        ('quantum.estimator',)
        """
        if self.run.engine in ("quantum", "all"):
            return ()
        parts = [f"quantum.{name}" for name in QuantumSection.model_fields]
        given = self.quantum.model_fields_set
        parts = [one for one in parts if one.partition(".")[2] in given]
        return (*parts, *(f"estimator.{name}" for name in self.estimator.settings))

    def require_used(self, unused: Sequence[str]) -> None:
        """Refuse settings that no engine would read.

        Args:
            unused: of `unused()`, those that count.

        Raises:
            InvalidField: naming them, when there are any.
        """
        if not unused:
            return
        given = ""
        if len(unused) == 1:
            section, name = unused[0].split(".")
            whole = self.quantum if section == "quantum" else self.estimator
            given = shown(getattr(whole, name))
        them = "it" if len(unused) == 1 else "them"
        complaint = (
            f"must be absent with engine {self.run.engine}, which has no such part; leave {them} "
            "out, or take engine quantum or all"
        )
        raise InvalidField(unused, given, complaint)


def _kind(section: Section) -> str:
    return str(getattr(section, "kind", ""))
