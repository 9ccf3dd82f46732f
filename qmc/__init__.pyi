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
from .grids import CellTable, LawGrid, UniformGrid
from .laws import EmpiricalLaw, LogNormalLaw, NormalLaw, StudentTLaw
from .measures import ES, Excess, ExpectedLoss, Mean, Price, Probability, Tail, VaR
from .models import (
    BlackScholes,
    FilteredReturns,
    HistoricalReturns,
    NormalReturns,
    StudentTReturns,
)
from .planning import Plan
from .problem import AffinePiece, Goal, Problem
from .result import Budget, Cost, Estimate, Interval, Result
from .rounds import Round
from .serialise import from_dict, from_json, to_dict, to_json

__version__: str

__all__ = [
    "ES",
    "AffinePiece",
    "BackendFailed",
    "BlackScholes",
    "Budget",
    "Call",
    "CallSpread",
    "CellTable",
    "Cost",
    "Digital",
    "EmpiricalLaw",
    "Estimate",
    "Excess",
    "ExpectedLoss",
    "FilteredReturns",
    "Goal",
    "HistoricalReturns",
    "Interval",
    "InvalidProblem",
    "LawGrid",
    "LogNormalLaw",
    "Mean",
    "NormalLaw",
    "NormalReturns",
    "NotConverged",
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
    "StudentTLaw",
    "StudentTReturns",
    "Tail",
    "TooLarge",
    "UniformGrid",
    "Unsupported",
    "VaR",
    "convergence",
    "from_dict",
    "from_json",
    "to_dict",
    "to_json",
]
