"""`Aer`: real circuits and real shots on the Qiskit Aer simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmc import checks, memory
from qmc.backends.aer_oracle import AER_GATES, AerOracle
from qmc.backends.calibration import POWERS, SHOTS, Calibration, calibrate
from qmc.backends.noise import Noise
from qmc.backends.powers import require_instructions
from qmc.backends.protocols import Oracle
from qmc.circuits.amplitude_problem import AmplitudeProblem, require_problem
from qmc.rng import RNGLike, generator

__all__ = ["AER_GATES", "Aer"]

METHODS = ("automatic", "statevector", "density_matrix", "matrix_product_state")
# a table's circuit is not begun where there is no room for this power of Q
_ROOM_FOR_POWER = 8
_BYTES = {"double": 16.0, "single": 8.0}
# a density matrix of so many qubits is a state of twice as many; beyond, trajectories are cheaper
_QUBITS_OF_A_DENSITY_MATRIX = 9
# larger states are not kept between powers
_QUBITS_TO_FUSE = 16
_QUBITS_TO_REUSE = {"statevector": 22, "density_matrix": 11, "matrix_product_state": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aer:
    """Run A Q^k on Qiskit Aer and measure the flag.

    A is compiled once an oracle; a steer adds four gates to it, and powers are put together from
    compiled parts. Every job has a fresh seed and Aer gives each circuit of a job its own.

    With `noise`, circuits are compiled to the gates that carry its errors. A density matrix has
    the noise exactly; a state vector with noise is a trajectory for each shot (quantum jumps:
    Dalibard, Castin and Molmer 1992, doi:10.1103/PhysRevLett.68.580), the same law in less memory
    and more time. Errors shrink what estimators look for: measure how fast by `calibrate`, and
    state it as `decay`. Readout errors are part of the noise and are not undone: hits that were
    turned back are not binomial, and an estimator would trust them too much. `Calibration.contrast`
    says how much they take at every power.

    Attributes:
        method: "statevector", "density_matrix", "matrix_product_state", or "automatic": a state
            vector without noise, with noise a density matrix up to 9 qubits, then trajectories.
        precision: "double" or "single".
        threads: for one simulation; 0 takes one for small circuits, where several only wait for
            each other, and leaves large ones to Aer.
        batch: circuits of one job; 0 takes as many as a bounded number of operations allows.
        noise: `DepolarizingNoise`, `DeviceNoise`, or None.
        decay: visibility lost per power that estimators are told.
        reuse_state: go on from the state of a smaller power instead of running A Q^k anew. Q is
            still applied k times, and shots are drawn from the state; trajectories, product states
            and devices with routing never do so.
        fusion: multiply the gates of A, and so of Q, into fewer operations, once an oracle, where
            state vectors are kept; the state is the same up to rounding. With
            `reuse_state=False` every gate is applied on its own.
        ancilla: build reflections on a clean ancilla, as a device would; by default Aer gets one
            multi-controlled X, which it applies at once, and a product state the ancilla.

    Raises:
        TooLarge: when the state would not fit the machine.
        BackendFailed: when Aer raises or returns another number of shots than asked for.

    >>> from qmc.backends import Aer, DepolarizingNoise
    >>> noisy = Aer(noise=DepolarizingNoise(two_qubit_error=1e-3), decay=0.02)
    >>> noisy.method_for(4), noisy.method_for(12), Aer().method_for(4)
    ('density_matrix', 'statevector', 'statevector')
    """

    method: str = "automatic"
    precision: str = "double"
    threads: int = 0
    batch: int = 0
    noise: Noise | None = None
    decay: float = 0.0
    reuse_state: bool = True
    fusion: bool = True
    ancilla: bool = False

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        checks.choice("method", self.method, METHODS)
        checks.choice("precision", self.precision, tuple(_BYTES))
        checks.whole("threads", self.threads, 0)
        checks.whole("batch", self.batch, 0)
        if self.noise is not None:
            checks.interface("noise", self.noise, Noise, "take DepolarizingNoise or DeviceNoise")
        object.__setattr__(self, "decay", checks.finite("decay", self.decay))
        if self.decay < 0.0:
            raise checks.refuse("decay", self.decay, "0 or above")
        for name in ("reuse_state", "fusion", "ancilla"):
            if not isinstance(getattr(self, name), bool):
                raise checks.refuse(name, getattr(self, name), "True or False")

    @property
    def noisy(self) -> bool:
        """Whether errors are simulated, which no interval covers."""
        return self.noise is not None

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> Oracle:
        """The oracle of one amplitude problem; simulates nothing yet."""
        require_problem(problem)
        # a steering ancilla or a reflection's may come on top of A
        self.require_state(problem.num_qubits + 1 + self.with_ancilla)
        if problem.flags is not None:
            # a table takes a rotation a cell, and Q has A twice
            require_instructions(float(problem.flags.size), _ROOM_FOR_POWER)
        return AerOracle(problem, self, generator(rng))

    def calibrate(
        self,
        problem: AmplitudeProblem,
        *,
        amplitude: float | None = None,
        powers: Sequence[int] = POWERS,
        shots: int = SHOTS,
        confidence: float = 0.95,
        rng: RNGLike = None,
    ) -> Calibration:
        """Measure decay and contrast on this problem's circuits: `qmc.backends.calibrate`."""
        return calibrate(
            self,
            problem,
            amplitude=amplitude,
            powers=powers,
            shots=shots,
            confidence=confidence,
            rng=rng,
        )

    @property
    def with_ancilla(self) -> bool:
        """Whether reflections take a clean ancilla; a product state has no gate on all qubits."""
        return self.ancilla or self.method == "matrix_product_state"

    def method_for(self, qubits: int) -> str:
        """The method that Aer is given for a circuit of so many qubits."""
        if self.method != "automatic":
            return self.method
        few = qubits <= _QUBITS_OF_A_DENSITY_MATRIX
        return "density_matrix" if self.noise is not None and few else "statevector"

    def reuses(self, qubits: int) -> bool:
        """Whether states are kept between powers for circuits of so many qubits."""
        method = self.method_for(qubits)
        trajectories = self.noise is not None and method == "statevector"
        return self.reuse_state and not trajectories and qubits <= _QUBITS_TO_REUSE[method]

    def fuses(self, qubits: int) -> bool:
        """Whether gates are multiplied before they are run."""
        vector = self.method_for(qubits) == "statevector"
        return self.fusion and vector and self.noise is None and qubits <= _QUBITS_TO_FUSE

    def require_state(self, qubits: int) -> None:
        """Raise `TooLarge` when the state of so many qubits would not fit the machine.

        2**qubits amplitudes, 4**qubits of a density matrix; a product state is as large as it is
        entangled, and not bounded here.
        """
        method = self.method_for(qubits)
        if method == "matrix_product_state":
            return
        mixed = method == "density_matrix"
        memory.require(
            _BYTES[self.precision] * (4.0 if mixed else 2.0) ** qubits,
            f"the {'density matrix' if mixed else 'state'} of {qubits} qubits",
            "take fewer qubits, or precision='single'"
            + (", or method='statevector', which runs trajectories" if mixed else ""),
        )
