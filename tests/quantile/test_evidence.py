"""The evidence is a supermartingale under every null, whatever the mixture; cells bound angles."""

import math

import numpy as np
import pytest
from scipy import stats

from qmc.quantile.evidence import (
    Batch,
    angles,
    chance_range,
    hit_chance,
    log_mixture,
    open_claim,
    surviving,
)
from qmc.rounds import hit_probability

STAR = math.asin(math.sqrt(0.01))
TINY = 1e-12  # an error so small that no cell is refuted


def ratio_at(claim, theta):
    """Evidence against one angle, not in logarithms."""
    at = np.nonzero((claim.low <= theta) & (theta <= claim.high))[0]
    return math.exp(claim.log_ratio[at[-1]])


def absurd(shots, at):
    """A mixture that is sure of a wrong chance."""
    return log_mixture(np.array([at]), np.array([1.0]), shots)


@pytest.mark.parametrize("decay", [0.0, 0.02])
@pytest.mark.parametrize("above", [True, False])
def test_mean_evidence_is_at_most_one_at_every_null_angle(above, decay):
    # all outcomes of two rounds, the second's power chosen by the first's hits
    nulls = np.linspace(0.001, STAR, 9) if above else np.linspace(STAR, 1.5, 9)
    for theta in nulls:
        mean = 0.0
        for first in range(3):
            claim = open_claim(0, above=above, boundary=STAR, error=TINY)
            begun = claim.told(Batch(0, 9, 2, first), absurd(2, 0.9), decay)
            chance = float(hit_chance(theta, 9, decay))
            weight = stats.binom.pmf(first, 2, chance)
            factor = 31 if first else 5
            later = float(hit_chance(theta, factor, decay))
            for second in range(2):
                ended = begun.told(Batch(0, factor, 1, second), absurd(1, 0.2), decay)
                mean += weight * stats.binom.pmf(second, 1, later) * ratio_at(ended, theta)
        assert mean <= 1.0 + 1e-9
        assert mean > 0.05


def test_a_sure_and_true_mixture_gains_its_divergence():
    theta = 0.16
    claim = open_claim(0, above=True, boundary=STAR, error=TINY)
    chance = float(hit_chance(theta, 9, 0.0))
    told = claim.told(Batch(0, 9, 1, 1), absurd(1, chance), 0.0)
    null = hit_chance(0.5 * (told.low + told.high), 9, 0.0)
    # the uniform share of the mixture and the width of a cell take a little
    gained = np.log(0.95 * chance + 0.025) - np.log(null)
    assert np.all(told.log_ratio <= gained + 1e-9)
    assert told.log_ratio[-1] == pytest.approx(gained[-1], abs=0.1)


def test_null_angles_are_claimed_away_no_more_often_than_the_error(covers):
    rng, runs, wrong = np.random.default_rng(5), 120, 0
    for _ in range(runs):
        claim = open_claim(0, above=False, boundary=STAR, error=0.2)
        for step in range(40):
            factor = (1, 5, 15, 31, 9, 63)[step % 6]
            hits = int(rng.random() < float(hit_chance(STAR, factor, 0.0)))
            expected = absurd(1, float(hit_chance(0.97 * STAR, factor, 0.0)))
            claim = claim.told(Batch(0, factor, 1, hits), expected, 0.0)
            if claim.proved:
                break
        wrong += claim.proved
    covers(runs - wrong, runs, 0.8)


def test_cells_hold_the_chances_of_all_their_angles():
    low = np.linspace(0.0, 1.5, 40)
    high = low + 0.07
    for factor, decay in ((1, 0.0), (7, 0.0), (41, 0.01), (201, 0.0)):
        least, most = chance_range(low, high, factor, decay)
        inside = low + (high - low) * np.linspace(0.0, 1.0, 101)[:, None]
        chances = hit_chance(inside, factor, decay)
        assert np.all(chances >= least - 1e-12)
        assert np.all(chances <= most + 1e-12)


def test_the_law_of_a_flag_is_that_of_rounds():
    for power, decay in ((0, 0.0), (6, 0.03)):
        ours = float(hit_chance(np.array(0.3), 2 * power + 1, decay))
        theirs = hit_probability(math.sin(0.3) ** 2, power, decay=decay)
        assert ours == pytest.approx(theirs)


def test_bias_widens_both_nulls():
    below, above = angles(0.01, 0.002)
    assert math.sin(below) ** 2 == pytest.approx(0.008)
    assert math.sin(above) ** 2 == pytest.approx(0.012)


def test_surviving_angles_hold_the_truth_and_shrink():
    rng, theta = np.random.default_rng(3), 0.12
    told = []
    for factor in (1, 3, 5, 9, 15, 21, 31) * 6:
        chance = float(hit_chance(theta, factor, 0.0))
        told.append((Batch(4, factor, 1, int(rng.random() < chance)), absurd(1, chance)))
    few, many = surviving(told[:7], 0.05, 0.0), surviving(told, 0.05, 0.0)
    assert many.contains(math.sin(theta) ** 2)
    assert many.width < 0.2 * few.width
