"""Fused circuits and kept states are the circuit's own, to rounding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from qmc.backends import Aer
from qmc.backends.evolution import Evolution
from qmc.backends.fusion import fuse
from qmc.circuits import MultiplexedRotation
from qmc.errors import BackendFailed
from qmc.grids.cell_table import CellTable
from qmc.rounds import Round


def encoded(qubits, seed=0):
    rng = np.random.default_rng(seed)
    weights = rng.random(2**qubits)
    table = CellTable(
        registers=(qubits,),
        marginals=(weights / weights.sum(),),
        values=rng.random(2**qubits),
        bias="exact",
        bias_bound=0.0,
    )
    return MultiplexedRotation().encode(table)


@pytest.mark.parametrize("qubits", [1, 2, 5])
@pytest.mark.parametrize("steer", [0.0, -0.4])
def test_fused_parts_are_the_gates(qubits, steer):
    parts = Aer().oracle(encoded(qubits), rng=np.random.default_rng(0)).circuits.parts(steer)
    for circuit in (parts.state, parts.grover):
        fused = fuse(circuit)
        assert fused.size() <= circuit.size() // 2
        np.testing.assert_allclose(Operator(fused).data, Operator(circuit).data, atol=1e-12)


GATES = st.lists(
    st.tuples(
        st.sampled_from(["ry", "cx", "h", "rz", "cx", "ry", "x", "mcx"]),
        st.permutations(range(6)),
        st.floats(-4.0, 4.0),
    ),
    max_size=40,
)


@settings(max_examples=30, deadline=None)
@given(GATES, st.integers(1, 4), st.booleans())
def test_any_circuit_keeps_its_unitary(gates, block, one_target):
    circuit = QuantumCircuit(6)
    for name, places, angle in gates:
        first, second = (places[0] % 5, 5) if one_target else places[:2]
        if name in ("ry", "rz"):
            getattr(circuit, name)(angle, second)
        elif name == "cx":
            circuit.cx(first, second)
        elif name == "mcx":
            circuit.mcx(list(places[:4]), places[4])
        else:
            getattr(circuit, name)(second)
    found = Operator(fuse(circuit, block)).data
    np.testing.assert_allclose(found, Operator(circuit).data, atol=1e-12)


@pytest.mark.parametrize("backend", [Aer(), Aer(fusion=False), Aer(ancilla=True)])
def test_a_kept_state_is_the_state_of_the_whole_circuit(backend):
    oracle = backend.oracle(encoded(3), rng=np.random.default_rng(0))
    for rounds in ([Round(5, 10)], [Round(2, 10), Round(9, 20)], [Round(7, 1)], [Round(4, 9, 0.3)]):
        oracle.run(rounds)
        for one in rounds:
            whole = oracle.circuit(one.power, one.steer).remove_final_measurements(inplace=False)
            kept = oracle.evolution()._states[one.power, one.steer]
            np.testing.assert_allclose(kept, Statevector(whole).data, atol=1e-10)


def test_powers_go_on_from_the_nearest_state():
    evolution = Aer().oracle(encoded(3), rng=np.random.default_rng(0)).evolution()
    size = evolution.circuits.parts(0.0).grover.size()
    # what sets and saves states is not counted
    from_zero = evolution.circuit((6, 0.0), measured=False).size()
    state = np.eye(1, 2 ** evolution.circuits.parts(0.0).grover.num_qubits)[0]
    evolution.learn((4, 0.0), state)
    assert evolution.circuit((6, 0.0), measured=False).size() == 2 * size
    assert evolution.circuit((4, 0.0), measured=True).size() == 1
    assert evolution.circuit((3, 0.0), measured=False).size() < from_zero


def test_long_ways_are_cut_and_old_states_forgotten(monkeypatch):
    monkeypatch.setattr("qmc.backends.evolution._MOST_BYTES", 1)
    monkeypatch.setattr("qmc.backends.evolution._KEPT_BYTES", 2 * 16 * 16)
    oracle = Aer().oracle(encoded(3), rng=np.random.default_rng(0))
    evolution = oracle.evolution()
    assert evolution.stops([(3, 0.0), (1, 0.3)]) == [[(1, 0.0), (1, 0.3)], [(2, 0.0)], [(3, 0.0)]]
    whole = Aer(reuse_state=False).oracle(encoded(3), rng=np.random.default_rng(0)).circuit(6)
    oracle.run([Round(6, 10)])
    assert len(evolution._states) == 2
    state = Statevector(whole.remove_final_measurements(inplace=False)).data
    np.testing.assert_allclose(evolution._states[6, 0.0], state, atol=1e-10)


def test_what_is_no_state_is_refused():
    evolution = Aer().oracle(encoded(3), rng=np.random.default_rng(0)).evolution()
    assert isinstance(evolution, Evolution)
    with pytest.raises(BackendFailed, match="norm 2"):
        evolution.learn((1, 0.0), np.full(16, 0.5))
