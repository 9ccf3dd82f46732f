"""Distributions of qiskit-finance as cells, against the circuits that the library can make."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from qmc.circuits import MultiplexedRotation
from qmc.circuits.imported_law import from_qiskit_finance
from qmc.errors import InvalidProblem
from qmc.measures import Excess, Tail


@pytest.fixture(scope="module")
def library():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qiskit_finance.circuit import library

        return library


def loaded(table):
    """Probabilities of the value registers of our circuit."""
    circuit = MultiplexedRotation().encode(table).circuit
    return Statevector(circuit).probabilities(range(table.num_qubits))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("qubits", [1, 3, 5])
@pytest.mark.parametrize("name", ["NormalDistribution", "LogNormalDistribution"])
def test_one_dimension_is_the_library_s_state(library, name, qubits):
    stock = getattr(library, name)(qubits, 0.5, 0.3, bounds=(0.1, 4.0))
    table = from_qiskit_finance(stock)
    np.testing.assert_allclose(loaded(table), Statevector(stock).probabilities(), atol=1e-10)
    np.testing.assert_allclose(table.values, stock.values)
    assert table.bias == "unknown"
    assert table.mean() == pytest.approx(np.dot(stock.values, stock.probabilities))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("covariance", "registers"),
    [([[0.4, 0.0], [0.0, 0.3]], (3, 2)), ([[0.4, 0.1], [0.1, 0.3]], (5,))],
)
@pytest.mark.parametrize("name", ["NormalDistribution", "LogNormalDistribution"])
def test_two_dimensions_keep_the_library_s_order(library, name, covariance, registers):
    stock = getattr(library, name)([2, 3], [0.2, 0.4], covariance, bounds=[(0.1, 3.0), (0.2, 5.0)])
    table = from_qiskit_finance(stock, payoff=lambda x: x[:, 0] + 10.0 * x[:, 1])
    assert table.registers == registers
    np.testing.assert_allclose(loaded(table), Statevector(stock).probabilities(), atol=1e-10)
    points = np.array(stock.values)
    np.testing.assert_allclose(table.values, points[:, 0] + 10.0 * points[:, 1])


@pytest.mark.filterwarnings("ignore")
def test_a_law_whose_constructor_raises_comes_without_its_circuit(library):
    with pytest.raises(ValueError, match="not unitary"):
        library.NormalDistribution(8, 0.0, 1.0, bounds=(-4.0, 4.0))
    stock = library.NormalDistribution(8, 0.0, 1.0, bounds=(-4.0, 4.0), upto_diag=True)
    table = from_qiskit_finance(stock, payoff=lambda x: np.maximum(x, 0.0))
    problem = MultiplexedRotation().encode(table)
    amplitude = Statevector(problem.circuit).probabilities([problem.flag])[1]
    wanted = np.dot(np.maximum(stock.values, 0.0), stock.probabilities)
    assert problem.value(amplitude) == pytest.approx(wanted, abs=1e-12)


def test_values_are_thresholds():
    law = SimpleNamespace(probabilities=[0.1, 0.2, 0.3, 0.4], values=[1.0, 2.0, 4.0, 8.0])
    table = from_qiskit_finance(law)
    np.testing.assert_array_equal(table.edges, [-np.inf, 1.0, 2.0, 4.0, np.inf])
    assert table.probabilities @ table.outcomes(Tail(2.0)) == pytest.approx(0.7)
    assert table.probabilities @ table.outcomes(Excess(2.0)) == pytest.approx(0.3 * 2 + 0.4 * 6)
    assert from_qiskit_finance(law, payoff=np.negative).edges is None


def test_points_off_a_grid_share_one_register():
    rng = np.random.default_rng(0)
    law = SimpleNamespace(probabilities=np.full(4, 0.25), values=rng.uniform(size=(4, 2)))
    assert from_qiskit_finance(law, payoff=lambda x: x[:, 0]).registers == (2,)
    mixed = SimpleNamespace(probabilities=np.full(4, 0.25), values=[(0, 1), (0, 0), (1, 0), (1, 1)])
    assert from_qiskit_finance(mixed, payoff=lambda x: x[:, 1]).registers == (2,)
    column = SimpleNamespace(probabilities=np.full(4, 0.25), values=np.arange(4.0)[:, None])
    assert from_qiskit_finance(column).values.tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("law", "payoff", "message"),
    [
        (SimpleNamespace(probabilities=[1.0]), None, "lacks values"),
        (3, None, "lacks probabilities, values"),
        (SimpleNamespace(probabilities=[0.5, 0.5], values=[1.0]), None, "1 points for 2"),
        (SimpleNamespace(probabilities=[0.5, 0.6], values=[1.0, 2.0]), None, "sum to 1"),
        (SimpleNamespace(probabilities=[0.5, 0.5], values=[1.0, np.nan]), None, "finite"),
        (SimpleNamespace(probabilities=[0.5, 0.5], values=[[1, 2], [3, 4]]), None, "payoff"),
        (SimpleNamespace(probabilities=[0.5, 0.5], values=[1, 2]), lambda x: x[:1], "one number"),
        (SimpleNamespace(probabilities=[0.5, 0.5], values=[1, 2]), lambda x: 1.0, "payoff"),
        (SimpleNamespace(probabilities=[0.5, 0.5], values=[1, 2]), 3, "payoff=3: must be a func"),
    ],
)
def test_refusals(law, payoff, message):
    with pytest.raises(InvalidProblem, match=message):
        from_qiskit_finance(law, payoff)
