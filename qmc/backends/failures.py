"""What a backend may do wrong: raise, or repeat itself; one place for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmc import checks
from qmc.errors import BackendFailed, QmcError


@dataclass(frozen=True, slots=True)
class chained:  # noqa: N801
    """Turn what a client raises into `BackendFailed`, its cause chained.

    The one boundary to code that is not ours: a vendor may derive its errors from `Exception`
    itself, so every one is taken, and none is hidden. Our own errors, which say more, and Ctrl-C
    pass. A class and no generator: `contextlib` lets a StopIteration out of a generator as it is.

    Attributes:
        what: the beginning of the message, such as "Aer failed on powers [0, 1]".

    Raises:
        BackendFailed: at the end of the block.
    """

    what: str

    def __enter__(self) -> None:
        """Begin to watch."""

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        """Raise `BackendFailed` from an error that is not ours."""
        if isinstance(error, Exception) and not isinstance(error, QmcError):
            raise BackendFailed(f"{self.what}: {type(error).__name__}: {error}") from error


def require_fresh_seeds(sampler: object) -> None:
    """Refuse a sampler that returns the same shots at every call.

    Seeds are looked for where the samplers of qiskit and Aer keep them; None draws afresh, and a
    numpy Generator moves on.

    Raises:
        InvalidProblem: for any other seed.
    """
    for seed in _seeds(sampler):
        if seed is not None and not isinstance(seed, np.random.Generator):
            allowed = "None, or make the sampler anew for each seed"
            hint = (
                "with one fixed seed every call returns the same shots; give "
                "sampler=lambda seed: StatevectorSampler(seed=seed)"
            )
            raise checks.refuse("seed of sampler", seed, allowed, hint)


def require_used_seeds(one: object, other: object) -> None:
    """Refuse two samplers, made of different seeds, that hold the same ones.

    Raises:
        InvalidProblem: for equal fixed seeds, and for different generators of equal state; what
            shows no seed is not known to repeat itself.
    """
    pairs = zip(_seeds(one), _seeds(other), strict=False)
    found = [(a, b) for a, b in pairs if a is not None and b is not None]
    if found and all(_alike(*each) for each in found):
        allowed = "a function that gives the sampler its seed"
        hint = (
            "two seeds made samplers with the same one, whose shots repeat each other; give "
            "sampler=lambda seed: StatevectorSampler(seed=seed)"
        )
        raise checks.refuse("seed of made samplers", found[0][0], allowed, hint)


def _alike(one: object, other: object) -> bool:
    if isinstance(one, np.random.Generator) and isinstance(other, np.random.Generator):
        states = (each.bit_generator.state for each in (one, other))
        return one is not other and repr(next(states)) == repr(next(states))
    # a seed sequence or an array has no equality that gives one answer
    return repr(one) == repr(other)


def _seeds(sampler: object) -> Iterator[Any]:
    """Every seed that a sampler, its options or its simulator hold."""
    options = getattr(sampler, "options", None)
    yield from (getattr(sampler, "seed", None), getattr(sampler, "_seed", None))
    for name in ("seed_simulator", "run_options", "backend_options", "simulator"):
        yield _seed_of(getattr(options, name, None))
    for name in ("backend", "_backend"):
        simulator = getattr(sampler, name, None)
        if not callable(simulator):
            yield _seed_of(getattr(simulator, "options", None))


def _seed_of(part: object) -> Any:  # noqa: ANN401
    """The part itself where it is a seed, or what it holds as `seed_simulator`."""
    if isinstance(part, dict):
        return part.get("seed_simulator")
    if part is None or isinstance(part, int | np.integer):
        return part
    found = getattr(part, "seed_simulator", None)
    return found if isinstance(found, int | np.integer) else None
