"""Pictures refuse what they cannot draw by name, before any axes are made."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from qmc import BlackScholes, Call, Goal, LawGrid, Price, Problem, Quantum, convergence
from qmc.backends import Ideal
from qmc.convergence import ConvergenceTable
from qmc.errors import InvalidProblem
from qmc.plots import (
    new_axes,
    plot_amplitudes,
    plot_budget,
    plot_cells,
    plot_circuit,
    plot_convergence,
    plot_decay,
    plot_intervals,
    plot_loaded_law,
    plot_losses,
    plot_rotation,
)

CALL = Problem(
    BlackScholes(spot=100.0, vol=0.2, rate=0.05), Call(strike=105.0, expiry=1.0), Price()
)
ENGINE = Quantum(grid=LawGrid(qubits=2), backend=Ideal())
TABLE = ENGINE.discrete_problem(CALL)
OTHER = Quantum(grid=LawGrid(qubits=3)).amplitude_problem(CALL)
RESULT = ENGINE.solve(CALL, Goal(tolerance=1.0), rng=1)
STUDY = convergence(CALL, ENGINE, queries=(100, 200), seeds=2, reference=[8.02])

REFUSED = {
    "axes": (lambda: new_axes(3), "ax=3: must be of type Axes; such as pyplot.subplots()"),
    "axes of another kind": (lambda: plot_cells(TABLE, ax=SimpleNamespace()), "of type Axes"),
    "height": (lambda: new_axes(height="x"), "height='x': must be a finite number above 0"),
    "circuit": (lambda: plot_circuit("A"), "problem='A': must be an AmplitudeProblem or a Quan"),
    "law of no table": (lambda: plot_loaded_law([0.5, 0.5]), "must be of type CellTable; engine.d"),
    "law of no problem": (lambda: plot_loaded_law(TABLE, 3), "problem=3: must be of type Amplit"),
    "law of other cells": (lambda: plot_loaded_law(TABLE, OTHER), "'8 cells': must be of the tab"),
    "amplitudes": (lambda: plot_amplitudes(TABLE), "must be of type AmplitudeProblem; engine.am"),
    "one power": (lambda: plot_rotation(0.3, 2), "powers=2: must be a non-empty sequence of wh"),
    "no powers": (lambda: plot_rotation(0.3, ()), "powers=[]: must be a non-empty sequence"),
    "half a power": (lambda: plot_rotation(0.3, (0, 0.5)), "powers[1]=0.5: must be a whole number"),
    "text amplitude": (lambda: plot_rotation("a"), "amplitude='a': must be a finite number"),
    "decay": (lambda: plot_decay("x", [0], [1.0]), "decay='x': must be a finite number"),
    "decay's powers": (lambda: plot_decay(0.1, 3, [1.0]), "powers=3: must be a non-empty"),
    "no visibility": (lambda: plot_decay(0.1, [], []), "visibility='array of shape (0,)'"),
    "errors": (lambda: plot_decay(0.1, [0, 1], [1.0, 0.9], [0.1]), "one standard error >= 0"),
    "contrast": (lambda: plot_decay(0.1, [0], [1.0], contrast=None), "contrast=None: must be a f"),
    "cells": (lambda: plot_cells(RESULT), "must be of type CellTable"),
    "no results": (lambda: plot_intervals([], []), "results=[]: must be a non-empty sequence of"),
    "one result": (lambda: plot_intervals(RESULT, ["a"]), "must be a non-empty sequence of resul"),
    "no result": (lambda: plot_intervals([3.0], ["a"]), "results[0]=3.0: must be of type Result"),
    "labels": (lambda: plot_intervals([RESULT], ["a", "b"]), "['a', 'b']: must be one for each of"),
    "one label": (lambda: plot_intervals([RESULT], "a"), "labels='a': must be a sequence of one"),
    "truth": (lambda: plot_intervals([RESULT], ["a"], truth="x"), "truth='x': must be a finite"),
    "budget": (lambda: plot_budget(RESULT.value), "must be of type Result; engine.solve"),
    "losses": (lambda: plot_losses(["x"], []), "losses=['x']: must be a non-empty 1-dim"),
    "losses of nan": (lambda: plot_losses([1.0, np.nan], []), "losses[1]=nan: must be a finite"),
    "marks": (lambda: plot_losses([1.0], 3), "marks=3: must be pairs of a name and a finite"),
    "a mark": (lambda: plot_losses([1.0], [12.5]), "marks[0]=12.5: must be pairs"),
    "a mark of text": (lambda: plot_losses([1.0], [("a", "b")]), "marks[0][1]='b': must be a fin"),
    "study": (lambda: plot_convergence(RESULT), "must be of type ConvergenceTable; qmc.converg"),
    "no rows": (lambda: plot_convergence(ConvergenceTable(())), "must be a table with a row"),
    "study's problem": (lambda: plot_convergence(STUDY, "put"), "problem='put': must be one of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_drawn_is_refused_by_name(case):
    draw, told = REFUSED[case]
    with pytest.raises(InvalidProblem, match=re.escape(told)) as caught:
        draw()
    assert "np." not in str(caught.value)


def test_what_can_be_drawn_is():
    """Each of the calls above passes once its one mistake is mended."""
    encoded = ENGINE.amplitude_problem(CALL)
    drawn = [
        plot_circuit(encoded),
        plot_loaded_law(TABLE, encoded),
        plot_amplitudes(encoded),
        plot_rotation(np.float64(0.3), np.arange(3)),
        plot_decay(0.1, range(2), np.ones(2), (0.1, 0.1)),
        plot_cells(TABLE),
        plot_intervals((RESULT,), ["a"], truth=np.float64(8.0)),
        plot_budget(RESULT),
        plot_losses(np.arange(9.0), {"VaR": 8.0}.items()),
        plot_convergence(STUDY, STUDY.problems[0]),
    ]
    assert all(type(axes).__name__ == "Axes" for axes in drawn)
