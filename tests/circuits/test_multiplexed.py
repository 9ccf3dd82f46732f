"""Short rotations: what is left out, what it saves, and the bound on what it changes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from qmc.circuits import MultiplexedRotation
from qmc.circuits.grover import summary
from qmc.circuits.multiplexed import (
    as_polynomial,
    multiplexed_ry,
    truncate,
    walsh_coefficients,
    walsh_hadamard,
)
from qmc.circuits.parity_walk import append_parity_ry, cx_count, walk
from qmc.contracts import Call, Portfolio
from qmc.errors import InvalidProblem
from qmc.grids import LawGrid
from qmc.measures import Price, Tail, VaR
from qmc.models import BlackScholes, NormalReturns
from qmc.problem import Problem

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())


@given(st.lists(st.sampled_from([0.0, 0.3, -1.1, 2.0]), min_size=8, max_size=8))
@settings(deadline=None, max_examples=40)
def test_a_walk_with_gaps_equals_its_dense_matrix(coefficients):
    coefficients = np.array(coefficients)
    circuit = QuantumCircuit(4)
    polynomial = as_polynomial(coefficients)
    append_parity_ry(circuit, polynomial, range(3), 3)
    dense = np.zeros((16, 16))
    for cell, angle in enumerate(walsh_hadamard(coefficients)):
        c, s = np.cos(angle / 2), np.sin(angle / 2)
        dense[np.ix_([cell, cell + 8], [cell, cell + 8])] = [[c, -s], [s, c]]
    np.testing.assert_allclose(Operator(circuit).data, dense, atol=1e-12)
    assert circuit.count_ops().get("cx", 0) == cx_count(polynomial) <= 8
    assert sorted(walk(polynomial)) == np.flatnonzero(coefficients).tolist()


def test_a_function_of_one_bit_takes_two_cx():
    angles = np.where(np.arange(64) & 8, 1.0, 0.25)
    assert cx_count(as_polynomial(walsh_coefficients(angles))) == 2
    assert cx_count({}) == cx_count({0: 1.0}) == cx_count({5: 0.0}) == 0
    assert cx_count(as_polynomial(np.ones(8))) == 8


@pytest.mark.parametrize("qubits", [1, 4, 7])
def test_angles_affine_in_the_bits_take_two_cx_a_bit(qubits):
    bits = np.arange(2**qubits)[:, None] >> np.arange(qubits) & 1
    angles = 0.3 + bits @ np.random.default_rng(qubits).normal(size=qubits)
    circuit = QuantumCircuit(qubits + 1)
    multiplexed_ry(circuit, angles, range(qubits), qubits)
    assert circuit.count_ops() == {"cx": 2 * qubits, "ry": qubits + 1}


def test_masks_need_not_be_small_or_sorted():
    # all pairs of ten bits: Gray-code order alone takes more
    masks = [1 << high | 1 << low for high in range(10) for low in range(high)]
    polynomial = dict.fromkeys(reversed(masks), 0.1)
    assert sorted(walk(polynomial)) == sorted(masks)
    assert cx_count(polynomial) == 2 * len(masks) + 2


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


@pytest.mark.parametrize("share", [1e-6, 1e-3, 3e-3, 1e-2])
def test_stated_cx_are_those_of_the_short_circuit(share):
    table = LawGrid(qubits=8).discretise(CALL)
    problem = MultiplexedRotation(negligible=share).encode(table)
    assert problem.most_two_qubit_gates == problem.circuit.count_ops()["cx"]


def test_a_mean_of_which_nothing_is_left_is_refused():
    table = LawGrid(qubits=5).discretise(CALL)
    with pytest.raises(InvalidProblem, match=r"negligible=0.3: must be below the amplitude, 0.148"):
        MultiplexedRotation(negligible=0.3).encode(table)
    # what the message advises leaves most of the number
    advised = MultiplexedRotation(negligible=0.001).encode(table)
    assert advised.bias_bound <= 0.01 * table.mean()


def test_a_tail_below_the_share_is_told_by_its_bound():
    returns = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
    loss = Problem(returns, Portfolio(weights=(1.0,)), VaR(level=0.99))
    table = LawGrid(qubits=5).discretise(loss)
    problem = MultiplexedRotation(negligible=0.05).encode(table, Tail(float(table.edges[-2])))
    assert not problem.flags.any()
    assert problem.bias_bound == pytest.approx(float(table.probabilities[-1]))


def test_a_constant_table_has_nothing_to_leave_out():
    flat = replace(LawGrid(qubits=3).discretise(CALL), values=np.full(8, 2.5))
    problem = MultiplexedRotation(negligible=0.1).encode(flat)
    assert (problem.value(0.0), problem.bias_bound) == (2.5, 0.0)


@pytest.mark.parametrize("bad", [-0.1, 1.0, float("nan"), "little"])
def test_refused_shares(bad):
    with pytest.raises(InvalidProblem, match="negligible"):
        MultiplexedRotation(negligible=bad)
