"""Pictures of circuits: each function draws into `ax` (new axes when None) and returns it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qmc import checks
from qmc.backends.calibration import Calibration
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.errors import Unsupported
from qmc.estimators.priors import angle
from qmc.grids.cell_table import CellTable
from qmc.plots.axes import COLOURS, items, new_axes, require
from qmc.problem import Array
from qmc.rounds import hit_probability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from qiskit.circuit import QuantumCircuit

_READABLE_GATES = 200
# nearer to 1/2 a visibility is a small number over a small number
_CLEAR_SWING = 0.15
_AMPLITUDE_PROBLEM = "engine.amplitude_problem(problem) makes one"


def plot_circuit(problem: AmplitudeProblem | QuantumCircuit, *, ax: Axes | None = None) -> Axes:
    """The circuit A of a problem, or any circuit, as qiskit draws it.

    Raises:
        InvalidProblem: for anything else.
        Unsupported: for more than 200 instructions, which nobody could read.
    """
    from qiskit.circuit import QuantumCircuit

    circuit = problem.circuit if isinstance(problem, AmplitudeProblem) else problem
    if not isinstance(circuit, QuantumCircuit):
        allowed = "an AmplitudeProblem or a QuantumCircuit"
        raise checks.refuse("problem", problem, allowed, _AMPLITUDE_PROBLEM)
    if circuit.size() > _READABLE_GATES:
        msg = (
            f"a drawing of {circuit.size()} instructions cannot be read: draw a problem on fewer "
            f"qubits (at most {_READABLE_GATES} instructions), or print(circuit.count_ops())"
        )
        raise Unsupported(msg)
    axes = new_axes(ax, height=1.0 + 0.6 * circuit.num_qubits)
    circuit.draw("mpl", ax=axes, fold=-1)
    axes.set_title(f"{circuit.name}: {circuit.num_qubits} qubits, {circuit.size()} instructions")
    return axes


def plot_loaded_law(
    table: CellTable, problem: AmplitudeProblem | None = None, *, ax: Axes | None = None
) -> Axes:
    """Cell probabilities wanted, and those that a problem's circuit loads where they are known.

    Raises:
        InvalidProblem: for another type, or a problem on another number of cells.
    """
    require("table", table, CellTable, "engine.discrete_problem(problem) makes one")
    if problem is not None:
        require("problem", problem, AmplitudeProblem, _AMPLITUDE_PROBLEM)
        _require_cells(problem, table.probabilities.size)
    axes = new_axes(ax)
    cells = np.arange(table.probabilities.size)
    axes.bar(cells, table.probabilities, width=0.9, color="#9fb8d1", label="wanted")
    loaded = None if problem is None else problem.probabilities
    title = f"{table.num_qubits} qubits"
    if loaded is not None:
        size = 4 if cells.size <= 64 else 2
        axes.plot(cells, loaded, "o", ms=size, color=COLOURS[1], label="loaded by the circuit")
        distance = 0.5 * float(np.abs(loaded - table.probabilities).sum())
        title += f", total variation {distance:.2g}"
    axes.set_xlabel("cell")
    axes.set_ylabel("probability of the cell")
    axes.set_ylim(bottom=0.0)
    axes.set_title(title)
    axes.legend()
    return axes


def _require_cells(problem: AmplitudeProblem, cells: int) -> None:
    """Refuse a problem whose table has another number of cells, where it has one."""
    loaded = problem.probabilities
    if loaded is not None and loaded.size != cells:
        allowed = f"of the table's own {cells} cells"
        raise checks.refuse("problem", f"{loaded.size} cells", allowed, "encode this table")


def plot_amplitudes(problem: AmplitudeProblem, *, ax: Axes | None = None) -> Axes:
    """P(flag = 1 | cell) of each cell, and their mean, the amplitude.

    Raises:
        InvalidProblem: for anything but an `AmplitudeProblem`.
        Unsupported: when the problem has no table: imported circuits, and `ArithmeticAsian` beyond
            12 step qubits, which states its `amplitude` alone.
    """
    require("problem", problem, AmplitudeProblem, _AMPLITUDE_PROBLEM)
    if problem.flags is None or problem.probabilities is None:
        known = "" if problem.amplitude is None else f", its amplitude is {problem.amplitude:.6g}"
        msg = (
            f"this problem has no table of cells{known}: take one that a grid and an encoding "
            "made, or an ArithmeticAsian of at most 12 step qubits"
        )
        raise Unsupported(msg)
    axes = new_axes(ax)
    mean = float(problem.probabilities @ problem.flags)
    axes.bar(np.arange(problem.flags.size), problem.flags, width=0.9, color=COLOURS[0])
    axes.axhline(mean, color=COLOURS[1], lw=1.5, label=f"amplitude a = {mean:.6g}")
    axes.set_xlabel("cell")
    axes.set_ylabel("P(flag = 1 | cell)")
    axes.set_ylim(0.0, 1.05)
    axes.set_title(f"number = {problem.offset:.6g} + {problem.scale:.6g} a")
    axes.legend()
    return axes


def plot_rotation(
    amplitude: float, powers: Sequence[int] = (0, 1, 2, 3), *, ax: Axes | None = None
) -> Axes:
    """The state A Q^k |0> in the plane of bad (flag 0) and good (flag 1): at angle (2k+1) theta.

    Brassard, Hoyer, Mosca and Tapp 2002, arXiv:quant-ph/0005055, section 2.

    Raises:
        InvalidProblem: for an amplitude outside [0, 1], no powers, or one that is no whole number.
    """
    if not 0.0 <= checks.finite("amplitude", amplitude) <= 1.0:
        raise checks.refuse("amplitude", amplitude, "from 0 to 1")
    asked = _checked_powers(powers)
    axes = new_axes(ax, height=6.0)
    theta, turn = angle(amplitude), np.linspace(0.0, 2.0 * math.pi, 400)
    axes.plot(np.cos(turn), np.sin(turn), color="lightgrey", lw=1)
    for place, power in enumerate(asked):
        phase = (2 * power + 1) * theta
        end = math.cos(phase), math.sin(phase)
        colour = COLOURS[place % len(COLOURS)]
        chance = hit_probability(amplitude, power)
        label = f"k = {power}: P(flag = 1) = {chance:.3f}"
        axes.annotate(
            "", end, (0.0, 0.0), arrowprops={"arrowstyle": "->", "color": colour, "lw": 2}
        )
        axes.plot(*end, "o", color=colour, label=label)
    axes.axhline(0.0, color="grey", lw=0.6)
    axes.axvline(0.0, color="grey", lw=0.6)
    axes.set_aspect("equal")
    axes.set_xlabel("bad: flag = 0")
    axes.set_ylabel("good: flag = 1")
    axes.set_title(f"a = {amplitude:.6g}, theta = {theta:.4f}; Q turns by 2 theta")
    axes.legend(loc="lower left", fontsize=8)
    return axes


def _checked_powers(powers: Sequence[int]) -> list[int]:
    given = items("powers", powers, "a non-empty sequence of whole numbers, such as (0, 1, 2)")
    return [checks.whole(f"powers[{place}]", power, 0) for place, power in enumerate(given)]


def plot_decay(
    decay: float | Calibration,
    powers: Sequence[int] | None = None,
    visibility: Sequence[float] | None = None,
    error: Sequence[float] | None = None,
    *,
    contrast: float = 1.0,
    ax: Axes | None = None,
) -> Axes:
    """Measured visibility of the fringe at some powers, and contrast x exp(-decay k) through it.

    Args:
        decay: fitted, per power; or a `Calibration`, which has all the rest: its hits are drawn
            where the fringe without noise is at least .15 off 1/2.
        powers: (n,).
        visibility: (n,), 1 without noise.
        error: (n,), standard errors; none are drawn without.
        contrast: what readout leaves at power 0.
        ax: to draw into.

    Raises:
        InvalidProblem: for numbers that are not finite, powers below 0, or other lengths, and for
            points beside a `Calibration`.
    """
    if isinstance(decay, Calibration):
        if any(one is not None for one in (powers, visibility, error)) or contrast != 1.0:
            allowed = "left out beside a Calibration, which has its own"
            raise checks.refuse("powers, visibility, error, contrast", powers, allowed)
        powers, visibility, error = _seen(decay)
        return plot_decay(decay.decay, powers, visibility, error, contrast=decay.contrast, ax=ax)
    if powers is None or visibility is None:
        hint = "plot_decay(calibration) draws a Calibration alone"
        raise checks.refuse("powers, visibility", None, "given beside a decay", hint)
    decay, contrast = checks.finite("decay", decay), checks.finite("contrast", contrast)
    points: Array = np.array(checks.vector("visibility", visibility))
    asked = _checked_powers(powers)
    if len(asked) != points.size:
        raise checks.refuse("powers", asked, f"one for each of {points.size} visibilities")
    bars = None if error is None else _checked_errors(error, points.size)
    axes = new_axes(ax)
    axes.errorbar(asked, points, yerr=bars, fmt="o", capsize=3, color=COLOURS[0], label="measured")
    at = np.linspace(0.0, max(asked), 200)
    fitted = contrast * np.exp(-decay * at)
    axes.plot(at, fitted, color=COLOURS[1], label=f"{contrast:.3g} exp(-{decay:.3g} k)")
    axes.set_xlabel("power k of Q")
    axes.set_ylabel("visibility of the fringe")
    axes.set_ylim(0.0, 1.1)
    axes.legend()
    return axes


def _seen(found: Calibration) -> tuple[list[int], list[float], list[float]]:
    """Powers, visibilities and standard errors where the fringe is far from 1/2.

    Raises:
        InvalidProblem: where it is so at no power.
    """
    points: tuple[list[int], list[float], list[float]] = ([], [], [])
    for power, hits in zip(found.powers, found.hits, strict=True):
        swing = hit_probability(found.amplitude, power) - 0.5
        if abs(swing) < _CLEAR_SWING:
            continue
        seen = hits / found.shots
        error = math.sqrt(max(seen * (1.0 - seen), 1.0 / found.shots) / found.shots)
        points[0].append(power)
        points[1].append((seen - 0.5) / swing)
        points[2].append(error / abs(swing))
    if not points[0]:
        hint = "calibrate at other powers, or on another amplitude"
        raise checks.refuse("calibration", found.powers, "of a power with a clear fringe", hint)
    return points


def _checked_errors(error: Sequence[float], count: int) -> tuple[float, ...]:
    bars = checks.vector("error", error)
    if len(bars) != count or min(bars) < 0.0:
        raise checks.refuse("error", bars, f"one standard error >= 0 for each of {count} points")
    return bars
