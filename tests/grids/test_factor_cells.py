"""Products of cells: indices, conditional means against samples, learned values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmc import Asian, BlackScholes, MultiAsset, Price, Problem
from qmc.grids.cell_table import CellTable
from qmc.grids.factor_cells import (
    FactorCells,
    Ground,
    cell_values,
    fitted,
    learned_values,
    node_values,
)
from qmc.grids.pilot import Pilot, draw_pilot

PAIR = MultiAsset(
    spots=(100.0, 80.0), vols=(0.2, 0.4), rate=0.03, correlation=((1.0, -0.3), (-0.3, 1.0))
)
PROBLEM = Problem(PAIR, Asian(strike=90.0, times=(0.5, 1.0), weights=(0.5, 0.5)), Price())


def turned(factors, columns, seed=0):
    frame, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((factors, columns)))
    return frame


def ground_of(problem, directions, paths=256):
    return Ground(problem, draw_pilot(problem, directions, paths, 4, 1), directions)


@given(bits=st.lists(st.integers(1, 3), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_index_and_parts_are_little_endian(bits, seed):
    cells = FactorCells(turned(6, 5, seed), tuple(bits), tuple(range(len(bits))))
    assert cells.size == 2 ** sum(bits)
    # the mean normals of a cell lie in the cell
    assert np.array_equal(cells.index(cells.nodes()), np.arange(cells.size))
    assert np.array_equal(cells.locate(cells.nodes() @ cells.columns.T), np.arange(cells.size))
    index = np.arange(cells.size)
    for register, width in enumerate(bits):
        assert np.array_equal(cells.parts[:, register], index & (2**width - 1))
        index >>= width


@given(bits=st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_cells_have_the_probabilities_of_their_table(bits):
    cells = FactorCells(turned(4, 4), tuple(bits), tuple(range(len(bits))))
    table = CellTable(
        registers=cells.bits,
        marginals=cells.marginals,
        values=np.zeros(cells.size),
        bias="unknown",
        bias_bound=np.inf,
    )
    product = np.ones(cells.size)
    for register, marginal in enumerate(cells.marginals):
        product *= marginal[cells.parts[:, register]]
    assert np.allclose(table.probabilities, product, rtol=1e-14)


def test_paths_fall_into_cells_as_often_as_these_are_probable():
    cells = FactorCells(turned(4, 3), (2, 1), (0, 1))
    normals = np.random.default_rng(5).standard_normal((100_000, 4))
    counts = np.bincount(cells.locate(normals), minlength=8)
    expected = 100_000 * np.multiply.outer(cells.marginals[1], cells.marginals[0]).ravel()
    # chi squared with 7 degrees of freedom is above 35 once in 1e5
    assert ((counts - expected) ** 2 / expected).sum() < 35.0


def test_directions_without_bits_complete_the_frame():
    directions = turned(4, 4)
    ground = ground_of(PROBLEM, directions)
    cells = ground.cells((0, 2, 0, 1))
    assert (cells.bits, cells.places) == ((2, 1), (1, 3))
    assert np.array_equal(cells.frame, directions[:, [1, 3, 0, 2]])
    assert np.array_equal(ground.locate(cells), cells.locate(ground.pilot.normals))


def test_conditional_mean_prices_are_those_of_a_sample():
    ground = ground_of(PROBLEM, turned(4, 3))
    cells = ground.cells((2, 1, 0))
    means = ground.mean_prices(cells).paths(slice(None))
    assert means.shape == (8, 2, 2)
    normals = np.random.default_rng(6).standard_normal((200_000, 4))
    paths, where = PROBLEM.paths(normals), cells.locate(normals)
    for cell in range(8):
        inside = paths[where == cell]
        error = inside.std(axis=0) / np.sqrt(len(inside))
        # 32 numbers, each beyond 5 standard errors once in 1.7e6
        assert np.all(np.abs(inside.mean(axis=0) - means[cell]) < 5.0 * error)


def test_uncut_cells_have_the_forwards():
    ground = ground_of(PROBLEM, turned(4, 3))
    means = ground.mean_prices(ground.cells((0, 0, 0))).paths(slice(None))
    assert means.shape == (1, 2, 2)
    assert means[0] == pytest.approx(np.outer(np.exp([0.015, 0.03]), [100.0, 80.0]), rel=1e-13)


@settings(max_examples=30, deadline=None)
@given(
    bits=st.lists(st.integers(0, 4), min_size=3, max_size=3),
    vol=st.floats(0.01, 1.5),
    seed=st.integers(0, 99),
)
def test_mean_prices_add_up_to_the_forward(bits, vol, seed):
    market = BlackScholes(spot=100.0, vol=vol, rate=0.03, dividend_yield=0.01)
    problem = Problem(market, Asian(strike=90.0, times=(0.5, 1.0, 3.0)), Price())
    ground = ground_of(problem, turned(3, 3, seed), paths=64)
    cells = ground.cells(tuple(bits))
    masses = np.ones(1)
    for one in cells.marginals:
        masses = np.multiply.outer(one, masses).ravel()
    found = masses @ ground.mean_prices(cells).flat(slice(None))
    assert found == pytest.approx(100.0 * np.exp(0.02 * np.array([0.5, 1.0, 3.0])), rel=1e-12)


def test_a_block_is_the_part_of_the_whole():
    ground = ground_of(PROBLEM, turned(4, 2))
    prices = ground.mean_prices(ground.cells((2, 2)))
    assert np.array_equal(prices.paths(slice(3, 9)), prices.paths(slice(None))[3:9])


def test_values_in_blocks_are_those_at_once(monkeypatch):
    ground = ground_of(PROBLEM, turned(4, 2))
    cells = ground.cells((2, 2))
    whole = [cell_values(ground, cells, worth) for worth in ("prices", "nodes", "learned")]
    monkeypatch.setattr("qmc.grids.factor_cells._BLOCK", 20)
    parts = [cell_values(ground, cells, worth) for worth in ("prices", "nodes", "learned")]
    assert np.allclose(whole, parts, rtol=1e-13)


def test_node_values_are_those_of_the_mean_normals():
    ground = ground_of(PROBLEM, turned(4, 2))
    cells = ground.cells((1, 2))
    expected = PROBLEM.outcomes(cells.nodes() @ cells.columns.T)
    assert np.array_equal(node_values(PROBLEM, cells), expected)


def test_learned_values_are_means_with_the_prior_as_one_point():
    where = np.array([0, 0, 2])
    found = learned_values(where, np.array([1.0, 3.0, 5.0]), np.array([2.0, 7.0, 0.0]))
    assert found.tolist() == [2.0, 7.0, 2.5]


def test_the_prior_is_fitted_by_least_squares():
    where = np.array([0, 1, 2, 1])
    pilot = Pilot(np.zeros((4, 1)), np.array([1.0, 3.0, 5.0, 3.0]), 1)
    assert fitted(np.array([10.0, 20.0, 30.0]), where, pilot) == pytest.approx([1.0, 3.0, 5.0])
    assert fitted(np.full(3, 9.0), where, pilot) == pytest.approx(np.full(3, 3.0))
