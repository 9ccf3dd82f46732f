"""Gate counts against built circuits, whole estimates, growth, and Microsoft's estimator."""

import importlib
import importlib.util
import math
import os
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import transpile
from qiskit.circuit import Parameter, QuantumCircuit

from qmc.circuits import MultiplexedRotation
from qmc.circuits.grover import grover_operator, summary
from qmc.contracts import Call, Portfolio
from qmc.engine import Quantum
from qmc.errors import BackendFailed, InvalidProblem, TooLarge, Unsupported
from qmc.estimators import Adaptive, Canonical, Iterative, RealAmplitude, Sampling
from qmc.grids import LawGrid, UniformGrid
from qmc.measures import Price, VaR
from qmc.models import BlackScholes, NormalReturns
from qmc.problem import Goal, Problem
from qmc.resources import (
    GateCounts,
    Machine,
    PhysicalResources,
    Resources,
    count_gates,
    physical,
    resources,
    scaling,
    t_per_rotation,
)
from qmc.resources.machine import _estimator
from qmc.resources.runs import Circuits, rehearse
from qmc.rounds import PhaseRound, Round
from qmc.serialise import from_json, to_json

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())
GOAL = Goal(tolerance=0.2)

needs_estimator = pytest.mark.skipif(
    not (importlib.util.find_spec("qdk") or importlib.util.find_spec("qsharp")),
    reason="needs the extra resources",
)


def encoded(qubits, grid=LawGrid):
    return MultiplexedRotation().encode(grid(qubits=qubits).discretise(CALL))


GATES = {
    # name: (qubits, rotations, T gates, Toffolis)
    "h": (1, 0, 0, 0), "s": (1, 0, 0, 0), "x": (1, 0, 0, 0), "cx": (2, 0, 0, 0),
    "cz": (2, 0, 0, 0), "swap": (2, 0, 0, 0), "t": (1, 0, 1, 0), "tdg": (1, 0, 1, 0),
    "ccx": (3, 0, 0, 1),
}  # fmt: skip
ANGLES = {0.3: (1, 0), math.pi / 2: (0, 0), -3 * math.pi / 4: (0, 1), 0.0: (0, 0), 4.4: (1, 0)}


@st.composite
def programs(draw):
    """A list of (name, qubits, angle) on four qubits."""
    steps = []
    for _ in range(draw(st.integers(0, 12))):
        name = draw(st.sampled_from([*GATES, "rx", "ry", "rz"]))
        count = GATES[name][0] if name in GATES else 1
        qubits = tuple(draw(st.permutations(range(4)))[:count])
        angle = None if name in GATES else draw(st.sampled_from(sorted(ANGLES)))
        steps.append((name, qubits, angle))
    return steps


def costs(name, angle):
    """(rotations, T gates, Toffolis) of one step."""
    return GATES[name][1:] if angle is None else (*ANGLES[angle], 0)


def chains(steps, weight):
    """The heaviest chain, by trying every step as the last: slow, recursive, readable."""

    def ending(index):
        before = [
            ending(other) for other in range(index) if set(steps[other][1]) & set(steps[index][1])
        ]
        return max(before, default=0) + weight(steps[index])

    return max((ending(index) for index in range(len(steps))), default=0)


@settings(max_examples=40, deadline=None)
@given(programs(), st.sampled_from([4, 7]))
def test_counts_follow_the_gates(steps, toffoli_t):
    circuit = QuantumCircuit(4)
    for name, qubits, angle in steps:
        getattr(circuit, name)(*([] if angle is None else [angle]), *qubits)
    found = count_gates(circuit, precision=1e-6, toffoli_t=toffoli_t)
    sums = [sum(costs(name, angle)[part] for name, _, angle in steps) for part in range(3)]
    assert [found.rotations, found.t_gates, found.toffolis] == sums
    each, deep = t_per_rotation(1e-6), {4: 1, 7: 3}[toffoli_t]
    assert found.t_count == each * sums[0] + sums[1] + toffoli_t * sums[2]
    if len(steps) <= 8:
        assert found.rotation_depth == chains(steps, lambda one: costs(one[0], one[2])[0])
        assert found.t_depth == chains(
            steps, lambda one: np.dot(costs(one[0], one[2]), [each, 1, deep])
        )


@pytest.mark.parametrize("qubits", [1, 2, 3, 5, 8])
def test_a_and_q_of_a_call(qubits):
    problem = encoded(qubits)
    found = resources(problem)
    size = summary(problem)
    assert found.state.two_qubit_gates == size.two_qubit_gates
    assert found.state.depth == size.depth
    assert found.state.rotations <= 2**qubits
    assert found.grover.rotations == 2 * found.state.rotations
    assert found.grover.qubits == found.state.qubits + 1 == qubits + 2
    # the reflection: one Toffoli at 2 controls, else 8 (controls - 1) - 1 T with a clean ancilla
    assert found.grover.toffolis == (1 if qubits == 2 else 0)
    assert found.grover.t_gates == (8 * qubits - 9 if qubits >= 3 else 0)
    basis = ["cx", "rz", "sx", "x"]
    built = transpile(grover_operator(problem), basis_gates=basis, optimization_level=1)
    assert built.count_ops().get("cx", 0) == found.grover.two_qubit_gates


def test_a_toffoli_takes_seven_t_without_a_measurement():
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    plain = transpile(circuit, basis_gates=["cx", "h", "t", "tdg"], optimization_level=0)
    ops = plain.count_ops()
    assert count_gates(circuit, toffoli_t=7).t_count == ops["t"] + ops["tdg"]
    assert count_gates(circuit).t_count == 4
    assert count_gates(plain).t_count == 7


@pytest.mark.parametrize("precision", [1e-3, 1e-6, 1e-10])
def test_t_gates_of_a_rotation_are_those_of_ross_and_selinger(precision):
    synthesis = pytest.importorskip("qiskit.synthesis")
    if not hasattr(synthesis, "gridsynth_rz"):
        pytest.skip("this qiskit has no gridsynth_rz")
    counts = []
    for angle in np.random.default_rng(1).uniform(0.1, 6.2, 24):
        ops = synthesis.gridsynth_rz(float(angle), precision).count_ops()
        counts.append(ops.get("t", 0) + ops.get("tdg", 0))
    # one T gate more or less, and the rounding up
    assert abs(np.mean(counts) - t_per_rotation(precision)) < 2.0


@pytest.mark.parametrize("power", [0, 1, 3])
def test_a_sum_of_sizes_bounds_the_composed_circuit(power):
    problem = encoded(3)
    sizes = Circuits(problem)
    summed = sizes.state().then(sizes.grover(), power)
    circuit = QuantumCircuit(problem.num_qubits + 1)
    circuit.compose(problem.circuit, range(problem.num_qubits), inplace=True)
    for _ in range(power):
        circuit.compose(grover_operator(problem), inplace=True)
    whole = count_gates(circuit)
    for field in ("rotations", "t_gates", "toffolis", "t_count"):
        assert getattr(summed, field) == getattr(whole, field)
    for field in ("depth", "two_qubit_gates", "rotation_depth", "t_depth"):
        assert getattr(summed, field) >= getattr(whole, field)
    assert summed.depth <= 1.3 * whole.depth + 10


def test_a_whole_estimate_is_the_sum_of_its_shots():
    problem = encoded(4)
    found = resources(problem, GOAL, estimator=Iterative()).run
    amplitude = float(problem.probabilities @ problem.flags)
    asked = rehearse(Iterative(), problem.amplitude_goal(GOAL, 0.0), amplitude)
    sizes = Circuits(problem)
    assert found.queries == sum(one.queries for one in asked)
    assert found.shots == sum(one.shots for one in asked)
    assert found.max_power == max(one.power for one in asked)
    uses = (found.queries - found.shots) // 2
    for field in ("two_qubit_gates", "rotations", "t_count"):
        a, q = getattr(sizes.state(), field), getattr(sizes.grover(), field)
        assert getattr(found, field) == found.shots * a + uses * q
    assert found.deepest.rotations == sizes.state().rotations * (2 * found.max_power + 1)
    assert 0.2 < found.queries / found.expected_queries < 5.0
    assert found.physical is None
    assert found.seconds is None


def test_phase_estimation_steering_and_plain_sampling():
    problem = encoded(3)
    phase = resources(problem, GOAL, estimator=Canonical()).run
    bits = round(math.log2(phase.max_power + 1))
    assert phase.deepest.qubits == problem.num_qubits + bits
    assert phase.deepest.measurements == bits
    steered = resources(problem, GOAL, estimator=Adaptive()).run
    assert steered.deepest.qubits == problem.num_qubits + 2
    plain = resources(problem, Goal(tolerance=2.0), estimator=Sampling()).run
    assert plain.max_power == 0
    assert plain.t_count == plain.shots * resources(problem).state.t_count
    assert plain.deepest.qubits == problem.num_qubits


def test_phase_estimation_counts_a_controlled_q_a_power():
    sizes = Circuits(encoded(2))
    few, more = (sizes.asked(PhaseRound(bits, 1)) for bits in (3, 4))
    fourier = [sizes._count("inverse QFT", bits).rotations for bits in (3, 4)]
    state = sizes.state().rotations
    assert (more.rotations - fourier[1] - state) * 7 == (few.rotations - fourier[0] - state) * 15
    assert sizes.asked(Round(2, 1)) == sizes.asked(Round(2, 9))


def test_a_budget_of_queries_is_kept():
    found = resources(encoded(3), Goal(queries=500)).run
    assert found.queries <= 500


def test_a_problem_is_encoded_by_its_engine():
    engine = Quantum(grid=LawGrid(qubits=3), estimator=Adaptive())
    found = resources(CALL, GOAL, engine=engine)
    assert found.state == resources(encoded(3)).state
    assert found.run.estimator == "Adaptive"
    assert resources(CALL, GOAL, engine=engine, estimator=Iterative()).run.estimator == "Iterative"


def test_text_table_and_json():
    found = resources(encoded(3), GOAL)
    lines = str(found).splitlines()
    assert lines[0].startswith("A: 4 qubits")
    assert "uses of A" in lines[-1]
    table = found.table()
    assert [row[0] for row in table.rows[:2]] == ["A", "Q"]
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert "102 T each" in table.caption
    assert "seconds" not in table.columns
    assert from_json(to_json(found)) == found
    assert found.to_dict()["type"] == "qmc.resources.Resources"
    assert found.state.to_dict()["qubits"] == 4


def test_a_bare_circuit_is_counted_alone():
    circuit = QuantumCircuit(2, 1, name="pair")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure(1, 0)
    found = resources(circuit)
    assert isinstance(found, Resources)
    assert found.grover is None
    assert (found.state.name, found.state.two_qubit_gates, found.state.t_count) == ("pair", 1, 0)
    assert found.state.measurements == 1
    assert len(found.table().rows) == 1


def test_refusals():
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("angle"), 0)
    with pytest.raises(InvalidProblem, match=r"angle.*without free parameters"):
        count_gates(circuit)
    with pytest.raises(InvalidProblem, match="toffoli_t=5"):
        count_gates(QuantumCircuit(1), toffoli_t=5)
    for precision in (0.0, 1.0, 1e-40):
        with pytest.raises(InvalidProblem, match="precision"):
            count_gates(QuantumCircuit(1), precision=precision)
    with pytest.raises(InvalidProblem, match="QuantumCircuit"):
        resources("a circuit")
    with pytest.raises(InvalidProblem, match="bare circuit"):
        resources(QuantumCircuit(1), GOAL)
    with pytest.raises(InvalidProblem, match="signed"):
        resources(encoded(1), GOAL, estimator=RealAmplitude(signed=True))
    losses = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
    with pytest.raises(Unsupported, match="Tail"):
        resources(Problem(losses, Portfolio(weights=(1.0,)), VaR(level=0.99)))
    with pytest.raises(InvalidProblem, match="qubit="):
        Machine(qubit="a good one")
    with pytest.raises(InvalidProblem, match="floquet"):
        Machine(code="floquet_code")
    with pytest.raises(InvalidProblem, match="error_budget"):
        Machine(error_budget=0.0)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: count_gates(3), "circuit=3: must be a QuantumCircuit; an AmplitudeProblem has"),
        (lambda: count_gates(encoded(1)), "must be a QuantumCircuit"),
        (lambda: count_gates(QuantumCircuit(1), toffoli_t=[4]), r"toffoli_t=\[4\]: must be 4"),
        (lambda: count_gates(QuantumCircuit(1)).then(3), "after=3: must be GateCounts"),
        (
            lambda: count_gates(QuantumCircuit(1)).then(count_gates(QuantumCircuit(1)), -1),
            "times=-1: must be a whole number",
        ),
        (lambda: physical(3), "counts=3: must be GateCounts; count_gates"),
        (lambda: physical(count_gates(QuantumCircuit(1)), "fast"), "machine='fast': must be a M"),
        (lambda: resources(encoded(1), machine="fast"), "machine='fast': must be a Machine, or"),
        (lambda: resources(encoded(1), 0.05), r"goal=0\.05: must be a Goal, or None; such as"),
        (lambda: resources(encoded(1), GOAL, estimator="faster"), "estimator='faster': must be an"),
        (lambda: resources(encoded(1), engine=Iterative()), "must be a Quantum engine, or None"),
        (lambda: resources(encoded(1), GOAL, amplitude=np.float64(1.5)), r"amplitude=1\.5: must"),
        (lambda: Machine(error_budget=np.float64(2)), r"error_budget=2\.0: must be strictly"),
    ],
)
def test_what_cannot_be_counted_is_refused_by_name(ask, told):
    with pytest.raises(InvalidProblem, match=told) as caught:
        ask()
    assert "np." not in str(caught.value)
    assert "np." not in repr(Machine(error_budget=np.float64(0.01)))


def test_without_the_package_the_command_is_named(monkeypatch):
    for name in ("qdk", "qdk.estimator", "qsharp", "qsharp.estimator"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Unsupported, match=r"pip install 'qmc\[resources\]'"):
        resources(encoded(1), machine=Machine())
    assert resources(encoded(1)).state_physical is None


def test_a_table_too_large_is_refused_before_it_is_built(monkeypatch):
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 100_000)
    problem = encoded(8)
    with pytest.raises(TooLarge, match="scaling"):
        resources(problem)
    assert "circuit" not in vars(problem)


def test_an_amplitude_may_be_guessed():
    problem = encoded(3)
    guessed = resources(problem, GOAL, amplitude=0.5).run
    assert guessed.amplitude == 0.5
    assert guessed.queries != resources(problem, GOAL).run.queries
    for wrong in (-0.1, 1.5, math.nan):
        with pytest.raises(InvalidProblem, match="amplitude"):
            resources(problem, GOAL, amplitude=wrong)


class _Estimator:
    """What `physical` needs of Microsoft's package."""

    class EstimatorError(BaseException):
        """Theirs is no Exception."""

    asked: dict

    def LogicalCounts(self, counts):  # noqa: N802
        self.asked = counts
        return self

    def estimate(self, request):
        raise self.EstimatorError(f"no such machine: {request['qubitParams']['name']}")


def test_the_counts_are_handed_over_and_a_refusal_is_chained(monkeypatch):
    stub = _Estimator()
    monkeypatch.setattr("qmc.resources.machine._estimator", lambda: stub)
    counts = resources(encoded(2)).grover
    with pytest.raises(BackendFailed, match="no such machine: qubit_gate_ns_e3"):
        physical(counts)
    assert stub.asked == {
        "numQubits": 4,
        "tCount": 0,
        "rotationCount": counts.rotations,
        "rotationDepth": counts.rotation_depth,
        "cczCount": 1,
        "measurementCount": 1,
    }


def test_the_older_package_serves_too(monkeypatch):
    stub = ModuleType("qsharp.estimator")
    monkeypatch.setenv("QDK_PYTHON_TELEMETRY", "none")
    for name, module in (("qdk", None), ("qsharp", ModuleType("qsharp"))):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "qdk.estimator", raising=False)
    monkeypatch.setitem(sys.modules, "qsharp.estimator", stub)
    assert _estimator() is stub
    # a package that is there and broken is told as it is
    broken = ModuleNotFoundError("no numbers", name="numbers")
    monkeypatch.setattr(importlib, "import_module", lambda _: (_ for _ in ()).throw(broken))
    with pytest.raises(ModuleNotFoundError, match="no numbers"):
        _estimator()


@needs_estimator
def test_physical_estimate_of_one_grover_operator(monkeypatch):
    monkeypatch.setenv("QDK_PYTHON_TELEMETRY", "none")
    ours = resources(encoded(8), machine=Machine()).grover_physical
    # a tree loader and no clean ancilla; measured elsewhere: 336,600 qubits and 119 ms
    tree = grover_operator(encoded(8, UniformGrid), ancilla=False)
    theirs = physical(count_gates(tree))
    assert theirs.qubits == pytest.approx(336_600, rel=0.06)
    assert theirs.seconds == pytest.approx(0.119, rel=0.03)
    assert ours.qubits < 0.8 * theirs.qubits
    assert ours.seconds < 0.5 * theirs.seconds
    assert ours.machine == Machine()
    assert from_json(to_json(ours)) == ours


@needs_estimator
def test_physical_estimates_of_a_whole_run_and_of_other_machines(monkeypatch):
    monkeypatch.setenv("QDK_PYTHON_TELEMETRY", "none")
    found = resources(encoded(3), Goal(tolerance=1.0), machine=Machine())
    one = physical(found.run.deepest)
    assert found.run.physical == one
    assert found.run.seconds < found.run.shots * one.seconds
    assert found.run.seconds > found.run.shots * found.state_physical.seconds
    assert "physical qubits" in str(found.run)
    assert found.table().columns[-2:] == ("physical qubits", "seconds")
    assert found.table().rows[-1][-1] == f"{found.run.seconds:.3g}"
    better = physical(found.grover, Machine(qubit="qubit_gate_ns_e4"))
    assert better.qubits < found.grover_physical.qubits
    other = physical(found.grover, Machine(qubit="qubit_maj_ns_e6", code="floquet_code"))
    assert other.machine.code == "floquet_code"
    safer = physical(found.grover, Machine(error_budget=1e-6))
    assert safer.t_per_rotation > found.grover_physical.t_per_rotation


@needs_estimator
def test_clifford_circuits_take_no_factory_and_telemetry_stays_off(monkeypatch):
    monkeypatch.delenv("QDK_PYTHON_TELEMETRY", raising=False)
    monkeypatch.delenv("QSHARP_PYTHON_TELEMETRY", raising=False)
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    found = physical(count_gates(circuit))
    assert (found.t_states, found.t_factories, found.t_per_rotation) == (0, 0, 0)
    assert os.environ.pop("QDK_PYTHON_TELEMETRY") == "none"


def squares(size):
    """A circuit of size^2 CX."""
    circuit = QuantumCircuit(2, name="squares")
    for turn in range(size**2):
        circuit.cx(turn % 2, 1 - turn % 2)
    return circuit


@pytest.mark.filterwarnings("ignore")  # qiskit-finance and what it imports warn
def test_the_benchmark_prints_physical_qubits_of_one_grover_operator(monkeypatch):
    from benchmarks.suites.circuits import physical_rows

    def laid_out(counts, _machine=None):
        return PhysicalResources(
            qubits=counts.qubits, seconds=1e-3, logical_qubits=1, code_distance=3, t_states=1,
            t_factories=1, t_per_rotation=1,
        )  # fmt: skip

    monkeypatch.setattr("benchmarks.suites.circuits.physical", laid_out)
    rows = {row["what"]: row for row in physical_rows(3)}
    assert len(rows) == 4
    ours = count_gates(grover_operator(encoded(3)))
    for row in rows.values():
        assert row["ours"] in {f"{ours.t_count:,}", f"{ours.qubits}, 1 ms"}
        # a Hadamard loader takes fewer T gates, and a clean ancilla is a qubit
        assert row["ratio"] >= 1.0

    def missing(_counts):
        raise Unsupported("install the extra")

    monkeypatch.setattr("benchmarks.suites.circuits.physical", missing)
    texts = [row["ours"] for row in physical_rows(3)]
    assert texts[1::2] == ["install the extra"] * 2


def test_growth_of_tables_is_exponential_in_qubits():
    table = scaling(encoded, qubits=range(3, 8))
    assert table.circuits == ("A", "Q")
    assert [row.counts.two_qubit_gates for row in table.rows[::2]] == [8, 16, 32, 64, 128]
    fit = table.fit("two_qubit_gates", "A")
    assert (fit.law, fit.variable, fit.points) == ("exponential", "qubits", 5)
    assert fit.exponent == pytest.approx(1.0, abs=1e-12)
    assert fit.at(10) == pytest.approx(1024.0)
    grover = table.fit("t_count")
    assert grover.circuit == "Q"
    assert grover.interval.contains(grover.exponent)
    assert 0.9 < grover.exponent < 1.0
    assert from_json(to_json(table)) == table
    drawn = table.table()
    assert len(drawn.rows) == 10
    assert drawn.columns[:3] == ("qubits", "circuit", "depth")
    assert drawn.rows[1][:4] == ("3", "Q", "99", "28")
    assert len(str(table).splitlines()) == 10


def test_growth_by_a_power_and_with_dates():
    table = scaling(squares, dates=(2, 3, 5, 8, 12))
    fit = table.fit("two_qubit_gates")
    assert (fit.law, fit.variable, fit.circuit) == ("power", "dates", "squares")
    assert fit.exponent == pytest.approx(2.0, abs=1e-12)
    assert fit.interval.width < 1e-6
    assert fit.at(4) == pytest.approx(16.0)
    wrong = table.fit("two_qubit_gates", law="exponential")
    assert wrong.residual > 0.1
    assert wrong.interval.width > 0.05
    assert "2^(" in str(wrong)
    assert "dates^2" in str(fit)


def test_growth_in_both_at_once():
    table = scaling(
        lambda qubits, dates: squares(qubits * dates), qubits=(1, 2, 3), dates=(1, 2, 4)
    )
    assert len(table.rows) == 9
    for fixed in (1, 2, 4):
        fit = table.fit("two_qubit_gates", against="qubits", fixed=fixed)
        assert fit.exponent == pytest.approx(2.0, abs=1e-9)
        assert fit.factor == pytest.approx(fixed**2)
    with pytest.raises(InvalidProblem, match=r"fixed=None.*dates"):
        table.fit("two_qubit_gates", against="qubits")


def test_the_interval_covers_the_exponent_of_noisy_counts():
    # false-alarm rate below 1e-9: each of 200 intervals covers with probability .95
    rng, covered = np.random.default_rng(4), 0
    table = scaling(squares, qubits=range(4, 12))
    for _ in range(200):
        noise = np.exp(rng.normal(0.0, 0.1, len(table.rows)))
        rows = tuple(
            replace(row, counts=replace(row.counts, t_count=float(row.qubits**3 * factor)))
            for row, factor in zip(table.rows, noise, strict=True)
        )
        fit = replace(table, rows=rows).fit("t_count", law="power")
        covered += fit.interval.contains(3.0)
    assert 160 <= covered < 200


def test_growth_is_drawn():
    from matplotlib.figure import Figure

    table = scaling(encoded, qubits=range(2, 6))
    axes = Figure().add_subplot()
    assert table.plot("t_count", ax=axes) is axes
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == "qubits"
    assert len(axes.get_lines()) == 4
    assert table.plot().get_ylabel() == "CX"


def test_growth_refusals():
    with pytest.raises(InvalidProblem, match="qubits=None"):
        scaling(encoded)
    for sizes in ([], [3, 3], [4, 2], [0, 1]):
        with pytest.raises(InvalidProblem, match="qubits"):
            scaling(encoded, qubits=sizes)
    table = scaling(encoded, qubits=range(2, 5))
    with pytest.raises(InvalidProblem, match="quantity"):
        table.fit("beauty")
    with pytest.raises(InvalidProblem, match="circuit"):
        table.fit("depth", "B")
    with pytest.raises(InvalidProblem, match="against"):
        table.fit("depth", against="dates")
    with pytest.raises(InvalidProblem, match="law"):
        table.fit("depth", law="cubic")
    with pytest.raises(InvalidProblem, match="above 0"):
        table.fit("t_gates", "A")
    one, two = scaling(encoded, qubits=[3]), scaling(encoded, qubits=(2, 3))
    for ask in (one.fit, one.counts, one.plot):
        told = r"sizes=\{'qubits': \[3\]\}: must be two or more, three for a fit; call scaling"
        with pytest.raises(InvalidProblem, match=told):
            ask("depth")
    with pytest.raises(InvalidProblem, match=r"3 or more counts above 0.*scaling with more qubits"):
        two.fit("depth")
    with pytest.raises(InvalidProblem, match="against='years': must be one of 'qubits', which"):
        two.fit("depth", against="years")
    with pytest.raises(InvalidProblem, match="make=3: must be a function of the size"):
        scaling(3, qubits=[3])
    for sizes in (3, "34"):
        with pytest.raises(InvalidProblem, match=f"qubits={sizes!r}: must be a non-empty incr"):
            scaling(encoded, qubits=sizes)
    with pytest.raises(InvalidProblem, match="size=0: must be a finite number above 0"):
        table.fit("depth").at(0)


def test_counts_are_frozen_values():
    counts = count_gates(QuantumCircuit(1))
    assert hash(counts) == hash(count_gates(QuantumCircuit(1), name=counts.name))
    with pytest.raises(AttributeError):
        counts.qubits = 3
    assert isinstance(counts, GateCounts)
