"""Backends: whatever turns an amplitude problem into hits."""

from qmc.backends.aer import Aer
from qmc.backends.calibration import Calibration, calibrate
from qmc.backends.ideal import Ideal
from qmc.backends.noise import DepolarizingNoise, DeviceNoise, Noise
from qmc.backends.protocols import Backend, Oracle, SupportsReadout
from qmc.backends.sampler import Sampler

__all__ = [
    "Aer",
    "Backend",
    "Calibration",
    "DepolarizingNoise",
    "DeviceNoise",
    "Ideal",
    "Noise",
    "Oracle",
    "Sampler",
    "SupportsReadout",
    "calibrate",
]
