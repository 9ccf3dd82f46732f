"""The first direction: a payoff's own slope, its curvature when it is even, else the paths'."""

from dataclasses import dataclass

import numpy as np
import pytest

from qmc import Asian, Basket, BlackScholes, Heston, MultiAsset, Price, Problem
from qmc.errors import TooLarge
from qmc.grids.directions import find_directions, leading_frame, path_slopes
from qmc.grids.pilot import draw_pilot
from qmc.problem import Array

ALIKE = MultiAsset(
    spots=(100.0,) * 4,
    vols=(0.2,) * 4,
    rate=0.05,
    correlation=tuple(tuple(1.0 if i == j else 0.3 for j in range(4)) for i in range(4)),
)
PAIR = MultiAsset(
    spots=(100.0, 100.0), vols=(0.2, 0.3), rate=0.02, correlation=((1.0, 0.0), (0.0, 1.0))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfLogs:
    """Pays what a word says of the standardised log prices of `PAIR` at one year."""

    kind: str
    times: tuple[float, ...] = (1.0,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        vols = np.asarray(PAIR.vols)
        z = (np.log(paths[:, -1] / 100.0) - (0.02 - 0.5 * vols**2)) / vols
        if self.kind == "straddle":
            return discount[-1] * np.abs(z[:, 0] + z[:, 1])
        if self.kind == "saddle":
            return discount[-1] * (3.0 * z[:, 1] ** 2 + 0.1 * z[:, 0] ** 2)
        # as good as random in the normals
        return discount[-1] * (np.sin(1e7 * (z[:, 0] + 2.0 * z[:, 1])) + 2.0)


def found(problem, paths=4096, seed=3):
    slopes = path_slopes(problem)
    frame = leading_frame(slopes)
    return find_directions(slopes, frame, draw_pilot(problem, frame, paths, 4, seed))


def of_logs(kind):
    return Problem(PAIR, OfLogs(kind=kind), Price())


def test_a_basket_of_like_assets_moves_along_their_sum():
    directions = found(
        Problem(ALIKE, Basket(weights=(0.25,) * 4, strike=100.0, expiry=1.0), Price())
    )
    assert directions.rule == "payoff"
    assert directions.agreement > 0.99
    assert directions.columns[:, 0] == pytest.approx(np.full(4, 0.5), abs=0.01)


@pytest.mark.parametrize(
    ("kind", "expected"), [("straddle", (0.5**0.5, 0.5**0.5)), ("saddle", (0.0, 1.0))]
)
def test_an_even_payoff_is_found_by_its_curvature(kind, expected):
    directions = found(of_logs(kind))
    assert directions.rule == "curvature"
    assert directions.agreement > 0.9
    assert abs(directions.columns[:, 0] @ expected) > 0.995


def test_noise_falls_back_on_the_paths_principal_components():
    directions = found(of_logs("noise"))
    assert (directions.rule, directions.agreement) == ("principal components", 0.0)
    # the second asset has the larger volatility and nothing in common with the first
    assert np.abs(directions.columns[:, 0]) == pytest.approx([0.0, 1.0], abs=1e-9)


def test_a_constant_payoff_has_no_direction():
    market = BlackScholes(spot=100.0, vol=0.0, rate=0.05)
    problem = Problem(market, Asian(strike=90.0, times=(0.5, 1.0)), Price())
    directions = found(problem, paths=64)
    assert directions.rule == "principal components"
    assert np.allclose(directions.columns.T @ directions.columns, np.eye(2), atol=1e-12)


DATES = Problem(
    ALIKE,
    Asian(strike=100.0, times=tuple((k + 1) / 12 for k in range(12)), weights=(0.25,) * 4),
    Price(),
)
HESTON = Problem(
    Heston(spot=100.0, rate=0.02, v0=0.04, kappa=1.5, theta=0.04, vol_of_vol=0.3, rho=-0.6),
    Asian(strike=100.0, times=(0.5, 1.0)),
    Price(),
)


@pytest.mark.parametrize("problem", [of_logs("straddle"), DATES, HESTON], ids=["2", "48", "Heston"])
def test_directions_are_orthonormal_and_repeat_themselves(problem):
    directions = found(problem, paths=1024)
    columns = directions.columns
    assert columns.shape == (problem.num_factors, min(32, problem.num_factors))
    assert np.allclose(columns.T @ columns, np.eye(columns.shape[1]), atol=1e-10)
    assert np.array_equal(columns, found(problem, paths=1024).columns)


def test_the_rest_are_principal_components_of_what_the_first_leaves():
    directions = found(DATES, paths=1024)
    slopes = path_slopes(DATES)
    first = directions.columns[:, :1]
    left = slopes - (slopes @ first) @ first.T
    explained = ((left @ directions.columns[:, 1:4]) ** 2).sum()
    sizes = np.linalg.svd(left @ leading_frame(slopes), compute_uv=False)
    assert explained == pytest.approx((sizes[:3] ** 2).sum(), rel=1e-6)


@pytest.mark.parametrize("problem", [of_logs("straddle"), DATES], ids=["2 normals", "48 normals"])
def test_slopes_by_loadings_are_those_of_differences(problem):
    factors, step = problem.num_factors, 1e-4
    up, down = (
        problem.paths(sign * step * np.eye(factors)).reshape(factors, -1) for sign in (1.0, -1.0)
    )
    assert np.allclose(path_slopes(problem), (up - down).T / (2.0 * step), atol=1e-5)


def test_many_factors_have_the_same_leading_directions_as_the_dense_solver():
    """Beyond 600 factors an iteration takes the place of all eigenvectors."""
    rng = np.random.default_rng(8)
    slopes = np.tril(np.ones((640, 640))) + 0.01 * rng.standard_normal((640, 640))
    found_frame = leading_frame(slopes)
    _, exact = np.linalg.eigh(slopes.T @ slopes)
    assert np.allclose(found_frame.T @ found_frame, np.eye(32), atol=1e-10)
    for place in range(8):
        assert abs(found_frame[:, place] @ exact[:, -1 - place]) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("problem", "told"),
    [(DATES, "the loadings of 48 prices on 48 normals"), (HESTON, "the slopes of")],
    ids=["loadings", "differences"],
)
def test_slopes_that_do_not_fit_are_refused(problem, told, monkeypatch):
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 100)
    with pytest.raises(TooLarge, match=told):
        path_slopes(problem)
