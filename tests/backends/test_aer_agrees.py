"""Aer and the binomial law agree: circuits of 3 to 5 qubits, steer ancilla included.

Two-sample tests. Each round's hits on Aer against a BinomialOracle's: Fisher's exact test. Queries
and |error| of whole runs: Kolmogorov and Smirnov's exact test, conservative where values tie. All
COMPARISONS share one false alarm of probability FAMILY equally (Bonferroni); seeds are fixed.

Power, tested below: a chance that is SEEN off is rejected with probability .99 or more. So a power
off by one is rejected in 11 or more of 16 rounds and in whole runs of each estimator, a steer of
the wrong sign in 9 or more of 12 rounds and in whole runs of each estimator that steers.
"""

import functools

import numpy as np
import pytest
from scipy import stats

from qmc.backends import Aer
from qmc.backends.aer_oracle import AerOracle
from qmc.backends.kept_states import KeptStates
from qmc.backends.powers import ComposedCircuits
from qmc.circuits import MultiplexedRotation, grover
from qmc.estimators import Adaptive, Certified, Iterative
from qmc.grids.cell_table import CellTable
from qmc.problem import Goal
from qmc.rounds import Round, hit_probability
from qmc.testing import BinomialOracle


def encoded(*marginals, values):
    """The amplitude problem of a table; each register is given by its cells' probabilities."""
    table = CellTable(
        registers=tuple(len(marginal).bit_length() - 1 for marginal in marginals),
        marginals=tuple(np.array(marginal) for marginal in marginals),
        values=np.array(values),
        bias="exact",
        bias_bound=0.0,
    )
    return MultiplexedRotation().encode(table)


def amplitude_of(problem):
    return float(problem.probabilities @ problem.flags)


COIN = encoded([0.63, 0.37], values=[0.0, 1.0])
PROBLEMS = {
    "coin": COIN,
    "signed": encoded([0.1, 0.2, 0.3, 0.4], values=[3.0, -1.0, 0.5, 2.0]),
    "rare": encoded([0.5, 0.3, 0.17, 0.03], values=[0.0, 0.0, 0.0, 1.0]),
    "likely": encoded([0.9, 0.1], [0.2, 0.8], values=[0.7, 1.0, 0.4, 0.0]),
    "smooth": encoded([0.125] * 8, values=[0.0, 0.0, 0.1, 0.3, 0.5, 0.8, 1.2, 2.0]),
    "pair": encoded([0.6, 0.4], [0.1, 0.4, 0.3, 0.2], values=np.sqrt(np.arange(8.0))),
}
BACKENDS = {
    "plain": Aer(),
    "single": Aer(precision="single"),
    "clean": Aer(ancilla=True),
    "gates": Aer(fusion=False),
    "whole": Aer(reuse_state=False),
    "mixed": Aer(method="density_matrix"),
    "product": Aer(method="matrix_product_state"),
}
# the clean ancilla of a reflection is a qubit more
CIRCUITS = [
    *((name, "plain") for name in PROBLEMS),
    ("pair", "single"),
    ("signed", "clean"),
    ("rare", "clean"),
    ("smooth", "gates"),
    ("pair", "whole"),
    ("smooth", "mixed"),
    ("coin", "product"),
]
SHOTS, LAW_SHOTS = 4_000, 40_000
STEERS = (0.0, 0.3, -0.3, -0.12)
ROUNDS = [Round(power, SHOTS, steer) for power in (0, 1, 3, 8) for steer in STEERS]
# another number of shots in each: Aer is then read shot by shot
UNEQUAL = [Round(one.power, SHOTS - 50 * i, one.steer) for i, one in enumerate(ROUNDS)]
ESTIMATORS = [Adaptive(), Certified(), Iterative()]
RUNS, GOAL = 200, Goal(tolerance=0.05)

FAMILY = 1e-4
COMPARISONS = len(CIRCUITS) * (len(ROUNDS) + len(UNEQUAL)) + 2 * len(ESTIMATORS)
LEVEL = FAMILY / COMPARISONS
SEEN = 0.08


def pvalue(hits, shots, law_hits):
    """Of one chance behind both counts: Fisher's exact test."""
    misses = shots - hits, LAW_SHOTS - law_hits
    return stats.fisher_exact([[hits, law_hits], misses]).pvalue


def pvalues(name, backend, rounds):
    """One for each round, all rounds in one job."""
    problem = PROBLEMS[name]
    seed = [*(name + backend).encode(), rounds[-1].shots]
    aer_rng, law_rng = np.random.default_rng(seed).spawn(2)
    hits = BACKENDS[backend].oracle(problem, rng=aer_rng).run(rounds)
    law = BinomialOracle(amplitude_of(problem), rng=law_rng)
    law_hits = law.run([Round(one.power, LAW_SHOTS, one.steer) for one in rounds])
    return np.array(
        [pvalue(h, one.shots, b) for one, h, b in zip(rounds, hits, law_hits, strict=True)]
    )


@pytest.mark.parametrize("rounds", [ROUNDS, UNEQUAL], ids=["equal", "unequal"])
@pytest.mark.parametrize(("name", "backend"), CIRCUITS)
def test_hits_agree(name, backend, rounds):
    found = pvalues(name, backend, rounds)
    assert found.min() > LEVEL, rounds[int(found.argmin())]


@pytest.mark.parametrize(("name", "backend"), CIRCUITS)
def test_the_steered_circuits_have_three_to_five_qubits(name, backend):
    oracle = BACKENDS[backend].oracle(PROBLEMS[name], rng=np.random.default_rng(0))
    assert 3 <= oracle.circuit(1, 0.3).num_qubits <= 5
    assert oracle.circuit(1, 0.3).num_qubits == oracle.circuit(1).num_qubits + 1


def seen(name, wrong):
    """Rounds whose chance is SEEN or more off when `wrong` of (power, steer) is run instead."""
    chance = functools.partial(hit_probability, amplitude_of(PROBLEMS[name]))
    pairs = [(chance(one.power, one.steer), chance(*wrong(one.power, one.steer))) for one in ROUNDS]
    return np.abs(np.diff(pairs)).ravel() >= SEEN


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_power_off_by_one_is_rejected(name, monkeypatch):
    right = ComposedCircuits.circuit
    monkeypatch.setattr(ComposedCircuits, "circuit", lambda self, k, s: right(self, k + 1, s))
    off = seen(name, lambda k, s: (k + 1, s))
    assert off.sum() >= 11
    assert pvalues(name, "whole", ROUNDS)[off].max() < LEVEL


@pytest.mark.parametrize("kept", ["gates", "plain"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_step_too_many_from_a_kept_state_is_rejected(name, kept, monkeypatch):
    right = KeptStates.nearest
    monkeypatch.setattr(
        KeptStates, "nearest", lambda self, k, s: (right(self, k, s) or 0) - (k > 0)
    )
    off = seen(name, lambda k, s: (k + 1, s))
    # power 0 has no step; later powers start from states that are ahead already
    assert (pvalues(name, kept, ROUNDS)[4:8][off[4:8]] < LEVEL).all()


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_steer_of_the_wrong_sign_is_rejected(name, monkeypatch):
    """Gate by gate; a reflection is compared with gates of another kind, and they disagree."""
    right = grover.steered_state
    monkeypatch.setattr(grover, "steered_state", lambda state, flag, s: right(state, flag, -s))
    off = seen(name, lambda k, s: (k, -s))
    assert off.sum() >= 9
    assert pvalues(name, "gates", ROUNDS)[off].max() < LEVEL


@pytest.mark.parametrize("rounds", [ROUNDS, UNEQUAL], ids=["equal", "unequal"])
def test_answers_in_another_order_are_rejected(rounds, monkeypatch):
    right = AerOracle.run
    monkeypatch.setattr(AerOracle, "run", lambda self, asked: np.roll(right(self, asked), 1))
    assert pvalues("pair", "plain", rounds).min() < LEVEL


def test_the_stated_power():
    """At one half, where counts spread most, and with the fewest shots of a round."""
    rng, shots = np.random.default_rng(8), UNEQUAL[-1].shots
    hits = rng.binomial(shots, 0.5 * (1.0 + SEEN), size=500)
    law_hits = rng.binomial(LAW_SHOTS, 0.5 * (1.0 - SEEN), size=500)
    rejected = [pvalue(h, shots, b) < LEVEL for h, b in zip(hits, law_hits, strict=True)]
    assert np.mean(rejected) >= 0.99


def runs_of(estimator, oracle, seed):
    """Queries and |error| of RUNS runs side by side; each job holds a round of every run."""
    streams = np.random.default_rng(seed).spawn(RUNS)
    states, queries = [estimator.start(GOAL) for _ in streams], np.zeros(RUNS)
    going = range(RUNS)
    while asked := {run: ask for run in going if (ask := estimator.ask(states[run], streams[run]))}:
        hits = iter(oracle.run([one for rounds in asked.values() for one in rounds]))
        for run, rounds in asked.items():
            told = [next(hits) for _ in rounds]
            states[run] = estimator.tell(states[run], rounds, told)
            queries[run] += sum(one.queries for one in rounds)
        going = list(asked)
    values = np.array([estimator.estimate(state).value for state in states])
    return queries, np.abs(values - amplitude_of(COIN))


@functools.cache
def law_runs(estimator):
    return runs_of(estimator, BinomialOracle(amplitude_of(COIN), rng=31), seed=32)


def run_pvalues(estimator, oracle):
    """Of queries and of |error|, against a BinomialOracle."""
    pairs = zip(runs_of(estimator, oracle, seed=33), law_runs(estimator), strict=True)
    return [stats.ks_2samp(ours, theirs, method="exact").pvalue for ours, theirs in pairs]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_whole_runs_agree(estimator):
    oracle = Aer().oracle(COIN, rng=np.random.default_rng(34))
    assert min(run_pvalues(estimator, oracle)) > LEVEL


class WrongOracle(BinomialOracle):
    """Runs another power and steer than it was asked for."""

    def __init__(self, more, sign):
        super().__init__(amplitude_of(COIN), rng=35)
        self.more, self.sign = more, sign

    def run(self, rounds):
        return super().run(
            [Round(one.power + self.more, one.shots, self.sign * one.steer) for one in rounds]
        )


@pytest.mark.parametrize(
    ("estimator", "more", "sign"),
    [
        *((estimator, 1, 1.0) for estimator in ESTIMATORS),
        # Iterative never steers
        *((estimator, 0, -1.0) for estimator in ESTIMATORS[:2]),
    ],
    ids=lambda one: type(one).__name__ if one in ESTIMATORS else None,
)
def test_whole_runs_of_a_wrong_circuit_are_rejected(estimator, more, sign):
    assert min(run_pvalues(estimator, WrongOracle(more, sign))) < LEVEL
