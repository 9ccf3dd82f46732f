"""Seconds inside other people's functions, to tell an estimator's own time from a simulator's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class Stopwatch:
    """Seconds inside some functions, nested calls counted once.

    >>> watch = Stopwatch()
    >>> watch.watched(max)(1, 2), watch.seconds > 0.0
    (2, True)
    """

    def __init__(self) -> None:
        """Start at zero."""
        self.seconds, self._depth = 0.0, 0

    def watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            begin, self._depth = time.perf_counter(), self._depth + 1
            try:
                return function(*given, **named)
            finally:
                self._depth -= 1
                self.seconds += 0.0 if self._depth else time.perf_counter() - begin

        return timed
