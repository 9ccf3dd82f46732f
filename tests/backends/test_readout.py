"""The value register beside the flag: laws, two backends alike, refusals."""

import numpy as np
import pytest
from scipy import stats

from qmc import InvalidProblem, LawGrid, NormalReturns, Portfolio, Problem, Round, VaR
from qmc.backends import Aer, DepolarizingNoise, Ideal, Sampler, SupportsReadout
from qmc.backends.readout import readings_of
from qmc.circuits import AmplitudeProblem, Comparator, MultiplexedRotation
from qmc.errors import BackendFailed, Unsupported
from qmc.measures import Mean, Tail
from qmc.run import Meter, MeteredOracle
from qmc.testing import check_backend

RETURNS = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
TABLE = LawGrid(qubits=4).discretise(
    Problem(RETURNS, Portfolio(weights=(1.0,), value=100.0), VaR(level=0.95))
)
EDGE = 9
TAIL = MultiplexedRotation().encode(TABLE, Tail(float(TABLE.edges[EDGE])))
MEAN = MultiplexedRotation().encode(TABLE, Mean())
BACKENDS = [Ideal(), Aer(), Aer(fusion=False), Aer(reuse_state=False)]


def oracle_of(backend, problem=TAIL, seed=0):
    return backend.oracle(problem, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("backend", [Aer(), Aer(fusion=False), Aer(reuse_state=False)], ids=repr)
@pytest.mark.parametrize("problem", [TAIL, MEAN], ids=["tail", "mean"])
def test_ideal_and_aer_draw_alike(backend, problem):
    """Two samples of cells of raised flags at powers 0, 1 and 2, by a chi-square test each."""
    rounds = [Round(power, 4_000) for power in (0, 1, 2)]
    drawn, run = (oracle_of(one, problem, 3).readout(rounds) for one in (Ideal(), backend))
    for (hits, cells), (others_hits, others_cells) in zip(drawn, run, strict=True):
        assert (len(cells), len(others_cells)) == (hits, others_hits)
        table = np.array([np.bincount(one, minlength=16) for one in (cells, others_cells)])
        table = table[:, table.sum(axis=0) >= 10]
        assert stats.chi2_contingency(table).pvalue > 1e-4
        flags = np.array([[hits, 4_000 - hits], [others_hits, 4_000 - others_hits]])
        assert stats.chi2_contingency(flags).pvalue > 1e-4


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_every_hit_of_a_tail_lies_beyond_its_edge(backend):
    rounds = [Round(0, 300), Round(2, 300), Round(0, 100), Round(5, 50)]
    readings = oracle_of(backend).readout(rounds)
    assert len(readings) == len(rounds)
    for (hits, cells), one in zip(readings, rounds, strict=True):
        assert 0 < hits <= one.shots
        assert len(cells) == hits
        assert min(cells) >= EDGE
    assert oracle_of(backend).readout(rounds) == readings


def test_a_comparators_ancillas_are_not_read():
    problem = Comparator().encode(TABLE, Tail(float(TABLE.edges[EDGE])))
    assert problem.num_qubits > 5
    ((hits, cells),) = oracle_of(Aer(), problem).readout([Round(1, 500)])
    assert len(cells) == hits
    assert EDGE <= min(cells) <= max(cells) < 16


@pytest.mark.parametrize("backend", [Ideal(), Aer(), Aer(fusion=False)], ids=repr)
def test_reading_costs_no_more_and_leaves_the_oracle_as_it_was(backend):
    oracle = oracle_of(backend)
    assert oracle.readout([]) == ()
    before = oracle.run([Round(1, 200), Round(3, 100)])
    oracle.readout([Round(1, 20), Round(2, 10)])
    again = oracle_of(backend)
    assert again.run([Round(1, 200), Round(3, 100)]) == before
    meter = Meter()
    MeteredOracle(again, meter).readout([Round(2, 10), Round(0, 5)], 16)
    assert (meter.queries, meter.shots, meter.rounds) == (55, 15, 1)


@pytest.mark.parametrize("backend", [Ideal(), Aer()], ids=repr)
def test_backends_conform(backend):
    check_backend(backend)


def test_noise_and_samplers_read_no_register():
    from qiskit.primitives import StatevectorSampler

    noisy = Aer(noise=DepolarizingNoise(two_qubit_error=1e-3))
    sampler = Sampler(sampler=lambda seed: StatevectorSampler(seed=seed))
    for backend in (noisy, sampler):
        oracle = oracle_of(backend)
        assert not isinstance(oracle, SupportsReadout)
        with pytest.raises(Unsupported, match="take the backend Ideal, or Aer without noise"):
            readings_of(oracle, [Round(0, 10)], 16)
    assert isinstance(oracle_of(Aer()), SupportsReadout)
    assert isinstance(oracle_of(Ideal()), SupportsReadout)


def test_a_circuit_without_registers_is_refused():
    from qiskit.circuit import QuantumCircuit

    bare = AmplitudeProblem(
        registers=(), flag=0, num_qubits=1, offset=0.0, scale=1.0, build=lambda: QuantumCircuit(1)
    )
    assert not isinstance(oracle_of(Ideal(), bare), SupportsReadout)
    with pytest.raises(Unsupported, match="no value registers"):
        oracle_of(Aer(), bare).readout([Round(0, 1)])


@pytest.mark.parametrize("backend", [Ideal(), Aer()], ids=repr)
def test_only_rounds_are_read(backend):
    with pytest.raises(InvalidProblem, match="a Round"):
        oracle_of(backend).readout([3])


class Answers:
    """An oracle that answers what it is told to."""

    decay = 0.0

    def __init__(self, answer):
        self.answer = answer

    def run(self, rounds):
        return tuple(hits for hits, _ in self.answer)

    def readout(self, rounds):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        ([(2, (1, 2)), (0, ())], "2 of 1 rounds"),
        ([(2, (1,))], "1 cells for 2 hits"),
        ([(11, tuple(range(11)))], "from 0 to 10"),
        ([(1, (16,))], "16 as a cell"),
        ([(1, (-1,))], "-1 as a cell"),
        ([(1, (0.5,))], "as a cell"),
        ([3], "readout failed on 1 rounds"),
    ],
)
def test_wrong_answers_are_refused(answer, match):
    with pytest.raises(BackendFailed, match=match):
        readings_of(Answers(answer), [Round(0, 10)], 16)


def test_a_wrong_register_is_refused(monkeypatch):
    oracle = oracle_of(Aer())
    monkeypatch.setattr("qmc.backends.readout.measure_values", lambda circuit, bits: circuit)
    with pytest.raises(BackendFailed, match="must be 4 bits and the flag"):
        oracle.readout([Round(1, 10)])
