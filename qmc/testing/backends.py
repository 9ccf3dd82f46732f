"""The check of a backend: its oracle's hits against the law of the circuit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr, bdtrc

from qmc.backends import Backend, Oracle
from qmc.backends.ideal import flag_probability
from qmc.backends.protocols import Reading, SupportsReadout
from qmc.circuits import MultiplexedRotation
from qmc.estimators.protocols import SupportsPhase
from qmc.rounds import Round, hit_probability, phase_probabilities
from qmc.testing.circuits import made_up_table

_PROBLEM = MultiplexedRotation().encode(made_up_table())
_SHOTS = 2_000
_ROUNDS = (
    Round(0, _SHOTS),
    Round(2, _SHOTS // 2),
    Round(1, _SHOTS, 0.3),
    Round(1, _SHOTS, -0.4),
    Round(0, _SHOTS // 4),
)
_PHASE_BITS = 3
_REPEATS = 6
# of one comparison of hits with their law
_FALSE_ALARM = 1e-7


def check_backend(backend: Backend, *, repeatable: bool = True) -> None:
    """A backend's oracle counts hits by the law of A and Q, each round with shots of its own.

    Steered rounds too, the phase register where there is one, and the cells read beside the flag
    where they are: at every power draws from the cells' law given the flag. A backend that says
    `noisy = True` is not held to the law. A part of it may be a device, so it need be no storable
    value. Each of some 100 comparisons fails a right backend with probability 1e-7.

    Args:
        backend: what is checked; it runs about 30,000 shots on four qubits.
        repeatable: whether the same seed has to give the same hits, which a device cannot.

    >>> from qmc.backends import Ideal
    >>> check_backend(Ideal())
    """
    assert isinstance(backend, Backend), f"{backend!r} lacks oracle(problem, rng=)"
    oracle = _oracle(backend, 1)
    assert isinstance(oracle, Oracle), f"oracle() gave {oracle!r}: it lacks decay or run(rounds)"
    decay = oracle.decay
    sound = isinstance(decay, float) and math.isfinite(decay) and decay >= 0.0
    assert sound, f"decay={decay!r}: must be a number, 0 or above"
    lawful = not getattr(backend, "noisy", False)
    hits = oracle.run(_ROUNDS)
    _check_hits(hits, oracle.decay, lawful=lawful)
    _check_fresh(oracle)
    if repeatable:
        again = _oracle(backend, 1).run(_ROUNDS)
        assert hits == again, f"the same seed gave {hits} and {again}"
    if isinstance(oracle, SupportsPhase):
        _check_phases(oracle.phases(_PHASE_BITS, _SHOTS), oracle.decay, lawful=lawful)
    if isinstance(oracle, SupportsReadout):
        _check_readings(oracle.readout(_ROUNDS), oracle.decay)


def _oracle(backend: Backend, seed: int) -> Oracle:
    return backend.oracle(_PROBLEM, rng=np.random.default_rng(seed))


def _check_hits(hits: Sequence[int], decay: float, *, lawful: bool) -> None:
    amplitude = flag_probability(_PROBLEM)
    one_each = isinstance(hits, tuple) and len(hits) == len(_ROUNDS)
    assert one_each, f"run() gave {hits!r} for {len(_ROUNDS)} rounds: must be a tuple, one each"
    for seen, one in zip(hits, _ROUNDS, strict=True):
        whole = type(seen) is int and 0 <= seen <= one.shots
        assert whole, f"{one} was answered by {seen!r}: must be an int from 0 to {one.shots}"
        chance = hit_probability(amplitude, one.power, one.steer, decay)
        assert not lawful or _likely(seen, one.shots, chance), (
            f"{one} was answered by {seen} hits: P(flag = 1) is {chance:.4f} at amplitude "
            f"{amplitude:.4f}, decay {decay:g}; are rounds answered in the order asked?"
        )


def _check_fresh(oracle: Oracle) -> None:
    """Neither the rounds of a job nor jobs one after the other repeat their shots."""
    same = Round(0, _SHOTS)
    for what, seen in (
        ("equal rounds of one job", oracle.run((same,) * _REPEATS)),
        ("equal jobs", [oracle.run((same,)) for _ in range(_REPEATS)]),
    ):
        assert len(set(seen)) > 1, (
            f"{_REPEATS} {what} all gave {seen[0]}: each needs a fresh seed, or pooled rounds "
            "repeat each other"
        )


def _check_phases(outcomes: Sequence[int], decay: float, *, lawful: bool) -> None:
    size = 2**_PHASE_BITS
    whole = len(outcomes) == _SHOTS and all(
        type(one) is int and 0 <= one < size for one in outcomes
    )
    assert whole, f"phases({_PHASE_BITS}, {_SHOTS}): must give {_SHOTS} ints below {size}"
    law = phase_probabilities(flag_probability(_PROBLEM), _PHASE_BITS, decay)
    counts = np.bincount(np.asarray(outcomes), minlength=size)
    for place, (count, chance) in enumerate(zip(counts.tolist(), law.tolist(), strict=True)):
        assert not lawful or _likely(count, _SHOTS, chance), (
            f"phase outcome {place} came {count} of {_SHOTS} times: its probability is {chance:.4f}"
        )


def _check_readings(readings: Sequence[Reading], decay: float) -> None:
    """Hits by their law, and cells by theirs given the steered flag, the same at every power."""
    assert _PROBLEM.probabilities is not None
    assert _PROBLEM.flags is not None
    _check_hits(tuple(hits for hits, _ in readings), decay, lawful=True)
    size = _PROBLEM.flags.size
    for (hits, cells), one in zip(readings, _ROUNDS, strict=True):
        assert len(cells) == hits, f"{one}: {len(cells)} cells for {hits} hits, must be one each"
        known = all(type(cell) is int and 0 <= cell < size for cell in cells)
        assert known, f"{one}: cells must be ints below {size}"
        raised = (1.0 - abs(one.steer)) * _PROBLEM.flags + max(-one.steer, 0.0)
        law = _PROBLEM.probabilities * raised
        counts = np.bincount(np.asarray(cells, dtype=int), minlength=size)
        for cell, (count, chance) in enumerate(
            zip(counts.tolist(), (law / law.sum()).tolist(), strict=True)
        ):
            assert _likely(count, hits, chance), (
                f"{one}: cell {cell} was read {count} of {hits} times, its probability given the "
                f"flag is {chance:.4f}; a noisy oracle must have no readout"
            )


def _likely(count: int, shots: int, chance: float) -> bool:
    """Whether a binomial count lies in neither tail of half the false-alarm rate."""
    chance = min(max(chance, 0.0), 1.0)
    below = float(bdtr(count, shots, chance))
    above = 1.0 if count == 0 else float(bdtrc(count - 1, shots, chance))
    return min(below, above) > 0.5 * _FALSE_ALARM
