"""Laws of losses for the suite `quantiles`: edges as `LawGrid` makes them, and exact tails."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

from qmc.problem import Array

QUBITS = 10
_PILOT_SEED, _PILOT_PATHS = 20_260_101, 4096
SMOOTH = ("normal", "t(4)", "log-normal", "t(3)", "crash mixture")
TUNED_ON = ("normal", "t(4)", "log-normal")


@dataclass(frozen=True, kw_only=True, eq=False)
class LossLaw:
    """A law of losses on a register.

    Attributes:
        name: of the law.
        edges: (cells + 1,), the first -inf, the last +inf.
        tails: (cells + 1,) exact P(loss > edge).
        quantile: exact, smallest x with P(loss <= x) >= level.
        density: at a loss; None where the law has atoms.
    """

    name: str
    edges: Array
    tails: Array
    quantile: Callable[[float], float]
    density: Callable[[float], float] | None = None


def _edges(ppf: Callable[[Array], Array], qubits: int) -> Array:
    """Equal-width cells on the range of a pilot of losses, the end cells unbounded."""
    ranks = np.random.default_rng(_PILOT_SEED).random(_PILOT_PATHS)
    losses = np.asarray(ppf(ranks))
    cells = 2**qubits
    edges = np.linspace(float(losses.min()), float(losses.max()), cells + 1)
    edges[0], edges[-1] = -np.inf, np.inf
    return edges


def _tails(sf: Callable[[Array], Array], edges: Array) -> Array:
    """Exact tails at the edges, 1 and 0 at the ends."""
    return np.concatenate([[1.0], np.asarray(sf(edges[1:-1])), [0.0]])


def smooth(name: str, law: Any, qubits: int = QUBITS) -> LossLaw:  # noqa: ANN401
    """A law with a density, from its frozen scipy distribution."""
    edges = _edges(law.ppf, qubits)
    return LossLaw(
        name=name,
        edges=edges,
        tails=_tails(law.sf, edges),
        quantile=lambda level: float(law.isf(1.0 - level)),
        density=lambda loss: float(law.pdf(loss)),
    )


def crash_mixture(qubits: int = QUBITS) -> LossLaw:
    """97 % calm days, N(-.05, 1), and 3 % days of crisis, N(2, 3^2)."""
    parts = ((0.97, -0.05, 1.0), (0.03, 2.0, 3.0))

    def sf(x: Array) -> Array:
        return np.asarray(sum(w * special.ndtr((m - np.asarray(x)) / s) for w, m, s in parts))

    def pdf(x: float) -> float:
        return float(sum(w * stats.norm.pdf(x, m, s) for w, m, s in parts))

    def quantile(level: float) -> float:
        low, high = -60.0, 60.0
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if sf(np.array(middle)) > 1.0 - level else (low, middle)
        return high

    def draws(ranks: Array) -> Array:
        spread = np.linspace(-60.0, 60.0, 200_001)
        return np.asarray(np.interp(ranks, 1.0 - sf(spread), spread))

    edges = _edges(draws, qubits)
    return LossLaw(
        name="crash mixture", edges=edges, tails=_tails(sf, edges), quantile=quantile, density=pdf
    )


def discrete(name: str, losses: Array, weights: Array, qubits: int = QUBITS) -> LossLaw:
    """Atoms at `losses` (n,) with probabilities `weights` (n,)."""
    order = np.argsort(losses)
    at, mass = np.asarray(losses)[order], np.asarray(weights)[order]
    # summed from the top, so that the upper tail loses no digits
    beyond = np.concatenate([np.cumsum(mass[::-1])[::-1], [0.0]])

    def sf(x: Array) -> Array:
        return np.asarray(np.minimum(beyond[np.searchsorted(at, x, side="right")], 1.0))

    def ppf(ranks: Array) -> Array:
        return np.asarray(at[np.minimum(np.searchsorted(np.cumsum(mass), ranks), at.size - 1)])

    def quantile(level: float) -> float:
        # P(loss <= x) >= level, a rounding error apart
        return float(at[np.argmax(beyond[1:] <= (1.0 - level) * (1.0 + 1e-12))])

    edges = _edges(ppf, qubits)
    return LossLaw(name=name, edges=edges, tails=_tails(sf, edges), quantile=quantile)


def history(days: int = 500) -> LossLaw:
    """A history of heavy daily returns, t with 3 degrees of freedom: tails in steps of 1 / days."""
    losses = stats.t(3).rvs(days, random_state=np.random.default_rng(11))
    return discrete(f"history of {days} days", losses, np.full(days, 1.0 / days))


def with_atoms(name: str, atoms: tuple[tuple[float, float], ...], qubits: int = QUBITS) -> LossLaw:
    """A standard normal law with atoms (loss, probability) in its place."""
    left = 1.0 - math.fsum(mass for _, mass in atoms)
    grid = special.ndtri((np.arange(20_000) + 0.5) / 20_000)
    losses = np.concatenate([grid, [loss for loss, _ in atoms]])
    weights = np.concatenate([np.full(grid.size, left / grid.size), [mass for _, mass in atoms]])
    return discrete(name, losses, weights, qubits)


def tie(name: str, above: float, qubits: int = QUBITS) -> LossLaw:
    """Losses 0, 1, ..., 7 in few atoms, P(loss > 3) = `above`."""
    losses = np.arange(8.0)
    mass = np.array(
        [0.6, 0.2, 0.12, 0.08 - above, 0.4 * above, 0.3 * above, 0.2 * above, 0.1 * above]
    )
    return discrete(name, losses, mass, qubits)


def laws(level: float) -> list[LossLaw]:
    """The laws of the suite, in its order; atoms and ties sit at the level's quantile."""
    tau = 1.0 - level
    return [
        smooth("normal", stats.norm()),
        smooth("t(4)", stats.t(4)),
        smooth("log-normal", stats.lognorm(0.5, loc=-math.exp(0.125))),
        smooth("t(3)", stats.t(3)),
        crash_mixture(),
        history(),
        with_atoms("heavy atoms", ((1.5, 0.02), (2.5, 2.0 * tau), (3.2, 0.3 * tau))),
        tie("near tie", tau * 1.0006),
        tie("exact tie", tau),
    ]
