"""Autocallable, bond, and sums of contracts."""

import math

import numpy as np
import pytest

from qmc import (
    Asian,
    Autocallable,
    Barrier,
    Basket,
    BlackScholes,
    Bond,
    BondRates,
    Call,
    Lookback,
    Price,
    Problem,
    Put,
    Sum,
)
from qmc.errors import InvalidProblem, Unsupported
from qmc.testing import check_contract, check_model

MARKET = BlackScholes(spot=100.0, vol=0.3, rate=0.05)
RATES = BondRates(mean=(0.12, 0.24), loadings=((0.1, 0.0), (0.0, 0.1)))


def note(**given):
    terms = {
        "times": (1.0, 2.0),
        "initial_prices": (100.0, 50.0),
        "coupons": (0.05, 0.1),
        "knock_in": 0.7,
        "notional": 10.0,
    }
    return Autocallable(**terms | given)


def bond(**given):
    return Bond(**{"times": (1.0, 2.0), "cash_flows": (1.0, 2.0)} | given)


# (called at 1, called at 2, neither and whole, neither and hurt, hurt at 1 only)
PATHS = np.array(
    [
        [[101, 51], [1, 1]],
        [[101, 49], [100, 50]],
        [[90, 50], [80, 60]],
        [[90, 50], [120, 30]],
        [[60, 50], [95, 60]],
    ],
    dtype=float,
)


@pytest.mark.parametrize(
    "contract", [note(), note(redeems=False), note(coupons=0.03, knock_in_monitoring="discrete")]
)
def test_conformance_of_notes(contract):
    check_contract(contract, columns=2)


def test_autocallable_payments():
    discount = np.array([0.9, 0.8])
    called = [10 * 1.05 * 0.9, 10 * 1.1 * 0.8]
    values = note().present_value(PATHS, discount).tolist()
    assert values == pytest.approx([*called, 8.0, 8 * 0.6, 8.0])
    watched = note(knock_in_monitoring="discrete").present_value(PATHS, discount).tolist()
    assert watched == pytest.approx([*called, 8.0, 8 * 0.6, 8 * 0.95])
    bare = note(redeems=False).present_value(PATHS, discount).tolist()
    assert bare == pytest.approx([10 * 0.05 * 0.9, 10 * 0.1 * 0.8, 0.0, -8 * 0.4, 0.0])
    stepped = note(autocall_barriers=(1.1, 0.8)).present_value(PATHS, discount).tolist()
    assert stepped == pytest.approx([8 * 0.01, 8.8, 8.8, 8 * 0.6, 8.8])
    geared = note(put_strike=1.2).present_value(PATHS, discount).tolist()
    assert geared[3] == pytest.approx(8 * (1 - 0.6))


@pytest.mark.parametrize(
    ("build", "given", "named"),
    [
        (note, {"times": (2.0, 1.0)}, "times"),
        (note, {"initial_prices": (100.0, 0.0)}, r"initial_prices\[1\]"),
        (note, {"coupons": (0.1, 0.2, 0.3)}, "coupons=.*one for each of times"),
        (note, {"coupons": math.nan}, "coupons"),
        (note, {"autocall_barriers": (1.0, -1.0)}, r"autocall_barriers\[1\]"),
        (note, {"autocall_barriers": "high"}, "autocall_barriers"),
        (note, {"knock_in": 0.0}, "knock_in"),
        (note, {"put_strike": -1.0}, "put_strike"),
        (note, {"knock_in": 70.0}, "knock_in=70.0.*not per cent: 70 % is 0.7"),
        (note, {"put_strike": 100.0}, "put_strike=100.0.*100 % is 1"),
        (note, {"autocall_barriers": (1e6, 100.0)}, r"autocall_barriers\[1\]=100.0.*call never"),
        (note, {"coupons": 12.0}, r"coupons\[0\]=12.0.*12 % is 0.12"),
        (note, {"notional": math.inf}, "notional"),
        (note, {"knock_in_monitoring": "continuous"}, "knock_in_monitoring"),
        (note, {"redeems": 1}, "redeems"),
        (bond, {"cash_flows": (1.0,)}, "cash_flows"),
        (bond, {"cash_flows": (1.0, math.nan)}, "cash_flows"),
        (bond, {"times": (0.0, 1.0)}, r"times\[0\]"),
        (BondRates, {"mean": (), "loadings": ((1.0,),)}, "mean"),
        (BondRates, {"mean": (0.1,), "loadings": (1.0,)}, "loadings"),
        (BondRates, {"mean": (0.1,), "loadings": ((1.0,), (1.0,))}, "loadings"),
        (Sum, {"contracts": ()}, "contracts"),
        (Sum, {"contracts": note()}, "contracts"),
        (Sum, {"contracts": (note(), 3)}, r"contracts\[1\]"),
        (Sum, {"contracts": (note(),), "quantities": (1.0, 2.0)}, "quantities"),
        (Sum, {"contracts": (note(),), "quantities": (math.nan,)}, "quantities"),
    ],
)
def test_bad_fields_are_refused_by_name(build, given, named):
    with pytest.raises(InvalidProblem, match=named):
        build(**given)


def test_notes_refuse_other_numbers_of_assets():
    with pytest.raises(InvalidProblem, match="2 initial_prices"):
        note().present_value(np.ones((3, 2, 1)), np.ones(2))


def test_the_fixed_income_example():
    """Woerner and Egger's two factors on qiskit-finance's grid: 2.3762 with true discounting.

    Both rates are cut to mean +- mean, 2 qubits each, weighted by the normal density.
    """
    points = [np.linspace(0.0, high, 4) for high in (0.12, 0.24)]
    rates = np.array([(x, y) for x in points[0] for y in points[1]])
    density = np.exp(-0.5 * ((rates - (0.12, 0.24)) ** 2 / 0.01).sum(axis=1))
    values = bond().present_value(np.repeat(rates[:, None, :], 2, axis=1), np.ones(2))
    assert values @ density / density.sum() == pytest.approx(2.3762, abs=5e-5)


def test_bonds_and_their_rates():
    check_model(RATES)
    check_contract(bond(), RATES)
    mean = bond().present_value(RATES.paths((1.0, 2.0), np.zeros((1, 2))), np.ones(2))
    assert mean.tolist() == pytest.approx([1 / 1.12 + 2 / 1.24**2])
    twisted = BondRates(mean=(0.0, 0.0), loadings=((0.01, 0.02), (0.01, -0.02)))
    moved = twisted.paths((1.0,), np.array([[1.0, 0.5]]))
    assert moved.tolist() == [[[pytest.approx(0.02), pytest.approx(0.0, abs=1e-18)]]]
    with pytest.raises(InvalidProblem, match="own rates"):
        bond(times=(1.0,), cash_flows=(1.0,)).present_value(np.ones((1, 1, 1)), np.array([0.9]))
    with pytest.raises(InvalidProblem, match="above -1"):
        bond().present_value(np.full((1, 2, 2), -1.5), np.ones(2))
    with pytest.raises(InvalidProblem, match="2 cash_flows"):
        Problem(BondRates(mean=(0.1,), loadings=((0.1,),)), bond(), Price())


def out(times, direction="down-and-out", **given):
    terms = {"strike": 100.0, "barrier": 90.0, "times": times, "monitoring": "continuous"}
    return Barrier(direction=direction, **terms | given)


PARTS = (
    Call(strike=100.0, expiry=0.75),
    Asian(strike=100.0, times=(0.25, 0.5, 1.0)),
    out((0.5, 1.0)),
    Lookback(times=(0.25, 1.0), strike=100.0, kind="put", monitoring="continuous"),
    Sum(contracts=(Put(strike=90.0, expiry=1.5), out((1.0,)))),
)


def test_a_sum_merges_times():
    total = Sum(contracts=PARTS, quantities=(1.0, -2.0, 3.0, 1.0, 0.5))
    assert total.times == (0.25, 0.5, 0.75, 1.0, 1.5)
    assert total.extremes == "low"
    check_contract(total)
    check_contract(total, MARKET)
    assert Sum(contracts=PARTS[:2]).extremes is None


def test_each_part_of_a_sum_sees_its_own_times():
    """Prices at its times, and the lowest of the finer steps over each of its own."""
    times = (0.25, 0.5, 0.75, 1.0, 1.5)
    total = Sum(contracts=PARTS, quantities=(1.0, -2.0, 3.0, 1.0, 0.5))
    problem = Problem(MARKET, total, Price())
    paths = problem.paths(np.random.default_rng(2).standard_normal((500, problem.num_factors)))
    discount = MARKET.discount(times)
    prices, lows = paths[:, :, :1], paths[:, :, 1:]

    def merged(*ends):
        begins = (0, *ends[:-1])
        return [lows[:, a:b].min(axis=1) for a, b in zip(begins, ends, strict=True)]

    def value(part, rows, ends=()):
        seen = prices[:, rows]
        if ends:
            seen = np.concatenate([seen, np.stack(merged(*ends), axis=1)], axis=2)
        return part.present_value(seen, discount[rows])

    expected = (
        value(PARTS[0], [2])
        - 2.0 * value(PARTS[1], [0, 1, 3])
        + 3.0 * value(PARTS[2], [1, 3], (2, 4))
        + value(PARTS[3], [0, 3], (1, 4))
        + 0.5 * value(Put(strike=90.0, expiry=1.5), [4])
        + 0.5 * value(out((1.0,)), [3], (4,))
    )
    np.testing.assert_allclose(total.present_value(paths, discount), expected, rtol=1e-12)


def test_a_sum_works_on_many_assets():
    total = Sum(contracts=(Basket(weights=(0.5, 0.5), strike=90.0, expiry=1.0), note()))
    check_contract(total, columns=2)


def test_sums_of_two_sides_and_models_without_extremes_are_refused():
    up = Barrier(
        strike=1.0, barrier=2.0, times=(1.0,), direction="up-and-in", monitoring="continuous"
    )
    with pytest.raises(InvalidProblem, match="price the two groups apart"):
        Sum(contracts=(up, out((1.0,))))
    with pytest.raises(Unsupported, match="Sum is monitored continuously"):
        Problem(RATES, Sum(contracts=(up,)), Price())


def test_levels_that_a_note_may_mean_are_kept():
    """Up to ten times the first price, and a barrier so high that a time never calls."""
    never = note(
        autocall_barriers=(1e6, 10.0), coupons=(-0.5, 10.0), knock_in=10.0, put_strike=10.0
    )
    far = np.array([[[1e4, 1e4], [1e4, 1e4]]])
    assert never.present_value(far, np.ones(2)).tolist() == [10.0 * 11.0]
