"""Linearised payoffs: circuits against their tables, bias in the budget, size."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from qmc.backends import Ideal
from qmc.backends.ideal import flag_probability
from qmc.circuits import Encoding, MultiplexedRotation
from qmc.circuits.grover import grover_operator, summary
from qmc.circuits.linear_rotation import LinearRotation
from qmc.circuits.linearisation import Linearisation, default_scaling, worst_share
from qmc.circuits.parity_walk import append_parity_ry
from qmc.circuits.pieces import linear_pieces, piece_values
from qmc.circuits.piecewise_rotation import PiecewiseRotation
from qmc.circuits.sign_polynomials import affine, multiply, substitute
from qmc.contracts import Call, CallSpread, Digital, Portfolio, Put
from qmc.engine import Quantum
from qmc.errors import InvalidProblem, Unsupported
from qmc.grids import CellTable, LawGrid, UniformGrid
from qmc.measures import Excess, Mean, Price, Tail, VaR
from qmc.models import BlackScholes, NormalReturns
from qmc.problem import Goal, Problem
from qmc.rounds import hit_probability

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=110.0, expiry=1.0), Price())
CONTRACTS = {
    "call": Call(strike=110.0, expiry=1.0),
    "put": Put(strike=97.0, expiry=1.0),
    "spread": CallSpread(low_strike=95.0, high_strike=115.0, expiry=1.0),
    "digital": Digital(strike=101.0, expiry=1.0),
}
RETURNS = Problem(
    NormalReturns(mean=(0.0,), covariance=((1e-4,),)), Portfolio(weights=(1.0,)), VaR(level=0.99)
)


def table_of(values, registers=None, seed=0):
    values = np.asarray(values, dtype=np.float64)
    registers = registers or (values.size.bit_length() - 1,)
    rng = np.random.default_rng(seed)
    return CellTable(
        registers=registers,
        marginals=tuple(rng.dirichlet(np.ones(2**qubits)) for qubits in registers),
        values=values,
        bias="exact",
        bias_bound=0.0,
    )


def uniform(table):
    """The same values with Hadamards for a law, so that only the payoff costs CX."""
    size = table.values.size
    return CellTable(
        registers=(table.num_qubits,),
        marginals=(np.full(size, 1.0 / size),),
        values=table.values,
        bias="exact",
        bias_bound=0.0,
    )


def check(encoded, exact):
    """Circuit and table agree, ancillas are clean, the law is untouched, the bias is bounded."""
    state = Statevector(encoded.circuit)
    hit = state.probabilities([encoded.flag])[1]
    assert hit == pytest.approx(flag_probability(encoded), abs=1e-12)
    count = sum(encoded.registers)
    joint = state.probabilities(range(count + 1))
    flagged = encoded.probabilities * encoded.flags
    np.testing.assert_allclose(
        joint, np.concatenate([encoded.probabilities - flagged, flagged]), atol=1e-12
    )
    ancillas = range(count + 1, encoded.num_qubits)
    assert not ancillas or state.probabilities(ancillas)[0] == pytest.approx(1.0, abs=1e-12)
    bias = abs(encoded.value(float(encoded.probabilities @ encoded.flags)) - exact)
    assert bias <= encoded.bias_bound <= bias + 1e-11 * (1.0 + abs(encoded.offset) + encoded.scale)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_parity_rotations_of_a_polynomial_equal_their_dense_matrix(degree):
    qubits, coefficients = 3, (0.3, -0.2, 0.11, 0.05)[: degree + 1]
    masks = [1 << bit for bit in range(qubits)]
    polynomial = substitute(coefficients, affine(0.4, -0.3, masks))
    circuit = QuantumCircuit(qubits + 1)
    append_parity_ry(circuit, polynomial, range(qubits), qubits)
    index = np.arange(2**qubits)
    angles = np.polynomial.polynomial.polyval(0.4 - 0.3 * index, coefficients)
    size = 2**qubits
    dense = np.zeros((2 * size, 2 * size))
    dense[index, index] = dense[index + size, index + size] = np.cos(angles / 2)
    dense[index + size, index] = np.sin(angles / 2)
    dense[index, index + size] = -np.sin(angles / 2)
    np.testing.assert_allclose(Operator(circuit).data, dense, atol=1e-12)


def test_signs_squared_are_one():
    assert multiply({1: 2.0, 2: 1.0}, {1: 3.0}) == {0: 6.0, 3: 3.0}


@pytest.mark.parametrize(
    ("contract", "bias"),
    [
        (Call(strike=1.896, expiry=40 / 365), 0.0398),
        (Put(strike=2.126, expiry=40 / 365), 0.0348),
        (CallSpread(low_strike=1.438, high_strike=2.584, expiry=40 / 365), -0.0004),
    ],
    ids=["call", "put", "spread"],
)
@pytest.mark.parametrize("encoding", [LinearRotation, PiecewiseRotation])
def test_the_tutorials_own_bias_is_reproduced(contract, bias, encoding):
    # qiskit-finance's European call, put and bull spread on 3 qubits, rescaling_factor 0.25:
    # exact distance of its circuit's amplitude from its grid's mean
    market = BlackScholes(spot=2.0, vol=0.4, rate=0.05)
    table = UniformGrid(qubits=3).discretise(Problem(market, contract, Price()))
    encoded = encoding(scaling=math.pi / 8).encode(table)
    read = encoded.value(float(encoded.probabilities @ encoded.flags))
    assert read / table.mean() - 1.0 == pytest.approx(bias, abs=5e-5)
    check(encoded, table.mean())


@pytest.mark.parametrize("registers", [(1,), (4,), (2, 2), (1, 2, 2)])
@pytest.mark.parametrize("scaling", [0.05, 0.25, 1.5])
def test_linear_rotation_of_any_table(registers, scaling):
    values = np.random.default_rng(5).normal(size=2 ** sum(registers))
    table = table_of(values, registers)
    encoded = LinearRotation(scaling=scaling).encode(table)
    share = (values - values.min()) / np.ptp(values)
    expected = np.sin(np.pi / 4 + scaling * (share - 0.5)) ** 2
    np.testing.assert_allclose(encoded.flags, expected, atol=1e-12)
    check(encoded, table.mean())


def test_values_affine_in_the_bits_take_linearly_many_cx():
    # a basket of two prices, each linear in its own register
    first, second = np.meshgrid(1.0 + 0.5 * np.arange(8), 2.0 + 0.3 * np.arange(8))
    table = table_of((first + second).ravel(), (3, 3))
    encoded = LinearRotation().encode(table)
    check(encoded, table.mean())
    assert summary(LinearRotation().encode(uniform(table))).two_qubit_gates <= 12


@pytest.mark.parametrize("values", [np.arange(64.0), np.arange(64.0) ** 2], ids=["line", "square"])
def test_stated_cx_of_a_linear_rotation_are_those_of_the_circuit(values):
    table = table_of(values, (2, 4))
    encoded = LinearRotation().encode(table)
    assert encoded.most_two_qubit_gates == encoded.circuit.count_ops()["cx"]
    # a large table is counted without building its circuit
    large = table_of(np.linspace(0.0, 1.0, 2**13))
    assert summary(LinearRotation().encode(uniform(large))).two_qubit_gates == 2 * 13


@pytest.mark.parametrize("functional", ["mean", "tail", "excess"])
@pytest.mark.parametrize(
    "encoding",
    [LinearRotation(), PiecewiseRotation(tolerance=0.02), PiecewiseRotation(degree=3)],
    ids=repr,
)
def test_every_functional(functional, encoding):
    table = LawGrid(qubits=4).discretise(RETURNS)
    edge = float(table.edges[11])
    chosen = {"mean": Mean(), "tail": Tail(edge), "excess": Excess(edge)}[functional]
    check(encoding.encode(table, chosen), float(table.probabilities @ table.outcomes(chosen)))


@pytest.mark.parametrize("degree", [1, 3, 5])
@pytest.mark.parametrize("name", list(CONTRACTS))
@pytest.mark.parametrize("qubits", [1, 2, 3, 5])
def test_piecewise_rotation_on_a_uniform_grid(name, qubits, degree):
    problem = Problem(MARKET, CONTRACTS[name], Price())
    table = UniformGrid(qubits=qubits).discretise(problem)
    check(PiecewiseRotation(degree=degree).encode(table), table.mean())


def test_the_index_may_run_over_several_registers():
    values = np.maximum(np.arange(32.0) - 12.5, 0.0)
    table = table_of(values, (2, 3))
    check(PiecewiseRotation().encode(table), table.mean())


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_any_piecewise_linear_table(seed):
    rng = np.random.default_rng(seed)
    starts = np.unique(np.r_[0, rng.integers(1, 16, size=3)])
    values = np.concatenate(
        [rng.normal() + rng.normal() * np.arange(cells) for cells in np.diff(np.r_[starts, 16])]
    )
    pieces = linear_pieces(values)
    assert len(pieces) <= starts.size
    np.testing.assert_allclose(piece_values(pieces, 16), values, atol=1e-8)
    table = table_of(values, seed=seed)
    check(PiecewiseRotation(scaling=0.5, degree=3).encode(table), table.mean())


@given(st.integers(1, 6), st.floats(0.0, 0.3), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_pieces_stay_within_their_tolerance(qubits, tolerance, seed):
    values = np.random.default_rng(seed).normal(size=2**qubits).cumsum()
    pieces = linear_pieces(values, tolerance)
    assert [piece.start for piece in pieces] == sorted({piece.start for piece in pieces})
    off = np.max(np.abs(piece_values(pieces, values.size) - values))
    assert off <= tolerance * np.ptp(values) + 1e-12


@pytest.mark.parametrize("encoding", [LinearRotation(), PiecewiseRotation(degree=3)], ids=repr)
def test_a_table_of_two_values_has_no_bias(encoding):
    table = table_of([2.0, -1.0, -1.0, 2.0, 2.0, 2.0, -1.0, -1.0])
    encoded = encoding.encode(table)
    check(encoded, table.mean())
    assert encoded.bias_bound < 1e-12


@pytest.mark.parametrize("encoding", [LinearRotation(), PiecewiseRotation()], ids=repr)
def test_a_tail_is_read_exactly(encoding):
    # along the tangent a tail of 1 % would be off by half of itself
    table = LawGrid(qubits=6).discretise(RETURNS)
    for edge in (1, 30, 45, 63):
        encoded = encoding.encode(table, Tail(float(table.edges[edge])))
        tail = float(table.probabilities[edge:].sum())
        assert encoded.value(flag_probability(encoded)) == pytest.approx(tail, abs=1e-12)


def test_a_table_of_one_value_has_no_bias():
    for encoding in (LinearRotation(), PiecewiseRotation()):
        encoded = encoding.encode(table_of(np.full(8, 3.5)))
        assert encoded.value(flag_probability(encoded)) == pytest.approx(3.5, abs=1e-12)
        assert encoded.bias_bound < 1e-12


@pytest.mark.parametrize("degree", [1, 3, 5])
def test_the_worst_bias_stands_at_the_ends(degree):
    for scaling in (0.1, 0.5, 1.0):
        line = Linearisation.of(np.array([-2.0, 0.0, 3.0]), scaling, degree)
        values = np.linspace(-2.0, 3.0, 1001)
        read = line.offset + line.scale * line.flags(line.standing(values))
        worst = float(np.max(np.abs(read - values)))
        assert worst == pytest.approx(5.0 * worst_share(scaling, degree), rel=1e-6, abs=1e-12)


def test_degree_buys_scaling_at_the_same_bias():
    scalings = [default_scaling(degree) for degree in (1, 3, 5)]
    assert scalings == sorted(scalings)
    for degree, scaling in zip((1, 3, 5), scalings, strict=True):
        assert worst_share(scaling, degree) == pytest.approx(1e-3, rel=1e-6)
    table = UniformGrid(qubits=5).discretise(CALL)
    for degree in (1, 3, 5):
        encoded = PiecewiseRotation(degree=degree).encode(table)
        assert encoded.bias_bound <= 1e-3 * np.ptp(table.values)
        assert encoded.scale == pytest.approx(np.ptp(table.values) / default_scaling(degree))


def test_cells_of_a_law_grid_within_a_tolerance():
    table = LawGrid(qubits=6).discretise(CALL)
    with pytest.raises(Unsupported, match="most_pieces=8"):
        PiecewiseRotation().encode(table)
    encoded = PiecewiseRotation(tolerance=0.02).encode(table)
    check(encoded, table.mean())
    assert encoded.bias_bound > PiecewiseRotation(most_pieces=64).encode(table).bias_bound


@pytest.mark.parametrize("qubits", range(3, 11))
def test_size_is_polynomial(qubits):
    table = uniform(UniformGrid(qubits=qubits).discretise(CALL))
    encoded = PiecewiseRotation().encode(table)
    size = summary(encoded)
    multiplexed = summary(MultiplexedRotation().encode(table)).two_qubit_gates
    assert size.qubits <= 2 * qubits
    assert size.two_qubit_gates <= 9 * qubits
    assert multiplexed == 2**qubits
    assert (size.two_qubit_gates < multiplexed) == (qubits >= 6)


@pytest.mark.parametrize(
    "encoding", [LinearRotation(scaling=0.7), PiecewiseRotation(scaling=0.7)], ids=repr
)
def test_powers_follow_the_sine_law(encoding):
    encoded = encoding.encode(table_of([0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.5, 2.5]))
    amplitude = flag_probability(encoded)
    circuit = QuantumCircuit(encoded.num_qubits + 1)
    circuit.compose(encoded.circuit, range(encoded.num_qubits), inplace=True)
    for power in range(4):
        hit = Statevector(circuit).probabilities([encoded.flag])[1]
        assert hit == pytest.approx(hit_probability(amplitude, power), abs=1e-10)
        circuit.compose(grover_operator(encoded), inplace=True)


@pytest.mark.parametrize("encoding", [LinearRotation(), PiecewiseRotation()], ids=repr)
def test_the_bias_stands_in_the_budget_and_widens_the_interval(encoding):
    problem = Problem(MARKET, CallSpread(low_strike=95.0, high_strike=115.0, expiry=1.0), Price())
    engine = Quantum(grid=UniformGrid(qubits=4), encoding=encoding, backend=Ideal())
    result = engine.solve(problem, Goal(tolerance=0.5), rng=11)
    lines = {line.source: line for line in result.budget.lines}
    table = engine.discrete_problem(problem)
    assert lines["encoding"].amount == encoding.encode(table).bias_bound
    assert result.interval.low <= table.mean() <= result.interval.high


def test_refusals():
    for encoding in (LinearRotation, PiecewiseRotation):
        assert isinstance(encoding(), Encoding)
        with pytest.raises(Unsupported, match=encoding.__name__):
            encoding().encode("a table")
        for scaling in (0.0, -0.1, 1.6, math.nan, "0.25"):
            with pytest.raises(InvalidProblem, match="scaling"):
                encoding(scaling=scaling)
    with pytest.raises(InvalidProblem, match="scaling"):
        PiecewiseRotation(scaling=1.2, degree=3)
    for degree in (0, 2, 7, True, "1", None, [1], np.array([1, 3])):
        with pytest.raises(InvalidProblem, match="degree"):
            PiecewiseRotation(degree=degree)
    for tolerance in (-1e-9, 1.0, math.nan):
        with pytest.raises(InvalidProblem, match="tolerance"):
            PiecewiseRotation(tolerance=tolerance)
    with pytest.raises(InvalidProblem, match="most_pieces"):
        PiecewiseRotation(most_pieces=0)
