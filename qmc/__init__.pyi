from . import backends, circuits, data, estimators, interop, plots, resources, testing
from .circuits import (
    AmplitudeProblem,
    Comparator,
    LinearRotation,
    MultiplexedRotation,
    PiecewiseRotation,
    Staircase,
)
from .contracts import Call, CallSpread, Digital, Portfolio, Put
from .convergence import convergence
from .engine import Quantum
from .errors import (
    BackendFailed,
    InvalidProblem,
    NotConverged,
    QmcError,
    TooLarge,
    Unsupported,
)
from .estimators import Estimator, run_estimator
from .grids import CellTable, LawGrid, UniformGrid
from .laws import EmpiricalLaw, LogNormalLaw, NormalLaw, StudentTLaw
from .measures import ES, Excess, ExpectedLoss, Mean, Price, Probability, Tail, VaR
from .mixture import LogNormalMixture
from .models import (
    CEV,
    BlackScholes,
    Curve,
    FilteredReturns,
    Heston,
    HistoricalReturns,
    InvalidCorrelation,
    LocalVolatility,
    Merton,
    MultiAsset,
    NormalReturns,
    StudentTReturns,
    nearest_correlation,
)
from .planning import Plan
from .problem import AffinePiece, Contract, GaussianLogPrices, Goal, Model, Problem
from .result import Budget, Cost, Engine, Estimate, Interval, Result
from .rounds import Round
from .serialise import from_dict, from_json, to_dict, to_json

__version__: str

__all__ = [
    "CEV",
    "ES",
    "AffinePiece",
    "AmplitudeProblem",
    "BackendFailed",
    "BlackScholes",
    "Budget",
    "Call",
    "CallSpread",
    "CellTable",
    "Comparator",
    "Contract",
    "Cost",
    "Curve",
    "Digital",
    "EmpiricalLaw",
    "Engine",
    "Estimate",
    "Estimator",
    "Excess",
    "ExpectedLoss",
    "FilteredReturns",
    "GaussianLogPrices",
    "Goal",
    "Heston",
    "HistoricalReturns",
    "Interval",
    "InvalidCorrelation",
    "InvalidProblem",
    "LawGrid",
    "LinearRotation",
    "LocalVolatility",
    "LogNormalLaw",
    "LogNormalMixture",
    "Mean",
    "Merton",
    "Model",
    "MultiAsset",
    "MultiplexedRotation",
    "NormalLaw",
    "NormalReturns",
    "NotConverged",
    "PiecewiseRotation",
    "Plan",
    "Portfolio",
    "Price",
    "Probability",
    "Problem",
    "Put",
    "QmcError",
    "Quantum",
    "Result",
    "Round",
    "Staircase",
    "StudentTLaw",
    "StudentTReturns",
    "Tail",
    "TooLarge",
    "UniformGrid",
    "Unsupported",
    "VaR",
    "backends",
    "circuits",
    "convergence",
    "data",
    "estimators",
    "from_dict",
    "from_json",
    "interop",
    "nearest_correlation",
    "plots",
    "resources",
    "run_estimator",
    "testing",
    "to_dict",
    "to_json",
]
