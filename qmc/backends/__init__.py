"""Backends: whatever turns an amplitude problem into hits."""

from qmc.backends.protocols import Backend, Oracle

__all__ = ["Backend", "Oracle"]
