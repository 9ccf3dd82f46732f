"""What MonteCarlo refuses, by name and before it draws."""

import math

import numpy as np
import pytest

from classical_baseline import MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Call,
    ExpectedLoss,
    Goal,
    InvalidProblem,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    TooLarge,
    Unsupported,
    VaR,
)

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05, dividend_yield=0.02)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())
NORMAL = NormalReturns(mean=(0.0, 0.001), covariance=((1e-4, 3e-5), (3e-5, 2e-4)))
PORTFOLIO = Portfolio(weights=(0.5, 0.5), value=100.0)
MEASURES = [ExpectedLoss(), Probability(threshold=-1.0), VaR(level=0.99), ES(level=0.975)]


@pytest.mark.parametrize("measure", MEASURES[1:], ids=lambda m: type(m).__name__)
def test_antithetic_pairs_are_refused_where_paths_must_be_independent(measure):
    with pytest.raises(Unsupported, match=f"Price and ExpectedLoss, not {type(measure).__name__}"):
        MonteCarlo(antithetic=True).solve(Problem(NORMAL, PORTFOLIO, measure), Goal(queries=100))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"block": 1023}, "block=1023"),
        ({"block": 2**20 + 1}, "block=1048577"),
        ({"block": 4096.0}, "block=4096.0"),
        ({"block": math.nan}, "block=nan"),
        ({"threads": 0}, "threads=0"),
        ({"threads": "two"}, "threads='two'"),
        ({"threads": True}, "threads=True"),
        ({"antithetic": 1}, "antithetic=1"),
        ({"antithetic": None}, "antithetic=None"),
        ({"max_paths": 1}, "max_paths=1"),
        ({"max_paths": 1e6}, "max_paths=1000000.0"),
    ],
)
def test_fields_out_of_range_are_refused_by_name(fields, named):
    with pytest.raises(InvalidProblem, match=named):
        MonteCarlo(**fields)


def test_a_budget_below_one_pair_is_refused():
    with pytest.raises(InvalidProblem, match="queries= of at least 2"):
        MonteCarlo(antithetic=True).solve(CALL, Goal(queries=1))


def test_blocks_that_do_not_fit_are_refused_before_they_are_made():
    with pytest.raises(TooLarge, match=r"1000000 blocks.*lower block= or threads="):
        MonteCarlo(block=2**20, threads=1_000_000).solve(CALL, Goal(queries=10))
    with pytest.raises(TooLarge, match=r"a tail of .*lower queries= or raise level="):
        MonteCarlo(max_paths=10**15).solve(
            Problem(NORMAL, PORTFOLIO, VaR(level=0.99)), Goal(queries=10**15)
        )


@pytest.mark.parametrize("rng", [-1, "seed", 1.5])
def test_a_bad_seed_is_refused(rng):
    with pytest.raises(InvalidProblem, match="rng="):
        MonteCarlo().solve(CALL, Goal(queries=10), rng=rng)


def test_a_path_that_overflows_is_refused():
    class Overflowing:
        def num_factors(self, times):
            return 1

        def paths(self, times, normals):
            return np.where(normals > 3.0, np.inf, 1.0)[:, None, :]

        def discount(self, times):
            return np.ones(len(times))

    problem = Problem(Overflowing(), Call(strike=0.5, expiry=1.0), Price())
    with pytest.raises(
        InvalidProblem, match=r"Call.*inf for .* of 20,000 paths.*the model's paths are so"
    ):
        MonteCarlo().solve(problem, Goal(queries=20_000), rng=1)


def test_unknown_measures_are_refused():
    class Odd:
        on_loss = False

    with pytest.raises(Unsupported, match="measure Odd"):
        MonteCarlo().solve(Problem(MARKET, Call(strike=1.0, expiry=1.0), Odd()), Goal(queries=10))
