"""Models: maps from independent standard normals to paths."""

from qmc.models.black_scholes import BlackScholes
from qmc.models.bond_rates import BondRates
from qmc.models.correlation import InvalidCorrelation, nearest_correlation
from qmc.models.curves import Curve
from qmc.models.heston import Heston
from qmc.models.history import FilteredReturns, HistoricalReturns, ewma_volatility
from qmc.models.local_volatility import CEV, LocalVolatility
from qmc.models.merton import Merton
from qmc.models.multi_asset import MultiAsset
from qmc.models.returns import NormalReturns, StudentTReturns

__all__ = [
    "CEV",
    "BlackScholes",
    "BondRates",
    "Curve",
    "FilteredReturns",
    "Heston",
    "HistoricalReturns",
    "InvalidCorrelation",
    "LocalVolatility",
    "Merton",
    "MultiAsset",
    "NormalReturns",
    "StudentTReturns",
    "ewma_volatility",
    "nearest_correlation",
]
