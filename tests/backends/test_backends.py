"""Aer and Ideal: the same law, fresh seeds, refusals; traps of the stack."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from qmc.backends import Aer, Backend, Ideal, Oracle
from qmc.backends.aer_oracle import AerOracle
from qmc.circuits import LinearRotation, MultiplexedRotation
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.contracts import Call
from qmc.errors import InvalidProblem, TooLarge
from qmc.grids import CellTable, LawGrid
from qmc.measures import Price
from qmc.models import BlackScholes
from qmc.problem import Problem
from qmc.rounds import Round, hit_probability

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())
# each comparison below raises a false alarm with probability 1e-4
FALSE_ALARM = 1e-4


def encoded(qubits):
    return MultiplexedRotation().encode(LawGrid(qubits=qubits).discretise(CALL))


@pytest.mark.parametrize("qubits", [1, 3, 5])
@pytest.mark.parametrize(
    "backend", [Aer(), Ideal(), Aer(precision="single", threads=1), Aer(ancilla=True)]
)
def test_hits_follow_the_law_of_the_circuit(backend, qubits):
    problem = encoded(qubits)
    amplitude = float(problem.probabilities @ problem.flags)
    oracle = backend.oracle(problem, rng=np.random.default_rng(qubits))
    rounds = [
        Round(0, 4000),
        Round(1, 3000),
        Round(3, 2000),
        Round(2, 1000, 0.4),
        Round(2, 1, -0.4),
    ]
    for one, hits in zip(rounds, oracle.run(rounds), strict=True):
        p = hit_probability(amplitude, one.power, one.steer)
        assert stats.binomtest(hits, one.shots, min(p, 1.0)).pvalue > FALSE_ALARM, one


def test_aer_and_ideal_agree_in_distribution():
    problem = encoded(3)
    samples = [
        [backend.oracle(problem, rng=np.random.default_rng(1)).run([Round(2, 40)] * 300)][0]
        for backend in (Aer(), Ideal())
    ]
    counts = [np.bincount(np.digitize(sample, [30, 33, 35, 37]), minlength=5) for sample in samples]
    table = np.array(counts)
    assert stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue > FALSE_ALARM


@pytest.mark.parametrize("qubits", [1, 4, 7, 10])
def test_the_table_amplitude_is_the_circuits(qubits):
    from qiskit.quantum_info import Statevector

    problem = encoded(qubits)
    ideal = Ideal().oracle(problem, rng=np.random.default_rng(0)).amplitude
    assert Statevector(problem.circuit).probabilities([problem.flag])[1] == pytest.approx(
        ideal, abs=1e-12
    )
    bare = AmplitudeProblem(
        registers=problem.registers,
        flag=problem.flag,
        num_qubits=problem.num_qubits,
        offset=0.0,
        scale=1.0,
        build=problem.build,
    )
    assert Ideal().oracle(bare, rng=np.random.default_rng(0)).amplitude == pytest.approx(
        ideal, abs=1e-12
    )


def test_rounds_and_jobs_do_not_repeat_shots():
    """The trap: one fixed seed returns the same shots at every call."""
    oracle = Aer().oracle(encoded(3), rng=np.random.default_rng(3))
    hits = [h for _ in range(10) for h in oracle.run([Round(0, 1000)] * 10)]
    # as dispersed as binomial counts: chi-square with 99 degrees of freedom
    p = np.mean(hits) / 1000
    spread = np.var(hits, ddof=1) / (1000 * p * (1 - p)) * 99
    assert stats.chi2.sf(spread, 99) > FALSE_ALARM
    assert stats.chi2.cdf(spread, 99) > FALSE_ALARM
    assert len(set(hits)) > 20


def test_same_generator_seed_gives_the_same_hits():
    runs = [
        Aer().oracle(encoded(3), rng=np.random.default_rng(9)).run([Round(1, 500), Round(0, 70)])
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_circuits_are_compiled_once_and_kept():
    oracle = Aer().oracle(encoded(3), rng=np.random.default_rng(9))
    assert isinstance(oracle, AerOracle)
    assert isinstance(oracle, Oracle)
    assert oracle.circuit(2) is oracle.circuit(2)
    assert not {"multiplexer", "unitary"} & set(oracle.circuit(2).count_ops())


def test_too_many_qubits_are_refused_before_simulation():
    problem = encoded(3)
    large = AmplitudeProblem(
        registers=(99,), flag=99, num_qubits=100, offset=0.0, scale=1.0, build=problem.build
    )
    for backend in (Aer(), Ideal()):
        with pytest.raises(TooLarge, match="GiB"):
            backend.oracle(large, rng=np.random.default_rng(0))


def test_circuits_that_would_not_fit_are_refused_before_they_are_built(monkeypatch):
    oracle = Aer().oracle(encoded(3), rng=np.random.default_rng(0))
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 2**20)
    assert oracle.circuit(10).num_qubits == 4
    with pytest.raises(TooLarge, match=r"instructions \(power 1000\).*Ideal"):
        oracle.circuit(1000)
    with pytest.raises(TooLarge, match=r"power 2\).* is available; .*Ideal"):
        Aer().oracle(encoded(8), rng=np.random.default_rng(0))
    with pytest.raises(TooLarge, match=r"power 8\)"):
        Aer(reuse_state=False).oracle(encoded(8), rng=np.random.default_rng(0))


def test_circuits_that_would_not_end_are_refused_before_they_are_built():
    """2**20 rotations on 2**21 numbers; a rotation affine in the bits has few gates and is run."""
    cells = 2**20
    table = CellTable(
        registers=(20,),
        marginals=(np.full(cells, 1.0 / cells),),
        values=np.arange(cells, dtype=np.float64),
        bias="exact",
        bias_bound=0.0,
    )
    rng = np.random.default_rng(0)
    slow = dataclasses.replace(
        MultiplexedRotation().encode(table), build=lambda: pytest.fail("it was built")
    )
    with pytest.raises(TooLarge, match=r"half an hour; take fewer qubits.*negligible=.*Ideal"):
        Aer().oracle(slow, rng=rng)
    unstated = dataclasses.replace(slow, most_two_qubit_gates=None)
    with pytest.raises(TooLarge, match="half an hour"):
        Aer().oracle(unstated, rng=rng)
    assert Aer().oracle(LinearRotation().encode(table), rng=rng).decay == 0.0
    assert 0 <= Ideal().oracle(slow, rng=rng).run([Round(0, 10)])[0] <= 10


@pytest.mark.parametrize(
    "fields",
    [
        {"precision": "half"},
        {"threads": -1},
        {"threads": 1.5},
        {"method": "stabilizer"},
        {"batch": -1},
        {"noise": 0.01},
        {"decay": -0.1},
        {"decay": float("nan")},
        {"reuse_state": 1},
        {"fusion": None},
        {"ancilla": "yes"},
    ],
)
def test_bad_options_are_refused(fields):
    with pytest.raises(InvalidProblem, match=next(iter(fields))):
        Aer(**fields)
    assert isinstance(Aer(), Backend)


@pytest.mark.parametrize("backend", [Aer(), Ideal()], ids=repr)
def test_a_problem_of_another_kind_is_refused_by_name(backend):
    with pytest.raises(InvalidProblem, match="amplitude_problem"):
        backend.oracle("call", rng=1)
