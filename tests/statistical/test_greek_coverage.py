"""Intervals of sensitivities contain the derivative itself, not only the difference quotient.

DESIGN 7's rule. The step's line is an estimate and the residual's Student interval asymptotic:
gated here at problems where a measured run covers.
"""

from dataclasses import dataclass, replace

import pytest

from classical_baseline import Analytic
from qmc import (
    Asian,
    BlackScholes,
    Call,
    CellTable,
    Digital,
    FactorGrid,
    Goal,
    LawGrid,
    Problem,
    Put,
    Quantum,
    Sensitivity,
)
from qmc.backends import Ideal
from qmc.sensitivity import stencil, weighted
from qmc.step_error import step_error

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL, PUT = Call(strike=105.0, expiry=1.0), Put(strike=105.0, expiry=1.0)
DIGITAL = Digital(strike=105.0, expiry=1.0)
# steps whose error is a good part of the interval, so that leaving it out would show
CASES = {
    "delta of a call": (CALL, Sensitivity(to="spot", step=0.1), 0.02),
    "gamma of a call": (CALL, Sensitivity(to="spot", order=2, step=0.1), 0.05),
    "vega of a put": (PUT, Sensitivity(to="vol", step=0.2), 0.05),
    "rho of a put": (PUT, Sensitivity(to="rate"), 0.05),
    "strike slope of a call": (CALL, Sensitivity(to="strike", step=0.1), 0.02),
    "theta of a put": (PUT, Sensitivity(to="time", step=0.1), 0.05),
    "delta of a digital": (DIGITAL, Sensitivity(to="spot", step=0.02), 0.05),
    "vega of a digital": (DIGITAL, Sensitivity(to="vol"), 0.05),
}


@pytest.mark.parametrize("case", CASES)
def test_quantum_intervals_contain_the_derivative(case, covers):
    contract, measure, tolerance = CASES[case]
    problem, goal = Problem(MARKET, contract, measure), Goal(relative_tolerance=tolerance)
    truth = Analytic().solve(problem, goal).value
    engine = Quantum(grid=LawGrid(qubits=3), backend=Ideal())
    results = [engine.solve(problem, goal, rng=seed) for seed in range(150)]
    assert all(result.covers == "continuous" for result in results)
    covers(sum(result.interval.contains(truth) for result in results), 150, 0.95)


@pytest.mark.parametrize(
    "measure",
    [Sensitivity(to="spot"), Sensitivity(to="vol"), Sensitivity(to="spot", order=2)],
    ids=lambda measure: measure.greek,
)
def test_a_path_contract_on_cells_of_normals(measure, covers, monkeypatch):
    """A geometric Asian has a closed price, whose derivative a short step gives to six digits."""
    contract = Asian(strike=100.0, times=(0.25, 0.5, 0.75, 1.0), average="geometric")
    problem, goal = Problem(MARKET, contract, measure), Goal(relative_tolerance=0.05)
    truth = geometric(contract, measure)
    found = step_error(problem)
    # cells and step have pilots of fixed seed, the same at every solve: made once
    monkeypatch.setattr("qmc.slope.step_error", lambda _: found)
    grid = Ready(FactorGrid(qubits=4, pilot_paths=512).discretise(problem))
    engine = Quantum(grid=grid, backend=Ideal())
    results = [engine.solve(problem, goal, rng=seed) for seed in range(100)]
    assert all(result.covers == "continuous" for result in results)
    covers(sum(result.interval.contains(truth) for result in results), 100, 0.95)


@dataclass(frozen=True)
class Ready:
    """A grid whose cells are made already."""

    table: CellTable

    def discretise(self, problem):
        return self.table


def geometric(contract, measure):
    points = stencil(Problem(MARKET, contract, replace(measure, step=1e-3)))
    return weighted(points, lambda one: Analytic().solve(one, Goal(tolerance=1.0)).value)
