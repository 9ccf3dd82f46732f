"""VaR and ES of samples: against the definition, and what is refused."""

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
