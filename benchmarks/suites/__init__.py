"""Suites: each yields rows as they are finished."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from benchmarks.suites import convergence, coverage, estimators, peers

Row: TypeAlias = dict[str, Any]

SUITES: dict[str, Callable[[int, bool, Sequence[Row]], Iterator[Row]]] = {
    "coverage": coverage.run,
    "convergence": convergence.run,
    "peers": peers.run,
    "estimators": estimators.run,
}
