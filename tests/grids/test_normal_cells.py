"""Cells of one normal: Max's published table, tilted means against quadrature, indices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from qmc.grids.normal_cells import cells_between, lloyd_max

# Max (1960, doi:10.1109/TIT.1960.1057548), table I: N = 2, 4, 8, 16. Its last digits are not
# all right: the optimum is .0345478 for 8 cells and .0095010 for 16, above what it prints
MAX_TABLE = {1: 0.3634, 2: 0.1175, 3: 0.03454, 4: 0.009497}


@pytest.mark.parametrize(("bits", "published"), MAX_TABLE.items())
def test_distortions_are_those_of_the_published_table(bits, published):
    cells = lloyd_max(bits)
    distortion = 1.0 - cells.masses @ cells.means**2
    assert distortion == pytest.approx(published, rel=5e-4)


@pytest.mark.parametrize("bits", range(7))
def test_cells_hold_all_of_the_normal_law(bits):
    cells = lloyd_max(bits)
    assert cells.masses.shape == cells.means.shape == (2**bits,)
    assert cells.masses.sum() == pytest.approx(1.0, abs=1e-14)
    assert cells.masses @ cells.means == pytest.approx(0.0, abs=1e-14)
    # the law is even, and so are its cells
    assert np.allclose(cells.masses, cells.masses[::-1], rtol=1e-9)
    assert np.allclose(cells.edges[1:-1], -cells.edges[1:-1][::-1], atol=1e-9)


def test_no_moved_edge_lowers_the_distortion():
    best = lloyd_max(3)
    least = 1.0 - best.masses @ best.means**2
    for place in range(1, 8):
        for move in (-0.02, 0.02):
            edges = best.edges.copy()
            edges[place] += move
            other = cells_between(edges)
            assert 1.0 - other.masses @ other.means**2 > least


@pytest.mark.parametrize("tilt", [-3.0, -0.2, 0.0, 0.4, 1.5, 6.0])
def test_tilted_means_are_those_of_quadrature(tilt):
    cells = lloyd_max(3)
    found = cells.tilted(np.array([tilt]))[:, 0]
    for low, high, mass, value in zip(
        cells.edges[:-1], cells.edges[1:], cells.masses, found, strict=True
    ):
        # exp(c z - z^2 / 2), with the bump inside the range that is integrated
        ends = max(low, -40.0), min(high, 40.0)
        inside = [point for point in (tilt,) if ends[0] < point < ends[1]]
        whole, _ = integrate.quad(
            lambda z: np.exp(tilt * z - 0.5 * z * z) / np.sqrt(2.0 * np.pi),
            *ends,
            points=inside or None,
            epsabs=0.0,
            epsrel=1e-11,
            limit=200,
        )
        assert value == pytest.approx(whole / mass, rel=1e-9)


@given(bits=st.integers(0, 8), tilt=st.floats(-8.0, 8.0))
def test_tilted_means_add_up_to_the_moment_generating_function(bits, tilt):
    cells = lloyd_max(bits)
    whole = cells.masses @ cells.tilted(np.array([tilt]))[:, 0]
    assert whole == pytest.approx(np.exp(0.5 * tilt * tilt), rel=1e-12)


@given(bits=st.integers(0, 6), z=st.floats(-9.0, 9.0))
def test_index_is_the_half_open_cell_of_a_number(bits, z):
    cells = lloyd_max(bits)
    place = int(cells.index(np.array([z]))[0])
    assert cells.edges[place] < z <= cells.edges[place + 1]


def test_an_edge_belongs_to_the_cell_below():
    cells = lloyd_max(2)
    assert cells.index(cells.edges[1:-1]).tolist() == [0, 1, 2]


def test_many_cells_do_not_take_for_ever():
    """2**16 cells end after a few steps of the fixed point, near the optimum of Panter and Dite."""
    cells = lloyd_max(16)
    bound = np.sqrt(3.0) * np.pi / 2.0 * 2.0**-32
    within = ((np.diff(cells.edges[1:-1]) ** 2) / 12.0) @ cells.masses[1:-1]
    assert within == pytest.approx(bound, rel=0.05)


def test_cells_cannot_be_changed():
    cells = lloyd_max(2)
    with pytest.raises(ValueError, match="read-only"):
        cells.means[0] = 0.0
