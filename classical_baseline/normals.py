"""Fast independent standard normals in either precision, from one stream."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qmc.rng import RNGLike, generator

Floats: TypeAlias = NDArray[np.floating]
# numpy.float64 or numpy.float32
Precision: TypeAlias = type[np.floating]

_WORD_BITS = 32
_SEED_WORDS = 8


class NormalStream:
    """Standard normals, in float64 by numpy's ziggurat, in float32 by Box and Muller.

    In float32 numpy's ziggurat is as slow as in float64, and vectorised logarithms, sines and
    cosines are faster: normals in pairs sqrt(-2 log u) (cos, sin)(2 pi v) (Box and Muller 1958,
    doi:10.1214/aoms/1177706645), u and v halves of one 64-bit word. u has 32 bits, so that no
    normal is larger than 6.8: a tail of 1e-11 is missing.

    Args:
        rng: parent of the stream; a fast generator (SFC64) is seeded from it.
    """

    def __init__(self, rng: RNGLike = None) -> None:
        """Draw the stream's own seed."""
        words = generator(rng).integers(0, 2**_WORD_BITS, size=_SEED_WORDS, dtype=np.uint32)
        self._bits = np.random.SFC64(words.tolist())
        self._generator = np.random.Generator(self._bits)
        self._scratch = np.empty(0, dtype=np.float32)

    def fill(self, out: Floats) -> None:
        """Overwrite a contiguous array."""
        if out.dtype == np.float64:
            self._generator.standard_normal(out=out)
            return
        flat = out.reshape(-1)
        if flat.size % 2 == 0:
            self._pairs(flat)
        else:
            longer = np.empty(flat.size + 1, dtype=np.float32)
            self._pairs(longer)
            flat[:] = longer[:-1]

    def _pairs(self, out: NDArray[Any]) -> None:
        """Box and Muller's pairs: cosines in the second half of `out`, sines in the first."""
        half = out.size // 2
        out[:] = self._bits.random_raw(half).view(np.uint32)
        radius, angle = out[:half], out[half:]
        if self._scratch.size != half:
            self._scratch = np.empty(half, dtype=np.float32)
        # (u + 1/2) / 2^32 is above 0; one that rounds to 1 has a logarithm of 0
        radius += np.float32(0.5)
        radius *= np.float32(2.0**-_WORD_BITS)
        np.log(radius, out=radius)
        radius *= np.float32(-2.0)
        np.sqrt(np.abs(radius, out=radius), out=radius)
        angle *= np.float32(2.0 * np.pi * 2.0**-_WORD_BITS)
        sines = np.sin(angle, out=self._scratch)
        np.cos(angle, out=angle)
        angle *= radius
        radius *= sines
