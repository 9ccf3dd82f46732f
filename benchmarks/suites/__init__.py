"""Suites: each yields rows as they are finished."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from benchmarks.suites import convergence, coverage, peers

Row: TypeAlias = dict[str, Any]

SUITES: dict[str, Callable[[int, bool], Iterator[Row]]] = {
    "coverage": coverage.run,
    "convergence": convergence.run,
    "peers": peers.run,
}
