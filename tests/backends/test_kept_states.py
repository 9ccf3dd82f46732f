"""Kept states are those of the whole circuit; Q as a reflection is checked against its gates."""

import itertools

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Statevector

from qmc.backends import Aer
from qmc.backends.evolution import Evolution
from qmc.backends.kept_states import KeptStates
from qmc.backends.reflection import Reflection
from qmc.circuits import AmplitudeProblem, MultiplexedRotation, grover
from qmc.circuits.arithmetic_asian import ArithmeticAsian
from qmc.contracts import Call
from qmc.errors import BackendFailed, TooLarge
from qmc.estimators import Adaptive, Iterative, run_estimator
from qmc.grids import LawGrid
from qmc.measures import Price
from qmc.models import BlackScholes
from qmc.problem import Goal, Problem
from qmc.rounds import Round

CALL = Problem(
    BlackScholes(spot=100.0, vol=0.2, rate=0.05), Call(strike=105.0, expiry=1.0), Price()
)
ASIAN = ArithmeticAsian(
    spot=100.0, strike=101.0, normal_vol=20.0, expiry=1.0, dates=2, qubits=1
).amplitude_problem()
GATES = Aer(fusion=False)


def encoded(qubits):
    return MultiplexedRotation().encode(LawGrid(qubits=qubits).discretise(CALL))


PROBLEM = encoded(3)


def oracle_of(backend, problem=PROBLEM, seed=0):
    return backend.oracle(problem, rng=np.random.default_rng(seed))


def whole_state(backend, problem, power, steer=0.0):
    circuit = oracle_of(backend, problem).circuit(power, steer)
    return Statevector(circuit.remove_final_measurements(inplace=False)).data


@pytest.mark.parametrize("backend", [Aer(), GATES, Aer(ancilla=True)], ids=repr)
@pytest.mark.parametrize("problem", [PROBLEM, ASIAN], ids=["table", "adders"])
def test_a_kept_state_is_the_state_of_the_whole_circuit(backend, problem):
    oracle = oracle_of(backend, problem)
    for rounds in ([Round(5, 10)], [Round(2, 10), Round(9, 20)], [Round(7, 1)], [Round(4, 9, 0.3)]):
        oracle.run(rounds)
        for one in rounds:
            kept = oracle.evolution().kept.get((one.power, one.steer))
            whole = whole_state(backend, problem, one.power, one.steer)
            # a global phase is no difference
            assert abs(np.vdot(kept, whole)) == pytest.approx(1.0, abs=1e-10)


@pytest.mark.parametrize("problem", [PROBLEM, ASIAN], ids=["table", "adders"])
@pytest.mark.parametrize("estimator", [Iterative(), Adaptive()], ids=["iterative", "adaptive"])
def test_reflections_give_the_bits_of_the_gates(problem, estimator):
    """Same seed, same hits: shots are drawn alike from states that differ by rounding."""
    found = [
        run_estimator(estimator, oracle_of(backend, problem, 7), Goal(tolerance=0.01), rng=1)
        for backend in (Aer(), GATES, Aer(fusion=False, ancilla=False, threads=2))
    ]
    assert found[0] == found[1] == found[2]


def test_powers_go_on_from_the_nearest_state(monkeypatch):
    oracle = oracle_of(Aer())
    steps = []
    right = Reflection.state.__globals__["turned"]
    monkeypatch.setattr(
        "qmc.backends.reflection.turned", lambda *given: steps.append(given[-1]) or right(*given)
    )
    for power in (6, 9, 4, 9, 6, 7):
        oracle.run([Round(power, 10)])
    # two Q are compared with their gates before the first; 9 and 6 come again for nothing
    assert steps == [1, 2, 6, 3, 4, 1]


def test_a_steer_starts_from_the_state_after_a(monkeypatch):
    oracle = oracle_of(Aer())
    oracle.run([Round(0, 10), Round(1, 10, 0.2)])
    circuits = []
    right = oracle._saved
    monkeypatch.setattr(
        oracle.evolution(), "simulate", lambda one, n: circuits.append(one) or right(one, n)
    )
    oracle.run([Round(3, 10, -0.1)])
    gates = grover.steered_state(QuantumCircuit(4), PROBLEM.flag, -0.1).size()
    # what sets and saves states is not counted
    assert [one.size() for one in circuits] == [gates]
    assert gates < PROBLEM.circuit.size()


@pytest.mark.parametrize("steer", [0.0, 0.2])
def test_gates_that_are_no_grover_operator_are_found(steer, monkeypatch):
    right = grover.grover_operator

    def wrong(*given, **named):
        operator = right(*given, **named)
        operator.t(0)
        return operator

    monkeypatch.setattr(grover, "grover_operator", wrong)
    with pytest.raises(BackendFailed, match=r"off the reflection .*fusion=False"):
        oracle_of(Aer()).run([Round(1, 10, steer)])
    oracle_of(Aer()).run([Round(0, 10, steer)])  # no Q, nothing to compare


def test_single_precision_agrees_with_its_gates():
    oracle = oracle_of(Aer(precision="single"))
    oracle.run([Round(20, 10)])
    state = oracle.evolution().kept.get((20, 0.0))
    assert abs(np.vdot(state, whole_state(Aer(), PROBLEM, 20))) == pytest.approx(1.0, abs=1e-4)


def test_gate_by_gate_long_ways_are_cut(monkeypatch):
    monkeypatch.setattr("qmc.backends.evolution._MOST_BYTES", 1)
    oracle = oracle_of(GATES)
    evolution = oracle.evolution()
    assert isinstance(evolution, Evolution)
    stops = list(evolution.stops([(3, 0.0), (1, 0.3)]))
    assert stops == [[(1, 0.0), (1, 0.3)], [(2, 0.0)], [(3, 0.0)]]
    oracle.run([Round(6, 10)])
    state = evolution.kept.get((6, 0.0))
    assert abs(np.vdot(state, whole_state(GATES, PROBLEM, 6))) == pytest.approx(1.0, abs=1e-10)
    # a way of a million stops is not listed before it is gone
    assert list(itertools.islice(evolution.stops([(10**12, 0.0)]), 2)) == [[(7, 0.0)], [(8, 0.0)]]


def test_large_powers_need_no_unrolled_circuit(monkeypatch):
    """Where states are kept; elsewhere they are refused as before."""
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 2**21)
    assert oracle_of(Aer()).max_power > 10**8
    assert 10**5 < oracle_of(GATES).max_power < oracle_of(Aer()).max_power
    (hits,) = oracle_of(Aer()).run([Round(20_000, 100)])
    amplitude = float(PROBLEM.probabilities @ PROBLEM.flags)
    chance = np.sin(40_001 * np.arcsin(np.sqrt(amplitude))) ** 2
    # five standard deviations: a false alarm in two million
    assert abs(hits - 100 * chance) < 25.0
    unrolled = oracle_of(Aer(reuse_state=False))
    assert unrolled.max_power < 20_000
    with pytest.raises(TooLarge, match=r"instructions \(power 20000\)"):
        unrolled.run([Round(20_000, 100)])


def test_states_used_least_recently_go_first(monkeypatch):
    monkeypatch.setattr("qmc.backends.kept_states._MOST_BYTES", 3 * 16 * 4)
    states = KeptStates()
    for power in range(3):
        states.add((power, 0.0), np.eye(1, 4)[0])
    states.get((0, 0.0))
    states.add((3, 0.0), np.eye(1, 4)[0])
    assert [power in {k for k, _ in states._states} for power in range(4)] == [
        True,
        False,
        True,
        True,
    ]
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 100)
    states.add((4, 0.0), np.eye(1, 4)[0])
    assert list(states._states) == [(4, 0.0)]
    assert states.nearest(9, 0.0) == 4
    assert states.nearest(3, 0.0) is states.nearest(9, 0.1) is None


@pytest.mark.parametrize("backend", [Aer(), GATES, Aer(method="density_matrix")], ids=repr)
def test_states_that_were_dropped_are_made_again(backend, monkeypatch):
    rounds = [Round(power, 200, steer) for steer in (0.0, 0.2, -0.1) for power in (4, 1, 7)]
    asked = [rounds, rounds[:2], rounds[4:]]
    kept = oracle_of(backend)
    roomy = [kept.run(each) for each in asked]
    monkeypatch.setattr("qmc.backends.kept_states._MOST_BYTES", 1)
    assert roomy == [oracle.run(each) for oracle in [oracle_of(backend)] for each in asked]


def test_what_is_no_state_is_refused():
    with pytest.raises(BackendFailed, match="norm 2"):
        KeptStates().add((1, 0.0), np.full(16, 0.5))


def test_a_flag_below_other_qubits_is_the_one_that_turns():
    """The flag of a table is its last qubit; a user's may be any."""

    def build():
        circuit = QuantumCircuit(3)
        circuit.h([0, 2])
        circuit.cry(0.7, 0, 1)
        circuit.cx(1, 2)
        return circuit

    for flag in range(3):
        problem = AmplitudeProblem(
            registers=(), flag=flag, num_qubits=3, offset=0.0, scale=1.0, build=build
        )
        oracle = oracle_of(Aer(), problem)
        oracle.run([Round(3, 10), Round(2, 10, -0.2)])
        for key in ((3, 0.0), (2, -0.2)):
            whole = whole_state(Aer(), problem, *key)
            assert abs(np.vdot(oracle.evolution().kept.get(key), whole)) == pytest.approx(1.0)
