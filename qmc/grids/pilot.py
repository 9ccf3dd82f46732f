"""The pilot of a grid: a fixed sample by which cells are placed, and what the measure makes of it.

A pilot has its own seed, so that discretising twice gives the same bits, and is never used again
for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from qmc import memory
from qmc.errors import TooLarge
from qmc.measures import Probability
from qmc.problem import Array, Problem

_LEAST_UNIFORM = 2.0**-53
if TYPE_CHECKING:
    from scipy.stats.qmc import Sobol

# float64 arrays of one entry a path and factor that live at once
_ARRAYS = 4.0


def sobol_normals(points: int, factors: int, rng: np.random.Generator) -> Array:
    """Standard normals (points, factors) from one scrambled Sobol sequence; points = 2**m.

    Owen (1998, doi:10.1006/jcom.1998.0487) scrambling by way of a random linear matrix and a
    digital shift, so that each point is uniform and any mean over the points unbiased.
    """
    return normals_of(sobol(factors, rng), points)


def sobol(dimensions: int, rng: np.random.Generator) -> Sobol:
    """A scrambled Sobol sequence.

    Raises:
        TooLarge: for more dimensions than there are direction numbers.
    """
    from scipy.stats import qmc as low_discrepancy

    most = int(low_discrepancy.Sobol.MAXDIM)
    if dimensions > most:
        msg = (
            f"{dimensions} normals a path: Sobol sequences have {most} dimensions; take fewer "
            "dates or assets"
        )
        raise TooLarge(msg)
    return low_discrepancy.Sobol(dimensions, scramble=True, rng=rng)


def normals_of(sequence: Sobol, points: int) -> Array:
    """The sequence's next points as standard normals (points, dimensions)."""
    uniforms = np.clip(sequence.random(points), _LEAST_UNIFORM, 1.0 - _LEAST_UNIFORM)
    return np.asarray(special.ndtri(uniforms))


def integrand(problem: Problem, outcomes: Array) -> Array:
    """What the measure averages over outcomes (n,): they, or whether they pass a threshold."""
    measure = problem.measure
    if isinstance(measure, Probability):
        return (outcomes > measure.threshold).astype(np.float64)
    return outcomes


def integrand_of_paths(problem: Problem, paths: Array) -> Array:
    """The integrand (n,) on given paths (n, times, columns)."""
    discount = problem.model.discount(problem.contract.times)
    values = problem.contract.present_value(paths, discount)
    return integrand(problem, 0.0 - values if problem.measure.on_loss else values)


@dataclass(frozen=True, eq=False, slots=True)
class Pilot:
    """Normals (n, factors), in replicates of n / replicates rows, and the integrand (n,)."""

    normals: Array
    values: Array
    replicates: int

    def split(self, array: Array) -> list[Array]:
        """The rows of each replicate."""
        return np.split(array, self.replicates)


def draw_pilot(problem: Problem, paths: int, replicates: int, seed: int) -> Pilot:
    """Independently scrambled Sobol replicates, `paths` points in all.

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
    normals = np.concatenate([sobol_normals(paths // replicates, factors, one) for one in streams])
    return Pilot(normals, integrand(problem, problem.outcomes(normals)), replicates)
