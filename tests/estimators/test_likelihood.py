"""The likelihood's search misses no fringe, whatever the counts."""

import math

import numpy as np
import pytest

from qmc.estimators.likelihood import (
    Count,
    information,
    likelihood_set,
    log_likelihood,
    pooled,
)
from qmc.estimators.priors import QUADRANT
from qmc.rounds import Round, hit_probability

DROP = 1.92
GRID = np.linspace(0.0, QUADRANT, 30_001)


def drawn(amplitude, powers, shots, rng, decay=0.0, steer=0.0):
    chances = [hit_probability(amplitude, power, steer, decay) for power in powers]
    return tuple(
        Count(power, shots, int(rng.binomial(shots, min(chance, 1.0))), steer)
        for power, chance in zip(powers, chances, strict=True)
    )


@pytest.mark.parametrize("powers", [(0,), (0, 1, 2, 4, 8), (3, 7), (0, 20), tuple(range(12))])
@pytest.mark.parametrize("shots", [1, 10, 300])
def test_set_is_that_of_a_fine_grid(powers, shots):
    rng = np.random.default_rng(sum(powers) + shots)
    for amplitude in (0.0, 0.5, 1.0, *rng.uniform(size=2)):
        for decay, steer in ((0.0, 0.0), (0.02, 0.0), (0.0, 0.3)):
            counts = drawn(amplitude, powers, shots, rng, decay, steer)
            found = likelihood_set(counts, DROP, decay)
            values = log_likelihood(counts, GRID, decay)
            near = GRID[values >= values.max() - DROP]
            assert found.top >= values.max() - 1e-9
            assert found.low <= near[0] <= near[-1] <= found.high
            slack = 2.0 * (GRID[1] - GRID[0]) + 0.02 * (near[-1] - near[0])
            assert found.high - found.low <= near[-1] - near[0] + slack
            assert found.low <= found.likely <= found.high


def test_within_a_range():
    counts = (Count(5, 100, 40),)
    found = likelihood_set(counts, DROP, within=(0.3, 0.5))
    assert 0.3 <= found.low <= found.likely <= found.high <= 0.5
    point = likelihood_set(counts, DROP, within=(0.3, 0.3))
    assert (point.low, point.high) == (0.3, 0.3)


def test_large_powers_take_bounded_work():
    powers = (0, *(2**step for step in range(21)))
    found = likelihood_set(drawn(0.3, powers, 100, np.random.default_rng(1)), DROP)
    assert math.sin(found.likely) ** 2 == pytest.approx(0.3, abs=3e-7)
    assert found.high - found.low < 1e-6
    ambiguous = likelihood_set((Count(100_000, 100, 60),), DROP)
    assert ambiguous.low < 0.01
    assert ambiguous.high > QUADRANT - 0.01


def test_information_is_the_curvature():
    rng = np.random.default_rng(3)
    for decay in (0.0, 0.05):
        total, runs, step = 0.0, 3_000, 1e-4
        for _ in range(runs):
            counts = drawn(math.sin(0.7) ** 2, (0, 3, 5), 10, rng, decay)
            ends = log_likelihood(counts, np.array([0.7 - step, 0.7 + step]), decay)
            total += ((ends[1] - ends[0]) / (2.0 * step)) ** 2
        assert total / runs == pytest.approx(information(counts, decay, 0.7), rel=0.1)
        angles = np.linspace(0.0, QUADRANT, 5_001)[:-1]
        average = np.mean([information(counts, decay, float(angle)) for angle in angles])
        assert average == pytest.approx(information(counts, decay), rel=1e-3)


def test_pooled():
    counts = pooled((Count(1, 10, 3),), [Round(1, 5), Round(0, 2), Round(1, 5, 0.5)], [4, 1, 0])
    assert counts == (Count(0, 2, 1), Count(1, 15, 7), Count(1, 5, 0, 0.5))
