"""The kit's checks of loaders, encodings and backends accept good ones and name what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import StatevectorSampler

from qmc import Call, LawGrid, NormalReturns, Portfolio, UniformGrid
from qmc.backends import Aer, DepolarizingNoise, Ideal, Sampler
from qmc.backends.ideal import IdealOracle, flag_probability
from qmc.circuits import (
    AmplitudeProblem,
    Automatic,
    Comparator,
    Hadamards,
    LinearRotation,
    LoadedLaw,
    MultiplexedRotation,
    PiecewiseRotation,
    Staircase,
    Tree,
)
from qmc.errors import InvalidProblem, Unsupported
from qmc.grids.cell_table import CellTable
from qmc.measures import Price, VaR
from qmc.models import BlackScholes
from qmc.problem import Array, Problem
from qmc.rounds import Round, draw_hits
from qmc.testing import check_backend, check_encoding, check_loader


@dataclass(frozen=True, kw_only=True)
class Loads:
    """`Tree` with one fault."""

    fault: str = ""

    def loaded(self, probabilities: Array) -> Any:
        law = Tree().loaded(probabilities)
        if self.fault == "writes":
            probabilities *= 1.0
            probabilities[0] += 1e-12
        even = Hadamards().loaded(probabilities)
        faulty: dict[str, Any] = {
            "array": law.probabilities,
            "short": replace(law, probabilities=law.probabilities[:4]),
            "sum": replace(law, probabilities=2.0 * law.probabilities),
            "distance": replace(even, total_variation=0.0),
            "free": replace(law, two_qubit_gates=1),
        }
        return faulty.get(self.fault, law)

    def append(self, circuit: QuantumCircuit, qubits: Sequence[int], probabilities: Array) -> None:
        if self.fault == "order":
            qubits = qubits[::-1]
        if self.fault == "first":
            qubits = range(3)
        loader: Any = Hadamards() if self.fault == "even" else Tree()
        loader.append(circuit, qubits, probabilities)
        if self.fault == "measures":
            circuit.reset(qubits[0])
        if self.fault == "spare":
            circuit.x(1)
        if self.fault == "draws":
            circuit.rz(np.random.default_rng().uniform(), qubits[0])


LOADER_FAULTS = {
    "array": "must be a LoadedLaw",
    "short": "shape",
    "sum": "must be 0 or above and sum to 1",
    "distance": "total_variation=0.0, but it is 0.",
    "free": "two_qubit_gates=1, the circuit has",
    "writes": "changed the probabilities",
    "order": "qubits are given lowest bit first",
    "first": "the circuit prepares",
    "even": "the circuit prepares",
    "spare": "a qubit was touched that was not given",
    "draws": "twice gave different circuits",
}


@pytest.mark.parametrize("fault", LOADER_FAULTS)
def test_bad_loaders(fault: str) -> None:
    with pytest.raises(AssertionError, match=LOADER_FAULTS[fault]):
        check_loader(Loads(fault=fault))


@pytest.mark.parametrize(
    "loader", [Loads(), Tree(), Hadamards(), Automatic(), Staircase(layers=1, sweeps=3)], ids=repr
)
def test_good_loaders(loader: Any) -> None:
    check_loader(loader)
    check_encoding(MultiplexedRotation(loader=loader))


def test_what_is_no_loader() -> None:
    with pytest.raises(AssertionError, match="lacks loaded or append"):
        check_loader(LoadedLaw(np.ones(1), 0.0, 0))  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Encodes:
    """`MultiplexedRotation` with one fault."""

    fault: str = ""

    def encode(self, problem: CellTable, functional: Any = None) -> Any:
        if self.fault == "nothing":
            raise Unsupported("no functional")
        good = MultiplexedRotation().encode(problem, functional)
        assert good.flags is not None
        shift = np.random.default_rng().uniform() if self.fault == "draws" else 0.1
        faulty: dict[str, Any] = {
            "registers": {"registers": (3,)},
            "flag": {"flag": 0},
            "more": {"num_qubits": 5},
            "scale": {"scale": 0.0},
            "bias": {"offset": good.offset + shift},
            "draws": {"offset": good.offset + shift, "bias_bound": 1.0},
            "gates": {"most_two_qubit_gates": 3},
            "flags": {"flags": good.flags**2},
            "law": {"probabilities": good.flags / good.flags.sum(), "amplitude": _amplitude(good)},
            "measures": {"build": lambda: _ended(good, "reset")},
            "misread": {"build": lambda: _ended(good, "x")},
        }
        if self.fault == "circuit":
            return good.circuit
        return replace(good, **faulty.get(self.fault, {}))


def _amplitude(good: AmplitudeProblem) -> float:
    return flag_probability(good)


def _ended(good: AmplitudeProblem, gate: str) -> QuantumCircuit:
    circuit: QuantumCircuit = good.circuit.copy()
    getattr(circuit, gate)(good.flag)
    return circuit


ENCODING_FAULTS = {
    "nothing": "neither mean nor tail nor excess",
    "circuit": "is a QuantumCircuit: must be AmplitudeProblem",
    "registers": r"registers=\(3,\)",
    "flag": "flag=0: must be behind the value registers",
    "bias": r"is 0\.1 off .*bias_bound=0",
    "draws": "twice gave different problems",
    "gates": "most_two_qubit_gates=3",
    "flags": "the circuit's flag has probability",
    "law": "have another law than `probabilities`",
    "misread": "the circuit's flag has probability",
}


# what no amplitude problem may be: refused where it is made or built, before any check
REFUSED_FAULTS = {
    "more": "circuit on 4 qubits.*must be on 5 qubits",
    "scale": "scale=0.0: must be other than 0",
    "measures": "must be unitary gates only",
}


@pytest.mark.parametrize("fault", REFUSED_FAULTS)
def test_encodings_of_no_amplitude_problem(fault: str) -> None:
    with pytest.raises(InvalidProblem, match=REFUSED_FAULTS[fault]):
        check_encoding(Encodes(fault=fault))


@pytest.mark.parametrize("fault", ENCODING_FAULTS)
def test_bad_encodings(fault: str) -> None:
    with pytest.raises(AssertionError, match=ENCODING_FAULTS[fault]):
        check_encoding(Encodes(fault=fault))


ENCODINGS = [
    Encodes(), MultiplexedRotation(), MultiplexedRotation(negligible=0.01), LinearRotation(),
    PiecewiseRotation(), Comparator(),
]  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_good_encodings(encoding: Any) -> None:
    check_encoding(encoding)


def test_an_encoding_on_tables_of_its_own_kind() -> None:
    market, call = BlackScholes(spot=100.0, vol=0.2, rate=0.05), Call(strike=105.0, expiry=1.0)
    window = UniformGrid(qubits=4).discretise(Problem(market, call, Price()))
    check_encoding(PiecewiseRotation(), window)
    days = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
    book = Portfolio(weights=(1.0,), value=1e4)
    losses = LawGrid(qubits=4).discretise(Problem(days, book, VaR(level=0.9)))
    check_encoding(Comparator(), losses)
    with pytest.raises(AssertionError, match="lacks encode"):
        check_encoding(Tree())  # type: ignore[arg-type]


@dataclass
class Shots:
    """`IdealOracle` with one fault."""

    amplitude: float
    rng: np.random.Generator
    fault: str

    @property
    def decay(self) -> float:
        return {"negative": -1.0, "decays": 0.5}.get(self.fault, 0.0)

    def run(self, rounds: Sequence[Round]) -> Any:
        if self.fault == "unsteered":
            rounds = [replace(one, steer=0.0) for one in rounds]
        if self.fault == "mirrored":
            rounds = [replace(one, steer=-one.steer) for one in rounds]
        if self.fault == "powers":
            rounds = [replace(one, power=2 * one.power) for one in rounds]
        seeds = (5,) * len(rounds) if self.fault == "seeded" else self.rng.integers(2**32, size=99)
        if self.fault == "job":
            seeds = (int(self.rng.integers(2**32)),) * len(rounds)
        hits = [
            draw_hits(self.amplitude, one, np.random.default_rng(seed))
            for one, seed in zip(rounds, seeds, strict=False)
        ]
        faulty: dict[str, Any] = {
            "list": hits,
            "few": tuple(hits[:-1]),
            "sorted": tuple(sorted(hits)),
            "shares": tuple(hit / one.shots for hit, one in zip(hits, rounds, strict=True)),
            "misses": tuple(one.shots - hit for hit, one in zip(hits, rounds, strict=True)),
        }
        return faulty.get(self.fault, tuple(hits))


@dataclass
class Turns(Shots):
    """With a phase register."""

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        asked = bits - 1 if self.fault == "coarse" else bits
        given = IdealOracle(self.amplitude, self.rng).phases(asked, shots)
        if self.fault == "beyond":
            return tuple(one + 8 for one in given)
        return given[:-1] if self.fault == "lost" else given


@dataclass(frozen=True, kw_only=True)
class Runs:
    """A backend whose oracle has one fault."""

    fault: str = ""

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> Any:
        if self.fault == "none":
            return problem
        if self.fault == "entropy":
            rng = np.random.default_rng()
        turned = self.fault in {"coarse", "beyond", "lost", "turned"}
        kind = Turns if turned else Shots
        return kind(flag_probability(problem), rng, self.fault)


BACKEND_FAULTS = {
    "none": "lacks decay or run",
    "negative": "decay=-1.0",
    "decays": "decay 0.5; are rounds",
    "unsteered": r"Round\(power=1, shots=2000, steer=0.3\) was answered by",
    "mirrored": "steer=0.3",
    "powers": "was answered by",
    "seeded": "equal rounds of one job all gave",
    "job": "equal rounds of one job all gave",
    "list": "must be a tuple",
    "few": "for 5 rounds",
    "sorted": "in the order asked",
    "shares": "must be an int from 0 to",
    "misses": "was answered by",
    "entropy": "the same seed gave",
    "coarse": "phase outcome",
    "beyond": "must give 2000 ints below 8",
    "lost": "must give 2000 ints below 8",
}


@pytest.mark.parametrize("fault", BACKEND_FAULTS)
def test_bad_backends(fault: str) -> None:
    with pytest.raises(AssertionError, match=BACKEND_FAULTS[fault]):
        check_backend(Runs(fault=fault))


class Repeats(Runs):
    """Jobs that repeat each other: a simulator with one fixed seed."""

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> Any:
        made = super().oracle(problem, rng=rng)
        run = made.run
        made.run = lambda rounds: (setattr(made, "rng", np.random.default_rng(3)), run(rounds))[1]
        return made


def test_jobs_that_repeat_each_other() -> None:
    with pytest.raises(AssertionError, match="equal jobs all gave"):
        check_backend(Repeats())
    with pytest.raises(AssertionError, match="lacks oracle"):
        check_backend(Tree())  # type: ignore[arg-type]


BACKENDS = {
    "own": Runs(),
    "own with phases": Runs(fault="turned"),
    "ideal": Ideal(),
    "aer": Aer(),
    "aer gate by gate": Aer(reuse_state=False, ancilla=True),
    "noisy": Aer(noise=DepolarizingNoise(two_qubit_error=0.01), decay=0.1),
    "sampler": Sampler(sampler=lambda seed: StatevectorSampler(seed=seed), noisy=False),
}


@pytest.mark.parametrize("name", BACKENDS)
def test_good_backends(name: str) -> None:
    check_backend(BACKENDS[name])


def test_a_device_need_not_repeat_itself() -> None:
    check_backend(Runs(fault="entropy"), repeatable=False)
