"""Size and bias of encodings: CX against 2^n of the table, and of arithmetic against dates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from qmc.circuits import (
    AmplitudeProblem,
    ArithmeticAsian,
    Comparator,
    Encoding,
    LinearRotation,
    MultiplexedRotation,
    PiecewiseRotation,
)
from qmc.circuits.grover import summary
from qmc.contracts import Call, CallSpread, Digital
from qmc.grids import CellTable, UniformGrid
from qmc.measures import Price
from qmc.models import BlackScholes
from qmc.problem import Contract, Problem

_MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
_CONTRACTS: dict[str, Contract] = {
    "call 110": Call(strike=110.0, expiry=1.0),
    "spread 95/115": CallSpread(low_strike=95.0, high_strike=115.0, expiry=1.0),
    "digital 110": Digital(strike=110.0, expiry=1.0),
}
_SIZES = range(3, 11)
_DATES = (2, 3, 4, 8)
_STEP_QUBITS = (1, 2, 3)


def run(_seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row a contract, encoding and number of qubits; then arithmetic Asian calls.

    CX after transpilation to cx, rz, sx, x at level 1. The contracts' laws are replaced by
    Hadamards where CX are counted, so that the payoff alone is; the bias is of the true grid.
    """
    known = {(row["case"], row["encoding"], row["qubits"]) for row in done}
    sizes = _SIZES[:3] if small else _SIZES
    for case, contract in _CONTRACTS.items():
        for qubits in sizes:
            table = UniformGrid(qubits=qubits).discretise(Problem(_MARKET, contract, Price()))
            for name, encoding in _encodings(case).items():
                if (case, name, qubits) not in known:
                    head = {"case": case, "encoding": name, "qubits": qubits}
                    flat = encoding.encode(_equally_likely(table))
                    biased = encoding.encode(table)
                    yield head | _figures(flat, qubits, biased.bias_bound / table.mean())
    for dates in _DATES[:2] if small else _DATES:
        for each in _STEP_QUBITS:
            head = {"case": f"Asian, {dates} dates", "encoding": "adders", "qubits": dates * each}
            if tuple(head.values()) not in known:
                yield head | _asian(dates, each)


def _encodings(case: str) -> dict[str, Encoding]:
    if case.startswith("digital"):
        return {"multiplexed": MultiplexedRotation(), "comparator": Comparator()}
    return {
        "multiplexed": MultiplexedRotation(),
        "linear .25": LinearRotation(),
        "piecewise .25": PiecewiseRotation(scaling=0.25),
        "piecewise .25, degree 3": PiecewiseRotation(scaling=0.25, degree=3),
        "piecewise": PiecewiseRotation(),
    }


def _equally_likely(table: CellTable) -> CellTable:
    cells = table.values.size
    return replace(table, marginals=(np.full(cells, 1.0 / cells),))


def _figures(problem: AmplitudeProblem, qubits: int, bias: float) -> dict[str, Any]:
    size = summary(problem)
    return {
        "circuit qubits": size.qubits,
        "CX": size.two_qubit_gates,
        "depth": size.depth,
        "table CX": 2**qubits,
        "bias": bias,
        "scale": problem.scale,
    }


def _asian(dates: int, qubits: int) -> dict[str, Any]:
    option = ArithmeticAsian(
        spot=100.0, strike=101.0, normal_vol=20.0, expiry=1.0, dates=dates, qubits=qubits
    )
    problem = option.amplitude_problem()
    return _figures(problem, dates * qubits, problem.bias_bound / option.price_on_grid())
