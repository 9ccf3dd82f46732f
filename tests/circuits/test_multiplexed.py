"""Short rotations: what is left out, what it saves, and the bound on what it changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from qmc.circuits import MultiplexedRotation
from qmc.circuits.grover import summary
from qmc.circuits.multiplexed import (
    append_walk,
    cx_count,
    truncate,
    walk,
    walsh_coefficients,
    walsh_hadamard,
)
from qmc.contracts import Call
from qmc.errors import InvalidProblem
from qmc.grids import LawGrid
from qmc.measures import Price
from qmc.models import BlackScholes
from qmc.problem import Problem

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())


@given(st.lists(st.sampled_from([0.0, 0.3, -1.1, 2.0]), min_size=8, max_size=8))
@settings(deadline=None, max_examples=40)
def test_a_walk_with_gaps_equals_its_dense_matrix(coefficients):
    coefficients = np.array(coefficients)
    circuit = QuantumCircuit(4)
    append_walk(circuit, coefficients, range(3), 3)
    dense = np.zeros((16, 16))
    for cell, angle in enumerate(walsh_hadamard(coefficients)):
        c, s = np.cos(angle / 2), np.sin(angle / 2)
        dense[np.ix_([cell, cell + 8], [cell, cell + 8])] = [[c, -s], [s, c]]
    np.testing.assert_allclose(Operator(circuit).data, dense, atol=1e-12)
    assert circuit.count_ops().get("cx", 0) == cx_count(coefficients) <= 8
    assert sorted(walk(coefficients)) == np.flatnonzero(coefficients).tolist()


def test_a_function_of_one_bit_takes_two_cx():
    angles = np.where(np.arange(64) & 8, 1.0, 0.25)
    assert cx_count(walsh_coefficients(angles)) == 2
    assert cx_count(np.zeros(8)) == 0
    assert cx_count(np.ones(8)) == 8


@given(
    flags=st.lists(st.floats(0.0, 1.0), min_size=16, max_size=16),
    negligible=st.sampled_from([1e-9, 1e-3, 0.02, 0.3]),
)
@settings(deadline=None, max_examples=60)
def test_what_is_left_out_keeps_within_both_bounds(flags, negligible):
    flags = np.array(flags)
    probabilities = np.random.default_rng(1).dirichlet(np.ones(16))
    short = truncate(flags, probabilities, negligible)
    moved = abs(probabilities @ (short.flags - flags))
    assert moved <= short.error + 1e-15
    assert short.error <= negligible
    whole = walsh_coefficients(2.0 * np.arcsin(np.sqrt(flags)))
    left_out = np.abs(whole[short.coefficients == 0.0]).sum()
    assert short.error <= 0.5 * left_out + 1e-12


@pytest.mark.parametrize("negligible", [0.0, 1e-3, 3e-3, 1e-2])
def test_a_short_call_circuit_is_what_its_table_says(negligible):
    table = LawGrid(qubits=6).discretise(CALL)
    problem = MultiplexedRotation(negligible=negligible).encode(table)
    state = Statevector(problem.circuit)
    amplitude = state.probabilities([problem.flag])[1]
    assert amplitude == pytest.approx(problem.probabilities @ problem.flags, abs=1e-12)
    joint = state.probabilities().reshape(2, -1)
    np.testing.assert_allclose(joint[1] * 64, problem.flags, atol=1e-12)
    assert abs(problem.value(amplitude) - table.mean()) <= problem.bias_bound + 1e-12
    assert problem.bias_bound <= negligible * problem.scale


@pytest.mark.parametrize(("negligible", "most"), [(0.0, 256), (3e-3, 130), (1e-2, 24)])
def test_small_coefficients_of_an_eight_qubit_call_save_cx(negligible, most):
    table = LawGrid(qubits=8).discretise(CALL)
    assert summary(MultiplexedRotation(negligible=negligible).encode(table)).two_qubit_gates <= most


@pytest.mark.parametrize("bad", [-0.1, 1.0, float("nan"), "little"])
def test_refused_shares(bad):
    with pytest.raises(InvalidProblem, match="negligible"):
        MultiplexedRotation(negligible=bad)
