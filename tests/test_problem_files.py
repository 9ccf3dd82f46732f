"""Problem files know every model and contract: round trips, shapes of values, refusals."""

import dataclasses
import json
import math

import pytest

from qmc import contracts, models
from qmc.errors import InvalidProblem, Unsupported
from qmc.models import Curve
from qmc.problem import Contract, Model
from qmc.specification import InvalidField, Specification, written
from qmc.specification.nouns import CONTRACTS, MODELS, POSITIONS
from qmc.specification.shapes import shape
from qmc.specification.words import spelled

CURVE = Curve(times=(0.5, 1.0), values=(0.02, 0.03, 0.035))
MARKET = models.BlackScholes(spot=100.0, vol=CURVE, rate=CURVE, dividend_yield=0.01)
PAIR = models.MultiAsset(
    spots=(100.0, 90.0), vols=(0.2, 0.3), rate=CURVE, correlation=((1.0, 0.5), (0.5, 1.0))
)
RATES = models.BondRates(mean=(0.02, 0.03), loadings=((0.01, 0.0), (0.01, 0.005)))
MARKETS = [
    MARKET,
    PAIR,
    RATES,
    models.Heston(
        spot=100.0, rate=0.02, v0=0.04, kappa=1.5, theta=0.05, vol_of_vol=0.4, rho=-0.7,
        dividend_yield=CURVE, steps_per_year=24,
    ),
    models.Merton(
        spot=100.0, vol=0.2, rate=0.02, intensity=0.5, jump_mean=-0.1, jump_vol=0.15
    ),
    models.CEV(spot=100.0, vol=0.2, elasticity=0.6, rate=CURVE),
    models.LocalVolatility(
        spot=100.0, times=(0.5, 1.0), log_moneyness=(-0.2, 0.0, 0.2),
        vols=((0.25, 0.2, 0.18), (0.24, 0.2, 0.19)), rate=0.02,
    ),
]  # fmt: skip
TIMES = (0.25, 0.5, 1.0)
OPTIONS = [
    contracts.Call(strike=105.0, expiry=1.0),
    contracts.Put(strike=105.0, expiry=1.0),
    contracts.Digital(strike=105.0, expiry=1.0, kind="put", pays="asset"),
    contracts.CallSpread(low_strike=95.0, high_strike=110.0, expiry=0.5),
    contracts.Asian(times=TIMES, strike=100.0, average="geometric", kind="put"),
    contracts.Asian(times=TIMES, strike_style="floating"),
    contracts.Barrier(strike=100.0, barrier=80.0, times=TIMES, direction="down-and-in", kind="put"),
    contracts.Lookback(times=TIMES, strike=100.0, window=(0.25, 0.5), monitoring="continuous"),
    contracts.Cliquet(times=TIMES, local_floor=-0.05, local_cap=0.05, notional=100.0),
    contracts.Sum(
        contracts=(
            contracts.Call(strike=105.0, expiry=1.0),
            contracts.Sum(contracts=(contracts.Digital(strike=90.0, expiry=0.5, kind="put"),)),
        ),
        quantities=(2.0, -1.0),
    ),
]
OF_TWO = [
    contracts.Basket(weights=(0.5, 0.5), strike=95.0, expiry=1.0, kind="put"),
    contracts.Rainbow(strike=95.0, expiry=1.0, on="min", weights=(1.0, 1.1)),
    contracts.Spread(strike=5.0, expiry=1.0, kind="put"),
    contracts.Exchange(expiry=1.0, quantities=(1.0, 1.2)),
    contracts.Autocallable(
        times=TIMES, initial_prices=(100.0, 90.0), coupons=(0.02, 0.04, 0.08), knock_in=0.7,
        autocall_barriers=1.05, knock_in_monitoring="discrete", redeems=False,
    ),
    contracts.Asian(times=TIMES, strike=95.0, weights=(0.5, 0.5)),
    contracts.Book(
        positions=(
            contracts.StockPosition(quantity=3.0, asset=1),
            contracts.OptionPosition(kind="put", strike=95.0, expiry=0.5, vol=0.2, quantity=-1.0),
        ),
        spots=(100.0, 90.0), horizon=0.04, rate=0.03,
    ),
    contracts.DeltaGamma(
        spots=(100.0, 90.0), deltas=(0.5, 3.0), gammas=(-0.01, 0.0), theta=4.0, horizon=0.04
    ),
]  # fmt: skip
CASES = [
    *((MARKET, one) for one in OPTIONS),
    *((PAIR, one) for one in OF_TWO),
    (RATES, contracts.Bond(times=(1.0, 2.0), cash_flows=(5.0, 105.0))),
    *((one, OPTIONS[0]) for one in MARKETS if one not in (PAIR, RATES)),
]


def name(value):
    return type(value).__name__


def read(model, contract, **sections):
    return Specification.from_mapping({"model": model, "contract": contract, **sections})


def only(model, contract):
    (problem,) = read(model, contract).problems()
    return problem


@pytest.mark.parametrize(("model", "contract"), CASES, ids=name)
def test_what_is_written_is_read_back(model, contract):
    tables = [written(model), written(contract)]
    # JSON and TOML have the same numbers, words, lists and tables, but for null
    text = json.dumps(tables, allow_nan=False)
    assert "null" not in text
    problem = only(*json.loads(text))
    assert problem.model == model
    assert problem.contract == contract


def test_every_class_of_the_packages_can_be_written():
    tried = {type(part) for case in CASES for part in case}
    of_data = {
        models.FilteredReturns, models.HistoricalReturns, models.NormalReturns,
        models.StudentTReturns, contracts.Portfolio,
    }  # fmt: skip
    # of models, not models
    parts = {Curve, models.EWMA, models.GARCH, models.Recursion, models.StressedWindow}
    classes = {
        one
        for package, kind in ((models, Model), (contracts, Contract))
        for word in package.__all__
        if dataclasses.is_dataclass(one := getattr(package, word)) and one not in parts
    }
    classes -= {one.noun for one in POSITIONS.values()}
    assert tried | of_data == classes
    assert {one.noun for one in (*MODELS.values(), *CONTRACTS.values())} == tried


def test_the_words_are_the_names_with_dashes_and_underscores_will_do():
    assert list(MODELS) == [
        "black-scholes", "bond-rates", "cev", "heston", "local-volatility", "merton", "multi-asset"
    ]  # fmt: skip
    table = {**written(PAIR), "kind": "multi_asset"}
    spread = {"kind": "two_asset_spread", "strike": 1.0, "expiry": 1.0}
    total = {"kind": "sum", "contracts": [spread]}
    assert only(table, total).contract.contracts == (contracts.Spread(strike=1.0, expiry=1.0),)
    assert spelled({"model": {"prices": "a_b"}}) == {"model": {"prices": "a_b"}}


def test_classes_of_no_file_are_refused_by_name():
    with pytest.raises(InvalidProblem, match="knows the package's own classes only"):
        written(contracts.Portfolio(weights=(1.0,)))


def test_dates_of_equal_distance():
    table = {"kind": "asian", "strike": 100, "times": {"count": 252, "last": 1}}
    times = only(written(MARKET), table).contract.times
    assert len(times) == 252
    assert times[-1] == 1.0
    assert times[:2] == pytest.approx((1 / 252, 2 / 252), rel=1e-15)


def test_defaults_are_those_of_the_class():
    plain = {"kind": "black-scholes", "spot": 100, "vol": 0.2}
    problem = only(plain, {"kind": "cliquet", "times": [0.5, 1.0], "local_cap": math.inf})
    assert problem.contract == contracts.Cliquet(times=(0.5, 1.0))
    assert problem.model.rate == 0.0


@pytest.mark.parametrize(
    ("qubits", "given", "qubits_made"), [(4, {}, 4), (4, {"grid": "factor"}, 4), (None, {}, None)]
)
def test_qubits_without_a_grid_are_those_of_the_grid_that_fits(qubits, given, qubits_made):
    quantum = given if qubits is None else {**given, "qubits": qubits}
    spec = read(written(PAIR), written(OF_TWO[1]), quantum=quantum)
    grid = spec.make_quantum().grid
    assert (grid if grid is None else (type(grid).__name__, grid.qubits)) == (
        None if qubits_made is None else ("FactorGrid", qubits_made)
    )


HESTON = written(MARKETS[3])
ASIAN = {"kind": "asian", "strike": 100.0, "times": [0.5, 1.0]}
BARRIER = {
    "kind": "barrier", "strike": 100.0, "barrier": 80.0, "times": [1.0],
    "direction": "down-and-out",
}  # fmt: skip
BASKET = written(OF_TWO[0])
NOTE = written(OF_TWO[4])
SUM = {"kind": "sum", "contracts": [{"kind": "call", "strike": 1.0, "expiry": 1.0}]}
CALL = SUM["contracts"][0]
REFUSED = [
    # missing fields
    (HESTON, {"kind": "barrier", "strike": 100.0}, "fields contract.barrier, contract.times, "
     "contract.direction: missing; add them"),
    ({**HESTON, "rate": {"times": [1.0]}}, ASIAN, "field model.rate.values: missing"),
    (HESTON, {**SUM, "contracts": [{"kind": "call", "strike": 1.0}]},
     "field contract.contracts[0].expiry: missing"),
    (HESTON, {**SUM, "contracts": [{"strike": 1.0}]},
     "field contract.contracts[0].kind: missing; give one of call, put, digital"),
    # unknown kinds and fields
    ({**HESTON, "kind": "hestn"}, ASIAN, "field model.kind='hestn': must be one of black-"),
    (HESTON, {**ASIAN, "kind": "asain"}, "field contract.kind='asain': must be one of call, put, "),
    (HESTON, {**SUM, "contracts": [CALL, {**CALL, "kind": "portfolio"}]},
     "field contract.contracts[1].kind='portfolio': must be one of call, put"),
    ({**HESTON, "vol": 0.2}, ASIAN, "field model.vol=0.2: unknown here; heston takes spot, rate"),
    (HESTON, {**ASIAN, "kind_": 1}, "field contract.kind_=1: unknown here; asian takes times"),
    ({**HESTON, "rate": {"times": [], "values": [0.1], "value": 1}}, ASIAN,
     "field model.rate.value=1: unknown here; curve takes times, values"),
    (HESTON, {**ASIAN, "times": {"count": 2, "last": 1, "first": 0}},
     "field contract.times.first=0: unknown here; dates takes count, last"),
    (HESTON, {**SUM, "contracts": [{**CALL, "side": "put"}]},
     "field contract.contracts[0].side='put': unknown here; call takes strike, expiry"),
    # wrong types
    ({**HESTON, "rho": "-0.7"}, ASIAN, "field model.rho='-0.7': must be a number"),
    ({**HESTON, "rate": "3 %"}, ASIAN, "field model.rate='3 %': must be a number"),
    ({**HESTON, "rate": {"times": 1, "values": [0.1]}}, ASIAN,
     "field model.rate.times=1: must be a list"),
    ({**HESTON, "steps_per_year": 16.0}, ASIAN, "field model.steps_per_year=16.0: must be a whole"),
    (written(PAIR) | {"correlation": [1.0, 0.5]}, BASKET,
     "field model.correlation[0]=1.0: must be a list (and 1 more)"),
    (written(PAIR) | {"spots": 100.0}, BASKET, "field model.spots=100.0: must be a list"),
    (HESTON, {**ASIAN, "times": 1.0}, "field contract.times=1.0: must be a list"),
    (HESTON, {**ASIAN, "times": [0.5, "1"]}, "field contract.times[1]='1': must be a number"),
    (HESTON, {**ASIAN, "times": {"count": 2.5, "last": 1}}, "field contract.times.count=2.5: must"),
    (HESTON, {**ASIAN, "side": 1}, "field contract.side=1: must be text in quotes"),
    (written(PAIR), {**NOTE, "redeems": "no"}, "field contract.redeems='no': must be a boolean"),
    (written(PAIR), {**NOTE, "coupons": "x"}, "field contract.coupons='x': must be a number"),
    (HESTON, {**SUM, "contracts": CALL}, "field contract.contracts={"),
    # numbers and words out of range
    ({**HESTON, "v0": -0.04}, ASIAN, "field model.v0=-0.04: must be"),
    ({**HESTON, "rate": {"times": [1.0], "values": [0.1]}}, ASIAN,
     "field model.rate.values='1 numbers': must be 2 numbers for 1 times"),
    ({**HESTON, "rate": {"times": [-1.0], "values": [0.1, 0.2]}}, ASIAN,
     "field model.rate.times[0]=-1.0: must be above 0"),
    ({**HESTON, "rate": {"times": [1.0], "values": [0.1, 20.0]}}, ASIAN,
     "field model.rate.values[1]=20.0: must be from -10 to 10"),
    (written(PAIR) | {"vols": [0.2]}, BASKET, "field model.vols='1 numbers': must be 2 numbers"),
    (written(PAIR) | {"correlation": [[1.0, 1.5], [1.5, 1.0]]}, BASKET,
     "field model.correlation[0, 1]=1.5: must be from -1 to 1"),
    (HESTON, {**ASIAN, "side": "up"}, "field contract.side='up': must be one of 'call', 'put'"),
    (HESTON, {**BARRIER, "barrier": -80.0}, "field contract.barrier=-80.0: must be a finite number "
     "above 0; a barrier is a price"),
    (HESTON, {**BARRIER, "direction": "down"}, "field contract.direction='down': must be one of "),
    (HESTON, {**ASIAN, "times": [1.0, 0.5]}, "field contract.times[1]=0.5: must be above times[0]"),
    (HESTON, {**ASIAN, "times": {"count": 0, "last": 1}}, "field contract.times.count=0: must"),
    (HESTON, {**ASIAN, "times": {"count": 2, "last": -1}}, "field contract.times.last=-1.0: must"),
    (HESTON, {**SUM, "contracts": [CALL, {**CALL, "strike": 0.0}]},
     "field contract.contracts[1].strike=0.0: must be a finite number above 0"),
    (HESTON, {**SUM, "contracts": []}, "field contract.contracts=(): must be a tuple of at least"),
    (HESTON, {**ASIAN, "strike": 1e200}, "field contract.strike=1e+200: must be from -1e+100"),
    (written(PAIR), {**BASKET, "weights": [1.0, -1e200]},
     "field contract.weights[1]=-1e+200: must be from -1e+100"),
    # misfits of model and contract
    (written(PAIR), ASIAN, "field contract.kind='asian': must fit model.kind='multi-asset': paths "
     "have 2 columns: an Asian without weights"),
    (HESTON, BASKET, "field contract.kind='basket': must fit model.kind='heston': paths have 1"),
    (HESTON, written(OF_TWO[2]), "field contract.kind='two-asset-spread': must fit mod"),
    (written(RATES), ASIAN, "field contract.kind='asian': must fit model.kind='bond-rates'"),
    (HESTON, {"kind": "bond", "times": [1.0], "cash_flows": [1.0]},
     "field contract.kind='bond': must fit model.kind='heston': Bond discounts by its own rates"),
    (HESTON, {"kind": "portfolio"}, "field contract.kind='portfolio': must be call, put, digital"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "contract", "line"), REFUSED)
def test_refusals_name_the_field(model, contract, line):
    with pytest.raises(InvalidField) as caught:
        read(model, contract).problems()
    assert str(caught.value).startswith(line)


STOCK_TABLE = {"kind": "stock", "quantity": 1.0}
OPTION_TABLE = {
    "kind": "option", "side": "put", "strike": 1.0, "expiry": 1.0, "vol": 0.2, "quantity": 1.0
}  # fmt: skip


@pytest.mark.parametrize(
    ("positions", "line"),
    [
        ([{**OPTION_TABLE, "vol": -1.0}], r"contract.positions\[0\].vol=-1.0: must be a finite"),
        ([STOCK_TABLE, {**OPTION_TABLE, "expiry": 0.01}],
         r"field contract.positions\[1\].expiry=0.01: must be at least the horizon=0.04"),
        ([{"kind": "call"}],
         r"field contract.positions\[0\].kind='call': must be one of stock, option$"),
        ([{**STOCK_TABLE, "strike": 1.0}],
         r"field contract.positions\[0\].strike=1.0: unknown here; stock takes quantity, asset$"),
        ([{**STOCK_TABLE, "asset": 0.5}],
         r"field contract.positions\[0\].asset=0.5: must be a whole"),
    ],
)  # fmt: skip
def test_refusals_name_the_position(positions, line):
    book = {"kind": "book", "spots": [100.0], "horizon": 0.04, "positions": positions}
    with pytest.raises(InvalidField, match=line):
        read({"kind": "black-scholes", "spot": 100.0, "vol": 0.2}, book).problems()


def test_a_book_stands_under_models_of_prices_and_of_returns():
    book = {"kind": "book", "spots": [100.0], "horizon": 10 / 252, "positions": [STOCK_TABLE]}
    returns = {"kind": "historical", "tickers": ["AAPL"], "window": 20}
    assert only(returns, {**book, "on": "returns"}).contract.on == "returns"
    with pytest.raises(InvalidField, match="write on='returns'"):
        read(returns, book).problems()


def test_a_correlation_of_no_law_names_the_model_and_the_nearest():
    table = written(PAIR) | {
        "spots": [1.0, 1.0, 1.0],
        "vols": [0.2, 0.2, 0.2],
        "correlation": [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]],
    }
    table.pop("dividend_yields", None)
    with pytest.raises(InvalidField) as caught:
        read(table, BASKET).problems()
    assert str(caught.value).startswith("field model.kind='multi-asset': correlation has eigenval")
    assert caught.value.__cause__.nearest is not None


def test_extremes_that_a_model_has_not_are_unsupported():
    with pytest.raises(Unsupported, match='take monitoring="discrete" with many times'):
        read(HESTON, {**BARRIER, "monitoring": "continuous"}).problems()


@pytest.mark.parametrize("annotation", [complex, float | str, dict[str, float], list[float]])
def test_annotations_that_no_file_can_hold(annotation):
    with pytest.raises(TypeError, match="cannot stand in a problem file"):
        shape(annotation, {})
