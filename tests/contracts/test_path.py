"""Asian, lookback, barrier, cliquet: payoffs, monitoring, refusals."""

import math

import numpy as np
import pytest

from qmc import Asian, Barrier, BlackScholes, Cliquet, Lookback, Price, Problem
from qmc.errors import InvalidProblem
from qmc.testing import check_contract

TIMES = (0.5, 1.0)
MARKET = BlackScholes(spot=100.0, vol=0.3, rate=0.05)
# three paths over two times
PATHS = np.array([[[110.0], [90.0]], [[95.0], [130.0]], [[80.0], [100.0]]])
DISCOUNT = np.array([0.9, 0.5])
HIGHS = np.array([[[115.0], [112.0]], [[104.0], [131.0]], [[101.0], [105.0]]])
LOWS = np.array([[[99.0], [88.0]], [[90.0], [94.0]], [[70.0], [79.0]]])
WORDS = ("up-and-out", "up-and-in", "down-and-out", "down-and-in")


def barrier(direction="up-and-out", level=120.0, **given):
    return Barrier(
        **{"strike": 100.0, "times": TIMES, "barrier": level, "direction": direction} | given
    )


def lookback(**given):
    floating = given.get("strike_style") == "floating"
    return Lookback(**{"times": TIMES} | ({} if floating else {"strike": 100.0}) | given)


def asian(**given):
    floating = given.get("strike_style") == "floating"
    return Asian(**{"times": TIMES} | ({} if floating else {"strike": 100.0}) | given)


STYLES = [
    {"kind": kind, "strike_style": style}
    for kind in ("call", "put")
    for style in ("fixed", "floating")
]
CONTRACTS = [
    *[
        asian(average=average, **style)
        for average in ("arithmetic", "geometric")
        for style in STYLES
    ],
    *[lookback(**style) for style in STYLES],
    *[lookback(monitoring="continuous", window=(0.5, 1.0), **style) for style in STYLES],
    lookback(extreme_so_far=120.0, window=(0.0, 0.5)),
    *[barrier(word, monitoring=look) for word in WORDS for look in ("discrete", "continuous")],
    barrier(rebate=3.0, rebate_at="hit", kind="put"),
    Cliquet(times=(0.0, 0.5, 1.0), local_floor=-0.1, local_cap=0.1, global_cap=0.3, notional=5.0),
    Cliquet(times=TIMES),
]


def payoff(contract, extremes=None):
    paths = PATHS if extremes is None else np.concatenate([PATHS, extremes], axis=2)
    return pytest.approx((contract.present_value(paths, DISCOUNT) / 0.5).tolist())


@pytest.mark.parametrize("contract", CONTRACTS, ids=repr)
def test_conformance(contract):
    check_contract(contract)
    check_contract(contract, MARKET)


def test_asian_payoffs():
    assert payoff(asian()) == [0.0, 12.5, 0.0]
    assert payoff(asian(kind="put")) == [0.0, 0.0, 10.0]
    assert payoff(asian(strike_style="floating")) == [0.0, 17.5, 10.0]
    assert payoff(asian(strike_style="floating", kind="put")) == [10.0, 0.0, 0.0]
    means = [math.sqrt(110 * 90), math.sqrt(95 * 130), math.sqrt(80 * 100)]
    assert payoff(asian(average="geometric", kind="put")) == [max(100 - m, 0.0) for m in means]


def test_an_asian_basket_averages_the_basket():
    basket = asian(weights=(1.0, 0.5))
    check_contract(basket, columns=2)
    paths = np.array([[[60.0, 80.0], [70.0, 120.0]]])
    assert basket.present_value(paths, DISCOUNT).tolist() == [7.5]
    with pytest.raises(InvalidProblem, match="1 columns: Asian has 2 weights"):
        basket.present_value(PATHS, DISCOUNT)
    with pytest.raises(InvalidProblem, match="give weights="):
        asian().present_value(paths, DISCOUNT)


def test_lookback_payoffs():
    assert payoff(lookback()) == [10.0, 30.0, 0.0]
    assert payoff(lookback(kind="put")) == [10.0, 5.0, 20.0]
    assert payoff(lookback(strike_style="floating")) == [0.0, 35.0, 20.0]
    assert payoff(lookback(strike_style="floating", kind="put")) == [20.0, 0.0, 0.0]
    multiple = lookback(strike_style="floating", multiple=1.1)
    assert payoff(multiple) == [0.0, 130 - 1.1 * 95, 100 - 1.1 * 80]
    assert payoff(lookback(extreme_so_far=120.0)) == [20.0, 30.0, 20.0]
    assert payoff(lookback(kind="put", extreme_so_far=85.0)) == [15.0, 15.0, 20.0]


def test_lookback_windows():
    """Discrete windows include their ends; a step counts where it begins inside the window."""
    early, late = (0.0, 0.5), (0.5, 1.0)
    assert payoff(lookback(window=early)) == [10.0, 0.0, 0.0]
    assert payoff(lookback(window=late)) == [10.0, 30.0, 0.0]
    assert payoff(lookback(window=(0.0, 1.0))) == [10.0, 30.0, 0.0]
    continuous = {"monitoring": "continuous"}
    assert payoff(lookback(**continuous), HIGHS) == [15.0, 31.0, 5.0]
    assert payoff(lookback(window=early, **continuous), HIGHS) == [15.0, 4.0, 1.0]
    assert payoff(lookback(window=late, **continuous), HIGHS) == [12.0, 31.0, 5.0]
    assert payoff(lookback(window=late, kind="put", **continuous), LOWS) == [12.0, 6.0, 21.0]


def test_barrier_payoffs():
    assert payoff(barrier("up-and-out")) == [0.0, 0.0, 0.0]
    assert payoff(barrier("up-and-in")) == [0.0, 30.0, 0.0]
    assert payoff(barrier("down-and-out", 90.0)) == [0.0, 30.0, 0.0]
    assert payoff(barrier("down-and-in", 90.0, kind="put")) == [10.0, 0.0, 0.0]
    assert payoff(barrier("down-and-out", 90.0, rebate=4.0)) == [4.0, 30.0, 4.0]
    assert payoff(barrier("down-and-in", 90.0, rebate=4.0)) == [0.0, 4.0, 0.0]
    # paid at the first time at or below: half a year for the third path, at expiry for the first
    at_hit = barrier("down-and-out", 90.0, rebate=4.0, rebate_at="hit")
    assert payoff(at_hit) == [4.0, 30.0, 4.0 * 0.9 / 0.5]


def test_continuous_barriers_read_the_extremes():
    assert payoff(barrier("down-and-out", 92.0, monitoring="continuous"), LOWS) == [0.0, 0.0, 0.0]
    assert payoff(barrier("up-and-in", 105.0, monitoring="continuous"), HIGHS) == [0.0, 30.0, 0.0]
    for direction, side in (("up-and-in", "high"), ("down-and-out", "low")):
        contract = barrier(direction, monitoring="continuous")
        assert contract.extremes == side
        assert barrier(direction).extremes is None
        with pytest.raises(InvalidProblem, match=f"column of {side} prices"):
            contract.present_value(PATHS, DISCOUNT)


def test_a_price_of_0_stays_there():
    paths = np.array([[[4.0], [9.0], [6.0]], [[4.0], [0.0], [0.0]]])
    geometric = Asian(strike=1.0, times=(0.5, 1.0, 1.5), average="geometric")
    assert geometric.present_value(paths, np.ones(3)) == pytest.approx([5.0, 0.0])
    cliquet = Cliquet(times=(0.5, 1.0, 1.5), local_cap=0.5, global_floor=-2.0)
    expected = [0.5 - 1.0 / 3.0, -1.0]
    assert cliquet.present_value(paths, np.ones(3)) == pytest.approx(expected)


def test_a_spot_beyond_the_barrier_has_reached_it():
    """Continuous monitoring begins with the spot; discrete monitoring where a time is 0."""
    for level, word in ((99.0, "up-and-out"), (100.0, "up-and-out"), (100.0, "down-and-out")):
        for given in ({"monitoring": "continuous"}, {"times": (0.0, 0.5)}):
            problem = Problem(MARKET, barrier(word, level, rebate=1.0, **given), Price())
            normals = np.random.default_rng(1).standard_normal((50, problem.num_factors))
            expected = MARKET.discount(problem.contract.times)[-1]
            assert np.all(problem.values(normals) == pytest.approx(expected))


def test_cliquet_payoffs():
    paths = np.array([[[100.0], [120.0], [90.0]], [[100.0], [105.0], [107.1]]])
    plain = Cliquet(times=(0.0, 0.5, 1.0), notional=10.0)
    held = Cliquet(times=(0.0, 0.5, 1.0), local_floor=-0.05, local_cap=0.1, global_cap=0.06)
    assert plain.present_value(paths, np.ones(3)).tolist() == pytest.approx([0.0, 0.7])
    assert held.present_value(paths, np.ones(3)).tolist() == pytest.approx([0.05, 0.06])


BAD_TIMES = [(), (0.5, 0.5), (1.0, 0.5), (-1.0, 1.0), (math.nan,), (0.0,), 1.0, "soon"]


@pytest.mark.parametrize("times", BAD_TIMES, ids=repr)
@pytest.mark.parametrize("build", [asian, lookback, barrier, Cliquet])
def test_bad_times_are_refused(build, times):
    with pytest.raises(InvalidProblem, match="times"):
        build(times=times)


@pytest.mark.parametrize(
    ("build", "given", "named"),
    [
        (asian, {"strike": None}, "strike"),
        (asian, {"strike_style": "floating", "strike": 1.0}, "strike=1.0: must be None"),
        (asian, {"average": "harmonic"}, "average"),
        (asian, {"kind": "both"}, "kind"),
        (asian, {"strike_style": "mixed"}, "strike_style"),
        (asian, {"average": "geometric", "weights": (1.0, -1.0)}, "weights"),
        (asian, {"weights": ()}, "weights"),
        (lookback, {"strike": -1.0}, "strike"),
        (lookback, {"multiple": 1.1}, "multiple"),
        (lookback, {"strike_style": "floating", "multiple": 0.0}, "multiple"),
        (
            lookback,
            {"strike_style": "floating", "multiple": 0.9},
            "multiple=0.9: must be 1 or above",
        ),
        (
            lookback,
            {"strike_style": "floating", "multiple": 0.9, "window": (0.0, 0.5)},
            "multiple=0.9: must be 1 or above for a call",
        ),
        (
            lookback,
            {"strike_style": "floating", "multiple": 1.1, "kind": "put"},
            "multiple=1.1: must be 1 or below for a put",
        ),
        (lookback, {"window": (0.5,)}, "window"),
        (lookback, {"window": (1.0, 0.5)}, "window"),
        (lookback, {"window": (0.25, 1.0)}, "add its ends to times"),
        (lookback, {"window": (0.0, 0.7)}, "add its ends to times"),
        (lookback, {"extreme_so_far": 0.0}, "extreme_so_far"),
        (lookback, {"extreme_so_far": 9.0, "window": (0.5, 1.0)}, "extreme_so_far"),
        (lookback, {"monitoring": "daily"}, "monitoring"),
        (barrier, {"level": 0.0}, "barrier"),
        (barrier, {"strike": math.inf}, "strike"),
        (barrier, {"direction": "sideways"}, "direction"),
        (barrier, {"kind": "both"}, "kind"),
        (barrier, {"rebate": -1.0}, "rebate"),
        (barrier, {"rebate_at": "noon"}, "rebate_at"),
        (barrier, {"rebate_at": "hit", "direction": "up-and-in"}, "rebate_at"),
        (barrier, {"monitoring": "daily"}, "monitoring"),
        (Cliquet, {"times": (1.0,)}, "at least 2"),
        (Cliquet, {"times": TIMES, "local_floor": 0.2, "local_cap": 0.1}, "local_floor"),
        (Cliquet, {"times": TIMES, "global_cap": -0.1}, "global_floor"),
        (Cliquet, {"times": TIMES, "local_cap": math.nan}, "local_cap"),
        (Cliquet, {"times": TIMES, "local_floor": math.inf}, "floor"),
        (Cliquet, {"times": TIMES, "local_cap": -math.inf}, "cap"),
        (Cliquet, {"times": TIMES, "notional": 0.0}, "notional"),
    ],
)
def test_bad_fields_are_refused_by_name(build, given, named):
    with pytest.raises(InvalidProblem, match=named):
        build(**given)


@pytest.mark.parametrize("build", [lookback, barrier, Cliquet])
def test_one_asset_contracts_refuse_more(build):
    with pytest.raises(InvalidProblem, match="3 columns"):
        build(times=TIMES).present_value(np.ones((2, 2, 3)), DISCOUNT)
