"""`estimate`: from an amplitude problem of any origin to a number in its unit, bias included."""

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit

from qmc import Goal, Quantum, estimate
from qmc.backends import Aer, Ideal
from qmc.circuits import AmplitudeProblem, ArithmeticAsian
from qmc.errors import InvalidProblem, Unsupported
from qmc.estimators import Canonical, RealAmplitude, Sampling

OPTION = ArithmeticAsian(
    spot=100.0, strike=101.0, normal_vol=20.0, expiry=1.0, dates=3, qubits=2, scaling=0.5
)
ASIAN = OPTION.amplitude_problem()


def own(scale=2.0, bias=0.0):
    """One qubit, P(flag = 1) = .25."""

    def build():
        circuit = QuantumCircuit(1)
        circuit.ry(2.0 * np.arcsin(0.5), 0)
        return circuit

    return AmplitudeProblem(
        registers=(), flag=0, num_qubits=1, offset=10.0, scale=scale, bias_bound=bias, build=build
    )


def test_the_arithmetic_price_is_reached_with_its_bias_in_the_interval():
    goal = Goal(tolerance=1.0)
    found = estimate(ASIAN, goal, backend=Ideal(), rng=3)
    assert 0.0 < ASIAN.bias_bound < 1.0
    assert found.status == "converged"
    assert found.interval.half_width <= 1.0
    assert found.interval.half_width > ASIAN.bias_bound
    assert found.interval.contains(OPTION.price_on_grid())
    assert found.interval.confidence == goal.confidence
    assert found == estimate(ASIAN, goal, backend=Ideal(), rng=3)


@pytest.mark.parametrize(("scale", "truth"), [(2.0, 10.5), (-2.0, 9.5)])
def test_a_circuit_of_ones_own_is_run_on_aer_by_default(scale, truth):
    found = estimate(own(scale), Goal(tolerance=0.02), rng=1)
    assert found.status == "converged"
    assert found.interval.contains(truth)


def test_a_tolerance_below_the_bias_is_unresolved_and_nothing_is_chased():
    """As many queries as without a bias, whatever the tolerance leaves."""

    class Counting:
        def __init__(self):
            self.queries = 0

        def oracle(self, problem, *, rng):
            made, counting = Ideal().oracle(problem, rng=rng), self

            class Oracle:
                decay = 0.0

                def run(self, rounds):
                    counting.queries += sum(one.queries for one in rounds)
                    return made.run(rounds)

            return Oracle()

    spent = []
    for bias in (0.0, 0.02, 0.5):
        backend = Counting()
        found = estimate(own(bias=bias), Goal(tolerance=0.02), backend=backend, rng=1)
        assert found.status == ("unresolved" if bias else "converged")
        assert found.interval.half_width == pytest.approx(bias, abs=0.02)
        assert found.interval.half_width >= bias
        spent.append(backend.queries)
    assert spent[0] == spent[1] == spent[2] > 0


def test_budgets_and_relative_tolerances_are_in_the_numbers_unit():
    found = estimate(own(), Goal(queries=300), estimator=Sampling(), backend=Ideal(), rng=1)
    assert found.status == "converged"
    assert 10.0 < found.value < 11.0
    spent = Goal(tolerance=1e-4, queries=300)
    assert estimate(own(), spent, backend=Ideal(), rng=1).status == "budget_exhausted"
    relative = estimate(own(), Goal(relative_tolerance=0.002), backend=Ideal(), rng=1)
    assert relative.status == "converged"
    assert relative.interval.half_width <= 0.002 * relative.value


def test_phase_estimation_of_a_circuit_of_ones_own():
    found = estimate(own(), Goal(tolerance=0.1), estimator=Canonical(), rng=2)
    assert found.interval.contains(10.5)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"problem": 3}, "problem=3: must be an AmplitudeProblem"),
        ({"goal": 0.05}, r"goal=0\.05: must be a Goal"),
        ({"backend": Aer}, "backend=.*this is a class"),
        ({"estimator": "certified"}, "estimator='certified'"),
    ],
)
def test_other_arguments_are_refused(change, told):
    given = {"problem": own(), "goal": Goal(tolerance=0.1), **change}
    with pytest.raises(InvalidProblem, match=told):
        estimate(given.pop("problem"), given.pop("goal"), **given)
    with pytest.raises(Unsupported, match="shifts"):
        estimate(own(), Goal(tolerance=0.1), estimator=RealAmplitude(signed=True))


def test_the_engine_sends_an_amplitude_problem_here():
    with pytest.raises(InvalidProblem, match=r"goes to qmc\.estimate\(problem, goal\)"):
        Quantum().solve(own(), Goal(tolerance=0.1))
