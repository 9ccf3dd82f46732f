"""Ctrl-C leaves the interval of the blocks that were finished, in order."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from classical_baseline import MonteCarlo
from classical_baseline.accumulators import Moments, Top
from qmc import (
    ES,
    ExpectedLoss,
    Goal,
    NormalReturns,
    Portfolio,
    Probability,
    Problem,
    VaR,
)

NORMAL = NormalReturns(mean=(0.0, 0.001), covariance=((1e-4, 3e-5), (3e-5, 2e-4)))
PORTFOLIO = Portfolio(weights=(0.5, 0.5), value=100.0)
MEASURES = [ExpectedLoss(), Probability(threshold=-1.0), VaR(level=0.9), ES(level=0.9)]
BLOCK = 1024


@dataclass
class Stops:
    """A portfolio whose block number `at`, counted from 1 with the problem's own check, stops."""

    at: int
    calls: int = 0
    times: tuple[float, ...] = field(default=PORTFOLIO.times)

    def present_value(self, paths, discount):
        # the first call is the one path that Problem tries
        self.calls += 1
        if self.calls == self.at + 1:
            raise KeyboardInterrupt
        return PORTFOLIO.present_value(paths, discount)


def stopped(measure, at, goal, threads=1):
    problem = Problem(NORMAL, Stops(at), measure)
    return MonteCarlo(block=BLOCK, threads=threads).solve(problem, goal, rng=5), problem.contract


def uninterrupted(measure, paths):
    problem = Problem(NORMAL, PORTFOLIO, measure)
    return MonteCarlo(block=BLOCK).solve(problem, Goal(queries=paths), rng=5)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: type(m).__name__)
def test_the_finished_blocks_are_the_sample(measure, threads):
    """Bit for bit the answer of a goal of so many paths."""
    result, contract = stopped(measure, 9, Goal(queries=1_000_000), threads)
    assert result.status == "interrupted"
    assert 2 * BLOCK <= result.cost.queries <= (8 + threads) * BLOCK
    assert result.cost.queries == result.cost.rounds * BLOCK
    same = uninterrupted(measure, result.cost.queries)
    assert (result.value, result.interval) == (same.value, same.interval)
    assert result.budget == same.budget
    # blocks in flight may end, none after them begins
    assert contract.calls <= 1 + 9 + 4 * threads


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: type(m).__name__)
def test_fewer_than_two_blocks_are_no_answer(measure):
    with pytest.raises(KeyboardInterrupt):
        stopped(measure, 2, Goal(queries=100_000))
    assert stopped(measure, 3, Goal(queries=100_000))[0].cost.queries == 2 * BLOCK


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: type(m).__name__)
def test_a_pilot_is_no_answer(measure):
    """Its four blocks of 1,024 only plan."""
    with pytest.raises(KeyboardInterrupt):
        stopped(measure, 4, Goal(tolerance=1e-3))


def test_a_mean_keeps_its_pilot():
    """The extended pilot of 8 blocks, of which the first four were drawn alone, and 2 more."""
    result, _ = stopped(ExpectedLoss(), 11, Goal(tolerance=1e-3))
    assert (result.status, result.cost.queries) == ("interrupted", 10 * BLOCK)
    assert result.value == pytest.approx(uninterrupted(ExpectedLoss(), 10 * BLOCK).value)


@pytest.mark.parametrize(
    ("measure", "kept"), [(ExpectedLoss(), Moments), (ES(level=0.9), Top)], ids=["mean", "tail"]
)
def test_an_interrupt_between_two_blocks_loses_neither(measure, kept, monkeypatch):
    merge, merged = kept.merge, []

    def interrupting(total, part):
        merged.append(part)
        if len(merged) == 6:
            raise KeyboardInterrupt
        return merge(total, part)

    monkeypatch.setattr(kept, "merge", interrupting)
    problem = Problem(NORMAL, PORTFOLIO, measure)
    result = MonteCarlo(block=BLOCK).solve(problem, Goal(queries=100_000), rng=5)
    monkeypatch.undo()
    same = uninterrupted(measure, 5 * BLOCK)
    assert result.status == "interrupted"
    assert (result.value, result.interval) == (same.value, same.interval)
    assert np.isfinite(result.interval.width)
