"""Euler contributions: sums, derivatives, closed forms against samples, and what is refused."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classical_baseline import Analytic
from qmc import (
    ES,
    BlackScholes,
    Call,
    FilteredReturns,
    Goal,
    HistoricalReturns,
    InvalidProblem,
    NormalReturns,
    Portfolio,
    Price,
    Problem,
    StudentTReturns,
    Unsupported,
    VaR,
    from_json,
    to_json,
)
from qmc.diversification import Diversification
from qmc.euler import scenario_weights
from qmc.losses import tail_risk
from qmc.plots.contributions import plot_contributions

VOLS = np.array([0.01, 0.015, 0.03])
COVARIANCE = (0.3 + 0.7 * np.eye(3)) * np.outer(VOLS, VOLS)
FIELDS = {"mean": (3e-4, -1e-4, 5e-4), "covariance": COVARIANCE}
WEIGHTS = (0.5, -0.2, 0.4)
ELLIPTICAL = [NormalReturns(**FIELDS), StudentTReturns(**FIELDS, degrees_of_freedom=4.0)]
MEASURES = [VaR(level=0.99), ES(level=0.975)]


def exact(model, weights, measure):
    problem = Problem(model, Portfolio(weights=tuple(weights), value=1e4), measure)
    return Analytic().solve(problem, Goal(tolerance=1.0)).value


def found(model, measure, weights=WEIGHTS, **more):
    return Diversification.of(
        Problem(model, Portfolio(weights=weights, value=1e4), measure), **more
    )


def losses(n=997, positions=4, seed=3):
    return (
        np.random.default_rng(seed).standard_t(3, (n, positions)) * (1.0, 2.0, 0.5, 3.0)[:positions]
    )


@pytest.mark.parametrize("measure", MEASURES, ids=str)
@pytest.mark.parametrize("model", ELLIPTICAL, ids=lambda model: type(model).__name__)
def test_closed_form_is_the_derivative_of_the_risk(model, measure):
    """Marginals by central differences of the closed form of the whole portfolio."""
    one = found(model, measure)
    step = 1e-4
    for place in range(3):
        moved = [np.array(WEIGHTS) + sign * step * np.eye(3)[place] for sign in (1.0, -1.0)]
        slope = (exact(model, moved[0], measure) - exact(model, moved[1], measure)) / (2.0 * step)
        assert one.marginal[place] == pytest.approx(slope, rel=1e-6)
        alone = [WEIGHTS[place] if i == place else 0.0 for i in range(3)]
        rest = [0.0 if i == place else WEIGHTS[i] for i in range(3)]
        assert one.stand_alone[place] == pytest.approx(exact(model, alone, measure), rel=1e-12)
        lost = one.joint - exact(model, rest, measure)
        assert one.incremental[place] == pytest.approx(lost, rel=1e-9)
    assert one.joint == pytest.approx(exact(model, WEIGHTS, measure), rel=1e-12)
    assert sum(one.contributions) == pytest.approx(one.joint, rel=1e-12)


def test_sampled_contributions_come_near_the_closed_form():
    """Of 2 x 10^5 normal scenarios; 5 standard errors of the mean over the tail, measured."""
    model = ELLIPTICAL[0]
    for measure in MEASURES:
        normals = np.random.default_rng(5).standard_normal((200_000, 3))
        units = -1e4 * (model.paths((1.0 / 252.0,), normals)[:, 0, :] - 1.0)
        sampled = Diversification.from_losses(units, measure, sizes=WEIGHTS)
        truth = found(model, measure)
        moved = units * WEIGHTS
        weights = scenario_weights(moved.sum(axis=1), measure)
        spread = np.sqrt(weights**2 @ (moved - weights @ moved) ** 2)
        # the quantile's own error moves the tail: 2.4 % of VaR at most here, all positions alike
        room = 5.0 * spread + 0.02 * np.abs(truth.contributions)
        assert np.all(np.abs(np.subtract(sampled.contributions, truth.contributions)) <= room)
        assert np.all(room < 0.15 * np.max(np.abs(truth.contributions)))


def test_es_contributions_are_the_derivative_of_the_sample_es():
    """The sample ES is smooth in the sizes where no two losses tie."""
    units, sizes, step = losses(), np.array([1.0, 0.5, -2.0, 0.3]), 1e-7
    one = Diversification.from_losses(units, ES(level=0.97), sizes=sizes.tolist())
    for place in range(4):
        ends = [
            tail_risk(units @ (sizes + sign * step * np.eye(4)[place]), 0.97)[1]
            for sign in (1.0, -1.0)
        ]
        assert one.marginal[place] == pytest.approx((ends[0] - ends[1]) / (2.0 * step), rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(
        st.tuples(*[st.integers(-4, 6)] * 3),
        min_size=20,
        max_size=60,
    ),
    level=st.sampled_from([0.5, 0.9, 0.95]),
    neighbours=st.sampled_from([None, 0, 3]),
)
def test_contributions_sum_and_know_no_order(data, level, neighbours):
    """Whole-number losses, full of ties: exact sums, whatever the order of the scenarios."""
    units = np.array(data, dtype=float)
    for measure in (VaR(level=level), ES(level=level)):
        one = Diversification.from_losses(units, measure, neighbours=neighbours)
        risk = tail_risk(units.sum(axis=1), level)[isinstance(measure, ES)]
        assert one.joint == pytest.approx(risk, abs=1e-12)
        assert sum(one.contributions) == pytest.approx(risk, abs=1e-9)
        other = Diversification.from_losses(units[::-1], measure, neighbours=neighbours)
        np.testing.assert_allclose(one.contributions, other.contributions, atol=1e-9)


def test_var_of_one_scenario_is_that_scenario():
    units = losses()
    one = Diversification.from_losses(units, VaR(level=0.95), neighbours=0)
    day = np.argsort(units.sum(axis=1))[948 - 1]  # ceil(997 x .95)
    np.testing.assert_allclose(one.contributions, units[day], rtol=1e-12)


def test_neighbours_steady_the_var_contributions():
    """Elliptical losses, so the truth is known: a quarter of one scenario's spread."""
    root = np.linalg.cholesky(COVARIANCE)
    errors = {0: [], None: []}
    truth = COVARIANCE @ np.ones(3) / (np.ones(3) @ COVARIANCE @ np.ones(3))
    for seed in range(40):
        units = np.random.default_rng(seed).standard_normal((5000, 3)) @ root.T
        for near, seen in errors.items():
            one = Diversification.from_losses(units, VaR(level=0.99), neighbours=near)
            seen.append(np.array(one.contributions) / one.joint - truth)
    spread = {near: np.sqrt(np.mean(np.square(seen))) for near, seen in errors.items()}
    assert spread[None] < 0.25 * spread[0]


def test_a_var_near_zero_still_sums():
    """Smoothed and exact VaR differ in sign: fewer neighbours are taken, never a wild scale."""
    whole = np.concatenate([np.linspace(-9.0, -1.0, 90), np.linspace(0.001, 0.02, 10)])
    units = np.column_stack([whole - 1.0, np.ones(100)])
    one = Diversification.from_losses(units, VaR(level=0.91), neighbours=40)
    assert sum(one.contributions) == pytest.approx(one.joint, abs=1e-12)
    assert np.max(np.abs(one.contributions)) < 3.0


def test_what_moves_together_does_not_diversify_and_a_hedge_does():
    move = losses(positions=1)
    together = Diversification.from_losses(move * (1.0, 2.0, 5.0), VaR(level=0.95))
    assert together.ratio == pytest.approx(1.0)
    assert together.benefit == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(together.contributions, together.stand_alone)
    hedged = Diversification.from_losses(
        move * (1.0, -0.4), ES(level=0.95), names=("long", "hedge")
    )
    assert hedged.contributions[1] < 0.0 < hedged.stand_alone[1]
    assert hedged.incremental[1] < 0.0
    assert hedged.joint == pytest.approx(0.6 * hedged.stand_alone[0])


def test_var_can_punish_diversification_and_es_cannot():
    """Two bonds that default one day in 25, never together: VaR 95 % of each is 0."""
    units = np.zeros((100, 2))
    units[:4, 0] = units[4:8, 1] = 100.0
    var, es = (Diversification.from_losses(units, one(level=0.95)) for one in (VaR, ES))
    assert (var.stand_alone, var.joint, var.benefit) == ((0.0, 0.0), 100.0, -100.0)
    assert math.isnan(var.ratio)
    assert es.joint == pytest.approx(100.0)
    assert es.stand_alone == pytest.approx((80.0, 80.0))
    assert es.contributions == pytest.approx((50.0, 50.0))


@pytest.mark.parametrize("kind", [HistoricalReturns, FilteredReturns])
def test_a_history_gives_its_own_scenarios(kind):
    returns = 0.003 * losses(500, 3)
    model = kind(returns=np.clip(returns, -0.5, 0.5))
    for measure in MEASURES:
        one = found(model, measure, names=("A", "B", "C"))
        assert one.joint == pytest.approx(exact(model, WEIGHTS, measure), rel=1e-9)
        assert sum(one.contributions) == pytest.approx(one.joint, rel=1e-12)
        assert one.names == ("A", "B", "C")
        assert one.method == "500 scenarios"


@pytest.mark.parametrize("kind", [HistoricalReturns, FilteredReturns, NormalReturns])
def test_over_ten_days(kind):
    returns = np.clip(0.003 * losses(500, 3), -0.5, 0.5)
    model = kind.from_returns(returns) if kind is NormalReturns else kind(returns=returns)
    held = Portfolio(weights=WEIGHTS, value=1e4, horizon=10 / 252)
    for measure in MEASURES:
        problem = Problem(model, held, measure)
        one = Diversification.of(problem)
        whole = Analytic().solve(problem, Goal(tolerance=1.0)).value
        assert one.joint == pytest.approx(whole, rel=1e-9)
        assert sum(one.contributions) == pytest.approx(whole, rel=1e-9)


@dataclasses.dataclass(frozen=True)
class Jumps:
    """One normal for each of two assets, the second cubed: no closed form, no scenarios."""

    def num_factors(self, times):
        return 2

    def paths(self, times, normals):
        return (1.0 + 0.01 * normals ** (1, 3))[:, None, :]

    def discount(self, times):
        return np.ones(len(times))


def test_any_model_of_one_period_is_sampled():
    problem = Problem(Jumps(), Portfolio(weights=(1.0, 0.3)), ES(level=0.99))
    one = Diversification.of(problem, paths=20_000, rng=4)
    assert one == Diversification.of(problem, paths=20_000, rng=4)
    assert one.method == "20,000 scenarios"
    assert one.contributions[1] > one.contributions[0] > 0.0


def test_text_dict_and_picture():
    one = found(ELLIPTICAL[0], VaR(level=0.99), names=("bank", "oil", "chips"))
    text = str(one)
    for words in ("Contributions to VaR 99 %", "bank", "100.0 %", "benefit", "closed form"):
        assert words in text
    assert from_json(to_json(one)) == one
    data = json.loads(json.dumps(one.to_dict()))
    assert data["ratio"] == one.ratio
    assert data["contributions"] == list(one.contributions)
    axes = one.plot()
    assert {label.get_text() for label in axes.get_yticklabels()} == {"bank", "oil", "chips"}
    bars = [patch.get_width() for patch in axes.patches[3:]]
    assert sorted(bars) == sorted(one.contributions)
    with pytest.raises(InvalidProblem, match="must be of type Diversification"):
        plot_contributions(3)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"losses": [[1.0, float("nan")]] * 200}, r"losses\[0, 1\]=nan"),
        ({"losses": [1.0] * 200}, "losses='array of shape"),
        ({"losses": np.zeros((50, 2))}, "observations=50: must be at least 100"),
        ({"names": ("A",)}, "must be 2 different names"),
        ({"names": ("A", "A")}, "must be 2 different names"),
        ({"sizes": (1.0,)}, "sizes=.*must be 2 numbers"),
        ({"sizes": (1.0, float("inf"))}, r"sizes\[1\]=inf"),
        ({"measure": Price()}, "measure=.*must be VaR"),
        ({"neighbours": -1}, "neighbours=-1"),
        ({"neighbours": 2.0}, "neighbours=2.0"),
    ],
)
def test_refused(change, says):
    fields = {"losses": np.ones((200, 2)), "measure": VaR(level=0.99), **change}
    with pytest.raises(InvalidProblem, match=says):
        Diversification.from_losses(fields.pop("losses"), fields.pop("measure"), **fields)


def test_another_contract_or_measure_is_refused_by_name():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.0)
    with pytest.raises(Unsupported, match="takes a Portfolio, not Call"):
        Diversification.of(Problem(market, Call(strike=100.0, expiry=1.0), VaR(level=0.9)))
    with pytest.raises(Unsupported, match="takes VaR and ES, not Price"):
        found(ELLIPTICAL[0], Price())
