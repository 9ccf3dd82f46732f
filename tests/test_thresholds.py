"""Threshold circuits of a search: plain draws, cells beyond edges, one oracle an edge."""

import dataclasses
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from classical_baseline import Analytic
from classical_baseline.intervals import order_statistic_ranks
from qmc import (
    ES,
    BlackScholes,
    Call,
    Comparator,
    FactorGrid,
    Goal,
    InvalidProblem,
    LawGrid,
    LinearRotation,
    MultiplexedRotation,
    NormalReturns,
    Portfolio,
    Problem,
    Quantum,
    Round,
    Unsupported,
    VaR,
)
from qmc.backends import Aer, DepolarizingNoise, Ideal
from qmc.circuits.complement import complemented
from qmc.estimators import Certified, Iterative
from qmc.measures import Tail
from qmc.quantile import QuantileEstimate, ThresholdRound
from qmc.result import Interval
from qmc.run import Run
from qmc.tail_risk.thresholds import ThresholdCircuits, flags_are_tails, largest_bias
from qmc.testing import check_encoding

MODEL = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
PROBLEM = Problem(MODEL, Portfolio(weights=(1.0,), value=100.0), VaR(level=0.95))
TABLE = LawGrid(qubits=4).discretise(PROBLEM)
TRUTH = Analytic().solve(PROBLEM, Goal(tolerance=1.0)).value
EXACT = MultiplexedRotation()
BIASED = MultiplexedRotation(negligible=0.005)


def circuits_of(backend, encoding=MultiplexedRotation(), table=TABLE, bias=0.0):
    run = Run(
        problem=PROBLEM,
        goal=Goal(queries=10**6),
        table=table,
        encoding=encoding,
        estimator=Certified(),
        backend=backend,
        rng=np.random.default_rng(5),
    )
    return ThresholdCircuits(run, bias)


@pytest.mark.parametrize("encoding", [MultiplexedRotation(), Comparator()], ids=repr)
@pytest.mark.parametrize("backend", [Ideal(), Aer()], ids=repr)
def test_the_first_edge_with_its_register_is_plain_draws(backend, encoding):
    circuits = circuits_of(backend, encoding)
    assert circuits.reads
    (reply,) = circuits.run([ThresholdRound(0, Round(0, 5_000), readout=True)])
    assert reply.hits == len(reply.cells) == 5_000
    seen = np.bincount(reply.cells, minlength=16)
    some = TABLE.probabilities * 5_000 > 5.0
    expected = TABLE.probabilities[some] / TABLE.probabilities[some].sum() * seen[some].sum()
    assert stats.chisquare(seen[some], expected).pvalue > 1e-4
    assert circuits.solve.meter.queries == 5_000


@pytest.mark.parametrize("backend", [Ideal(), Aer()], ids=repr)
def test_replies_keep_the_order_of_the_rounds(backend):
    circuits = circuits_of(backend)
    rounds = [
        ThresholdRound(9, Round(0, 400), readout=True),
        ThresholdRound(12, Round(2, 300)),
        ThresholdRound(9, Round(1, 200), readout=True),
        ThresholdRound(9, Round(1, 100)),
    ]
    first, second, third, fourth = circuits.run(rounds)
    for reply in (first, third):
        assert len(reply.cells) == reply.hits > 0
        assert min(reply.cells) >= 9
    assert second.cells == fourth.cells == ()
    tail = float(TABLE.probabilities[9:].sum())
    assert abs(first.hits / 400 - tail) < 0.12
    assert circuits.solve.meter.queries == 400 + 5 * 300 + 3 * 200 + 3 * 100
    assert circuits.has_read


def test_an_edge_is_encoded_once():
    @dataclass(frozen=True)
    class Counting:
        inner: MultiplexedRotation = EXACT

        def encode(self, problem, functional=Tail(0.0)):
            asked.append(functional.threshold)
            return self.inner.encode(problem, functional)

    asked = []
    circuits = circuits_of(Ideal(), Counting())
    before = len(asked)
    for _ in range(3):
        circuits.run([ThresholdRound(5, Round(1, 10)), ThresholdRound(7, Round(1, 10))])
    assert len(asked) - before == 2


def test_cells_of_a_factor_grid_are_told_by_their_place_among_the_edges():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.0)
    problem = Problem(market, Call(strike=100.0, expiry=1.0), VaR(level=0.3))
    table = FactorGrid(qubits=4).discretise(problem)
    circuits = circuits_of(Ideal(), table=table)
    edge = int(np.searchsorted(table.edges, -10.0))
    (reply,) = circuits.run([ThresholdRound(edge, Round(0, 500), readout=True)])
    assert reply.hits > 0
    assert set(reply.cells) <= set(table.bins[table.bins >= edge].tolist())
    assert min(reply.cells) >= edge


def test_a_tail_that_holds_every_cell_is_always_raised():
    encoded = MultiplexedRotation().encode(TABLE, Tail(float(TABLE.edges[0])))
    always = complemented(encoded)
    assert (always.value(1.0), always.value(0.0)) == (1.0, 2.0)
    assert np.all(always.flags == 1.0)
    hits = Aer().oracle(always, rng=np.random.default_rng(1)).run([Round(0, 50), Round(2, 50)])
    assert hits == (50, 50)
    again = complemented(complemented(encoded))
    assert np.array_equal(again.flags, encoded.flags)
    assert again.value(0.3) == pytest.approx(encoded.value(0.3))
    with pytest.raises(InvalidProblem, match="an AmplitudeProblem"):
        complemented(3)


def test_what_is_not_exact_is_not_read():
    assert largest_bias(MultiplexedRotation(), TABLE) == 0.0
    finer = LawGrid(qubits=6).discretise(PROBLEM)
    bias = largest_bias(BIASED, finer)
    assert bias > 0.0
    circuits = circuits_of(Ideal(), BIASED, finer, bias)
    assert not circuits.reads
    circuits.run([ThresholdRound(edge, Round(0, 1)) for edge in range(1, 64)])
    with pytest.raises(Unsupported, match="name an estimator="):
        circuits_of(Ideal(), BIASED, finer).run([ThresholdRound(33, Round(0, 1))])
    noisy = Aer(noise=DepolarizingNoise(two_qubit_error=1e-4), decay=0.01)
    circuits = circuits_of(noisy)
    assert not circuits.reads
    assert circuits.decay == 0.01
    assert flags_are_tails(Comparator(), TABLE)
    assert not flags_are_tails(LinearRotation(scaling=0.1), TABLE)


def note_of(result):
    (note,) = (one.note for one in result.budget.lines if one.source == "threshold search")
    return note


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "QuantileSearch, cells read beside the flag"),
        ({"encoding": BIASED}, "QuantileSearch, flag alone"),
        ({"encoding": LinearRotation(scaling=0.1)}, "flag alone"),
        ({"estimator": Iterative()}, "flag alone"),
    ],
    ids=["default", "biased", "linear", "estimator"],
)
def test_the_budget_says_what_was_measured(fields, told):
    engine = Quantum(**{"grid": LawGrid(qubits=5), "backend": Ideal(), **fields})
    result = engine.solve(PROBLEM, Goal(relative_tolerance=0.3, queries=200_000), rng=1)
    assert told in note_of(result)
    assert result.interval.contains(TRUTH)


@dataclass(frozen=True)
class OrderStatistics:
    """A search of one's own: plain draws of the register, and two order statistics of them."""

    draws: int = 4_000
    guarantee = "proved"

    def start(self, task):
        return (task, None)

    def ask(self, state, rng):
        task, cells = state
        assert task.readout
        return () if cells else (ThresholdRound(0, Round(0, self.draws), readout=True),)

    def tell(self, state, rounds, replies):
        return (state[0], tuple(sorted(replies[0].cells)))

    def estimate(self, state):
        task, cells = state
        ranks = order_statistic_ranks(self.draws, task.level, task.goal.confidence)
        low, high = cells[ranks[0] - 1], cells[ranks[1] - 1] + 1
        interval = Interval(float(task.edges[low]), float(task.edges[high]))
        dataclasses.replace(interval, confidence=task.goal.confidence)
        return QuantileEstimate(interval.midpoint, low, high, interval, "converged")


@pytest.mark.parametrize("backend", [Ideal(), Aer()], ids=repr)
def test_a_search_of_ones_own_is_taken_and_its_queries_are_counted(backend):
    engine = Quantum(grid=LawGrid(qubits=6), backend=backend, search=OrderStatistics())
    result = engine.solve(PROBLEM, Goal(relative_tolerance=0.2), rng=3)
    assert result.interval.contains(TRUTH)
    assert result.cost.queries == result.cost.shots == 4_000
    assert result.cost.max_power == 0
    assert "OrderStatistics, cells read beside the flag" in note_of(result)
    assert engine.plan(PROBLEM, Goal(relative_tolerance=0.2)).expected_queries == 4_000
    beyond = dataclasses.replace(PROBLEM, measure=ES(level=0.95))
    result = engine.solve(beyond, Goal(relative_tolerance=0.2), rng=3)
    assert result.interval.contains(Analytic().solve(beyond, Goal(tolerance=1.0)).value)


def test_what_is_no_search_is_refused():
    with pytest.raises(InvalidProblem, match=r"search=3.*such as qmc.quantile.QuantileSearch"):
        Quantum(search=3)


def test_the_complement_of_an_encoding_is_its_circuit():
    @dataclass(frozen=True)
    class Complement:
        def encode(self, problem, functional=Tail(0.0)):
            return complemented(MultiplexedRotation().encode(problem, functional))

    check_encoding(Complement())


def test_circuits_of_different_decay_are_refused():
    """The evidence at every threshold rests on one decay that the search was told."""
    circuits = object.__new__(ThresholdCircuits)
    circuits.solve = SimpleNamespace(backend=Ideal())
    circuits._made = {4: SimpleNamespace(decay=0.01)}
    circuits._require_same_decay(0.01)
    with pytest.raises(Unsupported, match=r"decay of 0\.01 at one threshold and 0\.02 at another"):
        circuits._require_same_decay(0.02)
