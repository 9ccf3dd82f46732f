"""The comparison with a constant against all basis states; `Comparator` against its table."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from qmc.backends import Ideal
from qmc.circuits import Comparator, Encoding, MultiplexedRotation
from qmc.circuits.comparison import (
    append_chain,
    append_greater_equal,
    chain_ancillas,
    comparator_ancillas,
)
from qmc.circuits.grover import grover_operator, summary
from qmc.contracts import Call, Digital, Portfolio
from qmc.engine import Quantum
from qmc.errors import InvalidProblem, Unsupported
from qmc.grids import CellTable, LawGrid, UniformGrid
from qmc.measures import Excess, Price, Tail, VaR
from qmc.models import BlackScholes, NormalReturns
from qmc.problem import Goal, Problem
from qmc.rounds import hit_probability

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
RETURNS = Problem(
    NormalReturns(mean=(0.0,), covariance=((1e-4,),)), Portfolio(weights=(1.0,)), VaR(level=0.99)
)


def step_table(qubits, start, low=0.0, high=1.0):
    size = 2**qubits
    probabilities = np.random.default_rng(size + start).dirichlet(np.ones(size))
    values = np.where(np.arange(size) >= start, high, low)
    return CellTable(
        registers=(qubits,),
        marginals=(probabilities,),
        values=values,
        bias="exact",
        bias_bound=0.0,
    )


def comparison(qubits, constant):
    ancillas = comparator_ancillas(qubits, constant)
    circuit = QuantumCircuit(qubits + 1 + ancillas)
    free = range(qubits + 1, circuit.num_qubits)
    append_greater_equal(circuit, range(qubits), constant, qubits, free)
    return circuit


@pytest.mark.parametrize("qubits", [1, 2, 3, 4])
def test_comparison_flips_the_target_and_nothing_else(qubits):
    for constant in range(-1, 2**qubits + 2):
        circuit = comparison(qubits, constant)
        clean = 2 ** (qubits + 1)
        states = np.arange(clean)
        register, target = states % 2**qubits, states >> qubits
        reached = (register >= constant).astype(int)
        dense = np.zeros((2**circuit.num_qubits, clean))
        dense[register + ((target ^ reached) << qubits), states] = 1.0
        # phases included: the columns where ancillas start at 0 are the permutation itself
        np.testing.assert_allclose(Operator(circuit).data[:, :clean], dense, atol=1e-10)


@given(st.integers(5, 7), st.data())
@settings(max_examples=25, deadline=None)
def test_comparison_on_a_superposition(qubits, data):
    constant = data.draw(st.integers(0, 2**qubits))
    body = comparison(qubits, constant)
    circuit = QuantumCircuit(body.num_qubits)
    circuit.h(range(qubits))
    circuit.compose(body, inplace=True)
    state = Statevector(circuit).data
    index = np.arange(2**qubits)
    expected = np.zeros(state.size)
    expected[index + ((index >= constant).astype(int) << qubits)] = 2.0 ** (-qubits / 2)
    np.testing.assert_allclose(state, expected, atol=1e-10)


@pytest.mark.parametrize("constant", [1, 5, 6, 8, 15])
def test_chain_and_its_reversal_are_the_identity(constant):
    circuit = QuantumCircuit(4 + chain_ancillas(4, constant))
    reached = append_chain(circuit, range(4), constant, range(4, circuit.num_qubits))
    assert reached == (3 if constant == 8 else circuit.num_qubits - 1)
    circuit.compose(circuit.reverse_ops(), inplace=True)
    size = 2**circuit.num_qubits
    np.testing.assert_allclose(Operator(circuit).data, np.eye(size), atol=1e-10)


@pytest.mark.parametrize("qubits", [3, 6, 10])
def test_comparison_is_linear_in_the_register(qubits):
    for constant in (1, 2 ** (qubits - 1) + 1, 2**qubits - 1, 5):
        table = step_table(qubits, constant)
        uniform = CellTable(
            registers=(qubits,),
            marginals=(np.full(2**qubits, 2.0**-qubits),),
            values=table.values,
            bias="exact",
            bias_bound=0.0,
        )
        encoded = Comparator().encode(uniform)
        assert encoded.num_qubits <= 2 * qubits - 1
        assert summary(encoded).two_qubit_gates <= 6 * (qubits - 1)


@pytest.mark.parametrize("edge", [0, 1, 7, 12, 15, 16])
def test_comparator_prepares_the_tail_and_cleans_up(edge):
    table = LawGrid(qubits=4).discretise(RETURNS)
    tail = Tail(float(table.edges[edge]))
    encoded = Comparator().encode(table, tail)
    state = Statevector(encoded.circuit)
    hit = state.probabilities([encoded.flag])[1]
    assert encoded.value(hit) == pytest.approx(float(table.probabilities[edge:].sum()), abs=1e-12)
    assert hit == pytest.approx(encoded.probabilities @ encoded.flags, abs=1e-12)
    ancillas = range(encoded.flag + 1, encoded.num_qubits)
    assert not ancillas or state.probabilities(ancillas)[0] == pytest.approx(1.0, abs=1e-12)
    same = MultiplexedRotation().encode(table, tail)
    assert encoded.value(hit) == pytest.approx(
        same.value(same.probabilities @ same.flags), abs=1e-12
    )


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (2.0, -3.0)])
@pytest.mark.parametrize("start", [1, 3, 6])
def test_any_step_is_encoded_exactly(low, high, start):
    table = step_table(3, start, low, high)
    encoded = Comparator().encode(table)
    hit = Statevector(encoded.circuit).probabilities([encoded.flag])[1]
    assert encoded.value(hit) == pytest.approx(table.mean(), abs=1e-12)
    assert hit == pytest.approx(encoded.probabilities @ encoded.flags, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.5, -2.0])
def test_a_constant_table_is_no_step(value):
    with pytest.raises(Unsupported, match=f"is {value:g} in every cell.*MultiplexedRotation"):
        Comparator().encode(step_table(3, 8, low=value))
    nearly = step_table(3, 4, 1.0, np.nextafter(1.0, 2.0))
    with pytest.raises(Unsupported, match="is 1 in every cell"):
        Comparator().encode(nearly)


def test_an_excess_that_no_cell_reaches_is_no_step():
    table = LawGrid(qubits=4).discretise(RETURNS)
    with pytest.raises(Unsupported, match=r"Excess\(threshold=inf\).* is 0 in every cell"):
        Comparator().encode(table, Excess(float(table.edges[-1])))


@pytest.mark.parametrize("kind", ["call", "put"])
def test_a_digital_on_a_uniform_grid_is_a_step(kind):
    digital = Problem(MARKET, Digital(strike=103.0, expiry=1.0, kind=kind), Price())
    table = UniformGrid(qubits=5).discretise(digital)
    encoded = Comparator().encode(table)
    hit = Statevector(encoded.circuit).probabilities([encoded.flag])[1]
    assert encoded.value(hit) == pytest.approx(table.mean(), abs=1e-12)


def test_powers_follow_the_sine_law():
    encoded = Comparator().encode(step_table(3, 5))
    amplitude = encoded.probabilities @ encoded.flags
    circuit = QuantumCircuit(encoded.num_qubits + 1)
    circuit.compose(encoded.circuit, range(encoded.num_qubits), inplace=True)
    for power in range(4):
        hit = Statevector(circuit).probabilities([encoded.flag])[1]
        assert hit == pytest.approx(hit_probability(amplitude, power), abs=1e-10)
        circuit.compose(grover_operator(encoded), inplace=True)


def test_value_at_risk_by_comparators():
    engine = Quantum(grid=LawGrid(qubits=6), encoding=Comparator(), backend=Ideal())
    default = Quantum(grid=LawGrid(qubits=6), backend=Ideal())
    goal = Goal(queries=4_000)
    assert (
        engine.solve(RETURNS, goal, rng=3).interval == default.solve(RETURNS, goal, rng=3).interval
    )


def test_refusals():
    assert isinstance(Comparator(), Encoding)
    with pytest.raises(Unsupported, match="LawGrid"):
        Comparator().encode("a table")
    table = LawGrid(qubits=4).discretise(RETURNS)
    with pytest.raises(Unsupported, match="PiecewiseRotation"):
        Comparator().encode(table, Excess(float(table.edges[9])))
    with pytest.raises(InvalidProblem, match="threshold"):
        Comparator().encode(table, Tail(0.123456))
    call = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())
    with pytest.raises(Unsupported, match="changes"):
        Comparator().encode(LawGrid(qubits=3).discretise(call))
    with pytest.raises(InvalidProblem, match="no edges"):
        Comparator().encode(LawGrid(qubits=3).discretise(call), Tail(1.0))
    circuit = QuantumCircuit(6)
    with pytest.raises(InvalidProblem, match="ancillas"):
        append_greater_equal(circuit, range(4), 5, 4, ())
    with pytest.raises(InvalidProblem, match="ancillas"):
        append_chain(circuit, range(4), 5, (4,))
    with pytest.raises(InvalidProblem, match="constant"):
        append_greater_equal(circuit, range(4), 5.0, 4, (5,))
    for constant in (0, 16, -3, 2.0):
        with pytest.raises(InvalidProblem, match=r"constant=.*from 1 to 15"):
            append_chain(circuit, range(4), constant, (4, 5))


def test_levels_that_differ_in_their_last_bits_are_one_level():
    """A digital on the middle edge of equally likely cells: its means are rounded, cell by cell."""
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    contract = Digital(strike=100.0 * math.exp(0.03), expiry=1.0)
    table = LawGrid(qubits=6).discretise(Problem(market, contract, Price()))
    assert np.unique(table.values).size > 2
    encoded = Comparator().encode(table)
    assert encoded.bias_bound < 1e-12
    assert encoded.value(encoded.probabilities @ encoded.flags) == pytest.approx(table.mean())
