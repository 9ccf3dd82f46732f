"""Ten assets over 252 dates: seconds and memory of a plan and a solve in fresh processes."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from qmc import Asian, Goal, MultiAsset, Price, Problem, Quantum
from qmc.backends import Ideal

_MOST_SEEDS = 5
_TOLERANCE = 1e-3
_MEBI = 2**20


def asian_basket(assets: int, dates: int) -> Problem:
    """An at-the-money Asian call on an equal basket, volatilities 15 % to 35 %, correlation 0.4."""
    rows = np.full((assets, assets), 0.4) + 0.6 * np.eye(assets)
    market = MultiAsset(
        spots=(100.0,) * assets,
        vols=tuple(np.linspace(0.15, 0.35, assets).tolist()),
        rate=0.05,
        correlation=tuple(map(tuple, rows.tolist())),
    )
    times = tuple(((np.arange(dates) + 1) / dates).tolist())
    return Problem(
        market, Asian(strike=100.0, times=times, weights=(1.0 / assets,) * assets), Price()
    )


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row a step, plan and solve: median seconds, and the process's largest memory."""
    del done
    assets, dates = (3, 12) if small else (10, 252)
    runs = 1 if small else min(seeds, _MOST_SEEDS)
    for step in ("plan", "solve"):
        found = [_apart(step, assets, dates, seed) for seed in range(runs)]
        yield {
            "case": f"Asian basket, {assets} assets x {dates} dates",
            "what": step,
            "runs": len(found),
            "seconds": statistics.median(one["seconds"] for one in found),
            "MiB": max(one["MiB"] for one in found),
            "half-width / price": max(one["half-width"] for one in found),
            "queries": statistics.median(one["queries"] for one in found),
            "residual paths": statistics.median(one["paths"] for one in found),
        }


def _apart(step: str, assets: int, dates: int, seed: int) -> dict[str, float]:
    """One step in a process of its own, so that its memory is its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_step, (step, assets, dates, seed))


def _step(step: str, assets: int, dates: int, seed: int) -> dict[str, float]:
    problem, goal = asian_basket(assets, dates), Goal(relative_tolerance=_TOLERANCE)
    engine, begin = Quantum(backend=Ideal()), time.perf_counter()
    if step == "plan":
        plan = engine.plan(problem, goal)
        found = {
            "half-width": _TOLERANCE,
            "queries": plan.expected_queries,
            "paths": plan.residual_paths,
        }
    else:
        result = engine.solve(problem, goal, rng=seed)
        found = {
            "half-width": result.interval.half_width / result.value,
            "queries": float(result.cost.queries),
            "paths": float(result.cost.residual_paths),
        }
    found["seconds"] = time.perf_counter() - begin
    found["MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MEBI
    return found
