"""`Sampler`: any BaseSamplerV2 draws the law of the circuit, routed or not, with fresh seeds."""

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Statevector
from qiskit.transpiler import CouplingMap
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2
from scipy import stats

from qmc.backends import Backend, Oracle, Sampler
from qmc.backends.isa import RoutedCircuits
from qmc.backends.powers import REGISTER
from qmc.circuits import MultiplexedRotation
from qmc.errors import InvalidProblem, TooLarge
from qmc.grids.cell_table import CellTable
from qmc.rounds import Round, hit_probability

# each comparison below raises a false alarm with probability 1e-4
FALSE_ALARM = 1e-4
TABLE = CellTable(
    registers=(2,),
    marginals=(np.array([0.4, 0.3, 0.2, 0.1]),),
    values=np.array([0.0, 0.2, 0.3, 1.0]),
    bias="exact",
    bias_bound=0.0,
)
PROBLEM = MultiplexedRotation().encode(TABLE)
AMPLITUDE = float(PROBLEM.probabilities @ PROBLEM.flags)
ROUNDS = [
    Round(0, 900), Round(1, 800), Round(3, 700), Round(3, 600), Round(2, 500, 0.3),
    Round(1, 400, -0.3),
]  # fmt: skip
FULL = generate_preset_pass_manager(1, basis_gates=["cx", "rz", "sx", "x"])
LINE = generate_preset_pass_manager(
    1, basis_gates=["cx", "rz", "sx", "x"], coupling_map=CouplingMap.from_line(5), seed_transpiler=7
)
HEAVY = CouplingMap.from_heavy_hex(3)
# the lattice of 19 qubits without errors, so that hits have the ideal law
HEAVY_HEX = generate_preset_pass_manager(
    1, basis_gates=["cx", "rz", "sx", "x"], coupling_map=HEAVY, seed_transpiler=7
)


def oracle(backend, seed=1):
    return backend.oracle(PROBLEM, rng=np.random.default_rng(seed))


def assert_ideal(hits, rounds=ROUNDS):
    for one, found in zip(rounds, hits, strict=True):
        p = hit_probability(AMPLITUDE, one.power, one.steer)
        assert stats.binomtest(found, one.shots, p).pvalue > FALSE_ALARM, one


@pytest.mark.parametrize(
    ("make", "passes"),
    [
        (lambda seed: StatevectorSampler(seed=seed), None),
        (lambda seed: StatevectorSampler(seed=seed), FULL),
        (lambda seed: StatevectorSampler(seed=seed), LINE),
        (lambda seed: SamplerV2(seed=seed), FULL),
        (lambda seed: SamplerV2(seed=seed), LINE),
        (lambda seed: SamplerV2(seed=seed), HEAVY_HEX),
    ],
    ids=["plain", "full", "line", "aer", "aer-line", "aer-heavy-hex"],
)
def test_hits_follow_the_ideal_law(make, passes):
    backend = Sampler(sampler=make, pass_manager=passes)
    assert isinstance(backend, Backend)
    assert isinstance(oracle(backend), Oracle)
    assert_ideal(oracle(backend).run(ROUNDS))
    assert oracle(backend).run(ROUNDS) == oracle(backend).run(ROUNDS)


def test_a_fake_heavy_hex_device_gets_its_own_gates_and_runs_them():
    device = GenericBackendV2(HEAVY.size(), coupling_map=HEAVY, seed=3)
    passes = generate_preset_pass_manager(1, backend=device, seed_transpiler=3)
    made = oracle(Sampler(sampler=BackendSamplerV2(backend=device), pass_manager=passes))
    circuit = made.circuit(1)
    for one in circuit.data:
        places = tuple(circuit.find_bit(bit).index for bit in one.qubits)
        assert device.target.instruction_supported(one.operation.name, places)
    rounds = [Round(0, 2000), Round(1, 1000)]
    assert all(0 < found < one.shots for found, one in zip(made.run(rounds), rounds, strict=True))


@pytest.mark.parametrize("passes", [FULL, LINE, HEAVY_HEX], ids=["full", "line", "heavy-hex"])
def test_routed_circuits_have_the_exact_law(passes):
    """Compiled to the device and back to a state vector of the qubits in use: 1e-10."""
    made = RoutedCircuits(PROBLEM, passes)
    for power, steer in ((0, 0.0), (1, 0.0), (2, 0.0), (1, 0.3)):
        circuit = made.circuit(power, steer)
        active = sorted({circuit.find_bit(bit).index for one in circuit.data for bit in one.qubits})
        small = QuantumCircuit(len(active))
        for one in circuit.data:
            places = [active.index(circuit.find_bit(bit).index) for bit in one.qubits]
            if one.operation.name == "measure":
                (flag,) = places
            elif one.operation.name != "barrier":
                small.append(one.operation, places)
        found = Statevector(small).probabilities([flag])[1]
        assert found == pytest.approx(hit_probability(AMPLITUDE, power, steer), abs=1e-10)


def test_powers_are_composed_only_where_no_qubit_moves():
    assert RoutedCircuits(PROBLEM, FULL).composable(0.0) is not None
    moved = RoutedCircuits(PROBLEM, LINE)
    logical = moved.logical(0.0)
    state, grover = (moved._compiled(part).layout for part in (logical.state, logical.grover))
    places = [
        state.final_index_layout(True),
        grover.initial_index_layout(True),
        grover.final_index_layout(True),
    ]
    assert len(set(map(tuple, places))) > 1
    assert moved.composable(0.0) is None


def test_composing_where_qubits_move_would_be_wrong():
    """The law above sees it: A and Q compiled on a line and put together blindly."""
    made = RoutedCircuits(PROBLEM, LINE)
    logical = made.logical(0.0)
    state, grover = made._compiled(logical.state), made._compiled(logical.grover)
    places = state.layout.final_index_layout()
    blind = state.compose(grover).compose(grover)
    found = Statevector(blind).probabilities([places[logical.flag]])[1]
    assert abs(found - hit_probability(AMPLITUDE, 2)) > 0.01


class Counting:
    """Counts jobs; the sampler draws its own seeds."""

    def __init__(self):
        self.jobs, self.inner = [], StatevectorSampler()

    def run(self, pubs):
        self.jobs.append([shots for _, _, shots in pubs])
        return self.inner.run(pubs)


def test_rounds_of_any_shots_and_steers_go_in_one_job():
    sampler = Counting()
    made = oracle(Sampler(sampler=sampler))
    assert_ideal(made.run(ROUNDS))
    # the two rounds at power 3 share a circuit
    assert sampler.jobs == [[900, 800, 1300, 500, 400]]
    assert_ideal(oracle(Sampler(sampler=sampler, batch=2)).run(ROUNDS))
    assert [len(job) for job in sampler.jobs[1:]] == [2, 2, 1]


@pytest.mark.parametrize(
    "fixed",
    [
        StatevectorSampler(seed=5),
        SamplerV2(seed=5),
        SamplerV2(options={"run_options": {"seed_simulator": 5}}),
        SamplerV2(options={"backend_options": {"seed_simulator": 5}}),
        BackendSamplerV2(backend=AerSimulator(), options={"seed_simulator": 5}),
        BackendSamplerV2(backend=AerSimulator(seed_simulator=5)),
        StatevectorSampler(seed=np.random.SeedSequence(5)),
        StatevectorSampler(seed=[1, 2]),
    ],
    ids=range(8),
)
def test_the_trap_of_a_fixed_seed_exists_and_is_refused(fixed):
    circuit = oracle(Sampler(sampler=StatevectorSampler(), pass_manager=FULL)).circuit(1)
    first, second = (
        fixed.run([(circuit, None, 64)]).result()[0].data[REGISTER].get_bitstrings()
        for _ in range(2)
    )
    assert first == second
    with pytest.raises(InvalidProblem, match="same shots"):
        Sampler(sampler=fixed)


SHARED = np.random.default_rng(5)


@pytest.mark.parametrize(
    "make",
    [
        lambda _seed: StatevectorSampler(seed=5),
        lambda _seed: SamplerV2(seed=5),
        lambda _seed: StatevectorSampler(seed=np.random.default_rng(5)),
        lambda _seed: StatevectorSampler(seed=np.random.SeedSequence(5)),
        lambda _seed: BackendSamplerV2(backend=AerSimulator(seed_simulator=5)),
    ],
)
def test_a_function_that_ignores_its_seed_is_refused_at_its_first_run(make):
    """Its shots do repeat: the trap is there, and so is the refusal, by name."""
    circuit = oracle(Sampler(sampler=StatevectorSampler(), pass_manager=FULL)).circuit(1)
    first, second = (
        make(seed).run([(circuit, None, 64)]).result()[0].data[REGISTER].get_bitstrings()
        for seed in (1, 2)
    )
    assert first == second
    made = oracle(Sampler(sampler=make, pass_manager=FULL))
    with pytest.raises(InvalidProblem, match=r"(?s)seed of made samplers=.*lambda seed"):
        made.run([Round(0, 10)])


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: StatevectorSampler(seed=seed % 1_000_003),
        lambda seed: StatevectorSampler(seed=seed >> 8),
        lambda seed: StatevectorSampler(seed=np.random.default_rng(seed)),
        lambda seed: StatevectorSampler(seed=np.random.SeedSequence(seed)),
        lambda _seed: StatevectorSampler(),
        lambda _seed: StatevectorSampler(seed=SHARED),
        lambda seed: BackendSamplerV2(backend=AerSimulator(seed_simulator=seed)),
    ],
)
def test_a_function_that_draws_afresh_in_its_own_way_is_taken(make):
    made = oracle(Sampler(sampler=make, pass_manager=FULL))
    assert 0 <= made.run([Round(0, 10)])[0] <= 10


@pytest.mark.parametrize(
    "sampler",
    [
        StatevectorSampler(),
        StatevectorSampler(seed=np.random.default_rng(4)),
        lambda seed: StatevectorSampler(seed=seed),
        lambda seed: SamplerV2(seed=seed),
    ],
)
def test_pooled_rounds_do_not_repeat_each_other(sampler):
    """Counts of calls and of rounds in a call are as dispersed as binomial ones."""
    made = oracle(Sampler(sampler=sampler, pass_manager=FULL))
    hits = [found for _ in range(15) for found in made.run([Round(0, 400)] * 4)]
    p = np.mean(hits) / 400
    spread = np.var(hits, ddof=1) / (400 * p * (1 - p)) * 59
    assert FALSE_ALARM < stats.chi2.sf(spread, 59) < 1.0 - FALSE_ALARM


def test_circuits_of_one_job_do_not_share_a_seed():
    """One shot of two powers of even chance: both alike in half of the jobs, not in all."""
    table = CellTable(
        registers=(1,), marginals=(np.full(2, 0.5),), values=np.array([0.0, 1.0]),
        bias="exact", bias_bound=0.0,
    )  # fmt: skip
    backend = Sampler(sampler=lambda seed: StatevectorSampler(seed=seed))
    made = backend.oracle(MultiplexedRotation().encode(table), rng=np.random.default_rng(2))
    pairs = [made.run([Round(0, 1), Round(1, 1)]) for _ in range(60)]
    assert stats.binomtest(sum(a == b for a, b in pairs), 60, 0.5).pvalue > FALSE_ALARM


def test_calibration_and_decay():
    backend = Sampler(sampler=lambda seed: StatevectorSampler(seed=seed), decay=0.1)
    assert oracle(backend).decay == 0.1
    found = backend.calibrate(PROBLEM, powers=(0, 1, 2, 3, 5), shots=500, rng=1)
    assert found.interval.low == 0.0
    assert found.contrast > 0.9
    with pytest.raises(InvalidProblem, match="function of a seed"):
        oracle(Sampler(sampler=lambda _seed: None)).run([Round(0, 1)])


def test_a_state_beyond_the_machine_is_refused_before_it_is_made():
    """Four qubits routed to a lattice of 57: qiskit's own simulator would hold all of them."""
    lattice = CouplingMap.from_heavy_hex(5)
    assert lattice.size() == 57
    passes = generate_preset_pass_manager(
        1, basis_gates=["cx", "rz", "sx", "x"], coupling_map=lattice, seed_transpiler=7
    )
    told = r"of 57 qubits, .* needs .* is available; compile for .* fewer qubits.*SamplerV2"
    for sampler in (StatevectorSampler(), lambda seed: StatevectorSampler(seed=seed)):
        with pytest.raises(TooLarge, match=told):
            oracle(Sampler(sampler=sampler, pass_manager=passes)).run([Round(0, 10)])
