"""Contracts: what is paid, as a map from paths to money at time 0."""

from qmc.contracts.portfolio import Portfolio
from qmc.contracts.vanilla import Call, CallSpread, Digital, Put

__all__ = ["Call", "CallSpread", "Digital", "Portfolio", "Put"]
