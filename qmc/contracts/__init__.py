"""Contracts: what is paid, as a map from paths to money at time 0."""

from qmc.contracts.autocallable import Autocallable
from qmc.contracts.barrier import Barrier
from qmc.contracts.bond import Bond
from qmc.contracts.book import Book, OptionPosition, StockPosition
from qmc.contracts.cliquet import Cliquet
from qmc.contracts.combine import Sum
from qmc.contracts.delta_gamma import DeltaGamma
from qmc.contracts.lookback import Lookback
from qmc.contracts.multi import Basket, Exchange, Rainbow, Spread
from qmc.contracts.path import Asian
from qmc.contracts.portfolio import Portfolio
from qmc.contracts.vanilla import Call, CallSpread, Digital, Put

__all__ = [
    "Asian",
    "Autocallable",
    "Barrier",
    "Basket",
    "Bond",
    "Book",
    "Call",
    "CallSpread",
    "Cliquet",
    "DeltaGamma",
    "Digital",
    "Exchange",
    "Lookback",
    "OptionPosition",
    "Portfolio",
    "Put",
    "Rainbow",
    "Spread",
    "StockPosition",
    "Sum",
]
