"""Models: maps from independent standard normals to paths."""

from qmc.models.black_scholes import BlackScholes
from qmc.models.history import FilteredReturns, HistoricalReturns, ewma_volatility
from qmc.models.returns import NormalReturns, StudentTReturns

__all__ = [
    "BlackScholes",
    "FilteredReturns",
    "HistoricalReturns",
    "NormalReturns",
    "StudentTReturns",
    "ewma_volatility",
]
