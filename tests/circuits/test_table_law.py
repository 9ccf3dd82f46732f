"""Every encoding of a table loads its law in one way: any loader, its error in the bound."""

from dataclasses import dataclass

import numpy as np
import pytest
from qiskit.quantum_info import Statevector
from scipy import stats

from qmc.backends.ideal import flag_probability
from qmc.circuits import (
    Comparator,
    Hadamards,
    LinearRotation,
    LoadedLaw,
    MultiplexedRotation,
    PiecewiseRotation,
    Staircase,
    TableLaw,
    Tree,
)
from qmc.contracts import Portfolio
from qmc.errors import InvalidProblem, Unsupported
from qmc.grids import CellTable, LawGrid
from qmc.measures import Excess, Mean, Price, Tail, VaR
from qmc.models import NormalReturns
from qmc.problem import Problem

ENCODINGS = (MultiplexedRotation, LinearRotation, PiecewiseRotation, Comparator)
RETURNS = Problem(
    NormalReturns(mean=(0.0,), covariance=((1e-4,),)), Portfolio(weights=(1.0,)), VaR(level=0.99)
)
EDGES = LawGrid(qubits=4).discretise(RETURNS)


def bell(qubits):
    masses = np.diff(stats.norm.cdf(np.linspace(-3.0, 4.0, 2**qubits + 1)))
    return masses / masses.sum()


def table_for(encoding, registers=(5,)):
    """A step for the comparator, a hockey stick for the others."""
    cells = np.arange(2 ** sum(registers))
    start = cells.size * 5 // 8
    payoff = np.where(cells >= start, 2.0, -1.0) if encoding is Comparator else cells - start
    return CellTable(
        registers=registers,
        marginals=tuple(bell(qubits) for qubits in registers),
        values=np.maximum(payoff, -1.0).astype(np.float64),
        bias="exact",
        bias_bound=0.0,
    )


def amplitude(encoded):
    return Statevector(encoded.circuit).probabilities([encoded.flag])[1]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("loader", [Staircase(layers=1, sweeps=5), Hadamards()], ids=repr)
@pytest.mark.parametrize("registers", [(5,), (4, 2)])
def test_an_approximate_loader_moves_the_number_by_no_more_than_the_bound(
    encoding, loader, registers
):
    table = table_for(encoding, registers)
    encoded, exact = encoding(loader=loader).encode(table), encoding(loader="tree").encode(table)
    hit = amplitude(encoded)
    assert hit == pytest.approx(flag_probability(encoded), abs=1e-12)
    np.testing.assert_array_equal(encoded.flags, exact.flags)
    law = TableLaw.of(table, loader)
    stated = law.total_variation * np.ptp(table.values)
    assert stated > 0.0
    assert abs(encoded.scale * (hit - flag_probability(exact))) <= stated
    assert abs(encoded.value(hit) - table.mean()) <= encoded.bias_bound
    assert encoded.bias_bound >= stated
    assert encoded.bias_bound <= stated + exact.bias_bound + encoded.scale * law.total_variation


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("loader", [Tree(), "tree", "auto", ("tree", Tree())], ids=repr)
def test_an_exact_loader_adds_nothing(encoding, loader):
    table = table_for(encoding, (3, 2))
    encoded = encoding(loader=loader).encode(table)
    assert amplitude(encoded) == pytest.approx(table.probabilities @ encoded.flags, abs=1e-12)
    bias = abs(encoded.value(flag_probability(encoded)) - table.mean())
    assert encoded.bias_bound == pytest.approx(bias, abs=1e-11)
    assert encoded.bias_bound == encoding().encode(table).bias_bound


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("loader", [3, "magic", (), ("tree", 4), None, Tree], ids=repr)
def test_what_is_no_loader_is_refused(encoding, loader):
    with pytest.raises(InvalidProblem, match="loader="):
        encoding(loader=loader)


@pytest.mark.parametrize("loader", ["staircase", 5, ("auto", "magic")], ids=repr)
def test_a_refused_loader_is_told_all_there_are(loader):
    allowed = r"take Staircase\(\), Tree\(\), Hadamards\(\) or 'auto'"
    with pytest.raises(InvalidProblem, match=allowed):
        MultiplexedRotation(loader=loader)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_tuple_of_loaders_must_fit_the_registers(encoding):
    with pytest.raises(InvalidProblem, match="2 entries for 1 registers"):
        encoding(loader=("tree", "tree")).encode(table_for(encoding))


@dataclass(frozen=True)
class Broken:
    """A loader that answers something else."""

    answer: object

    def loaded(self, probabilities):
        return self.answer

    def append(self, circuit, qubits, probabilities):
        raise AssertionError


@pytest.mark.parametrize(
    ("answer", "message"),
    [(0.5, "=0.5: must be a LoadedLaw"), (LoadedLaw(np.ones(2) / 2, 0.0, 0), r"shape \(2,\)")],
)
def test_a_loader_that_answers_no_law_is_named(answer, message):
    with pytest.raises(InvalidProblem, match=f"Broken.loaded.*{message}"):
        MultiplexedRotation(loader=Broken(answer)).encode(EDGES)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("problem", [3, None, "a table", Mean(), CellTable, LawGrid(qubits=3)])
def test_what_is_no_table_is_refused(encoding, problem):
    with pytest.raises(Unsupported, match=rf"{encoding.__name__} encodes a CellTable.*discretise"):
        encoding().encode(problem, Mean())


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("functional", [3, None, "mean", Mean, Price(), 0.99])
def test_what_is_no_functional_is_refused(encoding, functional):
    with pytest.raises(InvalidProblem, match=r"functional=.*Mean\(\), Tail.*Excess"):
        encoding().encode(EDGES, functional)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "threshold", ["0.1", None, True, float("nan"), 0.1j, np.zeros(2), 1e9, 10**400]
)
def test_a_threshold_that_is_no_edge_is_refused(encoding, threshold):
    for functional in (Tail(threshold), Excess(threshold)):
        with pytest.raises(InvalidProblem, match=r"threshold=.*edge of the table"):
            encoding().encode(EDGES, functional)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_excess_over_minus_infinity_is_refused(encoding):
    with pytest.raises(InvalidProblem, match="above -inf"):
        encoding().encode(EDGES, Excess(float(EDGES.edges[0])))


@pytest.mark.parametrize("encoding", [MultiplexedRotation, LinearRotation, PiecewiseRotation])
def test_numpy_thresholds_are_numbers(encoding):
    edge = EDGES.edges[12]
    assert isinstance(edge, np.float64)
    for functional in (Tail, Excess):
        one, other = (encoding().encode(EDGES, functional(each)) for each in (edge, float(edge)))
        assert (one.offset, one.scale) == (other.offset, other.scale)


def test_messages_show_plain_numbers():
    with pytest.raises(Unsupported, match="changes") as caught:
        Comparator().encode(EDGES, Excess(EDGES.edges[9]))
    assert "np.float64" not in str(caught.value)
    assert repr(float(EDGES.edges[9])) in str(caught.value)
