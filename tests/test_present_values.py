"""What a payoff of one's own returns wrongly is refused alike by every engine, and by its check."""

import re
from dataclasses import dataclass

import numpy as np
import pytest

from classical_baseline import MonteCarlo
from qmc import (
    ExpectedLoss,
    FactorGrid,
    Goal,
    InvalidProblem,
    Price,
    Probability,
    Problem,
    Quantum,
    Sensitivity,
    Sum,
    UniformGrid,
)
from qmc.affine import AffinePiece
from qmc.backends import Ideal
from qmc.models import BlackScholes
from qmc.present_values import present_values
from qmc.testing import check_contract

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
PATHS, ONES = np.array([[[90.0]], [[130.0]]]), np.ones(1)
ENGINES = {"MonteCarlo": MonteCarlo(), "Quantum": Quantum(grid=FactorGrid(), backend=Ideal())}
GOAL = Goal(relative_tolerance=0.05)


def _written(last, paths):
    paths[:, -1, 0] = 0.0
    return last


WAYS = {
    "list": lambda last, _: list(last),
    "scalar": lambda last, _: float(last.mean()),
    "numpy scalar": lambda last, _: last.mean(),
    "column": lambda last, _: last[:, None],
    "too few": lambda last, _: last[1:],
    "complex": lambda last, _: last + 0j,
    "words": lambda last, _: last.astype(str),
    "nothing": lambda *_: None,
    "writes": _written,
    "nan": lambda last, _: np.where(last > 110.0, np.nan, last),
    "inf": lambda last, _: np.where(last > 110.0, np.inf, last),
    "bool": lambda last, _: last > 105.0,
    "whole": lambda last, _: (last > 105.0).astype(np.int64),
    "float": lambda last, _: (last > 105.0).astype(np.float64),
}
TOLD = {
    "list": r"gave a list for 2 paths",
    "scalar": r"gave a float for 2 paths",
    "numpy scalar": r"gave a float64 for 2 paths",
    "column": r"gave shape (2, 1) for 2 paths",
    "too few": r"gave shape (1,) for 2 paths",
    "complex": r"gave dtype complex128 for 2 paths",
    "words": r"gave dtype <U32 for 2 paths",
    "nothing": r"gave a NoneType for 2 paths",
    "writes": r"writes into its paths or discount factors",
    "nan": r"gave nan for 1 of 2 paths",
    "inf": r"gave inf for 1 of 2 paths",
}
WHAT = "must be one finite number a path, a NumPy array of shape"
# the last two are right on the path in the middle, and are found where they are wrong
SEEN_AT_ONCE = [way for way in TOLD if way not in ("nan", "inf")]


@dataclass(frozen=True, kw_only=True)
class Own:
    """The last price, in one of several ways."""

    way: str
    times: tuple[float, ...] = (1.0,)

    def present_value(self, paths, discount):
        return WAYS[self.way](discount[-1] * paths[:, -1, 0], paths)


@pytest.mark.parametrize("way", TOLD)
def test_a_refusal_says_what_came_and_what_to_return(way):
    with pytest.raises(InvalidProblem) as refused:
        present_values(Own(way=way), PATHS, ONES)
    text = str(refused.value)
    assert text.startswith(f"Own.present_value {TOLD[way]}")
    assert ("copy before writing" if way == "writes" else WHAT) in text


@pytest.mark.parametrize("way", TOLD)
def test_the_check_of_contracts_refuses_it_too(way):
    with pytest.raises(AssertionError, match=r"^Own\.present_value (gave|writes)"):
        check_contract(Own(way=way))


@pytest.mark.parametrize("way", SEEN_AT_ONCE)
def test_no_problem_is_made_of_it(way):
    with pytest.raises(InvalidProblem, match=r"Own\.present_value (gave|writes)"):
        Problem(MARKET, Own(way=way), Price())


@pytest.mark.parametrize("measure", [Price(), Probability(threshold=100.0), ExpectedLoss()])
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("way", ["nan", "inf"])
def test_a_number_that_is_none_on_some_paths_is_refused_alike(way, name, measure):
    problem = Problem(MARKET, Own(way=way), measure)
    told = re.compile(rf"Own\.present_value gave {way} for .* of .* paths: {re.escape(WHAT)}")
    for ask in (ENGINES[name].solve, getattr(ENGINES[name], "plan", ENGINES[name].solve)):
        with pytest.raises(InvalidProblem, match=told):
            ask(problem, GOAL)


@pytest.mark.parametrize("name", ENGINES)
def test_so_it_is_in_a_sensitivity_and_inside_a_sum(name):
    for contract, measure in (
        (Own(way="nan"), Sensitivity(to="spot")),
        (Sum(contracts=(Own(way="float"), Own(way="nan"))), Price()),
    ):
        with pytest.raises(InvalidProblem, match=r"Own\.present_value gave nan for"):
            ENGINES[name].solve(Problem(MARKET, contract, measure), GOAL, rng=1)


@pytest.mark.parametrize("name", ENGINES)
def test_truth_values_and_whole_numbers_are_numbers(name):
    results = [
        ENGINES[name].solve(Problem(MARKET, Own(way=way), Price()), GOAL, rng=3)
        for way in ("bool", "whole", "float")
    ]
    assert len({(one.value, one.interval) for one in results}) == 1
    for way in ("bool", "whole", "float"):
        check_contract(Own(way=way))


def test_a_table_of_prices_is_refused_alike():
    @dataclass(frozen=True, kw_only=True)
    class Pieced(Own):
        expiry: float = 1.0

        def pieces(self):
            return (AffinePiece(0.0, np.inf, 0.0, 1.0),)

    with pytest.raises(InvalidProblem, match=r"Pieced\.present_value gave nan for"):
        UniformGrid(qubits=3).discretise(Problem(MARKET, Pieced(way="nan"), Price()))


def test_an_error_of_the_payoff_itself_is_not_reworded():
    def fails(*_):
        raise ValueError("three legs")

    WAYS["fails"] = fails
    try:
        with pytest.raises(ValueError, match=r"^three legs$"):
            present_values(Own(way="fails"), PATHS, ONES)
    finally:
        del WAYS["fails"]


def test_what_the_caller_handed_over_stays_writeable():
    paths = PATHS.copy()
    assert present_values(Own(way="float"), paths, ONES).tolist() == [0.0, 1.0]
    paths[0] = 1.0
