"""Checks for parts that others write: one call a part, a helpful AssertionError when it fails."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import bdtr

from qmc import checks
from qmc.errors import InvalidProblem
from qmc.estimators.misuse import check_misuse
from qmc.estimators.protocols import Estimator, replies, run_estimator
from qmc.grids.cell_table import Grid
from qmc.measures import Price
from qmc.problem import Array, Contract, Goal, Model, Problem
from qmc.result import Estimate, Result
from qmc.rng import RNGLike, generator
from qmc.rounds import PhaseRound, Reply, Request, Round, draw_hits, draw_phases
from qmc.serialise import from_json, to_json

_TIMES = (0.25, 0.5, 1.0)
_MOST_ASKS = 100_000


class BinomialOracle:
    """An oracle of binomial numbers: the law of a circuit with this amplitude, no circuit.

    Attributes:
        amplitude: in [0, 1].
        decay: visibility exp(-decay * power).
        queries: 2k+1 a shot at power k, 2^(bits + 1) - 1 a phase shot, summed over all run.

    >>> oracle = BinomialOracle(1.0)
    >>> oracle.run([Round(0, 10)]), oracle.queries
    ((10,), 10)
    """

    def __init__(self, amplitude: float, *, rng: RNGLike = None, decay: float = 0.0) -> None:
        """Refuse an amplitude outside [0, 1] and a negative decay."""
        self.amplitude = checks.finite("amplitude", amplitude)
        self.decay = checks.finite("decay", decay)
        if not 0.0 <= self.amplitude <= 1.0:
            raise checks.refuse("amplitude", amplitude, "from 0 to 1")
        if self.decay < 0.0:
            raise checks.refuse("decay", decay, "0 or above")
        self.queries = 0
        self._rng = generator(rng)

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, one a round, each Binomial(shots, hit_probability)."""
        hits = []
        for each in rounds:
            hits.append(draw_hits(self.amplitude, each, self._rng, self.decay))
            self.queries += each.queries
        return tuple(hits)

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a phase register, one a shot, from `qmc.rounds.phase_probabilities`."""
        self.queries += PhaseRound(bits, shots).queries
        return draw_phases(self.amplitude, bits, shots, self._rng, self.decay)


def assert_coverage(hits: int, n: int, p: float, *, tests: int = 1) -> None:
    """Fail when P(Binomial(n, p) <= hits) < 1e-3 / tests.

    Args:
        hits: runs whose interval contained the truth.
        n: runs.
        p: nominal confidence.
        tests: number of such tests in the suite.

    >>> assert_coverage(927, 1_000, 0.95)
    """
    n = checks.whole("n", n, 1)
    hits = checks.whole("hits", hits, 0, n)
    chance = float(bdtr(hits, n, checks.fraction("p", p)))
    limit = 1e-3 / checks.whole("tests", tests, 1)
    assert chance >= limit, (
        f"covered {hits} of {n} = {hits / n:.4f}, nominal {p}: as few has probability "
        f"{chance:.2g} < {limit:.2g}"
    )


def check_model(model: Model, times: tuple[float, ...] = _TIMES) -> None:
    """A model maps normals to finite paths: shapes, purity, each row on its own, discounts."""
    assert isinstance(model, Model), f"{model!r} lacks num_factors, paths or discount"
    _check_value(model)
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
    discounts as they are, repeats itself, and values each path on its own.

    Args:
        contract: what is checked.
        model: whose paths it is given; None for made-up prices about 100.
        columns: assets of the made-up prices.

    >>> from qmc import Asian
    >>> check_contract(Asian(strike=100.0, times=(0.5, 1.0)))
    """
    assert isinstance(contract, Contract), f"{contract!r} lacks times or present_value"
    _check_value(contract)
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
    values = np.asarray(contract.present_value(paths, discount))
    assert np.array_equal(paths, kept), "present_value() changed its paths: copy before writing"
    assert np.array_equal(discount, kept_discount), "present_value() changed its discount factors"
    rows = len(paths)
    assert values.shape == (rows,), f"present_value gave shape {values.shape}: must be ({rows},)"
    assert values.dtype == np.float64, f"present_value gave dtype {values.dtype}: must be float64"
    assert np.all(np.isfinite(values)), "present_value gave NaN or inf"
    assert np.array_equal(values, contract.present_value(paths, discount)), (
        "present_value gave different numbers for the same paths: a contract never draws"
    )
    for part in (slice(7), slice(7, 8), slice(None, None, -1)):
        alone = contract.present_value(paths[part], discount)
        assert np.allclose(values[part], alone, rtol=1e-12), (
            "a path's value depends on the other paths"
        )


def check_grid(grid: Grid, problem: Problem) -> None:
    """A grid is pure, sums to one and keeps its values finite."""
    assert isinstance(grid, Grid), f"{grid!r} lacks discretise(problem)"
    _check_value(grid)
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


def check_estimator(estimator: Estimator) -> None:
    """An estimator ends, repeats itself, can be stored, keeps its budget and refuses misuse."""
    assert isinstance(estimator, Estimator), f"{estimator!r} lacks a method of Estimator"
    assert isinstance(estimator.anytime_valid, bool), "anytime_valid must be a bool"
    kinds = ("proved", "asymptotic", "unproved")
    assert estimator.guarantee in kinds, f"guarantee must be one of {kinds}"
    _check_value(estimator)
    goal = Goal(tolerance=0.02)
    for amplitude in (0.0, 1e-6, 0.3, 0.5, 1.0):
        first, _ = _run(estimator, goal, amplitude)
        _check_estimate(first, f"amplitude {amplitude}")
        again, _ = _run(estimator, goal, amplitude)
        assert first == again, f"the same seed gave {first} and {again}"
        stored, _ = _run(estimator, goal, amplitude, lambda s: from_json(to_json(s)))
        assert first == stored, f"stored and restored states end at {stored}, not {first}"
        expected = estimator.expected_queries(goal, amplitude)
        assert 0.0 < expected < math.inf, f"expected_queries gave {expected}"
    for budget in (1, 10, 777):
        for limited in (Goal(queries=budget), Goal(tolerance=1e-3, queries=budget)):
            estimate, spent = _run(estimator, limited, 0.3)
            assert spent <= budget, f"{limited} was overspent: {spent} queries"
            _check_estimate(estimate, f"{limited}")
    _check_pooling(estimator, goal)
    check_misuse(estimator, goal, lambda: BinomialOracle(0.3, rng=11))


def check_engine(engine: Any, problem: Problem, goal: Goal) -> None:  # noqa: ANN401
    """An engine gives a Result with an ordered interval, repeats itself, and can be stored."""
    first = engine.solve(problem, goal, rng=5)
    assert isinstance(first, Result), f"solve gave a {type(first).__name__}: must be a Result"
    assert math.isfinite(first.value), f"value={first.value}"
    assert first.interval.low <= first.interval.high, f"{first.interval} is reversed"
    ends = (first.interval.low, first.interval.high)
    assert first.status != "converged" or all(map(math.isfinite, ends)), (
        f"converged with an infinite interval {first.interval}"
    )
    second = engine.solve(problem, goal, rng=5)
    assert (first.value, first.interval, first.status) == (
        second.value,
        second.interval,
        second.status,
    ), f"the same seed gave {first} and {second}"
    assert "\n" not in str(first), "str(result) must be one line"
    assert str(from_json(to_json(first))) == str(first), "the stored result reads otherwise"


def _run(
    estimator: Estimator,
    goal: Goal,
    amplitude: float,
    between: Callable[[Any], Any] = lambda state: state,
) -> tuple[Estimate, int]:
    """`run_estimator` with a bound on rounds and something done to each state."""
    oracle, stream = BinomialOracle(amplitude, rng=11), np.random.default_rng(12)
    state = estimator.start(goal)
    for _ in range(_MOST_ASKS):
        rounds = estimator.ask(state, stream)
        if not rounds:
            return estimator.estimate(state), oracle.queries
        state = between(estimator.tell(state, rounds, replies(oracle, rounds)))
    msg = f"did not end within {_MOST_ASKS} asks at amplitude {amplitude} for {goal}"
    raise AssertionError(msg)


def _check_estimate(estimate: Estimate, where: str) -> None:
    interval = estimate.interval
    ordered = 0.0 <= interval.low <= estimate.value <= interval.high <= 1.0
    assert ordered, f"{where}: {estimate} must have 0 <= low <= value <= high <= 1"
    allowed = ("converged", "budget_exhausted", "unresolved")
    assert estimate.status in allowed, f"{where}: ended with status {estimate.status!r}"


def _check_pooling(estimator: Estimator, goal: Goal) -> None:
    """A round told as two halves gives what the whole gives."""
    state = estimator.start(goal)
    rounds = estimator.ask(state, np.random.default_rng(0))
    if any(each.shots == 1 for each in rounds):
        return
    parts: list[Request] = []
    part_replies: list[Reply] = []
    whole_replies: list[Reply] = []
    for each in rounds:
        halves, told, together = _halves(each)
        parts += halves
        part_replies += told
        whole_replies.append(together)
    whole = estimator.estimate(estimator.tell(state, rounds, whole_replies))
    split = estimator.estimate(estimator.tell(state, parts, part_replies))
    assert whole == split, f"the same shots in two rounds gave {split}, in one {whole}"


def _halves(request: Request) -> tuple[tuple[Request, Request], tuple[Reply, Reply], Reply]:
    """A request in two parts, made-up replies to them, and the reply to the whole."""
    first, second = request.shots // 2, request.shots - request.shots // 2
    if isinstance(request, PhaseRound):
        below, above = (request.power // 4,) * first, (request.power // 3,) * second
        parts = (PhaseRound(request.bits, first), PhaseRound(request.bits, second))
        return parts, (below, above), (*below, *above)
    few, more = first // 3, first // 2
    return (replace(request, shots=first), replace(request, shots=second)), (few, more), few + more


def _check_value(part: object) -> None:
    """Whatever a user writes is a frozen value: hashable and storable."""
    try:
        restored = from_json(to_json(part))
    except InvalidProblem as error:
        msg = f"{part!r} cannot be stored: {error}"
        raise AssertionError(msg) from error
    assert restored == part, f"{part!r} was stored and read back as {restored!r}"
    try:
        hash(part)
    except TypeError as error:
        msg = f"{part!r} cannot be hashed: {error}; use floats and tuples in a frozen dataclass"
        raise AssertionError(msg) from error


__all__ = [
    "BinomialOracle",
    "assert_coverage",
    "check_contract",
    "check_engine",
    "check_estimator",
    "check_grid",
    "check_model",
    "run_estimator",
]
