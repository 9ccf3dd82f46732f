"""How values of market risk are written: names of measures, money, columns of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable

from qmc.measures import Measure


def measure_name(measure: Measure) -> str:
    """Such as "VaR 99 %".

    >>> from qmc.measures import VaR
    >>> measure_name(VaR(level=0.99))
    'VaR 99 %'
    """
    level = getattr(measure, "level", None)
    name = type(measure).__name__
    return name if level is None else f"{name} {100.0 * level:g} %"


def money(value: float) -> str:
    """Six significant digits; thousands get commas and no more than two decimals.

    >>> money(1234567.891), money(-0.0123456789)
    ('1,234,567.89', '-0.0123457')
    """
    return f"{value:,.2f}" if abs(value) >= 1e3 else f"{value:.6g}"


def column(values: Iterable[float]) -> list[str]:
    """Numbers with the decimals that show six digits of the largest.

    >>> column([1234.5, -0.25])
    ['1,234.50', '-0.25']
    """
    given = list(values)
    largest = max((abs(one) for one in given if math.isfinite(one)), default=0.0)
    decimals = 6 if largest == 0.0 else max(5 - math.floor(math.log10(largest)), 0)
    return [f"{one:,.{decimals}f}" for one in given]
