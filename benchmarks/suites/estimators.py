"""Every estimator of an amplitude on the same amplitudes: cost, error, coverage, depth, seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from benchmarks import store
from qmc import Goal
from qmc.estimators import (
    Adaptive,
    Bayesian,
    Canonical,
    Certified,
    Chebyshev,
    Estimator,
    Faster,
    Iterative,
    LowDepth,
    MaximumLikelihood,
    ModifiedIterative,
    RealAmplitude,
    run_lockstep,
)
from qmc.estimators.lockstep import Runs
from qmc.plots import new_axes
from qmc.problem import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# tuned on seeds below 10,000; judged from here on
FIRST_SEED = 10_000
CONFIDENCE = 0.95
EPSILONS = (1e-2, 1e-3, 1e-4, 1e-5)
DECAYS = (1e-4, 1e-3, 5e-3)
CAPS = (16, 64)
NAMED = {
    "0": 0.0,
    "1": 1.0,
    "1/2": 0.5,
    "1/4": 0.25,
    "3/4": 0.75,
    "sin^2(pi/8)": math.sin(math.pi / 8) ** 2,
    ".505": 0.505,
    ".49": 0.49,
    ".001": 0.001,
    ".999": 0.999,
    ".0259": 0.0259,
}
_AMPLITUDES, _SMALL_AMPLITUDES, _SMALL_RUNS = 60, 8, 3
# NA x eps of the best window with a fixed number of queries, uniform amplitudes (FIGURES 2)
WINDOW_BOUND = 2.013
_WINDOW = "window bound, fixed queries"
_COVERED = ("coverage", "wilson low", "wilson high")


def estimators() -> dict[str, Estimator]:
    """The estimators of the arena, by name."""
    return {
        "Adaptive": Adaptive(),
        "Bayesian, 1 shot": Bayesian(shots=1),
        "Bayesian": Bayesian(),
        "Canonical": Canonical(),
        "Certified": Certified(),
        "Chebyshev": Chebyshev(),
        "Faster": Faster(),
        "Iterative": Iterative(),
        "Iterative, Chernoff": Iterative(interval="chernoff"),
        "LowDepth": LowDepth(),
        "MaximumLikelihood": MaximumLikelihood(),
        "ModifiedIterative": ModifiedIterative(),
        "RealAmplitude": RealAmplitude(),
    }


def amplitudes(count: int = _AMPLITUDES) -> Array:
    """The named ones, then uniform random ones of a fixed seed, `count` in all."""
    drawn = np.random.default_rng(20_260_103).uniform(size=max(0, count - len(NAMED)))
    return np.concatenate([np.array(list(NAMED.values())), drawn])[:count]


@dataclass(frozen=True, slots=True)
class Cell:
    """What a row is about; the cap of the power is -1 where there is none."""

    epsilon: float
    decay: float = 0.0
    cap: int = -1
    told: bool = True

    @property
    def head(self) -> dict[str, Any]:
        """The row's first columns."""
        known = self.decay if self.told else 0.0
        return {"epsilon": self.epsilon, "decay": self.decay, "told": known, "cap": self.cap}


def cells(small: bool) -> list[Cell]:
    """Half-widths; then, at 1e-3, decays told, one that is not, and caps of the power."""
    if small:
        return [Cell(EPSILONS[0]), Cell(EPSILONS[0], cap=CAPS[0])]
    found = [Cell(epsilon) for epsilon in EPSILONS]
    found += [Cell(1e-3, decay) for decay in DECAYS] + [Cell(1e-3, DECAYS[-1], told=False)]
    return found + [Cell(1e-3, cap=cap) for cap in CAPS]


def capped(estimator: Estimator, cap: int) -> Estimator | None:
    """The estimator with this largest power; None where it has no such field."""
    if cap < 0:
        return estimator
    if isinstance(estimator, Canonical):
        return replace(estimator, max_bits=int(math.log2(cap + 1)))
    if not hasattr(estimator, "max_power"):
        return None
    made: Estimator = replace(estimator, max_power=cap)  # type: ignore[type-var]
    return made


def run(seeds: int, small: bool, done: Sequence[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
    """A row an estimator and cell; rows that are `done` are not made again.

    The runs of a cell, at least `seeds`, are shared equally among the amplitudes.
    """
    known = {tuple(row[name] for name in HEAD) for row in done}
    truths = amplitudes(_SMALL_AMPLITUDES if small else _AMPLITUDES)
    each = _SMALL_RUNS if small else math.ceil(seeds / truths.size)
    store.require_size(done, truths.size * each)
    if not known:
        bound = {"estimator": _WINDOW, "epsilon": 0.0, "decay": 0.0, "told": 0.0, "cap": -1}
        yield bound | dict.fromkeys(COLUMNS, math.nan) | {"NA x eps": WINDOW_BOUND}
    for cell in cells(small):
        for name, estimator in estimators().items():
            limited = capped(estimator, cell.cap)
            row = {"estimator": name} | cell.head
            if limited is not None and tuple(row.values()) not in known:
                repeated = np.repeat(truths, each)
                lists = [[FIRST_SEED + run % each, run // each] for run in range(repeated.size)]
                yield row | figures(limited, cell, repeated, lists)


HEAD = ("estimator", "epsilon", "decay", "told", "cap")
COLUMNS = (
    "runs", "NA x eps", "NQ x eps", "error 95 % x NA", "rmse x NA", "coverage", "wilson low",
    "wilson high", "converged", "max power", "rounds", "shots", "ms a run, lockstep",
)  # fmt: skip


def judged(
    estimator: Estimator, cell: Cell, truths: Array, seeds: Sequence[list[int]]
) -> tuple[Runs, Array, float]:
    """Runs in lockstep, whether each interval holds its truth, and the seconds of all."""
    goal = Goal(tolerance=cell.epsilon, confidence=CONFIDENCE)
    begin = time.perf_counter()
    told = None if cell.told else 0.0
    done = run_lockstep(estimator, truths, goal, seeds=seeds, decay=cell.decay, told=told)
    seconds = time.perf_counter() - begin
    return done, done.holds(truths).astype(float), seconds


def figures(
    estimator: Estimator, cell: Cell, truths: Array, seeds: Sequence[list[int]]
) -> dict[str, Any]:
    """The figures of one row; runs of one amplitude stand together."""
    done, held, seconds = judged(estimator, cell, truths, seeds)
    error, queries = np.abs(done.value - truths), done.queries.mean()
    wilson = stats.binomtest(int(held.sum()), held.size).proportion_ci(method="wilson")
    values = (
        held.size,
        queries * cell.epsilon,
        done.powers.mean() * cell.epsilon,
        np.percentile(error, 95.0) * queries,
        math.sqrt(np.mean(np.square(error))) * queries,
        held.mean(),
        wilson.low,
        wilson.high,
        done.converged.mean(),
        done.max_power.max(),
        done.rounds.mean(),
        done.shots.mean(),
        1e3 * seconds / held.size,
    )
    return dict(zip(COLUMNS, (float(value) for value in values), strict=True))


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
    """Cost with the window bound and coverage with Wilson bars, against the half-width."""
    from matplotlib.figure import Figure

    runs = max(row["runs"] for row in rows if row["estimator"] != _WINDOW)
    whole = Figure(figsize=(11.0, 5.4), layout="constrained")
    left, right = whole.subplots(1, 2)
    whole.suptitle(f"Amplitude estimators at 95 % confidence, up to {runs:.0f} runs a point")
    ideal = [row for row in rows if row["estimator"] != _WINDOW and not row["decay"]]
    ideal = [row for row in ideal if row["cap"] < 0]
    plot_cost(ideal, ax=left)
    plot_coverage(ideal, ax=right)
    handles, labels = left.get_legend_handles_labels()
    whole.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8)
    return whole


def plot_cost(rows: Sequence[dict[str, Any]], *, ax: Axes | None = None) -> Axes:
    """Queries x half-width of each estimator, log-log; a line for the window bound."""
    axes = new_axes(ax)
    for name, style in _styles(rows):
        mine = (row for row in rows if row["estimator"] == name)
        chosen = sorted((row["epsilon"], row["NA x eps"]) for row in mine)
        axes.plot(*zip(*chosen, strict=True), **style, label=name)
    axes.axhline(WINDOW_BOUND, color="black", ls="--", lw=1, label=_WINDOW)
    axes.set(xscale="log", yscale="log", ylim=(1.5, 300.0))
    axes.set_xlabel("half-width epsilon wanted")
    axes.set_ylabel("mean queries x epsilon (Faster: beyond 1e4, not drawn)")
    axes.invert_xaxis()
    return axes


def plot_coverage(rows: Sequence[dict[str, Any]], *, ax: Axes | None = None) -> Axes:
    """Coverage of each estimator with its Wilson interval; a line for the confidence."""
    axes = new_axes(ax)
    for place, (name, style) in enumerate(_styles(rows)):
        chosen = sorted(
            (row["epsilon"] * 1.06 ** (place - 6), *(row[each] for each in _COVERED))
            for row in rows
            if row["estimator"] == name
        )
        at, covered, low, high = np.array(chosen).T
        bars = np.clip([covered - low, high - covered], 0.0, 1.0)
        axes.errorbar(at, covered, yerr=bars, **style | {"ls": ""}, capsize=2)
    axes.axhline(CONFIDENCE, color="black", ls="--", lw=1)
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_xlabel("half-width epsilon wanted (estimators side by side)")
    axes.set_ylabel("share of intervals that hold the amplitude, Wilson 95 %")
    return axes


def _styles(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names in the order of the arena, ours in bold lines."""
    from matplotlib import colormaps

    marks = "os^vDPX*<>hp8"
    colours = [colormaps["tab20"](2 * i) for i in range(10)]
    colours += [colormaps["tab20b"](4 * i) for i in range(5)]
    for place, name in enumerate(estimators()):
        if any(row["estimator"] == name for row in rows):
            ours = name in {"Adaptive", "Certified"}
            yield (
                name,
                {
                    "marker": marks[place],
                    "color": colours[place],
                    "lw": 2.5 if ours else 1.0,
                    "ms": 7 if ours else 4,
                    "zorder": 3 if ours else 2,
                },
            )
