"""`Aer`: real circuits and real shots on the Qiskit Aer simulator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks, memory
from qmc.backends import calibration
from qmc.backends.aer_oracle import AER_GATES, AerOracle
from qmc.backends.noise import DeviceNoise, Noise
from qmc.backends.powers import least_instructions, require_instructions, require_work
from qmc.backends.product_state import product_bytes, worst_bond
from qmc.backends.protocols import Oracle
from qmc.backends.readout import FlagOnly
from qmc.circuits.amplitude_problem import AmplitudeProblem, require_problem
from qmc.rng import generator

__all__ = ["AER_GATES", "Aer"]

METHODS = ("automatic", "statevector", "density_matrix", "matrix_product_state")
# a circuit is not begun where there is no room for this power of Q, unrolled or of kept states:
# A itself and the two Q that are run gate by gate
_ROOM_FOR_POWER, _ROOM_IF_KEPT = 8, 2
_BYTES = {"double": 16.0, "single": 8.0}
# a density matrix of so many qubits is a state of twice as many; beyond, trajectories are cheaper
_QUBITS_OF_A_DENSITY_MATRIX = 9
# larger states are not kept between powers
_QUBITS_TO_REUSE = {"statevector": 22, "density_matrix": 11, "matrix_product_state": 0}

# the state after A, the one turned, a product on the way, and Aer's own
_COPIES_TO_REFLECT = 4.0


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
        reuse_state: go on from the state of a smaller power instead of running A Q^k anew, so that
            powers are not bounded by the memory of an unrolled circuit. Q is still applied k
            times, and shots are drawn from the state; trajectories, product states and devices
            with routing never do so.
        fusion: where state vectors are kept, take A S_0 A^dagger, twice the gates of A, as the one
            reflection that they multiply to, once two Q run gate by gate agree with it
            (`qmc.backends.reflection`); the state is the same up to rounding. With
            `fusion=False` or `reuse_state=False` every gate of every Q is run.
        ancilla: build reflections on a clean ancilla, as a device would; by default Aer gets one
            multi-controlled X, which it applies at once, and a product state the ancilla.
        bond_dimension: of "matrix_product_state": the largest that its memory is bounded by, for
            states that you know to be little entangled. Aer cuts off what needs more and does not
            say so, hence no result then claims to cover the true number. 0 cuts nothing off, and
            the worst case, 2^(qubits / 2), must fit the machine.

    Raises:
        TooLarge: before anything is built, when the state or the gates would not fit the machine,
            or running A and two Q gate by gate would not end within about half an hour.
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
    bond_dimension: int = 0

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        checks.choice("method", self.method, METHODS)
        checks.choice("precision", self.precision, tuple(_BYTES))
        checks.whole("threads", self.threads, 0)
        checks.whole("batch", self.batch, 0)
        checks.whole("bond_dimension", self.bond_dimension, 0)
        if self.bond_dimension and self.method != "matrix_product_state":
            allowed = f"0 with method={self.method!r}"
            hint = "method='matrix_product_state' has bonds"
            raise checks.refuse("bond_dimension", self.bond_dimension, allowed, hint)
        if self.noise is not None:
            checks.interface("noise", self.noise, Noise, "take DepolarizingNoise or DeviceNoise")
        object.__setattr__(self, "decay", calibration.checked_decay(self.decay))
        for name in ("reuse_state", "fusion", "ancilla"):
            if not isinstance(getattr(self, name), bool):
                raise checks.refuse(name, getattr(self, name), "True or False")

    @property
    def noisy(self) -> bool:
        """Whether errors are simulated, or a state may be cut off, which no interval covers."""
        return self.noise is not None or self.bond_dimension > 0

    @property
    def reads(self) -> bool:
        """Whether value registers are read beside the flag: exact draws, without noise only."""
        return not self.noisy

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> Oracle:
        """The oracle of one amplitude problem; simulates nothing yet."""
        require_problem(problem)
        # a steering ancilla or a reflection's may come on top of A
        self.require_state(problem.num_qubits + 1 + self.with_ancilla)
        self.require_device(problem.num_qubits + self.with_ancilla)
        self._require_gates(problem)
        made = AerOracle(problem, self, generator(rng))
        return made if self.reads else FlagOnly(made)

    # a method: the backend is the first argument of `qmc.backends.calibrate`
    calibrate = calibration.calibrate

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

    def reflects(self, qubits: int) -> bool:
        """Whether Q is one reflection of a kept state vector."""
        vector = self.method_for(qubits) == "statevector"
        return self.fusion and vector and self.reuses(qubits)

    def require_device(self, qubits: int) -> None:
        """Raise `InvalidProblem` when a fake device has fewer qubits than a circuit."""
        if isinstance(self.noise, DeviceNoise):
            self.noise.require_qubits(qubits)

    def _require_gates(self, problem: AmplitudeProblem) -> None:
        """Raise `TooLarge` before A is built where its gates take too much memory or time."""
        gates = least_instructions(problem)
        power = _ROOM_IF_KEPT if self.reuses(problem.num_qubits + 1) else _ROOM_FOR_POWER
        require_instructions(gates, power)
        method = self.method_for(problem.num_qubits)
        if method == "matrix_product_state":
            return  # what its gates cost depends on the bonds
        size = (4.0 if method == "density_matrix" else 2.0) ** problem.num_qubits
        require_work(gates, size)

    def require_state(self, qubits: int) -> None:
        """Raise `TooLarge` when the state of so many qubits would not fit the machine.

        2**qubits amplitudes, 4**qubits of a density matrix; a product state by its largest bond
        dimension, as stated or the worst there is.
        """
        method = self.method_for(qubits)
        if method == "matrix_product_state":
            self._require_product(qubits)
            return
        mixed = method == "density_matrix"
        copies = _COPIES_TO_REFLECT if self.reflects(qubits) else 1.0
        memory.require(
            copies * _BYTES[self.precision] * (4.0 if mixed else 2.0) ** qubits,
            f"the {'density matrix' if mixed else 'state'} of {qubits} qubits",
            "take fewer qubits, or precision='single'"
            + (", or method='statevector', which runs trajectories" if mixed else ""),
        )

    def _require_product(self, qubits: int) -> None:
        bond, given = worst_bond(qubits), self.bond_dimension
        note, way = ", the worst case,", "state bond_dimension= where states are little entangled"
        if given:
            bond, note, way = min(bond, given), "", "a smaller bond_dimension"
        memory.require(
            product_bytes(qubits, bond),
            f"a product state of {qubits} qubits and bond dimension {bond:,}{note}",
            f"take fewer qubits, or {way}",
        )
