"""Classical engines for the same Problem, Goal and Result as the quantum engine."""

from classical_baseline.analytic import Analytic
from classical_baseline.monte_carlo import MonteCarlo
from classical_baseline.revaluation import revalue

__all__ = ["Analytic", "MonteCarlo", "revalue"]
