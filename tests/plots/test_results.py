"""Pictures of results name what they show."""

import pytest

from classical_baseline import MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Call,
    Goal,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    Sensitivity,
    VaR,
)
from qmc.plots import plot_intervals

RETURNS = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
HELD = Portfolio(weights=(1.0,), value=100.0)
MARKET, CALL = BlackScholes(spot=100.0, vol=0.2, rate=0.0), Call(strike=100.0, expiry=1.0)


@pytest.mark.parametrize(
    ("problem", "title"),
    [
        (Problem(RETURNS, HELD, VaR(level=0.99)), "VaR 99 %, in the contract's money"),
        (Problem(RETURNS, HELD, ES(level=0.975)), "ES 97.5 %, in the contract's money"),
        (Problem(MARKET, CALL, Price()), "Price, in the contract's money"),
        (Problem(MARKET, CALL, Probability(threshold=1500.0)), "P(present value > 1,500)"),
        (
            Problem(MARKET, CALL, Sensitivity(to="vol")),
            "vega, in the contract's money per unit of vol",
        ),
        (
            Problem(MARKET, CALL, Sensitivity(to="spot", order=2)),
            "gamma, in the contract's money per unit of spot squared",
        ),
    ],
)
def test_intervals_say_of_which_measure_and_unit_they_are(problem, title):
    result = MonteCarlo(threads=1).solve(problem, Goal(queries=2_000), rng=1)
    assert plot_intervals([result], ["one"]).get_xlabel() == title
