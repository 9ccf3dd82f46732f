"""Rotations and the Grover operator against dense references; gate counts."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from qmc.circuits import AmplitudeProblem, Encoding, MultiplexedRotation
from qmc.circuits.grover import grover_operator, steered_problem, summary
from qmc.circuits.multiplexed import multiplexed_ry
from qmc.circuits.phase import phase_circuit
from qmc.contracts import Call, Portfolio
from qmc.errors import InvalidProblem, Unsupported
from qmc.grids import CellTable, LawGrid
from qmc.measures import Mean, Price, Tail, VaR
from qmc.models import BlackScholes, NormalReturns
from qmc.problem import Problem
from qmc.rounds import hit_probability, steered

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())


@pytest.mark.parametrize("controls", [0, 1, 2, 4])
def test_multiplexed_ry_equals_its_dense_matrix(controls):
    size = 2**controls
    angles = np.random.default_rng(controls).uniform(-6, 6, size)
    circuit = QuantumCircuit(controls + 1)
    multiplexed_ry(circuit, angles, range(controls), controls)
    dense = np.zeros((2 * size, 2 * size))
    for value, angle in enumerate(angles):
        c, s = np.cos(angle / 2), np.sin(angle / 2)
        rows = [value, value + size]
        dense[np.ix_(rows, rows)] = [[c, -s], [s, c]]
    np.testing.assert_allclose(Operator(circuit).data, dense, atol=1e-12)
    assert circuit.count_ops().get("cx", 0) <= (size if controls else 0)


@pytest.mark.parametrize(("qubits", "most"), [(3, 8), (5, 32), (8, 256)])
def test_call_circuit_is_as_small_as_promised(qubits, most):
    problem = MultiplexedRotation().encode(LawGrid(qubits=qubits).discretise(CALL))
    size = summary(problem)
    assert size.qubits == qubits + 1
    assert size.two_qubit_gates <= most


def random_table(registers, seed, sign=0.0):
    rng = np.random.default_rng(seed)
    return CellTable(
        registers=registers,
        marginals=tuple(rng.dirichlet(np.ones(2**n)) for n in registers),
        values=rng.uniform(size=2 ** sum(registers)) - sign,
        bias="exact",
        bias_bound=0.0,
    )


@pytest.mark.parametrize("sign", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("registers", [(1,), (3,), (2, 1), (1, 2, 2)])
def test_flag_amplitude_carries_the_grid_mean(registers, sign):
    table = random_table(registers, seed=len(registers), sign=sign)
    problem = MultiplexedRotation().encode(table)
    amplitude = Statevector(problem.circuit).probabilities([problem.flag])[1]
    assert problem.value(amplitude) == pytest.approx(table.mean(), abs=1e-12)
    assert amplitude == pytest.approx(problem.probabilities @ problem.flags, abs=1e-12)
    joint = Statevector(problem.circuit).probabilities(range(sum(registers)))
    np.testing.assert_allclose(joint, table.probabilities, atol=1e-12)


def test_a_table_of_zeros_encodes_zero():
    table = CellTable(
        registers=(2,),
        marginals=(np.full(4, 0.25),),
        values=np.zeros(4),
        bias="exact",
        bias_bound=0.0,
    )
    problem = MultiplexedRotation().encode(table)
    assert problem.value(Statevector(problem.circuit).probabilities([problem.flag])[1]) == 0.0


def test_a_tail_is_a_table_of_zeros_and_ones():
    model = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
    table = LawGrid(qubits=4).discretise(Problem(model, Portfolio(weights=(1.0,)), VaR(level=0.99)))
    edge = float(table.edges[9])
    problem = MultiplexedRotation().encode(table, Tail(edge))
    amplitude = Statevector(problem.circuit).probabilities([problem.flag])[1]
    assert amplitude == pytest.approx(float(table.probabilities[9:].sum()), abs=1e-12)


@pytest.mark.parametrize("registers", [(1,), (2,), (3,), (5,), (3, 2)])
def test_powers_follow_the_sine_law_and_the_ancilla_comes_back(registers):
    problem = MultiplexedRotation().encode(random_table(registers, seed=7))
    amplitude = float(problem.probabilities @ problem.flags)
    circuit = QuantumCircuit(problem.num_qubits + 1)
    circuit.compose(problem.circuit, range(problem.num_qubits), inplace=True)
    for power in range(6):
        state = Statevector(circuit)
        hit = state.probabilities([problem.flag])[1]
        assert hit == pytest.approx(hit_probability(amplitude, power), abs=1e-10)
        assert state.probabilities([problem.num_qubits])[1] < 1e-12
        circuit.compose(grover_operator(problem), inplace=True)


def test_grover_operator_equals_its_dense_reference():
    problem = MultiplexedRotation().encode(random_table((3,), seed=3))
    size = 2**problem.num_qubits
    state = Statevector(problem.circuit).data
    flagged = (np.arange(size) >> problem.flag) & 1
    reflection = np.diag(1.0 - 2.0 * flagged)
    dense = (2.0 * np.outer(state, state.conj()) - np.eye(size)) @ reflection
    built = Operator(grover_operator(problem)).data[:size, :size]
    phase = built[0, 0] / dense[0, 0]
    assert abs(phase) == pytest.approx(1.0, abs=1e-10)
    np.testing.assert_allclose(built, phase * dense, atol=1e-10)


@pytest.mark.parametrize("steer", [-0.7, -0.2, 0.3, 0.9])
def test_steering_moves_the_amplitude_by_its_affine_map(steer):
    problem = MultiplexedRotation().encode(random_table((3,), seed=5))
    moved = steered_problem(problem, steer)
    amplitude = float(problem.probabilities @ problem.flags)
    hit = Statevector(moved.circuit).probabilities([moved.flag])[1]
    assert hit == pytest.approx(steered(amplitude, steer), abs=1e-12)
    assert moved.num_qubits == problem.num_qubits + 1
    assert moved.value(hit) == pytest.approx(problem.value(amplitude), abs=1e-12)
    assert steered_problem(problem, 0.0) is problem


def test_draw_in_text_and_with_matplotlib():
    problem = MultiplexedRotation().encode(LawGrid(qubits=2).discretise(CALL))
    assert "Ry" in str(problem.draw("text"))
    assert problem.draw("mpl").get_axes()


def test_refusals():
    with pytest.raises(InvalidProblem, match="loader"):
        MultiplexedRotation(loader="magic")
    with pytest.raises(Unsupported, match="LawGrid"):
        MultiplexedRotation().encode("a table")
    assert isinstance(MultiplexedRotation(), Encoding)


@pytest.mark.parametrize(
    "make",
    [
        grover_operator,
        summary,
        lambda it: steered_problem(it, 0.1),
        lambda it: phase_circuit(it, 2),
    ],
    ids=["Q", "summary", "steered", "phase"],
)
@pytest.mark.parametrize("given", [3, None, CALL, AmplitudeProblem])
def test_what_is_no_amplitude_problem_is_refused(make, given):
    with pytest.raises(InvalidProblem, match=r"problem=.*engine.amplitude_problem"):
        make(given)


def test_refused_steers_bits_and_pictures():
    problem = MultiplexedRotation().encode(LawGrid(qubits=2).discretise(CALL))
    for steer in (1.0, -1.0, 2, float("nan"), "0.5", None):
        with pytest.raises(InvalidProblem, match="steer="):
            steered_problem(problem, steer)
    for bits in (0, 1.5, "2", True):
        with pytest.raises(InvalidProblem, match="bits="):
            phase_circuit(problem, bits)
    with pytest.raises(InvalidProblem, match="output='png': must be one of 'mpl'"):
        problem.draw("png")


def test_a_problem_prints_its_numbers_and_not_its_cells():
    problem = MultiplexedRotation(negligible=0.01).encode(LawGrid(qubits=8).discretise(CALL))
    text = repr(problem)
    assert f"bias_bound={problem.bias_bound!r}" in text
    assert f"most_two_qubit_gates={problem.most_two_qubit_gates}" in text
    assert len(text) < 250


@pytest.mark.parametrize("measure", [Price(), VaR(level=0.99)], ids=repr)
def test_the_formula_for_large_tables_bounds_the_built_circuit(measure, monkeypatch):
    model = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
    problem = CALL if measure == Price() else Problem(model, Portfolio(weights=(1.0,)), measure)
    table = LawGrid(qubits=8).discretise(problem)
    functional = Mean() if table.edges is None else Tail(float(table.edges[101]))
    encoded = MultiplexedRotation().encode(table, functional)
    built = summary(encoded)
    monkeypatch.setattr("qmc.circuits.grover._BUILT_QUBITS", 7)
    counted = summary(encoded)
    assert built.qubits == counted.qubits
    assert built.two_qubit_gates <= counted.two_qubit_gates <= 1.05 * built.two_qubit_gates
    assert 0.5 * counted.depth <= built.depth <= counted.depth
