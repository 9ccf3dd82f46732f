"""`ArithmeticAsian`: an Asian call by adders, a comparison and a rotation; no table of payoffs."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qmc import checks
from qmc.circuits.adders import adder_ancillas, append_add
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.circuits.linearisation import (
    Linearisation,
    check_degree,
    check_scaling,
    default_scaling,
)
from qmc.circuits.loaders import load
from qmc.circuits.pieces import (
    Piece,
    append_piecewise_rotation,
    piece_values,
    rotation_ancillas,
)
from qmc.grids.cell_table import CellTable, require_table_memory
from qmc.problem import Array

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

_MOST_DATES = 64
_MOST_QUBITS = 8
# up to here a problem carries its cells too, for backends that sample without a circuit
_TABLE_QUBITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ArithmeticAsian:
    """A call on the average of an arithmetic random walk, computed by a circuit.

    The price is Bachelier's (doi:10.24033/asens.476), not log-normal: on `dates` equally spaced
    dates up to `expiry` it moves by independent steps with mean 0 and standard deviation
    normal_vol * sqrt(expiry / dates), so it is a forward price and may become negative. Each step
    is an integer j of `qubits` qubits,

        S_t = spot + unit * sum_{s <= t} (j_s - middle),     middle = (2**qubits - 1) / 2,

    and the payoff is exp(-rate * expiry) * (mean of S_1 ... S_dates - strike)+. A loads the steps
    (each register by itself), adds each date's price to the next date's step in place, adds the
    running sums in place again, so that the last register holds the integer sum of all prices,
    compares it with the strike and rotates the flag linearly in the excess; then the additions run
    backwards and all ancillas return to 0. Qubits and gates grow as
    dates * (qubits + 2 log2(dates)).

    No advantage follows: the law of the sum is found classically by `dates` convolutions, as
    `price_on_grid` does, and Bachelier's price in closed form, as `closed_form` does. What this
    shows is the circuit that a path payoff costs where no table is written down.

    Attributes:
        spot, strike: money, finite.
        normal_vol: standard deviation of the price in money per square root of a year, > 0.
        expiry: years, > 0.
        rate: continuous, per annum, discounts the payment.
        dates: 1 to 64.
        qubits: of one date's step, 1 to 8.
        steps: "binomial" (j is the number of heads of 2**qubits - 1 fair coins, near a Gaussian)
            or "uniform" (one Hadamard a qubit).
        scaling, degree: of the linearised payoff, as in `PiecewiseRotation`.

    Raises:
        InvalidProblem: for fields out of range, and for a strike that no path of the grid reaches.

    >>> option = ArithmeticAsian(
    ...     spot=100.0, strike=101.0, normal_vol=20.0, expiry=1.0, dates=3, qubits=2
    ... )
    >>> round(option.price_on_grid(), 4), round(option.closed_form(), 4)
    (5.3418, 5.2593)
    >>> option.amplitude_problem().num_qubits
    15
    """

    spot: float
    strike: float
    normal_vol: float
    expiry: float
    rate: float = 0.0
    dates: int = 2
    qubits: int = 2
    steps: str = "binomial"
    scaling: float | None = None
    degree: int = 1

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        for name in ("spot", "strike", "rate"):
            object.__setattr__(self, name, checks.finite(name, getattr(self, name)))
        for name in ("normal_vol", "expiry"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name)))
        checks.whole("dates", self.dates, 1, _MOST_DATES)
        checks.whole("qubits", self.qubits, 1, _MOST_QUBITS, "1 to 3 are customary")
        checks.choice("steps", self.steps, ("binomial", "uniform"))
        object.__setattr__(self, "degree", check_degree(self.degree))
        if self.scaling is not None:
            object.__setattr__(self, "scaling", check_scaling(self.scaling, self.degree))
        if self._threshold >= self.largest_sum:
            highest = self.spot + self.unit * (self.dates + 1) * self._largest_step / 4.0
            allowed = f"below {highest:.6g}, the highest average of this grid"
            raise checks.refuse("strike", self.strike, allowed, "take more qubits or dates")

    @property
    def unit(self) -> float:
        """Money of one unit of a step."""
        most = self._largest_step
        variance = most / 4.0 if self.steps == "binomial" else most * (most + 2) / 12.0
        return self.normal_vol * math.sqrt(self.expiry / self.dates / variance)

    @property
    def largest_sum(self) -> int:
        """The largest integer that the sum of prices can reach."""
        return self._largest_step * self.dates * (self.dates + 1) // 2

    @property
    def step_probabilities(self) -> Array:
        """Law of one date's integer step, (2**qubits,)."""
        most = self._largest_step
        if self.steps == "uniform":
            return np.full(most + 1, 1.0 / (most + 1))
        return np.array([math.comb(most, j) / 2**most for j in range(most + 1)])

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Discounted payoff as lines in the integer sum: 0 up to the strike, then rising."""
        slope = math.exp(-self.rate * self.expiry) * self.unit / self.dates
        start = max(0, math.floor(self._threshold) + 1)
        rising = Piece(start, -slope * self._threshold, slope)
        return (rising,) if start == 0 else (Piece(0, 0.0, 0.0), rising)

    @property
    def _largest_step(self) -> int:
        return int(2**self.qubits - 1)

    @property
    def _threshold(self) -> float:
        """The integer sum, as a real number, at which the average is the strike."""
        middle = self._largest_step * self.dates * (self.dates + 1) / 4.0
        return middle + self.dates * (self.strike - self.spot) / self.unit

    @property
    def _line(self) -> Linearisation:
        scaling = default_scaling(self.degree) if self.scaling is None else self.scaling
        payoffs = piece_values(self.pieces, self.largest_sum + 1)
        return Linearisation.of(payoffs, scaling, self.degree)

    def sum_law(self) -> Array:
        """Law of the integer sum of prices, (largest_sum + 1,), by one convolution a date."""
        law = np.ones(1)
        for weight in range(1, self.dates + 1):
            spread = np.zeros(weight * self._largest_step + 1)
            spread[::weight] = self.step_probabilities
            law = np.convolve(law, spread)
        return law

    def price_on_grid(self) -> float:
        """The exact price of the discretised walk, what the circuit is asked for."""
        return math.fsum(self.sum_law() * piece_values(self.pieces, self.largest_sum + 1))

    def closed_form(self) -> float:
        """The price with Gaussian steps: the average is normal, with the grid's mean and variance.

        Its variance is normal_vol**2 expiry (dates + 1) (2 dates + 1) / (6 dates**2).
        """
        dates = self.dates
        share = (dates + 1) * (2 * dates + 1) / (6.0 * dates**2)
        deviation = self.normal_vol * math.sqrt(self.expiry * share)
        distance = (self.spot - self.strike) / deviation
        density = math.exp(-0.5 * distance**2) / math.sqrt(2.0 * math.pi)
        below = 0.5 * math.erfc(-distance / math.sqrt(2.0))
        return math.exp(-self.rate * self.expiry) * deviation * (density + distance * below)

    def table(self) -> CellTable:
        """The same numbers as a table of 2**(dates * qubits) cells, by the same integer arithmetic.

        Raises:
            TooLarge: before allocating, when the cells do not fit the machine.
        """
        count = self.dates * self.qubits
        require_table_memory(count)
        return CellTable(
            registers=(self.qubits,) * self.dates,
            marginals=(self.step_probabilities,) * self.dates,
            values=piece_values(self.pieces, self.largest_sum + 1)[self._cell_sums()],
            bias="unknown",
            bias_bound=math.inf,
        )

    def _cell_sums(self) -> np.ndarray:
        """The integer sum of prices of each cell."""
        cells = np.arange(2 ** (self.dates * self.qubits))
        price, total = np.zeros_like(cells), np.zeros_like(cells)
        for date in range(self.dates):
            price += cells >> self.qubits * date & self._largest_step
            total += price
        return total

    def amplitude_problem(self) -> AmplitudeProblem:
        """A, its flag, and the map from the flag's probability to the price.

        `bias_bound` is the exact bias of the linearised payoff on this grid, from `sum_law`. Up to
        12 step qubits the cells' probabilities and flags are given too.
        """
        line, layout = self._line, _layout(self)
        payoffs = piece_values(self.pieces, self.largest_sum + 1)
        flags = line.flags(line.standing(payoffs))
        count = self.dates * self.qubits
        small = count <= _TABLE_QUBITS
        return AmplitudeProblem(
            registers=(self.qubits,) * self.dates,
            flag=layout.flag,
            num_qubits=layout.num_qubits,
            offset=line.offset,
            scale=line.scale,
            build=functools.partial(_build, self, line),
            probabilities=self.table().probabilities if small else None,
            flags=flags[self._cell_sums()] if small else None,
            bias_bound=line.exact_bias(self.sum_law(), flags, payoffs),
            amplitude=min(max(math.fsum(self.sum_law() * flags), 0.0), 1.0),
        )


class _Layout(NamedTuple):
    """Which qubits hold what; the steps come first, date by date."""

    registers: tuple[tuple[int, ...], ...]
    widths: tuple[tuple[int, int], ...]
    flag: int
    ancillas: range
    num_qubits: int


def _layout(option: ArithmeticAsian) -> _Layout:
    """Widen each date's step to its price and to its running sum of prices, then ancillas."""
    dates, most = range(1, option.dates + 1), 2**option.qubits - 1
    widths = [((most * t).bit_length(), (most * t * (t + 1) // 2).bit_length()) for t in dates]
    flag = option.dates * option.qubits
    free, registers = flag + 1, []
    for date, (_, wide) in enumerate(widths):
        first, extra = date * option.qubits, wide - option.qubits
        registers.append((*range(first, first + option.qubits), *range(free, free + extra)))
        free += extra
    needed = rotation_ancillas(widths[-1][1], option.pieces)
    for date in range(1, option.dates):
        for kind in (0, 1):
            before, after = widths[date - 1][kind], widths[date][kind]
            needed = max(needed, adder_ancillas(before, after))
    ancillas = range(free, free + needed)
    return _Layout(tuple(registers), tuple(widths), flag, ancillas, free + needed)


def _build(option: ArithmeticAsian, line: Linearisation) -> QuantumCircuit:
    from qiskit.circuit import QuantumCircuit

    layout = _layout(option)
    circuit = QuantumCircuit(layout.num_qubits, name="A")
    sums = circuit.copy_empty_like()
    for register in layout.registers:
        load(circuit, register[: option.qubits], option.step_probabilities)
    # first the prices, then the running sums of prices, each date from the one before
    for kind in (0, 1):
        for date in range(1, option.dates):
            before, after = (
                layout.registers[each][: layout.widths[each][kind]] for each in (date - 1, date)
            )
            append_add(sums, before, after, layout.ancillas)
    circuit.compose(sums, inplace=True)
    append_piecewise_rotation(
        circuit, layout.registers[-1], option.pieces, line, layout.flag, layout.ancillas
    )
    # every gate of an addition is its own inverse
    circuit.compose(sums.reverse_ops(), inplace=True)
    return circuit
