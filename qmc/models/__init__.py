"""Models: maps from independent standard normals to paths."""

from qmc.models.black_scholes import BlackScholes
from qmc.models.bond_rates import BondRates
from qmc.models.correlation import InvalidCorrelation, nearest_correlation
from qmc.models.covariance import CovarianceEstimator, InvalidCovariance, nearest_covariance
from qmc.models.curves import Curve
from qmc.models.filtered import FilteredReturns
from qmc.models.filters import EWMA, Recursion, VolatilityFilter, ewma_volatility
from qmc.models.garch import GARCH
from qmc.models.heston import Heston
from qmc.models.history import HistoricalReturns
from qmc.models.local_volatility import CEV, LocalVolatility
from qmc.models.merton import Merton
from qmc.models.multi_asset import MultiAsset
from qmc.models.returns import NormalReturns, StudentTReturns
from qmc.models.stress import StressedWindow, stressed, worst_window

__all__ = [
    "CEV",
    "EWMA",
    "GARCH",
    "BlackScholes",
    "BondRates",
    "CovarianceEstimator",
    "Curve",
    "FilteredReturns",
    "Heston",
    "HistoricalReturns",
    "InvalidCorrelation",
    "InvalidCovariance",
    "LocalVolatility",
    "Merton",
    "MultiAsset",
    "NormalReturns",
    "Recursion",
    "StressedWindow",
    "StudentTReturns",
    "VolatilityFilter",
    "ewma_volatility",
    "nearest_correlation",
    "nearest_covariance",
    "stressed",
    "worst_window",
]
