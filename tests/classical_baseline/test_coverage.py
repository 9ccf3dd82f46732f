"""MonteCarlo's intervals contain the truth as often as they say.

VaR's and Probability's guarantee is exact. Price's and ES's is asymptotic, so they are gated
only at path numbers and laws (light tails) where a measured 2,000 runs covered 94 % or more. Where
values are very skewed it is gated that a missing interval is not called converged.
"""

import numpy as np
import pytest

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Call,
    Digital,
    Goal,
    HistoricalReturns,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    StudentTReturns,
    VaR,
)

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())
DIGITAL = Problem(MARKET, Digital(strike=105.0, expiry=1.0), Probability(threshold=0.5))
COVARIANCE = ((1e-4, 3e-5), (3e-5, 2e-4))
NORMAL = NormalReturns(mean=(0.0, 0.001), covariance=COVARIANCE)
STUDENT = StudentTReturns(mean=(0.0, 0.001), covariance=COVARIANCE, degrees_of_freedom=4.0)
HISTORY = HistoricalReturns(returns=np.random.default_rng(6).standard_t(4, size=(750, 2)) * 0.01)
PORTFOLIO = Portfolio(weights=(0.5, 0.5), value=100.0)
CASES = {
    "price": (CALL, Goal(relative_tolerance=0.04), False),
    "antithetic price": (CALL, Goal(relative_tolerance=0.04), True),
    "probability": (DIGITAL, Goal(tolerance=0.03), False),
    "VaR, normal": (Problem(NORMAL, PORTFOLIO, VaR(level=0.99)), Goal(tolerance=0.15), False),
    "VaR, t(4)": (Problem(STUDENT, PORTFOLIO, VaR(level=0.99)), Goal(queries=2_000), False),
    "VaR, history": (Problem(HISTORY, PORTFOLIO, VaR(level=0.99)), Goal(queries=5_000), False),
    "ES, normal": (Problem(NORMAL, PORTFOLIO, ES(level=0.975)), Goal(tolerance=0.15), False),
    "ES, history": (Problem(HISTORY, PORTFOLIO, ES(level=0.975)), Goal(queries=10_000), False),
}
# the paths that their widths alone ask for cover less than 90 %; the last number is the least share
# of runs called converged, some 5 deviations below what is measured: 93 % and 32 %
SKEWED = {
    "far call": (
        Problem(MARKET, Call(strike=180.0, expiry=1.0), Price()),
        Goal(tolerance=0.05),
        0.88,
    ),
    "four years at 100 %": (
        Problem(
            BlackScholes(spot=100.0, vol=1.0, rate=0.05), Call(strike=100.0, expiry=4.0), Price()
        ),
        Goal(tolerance=20.0),
        0.24,
    ),
}
RUNS = 1_000


@pytest.mark.parametrize("case", CASES)
def test_intervals_contain_the_truth(case, covers):
    problem, goal, antithetic = CASES[case]
    truth = Analytic().solve(problem, goal).value
    engine = MonteCarlo(threads=1, antithetic=antithetic)
    results = (engine.solve(problem, goal, rng=seed) for seed in range(RUNS))
    hits = sum(result.interval.contains(truth) for result in results)
    covers(hits, RUNS, 0.95)


@pytest.mark.parametrize("case", SKEWED)
def test_what_is_called_converged_seldom_misses(case, covers):
    """Of all runs, few are converged and miss: a run that is not converged counts as held.

    So this gates how often one is misled, not the coverage of converged runs alone: that is 96 %
    for the far call, but 84 % for the four years, where two runs in three say they are unresolved.
    """
    problem, goal, least = SKEWED[case]
    truth = Analytic().solve(problem, goal).value
    engine = MonteCarlo(threads=1, max_paths=1_000_000)
    results = (engine.solve(problem, goal, rng=seed) for seed in range(RUNS))
    held = [r.interval.contains(truth) for r in results if r.status == "converged"]
    assert len(held) >= least * RUNS
    covers(RUNS - held.count(False), RUNS, 0.95)
