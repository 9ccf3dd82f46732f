"""`Book` and `DeltaGamma`: full revaluation against closed forms, the shortcut against it."""

import dataclasses
import math

import numpy as np
import pytest

from classical_baseline import Analytic, MonteCarlo, revalue
from qmc import (
    ES,
    BlackScholes,
    Book,
    Call,
    DeltaGamma,
    FactorGrid,
    FilteredReturns,
    Goal,
    HistoricalReturns,
    InvalidProblem,
    LawGrid,
    MultiAsset,
    NormalReturns,
    OptionPosition,
    Price,
    Problem,
    Put,
    Quantum,
    Sensitivity,
    StockPosition,
    VaR,
)
from qmc.backends import Ideal
from qmc.contracts.option_value import EuropeanOption
from qmc.losses import tail_risk
from qmc.testing import check_contract

HORIZON = 10 / 252
CALL = OptionPosition(kind="call", strike=105.0, expiry=0.5, vol=0.25, quantity=2.0)
PUT = OptionPosition(kind="put", strike=85.0, expiry=0.3, vol=0.3, quantity=-3.0, asset=1)
STOCK = StockPosition(quantity=4.0, asset=1)
TWO = Book(
    positions=(CALL, PUT, STOCK),
    spots=(100.0, 90.0),
    horizon=HORIZON,
    rate=0.03,
    dividend_yields=(0.01, 0.0),
)
PAIR = MultiAsset(
    spots=(100.0, 90.0), vols=(0.25, 0.3), rate=0.02, correlation=((1.0, 0.4), (0.4, 1.0))
)
RETURNS = NormalReturns(mean=(0.0, 0.001), covariance=((2.5e-3, 1e-3), (1e-3, 3.6e-3)))


def price(kind, strike, vol, years, spot, rate=0.03, dividend_yield=0.0):
    """By `Analytic`, which shares no code with the book."""
    market = BlackScholes(spot=spot, vol=vol, rate=rate, dividend_yield=dividend_yield)
    option = {"call": Call, "put": Put}[kind](strike=strike, expiry=years)
    return Analytic().solve(Problem(market, option, Price()), Goal(tolerance=1.0)).value


def worth(prices, years_passed):
    """The value of TWO, option by option."""
    first, second = prices
    call = price("call", 105.0, 0.25, 0.5 - years_passed, first, dividend_yield=0.01)
    put = price("put", 85.0, 0.3, 0.3 - years_passed, second)
    return 2.0 * call - 3.0 * put + 4.0 * second


def test_the_profit_is_the_difference_of_closed_form_values():
    prices = np.array([[100.0, 90.0], [80.0, 120.0], [131.0, 60.0]])
    found = TWO.present_value(prices[:, None, :], np.array([0.99]))
    assert TWO.value_today == pytest.approx(worth((100.0, 90.0), 0.0), rel=1e-12)
    expected = [0.99 * (worth(row, HORIZON) - worth((100.0, 90.0), 0.0)) for row in prices]
    assert found == pytest.approx(expected, rel=1e-11, abs=1e-11)


def test_gross_returns_multiply_the_spots():
    on_returns = dataclasses.replace(TWO, on="returns")
    gross = np.array([[[1.0, 1.0]], [[0.8, 1.3]], [[1.2, 0.9]]])
    found = on_returns.present_value(gross, np.ones(1))
    assert np.array_equal(found, TWO.present_value(gross * np.array([100.0, 90.0]), np.ones(1)))
    # a normal return may fall below -1: the option is then worth what it is at 0
    below, at_zero = (
        on_returns.present_value(np.array([[[gross, 1.0]]]), np.ones(1)) for gross in (-0.1, 0.0)
    )
    assert below == at_zero
    without = dataclasses.replace(on_returns, positions=(PUT, STOCK))
    lost = without.present_value(np.array([[[0.0, 1.0]]]), np.ones(1)) - at_zero
    assert lost == pytest.approx(2.0 * price("call", 105.0, 0.25, 0.5, 100.0, 0.03, 0.01))


def test_at_its_expiry_an_option_is_worth_its_payoff():
    option = dataclasses.replace(CALL, expiry=HORIZON)
    book = Book(positions=(option,), spots=(100.0,), horizon=HORIZON)
    found = book.present_value(np.array([[[90.0]], [[108.0]]]), np.ones(1)) + book.value_today
    assert found == pytest.approx([0.0, 6.0], abs=1e-12)


@pytest.mark.parametrize(
    ("contract", "model", "columns"),
    [
        (TWO, None, 2),
        (TWO, PAIR, 2),
        (dataclasses.replace(TWO, on="returns"), RETURNS, 2),
        (TWO.delta_gamma(), None, 2),
        (TWO.delta_gamma(), PAIR, 2),
        (dataclasses.replace(TWO, on="returns").delta_gamma(), RETURNS, 2),
    ],
)
def test_they_are_contracts(contract, model, columns):
    check_contract(contract, model, columns=columns)


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize("dividend_yield", [0.0, 0.04])
def test_greeks_are_the_derivatives_of_the_value(kind, dividend_yield):
    fields = {"kind": kind, "strike": 95.0, "vol": 0.3, "rate": 0.02}
    option = EuropeanOption(**fields, dividend_yield=dividend_yield, years=0.7)
    delta, gamma, theta = option.greeks(100.0)
    low, middle, high = option.value(np.array([99.99, 100.0, 100.01]))
    assert delta == pytest.approx((high - low) / 0.02, rel=1e-6)
    assert gamma == pytest.approx((high - 2.0 * middle + low) / 1e-4, rel=1e-4)
    sooner, later = (
        float(dataclasses.replace(option, years=0.7 + step).value(np.array([100.0]))[0])
        for step in (1e-5, -1e-5)
    )
    assert theta == pytest.approx((later - sooner) / 2e-5, rel=1e-6)


def test_the_shortcut_is_right_to_third_order():
    errors = []
    for step in (0.02, 0.01, 0.005):
        # a move of the prices goes with the square root of the horizon
        book = dataclasses.replace(TWO, horizon=step**2)
        prices = np.array([[[100.0 * math.exp(step), 90.0 * math.exp(-2.0 * step)]]])
        full, short = (one.present_value(prices, np.ones(1)) for one in (book, book.delta_gamma()))
        errors.append(abs(float(full[0] - short[0])))
    assert errors[0] / errors[1] == pytest.approx(8.0, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(8.0, rel=0.1)


def test_of_stocks_alone_it_is_exact():
    book = Book(positions=(STOCK, StockPosition(quantity=-2.0)), spots=(100.0, 90.0), horizon=1.0)
    paths = np.array([[[50.0, 200.0]], [[170.0, 10.0]]])
    full, short = (one.present_value(paths, np.ones(1)) for one in (book, book.delta_gamma()))
    assert full == pytest.approx(short, rel=1e-14)


def test_it_fails_for_a_short_straddle_near_its_expiry():
    kinds = ("call", "put")
    held = {"strike": 100.0, "expiry": 11 / 252, "vol": 0.25, "quantity": -1.0}
    straddle = Book(
        positions=tuple(OptionPosition(kind=kind, **held) for kind in kinds),
        spots=(100.0,),
        horizon=HORIZON,
    )
    market = BlackScholes(spot=100.0, vol=0.25, rate=0.0)
    full, short = (
        revalue(contract, market, 200_000, rng=1) for contract in (straddle, straddle.delta_gamma())
    )
    found = {level: (tail_risk(full, level), tail_risk(short, level)) for level in (0.95, 0.99)}
    # a loss in proportion to the move, taken for one with its square: too much far out
    (value, shortfall), (short_value, short_shortfall) = found[0.99]
    assert short_value > 1.2 * value
    assert short_shortfall > 1.35 * shortfall
    # and too little nearer by, where ten times the first day's decay is not what ten days bring
    assert found[0.95][1][0] < 0.98 * found[0.95][0][0]
    calm = np.array([[[100.0]]])
    profits = [one.present_value(calm, np.ones(1))[0] for one in (straddle, straddle.delta_gamma())]
    assert profits[0] > 1.3 * profits[1] > 0.0


def test_monte_carlo_and_the_quantum_engine_agree_on_the_mean():
    problem = Problem(PAIR, TWO, Price())
    # under the model both stocks grow at 2 %, and the put is valued at 3 %: the mean is not 0
    exact = MonteCarlo().solve(problem, Goal(tolerance=0.05), rng=1)
    quantum = Quantum(grid=FactorGrid(qubits=4), backend=Ideal()).solve(
        problem, Goal(tolerance=1.0), rng=2
    )
    assert quantum.interval.low < exact.interval.high
    assert exact.interval.low < quantum.interval.high
    assert quantum.status == "converged"


WRONG = [
    ({"positions": ()}, "positions"),
    ({"positions": (CALL, Call(strike=1.0, expiry=1.0))}, r"positions\[1\]"),
    ({"positions": (dataclasses.replace(CALL, asset=2),)}, r"positions\[0\].asset=2"),
    ({"positions": (dataclasses.replace(CALL, expiry=0.03),)}, r"positions\[0\].expiry=0.03"),
    ({"spots": (100.0, 0.0)}, r"spots\[1\]"),
    ({"spots": (math.nan, 90.0)}, r"spots\[0\]"),
    ({"horizon": 0.0}, "horizon"),
    ({"rate": 3.0e1}, "rate"),
    ({"dividend_yields": (0.01,)}, "dividend_yields"),
    ({"dividend_yields": (0.01, 11.0)}, r"dividend_yields\[1\]"),
    ({"on": "gross"}, "on"),
]


@pytest.mark.parametrize(("fields", "named"), WRONG)
def test_bad_fields_of_a_book_are_refused_by_name(fields, named):
    with pytest.raises(InvalidProblem, match=named):
        dataclasses.replace(TWO, **fields)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "digital"}, "kind"),
        ({"strike": 0.0}, "strike"),
        ({"expiry": math.inf}, "expiry"),
        ({"vol": 0.0}, "vol"),
        ({"vol": 25.0}, "vol"),
        ({"quantity": math.nan}, "quantity"),
        ({"asset": -1}, "asset"),
        ({"asset": 0.0}, "asset"),
    ],
)
def test_bad_fields_of_a_position_are_refused_by_name(fields, named):
    with pytest.raises(InvalidProblem, match=named):
        dataclasses.replace(CALL, **fields)
    if named in {"quantity", "asset"}:
        with pytest.raises(InvalidProblem, match=named):
            dataclasses.replace(STOCK, **fields)


def test_an_option_that_expires_before_the_horizon_says_what_to_do():
    with pytest.raises(InvalidProblem, match="exercise before it is not modelled"):
        dataclasses.replace(TWO, horizon=0.4)


@pytest.mark.parametrize("book", [TWO, TWO.delta_gamma()])
def test_models_of_the_other_kind_are_refused(book):
    with pytest.raises(InvalidProblem, match="write on='returns'"):
        Problem(RETURNS, book, Price())
    with pytest.raises(InvalidProblem, match="write on='prices'"):
        Problem(PAIR, dataclasses.replace(book, on="returns"), Price())
    with pytest.raises(InvalidProblem, match="has 2 spots"):
        Problem(BlackScholes(spot=100.0, vol=0.2, rate=0.0), book, Price())


@pytest.mark.parametrize("name", ["deltas", "gammas"])
def test_greeks_are_one_an_asset(name):
    shortcut = TWO.delta_gamma()
    assert isinstance(shortcut, DeltaGamma)
    with pytest.raises(InvalidProblem, match=name):
        dataclasses.replace(shortcut, **{name: (1.0,)})


@pytest.mark.parametrize("days", [1, 10])
@pytest.mark.parametrize("kind", [HistoricalReturns, FilteredReturns])
def test_a_history_knows_the_law_of_a_book(kind, days):
    """VaR and ES are those of the book revalued in each scenario; so is the law that is loaded."""
    returns = np.random.default_rng(11).normal(0.0, 0.012, (500, 2))
    model = kind(returns=returns)
    book = dataclasses.replace(TWO, on="returns", horizon=days / 252)
    losses = -book.present_value(1.0 + model.scenarios(days)[:, None, :], np.ones(1))
    goal = Goal(relative_tolerance=0.05)
    for place, measure in enumerate((VaR(level=0.99), ES(level=0.975))):
        problem = Problem(model, book, measure)
        truth = float(tail_risk(losses, measure.level)[place])
        exact = Analytic().solve(problem, goal)
        assert exact.value == pytest.approx(truth, rel=1e-9)
        table = LawGrid(qubits=7).discretise(problem)
        np.testing.assert_allclose(table.mean(), losses.mean(), rtol=1e-9)
        found = Quantum(grid=LawGrid(qubits=7), backend=Ideal()).solve(problem, goal, rng=2)
        assert found.interval.contains(truth)
        assert found.covers == exact.covers


@pytest.mark.parametrize("spots", [(2.0, 40.0), (1.0, 100.0), (0.5, 0.7)])
def test_low_spots_hide_no_slip_between_prices_and_returns(spots):
    """Gross returns look like prices of a cheap stock; the model says which they are."""
    book = Book(positions=(STOCK,), spots=spots, horizon=HORIZON)
    for contract in (book, book.delta_gamma()):
        with pytest.raises(InvalidProblem, match="gross returns; write on='returns'"):
            Problem(RETURNS, contract, Price())


@pytest.mark.parametrize("contract", [TWO, TWO.delta_gamma()], ids=["book", "delta-gamma"])
@pytest.mark.parametrize("spots", [(100.0, 90.1), (90.0, 100.0), (100.0 + 2e-7, 90.0)])
def test_a_book_of_other_spots_than_the_models_is_refused(contract, spots):
    moved = dataclasses.replace(PAIR, spots=spots)
    name = type(contract).__name__
    line = rf"{name}\(spots=\(100.0, 90.0\)\) under MultiAsset\(spots=\({spots[0]}, {spots[1]}\)"
    with pytest.raises(InvalidProblem, match=line):
        Problem(moved, contract, VaR(level=0.99))
    with pytest.raises(InvalidProblem, match="the same prices today"):
        revalue(contract, moved, 1_000)


def test_one_spot_is_compared_too_and_rounding_is_not_a_difference():
    book = Book(positions=(StockPosition(quantity=1.0),), spots=(100.0,), horizon=HORIZON)
    for spot in (100.0, 100.0 + 1e-8):
        Problem(BlackScholes(spot=spot, vol=0.2, rate=0.0), book, Price())
    with pytest.raises(InvalidProblem, match=r"under BlackScholes\(spot=120.0\)"):
        Problem(BlackScholes(spot=120.0, vol=0.2, rate=0.0), book, Price())


def test_the_delta_of_a_book_moves_the_model_and_not_the_books_value_today():
    """An option's delta, seen at the horizon: no bump of the spot is refused."""
    book = Book(positions=(CALL,), spots=(100.0,), horizon=HORIZON, rate=0.03)
    market = BlackScholes(spot=100.0, vol=0.25, rate=0.03)
    problem = Problem(market, book, Sensitivity(to="spot"))
    found = MonteCarlo().solve(problem, Goal(relative_tolerance=0.01), rng=3)
    # discounted prices are martingales, so the delta today is that of the horizon's value
    assert found.value == pytest.approx(book.delta_gamma().deltas[0], rel=0.02)
