"""Pictures of circuits draw what they say, into the axes they are given."""

import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from qmc import BlackScholes, Call, LawGrid, Price, Problem, Quantum
from qmc.backends import Calibration
from qmc.circuits import ArithmeticAsian, MultiplexedRotation
from qmc.errors import InvalidProblem, Unsupported
from qmc.measures import Mean
from qmc.plots import plot_amplitudes, plot_circuit, plot_decay, plot_loaded_law, plot_rotation
from qmc.result import Interval
from qmc.rounds import hit_probability

CALL = Problem(
    BlackScholes(spot=100.0, vol=0.2, rate=0.05), Call(strike=105.0, expiry=1.0), Price()
)
ENGINE = Quantum(grid=LawGrid(qubits=3))
TABLE, ENCODED = ENGINE.discrete_problem(CALL), ENGINE.amplitude_problem(CALL)


@pytest.fixture
def ax():
    return Figure().add_subplot()


def labels(axes):
    return axes.get_legend_handles_labels()[1]


def test_a_circuit_is_drawn_with_its_size(ax):
    assert plot_circuit(ENCODED, ax=ax) is ax
    assert ax.get_title() == f"A: 4 qubits, {ENCODED.circuit.size()} instructions"
    assert plot_circuit(ENCODED.circuit, ax=ax) is ax
    large = Quantum(grid=LawGrid(qubits=8)).amplitude_problem(CALL)
    with pytest.raises(Unsupported, match="cannot be read"):
        plot_circuit(large)


def test_a_loaded_law_stands_on_the_wanted_one(ax):
    plot_loaded_law(TABLE, ENCODED, ax=ax)
    assert [bar.get_height() for bar in ax.patches] == TABLE.probabilities.tolist()
    assert ax.lines[0].get_ydata() == pytest.approx(ENCODED.probabilities)
    assert ax.get_title().startswith("3 qubits, total variation")
    assert labels(plot_loaded_law(TABLE)) == ["wanted"]


def test_amplitudes_have_their_mean(ax):
    plot_amplitudes(ENCODED, ax=ax)
    assert [bar.get_height() for bar in ax.patches] == ENCODED.flags.tolist()
    mean = float(ENCODED.probabilities @ ENCODED.flags)
    assert ax.lines[0].get_ydata()[0] == mean
    assert MultiplexedRotation().encode(TABLE, Mean()).value(mean) == pytest.approx(TABLE.mean())


def test_the_rotation_ends_at_odd_multiples_of_theta(ax):
    plot_rotation(0.3, (0, 2), ax=ax)
    ends = [line.get_xydata()[0] for line in ax.lines if line.get_marker() == "o"]
    theta = math.asin(math.sqrt(0.3))
    assert ends[0] == pytest.approx([math.cos(theta), math.sin(theta)])
    assert ends[1] == pytest.approx([math.cos(5 * theta), math.sin(5 * theta)])
    assert labels(ax)[0] == "k = 0: P(flag = 1) = 0.300"
    with pytest.raises(InvalidProblem, match="amplitude"):
        plot_rotation(1.2)
    with pytest.raises(InvalidProblem, match="powers"):
        plot_rotation(0.2, (-1,))


def test_a_calibration_is_drawn_by_itself(ax):
    """Hits of the law itself lie on the curve; powers near 1/2 are left out."""
    amplitude, decay, contrast, shots = 0.3, 0.1, 0.9, 100_000
    powers = tuple(range(8))
    chances = [
        0.5 + contrast * math.exp(-decay * k) * (hit_probability(amplitude, k) - 0.5)
        for k in powers
    ]
    found = Calibration(
        decay=decay, interval=Interval(0.09, 0.11, 0.95), contrast=contrast,
        contrast_interval=Interval(0.88, 0.92, 0.95), amplitude=amplitude, fit=0.5,
        powers=powers, shots=shots, hits=tuple(round(shots * p) for p in chances),
    )  # fmt: skip
    plot_decay(found, ax=ax)
    points = next(line for line in ax.lines if line.get_marker() == "o")
    at = np.array(points.get_xdata(), dtype=np.float64)
    assert 3 <= at.size < 8
    np.testing.assert_allclose(points.get_ydata(), contrast * np.exp(-decay * at), atol=1e-4)
    assert f"{contrast:.3g} exp(-{decay:.3g} k)" in labels(ax)
    with pytest.raises(InvalidProblem, match="beside a Calibration"):
        plot_decay(found, powers)
    with pytest.raises(InvalidProblem, match=r"plot_decay\(calibration\)"):
        plot_decay(decay)
    blind = replace(found, amplitude=0.5)
    with pytest.raises(InvalidProblem, match="clear fringe"):
        plot_decay(blind)


def test_arithmetic_circuits_are_drawn_as_far_as_they_have_cells(ax):
    def option(dates):
        return ArithmeticAsian(
            spot=100.0, strike=101.0, normal_vol=20.0, expiry=1.0, dates=dates, qubits=2
        ).amplitude_problem()

    small, large = option(2), option(7)
    plot_amplitudes(small, ax=ax)
    assert len(ax.patches) == 16
    told = f"no table of cells, its amplitude is {large.amplitude:.6g}: .* at most 12 step qubits"
    with pytest.raises(Unsupported, match=told):
        plot_amplitudes(large)


def test_decay_is_drawn_through_its_points(ax):
    powers = [0, 4, 8]
    plot_decay(0.05, powers, np.exp(-0.05 * np.array(powers)), [0.01] * 3, ax=ax)
    curve = next(line for line in ax.lines if len(line.get_xdata()) == 200)
    assert curve.get_ydata()[-1] == pytest.approx(math.exp(-0.4))
    with pytest.raises(InvalidProblem, match="powers"):
        plot_decay(0.05, [1], [1.0, 0.9])
