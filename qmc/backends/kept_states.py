"""States after A Q^k, kept so that a larger power goes on from a smaller one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qmc import memory
from qmc.backends.powers import Key
from qmc.errors import BackendFailed

State: TypeAlias = NDArray[np.complex128]

_MOST_BYTES = 2**28
# of what the machine has available
_SHARE = 0.25
# rounding of 10,000 operators in single precision stays well within
_NORM_TOLERANCE = 1e-2


@dataclass(slots=True)
class KeptStates:
    """States by power and steer; those used least recently go when memory is short."""

    _states: dict[Key, State] = field(default_factory=dict)

    def __contains__(self, key: Key) -> bool:
        """Whether the state of this power and steer is kept."""
        return key in self._states

    def nearest(self, power: int, steer: float) -> int | None:
        """The largest power kept at this steer that is not above `power`."""
        return max((k for k, other in self._states if other == steer and k <= power), default=None)

    def get(self, key: Key) -> State | None:
        """The state of a key, now the one used last; None where it is not kept."""
        if key in self._states:
            self._states[key] = self._states.pop(key)
        return self._states.get(key)

    def add(self, key: Key, saved: object) -> State:
        """Keep a state, normalised; others go where there is no room for all.

        Raises:
            BackendFailed: when it is no state.
        """
        state = np.asarray(saved, dtype=np.complex128)
        norm = np.linalg.norm(state) if state.ndim == 1 else np.trace(state).real
        if not abs(norm - 1.0) < _NORM_TOLERANCE:
            raise BackendFailed(f"the simulator left a state of norm {norm:.6g} at power {key[0]}")
        self._states.pop(key, None)
        self._states[key] = state = state / norm
        room = min(_MOST_BYTES, _SHARE * memory.available_bytes())
        kept = sum(one.nbytes for one in self._states.values())
        # the newest stays: what comes next goes on from it
        for old in list(self._states)[:-1]:
            if kept <= room:
                break
            kept -= self._states.pop(old).nbytes
        return state


def by_steer(asked: Iterable[Key]) -> dict[float, list[int]]:
    """Powers asked at each steer, rising."""
    powers: dict[float, list[int]] = {}
    for power, steer in asked:
        powers.setdefault(steer, []).append(power)
    return {steer: sorted(each) for steer, each in powers.items()}


def waves(ways: Sequence[Iterable[Key]]) -> Iterator[list[Key]]:
    """The first key of every way, then the second of each, until the longest ends."""
    for wave in itertools.zip_longest(*ways):
        yield [key for key in wave if key is not None]
