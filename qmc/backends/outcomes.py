"""Outcomes of shots: read from a simulator's result, checked, and dealt out to rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qmc import checks
from qmc.backends.failures import chained
from qmc.backends.powers import Key
from qmc.backends.protocols import Reading
from qmc.errors import BackendFailed
from qmc.rounds import Round


def shots_of(rounds: Sequence[Round]) -> dict[Key, int]:
    """Shots of each circuit: rounds of the same power and steer share one."""
    shots: dict[Key, int] = {}
    for one in checked(rounds):
        key = (one.power, one.steer)
        shots[key] = shots.get(key, 0) + one.shots
    return shots


def checked(rounds: Sequence[Round]) -> Sequence[Round]:
    """The rounds of a job.

    Raises:
        InvalidProblem: for something else than rounds.
    """
    if not isinstance(rounds, Sequence):
        raise checks.refuse("rounds", rounds, "a sequence of rounds", "such as [Round(3, 100)]")
    for place, one in enumerate(rounds):
        if not isinstance(one, Round):
            hint = "Round(power, shots) counts the flag; phases(bits, shots) reads a register"
            raise checks.refuse(f"rounds[{place}]", one, "a Round", hint)
    return rounds


def deal(rounds: Sequence[Round], outcomes: dict[Key, str | int]) -> tuple[int, ...]:
    """Hits of each round: its own shots of its circuit, in the order asked.

    Args:
        rounds: what was asked.
        outcomes: of each circuit, one "0" or "1" a shot, or the hits where one round has it alone.
    """
    given = dict.fromkeys(outcomes, 0)
    hits = []
    for one in rounds:
        key = (one.power, one.steer)
        seen = outcomes[key]
        if isinstance(seen, int):
            hits.append(seen)
            continue
        hits.append(seen[given[key] : given[key] + one.shots].count("1"))
        given[key] += one.shots
    return tuple(hits)


def deal_cells(
    rounds: Sequence[Round], outcomes: Mapping[Key, Sequence[int | None]]
) -> tuple[Reading, ...]:
    """Hits of each round and their cells, in the order asked.

    Args:
        rounds: what was asked.
        outcomes: of each circuit, one cell a shot, None where the flag was not raised.
    """
    given = dict.fromkeys(outcomes, 0)
    dealt = []
    for one in rounds:
        key = (one.power, one.steer)
        seen = outcomes[key][given[key] : given[key] + one.shots]
        cells = tuple(cell for cell in seen if cell is not None)
        dealt.append((len(cells), cells))
        given[key] += one.shots
    return tuple(dealt)


def grouped(shots: Mapping[Key, int], *, apart: bool) -> list[Mapping[Key, int]]:
    """The circuits of each job; `apart` where a shot costs a simulation, none run too many."""
    if not apart:
        return [shots]
    return [
        {key: count for key, count in shots.items() if count == each}
        for each in sorted(set(shots.values()))
    ]


def alone(rounds: Sequence[Round]) -> bool:
    """Whether every round has its circuit alone and all have the same shots: counts do then."""
    keys = {(one.power, one.steer) for one in rounds}
    return len(keys) == len(rounds) and len({one.shots for one in rounds}) == 1


def counted(result: Any, index: int, shots: int, what: str) -> int:  # noqa: ANN401
    """Hits of one circuit from its counts.

    Raises:
        BackendFailed: for another number of shots or another register than one bit.
    """
    counts = read(lambda: dict(result.get_counts(index)), what)
    _require_bits(counts, what)
    require_all(sum(counts.values()), shots, what)
    return int(counts.get("1", 0))


def listed(result: Any, index: int, shots: int, what: str) -> str:  # noqa: ANN401
    """Outcomes of one circuit, "0" or "1" a shot.

    Raises:
        BackendFailed: for another number of shots or another register than one bit.
    """
    words = read(lambda: list(result.get_memory(index)), what)
    _require_bits(set(words), what)
    require_all(len(words), shots, what)
    return "".join(words)


def numbers(result: Any, index: int, shots: int, bits: int, what: str) -> tuple[int, ...]:  # noqa: ANN401
    """Outcomes of a register of `bits`, one a shot.

    Raises:
        BackendFailed: for another number of shots or another register.
    """
    words = read(lambda: list(result.get_memory(index)), what)
    require_all(len(words), shots, what)
    for word in words:
        if len(word) != bits or set(word) - {"0", "1"}:
            raise BackendFailed(f"the backend returned {word!r} at {what}: must be {bits} bits")
    return tuple(int(word, 2) for word in words)


def cells_of(bits: int, result: Any, index: int, shots: int, what: str) -> tuple[int | None, ...]:  # noqa: ANN401
    """The cell of each shot of one circuit, None where the flag was not raised.

    Raises:
        BackendFailed: for another number of shots, or other registers than `bits` and the flag.
    """
    words = read(lambda: list(result.get_memory(index)), what)
    require_all(len(words), shots, what)
    return tuple(_cell(word, bits, what) for word in words)


def _cell(word: str, bits: int, what: str) -> int | None:
    value, _, flag = word.partition(" ")
    if len(value) != bits or flag not in {"0", "1"} or set(value) - {"0", "1"}:
        msg = f"the backend returned {word!r} at {what}: must be {bits} bits and the flag"
        raise BackendFailed(msg)
    return int(value, 2) if flag == "1" else None


def saved(result: Any, index: int, label: str, what: str) -> Any:  # noqa: ANN401
    """What a circuit saved under a label."""
    return read(lambda: result.data(index)[label], what)


def status(result: Any) -> str:  # noqa: ANN401
    """How a failed result says it ended: of the job, and of the first circuit that failed."""
    each = [getattr(one, "status", "") for one in getattr(result, "results", ())]
    failed = [one for one in each if str(one).startswith("ERROR")]
    return f"{result.status!r}" + (f" ({failed[0]})" if failed else "")


def read(reader: Any, what: str) -> Any:  # noqa: ANN401
    """What a reader finds in a result, or `BackendFailed` where the result lacks it."""
    with chained(f"the result of {what} cannot be read"):
        return reader()


def require_all(seen: int, shots: int, what: str) -> None:
    """Refuse a result with another number of shots than was asked for."""
    if seen != shots:
        raise BackendFailed(f"the backend returned {seen} of {shots} shots at {what}")


def _require_bits(words: Any, what: str) -> None:  # noqa: ANN401
    wrong = sorted(set(words) - {"0", "1"})
    if wrong:
        msg = f"the backend returned {wrong[0]!r} at {what}: must be one bit, the flag"
        raise BackendFailed(msg)


def batches(keys: Sequence[Key], sizes: Sequence[int], most: int, room: int) -> Iterator[list[Key]]:
    """Cut circuits into jobs.

    Args:
        keys: of the circuits.
        sizes: operations of each.
        most: circuits of one job; 0 sets no limit.
        room: operations of one job; a larger circuit goes alone.
    """
    job: list[Key] = []
    size = 0
    for key, operations in zip(keys, sizes, strict=True):
        if job and (size + operations > room or len(job) == most):
            yield job
            job, size = [], 0
        job.append(key)
        size += operations
    if job:
        yield job


def described(keys: Sequence[Key]) -> str:
    """Powers for a message, the first few of them."""
    powers = [power for power, _ in keys[:8]]
    more = ", ..." if len(keys) > len(powers) else ""
    return f"powers {', '.join(map(str, powers))}{more}"
