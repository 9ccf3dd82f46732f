"""FactorGrid: exact forwards, parity, repeated bits, what `auto` takes and says, refusals."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmc import (
    Asian,
    Barrier,
    Basket,
    BlackScholes,
    Call,
    FactorGrid,
    Heston,
    Lookback,
    MultiAsset,
    Price,
    Problem,
    Put,
    Rainbow,
    Sum,
)
from qmc.errors import InvalidProblem, TooLarge, Unsupported
from qmc.measures import ES, ExpectedLoss, Probability, VaR
from qmc.testing import check_grid

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
HESTON = Heston(spot=100.0, rate=0.02, v0=0.04, kappa=1.5, theta=0.04, vol_of_vol=0.3, rho=-0.6)
DATES = (0.25, 0.5, 0.75, 1.0)
ASIAN = Problem(MARKET, Asian(strike=100.0, times=DATES), Price())
CALL = Call(strike=100.0, expiry=1.0)
QUICK = settings(max_examples=25, deadline=None)


def forward_of(call, put):
    """Call less put: linear in prices."""
    return Sum(contracts=(call, put), quantities=(1.0, -1.0))


@QUICK
@given(
    qubits=st.integers(1, 9),
    vol=st.floats(0.01, 1.0),
    rate=st.floats(-0.05, 0.15),
    strike=st.floats(10.0, 400.0),
)
def test_forwards_are_exact_for_one_asset(qubits, vol, rate, strike):
    market = BlackScholes(spot=100.0, vol=vol, rate=rate, dividend_yield=0.02)
    legs = (Asian(strike=strike, times=DATES, kind=kind) for kind in ("call", "put"))
    grid = FactorGrid(qubits=qubits, cells="prices", pilot_paths=64)
    table = grid.discretise(Problem(market, forward_of(*legs), Price()))
    mean_price = 100.0 * np.mean(np.exp((rate - 0.02) * np.asarray(DATES)))
    expected = np.exp(-rate) * (mean_price - strike)
    assert table.mean() == pytest.approx(expected, abs=1e-12 * max(mean_price, strike))


@QUICK
@given(
    qubits=st.integers(1, 9),
    correlation=st.floats(-0.45, 0.95),
    vols=st.lists(st.floats(0.01, 0.8), min_size=3, max_size=3),
    weights=st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3),
)
def test_forwards_are_exact_for_many_assets(qubits, correlation, vols, weights):
    rows = tuple(tuple(1.0 if i == j else correlation for j in range(3)) for i in range(3))
    market = MultiAsset(spots=(90.0, 100.0, 120.0), vols=vols, rate=0.03, correlation=rows)
    legs = (Basket(weights=weights, strike=50.0, expiry=2.0, kind=kind) for kind in ("call", "put"))
    grid = FactorGrid(qubits=qubits, cells="prices", pilot_paths=64)
    table = grid.discretise(Problem(market, forward_of(*legs), Price()))
    expected = np.dot(weights, market.spots) - 50.0 * np.exp(-0.06)
    size = np.abs(weights) @ np.asarray(market.spots) + 50.0
    assert table.mean() == pytest.approx(expected, abs=1e-12 * size)


@pytest.mark.parametrize("cells", ["auto", "prices", "nodes", "learned"])
def test_it_is_a_grid(cells):
    grid = FactorGrid(qubits=4, cells=cells, pilot_paths=256)
    check_grid(grid, ASIAN)
    table = grid.discretise(ASIAN)
    assert (table.bias, table.bias_bound, table.pilot_paths) == ("unknown", np.inf, 256)
    assert table.num_qubits == sum(table.registers) == 4
    assert table.locator is not None


def test_another_seed_is_another_pilot():
    first, second = (
        FactorGrid(qubits=3, pilot_paths=256, pilot_seed=seed).discretise(ASIAN) for seed in (1, 2)
    )
    assert first.pilot_mean != second.pilot_mean


def test_the_pilots_mean_is_near_the_price():
    table = FactorGrid(qubits=5).discretise(ASIAN)
    assert table.pilot_mean == pytest.approx(table.mean(), rel=0.02)


def test_auto_takes_what_leaves_least_and_says_so():
    table = FactorGrid(qubits=5).discretise(ASIAN)
    report = table.report
    assert [one.worth for one in report.tried] == ["prices", "learned"]
    assert report.chosen.worth == "prices"
    assert report.chosen.residual_share == min(one.residual_share for one in report.tried)
    assert (report.rule, sum(report.chosen.bits)) == ("payoff", 5)
    assert re.fullmatch(r"prices: \d\.\d+ % of the variance left; learned: \d\.\d+ %", report.short)
    lines = str(report).splitlines()
    assert lines[0].startswith("first direction: the payoff's mean slope, replicates agree to ")
    assert lines[1].startswith("taken: cells worth 'prices', qubits ")
    assert lines[2].startswith("tried: cells worth 'learned', qubits ")


def test_payoffs_of_extremes_take_a_learned_table():
    best = Problem(
        MultiAsset(
            spots=(100.0, 100.0), vols=(0.3, 0.3), rate=0.05, correlation=((1.0, 0.2), (0.2, 1.0))
        ),
        Rainbow(strike=100.0, expiry=1.0),
        Price(),
    )
    look = Problem(MARKET, Lookback(times=DATES, strike=100.0, monitoring="continuous"), Price())
    assert FactorGrid(qubits=5).discretise(look).report.chosen.worth == "learned"
    assert FactorGrid(qubits=5).discretise(best).report.chosen.residual_share < 0.15


def test_models_without_gaussian_prices_take_nodes_or_learn():
    problem = Problem(HESTON, Asian(strike=100.0, times=(0.5, 1.0)), Price())
    report = FactorGrid(qubits=5).discretise(problem).report
    assert [one.worth for one in report.tried] == ["nodes", "learned"]


def test_a_single_kind_is_all_that_is_tried():
    report = FactorGrid(qubits=3, cells="nodes").discretise(ASIAN).report
    assert [one.worth for one in report.tried] == ["nodes"]
    assert report.short.startswith("nodes: ")
    assert ";" not in report.short


def test_probabilities_and_losses_are_averaged_too():
    share = FactorGrid(qubits=6).discretise(
        Problem(MARKET, ASIAN.contract, Probability(threshold=0.0))
    )
    assert 0.4 < share.mean() < 0.65
    loss = FactorGrid(qubits=5).discretise(Problem(MARKET, ASIAN.contract, ExpectedLoss()))
    gain = FactorGrid(qubits=5).discretise(ASIAN)
    assert loss.mean() == pytest.approx(-gain.mean(), rel=1e-12)


def test_a_market_without_chance_is_exact():
    still = BlackScholes(spot=100.0, vol=0.0, rate=0.05)
    table = FactorGrid(qubits=2).discretise(Problem(still, CALL, Price()))
    assert (table.bias, table.bias_bound) == ("exact", 0.0)
    assert table.mean() == pytest.approx(100.0 - 100.0 * np.exp(-0.05), rel=1e-12)


def test_one_asset_is_near_the_closed_form():
    call, put = (
        FactorGrid(qubits=6).discretise(Problem(MARKET, kind(strike=100.0, expiry=1.0), Price()))
        for kind in (Call, Put)
    )
    assert call.mean() == pytest.approx(10.450583572185565, rel=2e-3)
    # one normal: both have the same cells, and parity is exact
    assert call.mean() - put.mean() == pytest.approx(100.0 - 100.0 * np.exp(-0.05), abs=1e-11)


BARRIER = Barrier(
    strike=100.0, barrier=80.0, times=(0.5, 1.0), direction="down-and-out", monitoring="continuous"
)
UNSUPPORTED = {
    "VaR": ({"bias": "bounded"}, Problem(MARKET, CALL, VaR(level=0.99)), "a price, not VaR"),
    "ES": ({"bias": "bounded"}, Problem(MARKET, CALL, ES(level=0.99)), "a price, not ES"),
    "Heston": (
        {"cells": "prices"},
        Problem(HESTON, CALL, Price()),
        "need Gaussian log prices: Heston has no log_prices",
    ),
    "extremes": ({"cells": "prices"}, Problem(MARKET, BARRIER, Price()), "or the contract watches"),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_what_it_cannot_treat_is_refused(case):
    fields, problem, told = UNSUPPORTED[case]
    with pytest.raises(Unsupported, match=re.escape(told)):
        FactorGrid(qubits=3, **fields).discretise(problem)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"pilot_paths": 1000}, "pilot_paths=1000: must be a power of two; 4096"),
        ({"pilot_paths": 32}, "pilot_paths=32: must be a whole number >= 64"),
        ({"pilot_paths": 64.0}, "pilot_paths=64.0: must be a whole number"),
        ({"pilot_seed": -1}, "pilot_seed=-1: must be a whole number >= 0"),
        ({"cells": "means"}, "cells='means': must be one of 'auto', 'prices', 'nodes', 'learned'"),
        ({"cells": None}, "cells=None: must be one of"),
        ({"qubits": 0}, "qubits=0: must be a whole number from 1"),
        ({"qubits": True}, "qubits=True: must be a whole number"),
    ],
)
def test_fields_out_of_range_are_refused(fields, told):
    with pytest.raises(InvalidProblem, match=re.escape(told)):
        FactorGrid(**fields)


def test_more_normals_than_sobol_sequences_have_dimensions_are_refused():
    many = Asian(strike=100.0, times=tuple(np.linspace(1e-4, 1.0, 21_300)))
    with pytest.raises(TooLarge, match="21300 normals a path: Sobol sequences have 21201 dimens"):
        FactorGrid(qubits=3).discretise(Problem(MARKET, many, Price()))


def test_cells_beyond_the_machine_are_refused_before_any_path():
    with pytest.raises(TooLarge, match=re.escape("a table of 2**60 cells (qubits=60)")):
        FactorGrid(qubits=60).discretise(ASIAN)


def test_a_pilot_beyond_the_machine_is_refused(monkeypatch):
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 20_000)
    with pytest.raises(TooLarge, match="a pilot of 4096 paths with 4 normals each"):
        FactorGrid(qubits=2).discretise(ASIAN)
