"""Adders on all basis states; the arithmetic Asian call against its table and its closed form."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from qmc.backends import Ideal
from qmc.circuits.adders import adder_ancillas, append_add
from qmc.circuits.arithmetic_asian import ArithmeticAsian
from qmc.circuits.grover import grover_operator, summary
from qmc.circuits.linear_rotation import LinearRotation
from qmc.errors import InvalidProblem, TooLarge
from qmc.estimators import Iterative, Sampling, run_estimator
from qmc.problem import Goal
from qmc.rounds import hit_probability


def asian(dates=2, qubits=2, **changes):
    fields = {"spot": 100.0, "strike": 103.0, "normal_vol": 20.0, "expiry": 1.0, "scaling": 0.4}
    return ArithmeticAsian(dates=dates, qubits=qubits, **{**fields, **changes})


def adder(addend, target):
    count = addend + target
    circuit = QuantumCircuit(count + adder_ancillas(addend, target))
    free = range(count, circuit.num_qubits)
    append_add(circuit, range(addend), range(addend, count), free)
    return circuit


@pytest.mark.parametrize(
    ("addend", "target"),
    [(1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (1, 3), (1, 4), (2, 4), (3, 4)],
)
def test_addition_is_a_permutation_without_phases(addend, target):
    circuit = adder(addend, target)
    clean = 2 ** (addend + target)
    states = np.arange(clean)
    first, second = states % 2**addend, states >> addend
    images = first + (((first + second) % 2**target) << addend)
    dense = np.zeros((2**circuit.num_qubits, clean))
    dense[images, states] = 1.0
    np.testing.assert_allclose(Operator(circuit).data[:, :clean], dense, atol=1e-10)
    undone = circuit.compose(circuit.reverse_ops())
    np.testing.assert_allclose(Operator(undone).data, np.eye(2**circuit.num_qubits), atol=1e-10)


@pytest.mark.parametrize("width", [3, 6, 12, 24])
def test_addition_is_linear_in_the_width(width):
    circuit = adder(width, width).decompose("rccx")
    assert circuit.count_ops()["cx"] <= 10 * width
    assert adder_ancillas(width, width) == 1


def bits_of_the_sum(dates, qubits):
    return ((2**qubits - 1) * dates * (dates + 1) // 2).bit_length()


CASES = [
    asian(1, 3),
    asian(2, 1),
    asian(2, 2),
    asian(2, 2, steps="uniform", rate=0.05),
    asian(2, 2, strike=60.0),
    asian(2, 2, strike=100.0),
    asian(2, 2, spot=-1.0, strike=-8.0, normal_vol=3.0),
    asian(2, 3, degree=3, scaling=None),
    asian(3, 1, strike=95.0),
    asian(3, 2, scaling=1.2),
    asian(4, 1),
]


@pytest.mark.parametrize("option", CASES, ids=range(len(CASES)))
def test_circuit_equals_the_table_of_the_same_integers(option):
    problem, table = option.amplitude_problem(), option.table()
    state = Statevector(problem.circuit)
    hit = state.probabilities([problem.flag])[1]
    if option.degree == 1:
        of_table = LinearRotation(scaling=option.scaling).encode(table)
        assert hit == pytest.approx(of_table.probabilities @ of_table.flags, abs=1e-10)
        assert problem.value(0.3) == pytest.approx(of_table.value(0.3), abs=1e-9)
    assert hit == pytest.approx(problem.probabilities @ problem.flags, abs=1e-12)
    joint = state.probabilities([*range(sum(problem.registers)), problem.flag])
    flagged = table.probabilities * problem.flags
    np.testing.assert_allclose(
        joint, np.concatenate([table.probabilities - flagged, flagged]), atol=1e-12
    )
    ancillas = range(problem.flag + 1, problem.num_qubits)
    assert not ancillas or state.probabilities(ancillas)[0] == pytest.approx(1.0, abs=1e-12)
    assert table.mean() == pytest.approx(option.price_on_grid(), abs=1e-10)
    bias = abs(problem.value(hit) - table.mean())
    assert bias == pytest.approx(problem.bias_bound, abs=1e-9)


@pytest.mark.parametrize("option", CASES, ids=range(len(CASES)))
def test_table_pays_what_the_paths_pay(option):
    table = option.table()
    middle = (2**option.qubits - 1) / 2
    for cell in range(table.values.size):
        price, total = option.spot, 0.0
        for date in range(option.dates):
            step = cell // 2 ** (option.qubits * date) % 2**option.qubits
            price += option.unit * (step - middle)
            total += price
        excess = max(total / option.dates - option.strike, 0.0)
        paid = math.exp(-option.rate * option.expiry) * excess
        assert table.values[cell] == pytest.approx(paid, abs=1e-9)


@pytest.mark.parametrize("steps", ["binomial", "uniform"])
@pytest.mark.parametrize("qubits", [1, 2, 5])
def test_steps_have_the_mean_and_variance_of_the_model(steps, qubits):
    option = asian(4, qubits, steps=steps, expiry=2.0)
    size = 2**qubits
    moves = option.unit * (np.arange(size) - (size - 1) / 2)
    law = option.step_probabilities
    assert law @ moves == pytest.approx(0.0, abs=1e-12)
    assert law @ moves**2 == pytest.approx(20.0**2 * 2.0 / 4)


@given(st.integers(1, 12), st.integers(1, 5), st.floats(-2.0, 1.0))
@settings(max_examples=30, deadline=None)
def test_law_of_the_sum(dates, qubits, shift):
    option = asian(dates, qubits, strike=100.0 + shift)
    law = option.sum_law()
    assert law.size == option.largest_sum + 1
    assert law.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(law, law[::-1], atol=1e-15)
    # put-call parity of the grid: the average is a martingale's
    mirrored = asian(dates, qubits, strike=100.0 - shift)
    assert option.price_on_grid() - mirrored.price_on_grid() == pytest.approx(-shift, abs=1e-9)


@pytest.mark.parametrize("steps", ["binomial", "uniform"])
def test_law_of_the_sum_is_the_plain_convolution(steps):
    """The slow reference: each date's step spread over its weight, then convolved whole."""
    option = ArithmeticAsian(
        spot=100.0, strike=100.0, normal_vol=20.0, expiry=1.0, dates=7, qubits=3, steps=steps
    )
    law = np.ones(1)
    for weight in range(1, option.dates + 1):
        spread = np.zeros(7 * weight + 1)
        spread[::weight] = option.step_probabilities
        law = np.convolve(law, spread)
    np.testing.assert_allclose(option.sum_law(), law, rtol=1e-12, atol=1e-18)


def test_the_largest_option_has_its_law():
    """Half a million sums; a convolution with every sum would take 4e9 products a date."""
    option = ArithmeticAsian(
        spot=100.0, strike=101.0, normal_vol=20.0, expiry=1.0, dates=64, qubits=8
    )
    law = option.sum_law()
    assert law.size == option.largest_sum + 1 == 530_401
    assert law.sum() == pytest.approx(1.0, abs=1e-12)
    assert option.price_on_grid() == pytest.approx(option.closed_form(), rel=1e-3)


def test_the_grid_nears_the_closed_form():
    errors = []
    for qubits in (1, 3, 5, 7):
        option = asian(6, qubits, rate=0.03)
        errors.append(abs(option.price_on_grid() / option.closed_form() - 1.0))
    assert errors[0] < 0.1
    assert errors[-1] < 1e-3
    assert errors[-1] < errors[1]


def test_closed_form_of_one_date_is_bacheliers():
    at_the_money = asian(1, 1, strike=100.0)
    assert at_the_money.closed_form() == pytest.approx(20.0 / math.sqrt(2.0 * math.pi))


def test_powers_follow_the_sine_law():
    problem = asian(2, 1, strike=95.0).amplitude_problem()
    amplitude = problem.probabilities @ problem.flags
    circuit = QuantumCircuit(problem.num_qubits + 1)
    circuit.compose(problem.circuit, range(problem.num_qubits), inplace=True)
    for power in range(4):
        hit = Statevector(circuit).probabilities([problem.flag])[1]
        assert hit == pytest.approx(hit_probability(amplitude, power), abs=1e-10)
        circuit.compose(grover_operator(problem), inplace=True)


def test_an_estimator_finds_the_price_within_its_bias():
    option = asian(3, 2)
    problem = option.amplitude_problem()
    oracle = Ideal().oracle(problem, rng=np.random.default_rng(5))
    goal = problem.amplitude_goal(Goal(tolerance=2.0, confidence=0.999), 0.0)
    estimate = run_estimator(Sampling(), oracle, goal, rng=5)
    found = estimate.interval.mapped(problem.offset, problem.scale)
    bias = problem.bias_bound
    assert found.low - bias <= option.price_on_grid() <= found.high + bias


@pytest.mark.parametrize("qubits", [1, 2, 3])
def test_size_grows_as_the_dates(qubits):
    for dates in (2, 3, 4, 8):
        problem = asian(dates, qubits, strike=100.0).amplitude_problem()
        size = summary(problem)
        # bits of the integer sum of prices, the widest register
        bits = bits_of_the_sum(dates, qubits)
        assert bits <= qubits + 2 * math.log2(dates + 1)
        assert size.qubits <= (dates + 1) * bits + 1
        # two passes of additions, there and back, at most 10 CX a bit, and the rotation's
        assert size.two_qubit_gates <= 40 * dates * bits
        if dates * qubits >= 9:
            assert size.two_qubit_gates < 2 ** (dates * qubits)


def test_larger_problems_carry_no_table():
    problem = asian(7, 2).amplitude_problem()
    assert problem.probabilities is None
    assert problem.flags is None
    assert problem.bias_bound < 1.0
    with pytest.raises(TooLarge, match=r"2\*\*128 cells.*amplitude_problem\(\).*amplitude="):
        asian(64, 2).table()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rate": -1e5}, "rate=-100000.0: must be at least -700"),
        ({"spot": 1e308, "strike": -1e308}, "normal_vol"),
        ({"spot": 1e200, "strike": -1e200, "normal_vol": 1e-308}, "normal_vol"),
        ({"normal_vol": 1e308, "expiry": 1e308}, "normal_vol"),
        ({"normal_vol": 5e-324, "expiry": 1e-9, "strike": 100.0}, "normal_vol"),
        ({"strike": -1e300, "rate": -600.0}, "strike"),
        ({"strike": -1e308, "spot": -1e308, "normal_vol": 1e307, "rate": -9.0}, "strike"),
    ],
)
def test_numbers_that_no_float_holds_are_refused(changes, named):
    with pytest.raises(InvalidProblem, match=named):
        asian(**changes)


def test_a_strike_far_below_is_worth_the_forward():
    option = asian(strike=-1e200)
    assert option.closed_form() == pytest.approx(1e200)
    assert option.price_on_grid() == pytest.approx(1e200)


def test_refusals():
    for name, values in {
        "spot": (math.nan, "100"),
        "strike": (math.inf,),
        "normal_vol": (0.0, -1.0),
        "expiry": (0.0, math.nan),
        "rate": (math.inf,),
        "dates": (0, 65, 2.0, True),
        "qubits": (0, 9, 1.5),
        "steps": ("gaussian", 3),
        "scaling": (0.0, 2.0),
        "degree": (2, 0),
    }.items():
        for value in values:
            with pytest.raises(InvalidProblem, match=name):
                asian(**{name: value})
    with pytest.raises(InvalidProblem, match="highest average"):
        asian(strike=500.0)
    circuit = QuantumCircuit(8)
    with pytest.raises(InvalidProblem, match="addend"):
        append_add(circuit, range(3), range(3, 5), (5,))
    with pytest.raises(InvalidProblem, match="ancillas"):
        append_add(circuit, range(1), range(1, 5), (5,))


def test_a_walk_that_no_state_holds_is_priced_by_its_known_amplitude():
    option = ArithmeticAsian(
        spot=100.0, strike=101.0, normal_vol=20.0, expiry=1.0, dates=16, qubits=4
    )
    problem = option.amplitude_problem()
    assert problem.num_qubits > 100
    oracle = Ideal().oracle(problem, rng=1)
    found = run_estimator(Iterative(), oracle, Goal(tolerance=1e-3))
    price = option.price_on_grid()
    assert abs(problem.value(found.value) - price) <= problem.bias_bound + problem.scale * 1e-3
    small = ArithmeticAsian(
        spot=100.0, strike=101.0, normal_vol=20.0, expiry=1.0, dates=2, qubits=2
    )
    table = small.amplitude_problem()
    assert table.amplitude == pytest.approx(float(table.probabilities @ table.flags), abs=1e-12)
