"""Noise of a simulated device: frozen values that make Qiskit Aer's noise model."""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from qmc import checks
from qmc.backends.isa import preset_passes
from qmc.circuits.grover import BASIS
from qmc.errors import InvalidProblem, Unsupported

if TYPE_CHECKING:
    from qiskit.transpiler import PassManager

GENERIC = "GenericBackendV2"
COUPLINGS = ("full", "line", "ring", "heavy_hex")
# code distance of the heavy-hex lattice of so many qubits
_LATTICES = {19: 3, 57: 5}


@runtime_checkable
class Noise(Protocol):
    """Makes a noise model, and says how a circuit must be compiled for its errors to attach."""

    @property
    def routed(self) -> bool:
        """Whether compiling may move qubits, so that powers cannot always be composed."""
        ...

    def model(self) -> Any:  # noqa: ANN401
        """The `qiskit_aer.noise.NoiseModel`."""
        ...

    def pass_manager(self) -> PassManager:
        """Compiles a circuit to the gates and qubit pairs that carry the errors."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DepolarizingNoise:
    """Depolarizing errors after gates and symmetric readout errors, the same on every qubit.

    After a CX the pair's state rho becomes (1 - e) rho + e I / 4, e = `two_qubit_error`; after SX
    and X a qubit's becomes (1 - e) rho + e I / 2, e = `one_qubit_error`; RZ is a change of frame
    and has no error (Nielsen and Chuang 2010, section 8.3.4). The average gate infidelity is
    3 e / 4 of a pair and e / 2 of a qubit. Each measured bit is flipped with probability
    `readout_error`, which leaves contrast 1 - 2 * readout_error.

    Attributes:
        two_qubit_error: e of CX, from 0 to 1.
        readout_error: probability of a flipped bit, from 0 to below 1/2.
        one_qubit_error: e of SX and X, from 0 to 1.

    >>> from qmc.backends import DepolarizingNoise
    >>> DepolarizingNoise(two_qubit_error=0.01, readout_error=0.02).contrast
    0.96
    """

    two_qubit_error: float
    readout_error: float = 0.0
    one_qubit_error: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        for name in ("two_qubit_error", "one_qubit_error"):
            object.__setattr__(self, name, _probability(name, getattr(self, name), 1.0))
        readout = _probability("readout_error", self.readout_error, 0.5)
        if readout == 0.5:
            hint = "at 1/2 a readout says nothing"
            raise checks.refuse("readout_error", readout, "from 0 to below 0.5", hint)
        object.__setattr__(self, "readout_error", readout)

    @property
    def routed(self) -> bool:
        """Every pair of qubits has a CX."""
        return False

    @property
    def contrast(self) -> float:
        """What readout leaves of a probability's distance to 1/2: 1 - 2 * readout_error."""
        return 1.0 - 2.0 * self.readout_error

    def model(self) -> Any:  # noqa: ANN401
        """The `qiskit_aer.noise.NoiseModel`."""
        from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

        model = NoiseModel(basis_gates=list(BASIS))
        if self.two_qubit_error:
            model.add_all_qubit_quantum_error(depolarizing_error(self.two_qubit_error, 2), ["cx"])
        if self.one_qubit_error:
            error = depolarizing_error(self.one_qubit_error, 1)
            model.add_all_qubit_quantum_error(error, ["sx", "x"])
        if self.readout_error:
            flip = self.readout_error
            model.add_all_qubit_readout_error(ReadoutError([[1 - flip, flip], [flip, 1 - flip]]))
        return model

    def pass_manager(self) -> PassManager:
        """Compiles to cx, rz, sx, x, all-to-all: errors are attached to these."""
        return preset_passes(BASIS, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNoise:
    """Noise of a fake device, by `NoiseModel.from_backend`: gates, relaxation and readout.

    Circuits are laid out and routed on the device's own qubit pairs, where its errors are; idle
    qubits are not simulated. The generic device has calibration data made up by qiskit in the
    ranges of real devices; those of named devices need qiskit-ibm-runtime, and our tests run
    without it: what they check of a heavy-hex device they check of the generic one.

    Attributes:
        device: "GenericBackendV2", made up by qiskit from `qubits`, `coupling` and `seed`, or a
            class of `qiskit_ibm_runtime.fake_provider` where that package is installed.
        qubits: of the generic device; heavy-hex ones have 19 or 57.
        coupling: of the generic device: "full", "line", "ring" or "heavy_hex".
        seed: of the generic device's made-up errors, and of the routing.

    Raises:
        Unsupported: from `backend()`, for a device that is not installed.

    >>> from qmc.backends import DeviceNoise
    >>> DeviceNoise(qubits=4).backend().num_qubits
    4
    """

    device: str = GENERIC
    qubits: int = 5
    coupling: str = "full"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an unknown coupling and a lattice of the wrong size."""
        if not (isinstance(self.device, str) and self.device.isidentifier()):
            raise checks.refuse("device", self.device, f"{GENERIC!r} or the name of a fake device")
        checks.whole("qubits", self.qubits, 2)
        checks.whole("seed", self.seed, 0)
        checks.choice("coupling", self.coupling, COUPLINGS)
        if self.coupling == "heavy_hex" and _distance(self.qubits) is None:
            hint = "other sizes are no whole lattice"
            raise checks.refuse("qubits", self.qubits, "19 or 57 with coupling='heavy_hex'", hint)

    @property
    def routed(self) -> bool:
        """Circuits are laid out on the device's own qubits."""
        return True

    def backend(self) -> Any:  # noqa: ANN401
        """The fake device, a qiskit `BackendV2`."""
        if self.device != GENERIC:
            return _installed_device(self.device)
        from qiskit.providers.fake_provider import GenericBackendV2

        return GenericBackendV2(self.qubits, coupling_map=self._coupling_map(), seed=self.seed)

    def model(self) -> Any:  # noqa: ANN401
        """The `qiskit_aer.noise.NoiseModel`."""
        from qiskit_aer.noise import NoiseModel

        return NoiseModel.from_backend(self.backend())

    def pass_manager(self) -> PassManager:
        """Compiles to the device's own gates and qubit pairs."""
        from qiskit import generate_preset_pass_manager

        return generate_preset_pass_manager(1, backend=self.backend(), seed_transpiler=self.seed)

    def require_qubits(self, qubits: int) -> None:
        """Raise `InvalidProblem` when a circuit has more qubits than the device."""
        if self.device != GENERIC:
            most = _size(self.device)
            if qubits > most:
                allowed = f"a device of {qubits} qubits or more, which this circuit takes"
                raise checks.refuse("device", f"{self.device}, {most} qubits", allowed)
        elif qubits > self.qubits:
            larger = next((size for size in _LATTICES if size >= qubits), None)
            size = larger if self.coupling == "heavy_hex" else qubits
            way = "" if size is None else f"take DeviceNoise(qubits={size}), or "
            hint = f"{way}fewer grid qubits"
            raise checks.refuse("qubits", self.qubits, f"{qubits} or more for this circuit", hint)

    def _coupling_map(self) -> Any:  # noqa: ANN401
        from qiskit.transpiler import CouplingMap

        distance = _distance(self.qubits)
        if self.coupling == "heavy_hex" and distance is not None:
            return CouplingMap.from_heavy_hex(distance)
        return getattr(CouplingMap, f"from_{self.coupling}")(self.qubits)


def _distance(qubits: int) -> int | None:
    """Code distance d of the heavy-hex lattice with (5 d^2 - 2 d - 1) / 2 qubits."""
    return _LATTICES.get(qubits)


@functools.cache
def _size(name: str) -> int:
    """Qubits of an installed device, which takes long to load."""
    return int(_installed_device(name).num_qubits)


def _installed_device(name: str) -> Any:  # noqa: ANN401
    try:
        fake_provider = importlib.import_module("qiskit_ibm_runtime.fake_provider")
    except ImportError as error:
        msg = (
            f"device={name!r}: fake devices by name need the package qiskit-ibm-runtime, which is "
            f"not installed; take device={GENERIC!r}"
        )
        raise Unsupported(msg) from error
    kind = getattr(fake_provider, name, None)
    if not isinstance(kind, type):
        msg = f"device={name!r}: qiskit_ibm_runtime.fake_provider has no class of this name"
        raise InvalidProblem(msg)
    return kind()


def _probability(name: str, value: object, high: float) -> float:
    number = checks.finite(name, value)
    if not 0.0 <= number <= high:
        raise checks.refuse(name, value, f"from 0 to {high:g}")
    return number
