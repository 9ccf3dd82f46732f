"""`qmc doctor`: does this installation work?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmc.errors import QmcError
from qmc.result import package_versions
from qmc.tables import TextTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TOLERANCE = 0.5


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `qmc doctor`."""

    name: str
    passed: bool
    detail: str


def examine(seed: int) -> list[Check]:
    """The checks of `qmc doctor`."""
    checks = [
        Check(name, version != "not installed", version) for name, version in package_versions()
    ]
    # running from a source folder without installation is fine
    checks = [Check(c.name, True, c.detail) if c.name == "qmc" else c for c in checks]
    checks.append(Check("processors", True, str(os.cpu_count())))
    for name, work in (
        ("memory", _memory),
        ("shipped stocks", _stocks),
        ("a circuit on Aer", lambda: _circuit(seed)),
    ):
        try:
            checks.append(Check(name, True, work()))
        except (QmcError, ImportError, OSError, ValueError) as error:
            checks.append(Check(name, False, " ".join(str(error).split())))
    return checks


def _memory() -> str:
    import psutil

    return f"{psutil.virtual_memory().available / 2**30:.1f} GiB available"


def _stocks() -> str:
    from qmc import data

    prices = data.sp500_stocks()
    return f"{prices.shape[1]} stocks, {prices.shape[0]:,} days"


def _circuit(seed: int) -> str:
    from classical_baseline import Analytic
    from qmc import BlackScholes, Call, Goal, LawGrid, Price, Problem, Quantum

    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    goal = Goal(tolerance=_TOLERANCE, confidence=0.999)
    result = Quantum(grid=LawGrid(qubits=3)).solve(problem, goal, rng=seed)
    exact = Analytic().solve(problem, goal).value
    if not result.interval.contains(exact):
        msg = f"interval [{result.interval.low}, {result.interval.high}] misses {exact}"
        raise ValueError(msg)
    return f"call {result.value:.3f}, exact {exact:.3f}, {result.cost.seconds:.2g} s"


def checks_table(checks: Sequence[Check]) -> TextTable:
    """The checks as a table."""
    columns = ("check", "state", "detail")
    rows = tuple((c.name, "ok" if c.passed else "FAILED", c.detail) for c in checks)
    return TextTable("qmc doctor", columns, rows, columns)


def checks_figure(checks: Sequence[Check]) -> Axes:
    """The checks as a picture."""
    from qmc.plots import new_axes

    axes = new_axes()
    axes.axis("off")
    for row, check in enumerate(reversed(checks)):
        state = "ok" if check.passed else "FAILED"
        axes.text(0.0, (row + 0.5) / len(checks), f"{state:8} {check.name}: {check.detail}")
    return axes
