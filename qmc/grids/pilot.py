"""The pilot of a grid: a fixed sample by which cells are placed, and what the measure makes of it.

A pilot has its own seed, so that discretising twice gives the same bits, and is never used again
for an answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from qmc import memory
from qmc.errors import TooLarge
from qmc.measures import Probability
from qmc.problem import Array, Problem

if TYPE_CHECKING:
    from scipy.stats.qmc import Sobol

_LEAST_UNIFORM = 2.0**-53
# float64 arrays of one entry a path and factor that live at once
_ARRAYS = 4.0


def sobol(dimensions: int, rng: np.random.Generator) -> Sobol:
    """A scrambled Sobol sequence: each point is uniform, any mean over the points unbiased.

    Owen (1998, doi:10.1006/jcom.1998.0487), by a random linear matrix and a digital shift.

    Raises:
        TooLarge: for more dimensions than there are direction numbers.
    """
    from scipy.stats import qmc as low_discrepancy

    check_dimensions(dimensions)
    return low_discrepancy.Sobol(dimensions, scramble=True, rng=rng)


def check_dimensions(dimensions: int) -> None:
    """Refuse more dimensions than Sobol sequences have."""
    from scipy.stats import qmc as low_discrepancy

    most = int(low_discrepancy.Sobol.MAXDIM)
    if dimensions > most:
        msg = (
            f"{dimensions} normals a path: Sobol sequences have {most} dimensions; take fewer "
            "dates or assets"
        )
        raise TooLarge(msg)


def normals_of(sequence: Sobol, points: int) -> Array:
    """The sequence's next points as standard normals (points, dimensions)."""
    uniforms = np.clip(sequence.random(points), _LEAST_UNIFORM, 1.0 - _LEAST_UNIFORM)
    return np.asarray(special.ndtri(uniforms))


def framed(sequence: Sobol, points: int, frame: Array) -> Array:
    """The next points as normals (points, factors), the frame's directions first in the sequence.

    A Sobol sequence is best in its first coordinates, so these go where the payoff moves most:
    z = V a + (w - V V' w) is standard normal for independent a, w and orthonormal V (factors, k);
    the sequence has k + factors dimensions.
    """
    normals = normals_of(sequence, points)
    along, across = normals[:, : frame.shape[1]], normals[:, frame.shape[1] :]
    return np.asarray(across + (along - across @ frame) @ frame.T)


def binary_unit(values: Array) -> float:
    """A power of two near the largest value, 1 where all are 0: dividing by it loses no digit."""
    largest = float(np.abs(values).max())
    return math.ldexp(1.0, math.frexp(largest)[1]) if largest > 0.0 else 1.0


def integrand(problem: Problem, outcomes: Array) -> Array:
    """What the measure averages over outcomes (n,): they, or whether they pass a threshold.

    The outcomes of a `Sensitivity` are difference quotients already.
    """
    measure = problem.measure
    if isinstance(measure, Probability):
        return (outcomes > measure.threshold).astype(np.float64)
    return outcomes


def integrand_of_paths(problem: Problem, paths: Array) -> Array:
    """The integrand (n,) on given paths (n, times, columns)."""
    values = problem.values_of_paths(paths)
    return integrand(problem, 0.0 - values if problem.measure.on_loss else values)


@dataclass(frozen=True, eq=False, slots=True)
class Pilot:
    """Independently scrambled replicates of one sample.

    Attributes:
        normals: (n, factors), n / replicates rows a replicate.
        values: (n,) the integrand.
        replicates: how many.
    """

    normals: Array
    values: Array
    replicates: int

    def split(self, array: Array) -> list[Array]:
        """The rows of each replicate."""
        return np.split(array, self.replicates)


def draw_pilot(problem: Problem, frame: Array, paths: int, replicates: int, seed: int) -> Pilot:
    """Scrambled Sobol replicates, `paths` points in all, the frame's directions first.

    Raises:
        TooLarge: when the sample does not fit the machine.
    """
    factors = problem.num_factors
    memory.require(
        _ARRAYS * 8.0 * paths * factors,
        f"a pilot of {paths} paths with {factors} normals each",
        "take fewer pilot_paths, or fewer dates",
    )
    streams = np.random.default_rng(seed).spawn(replicates)
    dimensions, points = factors + frame.shape[1], paths // replicates
    parts = [framed(sobol(dimensions, one), points, frame) for one in streams]
    normals = np.concatenate(parts)
    return Pilot(normals, integrand(problem, problem.outcomes(normals)), replicates)
