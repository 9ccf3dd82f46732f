"""Which directions of the normals a grid should cut: the payoff's own first, then the paths'."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from qmc import memory
from qmc.grids.mean_prices import gaussian_logs, has_mean_prices
from qmc.grids.pilot import Pilot, binary_unit
from qmc.problem import Array, Problem

Rule: TypeAlias = Literal["payoff", "curvature", "principal components"]

# replicate pilots agree on a direction when their cosines are at least this
_AGREEMENT = 0.9
# noise in a direction grows with its dimension: look for it among so many principal components
_SUBSPACE = 32
_STEP = 1e-3
# up to so many factors by a dense solver, beyond by iteration with some vectors to spare
_DENSE = 600
_SPARE = 16
_ITERATIONS = 4
_VANISHING = 1e-12


@dataclass(frozen=True, eq=False, slots=True)
class Directions:
    """Orthonormal directions of the normals.

    Attributes:
        columns: (factors, directions), the most telling first.
        rule: how the first was found: "payoff", E[payoff z], by Stein's lemma the mean gradient;
            "curvature", the leading eigenvector of E[payoff (z z' - I)], for even payoffs;
            "principal components" of the paths, when replicate pilots agree on neither.
        agreement: the least cosine between the replicates of the rule, 0 for the last rule.
    """

    columns: Array
    rule: Rule
    agreement: float


def leading_frame(slopes: Array) -> Array:
    """Principal components of the paths, (factors, at most 32): where a payoff is looked for."""
    return _principal_components(slopes, min(_SUBSPACE, slopes.shape[1]))


def find_directions(slopes: Array, frame: Array, pilot: Pilot) -> Directions:
    """As many directions as the frame has, the payoff's own first.

    Args:
        slopes: of the paths, (times * columns, factors), see `path_slopes`.
        frame: `leading_frame(slopes)`.
        pilot: a sample along it.
    """
    first, rule, agreement = _first(pilot.normals @ frame, pilot)
    if first is None:
        return Directions(frame, "principal components", agreement)
    rest = slopes @ frame
    rest = rest - np.outer(rest @ first, first)
    others = _principal_components(rest, frame.shape[1])
    stacked, _ = np.linalg.qr(np.column_stack([first, others]))
    # qr may turn signs: the first direction keeps its own
    stacked[:, 0] = first
    return Directions(frame @ stacked, rule, agreement)


def path_slopes(problem: Problem) -> Array:
    """Slopes of the middle path in each normal, (times * columns, factors).

    Exact where log prices are Gaussian, price times loading; else by central differences.
    """
    if has_mean_prices(problem):
        means, loadings = gaussian_logs(problem)
        return np.asarray(np.exp(means).reshape(-1, 1) * loadings)
    factors = problem.num_factors
    columns = problem.paths(np.zeros((1, factors))).size
    memory.require(
        8.0 * 8.0 * factors * (factors + columns),
        f"the slopes of {columns} prices in {factors} normals",
        "take fewer dates or assets",
    )
    steps = _STEP * np.eye(factors)
    up, down = (problem.paths(sign * steps).reshape(factors, -1) for sign in (1.0, -1.0))
    return np.asarray((up - down).T / (2.0 * _STEP))


def _principal_components(slopes: Array, count: int) -> Array:
    """The leading right singular vectors of slopes (m, factors), as columns (factors, count).

    For many factors by subspace iteration with more vectors than asked for (Halko, Martinsson and
    Tropp 2011, doi:10.1137/090771806, algorithm 4.4): the first are sharp, the last nearly so.
    """
    factors = slopes.shape[1]
    if factors <= _DENSE:
        _, vectors = np.linalg.eigh(slopes.T @ slopes)
        return np.asarray(vectors[:, ::-1][:, :count])
    start = np.random.default_rng(0).standard_normal((factors, count + _SPARE))
    basis, _ = np.linalg.qr(start)
    for _ in range(_ITERATIONS):
        basis, _ = np.linalg.qr(slopes.T @ (slopes @ basis))
    _, _, turn = np.linalg.svd(slopes @ basis, full_matrices=False)
    return np.asarray(basis @ turn[:count].T)


def _first(within: Array, pilot: Pilot) -> tuple[Array | None, Rule, float]:
    """The first direction inside the subspace, its rule and how well replicates agree."""
    values = pilot.values - pilot.values.mean()
    # what vanishes is told in units of the payoff, whatever the currency
    values = values / binary_unit(values)
    pairs = list(zip(pilot.split(within), pilot.split(values), strict=True))
    slopes = [one.T @ value / value.size for one, value in pairs]
    agreement = _least_cosine(slopes)
    if agreement >= _AGREEMENT:
        return _unit(np.sum(slopes, axis=0)), "payoff", agreement
    bends = [
        (one.T * value) @ one / value.size - value.mean() * np.eye(one.shape[1])
        for one, value in pairs
    ]
    agreement = _least_cosine([_leading(one) for one in bends])
    if agreement >= _AGREEMENT:
        return _leading(np.sum(bends, axis=0)), "curvature", agreement
    return None, "principal components", 0.0


def _leading(matrix: Array) -> Array:
    """The eigenvector of the eigenvalue farthest from 0, its largest entry positive."""
    sizes, vectors = np.linalg.eigh(matrix)
    found = vectors[:, np.argmax(np.abs(sizes))]
    return np.asarray(found * np.sign(found[np.argmax(np.abs(found))]))


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))


def _least_cosine(vectors: list[Array]) -> float:
    """The least cosine between any two; 0 when one of them vanishes."""
    if min(float(np.linalg.norm(one)) for one in vectors) < _VANISHING:
        return 0.0
    units = [_unit(one) for one in vectors]
    return min((float(a @ b) for a, b in itertools.combinations(units, 2)), default=1.0)
