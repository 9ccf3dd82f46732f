"""What the quantum stack gets wrong today, measured, and that our own path steers clear of it.

A test that fails because the stack has mended its trap is good news: drop the test and the detour.
"""

import ast
import math
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import StatePreparation
from qiskit.quantum_info import Statevector
from qiskit.synthesis import synth_mcx_1_clean_kg24
from qiskit.transpiler.exceptions import TranspilerError
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2

from qmc.backends.aer_oracle import AER_GATES
from qmc.circuits.grover import BASIS
from qmc.circuits.loaders import load

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for name in ("qmc", "classical_baseline") for path in (ROOT / name).rglob("*.py")
)
GONE_IN_QISKIT_3 = {
    "GroverOperator", "LinearAmplitudeFunction", "QFT", "PhaseEstimation", "BlueprintCircuit",
}  # fmt: skip


def bell(qubits):
    """Probabilities of a smooth bell shape."""
    heights = np.exp(-0.5 * np.linspace(-4.0, 4.0, 2**qubits) ** 2)
    return heights / heights.sum()


def names_used(path):
    """Imported modules and names of a source file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
            found |= {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("qubits", [8, 10])
def test_smooth_shapes_break_the_library_preparation_and_not_our_tree(qubits):
    probabilities = bell(qubits)
    theirs = QuantumCircuit(qubits)
    theirs.append(StatePreparation(np.sqrt(probabilities)), range(qubits))
    with pytest.raises(TranspilerError, match="unable to synthesize"):
        transpile(theirs, basis_gates=list(BASIS), optimization_level=0)
    ours = QuantumCircuit(qubits)
    load(ours, range(qubits), probabilities, "tree")
    state = Statevector(transpile(ours, basis_gates=list(BASIS), optimization_level=0)).data
    np.testing.assert_allclose(np.abs(state) ** 2, probabilities, atol=1e-12)


def test_aer_never_gets_a_multiplexer():
    assert "multiplexer" not in AER_GATES
    assert {"cx", "ry", "h", "x", "z"} <= set(AER_GATES)


def test_a_fixed_seed_repeats_the_shots_of_every_call():
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    simulator = AerSimulator()
    first, second = (
        simulator.run(circuit, shots=64, seed_simulator=5, memory=True).result().get_memory()
        for _ in range(2)
    )
    assert first == second


def test_the_sampler_without_a_pass_manager_rejects_library_gates():
    circuit = QuantumCircuit(2)
    circuit.append(StatePreparation(np.sqrt([0.1, 0.2, 0.3, 0.4])), range(2))
    circuit.measure_all()
    with pytest.raises(Exception, match="unknown instruction"):
        SamplerV2().run([circuit], shots=10).result()


@pytest.mark.parametrize(("controls", "plain_at_least", "clean_at_most"), [(9, 200, 48)])
def test_a_clean_ancilla_makes_the_reflection_cheap(controls, plain_at_least, clean_at_most):
    plain = QuantumCircuit(controls + 1)
    plain.mcx(list(range(controls)), controls)
    counts = [
        transpile(circuit, basis_gates=list(BASIS), optimization_level=1).count_ops()["cx"]
        for circuit in (plain, synth_mcx_1_clean_kg24(controls))
    ]
    assert counts[0] >= plain_at_least
    assert counts[1] <= clean_at_most


@pytest.mark.filterwarnings("ignore")
def test_qiskit_finance_calls_a_variance_sigma():
    from qiskit_finance.circuit.library import NormalDistribution

    law = NormalDistribution(3, mu=0.0, sigma=4.0, bounds=(-2.0, 2.0))
    ratio = law.probabilities[0] / law.probabilities[3]
    x, y = law.values[0], law.values[3]
    assert ratio == pytest.approx(math.exp(-(x**2 - y**2) / (2.0 * 4.0)))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_sources_use_nothing_that_goes(path):
    used = names_used(path)
    assert not used & GONE_IN_QISKIT_3
    if "interop" not in path.parts:
        assert not used & {"qiskit_finance", "qiskit_algorithms"}


def test_no_pin_keeps_python_3_11_out():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    for needed in project["dependencies"]:
        assert "==" not in needed
        assert "<" not in needed
