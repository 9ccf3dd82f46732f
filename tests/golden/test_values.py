"""Published and reference values (values.json), each within its own tolerance.

`Quantum` estimates every price with 99.99 % intervals: one of the 9 misses with probability .09 %
or less.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from classical_baseline import Analytic
from qmc import (
    ES,
    BlackScholes,
    Call,
    Goal,
    LawGrid,
    NormalReturns,
    Portfolio,
    Price,
    Problem,
    Put,
    Quantum,
    StudentTReturns,
    VaR,
)
from qmc.backends import Ideal
from qmc.estimators import Iterative
from qmc.measures import Excess, Tail

ROWS = json.loads(Path(__file__).with_name("values.json").read_text())
PRICES = [row for row in ROWS if row["measure"] == "Price"]
RISKS = [row for row in ROWS if row["measure"] != "Price"]
TRADING_DAYS = 252


def describe(row):
    numbers = ", ".join(f"{name}={value}" for name, value in row["params"].items())
    return f"{row['case']} {row['measure']} {row.get('level', '')} {numbers}"


def option(kind, spot, vol, rate, expiry, strike):
    market = BlackScholes(spot=spot, vol=vol, rate=rate)
    return Problem(market, kind(strike=strike, expiry=expiry), Price())


def standard_law(measure, degrees_of_freedom=None):
    """A loss that is standard normal, or standard Student t (whose variance is nu / (nu - 2))."""
    if degrees_of_freedom is None:
        model = NormalReturns(mean=(0.0,), covariance=((1.0,),))
    else:
        variance = degrees_of_freedom / (degrees_of_freedom - 2.0)
        model = StudentTReturns(
            mean=(0.0,), covariance=((variance,),), degrees_of_freedom=degrees_of_freedom
        )
    return Problem(model, Portfolio(weights=(1.0,)), measure)


def daily(measure, weights, annual_means, annual_vols, correlation, **tails):
    """One-day loss of five assets with one correlation between any two of them."""
    vols = np.array(annual_vols)
    matrix = np.where(np.eye(vols.size, dtype=bool), 1.0, correlation)
    fields = {
        "mean": np.array(annual_means) / TRADING_DAYS,
        "covariance": matrix * np.outer(vols, vols) / TRADING_DAYS,
    }
    model = StudentTReturns(**fields, **tails) if tails else NormalReturns(**fields)
    return Problem(model, Portfolio(weights=weights), measure)


def problem_of(row):
    case, params = row["case"], row["params"]
    if row["measure"] == "Price":
        return option({"call": Call, "put": Put}[case.split("_", maxsplit=1)[0]], **params)
    measure = {"VaR": VaR, "ES": ES}[row["measure"]](level=row["level"])
    return (daily if case.endswith("portfolio") else standard_law)(measure, **params)


def growth(row):
    """What turns a present value into money at expiry, where the source states that."""
    at_expiry = row["case"].endswith("at_expiry")
    return math.exp(row["params"]["rate"] * row["params"]["expiry"]) if at_expiry else 1.0


@pytest.mark.parametrize("row", PRICES, ids=describe)
def test_prices_of_closed_form_and_grid(row):
    problem, expected = problem_of(row), pytest.approx(row["value"], abs=row["tolerance"])
    assert growth(row) * Analytic().solve(problem, Goal(tolerance=1.0)).value == expected
    for qubits in (1, 3, 5, 8):
        table = Quantum(grid=LawGrid(qubits=qubits)).discrete_problem(problem)
        assert growth(row) * table.mean() == expected


@pytest.mark.parametrize("row", PRICES, ids=describe)
def test_quantum_interval_contains_the_price(row):
    engine = Quantum(grid=LawGrid(qubits=5), estimator=Iterative(), backend=Ideal())
    goal = Goal(relative_tolerance=0.01, confidence=0.9999)
    interval = engine.solve(problem_of(row), goal, rng=20).interval
    miss = abs(growth(row) * interval.midpoint - row["value"])
    assert miss <= growth(row) * interval.half_width + row["tolerance"]


@pytest.mark.parametrize("row", RISKS, ids=describe)
def test_risk_of_the_closed_form(row):
    answer = Analytic().solve(problem_of(row), Goal(tolerance=1.0)).value
    assert answer == pytest.approx(row["value"], abs=row["tolerance"])


@pytest.mark.parametrize("row", RISKS, ids=describe)
def test_the_grid_encloses_the_risk(row):
    """At each edge the grid's own tail and excess are exact, so they bound VaR and ES."""
    table = Quantum(grid=LawGrid(qubits=8)).discrete_problem(problem_of(row))
    level, edges = row["level"], table.edges[1:-1]
    if row["measure"] == "VaR":
        reached = np.array([1.0 - table.probabilities @ table.outcomes(Tail(q)) for q in edges])
        clear = np.abs(reached - level) > 1e-12
        np.testing.assert_array_equal((reached > level)[clear], (edges > row["value"])[clear])
        return
    excess = np.array([table.probabilities @ table.outcomes(Excess(q)) for q in edges])
    # q + E[(L - q)+] / (1 - level) is at least ES everywhere and touches it at VaR
    bounds = edges + excess / (1.0 - level)
    assert bounds.min() >= row["value"] - row["tolerance"]
    assert bounds.min() <= 1.01 * row["value"]


def test_every_value_names_its_source_and_tolerance():
    for row in ROWS:
        assert row["source"], row
        assert 0.0 < row["tolerance"] <= 0.01 * abs(row["value"]), row
