"""The working model: what is told one by one is what is told at once; pairs are the cheapest."""

import itertools
import math

import numpy as np
import pytest

from qmc import Goal
from qmc.quantile import design, pairs
from qmc.quantile.evidence import Batch, angles, hit_chance, open_claim
from qmc.quantile.model import begin
from qmc.quantile.pairs import Outlook, best_pair
from qmc.quantile.window import Seen

TAU, CELLS, CENTRE = 0.01, 256, 5.0
INNER = np.linspace(0.0, 10.0, CELLS - 1)
EDGES = np.concatenate([[-np.inf], INNER, [np.inf]])
PLACES = np.concatenate([INNER[:1], INNER, INNER[-1:]])


@pytest.fixture
def told():
    """A model that was told of batches drawn from an exponential law."""

    def make(batches=40, seed=3):
        rng, model = np.random.default_rng(seed), begin(PLACES, TAU, 0.0, (4.6, 1.0, 0.0, 0.6))
        for step in range(batches):
            edge = 125 + int(rng.integers(-6, 7))
            tail = TAU * math.exp(CENTRE - PLACES[edge])
            factor = 2 * step + 5
            chance = float(hit_chance(math.asin(math.sqrt(tail)), factor, 0.0))
            hits = int(rng.binomial(2, chance))
            near = int(rng.binomial(hits, 1.0 - math.exp(-0.5)))
            cut = int(np.searchsorted(PLACES, PLACES[edge] + 0.5))
            model = model.told(Seen(Batch(edge, factor, 2, hits), cut, near, hits))
        return model

    return make


def look_at(model, known=(0, CELLS), nats=3.0, queries=math.inf):
    goal = Goal(relative_tolerance=0.03)
    return Outlook(model, EDGES, goal, angles(TAU, 0.0), known, nats, queries)


def test_told_one_by_one_is_told_at_once(told):
    model = told()
    again = model.windowed(0.5 * float(model.window.centres[-1] - model.window.centres[0]))
    assert again.centre == pytest.approx(model.centre, abs=0.05 * model.deviation)
    assert again.deviation == pytest.approx(model.deviation, rel=0.05)
    assert again.log_slope == pytest.approx(model.log_slope, abs=0.1 * model.slope_deviation)
    assert abs(model.centre - CENTRE) < 4.0 * model.deviation < 0.5


def test_a_model_on_other_places_holds_the_same_quantile(told):
    model = told()
    moved = model.moved(2.0 * PLACES)
    assert moved.centre == pytest.approx(2.0 * model.centre, abs=3.0 * model.deviation)
    assert moved.lumpy
    assert moved.slope == pytest.approx(0.5 * model.slope, rel=0.5)


def test_a_belief_is_the_posterior_of_the_angle_there(told):
    model = told()
    belief, edge = model.belief(120), 120
    odds = math.log(TAU / (1.0 - TAU))
    away = PLACES[edge] - model.window.centres[:, None]
    tails = 1.0 / (1.0 + np.exp(np.exp(model.window.log_slopes) * away - odds))
    mean = float((model.weights * np.arcsin(np.sqrt(tails))).sum())
    assert belief.mean == pytest.approx(mean, rel=1e-3)
    assert belief.weights.sum() == pytest.approx(1.0)
    assert model.belief(120) is belief  # a round's choice and its evidence share one


@pytest.mark.parametrize("known", [(0, CELLS), (119, CELLS), (0, 131)])
def test_the_pair_is_the_cheapest_of_all(told, known):
    look = look_at(told(), known)
    found, model = best_pair(look), look.model
    assert found.wide == 1.0
    theta = model.mean_theta(np.arange(CELLS + 1))
    noise = model.spread * model.slope * 0.25 * np.sin(2.0 * theta)

    def price(gap, at, proved):
        if proved:
            return 0.0
        return 1.4 * look.nats * (1.0 + (noise[at] / gap) ** 2) / gap if gap > 0.0 else math.inf

    costs = []
    for low, high in itertools.combinations(range(110, 142), 2):
        proved = low <= known[0], high >= known[1]
        if EDGES[high] - EDGES[low] <= 2.0 * look.half_width and not all(proved):
            below, above = look.boundaries
            ends = (theta[low] - above, low, proved[0]), (below - theta[high], high, proved[1])
            costs.append((sum(price(*end) for end in ends), low, high))
    assert min(costs)[1:] == (found.low, found.high)
    assert min(costs)[0] == pytest.approx(found.cost)


@pytest.mark.parametrize("queries", [math.inf, 300.0])
def test_a_look_spared_would_have_changed_nothing(told, monkeypatch, queries):
    looks = [look_at(told(n, seed), queries=queries) for n in (5, 15, 40) for seed in range(4)]
    quick = [best_pair(look) for look in looks]
    monkeypatch.setattr(pairs, "_fair", lambda *_: False)
    assert [best_pair(look) for look in looks] == quick


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (0.2, 3.0), (1.0, 999.0), (12.0, 144.5)])
def test_factors_are_odd_rising_and_reach_both_ends(low, high):
    factors = design.odd_factors(low, high)
    assert np.all(factors % 2 == 1)
    assert np.all(np.diff(factors) > 0)
    assert max(low, 1.0) - 1.0 <= factors[0] <= max(low, 1.0) + 1.0
    assert abs(factors[-1] - high) <= 1.0


def test_a_test_is_planned_near_the_distance_it_has_to_resolve(told):
    # cos^2 of the phase between an angle and its null is least about a quarter turn apart
    model, claims = told(), angles(TAU, 0.0)
    belief = model.belief(131)
    claim = open_claim(131, above=False, boundary=claims[0], error=0.02)
    factor = design.testing_factor(claim, belief, claims[0], 2.0**20, 0.0)
    gap = claims[0] - belief.mean
    assert 0.3 < factor * gap < 1.9
    assert design.testing_factor(claim, belief, claims[0], 9.0, 0.0) <= 9
