"""Closed forms against quadrature, limits and Monte Carlo; what `Analytic` refuses.

Monte Carlo comparisons: 4 error bars, 14 draws, a right program fails at one with probability
14 x 6.3e-5 = .09 %.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import integrate, special

from classical_baseline import Analytic, MonteCarlo
from classical_baseline.closed_forms import (
    Diffusion,
    bivariate_normal,
    black,
    exchange,
    knock_in,
    lookback_fixed,
    partial_lookback_fixed,
    partial_lookback_floating,
    rainbow,
    rebate_at_hit,
)
from qmc import (
    Asian,
    Barrier,
    Basket,
    BlackScholes,
    Call,
    Curve,
    Exchange,
    ExpectedLoss,
    Goal,
    Lookback,
    Merton,
    MultiAsset,
    NormalReturns,
    Price,
    Probability,
    Problem,
    Put,
    Rainbow,
    Spread,
    Sum,
)
from qmc.errors import InvalidProblem, Unsupported

MARKET = BlackScholes(spot=100.0, vol=0.25, rate=0.04, dividend_yield=0.01)
PAIR = MultiAsset(
    spots=(100.0, 90.0),
    vols=(0.2, 0.35),
    rate=0.03,
    correlation=((1.0, 0.4), (0.4, 1.0)),
    dividend_yields=(0.01, 0.0),
)
TRIPLE = MultiAsset(spots=(1.0,) * 3, vols=(0.2,) * 3, rate=0.0, correlation=np.eye(3))
TIMES = (0.25, 0.5, 1.0)
GOAL = Goal(tolerance=1.0)


def closed(model, contract, measure=Price()):
    return Analytic().solve(Problem(model, contract, measure), GOAL).value


def barrier(direction="down-and-out", level=85.0, **given):
    terms = {"strike": 100.0, "times": TIMES, "monitoring": "continuous"}
    return Barrier(barrier=level, direction=direction, **terms | given)


def lookback(**given):
    return Lookback(**{"times": TIMES, "monitoring": "continuous"} | given)


SEEN_BY_MONTE_CARLO = [
    (MARKET, Asian(strike=100.0, times=TIMES, average="geometric")),
    (MARKET, Asian(times=TIMES, average="geometric", strike_style="floating", kind="put")),
    (MARKET, barrier("up-and-out", 130.0, kind="put", rebate=5.0)),
    (MARKET, barrier("down-and-out", rebate=5.0, rebate_at="hit")),
    (MARKET, barrier("up-and-in", 125.0, rebate=5.0)),
    (MARKET, lookback(strike=110.0, extreme_so_far=105.0)),
    (replace(MARKET, dividend_yield=0.04), lookback(strike_style="floating")),
    (replace(MARKET, rate=-0.02), lookback(strike_style="floating", kind="put")),
    (replace(MARKET, rate=-0.02), lookback(strike=95.0, kind="put", window=(0.25, 1.0))),
    (MARKET, lookback(strike_style="floating", window=(0.0, 0.5), multiple=1.1)),
    (MARKET, lookback(strike_style="floating", kind="put", window=(0.0, 0.5), multiple=0.9)),
    (PAIR, Exchange(expiry=1.0, quantities=(1.0, 1.2))),
    (PAIR, Rainbow(strike=95.0, expiry=1.0, on="min", kind="put", weights=(0.9, 1.1))),
    (PAIR, Rainbow(strike=0.0, expiry=1.0)),
]


@pytest.mark.parametrize(("model", "contract"), SEEN_BY_MONTE_CARLO)
def test_monte_carlo_agrees(model, contract):
    problem = Problem(model, contract, Price())
    result = MonteCarlo().solve(problem, Goal(queries=150_000), rng=21)
    error = result.interval.half_width / 1.96
    assert abs(result.value - closed(model, contract)) <= 4.0 * error


@pytest.mark.parametrize("rho", [-1.0, -0.999999, -0.6, 0.0, 0.3, 0.99, 1.0])
def test_bivariate_normal(rho):
    """Against one-dimensional quadrature of N((y - rho z) / sqrt(1 - rho^2)) phi(z)."""
    points = [-2.5, -1.0, 0.0, 0.7, 3.0]
    for x in points:
        for y in points:
            value = bivariate_normal(x, y, rho)
            assert value == pytest.approx(bivariate_normal(y, x, rho), abs=1e-15)
            if abs(rho) == 1.0:
                both = min(x, y) if rho > 0 else max(special.ndtr(x) - special.ndtr(-y), 0.0)
                expected = special.ndtr(both) if rho > 0 else both
            else:
                expected = _quadrature(x, y, rho)
            assert value == pytest.approx(expected, abs=1e-12)
    assert bivariate_normal(math.inf, 1.0, rho) == pytest.approx(special.ndtr(1.0))
    assert bivariate_normal(-math.inf, 1.0, rho) == 0.0


def _quadrature(x, y, rho):
    root = math.sqrt(1.0 - rho**2)

    def density(z):
        return (
            math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) * special.ndtr((y - rho * z) / root)
        )

    turns = [y / rho + width * root for width in (-6.0, 0.0, 6.0)] if rho else []
    inside = [turn for turn in turns if -9.0 < turn < x]
    return integrate.quad(density, -9.0, x, points=inside, epsabs=1e-14, limit=200)[0]


@pytest.mark.parametrize("strike", [0.0, 70.0, 100.0])
def test_rainbow_limits(strike):
    forwards, deviations = (100.0, 80.0), (0.2, 0.3)
    first, second = (black(f, strike, s) for f, s in zip(forwards, deviations, strict=True))
    for rho in (-1.0, -0.3, 0.8, 1.0):
        best, worst = (rainbow(forwards, deviations, rho, strike, on=on) for on in ("max", "min"))
        assert best + worst == pytest.approx(first + second)
        assert 0.0 <= worst <= min(first, second) + 1e-12
    # one asset twice, and one that moves as the other: the smaller is always the same
    assert rainbow((90.0, 90.0), (0.2, 0.2), 1.0, strike, on="min") == black(90.0, strike, 0.2)
    assert rainbow((100.0, 80.0), (0.2, 0.2), 1.0, strike) == pytest.approx(
        black(100.0, strike, 0.2)
    )


def test_rainbow_by_quadrature():
    """E over the first asset of Black's formula on the second, which is log-normal given it."""
    f1, f2, s1, s2, rho, strike = 100.0, 95.0, 0.25, 0.4, -0.35, 90.0
    rest = s2 * math.sqrt(1.0 - rho**2)

    def given(z):
        first = f1 * math.exp(s1 * z - 0.5 * s1**2)
        forward = f2 * math.exp(rho * s2 * z - 0.5 * (rho * s2) ** 2)
        cap = black(forward, strike, rest) - black(forward, first, rest) if first > strike else 0.0
        return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) * cap

    kink = (math.log(strike / f1) + 0.5 * s1**2) / s1
    expected = integrate.quad(given, kink, 9.0, epsabs=1e-11, limit=200)[0]
    assert rainbow((f1, f2), (s1, s2), rho, strike, on="min") == pytest.approx(expected, abs=1e-8)


def test_small_limits():
    assert black(100.0, 90.0, 0.0) == 10.0
    assert black(100.0, 90.0, 0.0, "put") == 0.0
    assert black(100.0, 0.0, 0.2) == 100.0
    assert exchange(100.0, 90.0, 0.0) == 10.0
    one = Asian(strike=105.0, times=(1.0,), average="geometric")
    assert closed(MARKET, one) == pytest.approx(closed(MARKET, Call(strike=105.0, expiry=1.0)))


@pytest.mark.parametrize("kind", ["call", "put"])
def test_lookbacks_cross_a_carry_of_zero(kind):
    """The interpolated values lie on the line through those beside, up to its curvature."""

    def prices(carry):
        market = Diffusion(spot=100.0, vol=0.2, rate=0.03, dividend_yield=0.03 - carry)
        return np.array(
            [
                lookback_fixed(market, 98.0, 1.0, kind=kind),
                partial_lookback_fixed(market, 98.0, 0.4, 1.0, kind=kind),
                partial_lookback_floating(market, 0.4, 1.0, kind=kind),
            ]
        )

    step = 1.0e-4
    middle = 0.5 * (prices(step) + prices(-step))
    np.testing.assert_allclose(prices(0.0), middle, rtol=1e-6)
    np.testing.assert_allclose(prices(1e-6), middle, rtol=1e-5)
    # the switch to interpolation leaves no jump
    edge = 0.1 * 3e-3 * 0.2
    np.testing.assert_allclose(prices(edge * (1.0 - 1e-9)), prices(edge * (1.0 + 1e-9)), rtol=1e-9)


@pytest.mark.parametrize("vol", [0.01, 0.002])
def test_small_volatilities_do_not_overflow(vol):
    market = Diffusion(spot=100.0, vol=vol, rate=0.05)
    assert knock_in(market, 100.0, 95.0, 1.0, upward=False, kind="call") < 1e-6
    # the maximum passes the last price by vol^2 / (2 carry) of it in the mean
    beyond = 100.0 * vol**2 / (2.0 * 0.05)
    expected = 100.0 * (1.0 - math.exp(-0.05)) + beyond
    assert lookback_fixed(market, 100.0, 1.0, kind="call") == pytest.approx(expected, rel=1e-6)
    assert rebate_at_hit(market, 102.0, 1.0, upward=True) == pytest.approx(1 / 1.02, rel=0.01)


def test_a_rebate_at_the_hit_approaches_its_own_formula():
    """Paid at the end of each of many steps, it is worth the moment's payment less half a step."""
    market = Diffusion(spot=100.0, vol=0.25, rate=0.04, dividend_yield=0.01)
    moment = 5.0 * rebate_at_hit(market, 85.0, 1.0, upward=False)
    steps = 400
    fine = tuple((np.arange(steps) + 1.0) / steps)
    plain = closed(MARKET, barrier(times=fine))
    stepped = closed(MARKET, barrier(times=fine, rebate=5.0, rebate_at="hit")) - plain
    assert stepped < moment
    assert stepped == pytest.approx(moment * (1.0 - 0.5 * 0.04 / steps), rel=1e-5)
    with pytest.raises(InvalidProblem, match="too negative"):
        rebate_at_hit(replace(market, rate=-0.5, dividend_yield=-0.5), 85.0, 1.0, upward=False)


def test_sums_and_losses():
    parts = (Put(strike=90.0, expiry=0.5), barrier(), barrier("down-and-in"))
    total = Sum(contracts=parts, quantities=(2.0, 1.0, 1.0))
    expected = 2.0 * closed(MARKET, parts[0]) + closed(MARKET, Call(strike=100.0, expiry=1.0))
    assert closed(MARKET, total) == pytest.approx(expected, rel=1e-12)
    assert closed(MARKET, total, ExpectedLoss()) == pytest.approx(-expected, rel=1e-12)
    assert closed(MARKET, barrier(), ExpectedLoss()) == -closed(MARKET, barrier())
    result = Analytic().solve(Problem(MARKET, barrier(), Price()), GOAL)
    assert "Reiner and Rubinstein" in result.budget.lines[0].note


@pytest.mark.parametrize(
    ("model", "contract", "named"),
    [
        (MARKET, Asian(strike=1.0, times=TIMES), "Asian under BlackScholes.*arithmetic"),
        (PAIR, Asian(strike=1.0, times=TIMES, average="geometric", weights=(1, 1)), "basket"),
        (MARKET, barrier(monitoring="discrete"), 'Barrier.*monitoring="continuous"'),
        (MARKET, lookback(strike=1.0, monitoring="discrete"), "Lookback.*continuous"),
        (MARKET, lookback(strike=1.0, window=(0.25, 0.5)), "window and multiple"),
        (MARKET, lookback(strike_style="floating", multiple=1.1), "window and multiple"),
        (
            replace(MARKET, vol=0.01),
            lookback(strike=120.0, window=(0.25, 1.0)),
            "small a volatility",
        ),
        (
            replace(MARKET, rate=Curve(times=(0.5,), values=(0.01, 0.02))),
            barrier(),
            "constant vol, rate",
        ),
        (replace(MARKET, vol=0.0), barrier(), "volatility above 0"),
        (
            Merton(spot=100.0, vol=0.2, rate=0.0, intensity=1.0, jump_mean=0.0, jump_vol=0.1),
            Asian(strike=1.0, times=TIMES, average="geometric"),
            "GaussianLogPrices",
        ),
        (MARKET, Rainbow(strike=1.0, expiry=1.0), "for 2 assets, the model has 1"),
        (TRIPLE, Rainbow(strike=1.0, expiry=1.0), "for 2 assets, the model has 3"),
        (PAIR, Spread(strike=1.0, expiry=1.0), "Spread"),
        (PAIR, Basket(weights=(1.0, 1.0), strike=1.0, expiry=1.0), "Basket"),
        (PAIR, Sum(contracts=(Exchange(expiry=1.0), Spread(strike=1.0, expiry=1.0))), "Spread"),
        (
            NormalReturns(mean=(0.0, 0.0), covariance=((1.0, 0.0), (0.0, 1.0))),
            Exchange(expiry=1.0),
            "Portfolio",
        ),
        (
            MultiAsset(spots=(1.0, 1.0), vols=(0.0, 0.1), rate=0.0, correlation=np.eye(2)),
            Rainbow(strike=1.0, expiry=1.0),
            "volatilities above 0",
        ),
    ],
)
def test_what_has_no_closed_form_is_refused_by_name(model, contract, named):
    with pytest.raises(Unsupported, match=named) as caught:
        closed(model, contract)
    assert "MonteCarlo" in str(caught.value)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Somebody's own model, whose extremes have a law of their own."""

    def num_factors(self, times):
        return len(times)

    def paths(self, times, normals):
        return np.exp(normals)[:, :, None]

    def extremes(self, times, paths, normals, side):
        return paths * np.exp(np.abs(normals) * (1.0 if side == "high" else -1.0))

    def discount(self, times):
        return np.ones(len(times))


def test_other_models_and_measures_are_refused():
    with pytest.raises(Unsupported, match="Barrier under Watched: the formula is for BlackScholes"):
        closed(Watched(), barrier())
    with pytest.raises(Unsupported, match="Probability for Barrier"):
        closed(MARKET, barrier(), Probability(threshold=1.0))
