"""The quantile search: valid whatever its model believes, at every budget, on every law."""

import itertools
import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from qmc import Goal
from qmc.errors import BackendFailed, InvalidProblem, Unsupported
from qmc.quantile import QuantileSearch, QuantileTask, ThresholdReply, ThresholdSearch, run_search
from qmc.quantile.model import Belief, Model
from qmc.testing import TailOracle

CELLS = 128
INNER = np.linspace(0.0, 1.0, CELLS - 1)
TAILS = np.concatenate([[1.0], 0.999 * np.exp(-6.0 * INNER), [0.0]])
EDGES = np.concatenate([[-np.inf], INNER, [np.inf]])
QUANTILE = math.log(0.999 / 0.03) / 6.0
SEARCH = QuantileSearch()


def stepped(tails_by_loss, cells=CELLS):
    """Atoms at whole losses: P(loss > x) = tails_by_loss[floor(x)], edges off the atoms."""
    top = len(tails_by_loss)
    inner = np.linspace(-0.5, top - 0.4, cells - 1)
    beyond = np.array([*tails_by_loss, 0.0])
    place = np.clip(np.floor(inner).astype(int), -1, top)
    tails = np.where(place < 0, 1.0, beyond[np.clip(place, 0, top)])
    return np.concatenate([[-np.inf], inner, [np.inf]]), np.concatenate([[1.0], tails, [0.0]])


@pytest.fixture
def task():
    """A task on the exponential law: its 97 % quantile within a twentieth."""

    def make(edges=None, level=0.97, goal=None, **fields):
        edges = EDGES if edges is None else edges
        goal = goal or Goal(relative_tolerance=0.05)
        return QuantileTask(edges, level, goal, **({"readout": True} | fields))

    return make


def valid(found, tails, tau):
    """Whether the bracket encloses the quantile."""
    return tails[found.low] > tau * (1 + 1e-12) and tails[found.high] <= tau * (1 + 1e-12)


def test_it_finds_the_quantile_within_the_tolerance(task):
    assert isinstance(SEARCH, ThresholdSearch)
    oracle = TailOracle(TAILS, rng=1)
    found = run_search(SEARCH, oracle, task())
    assert found.status == "converged"
    assert found.interval.contains(QUANTILE)
    assert found.interval.half_width <= 0.05 * abs(found.value)
    assert found.value == pytest.approx(QUANTILE, rel=0.05)
    assert oracle.queries < 4000


def test_it_covers(task, covers):
    runs = 16
    found = [run_search(SEARCH, TailOracle(TAILS, rng=seed), task()) for seed in range(runs)]
    covers(sum(valid(one, TAILS, 0.03) for one in found), runs, 0.95)
    assert sum(one.status == "converged" for one in found) >= 0.97 * runs
    held = [iv.contains(TAILS[edge]) for one in found for edge, iv in one.tails]
    assert np.mean(held) > 0.97


def test_an_absurd_model_still_covers(task, covers, monkeypatch):
    # where it looks and what it bets on is noise: little is proved, and what is proved holds
    rng = np.random.default_rng(8)

    def noise(self, edge):
        del self, edge
        theta = np.sort(rng.random(5)) * 0.5 * math.pi
        return Belief(theta, np.full(5, 0.2))

    monkeypatch.setattr(Model, "belief", noise)
    monkeypatch.setattr(Model, "nearest", lambda self, place: int(rng.integers(60, 100)))
    runs, goal = 15, Goal(relative_tolerance=0.05, queries=250)
    found = [run_search(SEARCH, TailOracle(TAILS, rng=s), task(goal=goal)) for s in range(runs)]
    covers(sum(valid(one, TAILS, 0.03) for one in found), runs, 0.95)


def test_a_tie_is_passed_over_and_the_point_is_the_middle(task, covers):
    edges, tails = stepped((0.4, 0.1, 0.03, 0.005))
    runs = 8
    found = [run_search(SEARCH, TailOracle(tails, rng=s), task(edges)) for s in range(runs)]
    covers(sum(valid(one, tails, 0.03) for one in found), runs, 0.95)
    for one in found:
        if one.status == "unresolved" and math.isfinite(one.interval.half_width):
            assert one.value == one.interval.midpoint
    assert sum(one.status == "unresolved" for one in found) > 0.9 * runs


def test_an_atom_is_one_cell_and_cheap(task):
    edges, tails = stepped((0.4, 0.2, 0.01, 0.001))
    for seed in range(5):
        oracle = TailOracle(tails, rng=seed)
        found = run_search(SEARCH, oracle, task(edges, goal=Goal(relative_tolerance=0.02)))
        assert valid(found, tails, 0.03)
        assert found.interval.contains(2.0)
        assert oracle.queries < 1500


@pytest.mark.parametrize(("tail", "ends"), [(0.2, (127, 128)), (0.001, (0, 1))])
def test_a_quantile_beyond_the_inner_edges_has_an_unbounded_cell(task, tail, ends):
    tails = np.concatenate([[1.0], np.full(127, tail), [0.0]])
    found = run_search(SEARCH, TailOracle(tails, rng=2), task())
    assert (found.low, found.high) == ends
    assert math.isinf(found.interval.half_width)
    assert found.status == "unresolved"


@pytest.mark.parametrize("queries", [1, 40, 150, 400, 1500])
@pytest.mark.parametrize("readout", [True, False])
def test_a_budget_is_kept_and_leaves_a_valid_interval(task, queries, readout):
    oracle = TailOracle(TAILS, rng=queries, readout=readout)
    goal = Goal(relative_tolerance=0.001, queries=queries)
    found = run_search(SEARCH, oracle, task(goal=goal, readout=readout))
    assert oracle.queries <= queries
    assert valid(found, TAILS, 0.03)
    assert found.status == "budget_exhausted"
    if queries == 1:
        assert (found.interval.low, found.interval.high) == (-math.inf, math.inf)


def test_without_a_tolerance_the_budget_is_used_up_to_a_cell(task):
    widths = []
    for queries in (1500, 20_000):
        found = run_search(SEARCH, TailOracle(TAILS, rng=4), task(goal=Goal(queries=queries)))
        assert valid(found, TAILS, 0.03)
        widths.append(found.interval.width)
    assert widths[1] < 0.5 * widths[0]


@pytest.mark.parametrize("level", [0.3, 0.5, 0.9, 0.995])
@pytest.mark.parametrize("readout", [True, False])
def test_it_works_at_other_levels_with_and_without_readout(task, level, readout):
    for seed in range(2):
        oracle = TailOracle(TAILS, rng=seed, readout=readout)
        goal = Goal(tolerance=0.03, confidence=0.999)
        found = run_search(SEARCH, oracle, task(level=level, goal=goal, readout=readout))
        assert valid(found, TAILS, 1.0 - level)
        assert found.status == "converged"


def test_a_decay_that_it_is_told_of_does_no_harm(task, covers):
    runs, goal = 6, Goal(relative_tolerance=0.1)
    noisy = task(goal=goal, decay=0.02, readout=False)
    found = [
        run_search(SEARCH, TailOracle(TAILS, rng=s, decay=0.02, readout=False), noisy)
        for s in range(runs)
    ]
    covers(sum(valid(one, TAILS, 0.03) for one in found), runs, 0.95)
    assert sum(one.status == "converged" for one in found) > 0.8 * runs


def test_a_bias_of_the_tails_widens_the_bracket(task, covers):
    # the flags lie by the whole bias, upwards: without its bound T would be proved above tau
    bias, runs = 0.006, 4
    lying = np.concatenate([[1.0], TAILS[1:-1] + bias * (TAILS[1:-1] < 0.9), [0.0]])
    asked = task(tail_bias=bias, goal=Goal(relative_tolerance=0.05, queries=1500))
    found = [run_search(SEARCH, TailOracle(lying, rng=s), asked) for s in range(runs)]
    covers(sum(valid(one, TAILS, 0.03) for one in found), runs, 0.95)
    fine = task(goal=Goal(relative_tolerance=0.02))
    naive = [run_search(SEARCH, TailOracle(lying, rng=s), fine) for s in range(2)]
    assert not any(valid(one, TAILS, 0.03) for one in naive)


def test_a_bias_that_hides_the_tail_is_refused(task):
    with pytest.raises(Unsupported, match="no queries could find"):
        SEARCH.start(task(tail_bias=0.04))


def test_the_same_seed_gives_the_same_estimate(task):
    first, second = (run_search(SEARCH, TailOracle(TAILS, rng=9), task()) for _ in range(2))
    assert first == second


def test_states_are_values(task):
    state = SEARCH.start(task())
    rng = np.random.default_rng(0)
    rounds = SEARCH.ask(state, rng)
    replies = TailOracle(TAILS, rng=3).run(rounds)
    one, other = (SEARCH.tell(state, rounds, replies) for _ in range(2))
    assert SEARCH.ask(one, rng) == SEARCH.ask(other, rng)
    assert SEARCH.ask(state, rng) == rounds
    with pytest.raises(FrozenInstanceError):
        state.low = 5
    before = SEARCH.estimate(state)
    assert (before.low, before.high, before.status) == (0, 128, "interrupted")


def test_one_cell_has_nothing_to_search(task):
    found = run_search(SEARCH, TailOracle([1.0, 0.0]), task(np.array([-np.inf, np.inf])))
    assert found.status == "unresolved"
    edges, tails = np.array([-np.inf, 0.0, np.inf]), [1.0, 0.5, 0.0]
    two = run_search(SEARCH, TailOracle(tails, rng=1), task(edges))
    assert (two.low, two.high) == (1, 2)


class Broken(TailOracle):
    """Interrupted, or silent, after some rounds."""

    def __init__(self, rounds, how):
        super().__init__(TAILS, rng=1)
        self.left, self.how = rounds, how

    def run(self, rounds):
        self.left -= 1
        if self.left < 0:
            if self.how == "silent":
                return ()
            raise KeyboardInterrupt
        return super().run(rounds)


@pytest.mark.parametrize("rounds", [0, 5, 30])
def test_an_interrupted_search_keeps_what_is_proved(task, rounds):
    found = run_search(SEARCH, Broken(rounds, "interrupted"), task())
    assert found.status == "interrupted"
    assert valid(found, TAILS, 0.03)


def test_a_silent_oracle_is_a_failure(task):
    with pytest.raises(BackendFailed, match="0 of 1 rounds"):
        run_search(SEARCH, Broken(2, "silent"), task())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rounds, replies: (rounds, ()), "one for each of 1 rounds"),
        (lambda rounds, replies: ((), ()), "as asked"),
        (lambda rounds, replies: (rounds, [ThresholdReply(101)]), "hits=101"),
        (lambda rounds, replies: (rounds, [ThresholdReply(50, (1,) * 50)]), "hits=50"),
        (lambda rounds, replies: (rounds, [ThresholdReply(100, (1,))]), "1 cells for 100 hits"),
        (lambda rounds, replies: (rounds, [ThresholdReply(100, (128,) * 100)]), "cell=128"),
    ],
)
def test_what_answers_no_ask_is_refused(task, change, message):
    state = SEARCH.start(task())
    rounds = SEARCH.ask(state, np.random.default_rng(0))
    told = change(rounds, TailOracle(TAILS, rng=1).run(rounds))
    with pytest.raises(InvalidProblem, match=message):
        SEARCH.tell(state, *told)


def test_a_finished_or_foreign_state_is_refused(task):
    done = SEARCH.start(task(np.array([-np.inf, np.inf])))
    with pytest.raises(InvalidProblem, match="one that still asks"):
        SEARCH.tell(done, (), ())
    with pytest.raises(InvalidProblem, match=r"from QuantileSearch\.start"):
        SEARCH.tell("state", (), ())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"plain": 0}, "plain=0"),
        ({"stage": 1}, "stage=1"),
        ({"max_power": -1}, "max_power=-1"),
        ({"first": 1.0}, "first=1.0"),
        ({"reopen": 0.0}, "reopen=0.0"),
        ({"clear": math.nan}, "clear=nan"),
    ],
)
def test_settings_out_of_range_are_refused(fields, message):
    with pytest.raises(InvalidProblem, match=message):
        QuantileSearch(**fields)


def test_a_capped_power_and_a_cap_of_rounds_are_kept(task):
    powers = []

    class Watched(TailOracle):
        def run(self, rounds):
            powers.extend(one.round.power for one in rounds)
            return super().run(rounds)

    found = run_search(QuantileSearch(max_power=6, max_rounds=30), Watched(TAILS, rng=1), task())
    assert max(powers) <= 6
    assert len(powers) <= 30
    assert valid(found, TAILS, 0.03)


def test_edges_of_another_kind_are_refused():
    with pytest.raises(InvalidProblem, match="edges"):
        QuantileTask(np.array([0.0, 1.0]), 0.9, Goal(tolerance=0.1))


def rounds_of(task_, rng):
    """(state, rounds, replies) of each step of a run."""
    oracle, state = TailOracle(TAILS, rng=rng), SEARCH.start(task_)
    while rounds := SEARCH.ask(state, np.random.default_rng(0)):
        replies = oracle.run(rounds)
        yield state, rounds, replies
        state = SEARCH.tell(state, rounds, replies)


@pytest.mark.parametrize("readout", [True, False])
def test_a_bet_is_placed_before_its_batch(task, readout):
    """What a claim expects of a batch must not depend on what then comes: the proof rests on it."""
    compared = 0
    for state, rounds, _ in rounds_of(task(readout=readout), 3):
        if state.phase == "model" and state.claims:
            bets = []
            for hits in (0, rounds[0].round.shots):
                cell = (rounds[0].edge,) * (hits if rounds[0].readout else 0)
                told = SEARCH.tell(state, rounds, [ThresholdReply(hits, cell)])
                bets += told.bets[len(state.bets) :]
            if bets:
                first, second = bets
                assert np.array_equal(first.expected, second.expected)
                compared += 1
    assert compared > 10


def test_no_more_error_is_spent_than_there_is(task):
    """Claims opened together share one error; what is spent and left is 95 % of 5 %."""
    states = [state for state, _, _ in rounds_of(task(), 5)]
    whole = 0.95 * 0.05
    assert states[0].error == pytest.approx(whole, rel=1e-12)
    spent = 0.0
    for before, after in itertools.pairwise(states):
        opened = after.claims[len(before.claims) :]
        spent += max((claim.error for claim in opened), default=0.0)
        assert spent + after.error == pytest.approx(whole, rel=1e-12)
    assert spent > 0.0


@pytest.mark.parametrize("cells", [3, 4, 8, 16])
def test_few_cells_are_told_apart(task, cells):
    inner = np.linspace(0.0, 1.0, cells - 1)
    tails = np.concatenate([[1.0], 0.9 * np.exp(-5.0 * inner), [0.0]])
    edges = np.concatenate([[-np.inf], inner, [np.inf]])
    for seed in range(6):
        goal = Goal(tolerance=0.51 * (inner[1] - inner[0]))
        found = run_search(SEARCH, TailOracle(tails, rng=seed), task(edges, goal=goal))
        assert valid(found, tails, 0.03)
        assert found.status == "converged"


def test_strong_noise_is_met_by_wider_pairs(task):
    """A decay of .1 leaves a power of ten little to see: the search must not hunt close edges."""
    for seed in range(3):
        oracle = TailOracle(TAILS, rng=seed, decay=0.1, readout=False)
        goal = Goal(relative_tolerance=0.2, queries=20_000)
        found = run_search(SEARCH, oracle, task(goal=goal, readout=False, decay=0.1))
        assert valid(found, TAILS, 0.03)
        assert found.status == "converged"


@pytest.mark.parametrize(
    "fields", [{"goal": 3}, {"decay": -1.0}, {"tail_bias": -0.1}], ids=lambda one: str(*one)
)
def test_a_task_of_nonsense_is_refused(fields):
    with pytest.raises(InvalidProblem, match=next(iter(fields))):
        QuantileTask(EDGES, 0.97, **({"goal": Goal(tolerance=1.0)} | fields))


def test_a_bracket_that_meets_the_goal_at_its_middle_is_enough(task):
    """A relative tolerance is tighter at the lower end, and no reason to search on."""
    queries = []
    for seed in range(12):
        oracle = TailOracle(TAILS, rng=seed)
        found = run_search(SEARCH, oracle, task(goal=Goal(relative_tolerance=0.15)))
        assert found.status == "converged"
        assert valid(found, TAILS, 0.03)
        queries.append(oracle.queries)
    assert np.median(queries) < 600
