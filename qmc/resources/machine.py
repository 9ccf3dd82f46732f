"""Physical qubits and runtime under error correction, by Microsoft's resource estimator."""

from __future__ import annotations

import importlib
import os
import warnings
from dataclasses import dataclass, field
from typing import Any

from qmc import checks
from qmc.errors import BackendFailed, Unsupported
from qmc.resources.counts import GateCounts

QUBITS = (
    "qubit_gate_ns_e3",
    "qubit_gate_ns_e4",
    "qubit_gate_us_e3",
    "qubit_gate_us_e4",
    "qubit_maj_ns_e4",
    "qubit_maj_ns_e6",
)
CODES = ("surface_code", "floquet_code")
# the estimator moved from the package qsharp to qdk, which later releases of qsharp install
_MODULES = ("qdk.estimator", "qsharp.estimator")
_TELEMETRY = ("QDK_PYTHON_TELEMETRY", "QSHARP_PYTHON_TELEMETRY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine with error correction, in the words of Microsoft's estimator.

    Attributes:
        qubit: kind of physical qubit: gate-based in ns or us with error rates 1e-3 (`_e3`) or 1e-4
            (`_e4`), or Majorana.
        code: "surface_code", or "floquet_code" for Majorana qubits.
        error_budget: chance that one run of the circuit goes wrong: a third each for logical
            errors, T states and synthesis.
    """

    qubit: str = "qubit_gate_ns_e3"
    code: str = "surface_code"
    error_budget: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse unknown names and a budget outside (0, 1)."""
        checks.choice("qubit", self.qubit, QUBITS)
        checks.choice("code", self.code, CODES)
        if self.code == "floquet_code" and "maj" not in self.qubit:
            allowed = "'surface_code' for gate-based qubits"
            raise checks.refuse("code", self.code, allowed, "or take a qubit_maj_... qubit")
        budget = checks.fraction("error_budget", self.error_budget)
        object.__setattr__(self, "error_budget", budget)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalResources:
    """Physical resources of one run of a circuit.

    Attributes:
        qubits: physical qubits, T factories included.
        seconds: runtime of one run.
        logical_qubits: after layout.
        code_distance: of the algorithm's patches.
        t_states: consumed.
        t_factories: side by side.
        t_per_rotation: T gates that the estimator takes for a rotation (mixed fallback synthesis,
            .53 log2(rotations / budget) + 5.3, Kliuchnikov et al. 2022, arXiv:2203.10064), fewer
            than our `t_count` allows.
        machine: what it runs on.
    """

    qubits: int
    seconds: float
    logical_qubits: int
    code_distance: int
    t_states: int
    t_factories: int
    t_per_rotation: int
    machine: Machine = field(default_factory=Machine)

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.qubits:,} physical qubits, {self.seconds:.3g} s on {self.machine.qubit}, "
            f"{self.machine.code} of distance {self.code_distance}, budget "
            f"{self.machine.error_budget:g}"
        )


def physical(counts: GateCounts, machine: Machine | None = None) -> PhysicalResources:
    """Physical qubits and runtime of one run of a circuit, by Microsoft's estimator.

    Beverland et al. 2022, arXiv:2211.07629. It needs the extra `resources`. The estimator's
    package reports its use to its maker; this function turns that off unless you have set
    QDK_PYTHON_TELEMETRY yourself.

    Args:
        counts: of the circuit; its measurements count as at least one.
        machine: `Machine()` when None.

    Raises:
        InvalidProblem: for something else than counts and a machine.
        Unsupported: when the package is missing.
        BackendFailed: when the estimator refuses the machine or the counts.
    """
    if not isinstance(counts, GateCounts):
        raise checks.refuse("counts", counts, "GateCounts", "count_gates(circuit) makes them")
    machine = checked_machine(machine) or Machine()
    estimator = _estimator()
    logical = estimator.LogicalCounts(
        {
            "numQubits": counts.qubits,
            "tCount": counts.t_gates,
            "rotationCount": counts.rotations,
            "rotationDepth": counts.rotation_depth,
            "cczCount": counts.toffolis,
            "measurementCount": max(1, counts.measurements),
        }
    )
    request = {
        "qubitParams": {"name": machine.qubit},
        "qecScheme": {"name": machine.code},
        "errorBudget": machine.error_budget,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = logical.estimate(request)
    except (estimator.EstimatorError, ValueError) as error:
        msg = f"Microsoft's estimator refused {counts.name} on {machine}: {error}"
        raise BackendFailed(msg) from error
    return _read(found, machine)


def require_estimator() -> None:
    """Refuse before any work what `physical` would refuse after it.

    Raises:
        Unsupported: when Microsoft's estimator is not installed.
    """
    _estimator()


def checked_machine(machine: Machine | None) -> Machine | None:
    """A machine, or None."""
    if machine is not None and not isinstance(machine, Machine):
        hint = "such as Machine(qubit='qubit_gate_ns_e3')"
        raise checks.refuse("machine", machine, "a Machine, or None", hint)
    return machine


def _read(found: Any, machine: Machine) -> PhysicalResources:  # noqa: ANN401
    whole = found["physicalCounts"]
    parts = whole["breakdown"]
    return PhysicalResources(
        qubits=int(whole["physicalQubits"]),
        seconds=1e-9 * float(whole["runtime"]),
        logical_qubits=int(parts["algorithmicLogicalQubits"]),
        code_distance=int(found["logicalQubit"]["codeDistance"]),
        t_states=int(parts["numTstates"]),
        t_factories=int(parts["numTfactories"]),
        t_per_rotation=int(parts["numTsPerRotation"] or 0),
        machine=machine,
    )


def _estimator() -> Any:  # noqa: ANN401
    """The module of Microsoft's estimator, whichever package has it."""
    if not any(name in os.environ for name in _TELEMETRY):
        os.environ[_TELEMETRY[0]] = "none"
    for name in _MODULES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return importlib.import_module(name)
        except ModuleNotFoundError as error:
            # an absent package is looked for under its other name; a broken one is told
            if error.name not in {name, name.partition(".")[0]}:
                raise
    msg = (
        "physical estimates need Microsoft's resource estimator: install the extra, "
        "pip install 'qmc[resources]', or leave out machine="
    )
    raise Unsupported(msg)
