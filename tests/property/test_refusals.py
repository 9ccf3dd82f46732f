"""Any field that is no number, not finite or out of range is an InvalidProblem that names it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classical_baseline import MonteCarlo
from qmc import (
    ES,
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    FilteredReturns,
    Goal,
    HistoricalReturns,
    InvalidProblem,
    LawGrid,
    NormalReturns,
    Portfolio,
    Price,
    Probability,
    Problem,
    Put,
    StudentTReturns,
    UniformGrid,
    VaR,
)
from qmc.laws import EmpiricalLaw, LogNormalLaw, NormalLaw, StudentTLaw

PROPERTY = settings(derandomize=True, deadline=None, max_examples=25, database=None)

no_numbers = st.sampled_from([math.nan, math.inf, -math.inf, None, "1", b"1", True, 1j, [1.0], {}])
below = st.floats(max_value=-1e-300, allow_infinity=False)
not_positive = st.one_of(no_numbers, below, st.just(0.0), st.just(-0.0))
not_a_fraction = st.one_of(not_positive, st.floats(min_value=1.0))
not_a_small_number = st.one_of(no_numbers, below.filter(lambda x: x < -10.0), st.floats(10.1))
not_a_vol = st.one_of(no_numbers, below, st.floats(min_value=10.1))
not_whole = st.one_of(
    no_numbers.filter(lambda x: x is not None), st.floats(), st.integers(max_value=0)
)
not_a_word = st.one_of(st.text(), st.floats(), st.none())


def vectors_with(bad):
    """A vector of three with one bad entry, or no vector at all."""
    spoiled = st.tuples(st.integers(0, 2), bad).map(
        lambda pair: tuple(pair[1] if i == pair[0] else 0.1 for i in range(3))
    )
    return st.one_of(spoiled, st.sampled_from([(), None, "abc", 1.0, ((0.1, 0.2),)]))


not_finite = st.sampled_from([math.nan, math.inf, -math.inf, None, "x", 1j])
not_a_vector = vectors_with(not_finite)
not_a_history = st.one_of(
    not_a_vector,
    vectors_with(st.one_of(not_finite, st.floats(max_value=-1.0))).map(lambda row: (row, row)),
    st.just(((0.1, 0.2),)),
    st.just(((0.1,), (0.1, 0.2))),
)
not_a_covariance = st.one_of(
    not_a_vector,
    st.sampled_from(
        [
            ((1.0, 0.5), (0.4, 1.0)),
            ((1.0, 2.0), (2.0, 1.0)),
            ((-1.0, 0.0), (0.0, 1.0)),
            ((1.0,),),
            ((math.nan, 0.0), (0.0, 1.0)),
            np.eye(3),
        ]
    ),
)

BOOK = {"mean": (0.0, 0.0), "covariance": ((1e-4, 0.0), (0.0, 1e-4))}
HISTORY = ((0.01, -0.01), (0.02, 0.0), (-0.01, 0.03))
OPTION = {"strike": 100.0, "expiry": 1.0}
# what is made, its valid fields, and for each field what it must refuse
KINDS = [
    (
        BlackScholes,
        {"spot": 100.0, "vol": 0.2, "rate": 0.05},
        {
            "spot": not_positive,
            "vol": not_a_vol,
            "rate": not_a_small_number,
            "dividend_yield": not_a_small_number,
        },
    ),
    (Call, OPTION, {"strike": not_positive, "expiry": not_positive}),
    (Put, OPTION, {"strike": not_positive, "expiry": not_positive}),
    (
        Digital,
        OPTION,
        {
            "strike": not_positive,
            "expiry": not_positive,
            "cash": not_positive,
            "kind": not_a_word,
            "pays": not_a_word,
        },
    ),
    (
        CallSpread,
        {"low_strike": 100.0, "high_strike": 120.0, "expiry": 1.0},
        {
            "low_strike": st.one_of(not_positive, st.floats(120.0, 1e9)),
            "high_strike": st.one_of(not_positive, st.floats(1e-9, 100.0)),
            "expiry": not_positive,
        },
    ),
    (
        Portfolio,
        {"weights": (0.5, 0.5)},
        {"weights": not_a_vector, "value": not_positive, "horizon": not_positive},
    ),
    (HistoricalReturns, {"returns": HISTORY}, {"returns": not_a_history}),
    (
        FilteredReturns,
        {"returns": HISTORY},
        {"returns": not_a_history, "decay": not_a_fraction},
    ),
    (NormalReturns, BOOK, {"mean": not_a_vector, "covariance": not_a_covariance}),
    (
        StudentTReturns,
        {**BOOK, "degrees_of_freedom": 4.0},
        {
            "mean": not_a_vector,
            "covariance": not_a_covariance,
            "degrees_of_freedom": st.one_of(not_positive, st.floats(0.1, 2.0)),
        },
    ),
    (VaR, {"level": 0.99}, {"level": not_a_fraction}),
    (ES, {"level": 0.99}, {"level": not_a_fraction}),
    (Probability, {"threshold": 1.0}, {"threshold": no_numbers}),
    (
        Goal,
        {"tolerance": 0.1, "relative_tolerance": 0.1, "queries": 100},
        {
            "tolerance": not_positive.filter(lambda x: x is not None),
            "relative_tolerance": not_positive.filter(lambda x: x is not None),
            "queries": not_whole,
            "confidence": not_a_fraction,
            "origin": no_numbers,
        },
    ),
    (
        MonteCarlo,
        {},
        {
            "block": st.one_of(not_whole, st.integers(1, 1023), st.integers(2**20 + 1)),
            "threads": not_whole,
            "antithetic": st.one_of(st.floats(), st.none(), st.text(), st.integers()),
            "max_paths": st.one_of(not_whole, st.just(1)),
        },
    ),
    (LawGrid, {}, {"qubits": not_whole, "pilot_paths": not_whole}),
    (UniformGrid, {}, {"qubits": not_whole, "standard_deviations": not_positive}),
    (NormalLaw, {"location": 0.0, "scale": 1.0}, {"location": no_numbers, "scale": not_positive}),
    (LogNormalLaw, {"mean": 1.0, "log_sd": 0.2}, {"mean": not_positive, "log_sd": not_positive}),
    (
        StudentTLaw,
        {"location": 0.0, "scale": 1.0, "degrees_of_freedom": 4.0},
        {
            "location": no_numbers,
            "scale": not_positive,
            "degrees_of_freedom": st.one_of(not_positive, st.floats(0.01, 1.0)),
        },
    ),
    (EmpiricalLaw, {"samples": (0.0, 1.0, 2.0)}, {"samples": not_a_vector}),
]
FIELDS = [
    pytest.param(kind, valid, name, bad, id=f"{kind.__name__}.{name}")
    for kind, valid, fields in KINDS
    for name, bad in fields.items()
]


@pytest.mark.parametrize(("kind", "valid", "name", "bad"), FIELDS)
@PROPERTY
@given(data=st.data())
def test_a_bad_field_is_refused_by_name(kind, valid, name, bad, data):
    kind(**valid)
    value = data.draw(bad, label=name)
    with pytest.raises(InvalidProblem) as caught:
        kind(**{**valid, name: value})
    assert name in str(caught.value)


@PROPERTY
@given(
    position=st.integers(0, 2),
    part=st.one_of(no_numbers, st.sampled_from([Price, Call, BlackScholes, LawGrid()])),
)
def test_a_problem_of_the_wrong_parts_is_refused_by_name(position, part):
    parts = [BlackScholes(spot=100.0, vol=0.2, rate=0.05), Call(**OPTION), Price()]
    parts[position] = part
    with pytest.raises(InvalidProblem, match=("model", "contract", "measure")[position]):
        Problem(*parts)


@PROPERTY
@given(
    weights=st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=5).filter(
        lambda w: len(w) != 2 and any(w)
    )
)
def test_a_portfolio_that_does_not_fit_its_model_is_refused(weights):
    for model in (NormalReturns(**BOOK), HistoricalReturns(returns=HISTORY)):
        with pytest.raises(InvalidProblem, match=f"{len(weights)} weights for 2 assets"):
            Problem(model, Portfolio(weights=weights, market_neutral=True), VaR(level=0.99))
