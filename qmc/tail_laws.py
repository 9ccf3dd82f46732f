"""Tail measures of a loss whose law is known."""

from __future__ import annotations

import math

from qmc.errors import InvalidProblem
from qmc.laws import Law
from qmc.measures import EconomicCapital, TailConditionalExpectation, TailMeasure, VaR


def tail_number(loss: Law, measure: TailMeasure) -> float:
    """The measure of a loss with this law; ES by Acerbi and Tasche (2002, eq. 3).

    Raises:
        InvalidProblem: for a strict mean beyond a VaR that no loss exceeds.

    >>> from qmc import ES, StudentTLaw
    >>> law = StudentTLaw(location=0.0, scale=1.0, degrees_of_freedom=4.0)
    >>> round(tail_number(law, ES(level=0.975)), 4)
    3.9936
    """
    quantile = float(loss.ppf(measure.level)) + 0.0  # not -0
    if isinstance(measure, VaR):
        return quantile
    if isinstance(measure, EconomicCapital):
        return quantile - float(loss.mean)
    if isinstance(measure, TailConditionalExpectation):
        return quantile + mean_excess(loss, quantile) / _mass_beyond(loss, quantile, measure)
    return quantile + mean_excess(loss, quantile) / (1.0 - measure.level)


def mean_excess(loss: Law, q: float) -> float:
    """E[(L - q)+]; rounding may not push it below 0, nor a mean of the tail below q."""
    return max(float(loss.upper_partial_mean(q)) - q * float(loss.sf(q)), 0.0)


def _mass_beyond(loss: Law, quantile: float, measure: TailConditionalExpectation) -> float:
    """P(L > quantile), or P(L >= quantile)."""
    if not measure.strict:
        # P(L >= q) = P(L > p) for the number p next below q
        return float(loss.sf(math.nextafter(quantile, -math.inf)))
    beyond = float(loss.sf(quantile))
    if beyond <= 0.0:
        msg = (
            f"{measure!r}: no loss lies strictly above the VaR, {quantile:.6g}, the largest loss; "
            "take ES, strict=False, or a lower level"
        )
        raise InvalidProblem(msg)
    return beyond
