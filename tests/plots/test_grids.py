"""Pictures of factor grids say what their tables hold, and refuse other tables."""

import numpy as np
import pytest

from qmc import BlackScholes, Call, Exchange, FactorGrid, LawGrid, MultiAsset, Price, Problem
from qmc.errors import InvalidProblem
from qmc.plots import new_axes, plot_allocation, plot_factor_cells

PAIR = MultiAsset(
    spots=(100.0, 96.0), vols=(0.2, 0.3), rate=0.05, correlation=((1.0, 0.5), (0.5, 1.0))
)
TWO = FactorGrid(qubits=6).discretise(Problem(PAIR, Exchange(expiry=1.0), Price()))
CALL = Problem(
    BlackScholes(spot=100.0, vol=0.2, rate=0.05), Call(strike=105.0, expiry=1.0), Price()
)
ONE = FactorGrid(qubits=3).discretise(CALL)


def test_bars_are_the_qubits_of_each_direction():
    axes = plot_allocation(TWO)
    chosen = TWO.report.chosen
    assert [bar.get_height() for bar in axes.patches] == list(chosen.bits)
    told = [text.get_text() for text in axes.texts]
    assert told == [f"-{100.0 * share:.3g} %" if share else "" for share in chosen.removed]
    assert axes.get_xticklabels()[0].get_text() == "1: the payoff's own"
    assert f"100 % before, {100.0 * chosen.residual_share:.3g} % after" in axes.get_title()


def test_marks_are_the_cells():
    axes = plot_factor_cells(TWO)
    (marks,) = axes.collections
    places = np.asarray(marks.get_offsets())
    assert np.array_equal(places[:, 1], TWO.values)
    assert np.array_equal(places[:, 0], TWO.locator.nodes()[:, 0])
    assert np.array_equal(marks.get_array(), TWO.locator.nodes()[:, 1])
    assert marks.colorbar is not None
    # the most probable cells are largest
    assert np.argmax(marks.get_sizes()) in np.flatnonzero(
        TWO.probabilities == TWO.probabilities.max()
    )


def test_one_direction_needs_no_colours_and_draws_where_told():
    axes = new_axes()
    assert plot_factor_cells(ONE, ax=axes) is axes
    assert axes.collections[0].get_array() is None
    assert plot_allocation(ONE, ax=new_axes()).get_xticklabels()[0].get_text().startswith("1:")


@pytest.mark.parametrize("draw", [plot_allocation, plot_factor_cells])
def test_other_tables_are_refused(draw):
    with pytest.raises(InvalidProblem, match="table=3: must be of type CellTable; FactorGrid"):
        draw(3)
    with pytest.raises(InvalidProblem, match="must be a table that FactorGrid made"):
        draw(LawGrid(qubits=2).discretise(CALL))
