"""Curves and term structures of `BlackScholes`: exact integrals, old bits, zero volatility."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    BlackScholes,
    Call,
    Curve,
    EmpiricalLaw,
    Goal,
    InvalidProblem,
    LawGrid,
    MultiAsset,
    Price,
    Problem,
    Put,
    Quantum,
    from_json,
    to_json,
)
from qmc.testing import check_model

RATE = Curve(times=(0.5, 1.0), values=(0.02, 0.03, 0.035))
YIELD = Curve(times=(0.75,), values=(0.0, 0.04))
VOL = Curve(times=(0.25, 1.5), values=(0.4, 0.2, 0.1))
CURVED = BlackScholes(spot=100.0, vol=VOL, rate=RATE, dividend_yield=YIELD)
TIMES = (0.2, 0.75, 1.0, 2.0)


@pytest.mark.parametrize("curve", [RATE, YIELD, VOL, Curve(times=(), values=(0.05,))], ids=repr)
def test_integrals_by_quadrature(curve):
    for end in (0.0, 0.1, 0.5, 0.75, 1.0, 3.0):
        expected, _ = integrate.quad(curve.at, 0.0, end, points=[*curve.times, end])
        assert float(curve.integral(end)) == pytest.approx(expected, abs=1e-13)


def test_values_hold_up_to_their_time_inclusive():
    after = np.nextafter(0.5, 1.0)
    assert RATE.at((0.0, 0.5, after, 1.0, 50.0)).tolist() == [0.02, 0.02, 0.03, 0.03, 0.035]
    assert RATE.at([[0.1], [2.0]]).shape == (2, 1)
    assert VOL.squared().values == (0.4**2, 0.2**2, 0.1**2)


def test_a_curve_is_a_value():
    assert from_json(to_json(CURVED)) == CURVED
    assert Curve(times=[1], values=np.array([0.1, 0.2])) == Curve(times=(1.0,), values=(0.1, 0.2))
    assert hash(RATE) == hash(Curve(times=RATE.times, values=RATE.values))
    check_model(CURVED, TIMES)


def test_paths_have_the_terminal_law_at_each_time():
    # each of four Kolmogorov-Smirnov tests raises a false alarm with probability 1e-4
    paths = CURVED.paths(TIMES, np.random.default_rng(1).standard_normal((20_000, 4)))
    means, loadings = CURVED.log_prices(TIMES)
    for place, time in enumerate(TIMES):
        law = CURVED.terminal_law(time)
        assert stats.kstest(paths[:, place, 0], law.cdf).pvalue > 1e-4
        total = float((loadings[place, 0] ** 2).sum())
        assert law.log_sd == pytest.approx(math.sqrt(total), rel=1e-13)
        assert math.log(law.mean) == pytest.approx(means[place, 0] + 0.5 * total, rel=1e-13)
        carry = float(RATE.integral(time) - YIELD.integral(time))
        assert law.mean == pytest.approx(100.0 * math.exp(carry), rel=1e-14)
    np.testing.assert_allclose(CURVED.discount(TIMES), np.exp(-RATE.integral(TIMES)), rtol=1e-15)


def test_log_prices_are_the_map_of_paths():
    normals = np.random.default_rng(2).standard_normal((20, 4))
    means, loadings = CURVED.log_prices(TIMES)
    logs = means + np.einsum("tcf,nf->ntc", loadings, normals)
    np.testing.assert_allclose(np.exp(logs), CURVED.paths(TIMES, normals), rtol=1e-12)


@pytest.mark.parametrize("name", ["vol", "rate", "dividend_yield"])
def test_a_flat_curve_is_its_number(name):
    fields = {"spot": 100.0, "vol": 0.3, "rate": 0.05, "dividend_yield": 0.02}
    flat = BlackScholes(**fields)
    same = Curve(times=(0.3, 4.0), values=(fields[name],) * 3)
    curved = BlackScholes(**(fields | {name: same}))
    normals = np.random.default_rng(3).standard_normal((20, 4))
    np.testing.assert_allclose(curved.paths(TIMES, normals), flat.paths(TIMES, normals), rtol=1e-13)
    np.testing.assert_allclose(curved.discount(TIMES), flat.discount(TIMES), rtol=1e-14)
    assert curved.terminal_law(2.0).mean == pytest.approx(flat.terminal_law(2.0).mean, rel=1e-14)


def test_numbers_keep_the_bits_of_the_plain_formula():
    flat = BlackScholes(spot=100.0, vol=0.3, rate=0.05, dividend_yield=0.02)
    normals = np.random.default_rng(3).standard_normal((20, 4))
    steps = np.diff(np.asarray(TIMES), prepend=0.0)
    drift = (0.05 - 0.02 - 0.5 * 0.3**2) * steps
    logs = np.cumsum(drift + 0.3 * np.sqrt(steps) * normals, axis=1)
    np.testing.assert_array_equal(flat.paths(TIMES, normals)[:, :, 0], 100.0 * np.exp(logs))
    np.testing.assert_array_equal(flat.discount(TIMES), np.exp(-0.05 * np.asarray(TIMES)))
    assert flat.terminal_law(2.0).log_sd == 0.3 * math.sqrt(2.0)


def test_engines_price_a_call_under_curves():
    problem = Problem(CURVED, Call(strike=105.0, expiry=2.0), Price())
    discount = math.exp(-(0.5 * 0.02 + 0.5 * 0.03 + 0.035))
    carry = 0.5 * 0.02 + 0.5 * 0.03 + 0.035 - 1.25 * 0.04
    deviation = math.sqrt(0.25 * 0.16 + 1.25 * 0.04 + 0.5 * 0.01)
    forward = 100.0 * math.exp(carry)
    d1 = math.log(forward / 105.0) / deviation + 0.5 * deviation
    call = forward * special.ndtr(d1) - 105.0 * special.ndtr(d1 - deviation)
    assert Analytic().solve(problem, Goal(tolerance=1.0)).value == pytest.approx(discount * call)
    assert LawGrid().discretise(problem).mean() == pytest.approx(discount * call, rel=1e-12)
    sampled = MonteCarlo().solve(problem, Goal(queries=20_000, confidence=0.9999), rng=1)
    assert sampled.interval.low <= discount * call <= sampled.interval.high


def test_many_assets_take_a_curve_of_rates():
    model = MultiAsset(
        spots=(100.0, 1.0),
        vols=(0.2, 0.1),
        rate=RATE,
        correlation=((1.0, 0.3), (0.3, 1.0)),
        dividend_yields=(0.01, 0.0),
    )
    check_model(model, TIMES)
    means, _ = model.log_prices(TIMES)
    one = BlackScholes(spot=100.0, vol=0.2, rate=RATE, dividend_yield=0.01)
    np.testing.assert_allclose(means[:, 0], one.log_prices(TIMES)[0][:, 0], rtol=1e-14)
    np.testing.assert_array_equal(model.discount(TIMES), one.discount(TIMES))


@pytest.mark.parametrize("vol", [0.0, Curve(times=(1.0,), values=(0.0, 0.2))], ids=str)
def test_zero_volatility_pays_on_the_forward(vol):
    model = BlackScholes(spot=100.0, vol=vol, rate=0.05, dividend_yield=0.02)
    forward = 100.0 * math.exp(0.03)
    assert model.terminal_law(1.0) == EmpiricalLaw(samples=(forward,))
    paths = model.paths((1.0,), np.array([[-3.0], [3.0]]))
    np.testing.assert_allclose(paths, forward, rtol=1e-15)
    for contract, payoff in (
        (Call(strike=90.0, expiry=1.0), forward - 90.0),
        (Call(strike=110.0, expiry=1.0), 0.0),
        (Put(strike=110.0, expiry=1.0), 110.0 - forward),
    ):
        problem = Problem(model, contract, Price())
        expected = payoff * math.exp(-0.05)
        for engine in (Analytic(), MonteCarlo(), Quantum(grid=LawGrid(qubits=2))):
            result = engine.solve(problem, Goal(tolerance=0.01, queries=10_000), rng=1)
            assert result.value == pytest.approx(expected, abs=0.01)
        assert LawGrid(qubits=3).discretise(problem).mean() == pytest.approx(expected, abs=1e-12)


BAD = [
    ((0.5, 0.5), (0.1, 0.1, 0.1), "increasing"),
    ((1.0, 0.5), (0.1, 0.1, 0.1), "increasing"),
    ((0.0,), (0.1, 0.1), "increasing"),
    ((-1.0,), (0.1, 0.1), "increasing"),
    ((math.nan,), (0.1, 0.1), "times"),
    ((1.0,), (0.1, math.inf), "values"),
    ((1.0,), (0.1,), "2 numbers for 1 times"),
    ((), (), "values"),
    ("x", (0.1,), "times"),
]


@pytest.mark.parametrize(("times", "values", "message"), BAD, ids=str)
def test_bad_curves_are_refused(times, values, message):
    with pytest.raises(InvalidProblem, match=message):
        Curve(times=times, values=values)


@pytest.mark.parametrize(
    ("name", "values"), [("vol", (0.2, -0.1)), ("rate", (0.1, 11.0)), ("vol", (0.2, 10.1))]
)
def test_curves_out_of_range_are_refused_by_name(name, values):
    fields = {"spot": 100.0, "vol": 0.3, "rate": 0.05}
    with pytest.raises(InvalidProblem, match=rf"{name}\.values\[1\]"):
        BlackScholes(**(fields | {name: Curve(times=(1.0,), values=values)}))
