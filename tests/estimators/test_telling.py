"""What no estimator believes: one check for all of them (the kit tests the rest of each)."""

import pytest

from qmc.errors import InvalidProblem
from qmc.estimators import (
    Adaptive,
    Chebyshev,
    LowDepth,
    MaximumLikelihood,
    ModifiedIterative,
    Sampling,
    require_told,
)
from qmc.problem import Goal
from qmc.rounds import Round
from qmc.serialise import from_json, to_json

GOAL = Goal(tolerance=0.01)


@pytest.mark.parametrize(
    ("maker", "other"),
    [
        (Chebyshev(), ModifiedIterative()),
        (ModifiedIterative(), Chebyshev()),
        (LowDepth(), MaximumLikelihood()),
        (Adaptive(), Sampling()),
    ],
)
def test_a_state_goes_with_the_estimator_that_began_it(maker, other):
    state = from_json(to_json(maker.start(GOAL)))
    rounds = other.ask(other.start(GOAL), None)
    with pytest.raises(InvalidProblem, match=rf"^state=.*{type(other).__name__}\.start"):
        other.tell(state, rounds, [0] * len(rounds))


def test_parts_of_a_round_count_together():
    state = Sampling().start(GOAL)
    (whole,) = Sampling().ask(state, None)
    part = Round(0, whole.shots - 10)
    require_told(Sampling(), state, type(state), [part, Round(0, 10)], [1, 1])
    with pytest.raises(InvalidProblem, match=f"must have {whole.shots} shots or fewer"):
        require_told(Sampling(), state, type(state), [part, Round(0, 11)], [1, 1])


@pytest.mark.parametrize(
    ("rounds", "hits", "words"),
    [
        (Round(0, 10), [3], r"^rounds=Round\(.*\): must be a sequence with one entry a round$"),
        ([Round(0, 10)], 3, r"^hits=3: must be a sequence with one entry a round$"),
        ([Round(0, 10)], [3, 4], r"^hits=\[3, 4\]: must be one answer for each of 1 rounds$"),
        ([Round(0, 10)], [-1], r"^hits=-1: must be a whole number from 0 to 10$"),
        ([Round(1, 10)], [1], r"^Round\(power=1.*: must be Round\(power=0.*\), as asked$"),
        ([], [], r"^rounds=\[\]: must be what ask gave, one round or more$"),
    ],
)
def test_the_words_of_a_refusal(rounds, hits, words):
    with pytest.raises(InvalidProblem, match=words):
        Sampling().tell(Sampling().start(GOAL), rounds, hits)


def test_a_finished_run_says_how_it_ended():
    state = Sampling().start(Goal(queries=10))
    state = Sampling().tell(state, [Round(0, 10)], [3])
    with pytest.raises(InvalidProblem, match=r"^state='finished, budget_exhausted'"):
        Sampling().tell(state, [Round(0, 1)], [1])


def test_an_adaptive_round_has_a_power_that_it_could_ask():
    state = Adaptive(max_power=3).start(GOAL)
    with pytest.raises(InvalidProblem, match="power 3 or less"):
        Adaptive(max_power=3).tell(state, [Round(4, 1)], [1])
