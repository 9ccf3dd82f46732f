"""Circuits: a discretised problem becomes a state preparation with a flag qubit."""

from qmc.circuits.amplitude_problem import AmplitudeProblem, Encoding
from qmc.circuits.rotations import MultiplexedRotation

__all__ = ["AmplitudeProblem", "Encoding", "MultiplexedRotation"]
