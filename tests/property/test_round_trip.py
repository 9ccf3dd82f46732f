"""Any problem, goal, engine and result survives JSON bit for bit."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    ExpectedLoss,
    FilteredReturns,
    Goal,
    HistoricalReturns,
    LawGrid,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    Put,
    Quantum,
    StudentTReturns,
    VaR,
)
from qmc.backends import Ideal
from qmc.estimators import Iterative
from qmc.serialise import from_json, to_json

PROPERTY = settings(derandomize=True, deadline=None, max_examples=80, database=None)

# a strike may not lie a million times off the forward
amounts, rates = st.floats(0.1, 100.0), st.floats(-0.1, 0.3)
expiries, levels = st.floats(0.01, 10.0), st.floats(0.001, 0.999)
markets = st.builds(
    BlackScholes, spot=amounts, vol=st.floats(0.01, 2.0), rate=rates, dividend_yield=rates
)
vanilla = st.one_of(
    st.builds(Call, strike=amounts, expiry=expiries),
    st.builds(Put, strike=amounts, expiry=expiries),
    st.builds(
        CallSpread,
        low_strike=st.floats(1.0, 9.0),
        high_strike=st.floats(9.5, 99.0),
        expiry=expiries,
    ),
    st.builds(
        Digital,
        strike=amounts,
        expiry=expiries,
        kind=st.sampled_from(["call", "put"]),
        cash=amounts,
    ),
    st.builds(Digital, strike=amounts, expiry=expiries, pays=st.just("asset")),
)
days = st.lists(st.tuples(st.floats(0.001, 0.2), st.floats(-0.2, -0.001)), min_size=2, max_size=12)
variances = st.tuples(st.floats(1e-6, 1e-2), st.floats(1e-6, 1e-2)).map(np.diag)
means = st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01))
returns = st.one_of(
    st.builds(HistoricalReturns, returns=days),
    st.builds(FilteredReturns, returns=days, decay=st.floats(0.5, 0.99)),
    st.builds(NormalReturns, mean=means, covariance=variances),
    st.builds(
        StudentTReturns, mean=means, covariance=variances, degrees_of_freedom=st.floats(2.1, 50.0)
    ),
)
portfolios = st.builds(
    Portfolio,
    weights=st.tuples(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0)).filter(any),
    value=amounts,
    market_neutral=st.just(True),
)
means_of = st.one_of(
    st.just(Price()), st.just(ExpectedLoss()), st.builds(Probability, threshold=st.floats(-9, 9))
)


def risk_of(model):
    """VaR or ES at levels beyond which the model's history has a whole loss."""
    most = 1.0 - 1.0 / len(getattr(model, "returns", range(1000)))
    kinds = (st.builds(kind, level=st.floats(0.001, most)) for kind in (VaR, ES))
    return st.builds(Problem, st.just(model), portfolios, st.one_of(*kinds))


problems = st.one_of(
    st.builds(Problem, markets, vanilla, means_of),
    st.builds(Problem, returns, portfolios, means_of),
    returns.flatmap(risk_of),
)
goals = st.builds(
    Goal,
    tolerance=st.floats(1e-9, 10.0),
    relative_tolerance=st.none() | st.floats(1e-9, 1.0),
    queries=st.none() | st.integers(1, 2**63),
    confidence=levels,
    origin=st.floats(-10.0, 10.0),
)
engines = st.one_of(
    st.just(Analytic()),
    st.builds(
        MonteCarlo,
        block=st.integers(1024, 2**20),
        threads=st.none() | st.integers(1, 64),
        antithetic=st.booleans(),
    ),
    st.builds(
        Quantum,
        grid=st.builds(LawGrid, qubits=st.integers(1, 12)),
        estimator=st.builds(Iterative, interval=st.sampled_from(["clopper_pearson", "chernoff"])),
        backend=st.just(Ideal()),
    ),
)


def returned(value):
    text = to_json(value)
    # strict JSON: no NaN, no Infinity
    json.loads(text, parse_constant=lambda word: f"{word} is no JSON")
    restored = from_json(text)
    assert to_json(restored) == text
    return restored


@PROPERTY
@given(value=st.one_of(problems, goals, engines))
def test_values_come_back_equal(value):
    restored = returned(value)
    assert restored == value
    assert hash(restored) == hash(value)
    assert repr(restored) == repr(value)


@PROPERTY
@given(problem=problems, goal=goals)
def test_restored_problems_have_the_same_answer_and_results_come_back_equal(problem, goal):
    result = Analytic().solve(problem, goal)
    assert Analytic().solve(returned(problem), goal).value == result.value
    restored = returned(result)
    assert restored == result
    assert str(restored) == str(result)
    assert restored.explain() == result.explain()
