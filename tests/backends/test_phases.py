"""Phase estimation: the circuit's law is the formula's, every oracle draws it, the meter counts."""

import numpy as np
import pytest
from qiskit import generate_preset_pass_manager
from qiskit.primitives import StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import CouplingMap
from qiskit_aer.primitives import SamplerV2
from scipy import stats

from qmc.backends import Aer, Ideal, Sampler
from qmc.circuits import MultiplexedRotation
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.errors import InvalidProblem, TooLarge, Unsupported
from qmc.estimators.protocols import SupportsPhase, phases, replies
from qmc.grids.cell_table import CellTable
from qmc.rounds import PhaseRound, Round, phase_kernel, phase_probabilities
from qmc.run import Meter, MeteredOracle
from qmc.testing import BinomialOracle

# each comparison below raises a false alarm with probability 1e-4
FALSE_ALARM = 1e-4


def encoded(values: list[float]) -> AmplitudeProblem:
    """A table of equally likely values, the largest of them 1."""
    qubits = len(values).bit_length() - 1
    table = CellTable(
        registers=(qubits,),
        marginals=(np.full(len(values), 1.0 / len(values)),),
        values=np.array(values),
        bias="exact",
        bias_bound=0.0,
    )
    return MultiplexedRotation().encode(table)


PROBLEMS = [encoded([0.3, 1.0]), encoded([0.0, 1.0]), encoded([0.0, 0.1, 0.2, 1.0])]


@pytest.mark.parametrize("amplitude", [0.0, 1e-6, 0.25, 0.3, 0.5, 0.853, 1.0])
@pytest.mark.parametrize("bits", [1, 2, 3, 7])
def test_law_is_the_fourier_transform_of_both_eigenphases(amplitude, bits):
    outcomes = 2**bits
    angle = 2.0 * np.arcsin(np.sqrt(amplitude))
    states = np.exp(1j * np.outer([angle, -angle], np.arange(outcomes))) / outcomes
    slow = 0.5 * (np.abs(np.fft.fft(states)) ** 2).sum(axis=0)
    assert phase_probabilities(amplitude, bits) == pytest.approx(slow, abs=1e-12)


def test_theorem_11():
    """At least 8 / pi^2 within one step of the phase; the rest is far less likely."""
    for away in np.linspace(0.0, 1.0, 33):
        near = phase_kernel(np.array([-away, 1.0 - away]), 2**9)
        assert near.sum() >= 8.0 / np.pi**2 - 1e-12


def test_lost_visibility_is_uniform():
    blurred = phase_probabilities(0.3, 3, decay=0.1)
    seen = np.exp(-0.7)
    ideal = phase_probabilities(0.3, 3)
    assert blurred == pytest.approx(seen * ideal + (1.0 - seen) / 8.0, abs=1e-12)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("bits", [1, 3, 4])
def test_circuit_obeys_the_law(problem, bits):
    from qiskit.quantum_info import Statevector

    circuit = Aer().oracle(problem, rng=np.random.default_rng(0)).phase_circuit(bits)
    assert not {"multiplexer", "unitary"} & set(circuit.count_ops())
    circuit.remove_final_measurements()
    register = range(problem.num_qubits, problem.num_qubits + bits)
    found = Statevector(circuit).probabilities(register)
    amplitude = float(problem.probabilities @ problem.flags)
    assert found == pytest.approx(phase_probabilities(amplitude, bits), abs=1e-12)


def made(kind):
    if kind == "ideal":
        return Ideal()
    if kind == "sampler":
        return Sampler(sampler=lambda seed: StatevectorSampler(seed=seed))
    if kind == "routed":
        device = GenericBackendV2(7, coupling_map=CouplingMap.from_line(7), seed=1)
        passes = generate_preset_pass_manager(1, backend=device, seed_transpiler=1)
        return Sampler(sampler=lambda seed: SamplerV2(seed=seed), pass_manager=passes)
    return Aer(method=kind)


@pytest.mark.parametrize(
    "kind",
    [
        "statevector", "density_matrix", "matrix_product_state", "ideal", "binomial", "sampler",
        "routed",
    ],
)  # fmt: skip
def test_outcomes_follow_the_law(kind):
    problem, bits, shots = PROBLEMS[2], 4, 4_000
    amplitude, rng = float(problem.probabilities @ problem.flags), np.random.default_rng(5)
    if kind == "binomial":
        oracle = BinomialOracle(amplitude, rng=rng)
    else:
        oracle = made(kind).oracle(problem, rng=rng)
    assert isinstance(oracle, SupportsPhase)
    expected = shots * phase_probabilities(amplitude, bits)
    counts = np.bincount(oracle.phases(bits, shots), minlength=2**bits)
    assert stats.chisquare(counts, expected).pvalue > FALSE_ALARM
    assert len({oracle.phases(bits, 40) for _ in range(5)}) == 5


def test_queries_and_meter():
    request = PhaseRound(3, 5)
    assert (request.power, request.queries) == (7, 75)
    oracle = BinomialOracle(0.3, rng=1)
    metered = MeteredOracle(oracle, Meter())
    told = replies(metered, [Round(1, 10), request, Round(0, 4)])
    assert [type(one) for one in told] == [int, tuple, int]
    assert len(told[1]) == 5
    meter = metered.meter
    assert (meter.queries, meter.shots, meter.max_power) == (109, 19, 7)
    assert oracle.queries == meter.queries


def test_oracles_without_a_register_are_named():
    class Bare:
        decay = 0.0

        def run(self, rounds):
            return tuple(0 for _ in rounds)

    with pytest.raises(Unsupported, match="Bare has no phases"):
        phases(Bare(), 3, 1)
    with pytest.raises(Unsupported, match="Bare has no phases"):
        MeteredOracle(Bare(), Meter()).phases(3, 1)


def test_refusals(monkeypatch):
    for bits, shots in ((0, 1), (41, 1), (3, 0)):
        with pytest.raises(InvalidProblem, match="must be a whole number"):
            PhaseRound(bits, shots)
    oracle = Aer().oracle(PROBLEMS[0], rng=np.random.default_rng(0))
    sampler = Sampler(sampler=StatevectorSampler()).oracle(PROBLEMS[0], rng=None)
    for one in (oracle, sampler):
        with pytest.raises(InvalidProblem, match="bits=0: must be a whole number from 1 to 40"):
            one.phases(0, 1)
        with pytest.raises(InvalidProblem, match="shots=0: must be a whole number"):
            one.phases(1, 0)
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 2**16)
    with pytest.raises(TooLarge, match="state of 22 qubits"):
        oracle.phases(20, 1)
    with pytest.raises(TooLarge, match=r"instructions \(power 1048575\)"):
        sampler.phases(20, 1)
    with pytest.raises(TooLarge, match="law of 20 phase bits"):
        phase_probabilities(0.3, 20)
