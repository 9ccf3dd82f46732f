"""Resources: qubits, depth, two-qubit gates, T count and depth, physical qubits and runtime."""

from qmc.resources.counts import GateCounts, count_gates, t_per_rotation
from qmc.resources.fits import Growth
from qmc.resources.growth import ScalingRow, ScalingTable, scaling
from qmc.resources.machine import Machine, PhysicalResources, physical
from qmc.resources.report import Resources, resources
from qmc.resources.runs import RunResources

__all__ = [
    "GateCounts",
    "Growth",
    "Machine",
    "PhysicalResources",
    "Resources",
    "RunResources",
    "ScalingRow",
    "ScalingTable",
    "count_gates",
    "physical",
    "resources",
    "scaling",
    "t_per_rotation",
]
