"""MonteCarlo: same bits for any threads, estimates and intervals by hand, bounded memory."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Call,
    Digital,
    ExpectedLoss,
    Goal,
    HistoricalReturns,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    Put,
    StudentTReturns,
    VaR,
)

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05, dividend_yield=0.02)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())
COVARIANCE = ((1e-4, 3e-5), (3e-5, 2e-4))
NORMAL = NormalReturns(mean=(0.0, 0.001), covariance=COVARIANCE)
MODELS = [
    NORMAL,
    StudentTReturns(mean=(0.0, 0.001), covariance=COVARIANCE, degrees_of_freedom=4.0),
    HistoricalReturns(returns=np.random.default_rng(6).standard_t(4, size=(750, 2)) * 0.01),
]
PORTFOLIO = Portfolio(weights=(0.5, 0.5), value=100.0)
MEASURES = [ExpectedLoss(), Probability(threshold=-1.0), VaR(level=0.99), ES(level=0.975)]
PROBLEMS = [CALL] + [Problem(NORMAL, PORTFOLIO, measure) for measure in MEASURES]


def exact(problem):
    return Analytic().solve(problem, Goal(tolerance=1.0)).value


def outcomes(problem, paths, *, block, seed):
    """The outcomes of a run by hand: one spawned stream a block, blocks in order."""
    sizes = [block] * (paths // block) + ([paths % block] if paths % block else [])
    streams = np.random.default_rng(seed).spawn(len(sizes))
    factors = problem.model.num_factors(problem.contract.times)
    return np.concatenate(
        [
            problem.outcomes(stream.standard_normal((size, factors)))
            for stream, size in zip(streams, sizes, strict=True)
        ]
    )


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: type(p.measure).__name__)
@pytest.mark.parametrize("goal", [Goal(queries=30_001), Goal(relative_tolerance=0.05)], ids=repr)
def test_any_number_of_threads_gives_the_same_bits(problem, goal):
    results = [
        MonteCarlo(block=1024, threads=threads, max_paths=60_000).solve(problem, goal, rng=7)
        for threads in (1, 2, 5, None)
    ]
    first = results[0]
    for other in results[1:]:
        assert (other.value, other.interval) == (first.value, first.interval)
        assert (other.status, other.cost.queries) == (first.status, first.cost.queries)
    assert MonteCarlo(block=1024).solve(problem, goal, rng=8).value != first.value


def test_the_interval_of_a_price_is_students():
    values = outcomes(CALL, 10_000, block=4096, seed=7)
    result = MonteCarlo(block=4096).solve(CALL, Goal(queries=10_000, confidence=0.9), rng=7)
    low, high = stats.t.interval(0.9, 9_999, values.mean(), stats.sem(values))
    assert result.value == pytest.approx(values.mean(), rel=1e-13)
    assert result.interval.low == pytest.approx(low, rel=1e-12)
    assert result.interval.high == pytest.approx(high, rel=1e-12)


def test_the_interval_of_a_probability_is_clopper_pearsons():
    problem = Problem(NORMAL, PORTFOLIO, Probability(threshold=1.0))
    values = outcomes(problem, 10_000, block=4096, seed=7)
    hits = int(np.count_nonzero(values > 1.0))
    result = MonteCarlo(block=4096).solve(problem, Goal(queries=10_000), rng=7)
    expected = stats.binomtest(hits, 10_000).proportion_ci(0.95, "exact")
    assert result.value == hits / 10_000
    assert (result.interval.low, result.interval.high) == pytest.approx(expected, rel=1e-10)


def test_a_value_at_the_threshold_is_not_above_it():
    contract = Digital(strike=105.0, expiry=1.0)
    cash = float(MARKET.discount((1.0,))[0])
    for engine in (Analytic(), MonteCarlo()):
        at, below = (
            engine.solve(
                Problem(MARKET, contract, Probability(threshold=x)), Goal(queries=1_000), rng=1
            )
            for x in (cash, math.nextafter(cash, 0.0))
        )
        assert at.value == 0.0 < below.value


@pytest.mark.parametrize("level", [0.05, 0.5, 0.99])
def test_the_interval_of_a_var_is_made_of_order_statistics(level):
    problem = Problem(NORMAL, PORTFOLIO, VaR(level=level))
    losses = np.sort(outcomes(problem, 10_000, block=4096, seed=7))
    result = MonteCarlo(block=4096).solve(problem, Goal(queries=10_000), rng=7)
    counts = stats.binom(10_000, level)
    low = max(r for r in range(1, 10_001) if counts.cdf(r - 1) <= 0.025)
    high = min(s for s in range(low, 10_001) if counts.sf(s - 1) <= 0.025)
    assert result.value == losses[math.ceil(10_000 * level) - 1]
    assert (result.interval.low, result.interval.high) == (losses[low - 1], losses[high - 1])


def test_an_es_is_the_mean_of_the_tail():
    problem = Problem(NORMAL, PORTFOLIO, ES(level=0.975))
    losses = np.sort(outcomes(problem, 10_000, block=4096, seed=7))
    result = MonteCarlo(block=4096).solve(problem, Goal(queries=10_000), rng=7)
    assert result.value == pytest.approx(losses[-250:].mean(), rel=1e-12)
    influence = np.maximum(losses - losses[-251], 0.0) / 0.025
    assert result.interval.half_width == pytest.approx(1.97 * stats.sem(influence), rel=0.02)


def test_antithetic_pairs_lower_the_variance_and_stay_unbiased():
    problem = Problem(MARKET, Call(strike=85.0, expiry=1.0), Price())
    goal = Goal(queries=4_000)
    plain, paired = (
        [MonteCarlo(antithetic=flag).solve(problem, goal, rng=seed) for seed in range(400)]
        for flag in (False, True)
    )
    spread, paired_spread = (np.var([r.value for r in results]) for results in (plain, paired))
    # at the same number of paths the variance falls by 1 + correlation of a path and its mirror
    normals = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)[:, None]
    mirrored = np.corrcoef(problem.outcomes(normals), problem.outcomes(-normals))[0, 1]
    assert mirrored < -0.7
    # 400 runs give a ratio of variances to 10 %; four times that: false alarm 6e-5
    assert paired_spread / spread == pytest.approx(1.0 + mirrored, rel=0.4)
    values = [r.value for r in paired]
    # 4.5 standard errors: false alarm 7e-6
    assert np.mean(values) == pytest.approx(exact(problem), abs=4.5 * stats.sem(values))
    # each interval is as wide as its own estimates spread
    assert plain[0].interval.half_width == pytest.approx(1.96 * math.sqrt(spread), rel=0.2)
    assert paired[0].interval.half_width == pytest.approx(1.96 * math.sqrt(paired_spread), rel=0.2)


@pytest.mark.parametrize(
    ("problem", "most"),
    [(PROBLEMS[0], 1.0), (PROBLEMS[2], 1.0), (PROBLEMS[3], 1.5), (PROBLEMS[4], 2.0)],
    ids=lambda x: type(x.measure).__name__ if isinstance(x, Problem) else None,
)
def test_nothing_is_kept_but_the_tail(problem, most):
    """Peak memory in MiB of 400,000 paths in blocks of 1,024; all outcomes would need 3.1."""
    engine, goal = MonteCarlo(block=1024, threads=1), Goal(queries=400_000)
    engine.solve(problem, Goal(queries=2_000), rng=1)
    tracemalloc.start()
    try:
        engine.solve(problem, goal, rng=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most * 2**20


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_var_does_not_decrease_in_level_and_es_exceeds_it(model):
    # a history of 750 days has no loss beyond 0.999
    goal, levels = Goal(queries=20_000), (0.5, 0.9, 0.975, 0.99, 0.998)

    def solve(measure):
        return MonteCarlo().solve(Problem(model, PORTFOLIO, measure), goal, rng=4).value

    values = [solve(VaR(level=level)) for level in levels]
    tails = [solve(ES(level=level)) for level in levels]
    assert values == sorted(values)
    assert tails == sorted(tails)
    assert all(tail >= value for tail, value in zip(tails, values, strict=True))


@pytest.mark.parametrize("measure", [*MEASURES[2:], ExpectedLoss()], ids=repr)
def test_risk_scales_with_the_position(measure):
    def solve(value):
        portfolio = Portfolio(weights=(0.5, 0.5), value=value)
        problem = Problem(NORMAL, portfolio, measure)
        return MonteCarlo().solve(problem, Goal(queries=20_000), rng=4)

    small, large = solve(1.0), solve(3e6)
    assert large.value == pytest.approx(3e6 * small.value, rel=1e-12)
    assert large.interval.low == pytest.approx(3e6 * small.interval.low, rel=1e-10)
    assert large.interval.high == pytest.approx(3e6 * small.interval.high, rel=1e-10)


def test_put_call_parity_with_common_random_numbers():
    """Call minus put is the sampled forward, path by path, for every seed."""
    goal = Goal(queries=50_000)
    forwards = []
    for strike in (60.0, 105.0, 150.0):
        contracts = (kind(strike=strike, expiry=1.0) for kind in (Call, Put))
        call, put = (
            MonteCarlo().solve(Problem(MARKET, contract, Price()), goal, rng=9)
            for contract in contracts
        )
        forwards.append(call.value - put.value + strike * math.exp(-0.05))
    assert forwards[0] == pytest.approx(forwards[1], rel=1e-12)
    assert forwards[0] == pytest.approx(forwards[2], rel=1e-12)
    # five standard errors of the mean price: false alarm 6e-7
    assert forwards[0] == pytest.approx(100.0 * math.exp(-0.02), abs=5 * 20.0 / math.sqrt(50_000))
