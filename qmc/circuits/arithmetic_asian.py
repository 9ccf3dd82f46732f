"""`ArithmeticAsian`: an Asian call by adders, a comparison and a rotation; no table of payoffs."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from qmc import checks, memory
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.circuits.asian_circuit import asian_circuit, layout
from qmc.circuits.linearisation import (
    Linearisation,
    check_degree,
    check_scaling,
    default_scaling,
)
from qmc.circuits.pieces import Piece, piece_values
from qmc.grids.cell_table import CellTable
from qmc.problem import Array

_MOST_DATES = 64
_MOST_QUBITS = 8
# up to here a problem carries its cells too, for backends that sample without a circuit
_TABLE_QUBITS = 12
# numbers of 8 bytes that live at once for each cell while a table is made
_NUMBERS_A_CELL = 12
# the exponential of more is no float
_MOST_EXPONENT = 700.0


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
    shows is the circuit that a path payoff costs where no table is written down. `qmc.estimate`
    takes `amplitude_problem()` to the price, with the circuit's bias in the interval.

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
        TooLarge: from `table`, never from `amplitude_problem`.

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
        self._check_size()
        if self._threshold >= self.largest_sum:
            highest = self.spot + self.unit * (self.dates + 1) * self._largest_step / 4.0
            allowed = f"below {highest:.6g}, the highest average of this grid"
            raise checks.refuse("strike", self.strike, allowed, "take more qubits or dates")

    def _check_size(self) -> None:
        """Refuse fields whose steps or payoffs no float holds."""
        if -self.rate * self.expiry > _MOST_EXPONENT:
            allowed = f"at least {-_MOST_EXPONENT / self.expiry:.6g} at this expiry"
            raise checks.refuse("rate", self.rate, allowed, "0.05 is five per cent a year")
        most = abs(self.spot) + abs(self.strike) + self.unit * self.largest_sum
        if self.unit == 0.0 or not math.isfinite(most / self.unit):
            allowed = "so large that spot and strike can be counted in steps, and no larger"
            hint = f"one step is {self.unit:.6g}: take it within some powers of ten of their gap"
            raise checks.refuse("normal_vol", self.normal_vol, allowed, hint)
        if not math.isfinite(most * self.largest_sum * math.exp(-self.rate * self.expiry)):
            allowed = "such that payoffs are finite numbers"
            raise checks.refuse("strike", self.strike, allowed, "take another unit of money")

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
        """Law of the integer sum of prices, (largest_sum + 1,), by one convolution a date.

        A step that counts for `weight` dates moves the sum by multiples of the weight: each class
        of sums that differ by such is spread by itself, by as many terms as a step has values.
        """
        law, steps = np.ones(1), self.step_probabilities
        for weight in range(1, self.dates + 1):
            spread = np.zeros(law.size + weight * self._largest_step)
            for start in range(min(weight, law.size)):
                spread[start::weight][: law[start::weight].size + steps.size - 1] = np.convolve(
                    law[start::weight], steps
                )
            law = spread
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
        density = math.exp(-0.5 * distance * distance) / math.sqrt(2.0 * math.pi)
        below = 0.5 * math.erfc(-distance / math.sqrt(2.0))
        return math.exp(-self.rate * self.expiry) * deviation * (density + distance * below)

    def table(self) -> CellTable:
        """The same numbers as a table of 2**(dates * qubits) cells, by the same integer arithmetic.

        Raises:
            TooLarge: before allocating, when the cells do not fit the machine. No table is needed
                then: `amplitude_problem()` states its exact `amplitude`, which `Ideal` samples.
        """
        count = self.dates * self.qubits
        memory.require(
            _NUMBERS_A_CELL * 8.0 * 2.0**count,
            f"a table of 2**{count} cells (dates={self.dates} times qubits={self.qubits})",
            "take fewer dates or qubits, or no table: amplitude_problem() has the circuit and its "
            "exact amplitude=, which Ideal() samples, and price_on_grid() is the grid's price",
        )
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

        `bias_bound` is the exact bias of the linearised payoff on this grid, and `amplitude` the
        flag's exact probability, both from `sum_law`: whatever the number of qubits, `Ideal` can
        sample it. Up to 12 step qubits the cells' probabilities and flags are given too.
        """
        line, law, places = self._line, self.sum_law(), layout(self)
        payoffs = piece_values(self.pieces, self.largest_sum + 1)
        flags = line.flags(line.standing(payoffs))
        count = self.dates * self.qubits
        small = count <= _TABLE_QUBITS
        return AmplitudeProblem(
            registers=(self.qubits,) * self.dates,
            flag=places.flag,
            num_qubits=places.num_qubits,
            offset=line.offset,
            scale=line.scale,
            build=functools.partial(asian_circuit, self, line),
            probabilities=self.table().probabilities if small else None,
            flags=flags[self._cell_sums()] if small else None,
            bias_bound=line.exact_bias(law, flags, payoffs),
            amplitude=min(max(math.fsum(law * flags), 0.0), 1.0),
        )
