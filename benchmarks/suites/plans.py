"""Plans of random problems beside what a solve took: tolerance met, queries, paths, seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.plan_cases import PlanCase, case
from qmc import Goal, Quantum
from qmc.backends import Aer, Ideal
from qmc.planning import Plan
from qmc.result import Result

_SMALL_PROBLEMS = 19
_WORST = 10
# every so many problems one is solved on Aer as well, so that kinds differ, to one of these goals
_AER_EVERY = 21
_AER_TOLERANCES = (0.01, 0.02, 0.05)

Row = dict[str, Any]


def run(seeds: int, small: bool, done: Sequence[Row] = ()) -> Iterator[Row]:
    """A row a problem, `seeds` of them: planned and solved once each, every open part chosen.

    Problem and goal are those of `plan_cases.case(number)`; the solve's seed is the number. Rows
    of backend "Aer" repeat a few problems with real circuits, for the seconds.
    """
    count = min(seeds, _SMALL_PROBLEMS) if small else seeds
    known = {(row["number"], row["backend"]) for row in done}
    for number in range(count):
        if (number, "Ideal") not in known:
            yield row(number, case(number), Quantum(backend=Ideal()))
    for number in range(0, 0 if small else count, _AER_EVERY):
        if (number, "Aer") not in known:
            yield row(number, _on_aer(number), Quantum(backend=Aer()))


def _on_aer(number: int) -> PlanCase:
    tolerance = _AER_TOLERANCES[number // _AER_EVERY % len(_AER_TOLERANCES)]
    return replace(case(number), goal=Goal(relative_tolerance=tolerance), budget=None)


def row(number: int, one: PlanCase, engine: Quantum) -> Row:
    """Plan, then solve, one case."""
    goal = one.goal
    if one.budget is not None:
        plan = engine.plan(one.problem, goal)
        budget = one.budget * (plan.expected_queries + plan.residual_paths)
        goal = replace(goal, queries=math.ceil(budget))
    begin = time.perf_counter()
    plan = engine.plan(one.problem, goal)
    taken = time.perf_counter() - begin
    result = engine.solve(one.problem, goal, rng=number)
    allowed = goal.allowed_half_width(result.value)
    return {
        "number": number,
        "kind": one.kind,
        "model": type(one.problem.model).__name__,
        "measure": type(one.problem.measure).__name__,
        "goal": repr(goal),
        "backend": plan.backend.split("(")[0],
        "grid": plan.grid.split(", ")[0] + (")" if ", " in plan.grid else ""),
        "estimator": plan.estimator.split("(")[0],
        "value": result.value,
        "asked": allowed,
        "half-width": result.interval.half_width,
        "status": result.status,
        **_costs(plan, result),
        "seconds of the plan": taken,
    }


def _costs(plan: Plan, result: Result) -> Row:
    cost = result.cost
    return {
        "qubits": plan.qubits,
        "planned queries": plan.expected_queries,
        "queries": cost.queries,
        "planned paths": plan.residual_paths,
        "paths": cost.residual_paths,
        "pilot's paths": plan.pilot_paths,
        "planned seconds": plan.seconds,
        "seconds": cost.seconds,
    }


def met(one: Row) -> bool:
    """Whether the half-width is what was asked for, and said so."""
    return bool(one["status"] == "converged" and one["half-width"] <= one["asked"])


def cost_ratio(one: Row) -> float:
    """Planned queries and residual paths over those spent."""
    return _ratio(one["planned queries"] + one["planned paths"], one["queries"] + one["paths"])


def strict_ratio(one: Row) -> float:
    """The same without the residual's own pilot, whose size is known beforehand."""
    known = one["pilot's paths"]
    planned = one["planned queries"] + one["planned paths"] - known
    return _ratio(planned, one["queries"] + one["paths"] - known)


def queries_ratio(one: Row) -> float:
    """Planned queries over those spent."""
    return _ratio(one["planned queries"], one["queries"])


def paths_ratio(one: Row) -> float:
    """Planned over drawn paths of the residual, its pilot left out; nan without a residual."""
    known = one["pilot's paths"]
    if one["paths"] == 0 and one["planned paths"] == 0.0:
        return math.nan
    return _ratio(one["planned paths"] - known, one["paths"] - known)


def seconds_ratio(one: Row) -> float:
    """Planned over measured seconds."""
    return _ratio(one["planned seconds"], one["seconds"])


def _ratio(planned: float, spent: float) -> float:
    return math.inf if spent <= 0.0 else planned / spent


def within(ratio: float, factor: float) -> bool:
    """Whether a ratio is at most a factor off, in either direction."""
    return 1.0 / factor <= ratio <= factor


def summary(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Shares by kind with 95 % Wilson bars, those of Aer's seconds, and the worst problems."""
    ideal = [one for one in rows if one["backend"] == "Ideal"]
    groups = {"all": ideal}
    groups["with a budget"] = [one for one in ideal if "queries=" in one["goal"]]
    groups["with a residual"] = [one for one in ideal if one["planned paths"] > 0.0]
    for one in ideal:
        groups.setdefault(one["kind"], []).append(one)
    aer = [one for one in rows if one["backend"] == "Aer"]
    worst = sorted(ideal, key=_badness, reverse=True)[:_WORST]
    return {
        "shares": [_shares(name, some) for name, some in groups.items() if some],
        "Aer": [_seconds(one) for one in aer],
        "worst": [_offender(one) for one in worst],
    }


def _badness(one: Row) -> tuple[bool, float]:
    return not met(one), abs(math.log(max(strict_ratio(one), 1e-12)))


def _shares(name: str, rows: Sequence[Row]) -> Row:
    """What a group of problems gave."""

    def twice(ratio: Callable[[Row], float]) -> str:
        ratios = [ratio(one) for one in rows]
        known = [one for one in ratios if not math.isnan(one)]
        return _share([within(one, 2.0) for one in known])

    return {
        "problems": name,
        "count": len(rows),
        "met": _share([met(one) for one in rows]),
        "cost within 2x": twice(cost_ratio),
        "pilot left out": twice(strict_ratio),
        "queries alone": twice(queries_ratio),
        "paths alone": twice(paths_ratio),
        "median planned/spent": float(np.median([cost_ratio(one) for one in rows])),
        "seconds within 10x": _share([within(seconds_ratio(one), 10.0) for one in rows]),
    }


def _share(hits: Sequence[bool]) -> str:
    """A share in per cent and its Wilson interval.

    >>> _share([True] * 9 + [False])
    '90 [60, 98] %'
    """
    if not hits:
        return ""
    bar = stats.binomtest(sum(hits), len(hits)).proportion_ci(method="wilson")
    share = 100.0 * sum(hits) / len(hits)
    return f"{share:.3g} [{100.0 * bar.low:.3g}, {100.0 * bar.high:.3g}] %"


def _seconds(one: Row) -> Row:
    names = ("number", "kind", "model", "grid", "qubits", "queries", "paths")
    numbers = {"planned seconds": one["planned seconds"], "seconds": one["seconds"]}
    return {name: one[name] for name in names} | numbers | {"planned/spent": seconds_ratio(one)}


def _offender(one: Row) -> Row:
    names = ("number", "kind", "model", "measure", "grid", "goal", "status")
    return {name: one[name] for name in names} | {
        "half-width/asked": one["half-width"] / one["asked"],
        "cost": cost_ratio(one),
        "pilot left out": strict_ratio(one),
        "queries": queries_ratio(one),
        "paths": paths_ratio(one),
    }
