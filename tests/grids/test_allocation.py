"""Qubits go where they remove most variance: sums, look-ahead, shares, what is written down."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmc import Basket, BlackScholes, MultiAsset, Price, Problem, Sum
from qmc.contracts import Call
from qmc.grids.allocation import allocate, distortion, residual_share
from qmc.grids.directions import find_directions, leading_frame, path_slopes
from qmc.grids.factor_cells import Ground, cell_values
from qmc.grids.pilot import draw_pilot

THREE = MultiAsset(
    spots=(100.0,) * 3,
    vols=(0.1, 0.2, 0.4),
    rate=0.02,
    correlation=((1.0, 0.3, 0.3), (0.3, 1.0, 0.3), (0.3, 0.3, 1.0)),
)
BASKET = Problem(THREE, Basket(weights=(1 / 3,) * 3, strike=100.0, expiry=1.0), Price())
MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.02)
WORTHS = ("prices", "nodes", "learned")


def ground_of(problem, paths=1024):
    slopes = path_slopes(problem)
    frame = leading_frame(slopes)
    pilot = draw_pilot(problem, frame, paths, 4, 2)
    return Ground(problem, pilot, find_directions(slopes, frame, pilot).columns)


GROUND = ground_of(BASKET)


@settings(max_examples=20, deadline=None)
@given(qubits=st.integers(1, 8), worth=st.sampled_from(WORTHS))
def test_bits_sum_to_the_qubits_and_shares_to_one(qubits, worth):
    found = allocate(GROUND, qubits, worth)
    assert sum(found.bits) == qubits
    assert len(found.bits) == len(found.removed) == 3
    assert found.residual_share == residual_share(GROUND, found.bits, worth)
    assert found.residual_share + sum(found.removed) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("worth", WORTHS)
def test_more_qubits_leave_less(worth):
    shares = [allocate(GROUND, qubits, worth).residual_share for qubits in (1, 3, 5)]
    assert shares[0] > shares[1] > shares[2] > 0.0


def test_the_payoffs_own_direction_gets_the_most_bits():
    assert np.argmax(allocate(GROUND, 5, "prices").bits) == 0


def test_an_even_payoff_gets_two_bits_at_once(monkeypatch):
    """One bit along an even payoff's direction tells nothing of it, two do."""
    market = MultiAsset(
        spots=(100.0, 100.0), vols=(0.2, 0.2), rate=0.02, correlation=((1.0, 0.0), (0.0, 1.0))
    )
    straddle = [
        Basket(weights=(1.0, 0.0), strike=100.0, expiry=1.0, kind=kind) for kind in ("call", "put")
    ]
    little = Basket(weights=(0.0, 1.0), strike=100.0, expiry=1.0)
    contract = Sum(contracts=(*straddle, little), quantities=(1.0, 1.0, 0.3))
    problem = Problem(market, contract, Price())
    ground = Ground(problem, draw_pilot(problem, np.eye(2), 4096, 4, 2), np.eye(2))
    none, one, two = (residual_share(ground, (bits, 0), "learned") for bits in range(3))
    assert none - one < 0.15 * (none - two)
    assert allocate(ground, 2, "learned").bits == (2, 0)
    monkeypatch.setattr("qmc.grids.allocation._LOOK_AHEAD", (1,))
    assert allocate(ground, 2, "learned").residual_share > 1.5 * two


def test_a_payoff_without_variance_leaves_nothing():
    ground = ground_of(Problem(MARKET, Call(strike=1e4, expiry=0.01), Price()))
    found = allocate(ground, 3, "prices")
    assert (found.bits, found.residual_share) == ((3,), 0.0)


def test_learned_shares_leave_each_point_out_of_its_cell():
    """With a cell a path a table that knows its own points would leave nothing."""
    ground = ground_of(BASKET, paths=64)
    known = ground.pilot.values
    cells = ground.cells((3, 3, 3))
    own = known - cell_values(ground, cells, "learned")[ground.locate(cells)]
    assert residual_share(ground, (3, 3, 3), "learned") > 2.0 * own.var() / known.var()


def test_without_trials_bits_follow_the_distortion(monkeypatch):
    tried = allocate(GROUND, 5, "prices")
    monkeypatch.setattr("qmc.grids.allocation._TRIAL", 1.0)
    found = allocate(GROUND, 5, "prices")
    assert sum(found.bits) == 5
    assert found.residual_share < 3.0 * tried.residual_share
    assert found.residual_share == residual_share(GROUND, found.bits, "prices")


def test_distortion_of_no_bits_is_the_whole_variance():
    assert [distortion(bits) for bits in (0, 1)] == pytest.approx([1.0, 1.0 - 2.0 / np.pi])
