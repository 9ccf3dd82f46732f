"""What the tests of estimators share: runs at given amplitudes, measured."""

from dataclasses import dataclass

import numpy as np
import pytest

from qmc.problem import Goal
from qmc.testing import BinomialOracle


@dataclass(frozen=True)
class Measured:
    """Means over runs.

    Attributes:
        cost: queries x tolerance.
        covered: runs whose interval held the truth at the end.
        always: runs whose interval held it at every round.
        statuses: how the runs ended.
        power: the largest power asked.
    """

    runs: int
    cost: float
    covered: int
    always: int
    statuses: frozenset[str]
    power: int


@pytest.fixture(scope="session")
def measure():
    """Run an estimator at one amplitude, or at uniform random ones, and count."""

    def run(estimator, tolerance, runs, amplitude=None, *, decay=0.0, seed=8):
        stream = np.random.default_rng(seed)
        queries = covered = always = power = 0
        statuses = set()
        for _ in range(runs):
            truth = float(stream.uniform()) if amplitude is None else amplitude
            oracle, good = BinomialOracle(truth, rng=stream, decay=decay), True
            state = estimator.start(Goal(tolerance=tolerance), decay=decay)
            while rounds := estimator.ask(state, stream):
                power = max(power, *(each.power for each in rounds))
                state = estimator.tell(state, rounds, oracle.run(rounds))
                interval = estimator.estimate(state).interval
                inside = interval.low - 1e-12 <= truth <= interval.high + 1e-12
                good &= inside
            covered, always = covered + inside, always + good
            queries += oracle.queries
            statuses.add(estimator.estimate(state).status)
        cost = queries * tolerance / runs
        return Measured(runs, cost, covered, always, frozenset(statuses), power)

    return run
