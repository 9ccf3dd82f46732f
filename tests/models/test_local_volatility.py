"""`CEV` and `LocalVolatility`: closed forms, measured bias, martingales, interpolation."""

import math

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import ncx2

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    CEV,
    BlackScholes,
    Call,
    Curve,
    Goal,
    InvalidProblem,
    LocalVolatility,
    Price,
    Problem,
)
from qmc.models.sub_steps import sub_steps
from qmc.testing import check_model

ROOT = CEV(spot=100.0, vol=0.2, elasticity=0.5, rate=0.05, dividend_yield=0.01)
SKEW = LocalVolatility(
    spot=100.0,
    times=(0.1, 1.0, 3.0),
    log_moneyness=(-1.0, -0.2, 0.0, 0.5),
    vols=((0.6, 0.3, 0.2, 0.1), (0.5, 0.25, 0.2, 0.15), (0.4, 0.2, 0.2, 0.2)),
    rate=0.05,
    dividend_yield=0.01,
)


def black(model, strike, time):
    """Black and Scholes's price at the model's volatility at the spot."""
    fields = {"rate": model.rate, "dividend_yield": model.dividend_yield}
    market = BlackScholes(spot=model.spot, vol=model.vol, **fields)
    problem = Problem(market, Call(strike=strike, expiry=time), Price())
    return Analytic().solve(problem, Goal(tolerance=1.0)).value


def closed_form(model, strike, time):
    """Schroder 1989 by noncentral chi-squares, on the clock of the forward."""
    left = 1.0 - model.elasticity
    carry = model.rate - model.dividend_yield
    rate = 2.0 * carry * left
    clock = math.expm1(rate * time) / rate if rate else time
    scale = (left * model.vol * model.spot**left) ** 2 * clock
    forward = model.spot * math.exp(carry * time)
    x, y = forward ** (2.0 * left) / scale, strike ** (2.0 * left) / scale
    paid = forward * ncx2.sf(y, 2.0 + 1.0 / left, x) - strike * ncx2.cdf(x, 1.0 / left, y)
    return math.exp(-model.rate * time) * float(paid)


def controlled_call(model, strike, time, power=14):
    """The scheme's price and standard error: antithetic, controlled by the log-normal twin."""
    half = np.random.default_rng(3).standard_normal((2**power, model.num_factors((time,))))
    normals = np.concatenate([half, -half])
    prices = model.paths((time,), normals)[:, 0, 0]
    fields = {"rate": model.rate, "dividend_yield": model.dividend_yield}
    twin = CEV(
        spot=model.spot,
        vol=model.vol,
        elasticity=1.0,
        steps_per_year=model.steps_per_year,
        **fields,
    ).paths((time,), normals)[:, 0, 0]
    discount = math.exp(-model.rate * time)
    forward = model.spot * math.exp((model.rate - model.dividend_yield) * time)
    known = np.maximum(twin - strike, 0.0) - black(model, strike, time) / discount
    controls = np.stack([prices - forward, twin - forward, known], axis=1)
    paid = np.maximum(prices - strike, 0.0)
    weights, *_ = np.linalg.lstsq(controls - controls.mean(axis=0), paid - paid.mean(), rcond=None)
    pairs = discount * (paid - controls @ weights).reshape(2, -1).mean(axis=0)
    return float(pairs.mean()), float(pairs.std()) / math.sqrt(len(pairs))


def stepped(model, steps):
    return CEV(
        spot=model.spot,
        vol=model.vol,
        elasticity=model.elasticity,
        rate=model.rate,
        dividend_yield=model.dividend_yield,
        steps_per_year=steps,
    )


@pytest.mark.parametrize(("steps", "bias", "allowed"), [(4, 0.062, 0.006), (50, 0.0044, 0.004)])
def test_the_bias_shrinks_with_the_step(steps, bias, allowed):
    # standard errors are below 0.0015 and 0.001: `allowed` is four of them
    price, error = controlled_call(stepped(ROOT, steps), 130.0, 1.0)
    assert 4.0 * error < allowed
    assert price - closed_form(ROOT, 130.0, 1.0) == pytest.approx(bias, abs=allowed)


@pytest.mark.parametrize("elasticity", [0.0, 0.25, 0.9])
@pytest.mark.parametrize("strike", [80.0, 100.0])
def test_prices_are_near_the_closed_form(elasticity, strike):
    model = CEV(spot=100.0, vol=0.25, elasticity=elasticity, rate=0.03)
    price, error = controlled_call(model, strike, 1.0)
    assert abs(price - closed_form(model, strike, 1.0)) < 0.015 + 4.0 * error


def test_the_closed_form_tends_to_black_and_scholes():
    nearly = CEV(spot=100.0, vol=0.2, elasticity=0.999, rate=0.05, dividend_yield=0.01)
    assert closed_form(nearly, 110.0, 1.0) == pytest.approx(black(nearly, 110.0, 1.0), rel=1e-3)


def test_elasticity_one_is_black_and_scholes_step_by_step():
    model = CEV(spot=100.0, vol=0.2, elasticity=1.0, rate=0.05, steps_per_year=4)
    times = (0.25, 0.5, 0.75, 1.0)
    normals = np.random.default_rng(1).standard_normal((50, 4))
    plain = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    expected = plain.paths(times, normals)
    np.testing.assert_allclose(model.paths(times, normals), expected, rtol=1e-13)
    flat = LocalVolatility(
        spot=100.0, times=(1.0,), log_moneyness=(0.0,), vols=((0.2,),), rate=0.05, steps_per_year=4
    )
    np.testing.assert_allclose(flat.paths(times, normals), expected, rtol=1e-13)


def test_a_surface_of_cev_is_cev():
    grid = np.linspace(-3.0, 3.0, 2001)
    surface = LocalVolatility(
        spot=100.0, times=[0.0], log_moneyness=grid, vols=[0.2 * np.exp(-0.5 * grid)], rate=0.0
    )
    model = CEV(spot=100.0, vol=0.2, elasticity=0.5, rate=0.0)
    normals = np.random.default_rng(2).standard_normal((200, 50))
    np.testing.assert_allclose(
        surface.paths((1.0,), normals), model.paths((1.0,), normals), rtol=1e-5
    )


def test_a_surface_in_time_alone_has_its_integrated_variance():
    # vol = 0.1 + 0.2 t: the middle times' sum of squares leaves a twelfth of (0.2 step)^2
    surface = LocalVolatility(
        spot=1.0, times=(0.0, 1.0), log_moneyness=(0.0,), vols=((0.1,), (0.3,)), rate=0.0
    )
    ones = np.full((1, 50), 1.0)
    up, down = (float(np.log(surface.paths((1.0,), sign * ones)[0, 0, 0])) for sign in (1, -1))
    variance = 0.01 + 0.02 + 0.04 / 3.0
    assert -(up + down) == pytest.approx(variance, rel=1e-4)


@pytest.mark.parametrize("model", [ROOT, SKEW], ids=["cev", "surface"])
def test_discounted_prices_are_martingales(model):
    half = np.random.default_rng(4).standard_normal((2**14, model.num_factors((0.5, 2.0))))
    paths = model.paths((0.5, 2.0), np.concatenate([half, -half]))[:, :, 0]
    pairs = paths.reshape(2, -1, 2).mean(axis=0)
    forwards = 100.0 * np.exp(0.04 * np.array((0.5, 2.0)))
    # five standard errors: two means fail by chance with probability 1e-6
    errors = pairs.std(axis=0) / math.sqrt(len(pairs))
    assert np.all(np.abs(pairs.mean(axis=0) - forwards) < 5.0 * errors)


def test_volatility_is_bilinear_and_flat_outside():
    known = RegularGridInterpolator((SKEW.times, SKEW.log_moneyness), np.array(SKEW.vols))
    for time in (0.0, 0.1, 0.4, 1.0, 2.5, 3.0, 9.0):
        logs = np.array([-2.0, -1.0, -0.7, -0.1, 0.0, 0.3, 0.5, 4.0])
        inside = np.clip(logs, -1.0, 0.5)
        where = np.stack([np.full(8, min(max(time, 0.1), 3.0)), inside], axis=1)
        np.testing.assert_allclose(SKEW.volatility(time, logs), known(where), rtol=1e-13)


def test_conformance_and_curves():
    check_model(ROOT, (0.1, 0.5, 1.0))
    check_model(SKEW, (0.0, 0.25, 1.0))
    rate = Curve(times=(0.5,), values=(0.02, 0.08))
    for model in (
        CEV(spot=100.0, vol=0.2, elasticity=0.5, rate=rate),
        LocalVolatility(spot=100.0, times=(1.0,), log_moneyness=(0.0,), vols=((0.2,),), rate=rate),
    ):
        check_model(model, (0.5, 1.0))
        still = model.paths((1.0,), np.zeros((1, 50)))
        assert still[0, 0, 0] == pytest.approx(100.0 * math.exp(0.05 - 0.02), rel=2e-3)


def test_arrays_and_lists_become_the_same_value():
    same = LocalVolatility(
        spot=100,
        times=list(SKEW.times),
        log_moneyness=np.array(SKEW.log_moneyness),
        vols=np.array(SKEW.vols),
        rate=0.05,
        dividend_yield=0.01,
    )
    assert same == SKEW
    assert hash(same) == hash(SKEW)


def test_monte_carlo_prices_both():
    expected = closed_form(ROOT, 100.0, 1.0)
    problem = Problem(ROOT, Call(strike=100.0, expiry=1.0), Price())
    # intervals miss with probability 1e-4
    result = MonteCarlo().solve(problem, Goal(queries=20_000, confidence=0.9999), rng=1)
    assert result.interval.low - 0.01 <= expected <= result.interval.high + 0.01
    skewed = Problem(SKEW, Call(strike=100.0, expiry=1.0), Price())
    assert 5.0 < MonteCarlo().solve(skewed, Goal(queries=20_000), rng=1).value < 15.0


@pytest.mark.parametrize("elasticity", [0.0, 0.5])
def test_prices_that_reach_zero_stay_there(elasticity):
    model = CEV(spot=100.0, vol=3.0, elasticity=elasticity, rate=0.0)
    normals = np.random.default_rng(5).standard_normal((500, 100))
    first, last = np.moveaxis(model.paths((1.0, 2.0), normals)[:, :, 0], 1, 0)
    assert np.all(np.isfinite(last))
    assert np.any(first < 1e-12)
    assert np.all(last[first < 1e-12] < 1e-6)


def test_zero_volatility_is_the_forward():
    still = CEV(spot=100.0, vol=0.0, elasticity=0.5, rate=0.05)
    paths = still.paths((1.0,), np.random.default_rng(6).standard_normal((5, 50)))
    np.testing.assert_allclose(paths, 100.0 * math.exp(0.05), rtol=1e-15)


def test_sub_steps_end_at_the_times_and_are_short_enough():
    times = (0.0, 1.0 / 12.0, 0.3, 2.0)
    steps = list(sub_steps(times, 12))
    assert [step.end for step in steps if step.time is not None] == list(times)
    assert [step.time for step in steps if step.time is not None] == [0, 1, 2, 3]
    assert all(0.0 <= step.length <= 1.0 / 12.0 + 1e-9 for step in steps)
    assert len(steps) == 1 + 1 + 3 + 21
    assert len(list(sub_steps((0.1, 0.2, 0.3), 10))) == 3


def cev(**fields):
    return CEV(**({"spot": 100.0, "vol": 0.2, "elasticity": 0.5, "rate": 0.0} | fields))


def surface(**fields):
    given = {
        "spot": 100.0,
        "times": (0.5, 1.0),
        "log_moneyness": (-0.1, 0.1),
        "vols": ((0.2, 0.2), (0.2, 0.2)),
        "rate": 0.0,
    }
    return LocalVolatility(**(given | fields))


BAD = [
    *[(cev, "vol", v) for v in (-0.1, 11.0, math.nan, "1")],
    *[(cev, "elasticity", v) for v in (-0.1, 1.1, math.nan, math.inf)],
    *[
        (kind, name, v)
        for kind in (cev, surface)
        for name, v in (
            ("spot", 0.0),
            ("spot", math.nan),
            ("rate", math.inf),
            ("dividend_yield", 11.0),
            ("steps_per_year", 0),
            ("steps_per_year", 2.5),
        )
    ],
    *[(surface, "times", v) for v in ((), (1.0, 0.5), (0.5, 0.5), (-0.5, 1.0), (math.nan, 1.0))],
    *[(surface, "log_moneyness", v) for v in ((), (0.1, 0.1), (0.1, -0.1), (0.0, math.inf))],
    (surface, "vols", ((0.2, 0.2),)),
    (surface, "vols", ((0.2, 0.2), (0.2, -0.2))),
    (surface, "vols", ((0.2, 0.2), (0.2, 20.0))),
    (surface, "vols", ((0.2, 0.2), (0.2, math.nan))),
    (surface, "vols", (0.2, 0.2)),
]


@pytest.mark.parametrize(("kind", "name", "value"), BAD)
def test_bad_fields_are_refused_by_name(kind, name, value):
    with pytest.raises(InvalidProblem, match=name):
        kind(**{name: value})
