"""A newcomer's ten lines in every model, engine, measure, study and file; one line checks them.

Intervals are at a confidence of 1 - 1e-6 with fixed seeds, and the brute-force means have their
five standard errors beside, so that all comparisons here raise a false alarm once in 10,000 suites.
"""

import inspect
import math
import re
from dataclasses import dataclass

import numpy as np
import pytest

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Call,
    ExpectedLoss,
    FactorGrid,
    Goal,
    Heston,
    LawGrid,
    Merton,
    MultiAsset,
    Price,
    Probability,
    Problem,
    Quantum,
    Sensitivity,
    Sum,
    VaR,
    convergence,
)
from qmc.backends import Aer, Ideal
from qmc.errors import InvalidProblem, Unsupported
from qmc.serialise import from_dict, from_json, to_dict, to_json
from qmc.testing import check_contract, check_engine, check_grid

TIMES = (0.25, 0.5, 0.75, 1.0)
SURE = 1.0 - 1e-6


@dataclass(frozen=True, kw_only=True)
class BestMonth:
    times: tuple[float, ...] = TIMES
    units: float = 1.0

    def present_value(self, paths, discount):
        rises = np.diff(paths.mean(axis=2), axis=1)
        return self.units * discount[-1] * np.maximum(rises.max(axis=1), 0.0)


MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
MODELS = {
    "Black-Scholes": MARKET,
    "several assets": MultiAsset(
        spots=(100.0, 90.0), vols=(0.2, 0.3), rate=0.05, correlation=((1.0, 0.5), (0.5, 1.0))
    ),
    "Heston": Heston(
        spot=100.0, rate=0.02, v0=0.04, kappa=1.5, theta=0.04, vol_of_vol=0.3, rho=-0.6
    ),
    "Merton": Merton(spot=100.0, vol=0.2, rate=0.05, intensity=0.5, jump_mean=-0.1, jump_vol=0.15),
}
BACKENDS = {"ideal": Ideal(), "aer": Aer()}
MEASURES = {
    "price": Price(),
    "probability": Probability(threshold=10.0),
    "expected loss": ExpectedLoss(),
    "delta": Sensitivity(to="spot"),
}


def steps(count, assets, rng):
    return rng.standard_normal((count, len(TIMES), assets)) * math.sqrt(TIMES[0])


def brute_paths(name, count=200_000):
    """Prices (count, times, assets) written down again, without the library where it is short."""
    model, rng = MODELS[name], np.random.default_rng(77)
    if name == "Heston":
        factors = model.num_factors(TIMES)
        return model.paths(TIMES, rng.standard_normal((count // 4, factors)))
    if name == "several assets":
        moves = steps(count, 2, rng)
        moves[..., 1] = 0.5 * moves[..., 0] + math.sqrt(0.75) * moves[..., 1]
        vols, spots = np.array(model.vols), np.array(model.spots)
    else:
        moves, vols, spots = steps(count, 1, rng), np.array([model.vol]), np.array([100.0])
    logs = (model.rate - 0.5 * vols**2) * TIMES[0] + vols * moves
    if name == "Merton":
        jumps = rng.poisson(model.intensity * TIMES[0], (count, len(TIMES), 1))
        logs += model.jump_mean * jumps
        logs += model.jump_vol * np.sqrt(jumps) * rng.standard_normal(jumps.shape)
        mean_jump = math.exp(model.jump_mean + 0.5 * model.jump_vol**2) - 1.0
        logs -= model.intensity * mean_jump * TIMES[0]
    return spots * np.exp(np.cumsum(logs, axis=1))


def brute(name, measure):
    """The number and five standard errors, by adding up paths."""
    rises = np.diff(brute_paths(name).mean(axis=2), axis=1).max(axis=1)
    values = math.exp(-MODELS[name].rate) * np.maximum(rises, 0.0)
    if isinstance(measure, Probability):
        values = (values > measure.threshold).astype(float)
    if isinstance(measure, ExpectedLoss):
        values = -values
    if isinstance(measure, Sensitivity):
        # the payoff is homogeneous in the spots: of one asset delta is price / spot
        values = values / 100.0
    return values.mean(), 5.0 * values.std() / math.sqrt(values.size)


def assert_agree(results, name, measure):
    truth, error = brute(name, measure)
    for result in results:
        assert result.status == "converged"
        assert result.interval.low - error <= truth <= result.interval.high + error
    lows, highs = zip(*((one.interval.low, one.interval.high) for one in results), strict=True)
    assert max(lows) <= min(highs)


def test_it_is_ten_lines_and_one_checks_it():
    assert len(inspect.getsource(BestMonth).splitlines()) <= 10
    check_contract(BestMonth())
    check_contract(BestMonth(units=-2.0), columns=3)
    for model in MODELS.values():
        check_contract(BestMonth(), model)


@pytest.mark.parametrize("name", MODELS)
def test_it_works_under_every_model_in_every_engine(name):
    """Default parts but for the backend; a tolerance of 3 %."""
    problem = Problem(MODELS[name], BestMonth(), Price())
    goal = Goal(relative_tolerance=0.03, confidence=SURE)
    engines = (MonteCarlo(), *(Quantum(backend=backend) for backend in BACKENDS.values()))
    results = [engine.solve(problem, goal, rng=11) for engine in engines]
    assert_agree(results, name, Price())
    covers = "discretised" if name == "Heston" else "continuous"
    assert {one.covers for one in results} == {covers}


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_takes_it(measure):
    asked = MEASURES[measure]
    problem = Problem(MARKET, BestMonth(), asked)
    goal = Goal(relative_tolerance=0.05, confidence=SURE)
    grid = FactorGrid(qubits=5)
    engines = (MonteCarlo(), *(Quantum(grid=grid, backend=one) for one in BACKENDS.values()))
    assert_agree(
        [engine.solve(problem, goal, rng=12) for engine in engines], "Black-Scholes", asked
    )


def test_a_delta_under_several_assets():
    """Homogeneous of degree one: the spots times their deltas sum to the price (Euler)."""
    model, engine = MODELS["several assets"], Quantum(grid=FactorGrid(qubits=5), backend=Ideal())
    goal = Goal(relative_tolerance=0.05, confidence=SURE)
    parts = [
        engine.solve(Problem(model, BestMonth(), Sensitivity(to="spot", asset=asset)), goal, rng=13)
        for asset in (0, 1)
    ]
    truth, error = brute("several assets", Price())
    pairs = list(zip(model.spots, parts, strict=True))
    assert sum(spot * one.interval.low for spot, one in pairs) - error <= truth
    assert sum(spot * one.interval.high for spot, one in pairs) + error >= truth


def test_it_is_part_of_a_sum():
    """Minus itself it is nothing, and a call beside it is a call more."""
    call = Call(strike=100.0, expiry=1.0)
    both = Sum(contracts=(BestMonth(), BestMonth(units=-1.0), call))
    check_contract(both)
    found = Quantum(grid=FactorGrid(qubits=5), backend=Ideal()).solve(
        Problem(MARKET, both, Price()), Goal(tolerance=0.3, confidence=SURE), rng=3
    )
    assert found.interval.contains(10.450583572185565)


REFUSED = {
    "closed form": (
        lambda: Analytic().solve(Problem(MARKET, BestMonth(), Price()), Goal(tolerance=1.0)),
        "Analytic has no closed form of Price for BestMonth under BlackScholes",
    ),
    "law": (
        lambda: LawGrid().discretise(Problem(MARKET, BestMonth(), Price())),
        "contract BestMonth lacks pieces() and expiry; take FactorGrid(), or leave the grid open",
    ),
    "strike": (
        lambda: Problem(MARKET, BestMonth(), Sensitivity(to="strike")),
        'Sensitivity(to="strike") of BestMonth: it has no strike to move',
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_nobody_can_give_is_refused_by_name(what):
    ask, told = REFUSED[what]
    with pytest.raises(Unsupported, match=re.escape(told)):
        ask()


@pytest.mark.parametrize("measure", [VaR(level=0.9), ES(level=0.9)], ids=["VaR", "ES"])
def test_its_tails_are_found(measure):
    problem = Problem(MARKET, BestMonth(), measure)
    goal = Goal(relative_tolerance=0.1)
    sampled = MonteCarlo().solve(problem, goal, rng=3)
    found = Quantum(grid=FactorGrid(qubits=5), backend=Ideal()).solve(problem, goal, rng=3)
    assert found.interval.low <= sampled.interval.high
    assert sampled.interval.low <= found.interval.high
    assert found.covers == "continuous"


def test_grids_and_engines_that_meet_it_pass_their_checks():
    problem = Problem(MARKET, BestMonth(), Price())
    check_grid(FactorGrid(qubits=4), problem)
    for engine in (MonteCarlo(), Quantum(grid=FactorGrid(qubits=4), backend=Ideal())):
        check_engine(engine, problem, Goal(relative_tolerance=0.05))


def test_it_is_planned_and_studied():
    problem = Problem(MARKET, BestMonth(), Price())
    plan = Quantum(backend=Ideal()).plan(problem, Goal(tolerance=0.1))
    assert "FactorGrid" in str(plan)
    truth, _ = brute("Black-Scholes", Price())
    engines = [MonteCarlo(), Quantum(grid=FactorGrid(qubits=4), backend=Ideal())]
    study = convergence(problem, engines, queries=[300, 5_000], seeds=4, reference=[truth])
    assert study.problems == ("Price of BestMonth",)
    assert len(study.rows) == 16
    widths = study.summary().set_index(["engine", "budget"])["half_width"]
    for engine in study.engines():
        assert widths[engine, 5_000] < widths[engine, 300]
    with pytest.raises(InvalidProblem, match=r"BestMonth.*give reference="):
        convergence(problem, engines, queries=300, seeds=1)


def test_it_is_stored_and_read_back():
    """By the imported module's name, or handed over: a class in a function has no other way."""
    problem = Problem(MARKET, BestMonth(units=3.0), Price())
    assert from_dict(to_dict(problem)) == problem

    @dataclass(frozen=True, kw_only=True)
    class Local(BestMonth):
        floor: float = 0.0

    own = Problem(MARKET, Local(floor=-1.0), Probability(threshold=4.0))
    result = MonteCarlo().solve(own, Goal(queries=5_000), rng=1)
    for value in (own, result):
        text = to_json(value)
        with pytest.raises(InvalidProblem, match=r"hand it over, types=\(Local,\)"):
            from_json(text)
        assert from_json(text, types=(Local,)) == value
