"""Random streams: one normalisation, children by spawning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from qmc.errors import InvalidProblem

RNGLike: TypeAlias = (
    int
    | Sequence[int]
    | np.random.SeedSequence
    | np.random.BitGenerator
    | np.random.Generator
    | None
)

_SEED_BITS = 63


def generator(rng: RNGLike = None) -> np.random.Generator:
    """Return a NumPy generator for any seed, sequence, bit generator or generator.

    Raises:
        InvalidProblem: when `rng` is none of these (for example a negative seed).

    >>> generator(7).integers(10) == generator(7).integers(10)
    np.True_
    """
    msg = f"rng={rng!r} is no seed: give None, an integer >= 0, or a numpy Generator"
    try:
        made = np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise InvalidProblem(msg) from error
    if made.bit_generator.seed_seq is None:
        raise InvalidProblem(f"{msg}; this one cannot spawn streams")
    return made


def child_seeds(rng: np.random.Generator, count: int) -> tuple[int, ...]:
    """Draw `count` fresh integer seeds in [0, 2**63) for code that takes integers only."""
    return tuple(int(seed) for seed in rng.integers(0, 2**_SEED_BITS, size=count))
