"""VaR and ES of samples: against the definition, and what is refused."""

import math

import numpy as np
import pytest

from qmc import EmpiricalLaw, InvalidProblem
from qmc.losses import rank_of, tail_risk


def _by_definition(losses: np.ndarray, level: float) -> tuple[float, float]:
    """ES as the integral of the quantile function over (level, 1), one step a loss."""
    ordered = np.sort(losses)
    starts = np.arange(losses.size) / losses.size
    widths = np.clip(starts + 1.0 / losses.size - np.maximum(starts, level), 0.0, None)
    value = EmpiricalLaw(samples=tuple(losses.tolist())).ppf(level)
    return float(value), float((ordered * widths).sum() / (1.0 - level))


@pytest.mark.parametrize("size", [7, 100, 251, 1000])
@pytest.mark.parametrize("level", [0.5, 0.75, 0.85])
def test_against_the_definition(size: int, level: float) -> None:
    losses = np.random.default_rng(size).standard_t(3, size).round(1)  # with ties
    found = tail_risk(losses, level)
    assert np.allclose(found, _by_definition(losses, level), rtol=0, atol=1e-12)


def test_axes_are_kept() -> None:
    losses = np.random.default_rng(1).normal(size=(3, 4, 200))
    value_at_risk, shortfall = tail_risk(losses, 0.95)
    assert value_at_risk.shape == shortfall.shape == (3, 4)
    assert value_at_risk[2, 1] == tail_risk(losses[2, 1], 0.95)[0]
    assert np.all(shortfall >= value_at_risk)


def test_ranks_are_safe_from_rounding() -> None:
    assert [rank_of(n, 0.99) for n in (100, 700, 1000, 1001)] == [99, 693, 990, 991]


@pytest.mark.parametrize(
    ("losses", "level", "says"),
    [
        ([], 0.9, "losses"),
        ([1.0, float("nan")], 0.5, "losses"),
        ([1.0, float("inf")], 0.5, "losses"),
        (np.zeros(50), 0.99, "observations=50: must be at least 100"),
        (np.zeros(500), 95, "level"),
    ],
)
def test_refused(losses: object, level: float, says: str) -> None:
    with pytest.raises(InvalidProblem, match=says):
        tail_risk(losses, level)


LONG = 40_000
SAMPLES = {
    "smooth": lambda rng: rng.standard_t(3, LONG),
    "increasing": lambda rng: np.sort(rng.normal(size=LONG)),
    "ties": lambda rng: rng.normal(size=LONG).round(1),
    "one value": lambda rng: np.full(LONG, 2.5),
    # every few-th loss is small, so that the first look at the sample is misled
    "small ones": lambda rng: np.where(np.arange(LONG) % 4 == 0, -9.0, rng.normal(size=LONG)),
    # and here every few-th is large: the bound is above the whole tail but a few
    "large ones": lambda rng: np.where(np.arange(LONG) % 4 == 0, 9.0, 0.0) + rng.normal(size=LONG),
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("level", [0.9, 0.975, 0.999])
def test_a_long_sample_is_as_a_sorted_one_to_the_bit(name: str, level: float) -> None:
    losses = SAMPLES[name](np.random.default_rng(5))
    value_at_risk, shortfall = tail_risk(losses, level)
    ordered, rank = np.sort(losses), rank_of(LONG, level)
    assert value_at_risk == ordered[rank - 1]
    rest = LONG * (1.0 - level) - (LONG - rank)
    exact = math.fsum((*ordered[rank:], rest * ordered[rank - 1])) / (LONG * (1.0 - level))
    assert shortfall == pytest.approx(exact, rel=4e-15)
    shuffled = np.random.default_rng(6).permutation(losses)
    assert tail_risk(shuffled, level) == (value_at_risk, shortfall)
    assert tail_risk(np.stack([losses, shuffled]), level)[1].tolist() == [shortfall] * 2


def test_single_precision_is_taken_as_it_is() -> None:
    losses = np.random.default_rng(7).normal(size=LONG).astype(np.float32)
    found = tail_risk(losses, 0.99)
    assert found == tail_risk(losses.astype(np.float64), 0.99)
    assert found[0].dtype == np.float64
    losses[3] = np.nan
    with pytest.raises(InvalidProblem, match="losses"):
        tail_risk(losses, 0.99)
