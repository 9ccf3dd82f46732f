"""Pictures: each function draws into `ax` (new axes when None) and returns it."""

from qmc.plots.axes import new_axes
from qmc.plots.circuits import (
    plot_amplitudes,
    plot_circuit,
    plot_decay,
    plot_loaded_law,
    plot_rotation,
)
from qmc.plots.contributions import plot_contributions
from qmc.plots.grids import plot_allocation, plot_factor_cells
from qmc.plots.quantiles import plot_quantile_queries
from qmc.plots.results import (
    plot_budget,
    plot_cells,
    plot_convergence,
    plot_intervals,
    plot_losses,
)
from qmc.plots.risk import plot_exceedance, plot_loss_law

__all__ = [
    "new_axes",
    "plot_allocation",
    "plot_amplitudes",
    "plot_budget",
    "plot_cells",
    "plot_circuit",
    "plot_contributions",
    "plot_convergence",
    "plot_decay",
    "plot_exceedance",
    "plot_factor_cells",
    "plot_intervals",
    "plot_loaded_law",
    "plot_loss_law",
    "plot_losses",
    "plot_quantile_queries",
    "plot_rotation",
]
