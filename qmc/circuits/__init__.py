"""Circuits: a discretised problem becomes a state preparation with a flag qubit."""

from qmc.circuits.amplitude_problem import AmplitudeProblem, Encoding
from qmc.circuits.arithmetic_asian import ArithmeticAsian
from qmc.circuits.comparator import Comparator
from qmc.circuits.imported_law import from_qiskit_finance
from qmc.circuits.linear_rotation import LinearRotation
from qmc.circuits.loaders import Automatic, Hadamards, LoadedLaw, Loader, Tree
from qmc.circuits.multiplexed_rotation import MultiplexedRotation
from qmc.circuits.piecewise_rotation import PiecewiseRotation
from qmc.circuits.staircase import Staircase
from qmc.circuits.table_law import TableLaw

__all__ = [
    "AmplitudeProblem",
    "ArithmeticAsian",
    "Automatic",
    "Comparator",
    "Encoding",
    "Hadamards",
    "LinearRotation",
    "LoadedLaw",
    "Loader",
    "MultiplexedRotation",
    "PiecewiseRotation",
    "Staircase",
    "TableLaw",
    "Tree",
    "from_qiskit_finance",
]
