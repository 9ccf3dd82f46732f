"""qmc: quantum Monte Carlo prices and risk, with intervals that contain the true number.

The public names are listed in `__init__.pyi` and loaded when first used, so that `import qmc`
costs nothing and loads no qiskit.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
