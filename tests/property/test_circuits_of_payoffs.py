"""Identities of payoffs, read from the circuit A: on common cells they hold to rounding.

The number of a circuit is offset + scale * P(flag = 1), from its state vector. Parity is an
identity cell by cell, so it is asked on the same cells; with a known law it is one between grids.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Statevector

from classical_baseline import Analytic
from qmc import (
    Asian,
    Barrier,
    Basket,
    BlackScholes,
    Call,
    FactorGrid,
    Goal,
    Heston,
    LawGrid,
    Lookback,
    MultiAsset,
    MultiplexedRotation,
    Price,
    Problem,
    Put,
    Quantum,
    Rainbow,
    Spread,
    Sum,
)
from qmc.backends import Aer
from qmc.backends.ideal import flag_probability
from qmc.grids.factor_cells import FactorCells, Ground, cell_values, node_values
from qmc.grids.mean_prices import has_mean_prices
from qmc.grids.pilot import Pilot
from qmc.rounds import Round

FEW = settings(derandomize=True, deadline=None, max_examples=12, database=None)
DATES = (0.25, 0.5, 1.0)
WAYS = ("up", "down")

markets = st.builds(
    BlackScholes,
    spot=st.floats(1.0, 500.0),
    vol=st.floats(0.05, 0.8),
    rate=st.floats(-0.05, 0.15),
    dividend_yield=st.floats(-0.02, 0.1),
)
ratios = st.floats(0.7, 1.4)
qubits = st.integers(2, 5)
kinds = st.sampled_from(["call", "put"])


@st.composite
def pairs(draw):
    rho = draw(st.floats(-1.0, 1.0))
    return MultiAsset(
        spots=(draw(st.floats(20.0, 200.0)), draw(st.floats(20.0, 200.0))),
        vols=(draw(st.floats(0.05, 0.6)), draw(st.floats(0.05, 0.6))),
        rate=draw(st.floats(-0.05, 0.15)),
        correlation=((1.0, rho), (rho, 1.0)),
    )


@dataclass(frozen=True)
class SameCells:
    """The cells that a factor grid makes for one problem, for all contracts on its normals."""

    base: Problem
    qubits: int = 4

    def discretise(self, problem):
        grid = FactorGrid(qubits=self.qubits, cells=self.worth(self.base), pilot_paths=256)
        table = grid.discretise(self.base)
        found = table.locator
        cells = FactorCells(found.frame, found.bits, tuple(range(len(found.bits))))
        if self.worth(problem) == "nodes":
            values = node_values(problem, cells)
        else:
            none = Pilot(np.empty((0, problem.num_factors)), np.empty(0), 1)
            values = cell_values(Ground(problem, none, cells.columns), cells, "prices")
        return replace(table, values=values, locator=cells)

    @staticmethod
    def worth(problem):
        return "prices" if has_mean_prices(problem) else "nodes"


def circuit_number(grid, model, contract):
    """offset + scale * P(flag = 1), from the state vector, which `Ideal` has to agree with."""
    encoded = MultiplexedRotation().encode(grid.discretise(Problem(model, contract, Price())))
    state = Statevector(encoded.circuit)
    amplitude = float(state.probabilities([encoded.flag])[1])
    assert amplitude == pytest.approx(flag_probability(encoded), abs=1e-12)
    return encoded.value(amplitude)


def closed_form(model, contract):
    return Analytic().solve(Problem(model, contract, Price()), Goal(tolerance=1.0)).value


def seen_at(contract, *others):
    """The contract with the other contracts' times, held zero times: the same normals."""
    return Sum(contracts=(contract, *others), quantities=(1.0, *(0.0 for _ in others)))


@FEW
@given(markets, ratios, ratios, kinds, st.sampled_from(WAYS), st.booleans(), qubits)
def test_in_and_out_make_the_vanilla(market, k, b, kind, way, continuous, size):
    strike, barrier = market.spot * k, market.spot * b
    terms = {"strike": strike, "barrier": barrier, "times": DATES, "kind": kind}
    terms["monitoring"] = "continuous" if continuous else "discrete"
    into, out = (Barrier(direction=f"{way}-and-{word}", **terms) for word in ("in", "out"))
    option = {"call": Call, "put": Put}[kind](strike=strike, expiry=DATES[-1])
    grid = SameCells(Problem(market, out, Price()), size)
    legs = [circuit_number(grid, market, leg) for leg in (into, out)]
    whole = circuit_number(grid, market, seen_at(option, out))
    assert sum(legs) == pytest.approx(whole, abs=1e-12 * (market.spot + strike) * 2**size)
    assert min(legs) >= -1e-12 * strike


@FEW
@given(markets, ratios, qubits)
def test_parity_of_asians(market, k, size):
    """Call less put is the forward on the average, and the circuit of their difference is too."""
    strike = market.spot * k
    call, put = (Asian(strike=strike, times=DATES, kind=kind) for kind in ("call", "put"))
    grid = SameCells(Problem(market, call, Price()), size)
    carry = market.rate - market.dividend_yield
    mean = market.spot * np.mean(np.exp(carry * np.asarray(DATES)))
    expected = math.exp(-market.rate * DATES[-1]) * (mean - strike)
    forward = Sum(contracts=(call, put), quantities=(1.0, -1.0))
    legs = [circuit_number(grid, market, leg) for leg in (call, put, forward)]
    allowed = 1e-12 * 2**size * (mean + strike)
    assert legs[0] - legs[1] == pytest.approx(expected, abs=allowed)
    assert legs[2] == pytest.approx(expected, abs=allowed)


@FEW
@given(pairs(), st.floats(0.1, 2.0), st.floats(20.0, 200.0), qubits)
def test_parity_on_two_assets(pair, weight, strike, size):
    """Baskets and spreads are linear, so the forward is exact; of extremes cells agree."""
    spots, grid_of = np.asarray(pair.spots), {"strike": strike, "expiry": 1.0}
    paid = strike * math.exp(-pair.rate)
    allowed = 1e-12 * 2**size * (spots.max() * (1.0 + weight) + strike)
    for contract, terms, forward in (
        (Basket, {"weights": (1.0, weight)}, spots[0] + weight * spots[1] - paid),
        (Spread, {}, spots[0] - spots[1] - paid),
        (Rainbow, {"on": "max"}, None),
    ):
        call, put = (contract(kind=kind, **grid_of, **terms) for kind in ("call", "put"))
        grid = SameCells(Problem(pair, call, Price()), size)
        gain = circuit_number(grid, pair, call) - circuit_number(grid, pair, put)
        both = Sum(contracts=(call, put), quantities=(1.0, -1.0))
        assert gain == pytest.approx(circuit_number(grid, pair, both), abs=allowed)
        if forward is not None:
            assert gain == pytest.approx(forward, abs=allowed)


@FEW
@given(ratios, st.floats(-0.9, 0.9), qubits)
def test_parity_without_gaussian_prices(k, rho, size):
    """Nodes of Heston: no forward is exact there, but call less put is that of their difference."""
    market = Heston(spot=100.0, rate=0.02, v0=0.04, kappa=1.5, theta=0.05, vol_of_vol=0.4, rho=rho)
    call, put = (Lookback(strike=100.0 * k, times=DATES, kind=kind) for kind in ("call", "put"))
    both = Sum(contracts=(call, put), quantities=(1.0, -1.0))
    grid = SameCells(Problem(market, call, Price()), size)
    legs = [circuit_number(grid, market, leg) for leg in (call, put, both)]
    assert legs[0] - legs[1] == pytest.approx(legs[2], abs=1e-9)


@FEW
@given(markets, ratios, st.integers(1, 5), st.integers(1, 5))
def test_parity_between_grids_of_a_known_law(market, k, one, two):
    """Every cell holds its exact conditional mean: parity needs neither cells nor qubits alike."""
    strike = market.spot * k
    call = circuit_number(LawGrid(qubits=one), market, Call(strike=strike, expiry=1.0))
    put = circuit_number(LawGrid(qubits=two), market, Put(strike=strike, expiry=1.0))
    forward = market.spot * math.exp(-market.dividend_yield) - strike * math.exp(-market.rate)
    assert call - put == pytest.approx(forward, abs=1e-9 * (market.spot + strike))
    assert call == pytest.approx(
        closed_form(market, Call(strike=strike, expiry=1.0)), abs=1e-9 * market.spot
    )


def struck(strike, kind):
    """Contracts with a strike on one asset; barriers are apart, their level is no share of it."""
    terms = {"strike": strike, "times": DATES, "kind": kind}
    return (
        Asian(**terms),
        Asian(average="geometric", **terms),
        Lookback(**terms),
        Lookback(monitoring="continuous", **terms),
        Barrier(direction="up-and-in", barrier=120.0, **terms),
        Barrier(direction="down-and-out", barrier=80.0, **terms),
    )


@FEW
@given(st.floats(70.0, 120.0), st.floats(1.01, 1.4), kinds, qubits)
def test_monotone_and_convex_in_the_strike(low, more, kind, size):
    market = BlackScholes(spot=100.0, vol=0.25, rate=0.03)
    strikes = (low, 0.5 * low * (1.0 + more), low * more)
    for ladder in zip(*(struck(strike, kind) for strike in strikes), strict=True):
        grid = SameCells(Problem(market, ladder[0], Price()), size)
        first, middle, last = (circuit_number(grid, market, one) for one in ladder)
        top, bottom = (first, last) if kind == "call" else (last, first)
        assert top >= middle - 1e-9
        assert middle >= bottom - 1e-9
        assert top - bottom <= strikes[2] - strikes[0] + 1e-9
        assert middle <= 0.5 * (first + last) + 1e-9


@FEW
@given(st.floats(0.01, 100.0), ratios, kinds, qubits)
def test_homogeneous_in_money(factor, k, kind, size):
    """In other units of money the grid makes the same cells, and A is the same circuit."""
    market = BlackScholes(spot=100.0, vol=0.25, rate=0.03, dividend_yield=0.01)
    other = replace(market, spot=100.0 * factor)
    for small in struck(100.0 * k, kind):
        changes = {"strike": small.strike * factor}
        if isinstance(small, Barrier):
            changes["barrier"] = small.barrier * factor
        large = replace(small, **changes)
        numbers = [
            circuit_number(FactorGrid(qubits=size, pilot_paths=256), model, contract)
            for model, contract in ((market, small), (other, large))
        ]
        assert numbers[1] == pytest.approx(factor * numbers[0], rel=1e-7, abs=1e-9 * factor)


@FEW
@given(markets, ratios, kinds, st.sampled_from(WAYS), qubits)
def test_a_barrier_at_infinity_is_the_vanilla(market, k, kind, way, size):
    """And a knock-in there is nothing: a circuit that never raises its flag."""
    far = market.spot * (1e9 if way == "up" else 1e-9)
    terms = {"strike": market.spot * k, "barrier": far, "times": DATES, "kind": kind}
    out = Barrier(direction=f"{way}-and-out", **terms)
    option = seen_at({"call": Call, "put": Put}[kind](strike=market.spot * k, expiry=1.0), out)
    grid = SameCells(Problem(market, out, Price()), size)
    numbers = [circuit_number(grid, market, one) for one in (out, option)]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-12, abs=1e-12)
    assert circuit_number(grid, market, replace(out, direction=f"{way}-and-in")) == 0.0


@pytest.mark.parametrize("rho", [-1.0, 1.0])
@pytest.mark.parametrize("size", [1, 3, 6])
def test_perfectly_correlated_assets_are_one_factor(rho, size):
    """One register carries both prices, whose forwards stay exact; two registers would waste."""
    pair = MultiAsset(
        spots=(100.0, 90.0), vols=(0.2, 0.3), rate=0.04, correlation=((1.0, rho), (rho, 1.0))
    )
    terms = {"weights": (0.5, 0.5), "strike": 95.0, "expiry": 1.0}
    call, put = (Basket(kind=kind, **terms) for kind in ("call", "put"))
    grid = SameCells(Problem(pair, call, Price()), size)
    assert grid.discretise(grid.base).registers == (size,)
    gain = circuit_number(grid, pair, call) - circuit_number(grid, pair, put)
    assert gain == pytest.approx(95.0 - 95.0 * math.exp(-0.04), abs=1e-10)


def certain_contracts(strike, kind):
    """Contracts of one certain path, and what each pays on it."""
    sign = 1.0 if kind == "call" else -1.0
    terms = {"strike": strike, "times": DATES, "kind": kind}
    yield {"call": Call, "put": Put}[kind](strike=strike, expiry=1.0), lambda p: sign * p[-1]
    yield Asian(**terms), lambda p: sign * p.mean()
    yield Asian(average="geometric", **terms), lambda p: sign * np.exp(np.log(p).mean())
    yield Lookback(**terms), lambda p: (sign * p).max()


@FEW
@given(st.floats(-0.05, 0.15), ratios, kinds, qubits)
def test_without_volatility_a_circuit_pays_the_forward(rate, k, kind, size):
    market = BlackScholes(spot=100.0, vol=0.0, rate=rate, dividend_yield=0.01)
    path = 100.0 * np.exp((rate - 0.01) * np.asarray(DATES))
    strike, sign = 100.0 * k, 1.0 if kind == "call" else -1.0
    for contract, paid in certain_contracts(strike, kind):
        expected = math.exp(-rate) * max(paid(path) - sign * strike, 0.0)
        found = circuit_number(FactorGrid(qubits=size, pilot_paths=64), market, contract)
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-11)


@FEW
@given(st.sampled_from([0.8, 0.95, 1.05, 1.25]), kinds, qubits)
def test_an_expiry_of_half_a_minute_pays_the_intrinsic_value(k, kind, size):
    """1e-6 years: the price moves by 0.02 %, fifty times less than the way to the strike."""
    now, market, strike = 1e-6, BlackScholes(spot=100.0, vol=0.2, rate=0.05), 100.0 * k
    intrinsic = max(100.0 - strike if kind == "call" else strike - 100.0, 0.0)
    terms = {"strike": strike, "times": (now,), "kind": kind}
    for contract in (
        {"call": Call, "put": Put}[kind](strike=strike, expiry=now),
        Asian(**terms),
        Lookback(**terms),
        Barrier(direction="down-and-out", barrier=50.0, **terms),
        Barrier(direction="up-and-out", barrier=150.0, monitoring="continuous", **terms),
    ):
        found = circuit_number(FactorGrid(qubits=size, pilot_paths=256), market, contract)
        assert found == pytest.approx(intrinsic, abs=5e-3)


@pytest.mark.parametrize("way", WAYS)
def test_circuits_run_shot_by_shot(way):
    """In-out parity of real shots: the three estimates of A's flag at power 0, within 5 sigma.

    False alarm: 6e-7 for each of the two.
    """
    market, shots = BlackScholes(spot=100.0, vol=0.25, rate=0.03), 40_000
    strike, level = (100.0, 115.0) if way == "up" else (85.0, 97.0)
    terms = {"strike": strike, "barrier": level, "times": DATES}
    into, out = (Barrier(direction=f"{way}-and-{word}", **terms) for word in ("in", "out"))
    whole = seen_at(Call(strike=strike, expiry=1.0), out)
    grid, total, variance = SameCells(Problem(market, out, Price()), 4), 0.0, 0.0
    engine, streams = Quantum(grid=grid, backend=Aer()), np.random.default_rng(11).spawn(3)
    for sign, contract, stream in zip((1, 1, -1), (into, out, whole), streams, strict=True):
        problem = Problem(market, contract, Price())
        encoded = engine.amplitude_problem(problem)
        (hits,) = engine.oracle(problem, rng=stream).run([Round(0, shots)])
        assert 0 < hits < shots
        rate = hits / shots
        total += sign * encoded.value(rate)
        variance += encoded.scale**2 * rate * (1.0 - rate) / shots
    assert abs(total) <= 5.0 * math.sqrt(variance)
    assert math.sqrt(variance) < 0.3
