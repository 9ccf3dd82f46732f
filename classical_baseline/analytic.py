"""`Analytic`: closed forms, from exact laws."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from classical_baseline.closed_forms.pricing import closed_price, closed_sensitivity
from qmc.affine import AffinePiece, exceeding
from qmc.capabilities import TerminalLaw, TerminalPayoff, ValueLaw
from qmc.contracts import Sum
from qmc.errors import Unsupported
from qmc.laws import Law, cell_masses, cell_partial_means
from qmc.measures import (
    ExpectedLoss,
    Measure,
    Price,
    Probability,
    Sensitivity,
    TailMeasure,
)
from qmc.problem import Goal, Problem, check_request
from qmc.result import (
    Budget,
    BudgetLine,
    Cost,
    Interval,
    Provenance,
    Result,
    describe_seed,
    law_lines,
)
from qmc.rng import RNGLike
from qmc.tail_laws import tail_number


@dataclass(frozen=True, slots=True)
class Analytic:
    """Closed forms: no sampling, an interval of width 0.

    Three ways. A terminal payoff's affine pieces are integrated against the law of the price at
    expiry (Price, Probability, ExpectedLoss); for a call under Black and Scholes that is their
    formula (1973, doi:10.1086/260062, eq. 13). A model that knows the law of the contract's value
    gives Price, Probability, ExpectedLoss, VaR, ES, TailConditionalExpectation and EconomicCapital
    from it; where that law is of scenarios fixed beforehand (`SampledLaw`), so is the answer, and
    `covers` says it. Price and ExpectedLoss have
    formulas of their own (`classical_baseline.closed_forms`): geometric `Asian`, `Exchange`,
    `Rainbow` on two assets, and, monitored continuously under `BlackScholes` with constant terms,
    `Barrier` and `Lookback`; and of a `Sum` whose parts have any. A `Sensitivity` is the derivative
    itself, without a step: of a terminal payoff under `BlackScholes` with constant terms, and of a
    `Sum` of these (`closed_forms.greeks`).

    >>> from qmc import BlackScholes, Call, Goal, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.20, rate=0.05)
    >>> problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> round(Analytic().solve(problem, Goal(tolerance=0.01)).value, 6)
    8.021352
    """

    def solve(self, problem: Problem, goal: Goal, *, rng: RNGLike = None) -> Result:
        """Find the number; `goal` gives the confidence that is stated, `rng` is not used.

        Raises:
            InvalidProblem: when problem or goal is something else.
            Unsupported: when model and contract have no common closed form.
        """
        check_request(problem, goal)
        begin = time.perf_counter()
        value, note = _closed_form(problem)
        sampled = law_lines(problem.model, problem.contract.times)
        return Result(
            value=value,
            interval=Interval(value, value, goal.confidence),
            covers="discretised" if sampled else "continuous",
            status="converged",
            budget=Budget((BudgetLine("closed form", "exact", 0.0, 0.0, note), *sampled)),
            cost=Cost(seconds=time.perf_counter() - begin),
            provenance=Provenance(
                problem=problem, goal=goal, engine=repr(self), seed=describe_seed(rng)
            ),
        )


def _closed_form(problem: Problem) -> tuple[float, str]:
    model, contract, measure = problem.model, problem.contract, problem.measure
    if isinstance(measure, Sensitivity):
        if isinstance(contract, Sum):
            return _sum(problem, contract, measure)
        return closed_sensitivity(model, contract, measure)
    if not isinstance(measure, Price | Probability | ExpectedLoss | TailMeasure):
        msg = (
            f"Analytic does not know the measure {type(measure).__name__}: it treats Price, "
            "Probability, ExpectedLoss, VaR, ES, TailConditionalExpectation, EconomicCapital and "
            "Sensitivity"
        )
        raise Unsupported(msg)
    if (
        isinstance(measure, Price | Probability | ExpectedLoss)
        and isinstance(model, TerminalLaw)
        and isinstance(contract, TerminalPayoff)
    ):
        law = model.terminal_law(contract.expiry)
        discount = float(model.discount((contract.expiry,))[0])
        return _from_price(law, contract.pieces(), discount, measure), "law of the price at expiry"
    if isinstance(model, ValueLaw):
        return _from_value(model.value_law(contract), measure), "law of the contract's value"
    if isinstance(measure, Price | ExpectedLoss):
        sign = -1.0 if isinstance(measure, ExpectedLoss) else 1.0
        if isinstance(contract, Sum):
            total, note = _sum(problem, contract, Price())
            return sign * total, note
        priced = closed_price(model, contract)
        if priced is not None:
            return sign * priced[0], priced[1]
    raise Unsupported(_missing(problem))


def _sum(problem: Problem, contract: Sum, measure: Measure) -> tuple[float, str]:
    """A linear measure of the parts, each by its own formula."""
    parts = (replace(problem, contract=part, measure=measure) for part in contract.contracts)
    pairs = zip(contract.quantities or (), parts, strict=True)
    total = math.fsum(quantity * _closed_form(part)[0] for quantity, part in pairs)
    return total, f"closed forms of {len(contract.contracts)} parts"


def _missing(problem: Problem) -> str:
    model, contract = type(problem.model).__name__, type(problem.contract).__name__
    if isinstance(problem.measure, TailMeasure):
        lacking = f"{model} has no value_law (ValueLaw)"
    elif not isinstance(problem.model, TerminalLaw):
        lacking = f"{model} has neither terminal_law (TerminalLaw) nor value_law (ValueLaw)"
    else:
        lacking = f"{contract} has no expiry and pieces (TerminalPayoff)"
    return (
        f"Analytic has no closed form of {type(problem.measure).__name__} for {contract} under "
        f"{model}: {lacking}; classical_baseline.MonteCarlo treats it"
    )


def _from_price(
    law: Law,
    pieces: tuple[AffinePiece, ...],
    discount: float,
    measure: Price | Probability | ExpectedLoss,
) -> float:
    if isinstance(measure, Probability):
        paid = tuple(
            replace(p, intercept=discount * p.intercept, slope=discount * p.slope) for p in pieces
        )
        return _probability(law, paid, measure.threshold)
    price = discount * math.fsum(_piece_mean(law, piece) for piece in pieces)
    return -price if isinstance(measure, ExpectedLoss) else price


def _piece_mean(law: Law, piece: AffinePiece) -> float:
    """E[intercept + slope X; low < X <= high]."""
    edges = np.array([piece.low, piece.high])
    total = 0.0
    if piece.intercept != 0.0:
        total += piece.intercept * float(cell_masses(law, edges)[0])
    if piece.slope != 0.0:
        total += piece.slope * float(cell_partial_means(law, edges)[0])
    return total


def _probability(law: Law, pieces: tuple[AffinePiece, ...], threshold: float) -> float:
    """P(value > threshold): the mass of the prices where it is."""
    parts = (cell_masses(law, np.array(ends))[0] for ends in exceeding(pieces, threshold))
    return min(max(float(sum(parts)), 0.0), 1.0)


def _from_value(law: Law, measure: Price | Probability | ExpectedLoss | TailMeasure) -> float:
    """The measure from the law of the present value."""
    if isinstance(measure, Price):
        return float(law.mean)
    if isinstance(measure, ExpectedLoss):
        return -float(law.mean)
    if isinstance(measure, Probability):
        return float(law.sf(measure.threshold))
    return tail_number(law.negated(), measure)
