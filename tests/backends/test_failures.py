"""A backend that fails gives `BackendFailed` with its cause, and never a partial result."""

from dataclasses import replace

import numpy as np
import pytest
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, SamplerPubResult

from qmc import BlackScholes, Call, Goal, LawGrid, Price, Problem, Quantum
from qmc.backends import Aer, DepolarizingNoise, DeviceNoise, Ideal, Sampler, calibrate
from qmc.circuits import MultiplexedRotation
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.errors import BackendFailed, InvalidProblem, TooLarge, Unsupported
from qmc.estimators import Canonical, Sampling
from qmc.grids.cell_table import CellTable
from qmc.rounds import PhaseRound, Round
from qmc.run import Meter, MeteredOracle

TABLE = CellTable(
    registers=(2,),
    marginals=(np.full(4, 0.25),),
    values=np.array([0.0, 0.2, 0.3, 1.0]),
    bias="exact",
    bias_bound=0.0,
)
PROBLEM = MultiplexedRotation().encode(TABLE)
TWO = MultiplexedRotation().encode(
    replace(TABLE, registers=(1,), marginals=(np.full(2, 0.5),), values=np.array([0.3, 1.0]))
)
STATE = np.eye(1, 16)[0]
CALL = Problem(
    BlackScholes(spot=100.0, vol=0.2, rate=0.05), Call(strike=105.0, expiry=1.0), Price()
)


class FakeAer:
    """A simulator whose result is wrong in one way."""

    success, status, results = True, "fake", ()

    def __init__(self, error=None, **answers):
        self.error, self.answers = error, answers

    def run(self, *_args, **_kwargs):
        return self

    def result(self):
        if self.error is not None:
            raise self.error
        self.success = self.answers.get("success", True)
        return self

    def get_counts(self, _index):
        return self.answers.get("counts", {"0": 7, "1": 3})

    def get_memory(self, _index):
        return self.answers.get("memory", ["0"] * 10)

    def data(self, _index):
        return self.answers.get("data", {"after 0": STATE})


def on(fake, **options):
    oracle = Aer(**options).oracle(PROBLEM, rng=np.random.default_rng(0))
    oracle._simulators["statevector"] = fake
    return oracle


def test_the_fakes_pass_when_nothing_is_wrong():
    assert on(FakeAer()).run([Round(0, 10)]) == (3,)
    assert on(FakeAer(), reuse_state=False).run([Round(0, 4), Round(0, 6)]) == (0, 0)
    assert sampler_oracle().run([Round(0, 10)]) == (3,)


@pytest.mark.parametrize("reuse_state", [True, False])
@pytest.mark.parametrize(
    "error", [RuntimeError("out of order"), ValueError("no"), MemoryError(), AttributeError("x")]
)
def test_what_aer_raises_is_chained(error, reuse_state):
    with pytest.raises(BackendFailed, match=r"Aer failed on (powers 0|the circuit A)") as caught:
        on(FakeAer(error), reuse_state=reuse_state).run([Round(0, 10)])
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"success": False}, "status 'fake'"),
        ({"counts": {"1": 3}}, "3 of 10 shots"),
        ({"counts": {"01": 10}}, "'01'.*one bit"),
        ({"counts": None}, "cannot be read"),
        ({"data": {}}, "cannot be read"),
        ({"data": {"after 0": np.zeros(16)}}, "norm 0"),
        ({"data": {"after 0": np.full(16, np.nan)}}, "norm nan"),
    ],
)
def test_a_wrong_answer_of_aer_is_refused(answers, told):
    with pytest.raises(BackendFailed, match=told):
        on(FakeAer(**answers)).run([Round(0, 10)])


@pytest.mark.parametrize(
    ("memory", "told"), [(["0"] * 9, "9 of 10"), (["00"] * 10, "one bit"), (None, "read")]
)
def test_wrong_single_shots_of_aer_are_refused(memory, told):
    with pytest.raises(BackendFailed, match=told):
        on(FakeAer(memory=memory)).run([Round(0, 4), Round(0, 6)])
    with pytest.raises(BackendFailed, match=told.replace("one bit", "must be 3 bits")):
        on(FakeAer(memory=memory)).phases(3, 10)


class FakeSampler:
    """A sampler whose result is wrong in one way; 3 of 10 shots are hits."""

    def __init__(self, error=None, *, register="flag", shots=10, bits=1, circuits=1):
        self.error, self.register, self.bits, self.circuits = error, register, bits, circuits
        self.shots = shots

    def run(self, _pubs):
        return self

    def result(self):
        if self.error is not None:
            raise self.error
        outcomes = np.array([[1]] * 3 + [[0]] * (self.shots - 3), dtype=np.uint8)
        data = DataBin(**{self.register: BitArray(outcomes, self.bits)})
        return PrimitiveResult([SamplerPubResult(data)] * self.circuits)


def sampler_oracle(*args, **fields):
    backend = Sampler(sampler=FakeSampler(*args, **fields))
    return backend.oracle(PROBLEM, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    "error",
    [RuntimeError("queue closed"), OSError("no network"), KeyError("job"), ZeroDivisionError()],
)
def test_what_a_sampler_raises_is_chained(error):
    with pytest.raises(BackendFailed, match="the sampler failed on powers 0") as caught:
        sampler_oracle(error).run([Round(0, 10)])
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"register": "meas"}, "cannot be read"),
        ({"shots": 9}, "9 of 10 shots"),
        ({"bits": 2}, "2 bits"),
        ({"circuits": 2}, "2 of 1 circuits"),
        ({"circuits": 0}, "0 of 1 circuits"),
    ],
)
def test_a_wrong_answer_of_a_sampler_is_refused(fields, told):
    with pytest.raises(BackendFailed, match=told):
        sampler_oracle(**fields).run([Round(0, 10)])


def test_a_pass_manager_that_cannot_compile_is_named():
    from qiskit import generate_preset_pass_manager
    from qiskit.transpiler import CouplingMap

    passes = generate_preset_pass_manager(
        1, coupling_map=CouplingMap.from_line(2), seed_transpiler=1
    )
    backend = Sampler(sampler=FakeSampler(), pass_manager=passes)
    with pytest.raises(BackendFailed, match="pass manager failed on 4 qubits") as caught:
        backend.oracle(PROBLEM, rng=np.random.default_rng(0)).run([Round(1, 10)])
    assert caught.value.__cause__ is not None


def wide(qubits):
    return AmplitudeProblem(
        registers=(qubits - 1,),
        flag=qubits - 1,
        num_qubits=qubits,
        offset=0.0,
        scale=1.0,
        build=lambda: pytest.fail("the circuit was built"),
    )


def test_a_product_state_is_bounded_by_its_bonds(monkeypatch):
    """The worst case must fit, or a bond dimension is stated that does."""
    product = Aer(method="matrix_product_state")
    told = r"60 qubits and bond dimension 1,073,741,824, the worst case, needs .* is available; .*"
    with pytest.raises(TooLarge, match=told + "state bond_dimension="):
        product.oracle(wide(58), rng=np.random.default_rng(0))
    stated = Aer(method="matrix_product_state", bond_dimension=64)
    stated.oracle(wide(58), rng=np.random.default_rng(0))
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 2**20)
    with pytest.raises(TooLarge, match=r"bond dimension 64 needs .*a smaller bond_dimension"):
        stated.oracle(wide(58), rng=np.random.default_rng(0))
    # no state of few qubits needs as many bonds as are allowed
    stated.oracle(wide(4), rng=np.random.default_rng(0))
    assert stated.noisy
    assert not product.noisy
    with pytest.raises(InvalidProblem, match="bond_dimension=4: must be 0 with method='automatic'"):
        Aer(bond_dimension=4)


def test_a_product_state_needs_no_more_bonds_than_the_worst():
    """One bond cuts the entangled state off, two are all that three qubits can need."""
    rounds = [Round(1, 4_000)]
    whole, worst, cut = (
        Aer(method="matrix_product_state", bond_dimension=bond)
        .oracle(TWO, rng=np.random.default_rng(1))
        .run(rounds)[0]
        for bond in (0, 2, 1)
    )
    assert whole == worst
    assert abs(whole - cut) > 400


def test_a_density_matrix_beyond_the_machine_is_refused_before_it_is_made():
    """4**n numbers: where a state vector of the same qubits would fit."""
    fits = Aer().oracle(wide(20), rng=np.random.default_rng(0))
    assert fits.decay == 0.0
    with pytest.raises(TooLarge, match=r"density matrix of 25 qubits needs .* is available; take"):
        Aer(method="density_matrix").oracle(wide(24), rng=np.random.default_rng(0))


def test_noise_beyond_a_density_matrix_takes_trajectories():
    noisy = Aer(noise=DepolarizingNoise(two_qubit_error=0.01))
    assert noisy.method_for(9) == "density_matrix"
    assert noisy.method_for(10) == "statevector"
    assert not noisy.reuses(10)


@pytest.mark.parametrize(
    "make",
    [
        lambda: DepolarizingNoise(two_qubit_error=1.5),
        lambda: DepolarizingNoise(two_qubit_error=-0.1),
        lambda: DepolarizingNoise(two_qubit_error=0.1, readout_error=0.5),
        lambda: DepolarizingNoise(two_qubit_error=float("nan")),
        lambda: DeviceNoise(qubits=1),
        lambda: DeviceNoise(coupling="tree"),
        lambda: DeviceNoise(qubits=20, coupling="heavy_hex"),
        lambda: DeviceNoise(device="no name"),
        lambda: Sampler(sampler=3),
        lambda: Sampler(sampler=FakeSampler),
        lambda: Sampler(sampler=lambda: None),
        lambda: Sampler(sampler=lambda seed, shots: FakeSampler()),
        lambda: Sampler(sampler=FakeSampler(), pass_manager="none"),
        lambda: Sampler(sampler=FakeSampler(), decay=-1.0),
    ],
)
def test_bad_fields_are_refused(make):
    with pytest.raises(InvalidProblem, match="must be"):
        make()


@pytest.mark.parametrize(
    ("noise", "told"),
    [
        (DeviceNoise(qubits=3), r"qubits=3: must be 4 or more.*take DeviceNoise\(qubits=4\)"),
        (DeviceNoise(qubits=3, coupling="line"), r"DeviceNoise\(qubits=4\)"),
    ],
)
def test_a_device_that_is_too_small_is_named(noise, told):
    backend = Aer(noise=noise)
    with pytest.raises(InvalidProblem, match=told):
        backend.oracle(wide(4), rng=np.random.default_rng(0))
    # A fits; the ancilla of a steer and the register of a phase do not
    oracle = backend.oracle(PROBLEM, rng=np.random.default_rng(0))
    assert 0 <= oracle.run([Round(0, 10)])[0] <= 10
    for ask in (lambda: oracle.run([Round(0, 10, 0.3)]), lambda: oracle.phases(1, 1)):
        with pytest.raises(InvalidProblem, match=told):
            ask()


def test_a_heavy_hex_device_that_is_too_small_names_the_next_lattice(monkeypatch):
    noise = DeviceNoise(qubits=19, coupling="heavy_hex")
    with pytest.raises(InvalidProblem, match=r"take DeviceNoise\(qubits=57\)"):
        noise.require_qubits(20)
    with pytest.raises(InvalidProblem, match="57: must be 58 or more for this circuit; fewer"):
        DeviceNoise(qubits=57, coupling="heavy_hex").require_qubits(58)
    named = DeviceNoise(device="FakeManilaV2")
    monkeypatch.setattr(
        "qmc.backends.noise._installed_device", lambda _name: DeviceNoise(qubits=5).backend()
    )
    named.require_qubits(5)
    with pytest.raises(InvalidProblem, match=r"FakeManilaV2, 5 qubits.*a device of 6 qubits"):
        named.require_qubits(6)


def test_what_is_no_round_is_refused_and_none_are_none():
    for backend in (Aer(), Ideal(), Sampler(sampler=FakeSampler())):
        oracle = backend.oracle(PROBLEM, rng=np.random.default_rng(0))
        assert oracle.run([]) == ()
        with pytest.raises(InvalidProblem, match="rounds=3: must be a sequence of rounds"):
            oracle.run(3)
        with pytest.raises(InvalidProblem, match="bits=0: must be a whole number"):
            oracle.phases(0, 1)
        if not isinstance(backend, Ideal):
            for power, steer, told in ((-1, 0.0, "power=-1"), ("x", 0.0, "power"), (1, 2, "steer")):
                with pytest.raises(InvalidProblem, match=told):
                    oracle.circuit(power, steer)
        with pytest.raises(InvalidProblem, match=r"rounds\[1\]=3: must be a Round"):
            oracle.run([Round(0, 10), 3])


def test_a_fake_device_that_is_not_there_is_named(monkeypatch):
    def missing(_name):
        raise ImportError

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(Unsupported, match=r"FakeManilaV2.*qiskit-ibm-runtime.*GenericBackendV2"):
        DeviceNoise(device="FakeManilaV2").backend()


class VendorError(Exception):
    """A client's own error, derived from no built-in one but the root."""


class Own:
    """A user's own backend and oracle, wrong in one way."""

    decay = 0.0

    def __init__(self, hits=None, error=None, made=True, decay=0.0):
        self.hits, self.error, self.made, self.decay = hits, error, made, decay

    def oracle(self, problem, *, rng):
        if self.made is True:
            return self
        if isinstance(self.made, BaseException):
            raise self.made
        return self.made

    def run(self, rounds):
        if self.error is not None:
            raise self.error
        return tuple(one.shots // 3 for one in rounds) if self.hits is None else self.hits(rounds)

    def phases(self, bits, shots):
        if self.error is not None:
            raise self.error
        return (2**bits - 1,) * shots if self.hits is None else self.hits([PhaseRound(bits, shots)])


def solved(backend, estimator=None):
    engine = Quantum(backend=backend, grid=LawGrid(qubits=1), estimator=estimator or Sampling())
    return engine.solve(CALL, Goal(queries=500), rng=1)


@pytest.mark.parametrize("error", [VendorError("down"), StopIteration("no more")])
def test_a_vendors_own_error_is_chained(error):
    def broken(_seed):
        raise error

    oracles = (
        on(FakeAer(error)),
        sampler_oracle(error),
        Sampler(sampler=broken).oracle(PROBLEM, rng=np.random.default_rng(0)),
    )
    for oracle in oracles:
        with pytest.raises(BackendFailed, match="failed on") as caught:
            oracle.run([Round(0, 10)])
        assert caught.value.__cause__ is error


@pytest.mark.parametrize("estimator", [Sampling(), Canonical()])
@pytest.mark.parametrize("error", [VendorError("down"), StopIteration(), ValueError("no")])
def test_what_ones_own_oracle_raises_is_chained(error, estimator):
    with pytest.raises(BackendFailed, match=r"Own\.(run|phases) failed on") as caught:
        solved(Own(error=error), estimator)
    assert caught.value.__cause__ is error
    with pytest.raises(BackendFailed, match=r"Own\.oracle failed") as caught:
        solved(Own(made=error), estimator)
    assert caught.value.__cause__ is error
    with pytest.raises(BackendFailed, match=r"Own\.run failed on 4 rounds"):
        calibrate(Own(error=error), PROBLEM, powers=(0, 1, 2, 3))


@pytest.mark.parametrize(
    "error",
    [TooLarge("big"), Unsupported("not so"), InvalidProblem("wrong"), KeyboardInterrupt()],
)
def test_our_own_errors_and_an_interrupt_pass_through(error):
    with pytest.raises(type(error)) as caught:
        solved(Own(made=error))
    assert caught.value is error
    with pytest.raises(type(error)) as caught:
        MeteredOracle(Own(error=error), Meter()).run([Round(0, 10)])
    assert caught.value is error


@pytest.mark.parametrize(
    ("hits", "told"),
    [
        (lambda _: None, "TypeError"),
        (lambda rounds: (1,) * (len(rounds) + 1), "of it is used"),
        (lambda _: (), "of it is used"),
        (lambda rounds: [-1] * len(rounds), "answered -1 as .*from 0 to"),
        (lambda rounds: [one.shots + 1 for one in rounds], "from 0 to"),
        (lambda rounds: [0.5] * len(rounds), r"answered 0\.5 as"),
        (lambda rounds: [float("nan")] * len(rounds), "answered nan as"),
        (lambda rounds: [True] * len(rounds), "answered True as"),
    ],
)
def test_wrong_hits_of_ones_own_oracle_are_refused_and_not_counted(hits, told):
    with pytest.raises(BackendFailed, match=told):
        solved(Own(hits=hits))
    meter = Meter()
    with pytest.raises(BackendFailed, match=told):
        MeteredOracle(Own(hits=hits), meter).run([Round(0, 10)])
    assert meter == Meter()


@pytest.mark.parametrize(
    ("answer", "told"),
    [(None, "cannot be read"), ((1,), "1 of 2 shots"), ((8, 0), "answered 8"), ((0.0, 0), "0.0")],
)
def test_wrong_phases_of_ones_own_oracle_are_refused(answer, told):
    oracle = MeteredOracle(Own(hits=lambda _: answer), Meter())
    with pytest.raises(BackendFailed, match=told):
        oracle.phases(3, 2)


@pytest.mark.parametrize("made", [None, 3, Own, Ideal()])
def test_what_is_no_oracle_is_refused(made):
    with pytest.raises(BackendFailed, match=r"Own\.oracle returned .*: must be an Oracle"):
        solved(Own(made=made))


@pytest.mark.parametrize("decay", [None, -1.0, float("nan"), float("inf")])
def test_an_oracles_decay_is_a_number(decay):
    with pytest.raises(BackendFailed, match=r"Own.decay"):
        solved(Own(decay=decay))


def test_hits_of_numpy_are_hits():
    hits = MeteredOracle(Own(hits=lambda _: np.array([3, 4])), Meter()).run([Round(0, 9)] * 2)
    assert hits == (3, 4)
    assert all(type(one) is int for one in hits)
