"""Small version of `python -m benchmarks run coverage`: intervals contain the continuous truth.

DESIGN 7's rule: a case fails when P(Binomial(n, .95) <= hits) < 1e-3 / tests in the suite.
"""

import numpy as np
import pytest

from classical_baseline import Analytic
from qmc import (
    ES,
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    Goal,
    HistoricalReturns,
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

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
COVARIANCE = ((1e-4, 3e-5), (3e-5, 2e-4))
PORTFOLIO = Portfolio(weights=(0.5, 0.5), value=100.0)
MODELS = (
    NormalReturns(mean=(0.0, 0.001), covariance=COVARIANCE),
    StudentTReturns(mean=(0.0, 0.001), covariance=COVARIANCE, degrees_of_freedom=4.0),
    HistoricalReturns(returns=np.random.default_rng(6).standard_t(4, size=(750, 2)) * 0.01),
)
PRICES = [
    Problem(MARKET, contract, Price())
    for contract in (
        Call(strike=105.0, expiry=1.0),
        Put(strike=105.0, expiry=1.0),
        CallSpread(low_strike=95.0, high_strike=110.0, expiry=1.0),
        Digital(strike=105.0, expiry=1.0),
    )
]
RISKS = [
    Problem(model, PORTFOLIO, measure)
    for model in MODELS
    for measure in (VaR(level=0.99), ES(level=0.975))
]
CASES = [(p, 5, 0.02, 1000) for p in PRICES] + [(p, 6, 0.2, 300) for p in RISKS]


@pytest.mark.parametrize(
    ("problem", "qubits", "tolerance", "runs"),
    CASES,
    ids=lambda x: (
        f"{type(x.measure).__name__}-{type(x.contract).__name__}-{type(x.model).__name__}"
        if isinstance(x, Problem)
        else None
    ),
)
def test_intervals_contain_the_continuous_truth(problem, qubits, tolerance, runs, covers):
    truth = Analytic().solve(problem, Goal(tolerance=1.0)).value
    engine = Quantum(grid=LawGrid(qubits=qubits), estimator=Iterative(), backend=Ideal())
    results = [
        engine.solve(problem, Goal(relative_tolerance=tolerance), rng=seed) for seed in range(runs)
    ]
    assert all(result.covers == "continuous" for result in results)
    covers(sum(r.interval.contains(truth) for r in results), runs, 0.95)
