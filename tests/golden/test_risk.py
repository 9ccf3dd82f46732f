"""Reference values of market risk (risk.json), each within its own tolerance, by closed forms.

Of the same collection elsewhere: option books revalued over ten days, with `Book`; Kupiec's test
and Basel's traffic light, with the back-test. Out of scope until credit is modelled: Basel's IRB
formula, the Gaussian conditional independence models (`gci_*`), the one-factor copula, Vasicek's
limit and the portfolio of Glasserman and Li.
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
    LogNormalLaw,
    NormalLaw,
    NormalReturns,
    Portfolio,
    Price,
    Problem,
    Put,
    Sensitivity,
    StudentTLaw,
    StudentTReturns,
    VaR,
)
from qmc.diversification import Diversification
from qmc.tail_laws import tail_number

ROWS = json.loads(Path(__file__).with_name("risk.json").read_text())
LAWS = [row for row in ROWS if row["case"].endswith("_std")]
PORTFOLIOS = [row for row in ROWS if "5asset" in row["case"]]
POSITIONS = [row for row in ROWS if row["case"] == "lognormal_position_10d"]
OPTIONS = [row for row in ROWS if row["case"] in {"bs_call_greeks", "hull_call_42_40"}]
MEASURES = {"VaR": VaR, "ES": ES, "component_VaR": VaR}
SENSITIVITIES = {"rho": "rate", "vega": "vol", "theta": "time"}
TRADING_DAYS = 252


def describe(row):
    nu = row["params"].get("nu", "")
    return f"{row['case']} {row['measure']} {row['level']} {nu}"


def close(row):
    return pytest.approx(row["value"], rel=0.0, abs=row["tolerance"])


def measure_of(row):
    return MEASURES[row["measure"]](level=row["level"])


@pytest.mark.parametrize("row", LAWS, ids=describe)
def test_standard_laws(row):
    nu = row["params"].get("nu")
    if nu is None:
        law = NormalLaw(location=0.0, scale=1.0)
        model = NormalReturns(mean=(0.0,), covariance=((1.0,),))
    else:
        law = StudentTLaw(location=0.0, scale=1.0, degrees_of_freedom=nu)
        variance = nu / (nu - 2.0)
        model = StudentTReturns(
            mean=(0.0,), covariance=((variance,),), degrees_of_freedom=float(nu)
        )
    assert tail_number(law, measure_of(row)) == close(row)
    problem = Problem(model, Portfolio(weights=(1.0,)), measure_of(row))
    assert Analytic().solve(problem, Goal(tolerance=1.0)).value == close(row)


def portfolio_problem(row):
    """Five assets, one correlation between any two, one day of 252."""
    params = row["params"]
    vols = np.array(params["vol_annual"])
    matrix = np.where(np.eye(vols.size, dtype=bool), 1.0, params["rho_offdiag"])
    moments = {
        "mean": np.array(params["mu_annual"]) / TRADING_DAYS,
        "covariance": matrix * np.outer(vols, vols) / TRADING_DAYS,
    }
    nu = params.get("nu")
    model = (
        NormalReturns(**moments)
        if nu is None
        else StudentTReturns(**moments, degrees_of_freedom=float(nu))
    )
    held = Portfolio(weights=tuple(params["w"]), value=params["V0"])
    return Problem(model, held, measure_of(row))


@pytest.mark.parametrize("row", PORTFOLIOS, ids=describe)
def test_portfolios_of_five_assets(row):
    problem = portfolio_problem(row)
    found = Diversification.of(problem)
    if row["measure"] == "component_VaR":
        np.testing.assert_allclose(
            found.contributions, row["value"], rtol=0.0, atol=row["tolerance"]
        )
        return
    assert Analytic().solve(problem, Goal(tolerance=1.0)).value == close(row)
    assert found.joint == close(row)
    assert sum(found.contributions) == close(row)


@pytest.mark.parametrize("row", POSITIONS, ids=describe)
def test_a_log_normal_position_over_ten_days(row):
    """Loss V0 (1 - exp(mu + sigma Z)): V0 less a log-normal value."""
    params = row["params"]
    start, deviation = params["V0"], params["sigma_10d"]
    mean = start * math.exp(params["mu_10d"] + 0.5 * deviation**2)
    law = LogNormalLaw(mean=mean, log_sd=deviation).negated()
    assert start + tail_number(law, measure_of(row)) == close(row)


@pytest.mark.parametrize("row", OPTIONS, ids=describe)
def test_options_and_their_greeks(row):
    params, word = row["params"], row["measure"]
    market = BlackScholes(spot=params["S"], vol=params["sigma"], rate=params["r"])
    kind = Put if word == "put" else Call
    measure = Sensitivity(to=SENSITIVITIES[word]) if word in SENSITIVITIES else Price()
    problem = Problem(market, kind(strike=params["K"], expiry=params["T"]), measure)
    assert Analytic().solve(problem, Goal(tolerance=1.0)).value == close(row)


def test_every_value_is_tested_and_names_its_source_and_tolerance():
    assert len(LAWS) + len(PORTFOLIOS) + len(POSITIONS) + len(OPTIONS) == len(ROWS) == 40
    for row in ROWS:
        assert row["source"], row
        assert 0.0 < row["tolerance"] <= 1e-4 * np.max(np.abs(row["value"])), row
