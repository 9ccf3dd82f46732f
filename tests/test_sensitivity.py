"""Sensitivities: what is moved, the quotient path by path, the step's error, and refusals."""

import dataclasses

import mpmath
import numpy as np
import pytest

from qmc import (
    CEV,
    Asian,
    Barrier,
    Basket,
    BlackScholes,
    Call,
    CallSpread,
    Curve,
    Digital,
    FactorGrid,
    Goal,
    Heston,
    InvalidProblem,
    LawGrid,
    LocalVolatility,
    Lookback,
    Merton,
    MultiAsset,
    NormalReturns,
    Portfolio,
    Price,
    Problem,
    Put,
    Quantum,
    Sensitivity,
    Sum,
    UniformGrid,
    Unsupported,
    from_json,
    to_json,
)
from qmc.backends import Ideal
from qmc.bumps import bumped
from qmc.sensitivity import stencil, weighted
from qmc.step_error import StepError, step_error

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05, dividend_yield=0.02)
CALL = Call(strike=105.0, expiry=1.0)
HESTON = Heston(spot=100.0, rate=0.0, v0=0.04, kappa=2.0, theta=0.04, vol_of_vol=0.5, rho=-0.7)
PAIR = MultiAsset(
    spots=(100.0, 90.0), vols=(0.2, 0.3), rate=0.05, correlation=((1.0, 0.5), (0.5, 1.0))
)
BASKET = Basket(weights=(0.5, 0.5), strike=95.0, expiry=1.0)
GREEKS = {
    "delta": Sensitivity(to="spot"),
    "gamma": Sensitivity(to="spot", order=2),
    "vega": Sensitivity(to="vol"),
    "rho": Sensitivity(to="rate"),
    "strike slope": Sensitivity(to="strike"),
    "theta": Sensitivity(to="time"),
}
CONTRACTS = (CALL, Put(strike=105.0, expiry=1.0), Digital(strike=105.0, expiry=1.0))


def exact(contract, measure):
    """Derivative of Black and Scholes's price by mpmath, at 30 digits."""
    mpmath.mp.dps = 30
    sign = -1 if isinstance(contract, Put) else 1

    def price(spot, vol, rate, strike, expiry):
        spread = vol * mpmath.sqrt(expiry)
        d1 = (mpmath.log(spot / strike) + (rate - MARKET.dividend_yield) * expiry) / spread
        d1, d2 = d1 + spread / 2, d1 - spread / 2
        cash = mpmath.exp(-rate * expiry) * mpmath.ncdf(sign * d2)
        if isinstance(contract, Digital):
            return cash
        asset = spot * mpmath.exp(-MARKET.dividend_yield * expiry) * mpmath.ncdf(sign * d1)
        return sign * (asset - strike * cash)

    names = ("spot", "vol", "rate", "strike", "time")
    at = [MARKET.spot, MARKET.vol, MARKET.rate, contract.strike, contract.expiry]
    order = tuple(measure.order * (name == measure.to) for name in names)
    found = float(mpmath.diff(price, tuple(map(mpmath.mpf, at)), order))
    return -found if measure.to == "time" else found


def test_the_usual_names():
    assert {one.greek for one in GREEKS.values()} == set(GREEKS)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("greek", GREEKS)
def test_the_law_grid_holds_the_quotient_and_the_step_error_reaches_the_truth(contract, greek):
    measure = GREEKS[greek]
    problem, truth = Problem(MARKET, contract, measure), exact(contract, measure)
    means = [LawGrid(qubits=qubits).discretise(problem).mean() for qubits in (1, 4)]
    assert means[0] == pytest.approx(means[1], rel=1e-9)
    step = step_error(problem)
    # an estimate by twice the change: it holds the error, and is no more than thrice as large
    assert abs(means[0] - truth) <= step.amount <= 3.0 * abs(means[0] - truth)
    assert step.amount < 0.05 * max(abs(truth), 1e-3)
    assert step.paths == 0


@pytest.mark.parametrize("step", [0.05, 0.1, 0.15, 0.2, 0.25])
@pytest.mark.parametrize("greek", ["delta", "gamma", "vega", "strike slope", "theta"])
def test_a_long_step_is_measured_too(greek, step):
    measure = dataclasses.replace(GREEKS[greek], step=step)
    problem = Problem(MARKET, CALL, measure)
    error = abs(LawGrid().discretise(problem).mean() - exact(CALL, measure))
    assert error <= step_error(problem).amount


def test_twice_the_step_alone_would_not_do():
    problem = Problem(MARKET, CALL, Sensitivity(to="spot", step=0.25))
    own, twice = (by_law(problem, widen) for widen in (1.0, 2.0))
    error = abs(own - exact(CALL, GREEKS["delta"]))
    assert error == pytest.approx(0.0136, abs=1e-4)
    assert 2.0 * abs(twice - own) / 3.0 == pytest.approx(0.0033, abs=1e-4)
    assert step_error(problem).amount == pytest.approx(0.0237, abs=1e-4)


def by_law(problem, widen):
    points = stencil(problem, widen)
    return weighted(points, lambda one: LawGrid(qubits=1).discretise(one).mean())


@pytest.mark.parametrize("greek", GREEKS)
def test_a_sampled_step_error_reaches_the_truth_too(greek):
    """A contract whose law the engine is not told: a Sum of one call."""
    measure, hidden = GREEKS[greek], Asian(strike=105.0, times=(1.0,))
    problem = Problem(MARKET, hidden, measure)
    step = step_error(problem)
    error = LawGrid().discretise(Problem(MARKET, CALL, measure)).mean() - exact(CALL, measure)
    assert abs(error) <= step.amount <= 0.1 * abs(exact(CALL, measure))
    assert step.paths == 65_536
    assert 0.9 * abs(exact(CALL, measure)) < step.least < 1.1 * abs(exact(CALL, measure))


def test_outcomes_are_difference_quotients_on_the_same_normals():
    normals = np.random.default_rng(1).standard_normal((50, 1))
    problem = Problem(MARKET, CALL, Sensitivity(to="vol", step=0.1))
    up, down = (
        Problem(BlackScholes(spot=100.0, vol=vol, rate=0.05, dividend_yield=0.02), CALL, Price())
        for vol in (0.22, 0.18)
    )
    expected = (up.values(normals) - down.values(normals)) / 0.04
    assert problem.outcomes(normals) == pytest.approx(expected, abs=1e-9)


def test_the_second_order_weighs_three_prices():
    weights = [weight for weight, _ in stencil(Problem(MARKET, CALL, GREEKS["gamma"]))]
    assert weights == pytest.approx([0.25, -0.5, 0.25])


@pytest.mark.parametrize("cells", ["prices", "nodes", "learned"])
def test_the_factor_grid_cuts_the_quotient(cells):
    """An Asian on one date is a call, whose cells are known exactly."""
    asian = Problem(MARKET, Asian(strike=105.0, times=(1.0,)), GREEKS["delta"])
    mean = FactorGrid(qubits=6, cells=cells).discretise(asian).mean()
    assert mean == pytest.approx(exact(CALL, GREEKS["delta"]), rel=0.05)


@pytest.mark.parametrize(
    ("model", "contract", "measure", "expected"),
    [
        (PAIR, BASKET, Sensitivity(to="spot", asset=1), {"spots": (100.0, 91.0)}),
        (PAIR, BASKET, Sensitivity(to="vol", asset=0), {"vols": (1.2, 0.3)}),
        (PAIR, BASKET, Sensitivity(to="rate"), {"rate": 1.05}),
        (HESTON, CALL, Sensitivity(to="vol"), {"v0": 1.44}),
        (HESTON, CALL, Sensitivity(to="spot"), {"spot": 101.0}),
        (MARKET, CALL, Sensitivity(to="spot", asset=0), {"spot": 101.0}),
    ],
)
def test_one_field_of_the_model_moves(model, contract, measure, expected):
    moved = bumped(Problem(model, contract, measure), measure, 1.0)
    for name, value in expected.items():
        assert getattr(moved.model, name) == pytest.approx(value)
    assert moved.contract == contract
    assert isinstance(moved.measure, Price)


def test_curves_move_in_parallel():
    model = BlackScholes(
        spot=100.0, vol=Curve(times=(0.5,), values=(0.1, 0.3)), rate=Curve(times=(), values=(0.0,))
    )
    for to, name, values in (("vol", "vol", (0.11, 0.31)), ("rate", "rate", (0.01,))):
        measure = Sensitivity(to=to)
        moved = bumped(Problem(model, CALL, measure), measure, 0.01)
        assert getattr(moved.model, name).values == pytest.approx(values)


@pytest.mark.parametrize(
    ("contract", "times"),
    [
        (CALL, (0.9,)),
        (Asian(strike=100.0, times=(0.5, 1.0)), (0.4, 0.9)),
        (Sum(contracts=(CALL, Put(strike=90.0, expiry=0.5))), (0.4, 0.9)),
    ],
)
def test_time_comes_nearer(contract, times):
    measure = Sensitivity(to="time")
    moved = bumped(Problem(MARKET, contract, measure), measure, 0.1)
    assert moved.contract.times == pytest.approx(times)


def test_a_window_that_has_begun_stays_so():
    contract = Lookback(strike=100.0, times=(0.25, 0.5, 1.0), window=(0.0, 0.5))
    measure = Sensitivity(to="time")
    moved = bumped(Problem(MARKET, contract, measure), measure, 0.1)
    assert moved.contract.window == pytest.approx((0.0, 0.4))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"to": "volatility"}, "to='volatility': must be one of 'spot', 'vol', 'rate'"),
        ({"to": "vol", "order": 2}, 'order=2: must be 1 for to="vol"'),
        ({"to": "spot", "order": 3}, "order=3: must be a whole number from 1 to 2"),
        ({"to": "spot", "step": 0.0}, "step=0.0: must be a finite number above 0"),
        ({"to": "spot", "step": -0.1}, "step=-0.1"),
        ({"to": "spot", "step": float("nan")}, "step=nan"),
        ({"to": "spot", "step": 1.5}, "step=1.5: must be above 0 and at most 0.25"),
        ({"to": "rate", "asset": 0}, 'asset=0: must be None for to="rate"'),
        ({"to": "spot", "asset": -1}, "asset=-1"),
    ],
)
def test_a_measure_out_of_range_is_refused(fields, message):
    with pytest.raises(InvalidProblem, match=message):
        Sensitivity(**fields)


RETURNS = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
SURFACE = LocalVolatility(
    spot=100.0, times=(0.5,), log_moneyness=(-0.5, 0.5), vols=((0.3, 0.1),), rate=0.05
)


@pytest.mark.parametrize(
    ("model", "contract", "measure", "kind", "message"),
    [
        (MARKET, CallSpread(low_strike=90.0, high_strike=110.0, expiry=1.0),
         Sensitivity(to="strike"), Unsupported,
         "CallSpread: it has high_strike and low_strike, but no one field strike to move"),
        (MARKET, Sum(contracts=(CALL, Put(strike=90.0, expiry=1.0))), Sensitivity(to="strike"),
         Unsupported, "Sum: it has parts with strikes of their own.*ask it of a part"),
        (MARKET, Asian(strike_style="floating", times=(1.0,)), Sensitivity(to="strike"),
         Unsupported, "Asian: it has no strike"),
        (MARKET, Asian(strike=90.0, times=(0.0, 1.0)), Sensitivity(to="time"), InvalidProblem,
         r"times\[0\]=0.0: must be above 0"),
        (BlackScholes(spot=100.0, vol=0.0, rate=0.0), CALL, Sensitivity(to="vol"), InvalidProblem,
         "vol=0.0: must be above 0"),
        (PAIR, BASKET, Sensitivity(to="spot"), InvalidProblem, "asset=None: must be a whole"),
        (PAIR, BASKET, Sensitivity(to="vol", asset=2), InvalidProblem, "asset=2"),
        (MARKET, CALL, Sensitivity(to="spot", asset=1), InvalidProblem, "asset=1"),
        (HESTON, CALL, Sensitivity(to="time"), Unsupported, "Heston takes 32 of them, but 34"),
        (RETURNS, Portfolio(weights=(1.0,)), Sensitivity(to="spot"), Unsupported, "no field spot"),
        (RETURNS, Portfolio(weights=(1.0,)), Sensitivity(to="rate"), Unsupported, "no field rate"),
        (RETURNS, Portfolio(weights=(1.0,)), Sensitivity(to="time"), Unsupported, "no times"),
        (SURFACE, CALL, Sensitivity(to="vol"), Unsupported, "LocalVolatility: it has no field vol"),
        (BlackScholes(spot=100.0, vol=9.9, rate=0.0), Call(strike=100.0, expiry=0.1),
         Sensitivity(to="vol", step=0.01), InvalidProblem, "vol=10.09"),
    ],
)  # fmt: skip
def test_what_cannot_be_moved_is_refused_when_the_problem_is_made(
    model, contract, measure, kind, message
):
    with pytest.raises(kind, match=message):
        Problem(model, contract, measure)


def test_a_uniform_grid_names_who_treats_it():
    with pytest.raises(
        Unsupported, match="not Sensitivity of Call under BlackScholes; leave the grid"
    ):
        UniformGrid(qubits=3).discretise(Problem(MARKET, CALL, GREEKS["vega"]))


@pytest.mark.parametrize("measure", [*GREEKS.values(), Sensitivity(to="vol", step=0.1, asset=0)])
def test_json_and_back(measure):
    problem = Problem(MARKET, CALL, measure)
    assert from_json(to_json(problem)) == problem


def test_a_goal_leaves_room_for_the_step():
    step = StepError(amount=0.25, least=10.0, paths=0, note="")
    left = step.goal(Goal(tolerance=1.0, relative_tolerance=0.1))
    assert (left.tolerance, left.relative_tolerance) == pytest.approx((0.75, 0.1 - 0.025 / 0.9))
    # out of reach: nothing is chased, the status says so
    assert step.goal(Goal(tolerance=0.2)) == Goal(tolerance=0.2)


def test_the_interval_holds_the_step_and_the_budget_says_so():
    problem = Problem(MARKET, CALL, Sensitivity(to="spot", step=0.2))
    result = Quantum(backend=Ideal()).solve(problem, Goal(tolerance=0.1), rng=3)
    line = result.budget.lines[-1]
    assert (line.source, line.kind, line.error_share) == ("step", "unproved", 0.0)
    assert result.budget.total == pytest.approx(result.interval.half_width)
    assert result.status == "converged"
    assert result.covers == "continuous"


def test_a_step_beyond_the_tolerance_is_unresolved():
    problem = Problem(MARKET, CALL, Sensitivity(to="spot", step=0.25))
    result = Quantum(backend=Ideal()).solve(problem, Goal(tolerance=0.02), rng=3)
    assert result.status == "unresolved"
    assert result.interval.half_width > result.budget.lines[-1].amount > 0.02
    assert "take a smaller step" in result.budget.lines[-1].note


def test_a_plan_counts_queries_and_paths():
    problem, goal = Problem(MARKET, CALL, GREEKS["gamma"]), Goal(relative_tolerance=0.05)
    plan = Quantum().plan(problem, goal)
    assert plan.qubits == 8
    solved = Quantum(backend=Ideal()).solve(problem, goal, rng=1)
    assert 0.2 < solved.cost.queries / plan.expected_queries < 5.0
    # a path is a quotient: its spread is what plain Monte Carlo would average out
    spread = problem.outcomes(np.random.default_rng(1).standard_normal((50_000, 1))).std()
    expected = (1.96 * spread / (0.05 * exact(CALL, GREEKS["gamma"]))) ** 2
    assert plan.classical_paths == pytest.approx(expected, rel=0.1)


def test_any_model_and_contract_has_a_delta():
    cases = [
        (HESTON, CALL),
        (CEV(spot=100.0, vol=0.2, elasticity=0.5, rate=0.05), CALL),
        (SURFACE, CALL),
        (
            Merton(spot=100.0, vol=0.15, rate=0.05, intensity=0.5, jump_mean=-0.2, jump_vol=0.1),
            CALL,
        ),
        (MARKET, Barrier(strike=100.0, barrier=130.0, times=(0.5, 1.0), direction="up-and-out")),
        (MARKET, Lookback(strike=100.0, times=(0.5, 1.0), monitoring="continuous")),
    ]
    for model, contract in cases:
        problem = Problem(model, contract, GREEKS["delta"])
        normals = np.random.default_rng(1).standard_normal((64, problem.num_factors))
        up, down = (bumped(problem, problem.measure, sign) for sign in (1.0, -1.0))
        expected = 0.5 * (up.values(normals) - down.values(normals))
        assert problem.outcomes(normals) == pytest.approx(expected, abs=1e-9)
        assert np.ptp(expected) > 0.0
