"""The conformance kit accepts good parts and names what is wrong with bad ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from qmc.engine import Quantum
from qmc.errors import InvalidProblem, Unsupported
from qmc.estimators import Iterative
from qmc.grids.cell_table import CellTable
from qmc.measures import Price, VaR
from qmc.problem import Array, Goal, Problem
from qmc.result import Budget, BudgetLine, Cost, Interval, Provenance, Result
from qmc.rounds import Round
from qmc.testing import (
    BinomialOracle,
    assert_coverage,
    check_contract,
    check_engine,
    check_estimator,
    check_grid,
    check_measure,
    check_model,
)


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A Gaussian walk; `fault` breaks it in one way."""

    fault: str = ""

    def num_factors(self, times: Sequence[float]) -> int:
        return len(times)

    def paths(self, times: Sequence[float], normals: Array) -> Array:
        if self.fault == "writes":
            normals += 1.0
        walk = np.cumsum(normals, axis=1)[:, :, None]
        if self.fault == "draws":
            walk = walk + np.random.default_rng().standard_normal()
        if self.fault == "mixes":
            walk = walk - walk.mean()
        if self.fault == "nan":
            walk = walk * np.nan
        return walk[:, :, 0] if self.fault == "flat" else walk

    def discount(self, times: Sequence[float]) -> Array:
        return np.full(len(times), -1.0 if self.fault == "discount" else 1.0)


@dataclass(frozen=True, kw_only=True)
class Last:
    """Pays the last price."""

    times: tuple[float, ...] = (0.5, 1.0)
    fault: str = ""

    def present_value(self, paths: Array, discount: Array) -> Array:
        if self.fault == "writes":
            paths *= 2.0
        if self.fault == "writes discount":
            discount *= 0.5
        value = paths[:, -1, 0] * discount[-1]
        if self.fault == "draws":
            value = value + np.random.default_rng().standard_normal()
        faulty: dict[str, Any] = {
            "mixes": value - value.mean(),
            "next": np.roll(value, 1),
            "column": value[:, None],
            "single": value.astype(np.float32),
            "nan": value * np.nan,
            "list": value.tolist(),
            "complex": value + 0j,
        }
        return faulty.get(self.fault, value)


class Halves:
    """The sign of the walk's end."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    @property
    def frame(self) -> Array:
        return np.full((2, 1), np.sqrt(0.5))

    def locate(self, normals: Array) -> Any:
        shifted = normals.sum(axis=1) + (0.3 if self.fault == "elsewhere" else 0.0)
        cells = (shifted > 0.0).astype(int)
        return {"floats": 1.0 * cells, "beyond": 2 * cells}.get(self.fault, cells)


@dataclass(frozen=True, kw_only=True)
class TwoCells:
    """One qubit: a walk's end below and above 0."""

    fault: str = ""

    def discretise(self, problem: Problem) -> CellTable:
        del problem
        mean = 2.0 / np.sqrt(np.pi)
        shift = np.random.default_rng().uniform() if self.fault == "draws" else 0.0
        shift += 0.2 if self.fault == "biased" else 0.0
        middle = 0.1 if self.fault == "edges" else 0.0
        return CellTable(
            registers=(1,),
            marginals=(np.full(2, 0.5),),
            values=np.array([-mean, mean + shift]),
            edges=np.array([-np.inf, middle, np.inf]),
            bias="exact",
            bias_bound=0.0,
            locator=Halves(self.fault),
        )


@dataclass(frozen=True, kw_only=True)
class Half:
    """An engine that always says one half."""

    fault: str = ""

    def solve(self, problem: Problem, goal: Goal, *, rng: int | None = None) -> Any:
        value = 0.5 + (np.random.default_rng().uniform() if self.fault == "draws" else 0.0)
        if self.fault == "number":
            return value
        return Result(
            value=value,
            interval=Interval(0.0, 2.0, 0.95),
            covers="continuous",
            status="converged",
            budget=Budget((BudgetLine("all", "exact", 0.0),)),
            cost=Cost(),
            provenance=Provenance(problem=problem, goal=goal, engine="Half()", seed=repr(rng)),
        )


@dataclass(frozen=True, kw_only=True)
class Broken(Iterative):
    """`Iterative` with one fault."""

    fault: str = ""

    def ask(self, state: Any, rng: np.random.Generator) -> tuple[Round, ...]:
        if self.fault == "endless":
            return (Round(state.ladder.power, 10),)
        rounds = super().ask(state, rng)
        if self.fault == "overspends" and rounds and state.ladder.goal.queries == 10:
            return (replace(rounds[0], shots=100),)
        return rounds

    def tell(self, state: Any, rounds: Sequence[Round], hits: Sequence[int]) -> Any:
        if self.fault == "counts" and len(rounds) > 1:
            hits = [0] * len(hits)
        if self.fault == "raw":
            hits = [hits[at] for at, _ in enumerate(rounds)]
        if self.fault == "believes" and not rounds:
            return state
        return state if self.fault == "endless" else super().tell(state, rounds, hits)


PROBLEM = Problem(Walk(), Last(), Price())


def test_good_parts_pass() -> None:
    check_model(Walk())
    check_contract(Last())
    check_contract(Last(), Walk())
    check_contract(Last(), columns=3)
    check_grid(TwoCells(), PROBLEM)
    check_engine(Half(), PROBLEM, Goal(tolerance=1.0))
    check_estimator(Broken())


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        ("writes", "changed its normals"),
        ("draws", "never draws"),
        ("mixes", "other rows"),
        ("nan", "NaN"),
        ("flat", "shape"),
        ("discount", "discount"),
    ],
)
def test_bad_models(fault: str, match: str) -> None:
    with pytest.raises(AssertionError, match=match):
        check_model(Walk(fault=fault))


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        ("writes", r"writes into its paths or discount.*copy"),
        ("writes discount", r"writes into its paths or discount.*copy"),
        ("draws", "never draws"),
        ("mixes", "other paths"),
        ("next", "other paths"),
        ("column", "shape"),
        ("single", "float64"),
        ("nan", "nan for 64 of 64 paths"),
        ("list", "gave a list"),
        ("complex", "dtype complex128"),
    ],
)
def test_faults_of_contracts(fault: str, match: str) -> None:
    with pytest.raises(AssertionError, match=match):
        check_contract(Last(fault=fault))


@dataclass(frozen=True, kw_only=True)
class Median:
    """A measure of one's own."""

    on_loss: bool


class Unhashable(Last):
    """A contract with equality and no hash."""

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class Drifting(Last):
    """Reads back as another value than it was."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", tuple(time + 1.0 for time in self.times))


def test_bad_contracts() -> None:
    with pytest.raises(AssertionError, match="increasing"):
        check_contract(Last(times=(1.0, 0.5)))
    with pytest.raises(AssertionError, match="lacks"):
        check_contract(Walk())  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="cannot be stored"):
        check_contract(Last(fault={1}))  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="cannot be hashed"):
        check_contract(Unhashable())
    with pytest.raises(AssertionError, match="read back"):
        check_contract(Drifting())
    with pytest.raises(AssertionError, match="empty"):
        check_contract(Last(times=()))
    with pytest.raises(AssertionError, match="read back"):
        check_contract(Last(times=[0.5, 1.0]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        ("draws", "pilot"),
        ("biased", r"mean\(\) = 0.1 with bias_bound 0, 16384 paths give"),
        ("elsewhere", "paths in cell 0: 0.4"),
        ("floats", "locate gave float64"),
        ("beyond", "locate gave cells from 0 to 2"),
        ("edges", "outcomes up to the end of cell 0: 0.5"),
    ],
)
def test_bad_grids(fault: str, match: str) -> None:
    with pytest.raises(AssertionError, match=match):
        check_grid(TwoCells(fault=fault), PROBLEM)


def test_bad_measures() -> None:
    check_measure(VaR(level=0.9))
    with pytest.raises(AssertionError, match="lacks on_loss"):
        check_measure(Walk())  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="on_loss=1: must be a bool"):
        check_measure(Median(on_loss=1))  # type: ignore[arg-type]
    check_measure(Median(on_loss=True))
    with pytest.raises(Unsupported, match="Quantum does not know the measure Median"):
        Quantum(grid=TwoCells()).solve(
            Problem(Walk(), Last(), Median(on_loss=True)), Goal(tolerance=1.0)
        )


def test_bad_engines() -> None:
    with pytest.raises(AssertionError, match="must be a Result"):
        check_engine(Half(fault="number"), PROBLEM, Goal(tolerance=1.0))
    with pytest.raises(AssertionError, match="same seed"):
        check_engine(Half(fault="draws"), PROBLEM, Goal(tolerance=1.0))


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        ("endless", "did not end"),
        ("overspends", "overspent"),
        ("counts", "two rounds"),
        ("raw", "tell gave IndexError.* for an answer too few"),
        ("believes", "tell took no rounds: must raise InvalidProblem"),
    ],
)
def test_bad_estimators(fault: str, match: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qmc.testing.estimators._MOST_ASKS", 1_000)
    with pytest.raises(AssertionError, match=match):
        check_estimator(Broken(fault=fault))


def test_coverage_rule() -> None:
    """DESIGN: for n = 1,000 and one test at .95 the limit is 927."""
    assert_coverage(927, 1_000, 0.95)
    with pytest.raises(AssertionError, match="926 of 1000"):
        assert_coverage(926, 1_000, 0.95)
    assert_coverage(926, 1_000, 0.95, tests=10)


def test_oracle_counts_and_follows_the_law() -> None:
    oracle = BinomialOracle(0.25, rng=1)
    assert oracle.run([Round(1, 50), Round(0, 7)])[0] == 50  # sin^2(3 pi / 6) = 1
    assert oracle.queries == 157
    noisy = BinomialOracle(0.25, rng=1, decay=10.0)
    assert noisy.run([Round(1, 10_000)])[0] == pytest.approx(5_000, abs=300)
    same = [BinomialOracle(0.3, rng=4).run([Round(0, 99)]) for _ in range(2)]
    assert same[0] == same[1]
    for bad in (-0.1, 1.1, float("nan")):
        with pytest.raises(InvalidProblem, match="amplitude"):
            BinomialOracle(bad)
    with pytest.raises(InvalidProblem, match="decay"):
        BinomialOracle(0.1, decay=-1.0)
