"""Every trap of the stack that we know (DESIGN 6): each test fails if it bites us.

Traps of the stack itself are measured in tests/architecture/test_stack_traps.py; here our own path
is run where they lie, through public names.
"""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from scipy import stats

from qmc.backends import Aer, Ideal, Sampler
from qmc.circuits import MultiplexedRotation
from qmc.circuits.grover import grover_operator
from qmc.estimators import Iterative, MaximumLikelihood, run_estimator
from qmc.grids.cell_table import CellTable
from qmc.problem import Goal
from qmc.rounds import Round
from qmc.testing import BinomialOracle

FALSE_ALARM = 1e-4


def bell(qubits):
    """A smooth bell shape with a table of values."""
    heights = np.exp(-0.5 * np.linspace(-4.0, 4.0, 2**qubits) ** 2)
    return CellTable(
        registers=(qubits,),
        marginals=(heights / heights.sum(),),
        values=np.linspace(0.0, 1.0, 2**qubits),
        bias="exact",
        bias_bound=0.0,
    )


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("qubits", [7, 10])
def test_smooth_shapes_load_and_run(qubits):
    """`StatePreparation` raises "Input matrix is not unitary" from 7 to 10 qubits."""
    problem = MultiplexedRotation().encode(bell(qubits))
    (hits,) = Aer().oracle(problem, rng=np.random.default_rng(1)).run([Round(0, 4000)])
    amplitude = float(problem.probabilities @ problem.flags)
    assert stats.binomtest(hits, 4000, amplitude).pvalue > FALSE_ALARM


def test_our_path_survives_what_crashes_the_stock_one():
    """An inverted preparation on Aer becomes an empty multiplexer: the process ends by a signal."""
    done = run("""
        import numpy as np
        from qiskit.circuit import QuantumCircuit
        from qiskit.circuit.library import Isometry
        from qmc.backends import Aer
        from qmc.circuits.amplitude_problem import AmplitudeProblem
        from qmc.rounds import Round

        def build():
            circuit = QuantumCircuit(4)
            circuit.append(Isometry(np.sqrt([0.1, 0.2, 0.3, 0.4]), 0, 0), [0, 1])
            circuit.append(Isometry(np.sqrt([0.4, 0.1, 0.2, 0.3]), 0, 0), [2, 3])
            return circuit

        problem = AmplitudeProblem(registers=(4,), flag=3, num_qubits=4, offset=0.0, scale=1.0,
                                   build=build)
        for backend in (Aer(), Aer(reuse_state=False), Aer(method="density_matrix")):
            oracle = backend.oracle(problem, rng=np.random.default_rng(0))
            assert "multiplexer" not in oracle.circuit(1).count_ops()
            print(oracle.run([Round(1, 100), Round(1, 50, 0.3)]))
    """)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3


def test_jobs_and_circuits_have_their_own_seeds():
    """One fixed seed returns the same shots at every call."""
    problem = MultiplexedRotation().encode(bell(2))
    for backend in (Aer(), Aer(reuse_state=False), Aer(batch=1)):
        oracle = backend.oracle(problem, rng=np.random.default_rng(3))
        hits = [found for _ in range(10) for found in oracle.run([Round(0, 400), Round(0, 300)])]
        assert len(set(hits[::2])) > 4
        # circuits of a job: hits at steers of nearly the same chance do not move together
        pairs = [oracle.run([Round(0, 400, 0.2), Round(0, 400, 0.21)]) for _ in range(20)]
        assert abs(np.corrcoef(np.array(pairs).T)[0, 1]) < 0.8


def test_library_gates_reach_a_sampler_compiled():
    """Aer's sampler rejects library gates; a pass manager compiles them first."""
    from qiskit import generate_preset_pass_manager
    from qiskit_aer.primitives import SamplerV2

    passes = generate_preset_pass_manager(1, basis_gates=["cx", "rz", "sx", "x"])
    problem = MultiplexedRotation().encode(bell(2))
    backend = Sampler(sampler=lambda seed: SamplerV2(seed=seed), pass_manager=passes)
    (hits,) = backend.oracle(problem, rng=np.random.default_rng(0)).run([Round(1, 100)])
    assert 0 <= hits <= 100


def test_queries_grow_as_one_over_the_error():
    """IQAE without the no-overshooting rule costs up to four times as many at small errors."""
    spent = []
    for tolerance in (1e-2, 1e-3, 1e-4):
        runs = [BinomialOracle(0.3, rng=seed) for seed in range(20)]
        for seed, oracle in enumerate(runs):
            run_estimator(Iterative(), oracle, Goal(tolerance=tolerance), rng=seed)
        spent.append(tolerance * np.mean([oracle.queries for oracle in runs]))
    assert max(spent) < 2.0 * min(spent)


def test_every_use_of_a_is_counted():
    """`num_oracle_queries` elsewhere counts k, not 2k+1."""
    oracle = BinomialOracle(0.3, rng=1)
    run_estimator(MaximumLikelihood(), oracle, Goal(queries=10_000), rng=1)
    assert oracle.queries <= 10_000
    assert Round(7, 10).queries == 150


def test_everything_runs_silently_without_what_goes_in_qiskit_3():
    """Deprecated classes warn, and qiskit-finance takes seconds to import: none is loaded."""
    done = run("""
        import sys
        import numpy as np
        from qmc.backends import Aer, DepolarizingNoise
        from qmc.circuits import MultiplexedRotation
        from qmc.grids import CellTable
        from qmc.rounds import Round
        table = CellTable(registers=(2,), marginals=(np.array([0.1, 0.2, 0.3, 0.4]),),
                          values=np.arange(4.0), bias="exact", bias_bound=0.0)
        problem = MultiplexedRotation().encode(table)
        for backend in (Aer(), Aer(noise=DepolarizingNoise(two_qubit_error=0.01))):
            oracle = backend.oracle(problem, rng=np.random.default_rng(0))
            oracle.run([Round(1, 10), Round(0, 5, 0.2)])
            oracle.phases(2, 5)
        print({"qiskit_finance", "qiskit_algorithms"} & set(sys.modules))
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "set()"
    assert done.stderr == ""


def test_the_reflection_takes_a_clean_ancilla():
    """9 controls cost 444 CX without one, 48 with it."""
    from qiskit import transpile

    problem = MultiplexedRotation().encode(bell(9))
    counts = [
        transpile(grover_operator(problem, ancilla=ancilla), basis_gates=["cx", "rz", "sx", "x"])
        .count_ops()["cx"]
        for ancilla in (True, False)
    ]  # fmt: skip
    assert counts[1] - counts[0] > 150


def test_a_table_of_a_million_cells_is_priced_within_a_gibibyte():
    """Peak resident memory of the whole process, libraries included; no circuit is built.

    On Linux ``ru_maxrss`` of a new process starts at the peak of the one that started it, here
    a test worker of any size; the high-water mark of its own memory does not.
    """
    done = run("""
        import pathlib
        import resource
        import numpy as np
        from qmc.backends import Ideal
        from qmc.circuits import MultiplexedRotation
        from qmc.estimators import Iterative, run_estimator
        from qmc.grids import CellTable
        from qmc.problem import Goal
        cells = 2**20
        heights = np.exp(-0.5 * np.linspace(-4.0, 4.0, cells) ** 2)
        table = CellTable(registers=(20,), marginals=(heights / heights.sum(),),
                          values=np.maximum(np.linspace(-1.0, 1.0, cells), 0.0),
                          bias="exact", bias_bound=0.0)
        problem = MultiplexedRotation().encode(table)
        oracle = Ideal().oracle(problem, rng=np.random.default_rng(1))
        goal = problem.amplitude_goal(Goal(tolerance=1e-3), 0.0)
        estimate = run_estimator(Iterative(), oracle, goal, rng=1)
        error = abs(problem.value(estimate.value) - table.mean())
        status = pathlib.Path("/proc/self/status")
        if status.exists():
            peak = status.read_text().split("VmHWM:")[1].split()[0]
        else:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(error, peak)
    """)
    assert done.returncode == 0, done.stderr
    error, peak = done.stdout.split()
    # Iterative is within its tolerance at least with probability .95; far beyond never
    assert float(error) < 5e-3
    kibibytes = 1 if sys.platform != "darwin" else 1024
    assert float(peak) / kibibytes < 2**20


def test_ideal_agrees_with_the_circuit_it_does_not_run():
    problem = MultiplexedRotation().encode(bell(4))
    hits = [
        backend.oracle(problem, rng=np.random.default_rng(2)).run([Round(2, 3000)])[0]
        for backend in (Aer(), Ideal())
    ]
    table = [hits, [3000 - one for one in hits]]
    assert stats.fisher_exact(table).pvalue > FALSE_ALARM
