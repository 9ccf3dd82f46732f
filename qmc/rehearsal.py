"""A rehearsal: the rounds that an estimator would ask for at a given amplitude."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmc.backends.ideal import Ideal, IdealOracle, flag_probability
from qmc.backends.protocols import Reading, SupportsReadout
from qmc.circuits import AmplitudeProblem
from qmc.estimators import Estimator, run_estimator
from qmc.problem import Goal
from qmc.rounds import PhaseRound, Request, Round

_REHEARSALS = 5
_SEED = 20_260_311


@dataclass(slots=True)
class _Recorder:
    """The oracle of a known amplitude, and what it was asked."""

    oracle: IdealOracle
    asked: list[Request] = field(default_factory=list)
    decay: float = 0.0

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, one a round."""
        self.asked += rounds
        return self.oracle.run(rounds)

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a phase register."""
        self.asked.append(PhaseRound(bits, shots))
        return self.oracle.phases(bits, shots)

    @property
    def queries(self) -> int:
        """Of all that was asked."""
        return sum(one.queries for one in self.asked)


@dataclass(frozen=True, slots=True)
class _Reader:
    """A recorder whose value register is read beside the flag."""

    recorder: _Recorder
    source: SupportsReadout
    decay: float = 0.0

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, one a round."""
        return self.recorder.run(rounds)

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a phase register."""
        return self.recorder.phases(bits, shots)

    def readout(self, rounds: Sequence[Round]) -> tuple[Reading, ...]:
        """Hits and cells, one pair a round."""
        self.recorder.asked += rounds
        return self.source.readout(rounds)


@dataclass(slots=True)
class RecordingBackend:
    """Draws the law of each flag, as `Ideal` does, and keeps what all its oracles were asked.

    Attributes:
        decay: visibility lost per power.
        reads: whether value registers are read beside the flag.
        oracles: made so far.
    """

    decay: float = 0.0
    reads: bool = False
    oracles: list[_Recorder] = field(default_factory=list)
    builds_circuits = False

    def oracle(self, problem: AmplitudeProblem, *, rng: np.random.Generator) -> _Recorder | _Reader:
        """The oracle of one amplitude problem."""
        made = IdealOracle(flag_probability(problem), rng, self.decay)
        recorder = _Recorder(made, decay=self.decay)
        self.oracles.append(recorder)
        reading = Ideal().oracle(problem, rng=rng) if self.reads else None
        return _Reader(recorder, reading) if isinstance(reading, SupportsReadout) else recorder

    @property
    def asked(self) -> tuple[Request, ...]:
        """The rounds of all oracles."""
        return tuple(one for oracle in self.oracles for one in oracle.asked)


def rehearsal_streams() -> list[np.random.Generator]:
    """Generators of fixed seed, one a rehearsal; an odd number, so that one is the median."""
    seeds = np.random.SeedSequence(_SEED).spawn(_REHEARSALS)
    return [np.random.default_rng(one) for one in seeds]


def rehearse(
    estimator: Estimator, goal: Goal, amplitude: float, decay: float = 0.0
) -> tuple[Request, ...]:
    """The rounds of a typical run: of five with fixed seeds, the one with the median queries.

    A plan may know the amplitude; an estimate may not.
    """
    runs = []
    for stream in rehearsal_streams():
        draws, choices = stream.spawn(2)
        oracle = _Recorder(IdealOracle(amplitude, draws, decay), decay=decay)
        run_estimator(estimator, oracle, goal, rng=choices)
        runs.append(oracle)
    return tuple(sorted(runs, key=lambda one: one.queries)[_REHEARSALS // 2].asked)
