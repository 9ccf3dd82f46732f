"""Checks of models, contracts, measures and grids."""

from __future__ import annotations

import itertools
import math

import numpy as np

from qmc.errors import InvalidProblem
from qmc.grids.cell_table import CellTable, Grid
from qmc.grids.pilot import integrand
from qmc.measures import Measure, Price
from qmc.present_values import present_values
from qmc.problem import Array, Contract, Model, Problem
from qmc.testing.values import check_value

_TIMES = (0.25, 0.5, 1.0)
_PATHS = 2**14
# standard errors that a mean over paths may be off
_SPREADS = 6.0


def check_model(model: Model, times: tuple[float, ...] = _TIMES) -> None:
    """A model maps normals to finite paths: shapes, purity, each row on its own, discounts."""
    assert isinstance(model, Model), f"{model!r} lacks num_factors, paths or discount"
    check_value(model)
    factors = model.num_factors(times)
    whole = isinstance(factors, int) and factors >= 1
    assert whole, f"num_factors gave {factors!r}: must be an integer >= 1"
    normals = np.random.default_rng(0).standard_normal((64, factors))
    kept = normals.copy()
    paths = model.paths(times, normals)
    assert np.array_equal(normals, kept), "paths() changed its normals: copy before writing"
    shaped = paths.shape == (64, len(times), *paths.shape[2:3]) and bool(paths.shape[2:])
    assert shaped, f"paths gave shape {paths.shape}: must be (64, {len(times)}, columns)"
    assert paths.dtype == np.float64, f"paths gave dtype {paths.dtype}: must be float64"
    assert np.all(np.isfinite(paths)), "paths gave NaN or inf for standard normals"
    assert np.array_equal(paths, model.paths(times, normals)), (
        "paths gave different numbers for the same normals: a model never draws"
    )
    assert np.allclose(paths[:7], model.paths(times, normals[:7]), rtol=1e-12, atol=0.0), (
        "a path depends on the other rows of normals"
    )
    discount = np.asarray(model.discount(times))
    assert discount.shape == (len(times),), f"discount gave shape {discount.shape}"
    assert np.all(np.isfinite(discount) & (discount > 0.0)), f"discount gave {discount}"


def check_contract(contract: Contract, model: Model | None = None, *, columns: int = 1) -> None:
    """A contract is a value that pays one finite number a path, and changes nothing.

    Its times increase; it can be hashed, stored and read back; `present_value` leaves paths and
    discounts as they are, repeats itself, and values each path on its own. What it returns is
    checked as every engine checks it (`qmc.present_values`).

    Args:
        contract: what is checked.
        model: whose paths it is given; None for made-up prices about 100.
        columns: assets of the made-up prices.

    >>> from qmc import Asian
    >>> check_contract(Asian(strike=100.0, times=(0.5, 1.0)))
    """
    assert isinstance(contract, Contract), f"{contract!r} lacks times or present_value"
    check_value(contract)
    times = contract.times
    assert isinstance(times, tuple), f"times={times!r}: must be a tuple"
    assert times, "times is empty: must be years, increasing"
    ordered = times[0] >= 0.0 and all(a < b for a, b in itertools.pairwise(times))
    assert ordered, f"times={times}: must be years, increasing"
    if model is None:
        paths, discount = _made_up(contract, columns)
    else:
        problem = Problem(model, contract, Price())
        normals = np.random.default_rng(0).standard_normal((64, problem.num_factors))
        paths, discount = problem.paths(normals), model.discount(times)
    _check_present_value(contract, paths, discount)


def _made_up(contract: Contract, columns: int) -> tuple[Array, Array]:
    """Log-normal paths (64, times, columns), extremes behind them, and discounts (times,)."""
    times, rng = np.asarray(contract.times), np.random.default_rng(0)
    moves = np.sqrt(np.diff(times, prepend=0.0))[:, None]
    walk = 0.3 * np.cumsum(moves * rng.standard_normal((64, times.size, columns)), axis=1)
    side = getattr(contract, "extremes", None)
    if side is not None:
        beyond = moves * rng.exponential(0.2, walk.shape)
        begins = np.concatenate([np.zeros_like(walk[:, :1]), walk[:, :-1]], axis=1)
        low, high = np.minimum(begins, walk) - beyond, np.maximum(begins, walk) + beyond
        walk = np.concatenate([walk, low if side == "low" else high], axis=2)
    return 100.0 * np.exp(walk), np.exp(-0.05 * times)


def _check_present_value(contract: Contract, paths: Array, discount: Array) -> None:
    kept, kept_discount = paths.copy(), discount.copy()
    try:
        values = present_values(contract, paths, discount)
    except InvalidProblem as error:
        raise AssertionError(str(error)) from error
    assert np.array_equal(paths, kept), "present_value() changed its paths: copy before writing"
    assert np.array_equal(discount, kept_discount), "present_value() changed its discount factors"
    given = contract.present_value(paths, discount).dtype
    assert given.kind != "f" or given == np.float64, (
        f"present_value gave dtype {given}: must be float64, so that no digits are lost"
    )
    assert np.array_equal(values, contract.present_value(paths, discount)), (
        "present_value gave different numbers for the same paths: a contract never draws"
    )
    for part in (slice(7), slice(7, 8), slice(None, None, -1)):
        alone = contract.present_value(paths[part], discount)
        assert np.allclose(values[part], alone, rtol=1e-12), (
            "a path's value depends on the other paths"
        )


def check_grid(grid: Grid, problem: Problem) -> None:
    """A grid is pure, sums to one, keeps its values finite and what it states is so.

    By 2**14 paths of the problem: the cells that a locator names have their probabilities, a bias
    that is exact or bounded holds the mean, edges have theirs below them. Each comparison fails a
    right grid with probability 1e-7 or less where paths are so many that their mean is normal.
    """
    assert isinstance(grid, Grid), f"{grid!r} lacks discretise(problem)"
    check_value(grid)
    first, second = grid.discretise(problem), grid.discretise(problem)
    assert np.array_equal(first.values, second.values), (
        "discretise() twice gave different values: a pilot needs its own fixed seed"
    )
    assert np.array_equal(first.probabilities, second.probabilities), (
        "discretise() twice gave different probabilities"
    )
    total = float(first.probabilities.sum())
    assert math.isclose(total, 1.0, abs_tol=1e-9), f"probabilities sum to {total!r}"
    assert first.values.shape == first.probabilities.shape, "one value a cell"
    assert math.isfinite(first.mean()), f"mean() = {first.mean()}"
    assert first.bias_bound >= 0.0, f"bias_bound = {first.bias_bound}: must be >= 0"
    _check_stated(first, problem)


def _check_stated(table: CellTable, problem: Problem) -> None:
    """What a table says of the problem, against paths of the problem."""
    normals = np.random.default_rng(0).standard_normal((_PATHS, problem.num_factors))
    outcomes = problem.outcomes(normals)
    if table.locator is not None:
        where = np.asarray(table.locator.locate(normals))
        shaped = where.shape == (_PATHS,) and np.issubdtype(where.dtype, np.integer)
        assert shaped, f"locate gave {where.dtype} of shape {where.shape}: must be cells, one a row"
        inside = where.min() >= 0 and where.max() < table.values.size
        assert inside, f"locate gave cells from {where.min()} to {where.max()}"
        shares = np.bincount(where, minlength=table.values.size) / _PATHS
        _check_shares(shares, table.probabilities, "paths in cell")
    if table.bias != "unknown":
        seen = integrand(problem, outcomes)
        error = _SPREADS * float(seen.std()) / math.sqrt(_PATHS)
        off = abs(float(seen.mean()) - table.mean())
        assert error == 0.0 or off <= table.bias_bound + error, (
            f"mean() = {table.mean():.6g} with bias_bound {table.bias_bound:.6g}, "
            f"{_PATHS} paths give {seen.mean():.6g} +- {error:.2g}"
        )
    if table.edges is not None and table.bins is None:
        below = np.searchsorted(np.sort(outcomes), table.edges[1:], side="right") / _PATHS
        _check_shares(below, np.cumsum(table.probabilities), "outcomes up to the end of cell")


def _check_shares(shares: Array, probabilities: Array, what: str) -> None:
    """Shares of the paths against probabilities, cell by cell."""
    spread = np.sqrt(np.maximum(probabilities * (1.0 - probabilities), 0.0) / _PATHS)
    off = np.abs(shares - probabilities) - _SPREADS * (spread + 1.0 / _PATHS)
    worst = int(np.argmax(off))
    assert off[worst] <= 0.0, (
        f"{what} {worst}: {shares[worst]:.4f} of {_PATHS} paths, its probability is "
        f"{probabilities[worst]:.4f}"
    )


def check_measure(measure: Measure) -> None:
    """A measure is a value that says whether it acts on the loss.

    Which engine finds it is another matter: `Quantum` refuses one that it does not know by name.

    >>> from qmc import VaR
    >>> check_measure(VaR(level=0.99))
    """
    assert isinstance(measure, Measure), f"{measure!r} lacks on_loss"
    assert isinstance(measure.on_loss, bool), f"on_loss={measure.on_loss!r}: must be a bool"
    check_value(measure)
