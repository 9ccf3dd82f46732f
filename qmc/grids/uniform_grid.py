"""`UniformGrid`: the literature's window of equally spaced points, for comparison only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.capabilities import TerminalLaw, TerminalPayoff
from qmc.errors import Unsupported
from qmc.grids.cell_table import CellTable, check_qubits, require_table_memory
from qmc.laws import LogNormalLaw
from qmc.measures import Price
from qmc.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class UniformGrid:
    """2**qubits equally spaced prices on mean +- a few standard deviations.

    The density at the points, renormalised, is the probability; the payoff at the point is the
    value (Stamatopoulos et al. 2020, arXiv:1905.02666, section 3). What lies outside the window
    is lost and the midpoint rule is off at kinks, so `bias` is "unknown" and results cover the
    discretised problem only. It is here to be compared with `LawGrid`.

    Attributes:
        qubits: 1 or more.
        standard_deviations: half-width of the window, > 0.
    """

    qubits: int = 5
    standard_deviations: float = 3.0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        check_qubits(self.qubits)
        width = checks.positive("standard_deviations", self.standard_deviations)
        object.__setattr__(self, "standard_deviations", width)

    def discretise(self, problem: Problem) -> CellTable:
        """Return the table of a price problem with a terminal law.

        Raises:
            Unsupported: for other measures, models without a terminal law, and laws without a
                finite variance.
        """
        require_table_memory(self.qubits)
        law = self.require_treated(problem)
        prices = self._window(law.mean, law.log_sd)
        # the log-normal density at the points, up to a factor that renormalising removes
        z = np.log(prices / law.mean) / law.log_sd + 0.5 * law.log_sd
        weights = np.exp(-0.5 * z * z) / prices
        return CellTable(
            registers=(self.qubits,),
            marginals=(weights / weights.sum(),),
            values=problem.values_of_paths(prices[:, None, None]),
            bias="unknown",
            bias_bound=np.inf,
        )

    def require_treated(self, problem: Problem) -> LogNormalLaw:
        """The law of the price that is cut.

        Raises:
            Unsupported: as `discretise`, before any work.
        """
        model, contract = problem.model, problem.contract
        if not (
            isinstance(problem.measure, Price)
            and isinstance(model, TerminalLaw)
            and isinstance(contract, TerminalPayoff)
        ):
            msg = (
                "UniformGrid treats Price of a contract on one terminal price under a model that "
                f"knows its law, not {type(problem.measure).__name__} of {type(contract).__name__} "
                f"under {type(model).__name__}; leave the grid open, or take LawGrid() where a law "
                "is known and FactorGrid() elsewhere"
            )
            raise Unsupported(msg)
        law = model.terminal_law(contract.expiry)
        if not isinstance(law, LogNormalLaw):
            msg = f"UniformGrid takes a LogNormalLaw, not a {type(law).__name__}: use LawGrid"
            raise Unsupported(msg)
        return law

    def _window(self, mean: float, log_sd: float) -> np.ndarray:
        deviation = mean * np.sqrt(np.expm1(log_sd**2))
        low = max(mean - self.standard_deviations * deviation, 1e-6 * mean)
        high = mean + self.standard_deviations * deviation
        return np.linspace(low, high, 2**self.qubits)
