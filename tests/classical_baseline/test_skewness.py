"""A Student interval is not called converged where the sample is too skewed for it."""

import numpy as np
import pytest
from scipy import stats

from classical_baseline import MonteCarlo, methods
from qmc import (
    ES,
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    ExpectedLoss,
    Goal,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    Put,
    StudentTReturns,
    VaR,
)

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
WILD = BlackScholes(spot=100.0, vol=1.0, rate=0.05)
FAR = Problem(MARKET, Call(strike=180.0, expiry=1.0), Price())
FARTHER = Problem(MARKET, Call(strike=200.0, expiry=1.0), Price())
LONG = Problem(WILD, Call(strike=100.0, expiry=4.0), Price())
AT = Problem(MARKET, Call(strike=100.0, expiry=1.0), Price())
PORTFOLIO = Portfolio(weights=(1.0,), value=100.0)
NORMAL = NormalReturns(mean=(0.0,), covariance=((1e-4,),))


def shortfall_of_t(freedom):
    model = StudentTReturns(mean=(0.0,), covariance=((1e-4,),), degrees_of_freedom=freedom)
    return Problem(model, PORTFOLIO, ES(level=0.975))


def solve_many(problem, goal, runs):
    return [MonteCarlo(threads=1).solve(problem, goal, rng=seed) for seed in range(runs)]


@pytest.mark.parametrize(
    ("problem", "queries", "most"),
    [
        (FAR, 2_000, 0),
        (FARTHER, 2_000, 0),
        (LONG, 10_000, 12),
        (shortfall_of_t(2.1), 2_000, 0),
        (shortfall_of_t(4.0), 2_000, 0),
    ],
    ids=["far call", "farther call", "four years at 100 %", "ES of t(2.1)", "ES of t(4)"],
)
def test_samples_that_are_too_small_are_not_called_converged(problem, queries, most):
    """Their intervals cover less than they say; a few samples of the third hide its skewness."""
    results = solve_many(problem, Goal(queries=queries), 200)
    assert sum(result.status == "converged" for result in results) <= most
    assert {result.status for result in results} <= {"converged", "unresolved"}


def test_the_note_says_what_is_lacking():
    normals = np.random.default_rng(7).spawn(1)[0].standard_normal((5_000, 1))
    skewness = stats.skew(FAR.outcomes(normals))
    result = MonteCarlo().solve(FAR, Goal(queries=5_000), rng=7)
    wanted = f"skewness {skewness:.3g} asks for {50.0 * skewness**2:,.0f} paths, had 5,000"
    assert wanted in result.budget.lines[0].note
    pairs = MonteCarlo(antithetic=True).solve(FAR, Goal(queries=5_000), rng=7)
    assert "antithetic pairs, had 2,500" in pairs.budget.lines[0].note
    losses = MonteCarlo().solve(shortfall_of_t(2.1), Goal(queries=5_000), rng=7)
    assert "paths, had 5,000" in losses.budget.lines[0].note
    none = MonteCarlo().solve(FAR, Goal(queries=20), rng=7)
    assert none.budget.lines[0].note.endswith("no finite spread was seen")


def test_a_tolerance_met_by_too_few_paths_is_no_end():
    """4,096 paths are as narrow as asked for; 50 times their squared skewness are drawn."""
    for seed in range(5):
        result = MonteCarlo().solve(FAR, Goal(tolerance=0.05), rng=seed)
        assert result.cost.queries > 10 * 4_096
        assert result.interval.half_width < 0.025
        assert result.status in ("converged", "unresolved")


def test_a_budget_that_ended_it_is_named():
    goal = Goal(tolerance=1.0, queries=5_000)
    result = MonteCarlo().solve(FAR, goal, rng=1)
    assert (result.status, result.cost.queries) == ("budget_exhausted", 5_000)
    assert result.interval.half_width < 1.0


def test_a_higher_confidence_asks_for_more():
    """At 99 % a tenth of the error share is 4.5 times as hard to keep as at 95 %."""
    problem = Problem(MARKET, Call(strike=150.0, expiry=1.0), Price())
    statuses = [
        MonteCarlo().solve(problem, Goal(queries=15_000, confidence=confidence), rng=1).status
        for confidence in (0.95, 0.99)
    ]
    assert statuses == ["converged", "unresolved"]


@pytest.mark.parametrize("queries", [49, 50])
def test_a_few_paths_say_nothing_of_their_skewness(queries):
    problem = Problem(NORMAL, PORTFOLIO, ExpectedLoss())
    result = MonteCarlo().solve(problem, Goal(queries=queries), rng=3)
    assert (result.status == "converged") == (queries >= 50)


def test_ordinary_prices_cost_what_their_width_asks_for(monkeypatch):
    goal = Goal(relative_tolerance=0.01)
    with_rule = solve_many(AT, goal, 5)
    monkeypatch.setattr(methods, "_planned_for_skewness", lambda *_: 0.0)
    for one, other in zip(with_rule, solve_many(AT, goal, 5), strict=True):
        assert one.status == "converged"
        assert (one.interval, one.cost.queries) == (other.interval, other.cost.queries)


@pytest.mark.parametrize(
    ("measure", "kind"),
    [
        (Price(), "asymptotic"),
        (ExpectedLoss(), "asymptotic"),
        (ES(level=0.9), "asymptotic"),
        (Probability(threshold=0.0), "sampling"),
        (VaR(level=0.9), "sampling"),
    ],
    ids=repr,
)
def test_the_budget_names_the_intervals_that_are_asymptotic(measure, kind):
    result = MonteCarlo().solve(Problem(NORMAL, PORTFOLIO, measure), Goal(queries=5_000), rng=1)
    assert [line.kind for line in result.budget.lines] == [kind]


@pytest.mark.parametrize(
    "contract",
    [
        Call(strike=180.0, expiry=1.0),
        Put(strike=60.0, expiry=1.0),
        CallSpread(low_strike=180.0, high_strike=190.0, expiry=1.0),
        Digital(strike=180.0, expiry=1.0),
        Digital(strike=60.0, expiry=1.0, kind="put", pays="asset"),
    ],
    ids=repr,
)
def test_a_price_that_cannot_be_negative_is_not(contract):
    lows = [
        result.interval.low
        for result in solve_many(Problem(MARKET, contract, Price()), Goal(queries=1_000), 20)
    ]
    assert min(lows) == 0.0
    losses = solve_many(Problem(MARKET, contract, ExpectedLoss()), Goal(queries=1_000), 20)
    assert max(result.interval.high for result in losses) > 0.0


def test_a_price_whose_contract_does_not_say_so_may_be_negative():
    class Bare:
        times = (1.0,)

        def present_value(self, paths, discount):
            return discount[-1] * np.maximum(paths[:, -1, 0] - 180.0, 0.0)

    class Short:
        expiry, times = 1.0, (1.0,)

        def present_value(self, paths, discount):
            return -Bare().present_value(paths, discount)

        def pieces(self):
            return tuple(
                type(piece)(piece.low, piece.high, -piece.intercept, -piece.slope)
                for piece in FAR.contract.pieces()
            )

    for contract in (Bare(), Short()):
        results = solve_many(Problem(MARKET, contract, Price()), Goal(queries=1_000), 20)
        assert min(result.interval.low for result in results) < 0.0


def test_losses_of_one_value_tell_no_spread():
    """The tail beyond the worst of two days is one atom in every sample."""
    days = Digital(strike=180.0, expiry=1.0, kind="put")
    result = MonteCarlo().solve(Problem(MARKET, days, ES(level=0.5)), Goal(queries=60), rng=1)
    assert result.interval.width == np.inf
    assert result.status == "unresolved"
