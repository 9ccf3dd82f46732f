"""The encodings' circuits, ancillas included, run on Aer with real shots."""

import numpy as np
import pytest
from scipy.stats import binomtest

from qmc.backends import Aer
from qmc.backends.ideal import flag_probability
from qmc.circuits.arithmetic_asian import ArithmeticAsian
from qmc.circuits.comparator import Comparator
from qmc.circuits.linear_rotation import LinearRotation
from qmc.circuits.piecewise_rotation import PiecewiseRotation
from qmc.contracts import Call, Digital
from qmc.grids import UniformGrid
from qmc.measures import Price
from qmc.models import BlackScholes
from qmc.problem import Problem
from qmc.rounds import Round, hit_probability


def grid(contract):
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    return UniformGrid(qubits=4).discretise(Problem(market, contract, Price()))


def asian():
    option = ArithmeticAsian(
        spot=100.0, strike=95.0, normal_vol=20.0, expiry=1.0, dates=2, qubits=1, scaling=0.5
    )
    return option.amplitude_problem()


PROBLEMS = {
    "comparator": lambda: Comparator().encode(grid(Digital(strike=110.0, expiry=1.0))),
    "linear": lambda: LinearRotation().encode(grid(Call(strike=110.0, expiry=1.0))),
    "piecewise": lambda: PiecewiseRotation().encode(grid(Call(strike=110.0, expiry=1.0))),
    "asian": asian,
}


@pytest.mark.parametrize("ancilla", [False, True])
@pytest.mark.parametrize("name", list(PROBLEMS))
def test_hits_follow_the_law_of_the_table(name, ancilla):
    problem = PROBLEMS[name]()
    oracle = Aer(ancilla=ancilla).oracle(problem, rng=np.random.default_rng(17))
    amplitude = flag_probability(problem)
    for power, hits in zip(
        (0, 1, 2), oracle.run([Round(k, 2_000) for k in (0, 1, 2)]), strict=True
    ):
        # 24 tests, fixed seeds: a false alarm once in a thousand suites
        chance = binomtest(hits, 2_000, hit_probability(amplitude, power)).pvalue
        assert chance > 1e-3 / 24
