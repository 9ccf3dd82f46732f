"""Whether a problem has anything random in it."""

from __future__ import annotations

import numpy as np

from qmc.problem import Problem

_SEED = 20_260_106
_FEW, _MANY = 64, 4096
# normals of one sample together
_NORMALS = 2**22
# what is rare mostly lies in the normals' tails, which wider normals reach
_SCALES = (1.0, 3.0, 9.0)


def is_certain(problem: Problem) -> bool:
    """Whether no path depends on the normals, as at a volatility of 0.

    Seen, not proved: 64 paths of a fixed seed and, where these are all the same, 4,096 more (fewer
    of many normals) at each of 1, 3 and 9 times the usual deviation. A model could deceive it whose
    rare paths are in the middle of the normals.

    >>> from qmc import BlackScholes, Call, Price, Problem
    >>> call = Call(strike=100.0, expiry=1.0)
    >>> [
    ...     is_certain(Problem(BlackScholes(spot=100.0, vol=vol, rate=0.0), call, Price()))
    ...     for vol in (0.0, 0.01)
    ... ]
    [True, False]
    """
    factors = problem.num_factors
    rng = np.random.default_rng(_SEED)
    first = problem.paths(np.zeros((1, factors)))
    many = min(_MANY, max(_NORMALS // max(factors, 1), _FEW))
    for scale, count in ((1.0, _FEW), *((scale, many) for scale in _SCALES)):
        normals = scale * rng.standard_normal((count, factors))
        with np.errstate(over="ignore", invalid="ignore"):
            if not np.all(problem.paths(normals) == first):
                return False
    return True
