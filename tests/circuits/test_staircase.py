"""The staircase loader: linear size, stated distance, and a result whose interval covers."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Operator, Statevector
from scipy import stats

from qmc import Goal, Problem, Quantum
from qmc.backends import Ideal
from qmc.backends.ideal import flag_probability
from qmc.circuits import MultiplexedRotation
from qmc.circuits.grover import BASIS
from qmc.circuits.loaders import Hadamards, Tree
from qmc.circuits.staircase import Staircase, so4_angles
from qmc.circuits.staircase_fit import StaircaseFit
from qmc.contracts import Call
from qmc.errors import InvalidProblem, TooLarge
from qmc.grids import CellTable
from qmc.grids.law_grid import piece_integrals
from qmc.laws import cell_masses
from qmc.measures import Price
from qmc.models import BlackScholes
from qmc.testing import assert_coverage

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())
BLACK_SCHOLES = 8.021352235143176


def bell(qubits):
    masses = np.diff(stats.norm.cdf(np.linspace(-4.0, 4.0, 2**qubits + 1)))
    return masses / masses.sum()


def lognormal(qubits):
    prices = np.linspace(40.0, 180.0, 2**qubits)
    heights = stats.norm.pdf(np.log(prices), 4.6, 0.2) / prices
    return heights / heights.sum()


@dataclass(frozen=True)
class EqualWidth:
    """Cells of equal width in the log price, with exact masses and conditional means."""

    qubits: int

    def discretise(self, problem):
        law = problem.model.terminal_law(problem.contract.expiry)
        edges = law.mean * np.exp(law.log_sd * np.linspace(-4.0, 4.0, 2**self.qubits + 1))
        edges[0], edges[-1] = -np.inf, np.inf
        discount = float(problem.model.discount((problem.contract.expiry,))[0])
        masses = cell_masses(law, edges)
        sums = piece_integrals(law, problem.contract.pieces(), edges)
        return CellTable(
            registers=(self.qubits,),
            marginals=(masses / masses.sum(),),
            values=discount * sums / masses,
            bias="exact",
            bias_bound=0.0,
        )


def circuit_of(loader, law):
    qubits = law.size.bit_length() - 1
    circuit = QuantumCircuit(qubits)
    loader.append(circuit, range(qubits), law)
    return circuit


def rotation(rng):
    matrix, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    matrix[:, 0] *= np.linalg.det(matrix)
    return matrix


def test_two_cx_and_turns_make_any_rotation():
    rng = np.random.default_rng(0)
    special = [np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0]), -np.eye(4), np.eye(4)[[1, 0, 3, 2]]]
    for gate in special + [rotation(rng) for _ in range(20)]:
        first, middle, last = so4_angles(gate)
        circuit = QuantumCircuit(2)
        for upper, lower in (first, middle):
            circuit.ry(upper, 1)
            circuit.ry(lower, 0)
            circuit.cx(1, 0)
        circuit.ry(last[0], 1)
        circuit.ry(last[1], 0)
        np.testing.assert_allclose(Operator(circuit).data, gate, atol=1e-12)


@pytest.mark.parametrize(
    ("qubits", "sweeps", "most_cx", "most_distance"),
    [(10, 100, 54, 5e-4), (12, 40, 66, 5e-4), (14, 15, 80, 1e-3)],
)
def test_a_bell_shape_is_loaded_by_a_circuit_of_linear_size(qubits, sweeps, most_cx, most_distance):
    loader = Staircase(layers=3, sweeps=sweeps)
    loaded = loader.loaded(bell(qubits))
    circuit = circuit_of(loader, bell(qubits))
    compiled = transpile(circuit, basis_gates=list(BASIS), optimization_level=1)
    assert compiled.count_ops()["cx"] <= loaded.two_qubit_gates <= most_cx
    assert loaded.total_variation <= most_distance
    state = Statevector(circuit).data
    np.testing.assert_allclose(np.abs(state) ** 2, loaded.probabilities, atol=1e-12)


def test_layers_and_sweeps_bring_the_law_nearer():
    law = lognormal(8)
    rough, layered = (Staircase(layers=layers, sweeps=30).loaded(law) for layers in (1, 3))
    assert layered.total_variation < 3e-3 < rough.total_variation
    fit = StaircaseFit(np.sqrt(law), 2)
    losses = [fit.sweep() for _ in range(10)]
    assert np.all(np.diff(losses) <= 1e-15)
    assert 1.0 - fit.state() @ np.sqrt(law) == pytest.approx(losses[-1], abs=1e-14)
    assert np.linalg.norm(fit.state()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("qubits", [1, 2, 3])
def test_what_one_layer_can_make_it_makes(qubits):
    # three qubits have bond dimension 2 at most
    law = np.random.default_rng(qubits).dirichlet(np.ones(2**qubits))
    assert Staircase(layers=1).loaded(law).total_variation < 1e-7
    state = Statevector(circuit_of(Staircase(layers=1), law)).data
    np.testing.assert_allclose(state, np.sqrt(law), atol=1e-7)


def test_a_lumpy_or_sparse_law_is_loaded_badly_and_said_so():
    lumpy = np.random.default_rng(3).dirichlet(np.full(256, 0.3))
    sparse = np.eye(256)[[3, 100, 201]].sum(axis=0) / 3.0
    for law in (lumpy, sparse):
        loader = Staircase(layers=1, sweeps=10)
        loaded = loader.loaded(law)
        state = Statevector(circuit_of(loader, law)).data
        np.testing.assert_allclose(np.abs(state) ** 2, loaded.probabilities, atol=1e-12)
        distance = 0.5 * np.abs(np.abs(state) ** 2 - law).sum()
        assert loaded.total_variation == pytest.approx(distance, abs=1e-10)
    assert Staircase(layers=1, sweeps=10).loaded(lumpy).total_variation > 0.1


def test_the_fit_repeats_itself_to_the_bit():
    fits = [StaircaseFit(np.sqrt(bell(6)), 2) for _ in range(2)]
    for fit in fits:
        fit.run(10)
    np.testing.assert_array_equal(fits[0].gates, fits[1].gates)


@pytest.mark.parametrize("loader", [Staircase(layers=2, sweeps=20), Hadamards()], ids=repr)
def test_an_approximate_loader_enters_the_encoding_s_bound(loader):
    table = EqualWidth(6).discretise(CALL)
    problem = MultiplexedRotation(loader=loader, negligible=1e-3).encode(table)
    amplitude = Statevector(problem.circuit).probabilities([problem.flag])[1]
    assert flag_probability(problem) == pytest.approx(amplitude, abs=1e-12)
    distance = loader.loaded(table.marginals[0]).total_variation
    assert distance > 0.0
    bound = problem.scale * distance
    assert bound <= problem.bias_bound <= bound + 1e-3 * problem.scale + 1e-12
    assert abs(problem.value(amplitude) - table.mean()) <= problem.bias_bound
    assert MultiplexedRotation(loader="tree").encode(table).bias_bound == 0.0


def test_each_register_may_have_its_own_loader():
    table = CellTable(
        registers=(4, 1, 2),
        marginals=(bell(4), np.array([0.3, 0.7]), np.full(4, 0.25)),
        values=np.random.default_rng(1).uniform(size=128),
        bias="exact",
        bias_bound=0.0,
    )
    own = (Staircase(layers=1, sweeps=3), "tree", Hadamards())
    problem = MultiplexedRotation(loader=own).encode(table)
    state = Statevector(problem.circuit)
    np.testing.assert_allclose(state.probabilities(range(7)), problem.probabilities, atol=1e-12)
    amplitude = state.probabilities([problem.flag])[1]
    assert flag_probability(problem) == pytest.approx(amplitude, abs=1e-12)
    assert 0.0 < abs(problem.value(amplitude) - table.mean()) <= problem.bias_bound
    with pytest.raises(InvalidProblem, match="2 entries for 3 registers"):
        MultiplexedRotation(loader=("tree", "tree")).encode(table)


def test_a_result_shows_the_bound_and_its_interval_covers_the_price():
    # one false alarm in a thousand: assert_coverage's own rate
    goal, runs, hits = Goal(tolerance=0.5), 40, 0
    grid = EqualWidth(5)
    exact = Quantum(grid=grid, encoding=MultiplexedRotation(loader=Tree()), backend=Ideal())
    rough = Quantum(
        grid=grid, encoding=MultiplexedRotation(loader=Staircase(layers=2)), backend=Ideal()
    )
    for seed in range(runs):
        result = rough.solve(CALL, goal, rng=seed)
        hits += result.interval.contains(BLACK_SCHOLES)
    lines = {line.source: line for line in result.budget.lines}
    assert lines["encoding"].kind == "bound"
    assert lines["encoding"].amount == rough.amplitude_problem(CALL).bias_bound > 0.01
    sampled = lines["amplitude estimation"].amount
    assert result.interval.half_width == pytest.approx(sampled + lines["encoding"].amount)
    assert result.covers == "continuous"
    assert "encoding" not in {line.source for line in exact.solve(CALL, goal, rng=1).budget.lines}
    assert math.isclose(exact.discrete_problem(CALL).mean(), BLACK_SCHOLES, rel_tol=1e-9)
    assert_coverage(hits, runs, 0.95)


def test_a_fit_that_would_not_fit_the_machine_is_refused(monkeypatch):
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 1000)
    with pytest.raises(TooLarge, match="Tree"):
        Staircase(layers=3).loaded(bell(6))


def test_refusals():
    with pytest.raises(InvalidProblem, match="layers=0"):
        Staircase(layers=0)
    with pytest.raises(InvalidProblem, match="sweeps"):
        Staircase(sweeps=1.5)
    with pytest.raises(InvalidProblem, match="loader"):
        MultiplexedRotation(loader=())
    with pytest.raises(InvalidProblem, match="lacks"):
        MultiplexedRotation(loader=("tree", 4))
