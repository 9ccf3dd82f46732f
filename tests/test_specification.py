"""Specification: sections, defaults, nouns built, refusals that name their field."""

import copy
import dataclasses

import pytest

from qmc import (
    ES,
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    EconomicCapital,
    ExpectedLoss,
    FactorGrid,
    FilteredReturns,
    HistoricalReturns,
    LawGrid,
    NormalReturns,
    Price,
    Probability,
    Put,
    Sensitivity,
    StudentTReturns,
    TailConditionalExpectation,
    UniformGrid,
    VaR,
)
from qmc import estimators as package
from qmc.backends import Aer, Ideal
from qmc.errors import InvalidProblem
from qmc.estimators import Canonical, Certified, Iterative, MaximumLikelihood, Sampling
from qmc.specification import InvalidField, Specification, read_toml
from qmc.specification.estimators import estimators, settings
from qmc.specification.refusals import naming

OPTION = {
    "model": {"kind": "black-scholes", "spot": 100, "vol": 0.2, "rate": 0.05},
    "contract": {"kind": "call", "strike": 105, "expiry": 1},
}
PORTFOLIO = {
    "model": {"kind": "filtered", "tickers": ["AAPL", "JPM"], "window": 120},
    "contract": {"kind": "portfolio"},
}


def specification(base, **changes):
    """Base with sections replaced: contract={"kind": "put"} keeps the other fields."""
    data = copy.deepcopy(base)
    for section, fields in changes.items():
        data[section] = {**data.get(section, {}), **fields}
    return Specification.from_mapping(data)


def only(spec):
    (problem,) = spec.problems()
    return problem


def test_an_option_becomes_nouns():
    problem = only(specification(OPTION))
    assert problem.model == BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    assert problem.contract == Call(strike=105.0, expiry=1.0)
    assert problem.measure == Price()
    assert not specification(OPTION).is_risk


@pytest.mark.parametrize(
    ("fields", "contract"),
    [
        ({"kind": "put"}, Put(strike=105.0, expiry=1.0)),
        ({"kind": "digital"}, Digital(strike=105.0, expiry=1.0)),
        (
            {"kind": "digital", "side": "put", "cash": 3},
            Digital(strike=105.0, expiry=1.0, kind="put", cash=3.0),
        ),
        (
            {"kind": "digital", "pays": "asset"},
            Digital(strike=105.0, expiry=1.0, pays="asset"),
        ),
        (
            {"kind": "spread", "high_strike": 110},
            CallSpread(low_strike=105.0, high_strike=110.0, expiry=1.0),
        ),
    ],
)
def test_contracts(fields, contract):
    assert only(specification(OPTION, contract=fields)).contract == contract


@pytest.mark.parametrize(
    ("fields", "measures"),
    [
        ({"kind": "price"}, (Price(),)),
        ({"kind": "probability", "threshold": 3}, (Probability(threshold=3.0),)),
        ({"kind": "expected-loss"}, (ExpectedLoss(),)),
        ({"kind": "greek", "greek": "gamma"}, (Sensitivity(to="spot", order=2),)),
        ({"kind": "greek", "greek": "rho"}, (Sensitivity(to="rate"),)),
        (
            {"kind": "greek", "greek": "strike", "step": 0.02},
            (Sensitivity(to="strike", step=0.02),),
        ),
        ({"kind": "var"}, (VaR(level=0.99),)),
        ({"kind": "es"}, (ES(level=0.975),)),
        ({"kind": "economic-capital"}, (EconomicCapital(level=0.99),)),
        (
            {"kind": "tail_conditional_expectation", "level": 0.9},
            (TailConditionalExpectation(level=0.9),),
        ),
        ({"kind": "both"}, (VaR(level=0.99), ES(level=0.975))),
        ({"kind": "both", "level": 0.9}, (VaR(level=0.9), ES(level=0.9))),
    ],
)
def test_measures(fields, measures):
    problems = specification(OPTION, measure=fields).problems()
    assert tuple(problem.measure for problem in problems) == measures


@pytest.mark.parametrize(
    ("fields", "kind", "attribute"),
    [
        ({}, FilteredReturns, ("decay", 0.94)),
        ({"decay": 0.97}, FilteredReturns, ("decay", 0.97)),
        ({"kind": "historical"}, HistoricalReturns, None),
        ({"kind": "normal"}, NormalReturns, None),
        ({"kind": "student-t"}, StudentTReturns, ("degrees_of_freedom", 4.0)),
        (
            {"kind": "student-t", "degrees_of_freedom": 3},
            StudentTReturns,
            ("degrees_of_freedom", 3.0),
        ),
    ],
)
def test_models_of_returns(fields, kind, attribute):
    spec = specification(PORTFOLIO, model=fields)
    problem = only(specification(PORTFOLIO, model=fields, measure={"kind": "var"}))
    assert spec.is_risk
    assert isinstance(problem.model, kind)
    assert problem.contract.weights == (0.5, 0.5)
    if attribute is not None:
        assert getattr(problem.model, attribute[0]) == attribute[1]


def test_settings_of_models_of_returns():
    garch = only(specification(PORTFOLIO, model={"filter": "garch", "innovations": "normal"})).model
    assert garch.filter.innovations == "normal"
    assert len(garch.filter.parameters) == 2
    for kind in ("normal", "student-t"):
        plain, shrunk = (
            only(specification(PORTFOLIO, model={"kind": kind, **more})).model
            for more in ({}, {"covariance": "ledoit-wolf"})
        )
        assert plain.mean == shrunk.mean
        assert plain.covariance != shrunk.covariance
    fitted = only(specification(PORTFOLIO, model={"kind": "student-t", "tails": "fitted"})).model
    assert fitted.degrees_of_freedom not in {4.0, 2.0}


@pytest.mark.parametrize(
    ("fields", "years"),
    [({}, 1 / 252), ({"horizon_days": 10}, 10 / 252), ({"horizon": 0.5}, 0.5)],
)
def test_horizons_in_days_or_years(fields, years):
    problem = only(specification(PORTFOLIO, contract=fields))
    assert problem.contract.horizon == pytest.approx(years, rel=1e-15)


def test_a_market_neutral_book_says_so():
    book = {"weights": [1.0, -1.0], "market_neutral": True}
    assert only(specification(PORTFOLIO, contract=book)).contract.market_neutral


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"model": {"decay": 0.9, "filter": "garch"}}, "model.decay=0.9: must be absent beside"),
        ({"model": {"innovations": "t"}}, "model.innovations='t': must be absent beside filter"),
        (
            {"model": {"kind": "student-t", "tails": "fitted", "degrees_of_freedom": 5}},
            "model.degrees_of_freedom=5.0: must be absent beside tails",
        ),
        (
            {"model": {"kind": "normal", "covariance": "oracle"}},
            "model.covariance='oracle': must be 'sample', 'denoised'",
        ),
        ({"model": {"filter": "garch", "window": 99}}, "model.window=99: must be at least 100 to"),
        ({"model": {"window": 99}, "measure": {"kind": "var"}}, "model.window=99: must be at leas"),
        (
            {"model": {"kind": "historical", "window": 9}, "contract": {"horizon_days": 9}},
            "model.window=9: must be at least 10 for a horizon of 9",
        ),
        ({"contract": {"horizon_days": 0}}, "contract.horizon_days=0: must be a whole number from"),
        ({"contract": {"horizon_days": 1, "horizon": 0.1}}, "contract.horizon=0.1: must be absent"),
        ({"contract": {"horizon": 0.03}}, "contract.horizon=0.03 years is 7.56 trading days: must"),
        ({"contract": {"weights": [1, -1]}}, "contract.weights=(1.0, -1.0): must be of a sum othe"),
    ],
)
def test_settings_of_returns_that_do_not_fit_are_refused(changes, start):
    base = {"measure": {"kind": "expected-loss"}}
    with pytest.raises(InvalidField) as caught:
        specification(PORTFOLIO, **(base | changes)).problems()
    assert str(caught.value).removeprefix("field ").startswith(start)


def test_the_window_and_the_dates_choose_the_days():
    dates = {"kind": "historical", "start": "2020-01-01", "end": "2020-12-31", "window": 30}
    late = {**dates, "start": "2020-11-01"}
    full, short = (only(specification(PORTFOLIO, model=m)).model for m in (dates, late))
    assert full.scenarios().shape == (30, 2)
    assert (full.scenarios() == short.scenarios()).all()
    other = only(specification(PORTFOLIO, model={**dates, "end": "2020-06-30"})).model
    assert (full.scenarios() != other.scenarios()).any()


def test_goals_and_their_defaults():
    assert specification(OPTION).make_goal().relative_tolerance == 0.01
    assert specification(PORTFOLIO).make_goal().relative_tolerance == 0.1
    goal = specification(OPTION, goal={"queries": 10, "confidence": 0.9}).make_goal()
    assert (goal.queries, goal.relative_tolerance, goal.confidence) == (10, None, 0.9)
    goal = specification(OPTION, goal={"tolerance": 1}).make_goal()
    assert (goal.tolerance, goal.relative_tolerance, goal.confidence) == (1.0, None, 0.95)


def test_quantum_engines_and_their_defaults():
    engine = specification(OPTION).make_quantum()
    assert (engine.grid, engine.estimator, engine.backend) == (None, None, Aer())
    engine = specification(PORTFOLIO).make_quantum()
    assert (engine.grid, engine.estimator) == (LawGrid(qubits=8), None)
    assert specification(OPTION, quantum={"qubits": 3}).make_quantum().grid == LawGrid(qubits=3)
    engine = specification(OPTION, estimator={"max_power": 64}).make_quantum()
    assert engine.estimator == Iterative(max_power=64)
    for grid, made in (("law", LawGrid), ("uniform", UniformGrid)):
        assert specification(OPTION, quantum={"grid": grid}).make_quantum().grid == made(qubits=5)
    assert specification(OPTION, quantum={"grid": "factor"}).make_quantum().grid == FactorGrid()
    parts = {"qubits": 3, "grid": "uniform", "estimator": "sampling", "backend": "ideal"}
    engine = specification(OPTION, quantum=parts).make_quantum()
    assert engine.grid == UniformGrid(qubits=3)
    assert (engine.estimator, engine.backend) == (Sampling(), Ideal())


def test_every_estimator_of_the_package_has_a_word():
    assert list(estimators()) == [
        "adaptive", "bayesian", "canonical", "certified", "chebyshev", "faster", "iterative",
        "low-depth", "maximum-likelihood", "modified-iterative", "real-amplitude", "sampling",
    ]  # fmt: skip
    for name in package.__all__:
        one = getattr(package, name)
        has_fields = isinstance(one, type) and dataclasses.is_dataclass(one)
        assert (one in estimators().values()) == (has_fields and hasattr(one, "ask")), name


@pytest.mark.parametrize("word", estimators())
def test_a_word_makes_its_estimator_with_its_settings(word):
    kind = estimators()[word]
    chosen = {"estimator": word}
    assert specification(OPTION, quantum=chosen).make_quantum().estimator == kind()
    plain = kind()
    given = {
        name: list(value) if isinstance(value, tuple) else value
        for name in settings(kind)
        if (value := getattr(plain, name)) is not None
    }
    made = specification(OPTION, quantum=chosen, estimator=given).make_quantum().estimator
    assert made == plain
    if "max_power" in given:
        one = specification(OPTION, quantum=chosen, estimator={"max_power": 64}).make_quantum()
        assert one.estimator == kind(max_power=64)


@pytest.mark.parametrize(
    ("word", "given", "made"),
    [
        ("certified", {"shots": 8}, Certified(shots=(8,))),
        ("certified", {"shots": [2, 4]}, Certified(shots=(2, 4))),
        ("maximum-likelihood", {"schedule": [0, 3]}, MaximumLikelihood(schedule=(0, 3))),
        ("maximum-likelihood", {"schedule": "linear"}, MaximumLikelihood(schedule="linear")),
        ("canonical", {"runs": 3, "radius": "theorem"}, Canonical(runs=3, radius="theorem")),
        ("sampling", {"shots_per_round": 50}, Sampling(shots_per_round=50)),
    ],
)
def test_settings_of_several_shapes(word, given, made):
    spec = specification(OPTION, quantum={"estimator": word}, estimator=given)
    assert spec.make_quantum().estimator == made


@pytest.mark.parametrize(
    ("word", "given", "line"),
    [
        ("nope", {}, "field quantum.estimator='nope': must be one of adaptive, bayesian, canonic"),
        ("Adaptive", {}, "field quantum.estimator='Adaptive': must be one of adaptive"),
        ("canonical", {"max_power": 3}, "field estimator.max_power=3: unknown here; canonical "
         "takes combine, runs, radius, max_bits; max_power is a setting of adaptive, bayesian"),
        ("faster", {"depth": 3}, "field estimator.depth=3: unknown here; faster takes max_power"),
        ("faster", {"settings": 1}, "field estimator.settings=1: unknown here; faster takes"),
        ("faster", {"model_extra": 1}, "field estimator.model_extra=1: unknown here; faster"),
        ("faster", {"depth": "x" * 99}, f"field estimator.depth='{'x' * 59}...: unknown here"),
        ("faster", {"name": "faster"}, "field estimator.name='faster': unknown here; faster"),
        ("real-amplitude", {"signed": True}, "field estimator.signed=True: unknown here"),
        ("adaptive", {"max_power": -1}, "field estimator.max_power=-1: must be a whole number"),
        ("adaptive", {"shots": 1.0}, "field estimator.shots=1.0: must be a whole number"),
        ("adaptive", {"shots": [1, 2]}, "field estimator.shots=[1, 2]: must be a whole number"),
        ("certified", {"shots": [4, 2]}, "field estimator.shots=(4, 2): must be a tuple"),
        ("certified", {"shots": True}, "field estimator.shots=True: must be a whole number"),
        ("iterative", {"interval": "x"}, "field estimator.interval='x': must be one of"),
        ("low-depth", {"beta": float("nan")}, "field estimator.beta=nan: must be a finite"),
    ],
)  # fmt: skip
def test_estimators_that_are_refused(word, given, line):
    spec = specification(OPTION, quantum={"estimator": word}, estimator=given)
    with pytest.raises(InvalidField) as caught:
        spec.make_quantum()
    assert str(caught.value).startswith(line)


def test_a_setting_that_no_estimator_has_names_no_owner():
    spec = specification(OPTION, estimator={"depth": 3})
    with pytest.raises(InvalidField, match=r"iterative takes interval, shots, max_power$"):
        spec.make_quantum()


@pytest.mark.parametrize("kind", ["var", "es", "both"])
@pytest.mark.parametrize("word", estimators())
def test_quantiles_take_estimators_that_may_be_read_early(word, kind):
    spec = specification(PORTFOLIO, measure={"kind": kind}, quantum={"estimator": word})
    if estimators()[word]().anytime_valid:
        assert spec.make_quantum().estimator == estimators()[word]()
        return
    with pytest.raises(InvalidField) as caught:
        spec.make_quantum()
    assert caught.value.paths == ("quantum.estimator",)
    assert "by default those are canonical, certified, faster, iterative" in str(caught.value)


def test_settings_decide_whether_an_estimator_may_be_read_early():
    sampling = {"quantum": {"estimator": "sampling"}, "estimator": {"shots_per_round": 1000}}
    likely = {"quantum": {"estimator": "canonical"}, "estimator": {"combine": "maximum_likelihood"}}
    var = {"measure": {"kind": "var"}}
    assert specification(PORTFOLIO, **var, **sampling).make_quantum().estimator.anytime_valid
    with pytest.raises(InvalidField, match="may be read early"):
        specification(PORTFOLIO, **var, **likely).make_quantum()


def test_specifications_are_frozen_values():
    spec = specification(OPTION)
    assert spec == specification(OPTION)
    with pytest.raises(ValueError, match="frozen"):
        spec.run.seed = 3


def test_a_refusal_knows_its_field():
    with pytest.raises(InvalidField) as caught:
        specification(OPTION, model={"vol": -0.2}).problems()
    error = caught.value
    assert (error.paths, error.given, error.is_missing) == (("model.vol",), "=-0.2", False)
    assert str(error) == f"field model.vol=-0.2: {error.complaint}"
    assert isinstance(error, InvalidProblem)


def test_missing_fields_are_named_together():
    with pytest.raises(InvalidField) as caught:
        Specification.from_mapping({"model": {"kind": "black-scholes"}, "contract": {}})
    assert str(caught.value).startswith("field contract.kind: missing; give one of call, put")
    with pytest.raises(InvalidField, match=r"fields model\.spot, model\.vol: missing") as caught:
        Specification.from_mapping({**OPTION, "model": {"kind": "black-scholes"}})
    assert caught.value.is_missing


@pytest.mark.parametrize(
    ("strike", "high_strike", "field"),
    [(1e9, 2e9, "contract.strike"), (105.0, 1e9, "contract.high_strike")],
)
def test_strikes_that_nobody_means(strike, high_strike, field):
    fields = {"kind": "spread", "strike": strike, "high_strike": high_strike}
    with pytest.raises(InvalidField, match="within a factor of a million of the forward") as caught:
        specification(OPTION, contract=fields).problems()
    assert caught.value.paths == (field,)


def test_deep_strikes_are_priced():
    for strike in (1e-3, 1e6):
        assert only(specification(OPTION, contract={"strike": strike})).contract.strike == strike


@pytest.mark.parametrize(
    ("base", "contract", "allowed"),
    [
        (
            PORTFOLIO,
            {"kind": "call", "strike": 1, "expiry": 1},
            "portfolio, book, delta-gamma under",
        ),
        (OPTION, {"kind": "portfolio"}, "must be call, put, digital, spread, asian, .* under"),
    ],
)
def test_contracts_of_another_model(base, contract, allowed):
    data = {**base, "contract": contract}
    with pytest.raises(InvalidField, match=allowed):
        Specification.from_mapping(data).problems()


def test_naming_leaves_other_errors_alone():
    with pytest.raises(InvalidProblem, match=r"^no field here$") as caught, naming("goal"):
        raise InvalidProblem("no field here")
    assert not isinstance(caught.value, InvalidField)
    inner = InvalidField(["a.b"], "=1", "must be 2")
    with pytest.raises(InvalidField) as caught, naming("goal"):
        raise inner
    assert caught.value is inner
    with pytest.raises(InvalidField) as caught, naming("goal", time="end"):
        raise InvalidProblem("time=3: must be 2")
    assert str(caught.value) == "field goal.end=3: must be 2"


def test_files_take_prices_from_their_own_folder(tmp_path):
    path = tmp_path / "risk.toml"
    path.write_text('[model]\nkind = "normal"\nprices = "p.csv"\n', encoding="utf-8")
    assert read_toml(path)["model"]["prices"] == str(tmp_path / "p.csv")
    absolute = tmp_path / "elsewhere" / "p.csv"
    path.write_text(f'[model]\nprices = "{absolute}"\n', encoding="utf-8")
    assert read_toml(path)["model"]["prices"] == str(absolute)
