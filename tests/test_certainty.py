"""Problems without anything random: seen as such, and answered by one path."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import special

from classical_baseline import MonteCarlo
from qmc import (
    CEV,
    ES,
    Asian,
    BlackScholes,
    Call,
    ExpectedLoss,
    Goal,
    LocalVolatility,
    Price,
    Probability,
    Problem,
    Sensitivity,
    VaR,
)
from qmc.certainty import is_certain
from qmc.contracts import Lookback

STILL = BlackScholes(spot=100.0, vol=0.0, rate=0.05)
MODELS = (
    STILL,
    CEV(spot=100.0, vol=0.0, elasticity=0.5, rate=0.05),
    LocalVolatility(spot=100.0, times=(1.0,), log_moneyness=(0.0,), vols=((0.0,),), rate=0.05),
)
CALL = Call(strike=100.0, expiry=1.0)
WORTH = 100.0 - 100.0 * np.exp(-0.05)


@dataclass(frozen=True)
class Rare:
    """A price that halves with a small probability, and else stays."""

    probability: float

    def num_factors(self, times):
        return len(times)

    def paths(self, times, normals):
        falls = normals[:, :1] < special.ndtri(self.probability)
        return np.where(falls, 50.0, 100.0)[:, :, None].repeat(len(times), axis=1)

    def discount(self, times):
        return np.ones(len(times))


@pytest.mark.parametrize("model", MODELS, ids=lambda one: type(one).__name__)
def test_a_volatility_of_0_leaves_nothing_random(model):
    assert is_certain(Problem(model, CALL, Price()))


@pytest.mark.parametrize("probability", [1e-3, 1e-6, 1e-12])
def test_what_is_rare_in_the_tails_is_random(probability):
    assert not is_certain(Problem(Rare(probability), CALL, Price()))


def test_a_worthless_payoff_of_random_paths_is_random():
    model = replace(STILL, vol=0.01)
    assert not is_certain(Problem(model, Call(strike=300.0, expiry=1.0), Price()))
    assert not is_certain(Problem(model, Lookback(times=(1.0,), strike=300.0), Price()))


@pytest.mark.parametrize("model", MODELS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (Price(), WORTH),
        (ExpectedLoss(), -WORTH),
        (VaR(level=0.99), -WORTH),
        (ES(level=0.99), -WORTH),
        (Probability(threshold=4.0), 1.0),
        (Probability(threshold=5.0), 0.0),
    ],
    ids=repr,
)
def test_one_path_answers_what_is_certain(model, measure, expected):
    problem = Problem(model, CALL, measure)
    for goal in (Goal(tolerance=1e-6), Goal(relative_tolerance=1e-6), Goal(queries=7)):
        result = MonteCarlo(threads=1).solve(problem, goal, rng=1)
        assert result.value == pytest.approx(expected, rel=1e-12)
        assert (result.interval.width, result.cost.queries, result.status) == (0.0, 1, "converged")
        assert next((line.kind, line.error_share) for line in result.budget.lines) == ("exact", 0.0)


def test_a_slope_keeps_the_error_of_its_step():
    asian = Asian(strike=100.0, times=(0.5, 1.0))
    problem = Problem(STILL, asian, Sensitivity(to="spot"))
    result = MonteCarlo(threads=1).solve(problem, Goal(queries=1000), rng=1)
    assert [line.source for line in result.budget.lines] == ["paths", "step"]
