"""Grids: a problem becomes a table of cells with exact probabilities and conditional means."""

from qmc.grids.cell_table import CellTable, DiscreteProblem, Grid
from qmc.grids.law_grid import LawGrid
from qmc.grids.uniform_grid import UniformGrid

__all__ = ["CellTable", "DiscreteProblem", "Grid", "LawGrid", "UniformGrid"]
