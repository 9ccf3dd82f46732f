"""Loaders prepare the law they say they do, and say how far it is from the one asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import StatePreparation
from qiskit.quantum_info import Statevector
from qiskit.transpiler.exceptions import TranspilerError
from scipy import stats

from qmc.circuits.grover import BASIS
from qmc.circuits.loaders import Automatic, Hadamards, Loader, Tree, as_loader, load, tree_angles
from qmc.circuits.multiplexed import walsh_coefficients, walsh_hadamard
from qmc.circuits.staircase import Staircase
from qmc.errors import InvalidProblem


def bell(qubits, width=4.0):
    """Masses of a normal law's cells of equal width."""
    masses = np.diff(stats.norm.cdf(np.linspace(-width, width, 2**qubits + 1)))
    return masses / masses.sum()


def unit(size, index):
    """All in one place."""
    vector = np.zeros(size)
    vector[index] = 1.0
    return vector


def laws(qubits):
    """Smooth, lumpy, sparse and degenerate laws."""
    size = 2**qubits
    rng = np.random.default_rng(qubits)
    prices = np.linspace(40.0, 180.0, size)
    sparse = rng.uniform(size=size) * (rng.uniform(size=size) < 0.4)
    sparse[size // 2] = 1.0
    tiny = np.full(size, 1e-18)
    tiny[0] = 1.0
    shapes = {
        "uniform": np.ones(size),
        "normal": bell(qubits),
        "log-normal": stats.norm.pdf(np.log(prices), 4.6, 0.2) / prices,
        "t": stats.t.pdf(np.linspace(-30.0, 30.0, size), 3.0),
        "lumpy": rng.dirichlet(np.full(size, 0.3)),
        "sparse": sparse,
        "one cell": unit(size, size - 1),
        "tiny": tiny,
    }
    return {name: shape / shape.sum() for name, shape in shapes.items()}


def turned(state, angles, level):
    """Apply a multiplexed RY on bit `level`, controlled by the bits above it."""
    low, high = state.reshape(angles.size, 2, -1).transpose(1, 0, 2)
    cosine, sine = np.cos(angles / 2)[:, None], np.sin(angles / 2)[:, None]
    assert low.shape[1] == 2**level
    return np.stack([cosine * low - sine * high, sine * low + cosine * high], axis=1).ravel()


def prepared(loader, probabilities):
    """State vector of the loader's circuit."""
    qubits = probabilities.size.bit_length() - 1
    circuit = QuantumCircuit(qubits)
    loader.append(circuit, range(qubits), probabilities)
    return Statevector(circuit).data


@pytest.mark.parametrize("qubits", range(1, 15))
def test_the_tree_s_rotations_are_exact(qubits):
    for name, law in laws(qubits).items():
        state = unit(2**qubits, 0)
        for level, angles in tree_angles(law):
            # through the coefficients that the circuit's gates carry
            state = turned(state, walsh_hadamard(walsh_coefficients(angles)), level)
        np.testing.assert_allclose(state, np.sqrt(law), atol=1e-10, err_msg=name)


@pytest.mark.parametrize("loader", [Automatic(), Tree()], ids=repr)
@pytest.mark.parametrize("qubits", [1, 2, 3, 5, 7])
def test_exact_loaders_circuits_are_exact(qubits, loader):
    for name, law in laws(qubits).items():
        loaded = loader.loaded(law)
        state = prepared(loader, law)
        np.testing.assert_allclose(state, np.sqrt(law), atol=1e-10, err_msg=name)
        np.testing.assert_allclose(loaded.probabilities, np.abs(state) ** 2, atol=1e-12)
        assert loaded.total_variation == 0.0


@pytest.mark.parametrize("qubits", [8, 10])
def test_the_tree_holds_where_the_library_raises_or_is_inaccurate(qubits):
    law = bell(qubits)
    theirs = QuantumCircuit(qubits)
    theirs.append(StatePreparation(np.sqrt(law)), range(qubits))
    with pytest.raises(TranspilerError, match="unable to synthesize"):
        transpile(theirs, basis_gates=list(BASIS), optimization_level=0)
    np.testing.assert_allclose(prepared(Tree(), law), np.sqrt(law), atol=1e-10)


def test_the_library_loses_digits_before_it_raises():
    law = bell(7)
    theirs = QuantumCircuit(7)
    theirs.append(StatePreparation(np.sqrt(law)), range(7))
    error = np.abs(Statevector(theirs).data - np.sqrt(law)).max()
    assert error > 1e-10
    assert np.abs(prepared(Tree(), law) - np.sqrt(law)).max() < 1e-12


def test_hadamards_say_how_far_they_are():
    law = np.array([0.1, 0.2, 0.3, 0.4])
    loaded = Hadamards().loaded(law)
    assert loaded.total_variation == pytest.approx(0.2)
    assert loaded.two_qubit_gates == 0
    np.testing.assert_allclose(np.abs(prepared(Hadamards(), law)) ** 2, loaded.probabilities)
    assert Hadamards().loaded(np.full(8, 0.125)).total_variation == 0.0


def test_equal_probabilities_take_no_cx():
    circuit = QuantumCircuit(6)
    load(circuit, range(6), np.full(64, 1 / 64))
    assert dict(circuit.count_ops()) == {"h": 6}
    assert Automatic().loaded(np.full(64, 1 / 64)).two_qubit_gates == 0


@pytest.mark.parametrize("loader", [Tree(), Automatic(), Hadamards(), Staircase(sweeps=2)])
@pytest.mark.parametrize("qubits", [1, 2, 4])
def test_stated_cx_are_those_of_the_circuit(loader, qubits):
    for law in laws(qubits).values():
        circuit = QuantumCircuit(qubits)
        loader.append(circuit, range(qubits), law)
        assert circuit.count_ops().get("cx", 0) == loader.loaded(law).two_qubit_gates
        assert set(circuit.count_ops()) <= {"cx", "ry", "h"}


@given(
    weights=st.lists(st.floats(0.0, 1.0), min_size=8, max_size=8).filter(lambda w: sum(w) > 0.01),
    loader=st.sampled_from([Tree(), Automatic(), Hadamards(), Staircase(layers=1, sweeps=5)]),
)
@settings(deadline=None, max_examples=40)
def test_every_loader_prepares_what_it_states(weights, loader):
    law = np.array(weights) / sum(weights)
    loaded = loader.loaded(law)
    np.testing.assert_allclose(np.abs(prepared(loader, law)) ** 2, loaded.probabilities, atol=1e-12)
    distance = 0.5 * np.abs(loaded.probabilities - law).sum()
    assert loaded.total_variation == pytest.approx(distance, abs=1e-12)


def test_words_and_refusals():
    assert as_loader("loader", "auto") == Automatic()
    assert as_loader("loader", "tree") == Tree()
    assert all(isinstance(one, Loader) for one in (Automatic(), Tree(), Hadamards(), Staircase()))
    with pytest.raises(InvalidProblem, match=r"take Staircase.*'auto'"):
        as_loader("loader", "magic")
    with pytest.raises(InvalidProblem, match="lacks append, loaded"):
        as_loader("loader", 3)


LOADERS = [Tree(), Automatic(), Hadamards(), Staircase(sweeps=2)]


@pytest.mark.parametrize("loader", LOADERS, ids=repr)
@pytest.mark.parametrize(
    "bad",
    [[0.5, 0.5, 0.5], [1.5, -0.5], [0.2, 0.2], [1.0], [[0.5, 0.5]], [np.nan, 1.0], "law", 3, None],
)
def test_refused_probabilities(loader, bad):
    with pytest.raises(InvalidProblem, match="probabilities") as caught:
        loader.loaded(bad)
    with pytest.raises(InvalidProblem, match="probabilities"):
        loader.append(QuantumCircuit(1), (0,), bad)
    assert "np.float64" not in str(caught.value)


@pytest.mark.parametrize("loader", LOADERS, ids=repr)
@pytest.mark.parametrize(
    "qubits",
    [range(3), (0,), (), (1, 1), (0, 5), (-1, 0), (0, 1.0), (0, True), "01", 2, None],
    ids=repr,
)
def test_refused_qubits(loader, qubits):
    with pytest.raises(InvalidProblem, match=r"qubits=.*2 different qubits.*take range\(2\)"):
        loader.append(QuantumCircuit(5), qubits, np.array([0.1, 0.2, 0.3, 0.4]))


@pytest.mark.parametrize("loader", LOADERS, ids=repr)
@pytest.mark.parametrize("circuit", [3, None, QuantumCircuit], ids=repr)
def test_refused_circuits(loader, circuit):
    with pytest.raises(InvalidProblem, match=r"circuit=.*QuantumCircuit"):
        loader.append(circuit, range(2), np.array([0.1, 0.2, 0.3, 0.4]))


@pytest.mark.parametrize("qubits", range(1, 9))
@pytest.mark.parametrize(
    "loader", [Automatic(), *(Staircase(layers=layers, sweeps=1) for layers in (1, 3, 9))], ids=repr
)
def test_no_loader_takes_more_cx_than_the_tree(qubits, loader):
    for name, law in laws(qubits).items():
        tree, ours = Tree().loaded(law), loader.loaded(law)
        assert ours.two_qubit_gates <= tree.two_qubit_gates, name
        circuit = QuantumCircuit(qubits)
        loader.append(circuit, range(qubits), law)
        assert circuit.count_ops().get("cx", 0) == ours.two_qubit_gates
        # what is no cheaper than the tree is the tree, exact
        assert ours.two_qubit_gates < tree.two_qubit_gates or ours.total_variation == 0.0


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("qubits", [1, 2])
def test_on_one_or_two_qubits_a_staircase_is_the_tree(qubits, layers):
    for law in laws(qubits).values():
        circuits = []
        for loader in (Staircase(layers=layers), Tree()):
            circuits.append(QuantumCircuit(qubits))
            loader.append(circuits[-1], range(qubits), law)
        if Tree().loaded(law).two_qubit_gates or qubits == 1:
            assert circuits[0] == circuits[1]
        assert Staircase(layers=layers).loaded(law).total_variation == 0.0
