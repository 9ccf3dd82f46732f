"""Problem, Goal, measures, intervals, rng, errors: the refusals and the small laws."""

import dataclasses
import math

import numpy as np
import pytest

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    Goal,
    InvalidProblem,
    Portfolio,
    Price,
    Problem,
    QmcError,
    Quantum,
)
from qmc.errors import TooLarge, Unsupported
from qmc.measures import ES, ExpectedLoss, Probability, VaR
from qmc.memory import require
from qmc.models import HistoricalReturns, NormalReturns
from qmc.result import Budget, BudgetLine, Interval, status_for
from qmc.rng import child_seeds, generator
from qmc.rounds import Round, hit_probability, steered

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Call(strike=105.0, expiry=1.0)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, 1.5, -0.1, math.nan, "0.99", None, True])
@pytest.mark.parametrize("measure", [VaR, ES])
def test_levels_outside_the_open_unit_interval_are_refused(measure, level):
    with pytest.raises(InvalidProblem, match=r"level=.*strictly between 0 and 1"):
        measure(level=level)


def test_a_level_in_per_cent_gets_a_hint():
    with pytest.raises(InvalidProblem, match=r"write 0\.95"):
        VaR(level=95)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "tolerance"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"tolerance": math.nan}, "tolerance"),
        ({"relative_tolerance": 0}, "relative_tolerance"),
        ({"queries": 0}, "queries"),
        ({"queries": 1.5}, "queries"),
        ({"queries": True}, "queries"),
        ({"tolerance": 1.0, "confidence": 1.0}, "confidence"),
        ({"tolerance": 1.0, "confidence": 0.0}, "confidence"),
        ({"tolerance": 1.0, "confidence": 95}, "confidence"),
        ({"tolerance": 1.0, "origin": math.inf}, "origin"),
    ],
)
def test_goals_without_an_end_or_out_of_range_are_refused(fields, named):
    with pytest.raises(InvalidProblem, match=named):
        Goal(**fields)


def test_goal_takes_the_tighter_of_two_tolerances():
    goal = Goal(tolerance=1.0, relative_tolerance=0.1, origin=5.0)
    assert goal.allowed_half_width(10.0) == pytest.approx(0.5)
    assert goal.allowed_half_width(100.0) == 1.0
    assert goal.met(10.0, 0.5)
    assert not goal.met(10.0, 0.51)
    assert Goal(queries=5).allowed_half_width(3.0) is None
    assert not Goal(queries=5).met(3.0, 0.0)


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ((CALL, MARKET, Price()), "model"),
        ((MARKET, MARKET, Price()), "contract"),
        ((MARKET, CALL, Price), "measure"),
        ((MARKET, CALL, "price"), "measure"),
        ((None, CALL, Price()), "model"),
    ],
)
def test_a_problem_names_the_part_that_is_wrong(parts, named):
    with pytest.raises(InvalidProblem, match=f"^{named}="):
        Problem(*parts)


def test_a_problem_refuses_a_contract_that_does_not_fit_the_model():
    model = NormalReturns(mean=(0.0, 0.0), covariance=((1.0e-4, 0.0), (0.0, 1.0e-4)))
    with pytest.raises(QmcError, match="3"):
        Problem(model, Portfolio(weights=(0.2, 0.3, 0.5)), Price())


def test_a_problem_refuses_a_contract_of_the_wrong_shape():
    class Odd:
        times = (1.0,)

        def present_value(self, paths, discount):
            return paths

    with pytest.raises(InvalidProblem, match="shape"):
        Problem(MARKET, Odd(), Price())


def test_problems_are_values():
    first, second = (Problem(MARKET, Call(strike=105.0, expiry=1.0), Price()) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)


def test_risk_measures_act_on_the_loss():
    normals = np.zeros((3, 1))
    price = Problem(MARKET, Call(strike=90.0, expiry=1.0), Price())
    loss = Problem(MARKET, Call(strike=90.0, expiry=1.0), ExpectedLoss())
    assert np.all(price.outcomes(normals) == -loss.outcomes(normals))
    assert not Probability(threshold=1.0).on_loss


def test_interval_arithmetic():
    interval = Interval(1.0, 3.0, 0.95)
    assert (interval.width, interval.half_width, interval.midpoint) == (2.0, 1.0, 2.0)
    assert interval.contains(1.0)
    assert not interval.contains(3.1)
    assert interval.mapped(10.0, -2.0) == Interval(4.0, 8.0, 0.95)
    assert interval.clipped(2.0, 9.0) == Interval(2.0, 3.0, 0.95)
    assert interval.clipped(7.0, 9.0) == Interval(7.0, 7.0, 0.95)
    assert Interval(-math.inf, 2.0).midpoint == 2.0
    assert Interval(-math.inf, math.inf).midpoint == 0.0
    for low, high in ((2.0, 1.0), (math.nan, 1.0)):
        with pytest.raises(InvalidProblem, match="low <= high"):
            Interval(low, high)


def test_status_follows_from_goal_and_width():
    goal = Goal(tolerance=1.0)
    assert status_for(goal, 0.0, 0.5, spent=True) == "converged"
    assert status_for(goal, 0.0, 2.0, spent=True) == "budget_exhausted"
    assert status_for(goal, 0.0, 2.0, spent=False) == "unresolved"
    assert status_for(Goal(queries=3), 0.0, math.inf, spent=True) == "unresolved"


def test_budget_totals():
    lines = (BudgetLine("a", "bound", 1.0), BudgetLine("b", "sampling", 2.0, 0.05))
    assert Budget(lines).total == 3.0


@pytest.mark.parametrize("rng", [-1, 1.5, "seed", object()])
def test_bad_seeds_are_refused(rng):
    with pytest.raises(InvalidProblem, match="rng="):
        generator(rng)


def test_child_seeds_differ_and_repeat():
    first, second = (child_seeds(generator(3), 5) for _ in range(2))
    assert first == second
    assert len(set(first)) == 5


@pytest.mark.parametrize("fields", [(-1, 1), (0, 0), (0, 1, 1.0), (0, 1, math.nan), (0.5, 1)])
def test_bad_rounds_are_refused(fields):
    with pytest.raises(InvalidProblem):
        Round(*fields)


def test_round_costs_and_hit_probability():
    assert Round(3, 10).queries == 70
    assert hit_probability(0.3, 0) == pytest.approx(0.3)
    # sin^2(3 arcsin sqrt(1/4)) = sin^2(pi/2) = 1
    assert hit_probability(0.25, 1) == pytest.approx(1.0)
    assert hit_probability(0.25, 1, decay=100.0) == pytest.approx(0.5)
    assert steered(0.3, 0.5) == pytest.approx(0.15)
    assert steered(0.3, -0.5) == pytest.approx(0.65)


def test_memory_refusal_says_what_is_needed_and_available():
    require(1.0, "a byte", "take less")
    with pytest.raises(TooLarge, match=r"a galaxy needs .* GiB, .* available; take less"):
        require(1e30, "a galaxy", "take less")


def test_errors_are_also_the_builtin_kinds():
    assert issubclass(InvalidProblem, ValueError)
    assert issubclass(Unsupported, TypeError)
    assert issubclass(TooLarge, MemoryError)


@pytest.mark.parametrize("engine", [Analytic(), MonteCarlo(), Quantum()], ids=repr)
def test_engines_refuse_what_is_no_problem_and_no_goal(engine):
    problem = Problem(MARKET, CALL, Price())
    with pytest.raises(InvalidProblem, match=r"goal=0\.05.*Goal"):
        engine.solve(problem, 0.05)
    with pytest.raises(InvalidProblem, match=r"problem='x'.*Problem"):
        engine.solve("x", Goal(tolerance=0.05))


def test_a_worth_beyond_any_number_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Power:
        times: tuple[float, ...] = (1.0,)

        def present_value(self, paths, discount):
            return paths[:, 0, 0] ** 200.0

    with pytest.raises(InvalidProblem, match=r"Power.*inf.*one finite number"):
        Problem(MARKET, Power(), Price())


def test_integers_beyond_floats_and_arrays_for_words_are_refused():
    with pytest.raises(InvalidProblem, match="strike"):
        Call(strike=10**400, expiry=1.0)
    with pytest.raises(InvalidProblem, match="kind"):
        Digital(strike=1.0, expiry=1.0, kind=np.array([1, 2]))


def test_a_loss_of_nothing_is_zero_without_a_sign():
    model = HistoricalReturns(returns=[[0.0]] * 10)
    problem = Problem(model, Portfolio(weights=(1.0,)), VaR(level=0.9))
    assert str(problem.outcomes(np.zeros((1, 1)))[0]) == "0.0"


@pytest.mark.parametrize(
    ("contract", "field"),
    [
        (Call(strike=1e9, expiry=1.0), "strike=1000000000.0"),
        (Digital(strike=1e-9, expiry=1.0), "strike=1e-09"),
        (CallSpread(low_strike=90.0, high_strike=1e12, expiry=1.0), "high_strike=1000000000000.0"),
    ],
    ids=repr,
)
def test_strikes_far_outside_are_refused(contract, field):
    with pytest.raises(InvalidProblem, match="within a factor of a million") as caught:
        Problem(MARKET, contract, Price())
    assert str(caught.value).startswith(field)
