"""Backends: whatever turns an amplitude problem into hits."""

from qmc.backends.aer import Aer
from qmc.backends.ideal import Ideal
from qmc.backends.protocols import Backend, Oracle

__all__ = ["Aer", "Backend", "Ideal", "Oracle"]
