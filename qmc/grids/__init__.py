"""Grids: a problem becomes a table of cells with exact probabilities and conditional means."""

from qmc.grids.cell_table import CellTable, DiscreteProblem, Grid

__all__ = ["CellTable", "DiscreteProblem", "Grid"]
