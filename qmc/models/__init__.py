"""Models: maps from independent standard normals to paths."""

from qmc.models.black_scholes import BlackScholes
from qmc.models.returns import (
    FilteredReturns,
    HistoricalReturns,
    NormalReturns,
    StudentTReturns,
    ewma_volatility,
)

__all__ = [
    "BlackScholes",
    "FilteredReturns",
    "HistoricalReturns",
    "NormalReturns",
    "StudentTReturns",
    "ewma_volatility",
]
