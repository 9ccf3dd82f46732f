"""Grids: a problem becomes a table of cells with exact probabilities and conditional means."""

from qmc.grids.cell_table import CellTable, DiscreteProblem, Grid
from qmc.grids.factor_grid import FactorGrid
from qmc.grids.factor_report import FactorReport
from qmc.grids.law_grid import LawGrid
from qmc.grids.residual import Correction, Residual
from qmc.grids.uniform_grid import UniformGrid

__all__ = [
    "CellTable",
    "Correction",
    "DiscreteProblem",
    "FactorGrid",
    "FactorReport",
    "Grid",
    "LawGrid",
    "Residual",
    "UniformGrid",
]
